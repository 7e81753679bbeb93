//! `/watchfire/v1/administrators`: who may use the Admin Console.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{App, identity::administrators::AdministratorUser};
use watchfire_model::{object::AdminRole, time::Timestamp};

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
    okta::members::{Faults, Members},
};

const MAX_ROLE: usize = 40;
const MAX_LOGIN: usize = 100;
/// Members that a change may send back as they were read.
const READ_ONLY: [&str; 8] = [
    "userId",
    "login",
    "name",
    "status",
    "invitationExpiresAt",
    "identity",
    "created",
    "lastUpdated",
];

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, invite))
        .routes(routes!(change, remove))
}

/// Somebody who may use the Admin Console.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AdministratorObject {
    /// The user's id.
    user_id: String,
    /// What they sign in with.
    login: String,
    /// For people.
    name: String,
    /// `SUPER_ADMIN`, `SECURITY_ANALYST` or `READ_ONLY`.
    role: &'static str,
    /// `INVITED` until an invitation was accepted, then `ACTIVE`.
    status: &'static str,
    /// Where the invitation leads, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<String>,
    /// When the invitation stops working.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    invitation_expires_at: Option<Timestamp>,
    /// Who they are at the OpenID provider, once they have signed in there.
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<IdentityObject>,
    /// When the access was given.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
}

/// Who somebody is at the OpenID provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct IdentityObject {
    /// The provider.
    issuer: String,
    /// Its name for them.
    subject: String,
    /// The verified address that led to them.
    email: String,
    /// When they first signed in there.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
}

/// Whom to invite.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
struct NewAdministrator {
    /// What they sign in with, an address; a user is made where there is none.
    #[schema(max_length = 100)]
    login: String,
    /// `SUPER_ADMIN`, `SECURITY_ANALYST` or `READ_ONLY`.
    role: String,
}

/// A change of what somebody may do.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
struct RoleOfAdministrator {
    /// `SUPER_ADMIN`, `SECURITY_ANALYST` or `READ_ONLY`.
    role: String,
}

impl AdministratorObject {
    fn new(of: AdministratorUser, link: Option<String>) -> Self {
        let AdministratorUser {
            administrator,
            user,
            link: identity,
        } = of;
        Self {
            name: user.display_name(),
            user_id: user.id.into(),
            login: user.login,
            role: administrator.role.as_str(),
            status: if administrator.is_enrolled() || identity.is_some() {
                "ACTIVE"
            } else {
                "INVITED"
            },
            invitation: link,
            invitation_expires_at: administrator.invitation.map(|invitation| invitation.expires_at),
            identity: identity.map(|link| IdentityObject {
                issuer: link.issuer,
                subject: link.subject,
                email: link.email,
                created: link.created,
            }),
            created: administrator.created,
            last_updated: administrator.last_updated,
        }
    }
}

/// List the administrators of the Admin Console
#[utoipa::path(get, path = "/watchfire/v1/administrators", tag = "Watchfire",
    security(("apiToken" = []), ("oauth2" = ["okta.roles.read"])),
    responses((status = 200, body = Vec<AdministratorObject>), (status = 403, body = ErrorObject)))]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<AdministratorObject>>, OktaError> {
    let all = app.administrators(&caller.principal).await?;
    let objects = all.into_iter().map(|one| AdministratorObject::new(one, None));
    Ok(Json(objects.collect()))
}

/// Invite an administrator, or once more: the link sets password and authenticator app anew
#[utoipa::path(post, path = "/watchfire/v1/administrators", tag = "Watchfire", request_body = NewAdministrator,
    security(("apiToken" = ["SUPER_ADMIN"])),
    responses((status = 201, body = AdministratorObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn invite(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    JsonBody(body): JsonBody<Value>,
) -> Result<(StatusCode, Json<AdministratorObject>), OktaError> {
    let members = Members::of(&body)?;
    let mut faults = Faults::default();
    members.known(&["login", "role"], &mut faults);
    let login = members.required_text("login", MAX_LOGIN, &mut faults);
    let role = required_role(&members, &mut faults);
    let (login, role) = faults.or((login, role))?;
    let (made, token) = app
        .invite_administrator(&caller.principal, caller.origin, &login, role)
        .await?;
    let link = links.to(&format!("/admin/invitations/{}", token.expose_secret()));
    Ok((StatusCode::CREATED, Json(AdministratorObject::new(made, Some(link)))))
}

/// Change what an administrator may do; nobody their own role
#[utoipa::path(put, path = "/watchfire/v1/administrators/{userId}", tag = "Watchfire", params(("userId" = String, Path)),
    request_body = RoleOfAdministrator, security(("apiToken" = ["SUPER_ADMIN"])),
    responses((status = 200, body = AdministratorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<AdministratorObject>, OktaError> {
    let members = Members::of(&body)?;
    let mut faults = Faults::default();
    members.known(&[&["role"], READ_ONLY.as_slice()].concat(), &mut faults);
    let role = required_role(&members, &mut faults);
    let role = faults.or(role)?;
    let changed = app
        .change_administrator_role(&caller.principal, caller.origin, &id, role)
        .await?;
    Ok(Json(AdministratorObject::new(changed, None)))
}

/// Take an administrator's access away: sessions end and API tokens stop working
#[utoipa::path(delete, path = "/watchfire/v1/administrators/{userId}", tag = "Watchfire", params(("userId" = String, Path)),
    security(("apiToken" = ["SUPER_ADMIN"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn remove(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.remove_administrator(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn required_role(members: &Members<'_>, faults: &mut Faults) -> AdminRole {
    let role = members.required_text("role", MAX_ROLE, faults);
    AdminRole::parse(&role).unwrap_or_else(|| {
        if !role.is_empty() {
            faults.add("role", "Invalid value");
        }
        AdminRole::ReadOnly
    })
}
