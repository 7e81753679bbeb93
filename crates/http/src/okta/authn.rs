//! `POST /api/v1/authn`: signing in (okta.md 9.1).

mod shape;

use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
};
use http::request::Parts;
use secrecy::SecretString;
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{
    App, Challenge, Error,
    access::Principal,
    identity::sign_in::{SignInAttempt, SignInSource},
};

use self::shape::{AuthnRequest, AuthnResponse, StateRequest, VerifyRequest};
use super::{
    factors::code,
    members::{Faults, Members},
};
use crate::{
    body::JsonBody,
    caller::{self, Caller},
    credentials::Credentials,
    error::{OktaError, okta::ErrorObject},
    links::Links,
    rate::RateReport,
    request::shared,
};

/// Characters of a device token at the most (okta.md 9.1).
const MAX_DEVICE_TOKEN: usize = 32;
/// Characters of a state token at the most.
const MAX_STATE_TOKEN: usize = 256;
/// Characters of a relay state at the most (okta.md 9.1).
const MAX_RELAY_STATE: usize = 2_048;
/// Characters of a fingerprint that are kept: it is only logged.
const MAX_FINGERPRINT: usize = 256;
/// Characters of a user name or a password at the most: they are hashed.
const MAX_CREDENTIAL: usize = 1_024;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(authenticate))
        .routes(routes!(verify))
        .routes(routes!(cancel))
        .routes(routes!(previous))
        .routes(routes!(skip))
}

/// Whoever signs in, or the application that does it for them.
#[derive(Clone, Debug)]
struct Visitor {
    application: Option<Principal>,
    origin: watchfire_model::log::RequestOrigin,
    ip: std::net::IpAddr,
    fingerprint: Option<String>,
}

impl Visitor {
    fn source(self) -> SignInSource {
        SignInSource {
            ip: self.ip,
            origin: self.origin,
            application: self.application,
        }
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = OktaError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, OktaError> {
        let context = shared(parts)?.context.clone();
        let fingerprint = parts.headers.get("x-device-fingerprint").map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            text.chars().take(MAX_FINGERPRINT).collect::<String>()
        });
        // A credential is optional, but one that is shown must be good.
        let caller = match Credentials::read(&parts.headers) {
            Credentials::Absent => None,
            _ => Some(Caller::from_request_parts(parts, app).await?),
        };
        let (application, origin) = match caller {
            Some(caller) => (Some(caller.principal), caller.origin),
            None => (None, caller::origin(app, &context, parts, None)),
        };
        Ok(Self {
            application,
            origin,
            ip: context.client_ip,
            fingerprint: fingerprint.filter(|text| !text.is_empty()),
        })
    }
}

/// Sign in with a password, or read where a sign-in stands
#[utoipa::path(post, path = "/api/v1/authn", tag = "Authentication", request_body = AuthnRequest, security((), ("apiToken" = [])),
    params(("X-Device-Fingerprint" = Option<String>, Header)),
    responses((status = 200, body = AuthnResponse), (status = 400, body = ErrorObject), (status = 401, body = ErrorObject),
        (status = 403, body = ErrorObject), (status = 429, body = ErrorObject)))]
async fn authenticate(
    State(app): State<App>,
    visitor: Visitor,
    rate: RateReport,
    links: Links,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<AuthnResponse>, OktaError> {
    let members = Members::of(&body)?;
    if members.value("stateToken").is_some() {
        let authn = app.sign_in_state(&state_token(&members)?).await?;
        return Ok(Json(AuthnResponse::new(authn, &links)));
    }
    if members.value("token").is_some() {
        // No activation or recovery token is ever given out.
        return Err(Error::Unauthenticated(Challenge::InvalidToken("The token is invalid.")).into());
    }
    let attempt = attempt(&members, visitor.fingerprint.clone())?;
    rate.admit(app.count_sign_in(&attempt.username).await)?;
    let authn = app.sign_in(attempt, visitor.source()).await?;
    Ok(Json(AuthnResponse::new(authn, &links)))
}

/// Verify a factor
#[utoipa::path(post, path = "/api/v1/authn/factors/{factorId}/verify", tag = "Authentication", params(("factorId" = String, Path)),
    request_body = VerifyRequest, security((), ("apiToken" = [])),
    responses((status = 200, body = AuthnResponse), (status = 400, body = ErrorObject), (status = 401, body = ErrorObject),
        (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn verify(
    State(app): State<App>,
    visitor: Visitor,
    links: Links,
    Path(factor): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<AuthnResponse>, OktaError> {
    let members = Members::of(&body)?;
    let (token, code) = (state_token(&members)?, code(&members)?);
    let authn = app.verify_factor(&token, &factor, &code, visitor.source()).await?;
    Ok(Json(AuthnResponse::new(authn, &links)))
}

/// Cancel a sign-in
#[utoipa::path(post, path = "/api/v1/authn/cancel", tag = "Authentication", request_body = StateRequest, security((), ("apiToken" = [])),
    responses((status = 200, body = Object), (status = 401, body = ErrorObject)))]
async fn cancel(State(app): State<App>, _: Visitor, JsonBody(body): JsonBody<Value>) -> Result<Json<Value>, OktaError> {
    let token = state_token(&Members::of(&body)?)?;
    let relay_state = app.cancel_sign_in(&token).await?;
    Ok(Json(relay_state.map_or_else(|| json!({}), |it| json!({"relayState": it}))))
}

/// Go back: not in the only state that a sign-in waits in
#[utoipa::path(post, path = "/api/v1/authn/previous", tag = "Authentication", request_body = StateRequest, security((), ("apiToken" = [])),
    responses((status = 200, body = AuthnResponse), (status = 401, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn previous(
    State(app): State<App>,
    _: Visitor,
    links: Links,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<AuthnResponse>, OktaError> {
    let token = state_token(&Members::of(&body)?)?;
    let authn = app.leave_factor(&token).await?;
    Ok(Json(AuthnResponse::new(authn, &links)))
}

/// Skip: not in the only state that a sign-in waits in
#[utoipa::path(post, path = "/api/v1/authn/skip", tag = "Authentication", request_body = StateRequest, security((), ("apiToken" = [])),
    responses((status = 200, body = AuthnResponse), (status = 401, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn skip(
    state: State<App>,
    visitor: Visitor,
    links: Links,
    body: JsonBody<Value>,
) -> Result<Json<AuthnResponse>, OktaError> {
    previous(state, visitor, links, body).await
}

fn state_token(members: &Members<'_>) -> Result<String, Error> {
    let mut faults = Faults::default();
    let token = members.required_text("stateToken", MAX_STATE_TOKEN, &mut faults);
    faults.or(token)
}

fn attempt(members: &Members<'_>, fingerprint: Option<String>) -> Result<SignInAttempt, Error> {
    let mut faults = Faults::default();
    let username = members.required_text("username", MAX_CREDENTIAL, &mut faults);
    let password = members.required_text("password", MAX_CREDENTIAL, &mut faults);
    let device_token = members
        .child("context", &mut faults)
        .text("deviceToken", MAX_DEVICE_TOKEN, &mut faults);
    let relay_state = members.text("relayState", MAX_RELAY_STATE, &mut faults);
    faults.or(SignInAttempt {
        username,
        password: SecretString::from(password),
        device_token: device_token.filter(|token| !token.is_empty()),
        fingerprint,
        relay_state,
    })
}
