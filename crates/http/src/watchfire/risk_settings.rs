//! `/watchfire/v1/risk-settings`: how evidence is weighed, by administrators and by labels.

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use watchfire_app::{
    App, Error,
    insight::risk_settings::{
        LevelFloor, ProviderLabels, ProviderNow, ProviderTuning, RiskSettingsNow, RiskTuning, ThresholdTuning,
    },
};
use watchfire_model::{
    id::{RiskProviderId, ZoneId},
    signal::RiskLevel,
    time::Timestamp,
};

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    okta::members::{Faults, Members},
};

/// How evidence is weighed. What is absent has its default; what is learnt is only read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RiskSettingsBody {
    /// By the id of the risk provider: `trust` (0 to 1, .7), `learn` (true), `least` and `most` (0 and 1: labels
    /// move the trust no further), `levelFloor` (`AS_REPORTED` or `OFF`); and, only read, its `name`, what of its
    /// trust is `inEffect` and `wanted` by level, and its `labels`.
    #[schema(value_type = Object)]
    providers: Value,
    /// `learn` (false), and the shares of honest sign-ins that are to be `medium` or more (.05) and `high` (.01);
    /// and, only read, what was `set` and is `inEffect`.
    #[schema(value_type = Object)]
    thresholds: Value,
    /// Zones whose addresses speak for a sign-in.
    trusted_zones: Vec<String>,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
}

impl From<&RiskSettingsNow> for RiskSettingsBody {
    fn from(now: &RiskSettingsNow) -> Self {
        let providers = now.providers.iter().map(|it| (it.provider.id.to_string(), provider(it)));
        let thresholds = &now.tuning.thresholds;
        Self {
            providers: Value::Object(providers.collect()),
            thresholds: json!({
                "learn": thresholds.learn,
                "medium": share(thresholds.medium),
                "high": share(thresholds.high),
                "set": {"medium": now.set.medium, "high": now.set.high},
                "inEffect": {"medium": now.settings.medium, "high": now.settings.high},
                "days": now.days,
            }),
            trusted_zones: now.tuning.trusted_zones.iter().map(ToString::to_string).collect(),
            last_updated: now.tuning.last_updated,
        }
    }
}

fn provider(it: &ProviderNow) -> Value {
    let by_level = |of: fn(&(RiskLevel, u32, u32)) -> u32| {
        let levels = it.trust.iter().map(|it| (it.0.as_str().to_owned(), json!(share(of(it)))));
        Value::Object(levels.collect())
    };
    json!({
        "name": it.provider.name,
        "action": it.provider.action.as_str(),
        "trust": share(it.tuning.trust),
        "learn": it.tuning.learn,
        "least": share(it.tuning.least),
        "most": share(it.tuning.most),
        "levelFloor": it.tuning.level_floor.as_str(),
        "inEffect": by_level(|it| it.1),
        "wanted": by_level(|it| it.2),
        "labels": labels(&it.labels),
    })
}

fn labels(it: &ProviderLabels) -> Value {
    let level = |level: RiskLevel| {
        let said = it.level(level);
        json!({"attacks": labelled(said.attacks), "honest": labelled(said.honest)})
    };
    json!({
        "attacks": labelled(it.attacks),
        "honest": labelled(it.honest),
        "HIGH": level(RiskLevel::High),
        "MEDIUM": level(RiskLevel::Medium),
        "LOW": level(RiskLevel::Low),
    })
}

fn share(millionths: u32) -> f64 {
    f64::from(millionths) / 1_000_000.0
}

fn labelled(thousandths: u64) -> f64 {
    f64::from(u32::try_from(thousandths).unwrap_or(u32::MAX)) / 1_000.0
}

/// Retrieve how evidence is weighed, and what is learnt of it
#[utoipa::path(get, path = "/watchfire/v1/risk-settings", tag = "Watchfire",
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = RiskSettingsBody), (status = 403, body = ErrorObject)))]
pub(super) async fn get(State(app): State<App>, caller: Caller) -> Result<Json<RiskSettingsBody>, OktaError> {
    let now = app.risk_settings(&caller.principal).await?;
    Ok(Json(RiskSettingsBody::from(&now)))
}

/// Replace how evidence is weighed
///
/// Another `trust`, or `learn`, lets a provider begin again with that trust; its labels stay.
#[utoipa::path(put, path = "/watchfire/v1/risk-settings", tag = "Watchfire", request_body = RiskSettingsBody,
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 200, body = RiskSettingsBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
pub(super) async fn replace(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<RiskSettingsBody>, OktaError> {
    let tuning = read(&Members::of(&body)?)?;
    let now = app.set_risk_tuning(&caller.principal, caller.origin, tuning).await?;
    Ok(Json(RiskSettingsBody::from(&now)))
}

/// Members of the thresholds: those that can be set, and those that are only read.
const THRESHOLDS: [&str; 6] = ["learn", "medium", "high", "set", "inEffect", "days"];
/// Members of a provider: those that can be set, and those that are only read.
const PROVIDER: [&str; 10] = [
    "trust",
    "learn",
    "least",
    "most",
    "levelFloor",
    "name",
    "action",
    "inEffect",
    "wanted",
    "labels",
];

/// What is only read may be sent back, and is ignored: it moves by itself from day to day. Any other member is
/// refused, or its default would silently stand in for what was meant.
fn read(members: &Members<'_>) -> Result<RiskTuning, Error> {
    let mut faults = Faults::default();
    let mut tuning = RiskTuning::default();
    members.known(&["providers", "thresholds", "trustedZones", "lastUpdated"], &mut faults);
    let providers = members.child("providers", &mut faults);
    for id in providers.names() {
        let told = providers.child(id, &mut faults);
        told.known(&PROVIDER, &mut faults);
        tuning
            .providers
            .insert(RiskProviderId::new(id), provider_tuning(&told, &mut faults));
    }
    let thresholds = members.child("thresholds", &mut faults);
    thresholds.known(&THRESHOLDS, &mut faults);
    let default = ThresholdTuning::default();
    tuning.thresholds = ThresholdTuning {
        learn: thresholds.boolean("learn", &mut faults).unwrap_or(default.learn),
        medium: millionths(&thresholds, "medium", &mut faults).unwrap_or(default.medium),
        high: millionths(&thresholds, "high", &mut faults).unwrap_or(default.high),
    };
    let zones = members.texts("trustedZones", &mut faults);
    tuning.trusted_zones = zones.into_iter().map(ZoneId::new).collect();
    tuning.trusted_zones.sort();
    tuning.trusted_zones.dedup();
    faults.or(tuning)
}

fn provider_tuning(members: &Members<'_>, faults: &mut Faults) -> ProviderTuning {
    let default = ProviderTuning::default();
    ProviderTuning {
        trust: millionths(members, "trust", faults).unwrap_or(default.trust),
        learn: members.boolean("learn", faults).unwrap_or(default.learn),
        least: millionths(members, "least", faults).unwrap_or(default.least),
        most: millionths(members, "most", faults).unwrap_or(default.most),
        level_floor: members
            .choice("levelFloor", &LevelFloor::WORDS, faults)
            .unwrap_or(default.level_floor),
    }
}

/// A share from 0 to 1.
fn millionths(members: &Members<'_>, name: &str, faults: &mut Faults) -> Option<u32> {
    let value = members.value(name)?;
    let share = value.as_f64().filter(|share| (0.0..=1.0).contains(share));
    if share.is_none() {
        faults.add(members.path_of(name), "It must be a number from 0 to 1");
    }
    let text = format!("{:.0}", share? * 1_000_000.0);
    text.parse().ok()
}
