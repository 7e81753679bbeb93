//! `/watchfire/v1/feedback`: what somebody says of a finding, that there was an attacker or that it was a
//! false alarm.

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse,
};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{
    App, Error,
    insight::feedback::{Feedback, FeedbackLabel, FeedbackQuery, FeedbackSubject, MAX_REASON_CHARS, NewFeedback},
    reads::Listed,
};
use watchfire_model::{
    id::{ReceiptId, SignInId, UserId},
    time::Timestamp,
};

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
    okta::members::{Faults, Members},
    pagination::{PageBounds, PageLinks, PageRequest},
    query::Query,
};

const PATH: &str = "/watchfire/v1/feedback";
const MAX_ID: usize = 64;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, give))
        .routes(routes!(get, withdraw))
}

/// An opinion on a finding.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
struct FeedbackRequest {
    /// `{"type": …, "id": …}`: `SIGN_IN` with the id of a sign-in (`sgn…`), `RISK_CHANGE` with the `uuid` of a
    /// `user.risk.detect`, or `RECEIPT` with the id of what a provider sent (`rcp…`).
    #[schema(value_type = Object)]
    subject: Value,
    /// `TRUE_POSITIVE`: there was an attacker. `FALSE_POSITIVE`: there was none.
    label: String,
    /// Why, for people.
    reason: Option<String>,
}

/// An opinion on a finding.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FeedbackBody {
    /// `fbk…`
    id: String,
    /// What it is about: `type` and `id`.
    #[schema(value_type = Object)]
    subject: Value,
    /// `TRUE_POSITIVE` or `FALSE_POSITIVE`.
    label: &'static str,
    /// The user whom the finding is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Who said so: `id`, `type` and `name`.
    #[schema(value_type = Object)]
    given_by: Value,
    /// When the finding was first judged.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When the opinion was last changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
    /// What it has done, all of which ends with it.
    #[schema(value_type = Object)]
    effects: Value,
}

impl From<&Feedback> for FeedbackBody {
    fn from(it: &Feedback) -> Self {
        let effects = &it.effects;
        let cleared = effects
            .cleared
            .iter()
            .map(|(entity, cause)| json!({"entity": {"type": entity.kind(), "id": entity.id()}, "kind": cause.kind.as_str()}));
        Self {
            id: it.id.to_string(),
            subject: json!({"type": it.subject.kind(), "id": it.subject.id()}),
            label: it.label.as_str(),
            user_id: it.user_id.as_ref().map(ToString::to_string),
            reason: it.reason.clone(),
            given_by: json!({
                "id": it.given_by.id,
                "type": it.given_by.kind,
                "name": it.given_by.display_name.as_ref().or(it.given_by.alternate_id.as_ref()),
            }),
            created: it.created,
            last_updated: it.last_updated,
            effects: json!({
                "clearedCauses": cleared.collect::<Vec<_>>(),
                "raisedUserRisk": effects.raised.is_some(),
                "silencedSignals": effects.silenced,
                "lessonTakenBack": effects.disowned.is_some(),
                "labelledProviders": effects.trace.as_ref().map_or(0, |trace| trace.words.len()),
            }),
        }
    }
}

/// Say what a finding was
///
/// There is one opinion on each finding. The same again changes nothing and is answered with 200; another
/// one takes back what the first has done.
#[utoipa::path(post, path = "/watchfire/v1/feedback", tag = "Watchfire", request_body = FeedbackRequest,
    security(("apiToken" = []), ("oauth2" = ["watchfire.feedback.manage"])),
    responses((status = 200, body = FeedbackBody), (status = 201, body = FeedbackBody), (status = 400, body = ErrorObject),
        (status = 403, body = ErrorObject)))]
async fn give(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody<Value>,
) -> Result<(StatusCode, Json<FeedbackBody>), OktaError> {
    let new = read(&Members::of(&body)?)?;
    let given = app.give_feedback(&caller.principal, caller.origin, new).await?;
    let status = if given.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(FeedbackBody::from(&given.feedback))))
}

/// List feedback, newest first
#[utoipa::path(get, path = "/watchfire/v1/feedback", tag = "Watchfire",
    security(("apiToken" = []), ("oauth2" = ["watchfire.feedback.read"])),
    params(
        ("userId" = Option<String>, Query, description = "Only on findings about this user"),
        ("subject" = Option<String>, Query, description = "Only on this finding: the id of a sign-in, an event or a receipt"),
        ("after" = Option<String>, Query, description = "From a `next` link"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 when absent"),
    ),
    responses((status = 200, body = Vec<FeedbackBody>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let page = PageRequest::parse(&query, PageBounds::OURS)?;
    let body = |it: Feedback| FeedbackBody::from(&it);
    if let Some(id) = query.filled("subject") {
        let items = app
            .feedback_on(&caller.principal, &subject_of(id))
            .await?
            .into_iter()
            .collect();
        let found = Listed { items, next: None };
        return Ok(PageLinks::around(&links, (PATH, &query), found, body));
    }
    let wanted = FeedbackQuery {
        user: query.filled("userId").map(UserId::new),
        after: page.after.clone(),
        limit: page.limit,
    };
    let listed = app.feedback(&caller.principal, wanted).await?;
    Ok(PageLinks::around(&links, (PATH, &query), listed, body))
}

/// Retrieve feedback
#[utoipa::path(get, path = "/watchfire/v1/feedback/{id}", tag = "Watchfire", params(("id" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.feedback.read"])),
    responses((status = 200, body = FeedbackBody), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<FeedbackBody>, OktaError> {
    let found = app.one_feedback(&caller.principal, &id).await?;
    Ok(Json(FeedbackBody::from(&found)))
}

/// Withdraw feedback, and take back what it has done
#[utoipa::path(delete, path = "/watchfire/v1/feedback/{id}", tag = "Watchfire", params(("id" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.feedback.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn withdraw(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.withdraw_feedback(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

type NewSubject = fn(String) -> FeedbackSubject;

/// The types of what can be judged.
const TYPES: [(&str, NewSubject); 3] = [
    ("SIGN_IN", |id| FeedbackSubject::SignIn(SignInId::new(id))),
    ("RISK_CHANGE", FeedbackSubject::RiskChange),
    ("RECEIPT", |id| FeedbackSubject::Receipt(ReceiptId::new(id))),
];

/// By what the id looks like.
fn subject_of(id: &str) -> FeedbackSubject {
    if id.starts_with(SignInId::PREFIX) {
        FeedbackSubject::SignIn(SignInId::new(id))
    } else if id.starts_with(ReceiptId::PREFIX) {
        FeedbackSubject::Receipt(ReceiptId::new(id))
    } else {
        FeedbackSubject::RiskChange(id.to_owned())
    }
}

fn read(members: &Members<'_>) -> Result<NewFeedback, Error> {
    let mut faults = Faults::default();
    members.known(&["subject", "label", "reason"], &mut faults);
    members.require("subject", &mut faults);
    members.require("label", &mut faults);
    let subject = members.child("subject", &mut faults);
    subject.known(&["type", "id"], &mut faults);
    let (mut kind, mut id) = (None, String::new());
    if members.value("subject").is_some_and(Value::is_object) {
        subject.require("type", &mut faults);
        kind = subject.choice("type", &TYPES, &mut faults);
        id = subject.required_text("id", MAX_ID, &mut faults);
    }
    let label = members.choice("label", &FeedbackLabel::WORDS, &mut faults);
    let reason = members.text("reason", MAX_REASON_CHARS, &mut faults);
    let (kind, label) = faults.or(kind.zip(label))?.ok_or(Error::Malformed)?;
    Ok(NewFeedback {
        subject: kind(id),
        label,
        reason,
    })
}
