//! `POST /api/v1/risk/events/ip` (okta.md 4).

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use utoipa::ToSchema;
use watchfire_app::{App, intake::risk_events::RiskCall};

use crate::{
    body::RawJson,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    rate::RateReport,
};

/// One risk event; a call has up to 20.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used; the domain reads the body")]
pub(super) struct RiskEvent {
    /// When the provider saw it; any age is taken.
    #[schema(format = DateTime)]
    timestamp: Option<String>,
    /// From then on it does not count; 24 hours after receipt when absent.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Up to 50.
    #[schema(min_items = 1, max_items = 50)]
    subjects: Vec<RiskSubject>,
}

/// What is said of one address.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used; the domain reads the body")]
pub(super) struct RiskSubject {
    /// IPv4 or IPv6.
    ip: String,
    /// `LOW`, `MEDIUM` or `HIGH`.
    risk_level: String,
    /// Why.
    #[schema(max_length = 512, pattern = r"^[a-zA-Z0-9 .\-_]*$")]
    message: Option<String>,
}

/// Send multiple risk events
#[utoipa::path(post, path = "/api/v1/risk/events/ip", tag = "RiskEvent", request_body = Vec<RiskEvent>,
    params(("Idempotency-Key" = Option<String>, Header)),
    security(("apiToken" = []), ("oauth2" = ["okta.riskEvents.manage"])),
    responses((status = 202), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 429, body = ErrorObject)))]
pub(super) async fn send(
    State(app): State<App>,
    caller: Caller,
    rate: RateReport,
    headers: HeaderMap,
    body: Result<RawJson, OktaError>,
) -> Result<StatusCode, OktaError> {
    let provider = app.risk_provider_of(&caller.principal)?;
    // Counted before the body is looked at: refused calls count too (okta.md 4.2).
    let window = app.count_risk_call(&provider).await;
    app.note_rate_limit(window.as_ref(), "risk events", &caller.principal, &caller.origin);
    rate.admit(window)?;
    let RawJson { parsed, text } = body?;
    let idempotency_key = headers
        .get("idempotency-key")
        .map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
    let call = RiskCall {
        parsed,
        body: text,
        idempotency_key,
    };
    app.accept_risk_events(&caller.principal, &provider, caller.origin, call)
        .await?;
    Ok(StatusCode::ACCEPTED)
}
