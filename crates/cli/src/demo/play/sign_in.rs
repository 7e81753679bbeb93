//! Signing in as the user, and finding out in the log how it went.

use std::time::Duration;

use anyhow::{Context as _, Result};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use watchfire_model::time::Timestamp;

use super::User;
use crate::api::{Api, escape, text};

/// A sign-in with user name and password.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt<'a> {
    user: &'a User,
}

impl<'a> Attempt<'a> {
    /// From where the user always is, on the device that the user always has.
    pub(super) const fn from_home(user: &'a User) -> Self {
        Self { user }
    }

    /// The client of a trusted login page: it shows its API token, and says for whom it speaks
    /// (okta.md 9.1: only then is a device token honoured).
    pub(super) fn client(&self, api: &Api) -> Result<Api> {
        let api = api.with_header("x-forwarded-for", &self.user.address)?;
        api.with_header(
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0",
        )
    }

    fn device(&self) -> String {
        self.user.id.chars().take(32).collect()
    }
}

/// What the server said to an attempt.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// The state, or the error code.
    pub(super) status: String,
    pub(super) json: Value,
}

/// Times that a call is repeated which came too soon after the last (four a second and user).
const PATIENCE: usize = 3;

/// Signs in.
pub(super) async fn sign_in(api: &Api, attempt: &Attempt<'_>) -> Result<Outcome> {
    let body = json!({
        "username": attempt.user.login,
        "password": attempt.user.password,
        "context": {"deviceToken": attempt.device()},
    });
    let client = attempt.client(api)?;
    let mut answer = client.send(Method::POST, "/api/v1/authn", Some(&body)).await?;
    for _ in 0..PATIENCE {
        if answer.status != StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        answer = client.send(Method::POST, "/api/v1/authn", Some(&body)).await?;
    }
    let member = if answer.status.is_success() { "status" } else { "errorCode" };
    let status = format!(
        "{}{}",
        if answer.status.is_success() { "" } else { "refused, " },
        text(&answer.json, member)
    );
    Ok(Outcome {
        status,
        json: answer.json,
    })
}

/// The newest event of a type, since an instant, by or about `id`.
pub(super) async fn newest_event(api: &Api, event_type: &str, id: &str, since: Timestamp) -> Result<Value> {
    let filter = format!("eventType eq \"{event_type}\" and (actor.id eq \"{id}\" or target.id eq \"{id}\")");
    let (filter, since) = (escape(&filter), escape(&since.to_string()));
    let path = format!("/api/v1/logs?filter={filter}&since={since}&sortOrder=DESCENDING&limit=1");
    let found = api.get(&path).await?;
    found
        .get(0)
        .cloned()
        .with_context(|| format!("the System Log has no {event_type} of {id}"))
}
