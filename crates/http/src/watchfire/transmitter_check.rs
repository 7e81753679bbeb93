//! `/watchfire/v1/security-events-providers/test`: a connection is tried before it is kept.

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use watchfire_app::{App, Error, intake::security_events_providers::ProviderSettings};

use super::provider_profiles::{KeyBody, RejectedKeyBody, texts};
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    okta::{
        members::{Faults, Members},
        security_events_providers::shape,
    },
};

/// What is to be tried.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct TransmitterCheckRequest {
    /// As of `POST /api/v1/security-events-providers`.
    #[schema(value_type = Object)]
    settings: Value,
    /// What it may sign with; what a new provider may, when absent.
    algorithms: Option<Vec<String>>,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TransmitterCheckBody {
    /// `iss` that its tokens must have.
    issuer: String,
    /// Where its keys are.
    jwks_url: String,
    /// Its metadata names another issuer than its address stands for: worth a look.
    issuer_differs: bool,
    /// Keys that its tokens can be verified with.
    keys: Vec<KeyBody>,
    /// The other keys of its set.
    rejected: Vec<RejectedKeyBody>,
}

/// Fetch a transmitter's metadata and keys; nothing is kept
#[utoipa::path(post, path = "/watchfire/v1/security-events-providers/test", tag = "Watchfire", request_body = TransmitterCheckRequest,
    security(("apiToken" = []), ("oauth2" = ["okta.securityEventsProviders.manage"])),
    responses((status = 200, body = TransmitterCheckBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
pub(super) async fn check(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Json<TransmitterCheckBody>, OktaError> {
    let (settings, algorithms) = read(&body)?;
    let found = app
        .check_transmitter(&caller.principal, settings, algorithms.as_deref())
        .await?;
    let keys = found.keys.into_iter().map(|key| KeyBody {
        kid: key.kid,
        thumbprint: key.thumbprint,
        algorithms: key.algorithms,
    });
    let rejected = found.rejected.into_iter().map(|key| RejectedKeyBody {
        kid: key.kid,
        reason: key.reason,
    });
    Ok(Json(TransmitterCheckBody {
        issuer: found.issuer,
        jwks_url: found.jwks_url,
        issuer_differs: found.issuer_differs,
        keys: keys.collect(),
        rejected: rejected.collect(),
    }))
}

type ToCheck = (ProviderSettings, Option<Vec<String>>);

fn read(body: &Map<String, Value>) -> Result<ToCheck, Error> {
    let (settings, algorithms) = (shape::settings(body)?, texts(body, "algorithms")?);
    let mut faults = Faults::default();
    let members = Members::of_object(body);
    members.known(&["settings", "algorithms"], &mut faults);
    let known = ["well_known_url", "issuer", "jwks_url"];
    members.child("settings", &mut faults).known(&known, &mut faults);
    faults.or((settings, algorithms))
}
