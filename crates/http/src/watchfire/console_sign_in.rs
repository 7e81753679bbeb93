//! `/watchfire/v1/console-sign-in`: the ways into the Admin Console, and who administrators are elsewhere.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{
    App,
    identity::oidc::{NewConsoleSignIn, NewOidcAuthentication, NewOidcProvider},
};
use watchfire_model::{
    object::{ConsoleSignIn, OidcAuthentication, OidcProvider, OwnFactor, Status},
    time::Timestamp,
};

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    okta::members::{Faults, Members},
};

const MAX_URL: usize = 2048;
const MAX_TEXT: usize = 256;
const MAX_SECRET: usize = 16 * 1024;
const STATUSES: [(&str, Status); 2] = [("ACTIVE", Status::Active), ("INACTIVE", Status::Inactive)];
/// What is asked for when nothing is said.
const SCOPES: [&str; 2] = ["email", "profile"];

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, replace)).routes(routes!(unlink))
}

/// The ways into the Admin Console.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConsoleSignInObject {
    /// Whether passwords are taken beside an active provider. Without one they always are.
    password: bool,
    /// The team's own OpenID provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    oidc: Option<OidcProviderObject>,
    /// Where the provider sends browsers back to.
    redirect_uri: String,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
}

/// The team's own OpenID provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OidcProviderObject {
    /// `ACTIVE` or `INACTIVE`.
    status: &'static str,
    /// What its button says.
    name: String,
    /// Its issuer, exactly as its tokens write it.
    issuer: String,
    /// Our client id there.
    client_id: String,
    /// `CLIENT_SECRET` or `PRIVATE_KEY_JWT`.
    authentication: &'static str,
    /// The public half of our key, for the provider to be given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    public_key: Option<Value>,
    /// What is asked for beside `openid`.
    scopes: Vec<String>,
    /// Whether the console's own second factor follows: `ASK`, `ASK_UNLESS_TRUSTED` or `TRUST`.
    own_factor: &'static str,
    /// Values of `acr` that stand for a second factor there.
    trusted_acr: Vec<String>,
    /// Values of `amr` that do.
    trusted_amr: Vec<String>,
}

/// What they are to be.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
struct NewConsoleSignInObject {
    /// Whether passwords are taken beside an active provider (true).
    password: Option<bool>,
    /// The provider; absent, there is none.
    oidc: Option<NewOidcProviderObject>,
}

/// What the provider is to be.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
struct NewOidcProviderObject {
    /// `ACTIVE`, after which the provider is asked for its metadata and keys before anything is kept, or `INACTIVE`.
    status: Option<String>,
    /// What its button says.
    #[schema(max_length = 60)]
    name: String,
    /// Its issuer, exactly as its tokens write it.
    issuer: String,
    /// Our client id there.
    #[schema(rename = "clientId", max_length = 256)]
    client_id: String,
    /// `CLIENT_SECRET` (the default) or `PRIVATE_KEY_JWT`.
    authentication: Option<String>,
    /// Never shown again. Absent, the one that is kept stays, for the same issuer and client.
    #[schema(rename = "clientSecret")]
    client_secret: Option<String>,
    /// A JWK or PEM, never shown again. Absent, the one that is kept stays, or one is made.
    #[schema(rename = "privateKey")]
    private_key: Option<String>,
    /// What is asked for beside `openid` (`email`, `profile`).
    scopes: Option<Vec<String>>,
    /// `ASK` (the default), `ASK_UNLESS_TRUSTED` or `TRUST`.
    #[schema(rename = "ownFactor")]
    own_factor: Option<String>,
    /// Values of `acr` that stand for a second factor there; they are asked for.
    #[schema(rename = "trustedAcr")]
    trusted_acr: Option<Vec<String>>,
    /// Values of `amr` that do.
    #[schema(rename = "trustedAmr")]
    trusted_amr: Option<Vec<String>>,
}

impl ConsoleSignInObject {
    fn new(settings: ConsoleSignIn, redirect_uri: String) -> Self {
        Self {
            password: settings.password,
            oidc: settings.oidc.map(OidcProviderObject::from),
            redirect_uri,
            last_updated: settings.last_updated,
        }
    }
}

impl From<OidcProvider> for OidcProviderObject {
    fn from(provider: OidcProvider) -> Self {
        let (authentication, public_key) = match provider.authentication {
            OidcAuthentication::ClientSecret { .. } => ("CLIENT_SECRET", None),
            OidcAuthentication::PrivateKeyJwt { public_jwk, .. } => ("PRIVATE_KEY_JWT", Some(public_jwk)),
        };
        Self {
            status: provider.status.as_str(),
            name: provider.name,
            issuer: provider.issuer,
            client_id: provider.client_id,
            authentication,
            public_key,
            scopes: provider.scopes,
            own_factor: provider.own_factor.as_str(),
            trusted_acr: provider.trusted_acr,
            trusted_amr: provider.trusted_amr,
        }
    }
}

/// Retrieve the ways into the Admin Console
///
/// For super administrators. Secrets are never in the answer.
#[utoipa::path(get, path = "/watchfire/v1/console-sign-in", tag = "Watchfire", security(("apiToken" = ["SUPER_ADMIN"])),
    responses((status = 200, body = ConsoleSignInObject), (status = 403, body = ErrorObject)))]
async fn get(State(app): State<App>, caller: Caller) -> Result<Json<ConsoleSignInObject>, OktaError> {
    let settings = app.console_sign_in(&caller.principal)?;
    Ok(Json(ConsoleSignInObject::new(settings, app.oidc_redirect_uri())))
}

/// Replace the ways into the Admin Console
///
/// For super administrators. `password: false` leaves the provider as the only way in beside invitations.
#[utoipa::path(put, path = "/watchfire/v1/console-sign-in", tag = "Watchfire", request_body = NewConsoleSignInObject,
    security(("apiToken" = ["SUPER_ADMIN"])),
    responses((status = 200, body = ConsoleSignInObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<ConsoleSignInObject>, OktaError> {
    let members = Members::of(&body)?;
    let mut faults = Faults::default();
    // What was read may be sent back.
    members.known(&["password", "oidc", "redirectUri", "lastUpdated"], &mut faults);
    let new = NewConsoleSignIn {
        password: members.boolean("password", &mut faults).unwrap_or(true),
        oidc: members
            .value("oidc")
            .map(|_| provider(&members.child("oidc", &mut faults), &mut faults)),
    };
    let new = faults.or(new)?;
    let settings = app.set_console_sign_in(&caller.principal, caller.origin, new).await?;
    Ok(Json(ConsoleSignInObject::new(settings, app.oidc_redirect_uri())))
}

/// Forget who an administrator is at the OpenID provider
///
/// The next sign-in there links them anew, by their verified address.
#[utoipa::path(delete, path = "/watchfire/v1/administrators/{userId}/identity", tag = "Watchfire",
    params(("userId" = String, Path)), security(("apiToken" = ["SUPER_ADMIN"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn unlink(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.unlink_administrator(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Members of the provider: those that can be set, and the one that is only read.
const PROVIDER: [&str; 12] = [
    "status",
    "name",
    "issuer",
    "clientId",
    "authentication",
    "clientSecret",
    "privateKey",
    "scopes",
    "ownFactor",
    "trustedAcr",
    "trustedAmr",
    "publicKey",
];

fn provider(members: &Members<'_>, faults: &mut Faults) -> NewOidcProvider {
    members.known(&PROVIDER, faults);
    let secret = |name: &str, faults: &mut Faults| {
        let text = members.text(name, MAX_SECRET, faults).filter(|text| !text.is_empty());
        text.map(SecretString::from)
    };
    let client_secret = secret("clientSecret", faults);
    let private_key = secret("privateKey", faults);
    let methods = [("CLIENT_SECRET", false), ("PRIVATE_KEY_JWT", true)];
    let by_key = members.choice("authentication", &methods, faults).unwrap_or(false);
    let scopes = match members.value("scopes") {
        Some(_) => members.texts("scopes", faults),
        None => SCOPES.map(str::to_owned).into(),
    };
    NewOidcProvider {
        status: members.choice("status", &STATUSES, faults).unwrap_or_default(),
        name: members.required_text("name", MAX_TEXT, faults),
        issuer: members.required_text("issuer", MAX_URL, faults),
        client_id: members.required_text("clientId", MAX_TEXT, faults),
        authentication: if by_key {
            NewOidcAuthentication::PrivateKeyJwt(private_key)
        } else {
            NewOidcAuthentication::ClientSecret(client_secret)
        },
        scopes,
        own_factor: members.choice("ownFactor", &OwnFactor::WORDS, faults).unwrap_or_default(),
        trusted_acr: members.texts("trustedAcr", faults),
        trusted_amr: members.texts("trustedAmr", faults),
    }
}
