//! `/api/v1/users/{id}/factors` (okta.md 10.1).

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{
    App, Error,
    identity::factors::{FactorProvider, UserFactor},
};
use watchfire_model::object::FactorState;

use super::members::{Faults, Members};
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::{Link, Links},
};

/// Characters of a code at the most; a right one has six.
pub(super) const MAX_CODE: usize = 16;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, enrol))
        .routes(routes!(get, delete))
        .routes(routes!(activate))
}

/// A second factor.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct FactorObject {
    /// `ost…`
    id: String,
    /// `token:software:totp`
    factor_type: String,
    /// `OKTA` or `GOOGLE`.
    provider: String,
    /// The provider again.
    vendor_name: String,
    /// `PENDING_ACTIVATION` or `ACTIVE`.
    status: String,
    /// When it was enrolled.
    #[schema(format = DateTime)]
    created: String,
    /// When it was changed.
    #[schema(format = DateTime)]
    last_updated: String,
    /// Whose it is.
    #[schema(value_type = Object)]
    profile: Value,
    /// At enrolment: the shared secret, this once.
    #[schema(value_type = Option<Object>)]
    #[schema(rename = "_embedded")]
    embedded: Option<Value>,
}

/// A factor that is to be.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
struct EnrolRequest {
    /// `token:software:totp`
    factor_type: String,
    /// `OKTA` or `GOOGLE`.
    provider: String,
}

/// A code.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
struct CodeRequest {
    /// Six digits.
    pass_code: String,
}

/// List all enrolled factors
#[utoipa::path(get, path = "/api/v1/users/{userId}/factors", tag = "UserFactor", params(("userId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.users.read"])),
    responses((status = 200, body = Vec<FactorObject>), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(user): Path<String>,
) -> Result<Json<Vec<Value>>, OktaError> {
    let factors = app.factors(&caller.principal, &user).await?;
    Ok(Json(factors.iter().map(|factor| render(factor, &links)).collect()))
}

/// Enroll a factor
#[utoipa::path(post, path = "/api/v1/users/{userId}/factors", tag = "UserFactor", params(("userId" = String, Path)),
    request_body = EnrolRequest, security(("apiToken" = []), ("oauth2" = ["okta.users.manage"])),
    responses((status = 200, body = FactorObject), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn enrol(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(user): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<Value>, OktaError> {
    let provider = provider(&body)?;
    let enrolled = app.enrol_factor(&caller.principal, caller.origin, &user, provider).await?;
    let mut object = render(&enrolled.factor, &links);
    let activation = json!({
        "timeStep": watchfire_app::identity::factors::STEP_SECONDS,
        "sharedSecret": enrolled.shared_secret.as_str(),
        "encoding": "base32",
        "keyLength": enrolled.shared_secret.len(),
    });
    if let Some(members) = object.as_object_mut() {
        members.insert("_embedded".to_owned(), json!({"activation": activation}));
    }
    Ok(Json(object))
}

/// Retrieve a factor
#[utoipa::path(get, path = "/api/v1/users/{userId}/factors/{factorId}", tag = "UserFactor",
    params(("userId" = String, Path), ("factorId" = String, Path)), security(("apiToken" = []), ("oauth2" = ["okta.users.read"])),
    responses((status = 200, body = FactorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path((user, id)): Path<(String, String)>,
) -> Result<Json<Value>, OktaError> {
    let factor = app.factor(&caller.principal, &user, &id).await?;
    Ok(Json(render(&factor, &links)))
}

/// Activate a factor with its first code
#[utoipa::path(post, path = "/api/v1/users/{userId}/factors/{factorId}/lifecycle/activate", tag = "UserFactor",
    params(("userId" = String, Path), ("factorId" = String, Path)), request_body = CodeRequest,
    security(("apiToken" = []), ("oauth2" = ["okta.users.manage"])),
    responses((status = 200, body = FactorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn activate(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path((user, id)): Path<(String, String)>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<Value>, OktaError> {
    let code = code(&Members::of(&body)?)?;
    let named = (user.as_str(), id.as_str());
    let factor = app.activate_factor(&caller.principal, caller.origin, named, &code).await?;
    Ok(Json(render(&factor, &links)))
}

/// Delete a factor
#[utoipa::path(delete, path = "/api/v1/users/{userId}/factors/{factorId}", tag = "UserFactor",
    params(("userId" = String, Path), ("factorId" = String, Path)), security(("apiToken" = []), ("oauth2" = ["okta.users.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path((user, id)): Path<(String, String)>,
) -> Result<StatusCode, OktaError> {
    app.delete_factor(&caller.principal, caller.origin, &user, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn provider(body: &Value) -> Result<FactorProvider, Error> {
    let mut faults = Faults::default();
    let members = Members::of(body)?;
    members.require("factorType", &mut faults);
    members.require("provider", &mut faults);
    members.choice("factorType", &[("token:software:totp", ())], &mut faults);
    let words = [FactorProvider::Okta, FactorProvider::Google].map(|provider| (provider.as_str(), provider));
    let provider = members.choice("provider", &words, &mut faults);
    faults
        .or(provider)?
        .ok_or_else(|| Error::invalid("provider", "The field cannot be left blank"))
}

/// The member `passCode`.
pub(super) fn code(members: &Members<'_>) -> Result<String, Error> {
    let mut faults = Faults::default();
    let code = members.required_text("passCode", MAX_CODE, &mut faults);
    faults.or(code)
}

fn render(of: &UserFactor, links: &Links) -> Value {
    let (factor, user) = (&of.factor, &of.user);
    let owner = links.to(&format!("/api/v1/users/{}", user.id));
    let own = format!("{owner}/factors/{}", factor.id);
    let mut all = json!({
        "self": Link::new(own.clone(), &["GET", "DELETE"]),
        "user": Link::new(owner, &["GET"]),
    });
    let status = match factor.state {
        FactorState::Active => "ACTIVE",
        FactorState::PendingActivation => "PENDING_ACTIVATION",
    };
    if let (FactorState::PendingActivation, Some(members)) = (factor.state, all.as_object_mut()) {
        let activate = Link::new(format!("{own}/lifecycle/activate"), &["POST"]);
        members.insert("activate".to_owned(), json!(activate));
    }
    json!({
        "id": factor.id,
        "factorType": factor.factor_type.as_str(),
        "provider": factor.provider,
        "vendorName": factor.provider,
        "status": status,
        "created": factor.created,
        "lastUpdated": factor.last_updated,
        "profile": {"credentialId": user.login},
        "_links": all,
    })
}
