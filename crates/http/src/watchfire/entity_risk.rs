//! `/watchfire/v1/entities/{type}/{id}/risk`: why an entity has its level.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::{
    App, Error,
    identity::entity_risk::{CauseExplanation, KnownRisk, Remedy},
};
use watchfire_model::{
    entity::Entity,
    id::{DeviceId, SessionId, UserId},
    object::{CauseKind, CauseSource, Fact},
    signal::RiskLevel,
    time::Timestamp,
};

use crate::{
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    query::Query,
};

/// The risk of a user, a device or a session, and what it is made of.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntityRiskObject {
    /// `USER`, `DEVICE` or `SESSION`
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its id.
    id: String,
    /// `NONE`, `LOW`, `MEDIUM` or `HIGH`: that of the strongest cause.
    level: &'static str,
    /// What speaks against it in nats: the strongest cause and half of the second, 5 at the most.
    score: f64,
    /// When the level next changes by itself.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_transition: Option<Timestamp>,
    /// The user behind a device or a session, as far as it is known.
    user: Option<String>,
    /// What speaks against it, strongest first.
    causes: Vec<CauseObject>,
    /// What else is known.
    facts: BTreeMap<String, FactObject>,
    /// The identifiers that lead here.
    identifiers: Vec<IdentifierObject>,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
}

/// One thing that speaks against an entity.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CauseObject {
    /// What it is, such as `user_risk`.
    kind: &'static str,
    /// Whose word it is.
    source: SourceObject,
    /// Its weight when it was new, in nats.
    strength: f64,
    /// What is left of that.
    strength_now: f64,
    /// Whether that still counts.
    counts: bool,
    /// In so many seconds half of it is gone; null stays until it is cleared.
    half_life_seconds: Option<u64>,
    /// From when it fades.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// What was said.
    reason: Option<String>,
    /// The receipt of what it came with.
    receipt: Option<String>,
    /// What would end it: `administrator`, `same_provider`, `second_factor`, `two_clean_step_ups`,
    /// `credential_change`, `credential_change_and_sessions_ended`.
    #[schema(value_type = Vec<String>)]
    cleared_by: &'static [Remedy],
}

/// Whose word something is.
#[derive(Debug, Serialize, ToSchema)]
struct SourceObject {
    /// `PROVIDER`, `ADMINISTRATOR` or `ENGINE`
    #[serde(rename = "type")]
    kind: &'static str,
    /// The security events provider.
    id: Option<String>,
    /// Its issuer then; ours is `OKTA`, as in the System Log.
    issuer: String,
}

/// Something that somebody told and that is no risk.
#[derive(Debug, Serialize, ToSchema)]
struct FactObject {
    /// What was told.
    value: String,
    /// By whom.
    source: SourceObject,
    /// When it was so.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// An identifier that leads to an entity.
#[derive(Debug, Serialize, ToSchema)]
struct IdentifierObject {
    /// Its format, such as `email`.
    format: String,
    /// Its members.
    members: Vec<String>,
    /// The security events provider that said so.
    provider: String,
}

impl From<&KnownRisk> for EntityRiskObject {
    fn from(known: &KnownRisk) -> Self {
        let (risk, explanation) = (&known.risk, known.explain());
        let facts = risk.facts.iter();
        let links = risk.links.iter();
        Self {
            kind: risk.entity.kind(),
            id: risk.entity.id().to_owned(),
            level: explanation.level.map_or("NONE", RiskLevel::as_str),
            score: nats(explanation.score_millinats),
            next_transition: explanation.next_transition,
            user: risk.user.as_ref().map(ToString::to_string),
            causes: explanation.causes.iter().map(CauseObject::from).collect(),
            facts: facts.map(|(name, fact)| (name.clone(), FactObject::from(fact))).collect(),
            identifiers: links
                .map(|link| IdentifierObject {
                    format: link.identifier.format().to_owned(),
                    members: link.identifier.members().map(str::to_owned).collect(),
                    provider: link.provider.to_string(),
                })
                .collect(),
            last_updated: risk.last_updated,
        }
    }
}

impl From<&CauseExplanation<'_>> for CauseObject {
    fn from(explained: &CauseExplanation<'_>) -> Self {
        let cause = explained.cause;
        Self {
            kind: cause.kind.as_str(),
            source: SourceObject::from(&cause.source),
            strength: nats(cause.millinats),
            strength_now: nats(explained.millinats_now),
            counts: explained.counts,
            half_life_seconds: cause.half_life.map(|it| it.as_secs()),
            since: cause.since,
            reason: cause.reason.clone(),
            receipt: cause.receipt.as_ref().map(ToString::to_string),
            cleared_by: explained.cleared_by,
        }
    }
}

impl From<&CauseSource> for SourceObject {
    fn from(source: &CauseSource) -> Self {
        let kind = match source {
            CauseSource::Provider { .. } => "PROVIDER",
            CauseSource::Administrator => "ADMINISTRATOR",
            CauseSource::Engine => "ENGINE",
        };
        Self {
            kind,
            id: source.provider().map(ToString::to_string),
            issuer: source.issuer().to_owned(),
        }
    }
}

impl From<&Fact> for FactObject {
    fn from(fact: &Fact) -> Self {
        Self {
            value: fact.value.clone(),
            source: SourceObject::from(&fact.source),
            at: fact.at,
        }
    }
}

/// Explain the risk of a user, a device or a session
#[utoipa::path(get, path = "/watchfire/v1/entities/{type}/{id}/risk", tag = "Watchfire",
    params(("type" = String, Path, description = "`user`, `device` or `session`"), ("id" = String, Path, description = "Its id; of a user also the login")),
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = EntityRiskObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
) -> Result<Json<EntityRiskObject>, OktaError> {
    let known = app.entity_risk(&caller.principal, entity(&kind, id)?).await?;
    Ok(Json(EntityRiskObject::from(&known)))
}

/// Clear what speaks against a user, a device or a session
#[utoipa::path(delete, path = "/watchfire/v1/entities/{type}/{id}/risk/causes", tag = "Watchfire",
    params(("type" = String, Path, description = "`user`, `device` or `session`"), ("id" = String, Path, description = "Its id; of a user also the login"),
        ("kind" = Option<String>, Query, description = "Only causes of this kind; all of them without it")),
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 204), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
pub(super) async fn clear(
    State(app): State<App>,
    caller: Caller,
    query: Query,
    Path((kind, id)): Path<(String, String)>,
) -> Result<StatusCode, OktaError> {
    let kinds = match query.filled("kind") {
        None => Vec::new(),
        Some(name) => vec![CauseKind::parse(name).ok_or_else(|| Error::invalid("kind", "Invalid value"))?],
    };
    let entity = entity(&kind, id)?;
    app.clear_causes(&caller.principal, caller.origin, entity, kinds).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn entity(kind: &str, id: String) -> Result<Entity, Error> {
    match kind {
        "user" => Ok(Entity::User(UserId::new(id))),
        "device" => Ok(Entity::Device(DeviceId::new(id))),
        "session" => Ok(Entity::Session(SessionId::new(id))),
        _ => Err(Error::not_found(kind, "EntityType")),
    }
}

fn nats(millinats: i32) -> f64 {
    f64::from(millinats) / 1_000.0
}
