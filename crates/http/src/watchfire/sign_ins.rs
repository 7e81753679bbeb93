//! `/watchfire/v1/sign-ins`: the risk of sign-ins at somebody else's identity provider, how they ended, and
//! why they were judged as they were (architecture section 5).

mod shape;

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse,
};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{
    App, Error,
    identity::evaluation::{ForeignSignIn, Told, Whom},
    insight::sign_ins::SignInQuery,
};
use watchfire_model::{id::UserId, time::Timestamp};

use self::shape::{EvaluationBody, OutcomeRequest, SignInBody, SignInRequest};
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
    okta::members::{Faults, Members},
    pagination::{PageBounds, PageLinks, PageRequest},
    query::Query,
};

const PATH: &str = "/watchfire/v1/sign-ins";
/// Characters of a login (okta.md 10.1).
const MAX_LOGIN: usize = 100;
const MAX_NAME: usize = 256;
/// Longer headers are cut further in; this only keeps out what is none.
const MAX_USER_AGENT: usize = 1 << 20;
/// Characters of an `Idempotency-Key`.
const MAX_KEY: usize = 1_024;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, evaluate))
        .routes(routes!(get))
        .routes(routes!(outcome))
}

/// Evaluate a sign-in for another identity provider
///
/// Teaches nothing until its outcome is told. When the engine or the store does not answer in time, the
/// decision is `CHALLENGE`, `degraded` is true and there is no `id`.
#[utoipa::path(post, path = "/watchfire/v1/sign-ins", tag = "Watchfire", request_body = SignInRequest,
    params(("Idempotency-Key" = Option<String>, Header)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.signIns.evaluate"])),
    responses((status = 200, body = EvaluationBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject),
        (status = 429, body = ErrorObject)))]
async fn evaluate(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<EvaluationBody>, OktaError> {
    let mut it = read(&Members::of(&body)?)?;
    it.idempotency_key = idempotency_key(&headers)?;
    let record = app.evaluate_sign_in(&caller.principal, it, caller.origin).await?;
    Ok(Json(
        record.map_or_else(EvaluationBody::degraded, |it| EvaluationBody::of(&it)),
    ))
}

/// A key that was cut or mended would be another request's.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, OktaError> {
    let Some(key) = headers.get("idempotency-key").filter(|key| !key.is_empty()) else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if key.len() <= MAX_KEY => Ok(Some(key.to_owned())),
        _ => Err(Error::Invalid {
            field: "Idempotency-Key".to_owned(),
            causes: vec![format!(
                "Idempotency-Key: must be at most {MAX_KEY} printable characters of ASCII"
            )],
        }
        .into()),
    }
}

/// Tell how a sign-in ended
///
/// Once, within an hour, by the client that asked. `NOT_ME` may follow a success for thirty days: what the
/// sign-in has taught is taken back.
#[utoipa::path(post, path = "/watchfire/v1/sign-ins/{id}/outcome", tag = "Watchfire", params(("id" = String, Path)),
    request_body = OutcomeRequest, security(("apiToken" = []), ("oauth2" = ["watchfire.signIns.outcome"])),
    responses((status = 204), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn outcome(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<StatusCode, OktaError> {
    let members = Members::of(&body)?;
    let mut faults = Faults::default();
    members.known(&["result"], &mut faults);
    members.require("result", &mut faults);
    let result = members.choice("result", &Told::WORDS, &mut faults);
    let Some(result) = faults.or(result)? else {
        return Err(Error::invalid("result", "The field cannot be left blank").into());
    };
    app.tell_outcome(&caller.principal, &id, result, caller.origin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List sign-ins, newest first
///
/// In the order in which they were recorded: one of another identity provider up to ten minutes after its time.
/// `since` and `until` are about the time of the sign-in, so that a page may have fewer than `limit`.
#[utoipa::path(get, path = "/watchfire/v1/sign-ins", tag = "Watchfire",
    security(("apiToken" = []), ("oauth2" = ["watchfire.signIns.read"])),
    params(
        ("userId" = Option<String>, Query, description = "Only this user's"),
        ("since" = Option<String>, Query, description = "Of then or later, ISO 8601"),
        ("until" = Option<String>, Query, description = "Before that, ISO 8601"),
        ("after" = Option<String>, Query, description = "From a `next` link"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 when absent"),
    ),
    responses((status = 200, body = Vec<SignInBody>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let page = PageRequest::parse(&query, PageBounds::OURS)?;
    let wanted = SignInQuery {
        user: query.filled("userId").map(UserId::new),
        since: query.instant("since")?,
        until: query.instant("until")?,
        descending: true,
        after: page.after.clone(),
        limit: page.limit,
    };
    let listed = app.sign_in_records(&caller.principal, wanted).await?;
    let body = |record| SignInBody::brief(&record);
    Ok(PageLinks::around(&links, (PATH, &query), listed, body))
}

/// Explain a sign-in: the recorded numbers, and the verdict computed from them again
#[utoipa::path(get, path = "/watchfire/v1/sign-ins/{id}", tag = "Watchfire", params(("id" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.signIns.read"])),
    responses((status = 200, body = SignInBody), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<SignInBody>, OktaError> {
    let record = app.sign_in_record(&caller.principal, &id).await?;
    let rules = app.rules_asked(&caller.principal, &record).await?;
    Ok(Json(SignInBody::explained(&record, rules)))
}

fn read(members: &Members<'_>) -> Result<ForeignSignIn, Error> {
    let mut faults = Faults::default();
    members.known(&["user", "client", "application", "at"], &mut faults);
    members.require("user", &mut faults);
    members.require("client", &mut faults);
    let user = members.child("user", &mut faults);
    user.known(&["login", "id"], &mut faults);
    let (login, id) = (
        user.text("login", MAX_LOGIN, &mut faults),
        user.text("id", MAX_NAME, &mut faults),
    );
    let whom = match (login, id) {
        (Some(login), None) if is_login(&login) => Some(Whom::Login(login)),
        (None, Some(id)) if !id.is_empty() => Some(Whom::Id(UserId::new(id))),
        (None | Some(_), _) if members.value("user").is_none() => None,
        _ => {
            faults.add("user", "Give either login or id");
            None
        }
    };
    let client = members.child("client", &mut faults);
    client.known(&["ipAddress", "userAgent", "deviceToken"], &mut faults);
    let address = client.required_text("ipAddress", MAX_NAME, &mut faults);
    let ip = address.trim().parse().ok();
    if ip.is_none() && !address.trim().is_empty() {
        faults.add("client.ipAddress", "Invalid value");
    }
    let user_agent = client.text("userAgent", MAX_USER_AGENT, &mut faults);
    let device_token = client.text("deviceToken", MAX_NAME, &mut faults);
    let application = members.text("application", MAX_NAME, &mut faults);
    let at = members.text("at", MAX_NAME, &mut faults);
    let at = at.and_then(|text| {
        let at = Timestamp::parse(&text).ok();
        if at.is_none() {
            faults.add("at", "Invalid value");
        }
        at
    });
    let found = faults.or(whom.zip(ip))?;
    let (whom, ip) = found.ok_or(Error::Malformed)?;
    Ok(ForeignSignIn {
        whom,
        ip,
        user_agent,
        device_token: device_token.filter(|token| !token.is_empty()),
        application: application.filter(|name| !name.is_empty()),
        at,
        idempotency_key: None,
    })
}

fn is_login(login: &str) -> bool {
    !login.trim().is_empty() && !login.chars().any(char::is_control)
}
