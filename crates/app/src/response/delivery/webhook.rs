//! Webhooks, signed by the scheme of Standard Webhooks 1.0.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};
use watchfire_crypto::webhook::WebhookSecret;
use watchfire_egress::{Purpose, Request};
use watchfire_model::{
    object::{Action, Status, Workflow},
    time::Timestamp,
};

use super::call::{Judge, NotCallable, Prepared};
use crate::{App, Error, Result, Vault};

/// What the secrets are sealed for; they are bound to the webhook's number.
pub(crate) const WORKFLOW_SECRET: &str = "workflow_secret";

/// One message to a webhook.
pub(in crate::response) struct Webhook<'a> {
    /// `webhook-id`: the same on every try.
    pub(in crate::response) id: &'a str,
    /// `type`
    pub(in crate::response) kind: &'a str,
    /// When it was decided: it stands in the body, which is the same on every try.
    pub(in crate::response) decided_at: Timestamp,
    /// `data`
    pub(in crate::response) data: &'a Value,
}

impl Webhook<'_> {
    /// The request, signed with the keys that the webhook has at `now`.
    ///
    /// # Errors
    /// When a key does not open.
    pub(in crate::response) fn request(&self, workflow: &Workflow, vault: &Vault, now: Timestamp) -> Result<Request> {
        let body = json!({"type": self.kind, "timestamp": self.decided_at, "data": self.data}).to_string();
        let id = workflow.id.to_string();
        let retiring = workflow.retiring_secret.as_ref().filter(|it| it.until > now);
        let keys = std::iter::once(&workflow.sealed_secret).chain(retiring.map(|it| &it.sealed));
        let mut signatures = Vec::with_capacity(2);
        for sealed in keys {
            let key = vault.open(WORKFLOW_SECRET, &id, sealed).map_err(Error::internal)?;
            let key = WebhookSecret::new(&key).map_err(Error::internal)?;
            signatures.push(key.sign(self.id, now.as_seconds(), body.as_bytes()));
        }
        let mut request = Request::new(Method::POST, workflow.url.as_str());
        let own = [
            ("webhook-id", self.id.to_owned()),
            ("webhook-timestamp", now.as_seconds().to_string()),
            ("webhook-signature", signatures.join(" ")),
        ];
        request.headers = own
            .into_iter()
            .map(|(name, value)| {
                Ok((
                    HeaderName::from_static(name),
                    HeaderValue::try_from(value).map_err(Error::internal)?,
                ))
            })
            .collect::<Result<HeaderMap>>()?;
        let json = HeaderValue::from_static("application/json");
        request.headers.insert(header::CONTENT_TYPE, json);
        request.body = body.into();
        Ok(request)
    }
}

impl App {
    pub(super) fn workflow_call(&self, action: &Action, id: u64, payload: &Value) -> Result<Result<Prepared, NotCallable>> {
        let directory = self.state.directory();
        let Some(workflow) = directory.workflows().find(|it| it.id == id) else {
            return Ok(Err(NotCallable("the workflow is gone")));
        };
        if workflow.status != Status::Active {
            return Ok(Err(NotCallable("the workflow is not active")));
        }
        let message = Webhook {
            id: action.id.as_str(),
            kind: "entity_risk.action",
            decided_at: action.created,
            data: payload,
        };
        let mut request = message.request(workflow, &self.vault, self.clock.now())?;
        request.total = self.settings.delivery.timeout;
        Ok(Ok(Prepared {
            purpose: Purpose::Hooks,
            request,
            judge: Judge::Backoff,
        }))
    }
}
