//! `/watchfire/v1/entities`: who is at risk now.

use axum::{extract::State, response::IntoResponse};
use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::{
    App, Error,
    insight::entities_at_risk::{AtRiskEntity, AtRiskQuery},
};
use watchfire_model::{object::CauseKind, signal::RiskLevel, time::Timestamp};

use crate::{
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
    pagination::{PageBounds, PageLinks, PageRequest},
    query::Query,
};

const PATH: &str = "/watchfire/v1/entities";

/// Somebody or something at risk.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AtRiskObject {
    /// `USER`, `DEVICE` or `SESSION`
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its id.
    id: String,
    /// `LOW`, `MEDIUM` or `HIGH`
    level: &'static str,
    /// What speaks against it in nats.
    score: f64,
    /// The strongest cause.
    cause: Option<&'static str>,
    /// What was said with it.
    reason: Option<String>,
    /// When the level next changes by itself.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_transition: Option<Timestamp>,
    /// The user, or the one behind a device or a session.
    user_id: Option<String>,
    /// What that user signs in with.
    login: Option<String>,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
}

impl From<AtRiskEntity> for AtRiskObject {
    fn from(it: AtRiskEntity) -> Self {
        let (cause, reason) = it.strongest.unzip();
        Self {
            kind: it.risk.entity.kind(),
            id: it.risk.entity.id().to_owned(),
            level: it.level.as_str(),
            score: f64::from(it.score_millinats) / 1_000.0,
            cause: cause.map(CauseKind::as_str),
            reason: reason.flatten(),
            next_transition: it.next_transition,
            user_id: it.risk.entity.user().or(it.risk.user.as_ref()).map(ToString::to_string),
            login: it.user.map(|user| user.login),
            last_updated: it.risk.last_updated,
        }
    }
}

/// List users, devices and sessions at risk, the worst first
#[utoipa::path(get, path = "/watchfire/v1/entities", tag = "Watchfire",
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    params(
        ("type" = Option<String>, Query, description = "`USER`, `DEVICE` or `SESSION`; all of them without it"),
        ("level" = Option<String>, Query, description = "At least so risky: `LOW`, `MEDIUM` or `HIGH`"),
        ("after" = Option<String>, Query, description = "From a `next` link"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 when absent"),
    ),
    responses((status = 200, body = Vec<AtRiskObject>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let page = PageRequest::parse(&query, PageBounds::OURS)?;
    let kind = query.filled("type").map(str::to_uppercase);
    if kind
        .as_deref()
        .is_some_and(|kind| !["USER", "DEVICE", "SESSION"].contains(&kind))
    {
        return Err(Error::invalid("type", "Invalid value").into());
    }
    let level = |text| RiskLevel::parse(text).ok_or_else(|| Error::invalid("level", "Invalid value"));
    let wanted = AtRiskQuery {
        kind,
        least: query.filled("level").map(level).transpose()?,
        after: page.after.clone(),
        limit: page.limit,
    };
    let listed = app.entities_at_risk(&caller.principal, &wanted).await?;
    Ok(PageLinks::around(&links, (PATH, &query), listed, AtRiskObject::from))
}
