//! Event hooks: deliveries and the challenge (okta.md 10.4).

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};
use watchfire_crypto::digest::{hex, sha256};
use watchfire_egress::{Purpose, Request};
use watchfire_model::{
    id::{ActionId, EventHookId},
    object::{Action, EventHook, Status},
};

use super::call::{Judge, NotCallable, Prepared};
use crate::{App, Error, Result, Vault, insight::log::listed_signals};

/// What the credentials are sealed for; they are bound to the hook's id.
pub(crate) const EVENT_HOOK_SECRET: &str = "event_hook_auth";
/// Time of a call.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Bytes of an answer that are looked at.
const MAX_ANSWER: usize = 16 * 1024;

impl App {
    pub(super) async fn hook_call(
        &self,
        action: &Action,
        id: &EventHookId,
        event: &str,
    ) -> Result<Result<Prepared, NotCallable>> {
        let directory = self.state.directory();
        let Some(hook) = directory.event_hooks().find(|it| it.id == *id) else {
            return Ok(Err(NotCallable("the event hook is gone")));
        };
        if hook.status != Status::Active || !hook.verified {
            return Ok(Err(NotCallable("the event hook is not active and verified")));
        }
        self.commands.wait_for_index().await;
        let Some(entry) = self.index.log_event(event, listed_signals).await? else {
            return Ok(Err(NotCallable("the event is no longer in the log")));
        };
        let mut request = request(hook, Method::POST, &self.vault)?;
        let json = HeaderValue::from_static("application/json");
        request.headers.insert(header::CONTENT_TYPE, json);
        request.body = body(action, &hook.id, entry.to_wire(), &self.settings.org_url)
            .to_string()
            .into();
        Ok(Ok(Prepared {
            purpose: Purpose::Hooks,
            request,
            judge: Judge::Hook,
        }))
    }
}

/// A request to the hook's endpoint with its headers and its credential.
fn request(hook: &EventHook, method: Method, vault: &Vault) -> Result<Request> {
    let mut request = Request::new(method, hook.uri.as_str());
    request.total = TIMEOUT;
    request.max_bytes = MAX_ANSWER;
    let headers = &mut request.headers;
    for (name, value) in &hook.headers {
        put(headers, name, value)?;
    }
    if let (Some(name), Some(sealed)) = (&hook.auth_header, &hook.sealed_auth_value) {
        let value = vault
            .open(EVENT_HOOK_SECRET, hook.id.as_str(), sealed)
            .map_err(Error::internal)?;
        let value = std::str::from_utf8(&value).map_err(Error::internal)?;
        put(headers, name, value)?.set_sensitive(true);
    }
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    Ok(request)
}

fn put<'h>(headers: &'h mut HeaderMap, name: &str, value: &str) -> Result<&'h mut HeaderValue> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(Error::internal)?;
    let value = HeaderValue::from_str(value).map_err(|_| Error::internal("a header of an event hook cannot be sent"))?;
    headers.insert(name.clone(), value);
    headers
        .get_mut(name)
        .ok_or_else(|| Error::internal("a header that was just put is there"))
}

/// Asks the endpoint to repeat a random text (okta.md 10.4). Whatever goes wrong is `false`: what the
/// endpoint has answered instead is nobody's business.
pub(in crate::response) async fn challenge(app: &App, hook: &EventHook, text: &str) -> Result<bool> {
    let mut request = request(hook, Method::GET, &app.vault)?;
    let value = HeaderValue::from_str(text).map_err(Error::internal)?;
    request
        .headers
        .insert(HeaderName::from_static("x-okta-verification-challenge"), value);
    let Ok(sent) = app.egress.send(Purpose::Hooks, request).await else {
        return Ok(false);
    };
    let answer: Value = serde_json::from_slice(&sent.body).unwrap_or_default();
    Ok(sent.status == 200 && !sent.truncated && answer.get("verification").and_then(Value::as_str) == Some(text))
}

/// The body: the same on every try, so that a receiver which has seen it knows it again.
fn body(action: &Action, hook: &EventHookId, event: Value, org_url: &str) -> Value {
    json!({
        "eventType": "com.okta.event_hook",
        "eventTypeVersion": "1.0",
        "cloudEventsVersion": "0.1",
        "source": format!("{org_url}/api/v1/eventHooks/{hook}"),
        "eventId": event_id(&action.id),
        "data": {"events": [delivered(event, action)]},
        "eventTime": action.created,
        "contentType": "application/json",
    })
}

/// The event as hooks get it: with the time of its storing, and the chain of addresses once more in
/// `client`.
fn delivered(mut event: Value, action: &Action) -> Value {
    let chain = event.pointer("/request/ipChain").cloned();
    if let Some(members) = event.as_object_mut() {
        members.insert("insertionTimestamp".to_owned(), json!(action.created));
    }
    if let (Some(chain), Some(client)) = (chain, event.get_mut("client").and_then(Value::as_object_mut)) {
        client.insert("ipChain".to_owned(), chain);
    }
    event
}

/// The action's id in the form of a UUID (RFC 9562 version 8), which is what receivers expect.
fn event_id(action: &ActionId) -> String {
    let mut bytes = sha256(action.as_str());
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = (*version & 0x0f) | 0x80;
    *variant = (*variant & 0x3f) | 0x80;
    let hex = hex(bytes);
    let cuts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    let parts: Vec<&str> = cuts.iter().filter_map(|&(from, to)| hex.get(from..to)).collect();
    parts.join("-")
}
