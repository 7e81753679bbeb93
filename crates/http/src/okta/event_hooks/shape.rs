//! The event hook on the wire (okta.md 10.4).

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use watchfire_app::{Error, response::event_hooks::EventHookRequest};
use watchfire_model::{
    object::{EventHook, Status},
    time::Timestamp,
};

use crate::{
    links::{Link, Links},
    okta::members::{Faults, Members},
};

const MAX_CHARS: usize = 2_048;

/// An event hook. The credential's value is never in it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventHookObject {
    /// `who…`
    id: String,
    /// `ACTIVE` or `INACTIVE`.
    #[schema(value_type = String)]
    status: Status,
    /// `VERIFIED` or `UNVERIFIED`: only verified hooks are called.
    verification_status: &'static str,
    /// Name for people.
    name: String,
    /// Always null.
    description: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// Who made it.
    created_by: String,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
    /// What it is called for.
    #[schema(value_type = Object)]
    events: Value,
    /// Where and how it is called.
    #[schema(value_type = Object)]
    channel: Value,
    /// What may be done with it.
    #[serde(rename = "_links")]
    links: EventHookLinks,
}

/// The links of an event hook.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventHookLinks {
    /// Itself.
    #[serde(rename = "self")]
    this: Link,
    /// Where an active one is verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    verify: Option<Link>,
    /// Where an active one is switched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    deactivate: Option<Link>,
    /// Where an inactive one is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    activate: Option<Link>,
    /// Where an inactive one is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    delete: Option<Link>,
}

/// What an administrator says of an event hook.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct EventHookBody {
    /// Name for people.
    #[schema(max_length = 255)]
    name: String,
    /// `type` (`EVENT_TYPE`) and `items`. Filters are refused: a hook would be called for more than its
    /// filter says.
    #[schema(value_type = Object)]
    events: Value,
    /// `type` (`HTTP`), `version` (`1.0.0`) and `config`: `uri`, `headers`, `authScheme`, whose `value` is
    /// write-only.
    #[schema(value_type = Object)]
    channel: Value,
    /// Read by a replacement only: `ACTIVE` or `INACTIVE`.
    status: Option<String>,
}

/// Reads a body; the rules between members are the domain's.
pub(super) fn parse(body: &Value) -> Result<EventHookRequest, Error> {
    let members = Members::of(body)?;
    let mut faults = Faults::default();
    let name = members.required_text("name", MAX_CHARS, &mut faults);
    let status = [("ACTIVE", Status::Active), ("INACTIVE", Status::Inactive)];
    let status = members.choice("status", &status, &mut faults);
    let events = members.child("events", &mut faults);
    only(&events, "type", "EVENT_TYPE", &mut faults);
    events.require("items", &mut faults);
    let items = events.texts("items", &mut faults);
    refuse_filter(&events, &mut faults);
    let channel = members.child("channel", &mut faults);
    only(&channel, "type", "HTTP", &mut faults);
    only(&channel, "version", "1.0.0", &mut faults);
    let config = channel.child("config", &mut faults);
    let uri = config.required_text("uri", MAX_CHARS, &mut faults);
    only(&config, "method", "POST", &mut faults);
    let headers = headers(&config, &mut faults);
    let auth = config.child("authScheme", &mut faults);
    only(&auth, "type", "HEADER", &mut faults);
    let auth_value = auth.text("value", 2 * MAX_CHARS, &mut faults);
    let auth_header = auth.text("key", MAX_CHARS, &mut faults).filter(|key| !key.is_empty());
    if auth_value.is_some() && auth_header.is_none() {
        auth.require("key", &mut faults);
    }
    faults.or(EventHookRequest {
        name,
        events: items,
        uri,
        headers,
        auth_header,
        auth_value: auth_value.filter(|value| !value.is_empty()).map(Into::into),
        status,
    })
}

/// A member that has one value, where it is there.
fn only(members: &Members<'_>, name: &str, value: &str, faults: &mut Faults) {
    if members.text(name, MAX_CHARS, faults).is_some_and(|text| text != value) {
        faults.add(members.path_of(name), format!("Only '{value}' is supported"));
    }
}

fn refuse_filter(events: &Members<'_>, faults: &mut Faults) {
    let filter = events.child("filter", faults);
    let conditions = filter.value("eventFilterMap").and_then(Value::as_array);
    if conditions.is_some_and(|conditions| !conditions.is_empty()) {
        faults.add("events.filter", "Filter expressions are not supported");
    }
}

fn headers(config: &Members<'_>, faults: &mut Faults) -> Vec<(String, String)> {
    const FIELD: &str = "channel.config.headers";
    let Some(value) = config.value("headers") else {
        return Vec::new();
    };
    let pair = |item: &Value| {
        let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        text("key").zip(text("value"))
    };
    let read: Option<Vec<_>> = value.as_array().and_then(|items| items.iter().map(pair).collect());
    read.unwrap_or_else(|| {
        faults.add(FIELD, "Invalid value");
        Vec::new()
    })
}

/// The hook as clients see it.
pub(super) fn render(hook: EventHook, links: &Links) -> EventHookObject {
    let own = links.to(&format!("/api/v1/eventHooks/{}", hook.id));
    let headers: Vec<Value> = hook
        .headers
        .iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect();
    let auth = hook.auth_header.as_ref().map(|key| json!({"type": "HEADER", "key": key}));
    let config = json!({"uri": hook.uri, "headers": headers, "method": "POST", "authScheme": auth});
    EventHookObject {
        status: hook.status,
        verification_status: if hook.verified { "VERIFIED" } else { "UNVERIFIED" },
        description: None,
        events: json!({"type": "EVENT_TYPE", "items": hook.events, "filter": hook.filter}),
        channel: json!({"type": "HTTP", "version": "1.0.0", "config": config}),
        links: EventHookLinks::new(&own, hook.status),
        id: hook.id.into(),
        name: hook.name,
        created: hook.created,
        created_by: hook.created_by,
        last_updated: hook.last_updated,
    }
}

impl EventHookLinks {
    fn new(own: &str, status: Status) -> Self {
        let active = status == Status::Active;
        let to = |there: bool, path: &str, method: &'static str| there.then(|| Link::new(format!("{own}{path}"), &[method]));
        Self {
            this: Link::new(own.to_owned(), &["GET", "PUT", "DELETE"]),
            verify: to(active, "/lifecycle/verify", "POST"),
            deactivate: to(active, "/lifecycle/deactivate", "POST"),
            activate: to(!active, "/lifecycle/activate", "POST"),
            delete: to(!active, "", "DELETE"),
        }
    }
}
