//! Sign-ins on the wire.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use watchfire_app::insight::sign_ins::{Recomputed, RulesAsked, recomputed};
use watchfire_model::{
    object::{AskedBy, SignInRecord},
    time::Timestamp,
};

/// A sign-in whose risk is asked for.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct SignInRequest {
    /// `{"login": …}` or `{"id": …}`. A login that nobody has becomes a user without a password.
    #[schema(value_type = Object)]
    user: Value,
    /// `{"ipAddress": …, "userAgent": …, "deviceToken": …}`; only the address must be there. A user agent is
    /// cut to 1024 bytes.
    #[schema(value_type = Object)]
    client: Value,
    /// The application that it is for.
    application: Option<String>,
    /// When, at most ten minutes ago; now when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

/// How a sign-in ended.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct OutcomeRequest {
    /// `SUCCESS`, `FAILURE`, `CHALLENGE_PASSED`, `CHALLENGE_FAILED`, `ABANDONED` or `NOT_ME`.
    result: String,
}

/// The risk of a sign-in and what the policies make of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EvaluationBody {
    /// `sgn…`, for the outcome; absent when the answer is degraded.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Score, level, reasons, factors, and what providers that are only logged would have made of it.
    #[schema(value_type = Object)]
    risk: Value,
    /// Okta's behaviours: `POSITIVE`, `NEGATIVE`, `UNKNOWN` or `BAD_REQUEST`.
    behaviors: BTreeMap<String, String>,
    /// `ALLOW`, `CHALLENGE` or `DENY`.
    decision: &'static str,
    /// The policy and the rule that decided.
    #[schema(value_type = Object)]
    policy: Value,
    /// Whether nothing could be assessed: the decision is to challenge.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    degraded: bool,
}

impl EvaluationBody {
    pub(super) fn of(record: &SignInRecord) -> Self {
        Self {
            id: Some(record.id.to_string()),
            risk: risk(record, recomputed(record).as_ref()),
            behaviors: record.risk.behaviors.clone(),
            decision: record.asked.decision.as_str(),
            policy: policy(record),
            degraded: false,
        }
    }

    /// Nobody knows: whoever asks must ask the user for more.
    pub(super) fn degraded() -> Self {
        Self {
            id: None,
            risk: json!({"score": 70, "level": "HIGH", "reasons": ["Risk could not be assessed"], "factors": []}),
            behaviors: BTreeMap::new(),
            decision: "CHALLENGE",
            policy: Value::Null,
            degraded: true,
        }
    }
}

/// A sign-in as it is recorded.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignInBody {
    /// `sgn…`
    id: String,
    /// Who: `id` and the `login` as it was typed.
    #[schema(value_type = Object)]
    user: Value,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `authn` for our own sign-in, else the id of the client or API token that asked.
    asked_by: String,
    /// The application that it was for.
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<String>,
    /// Address, user agent and what data sets said of the address.
    #[schema(value_type = Object)]
    client: Value,
    /// The user's groups then.
    groups: Vec<String>,
    /// Score, level and reasons; of a single sign-in with factors and counterfactual.
    #[schema(value_type = Object)]
    risk: Value,
    /// Okta's behaviours.
    behaviors: BTreeMap<String, String>,
    /// `ALLOW`, `CHALLENGE` or `DENY`.
    decision: &'static str,
    /// The policy and the rule that decided.
    #[schema(value_type = Object)]
    policy: Value,
    /// `PENDING`, or how it ended.
    state: &'static str,
    /// When its end was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// Whether it has taught the user's profile, and was not taken back.
    learnt: bool,
    /// Of a single sign-in: the rules that were asked, by the policies of then, and the numbers of the verdict
    /// computed again. Where those policies are gone, `rulesRecomputed` is false and `rules` has the last of
    /// `rulesAsked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    explanation: Option<Value>,
}

impl SignInBody {
    /// As lists have it.
    pub(super) fn brief(record: &SignInRecord) -> Self {
        Self {
            id: record.id.to_string(),
            user: json!({"id": record.user_id, "login": record.login}),
            at: record.at,
            asked_by: match &record.asked_by {
                AskedBy::Authn => "authn".to_owned(),
                AskedBy::Caller(id) => id.clone(),
            },
            application: record.application.clone(),
            client: client(record),
            groups: record.groups.iter().map(ToString::to_string).collect(),
            risk: risk(record, None),
            behaviors: record.risk.behaviors.clone(),
            decision: record.asked.decision.as_str(),
            policy: policy(record),
            state: record.state.as_str(),
            ended_at: record.ended_at,
            learnt: record
                .lesson
                .as_ref()
                .is_some_and(|lesson| lesson.learnt_at.is_some() && lesson.taken_back_at.is_none()),
            explanation: None,
        }
    }

    /// With everything that led to it.
    pub(super) fn explained(record: &SignInRecord, asked: RulesAsked) -> Self {
        let again = recomputed(record);
        let verdict = again.as_ref().map(|again| {
            json!({
                "evidence": again.evidence,
                "score": again.assessment.score,
                "level": again.assessment.level.as_str(),
                "matches": again.matches,
                "floors": again.floors.iter().map(|(rule, level)| json!({"rule": rule, "level": level.as_str()})).collect::<Vec<_>>(),
                "thresholds": {"medium": again.thresholds.0, "high": again.thresholds.1},
                "modelVersion": again.version,
            })
        });
        Self {
            risk: risk(record, again.as_ref()),
            explanation: Some(json!({
                "recomputed": verdict,
                "rules": asked.rules,
                "rulesAsked": asked.count,
                "rulesRecomputed": asked.recomputed,
                "basis": record.basis,
            })),
            ..Self::brief(record)
        }
    }
}

fn risk(record: &SignInRecord, again: Option<&Recomputed>) -> Value {
    let mut risk = json!({
        "score": record.risk.score,
        "level": record.risk.level.as_str(),
        "reasons": record.risk.reasons,
    });
    if let (Some(again), Some(members)) = (again, risk.as_object_mut()) {
        members.insert("factors".to_owned(), json!(again.assessment.factors));
        members.insert("partnerRisk".to_owned(), json!(again.assessment.partner_risk));
        if let Some(counterfactual) = &again.assessment.counterfactual {
            members.insert("counterfactual".to_owned(), json!(counterfactual));
        }
    }
    risk
}

fn policy(record: &SignInRecord) -> Value {
    let asked = &record.asked;
    json!({
        "id": asked.policy.as_ref().map(|it| &it.id),
        "name": asked.policy.as_ref().map(|it| &it.name),
        "rule": asked.rule.as_ref().map(|it| json!({"id": it.id, "name": it.name})),
        "revision": asked.revision,
    })
}

fn client(record: &SignInRecord) -> Value {
    let client = &record.client;
    json!({
        "ipAddress": client.ip,
        "userAgent": client.user_agent,
        "country": client.country,
        "state": client.state,
        "city": client.city,
        "asn": client.asn,
        "hasDeviceToken": client.device_token_hash.is_some(),
    })
}
