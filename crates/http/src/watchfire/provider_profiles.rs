//! `/watchfire/v1/security-events-providers`: what Okta's `settings` has no room for (architecture
//! section 5).

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use watchfire_app::{App, Error, intake::event_keys::ProviderKeys};
use watchfire_model::{
    object::{DialectName, ProviderProfile},
    time::Timestamp,
};

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
};

/// How a provider is read, and what it may speak about. An absent list, or null, allows everything.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProfileBody {
    /// `okta`, `standard`, `interop`, `google-risc`, `legacy-sse`, `authentik` or `caep.dev`: what is
    /// tolerated.
    #[schema(value_type = String, example = "okta")]
    profile: DialectName,
    /// What it may sign with: `RS256`, `PS256`, `ES256`, `ES384`, `EdDSA`.
    algorithms: Vec<String>,
    /// Event types that it may send, as full URIs.
    event_types: Option<Vec<String>>,
    /// Formats of subject identifiers that it may use.
    subject_formats: Option<Vec<String>>,
    /// Domains of e-mail addresses and accounts that it may speak about.
    domains: Option<Vec<String>>,
    /// `iss` of `iss_sub` identifiers that it may speak about.
    issuers: Option<Vec<String>>,
    /// Whether it decides who owns an identifier of the listed domains and issuers.
    authoritative: bool,
    /// Keys that are not used although its key set has them, by `kid` or RFC 7638 thumbprint.
    revoked_keys: Vec<String>,
}

impl From<&ProviderProfile> for ProfileBody {
    fn from(profile: &ProviderProfile) -> Self {
        let profile = profile.clone();
        Self {
            profile: profile.profile,
            algorithms: profile.algorithms,
            event_types: profile.event_types,
            subject_formats: profile.subject_formats,
            domains: profile.domains,
            issuers: profile.issuers,
            authoritative: profile.authoritative,
            revoked_keys: profile.revoked_keys,
        }
    }
}

/// The keys that a provider's tokens are verified with.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderKeysBody {
    /// When they were fetched.
    #[schema(value_type = String, format = DateTime)]
    fetched_at: Timestamp,
    /// Those that are used.
    keys: Vec<KeyBody>,
    /// Those of the set that cannot be used.
    rejected: Vec<RejectedKeyBody>,
}

/// A key that is used.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KeyBody {
    /// `kid`
    pub(super) kid: Option<String>,
    /// Its RFC 7638 thumbprint.
    pub(super) thumbprint: String,
    /// What it may verify.
    pub(super) algorithms: Vec<String>,
}

/// A key that is not.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RejectedKeyBody {
    /// `kid`
    pub(super) kid: Option<String>,
    /// Why not.
    pub(super) reason: String,
}

impl From<&ProviderKeys> for ProviderKeysBody {
    fn from(keys: &ProviderKeys) -> Self {
        let used = keys.keys().keys().iter().map(|key| KeyBody {
            kid: key.kid().map(str::to_owned),
            thumbprint: key.thumbprint().to_owned(),
            algorithms: key.algorithms().map(|it| it.to_string()).collect(),
        });
        let rejected = keys.keys().rejected().iter().map(|key| RejectedKeyBody {
            kid: key.kid.clone(),
            reason: key.reason.to_string(),
        });
        Self {
            fetched_at: keys.fetched_at(),
            keys: used.collect(),
            rejected: rejected.collect(),
        }
    }
}

/// Retrieve how a security events provider is read and what it may speak about
#[utoipa::path(get, path = "/watchfire/v1/security-events-providers/{securityEventProviderId}/profile", tag = "Watchfire",
    params(("securityEventProviderId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.securityEventsProviders.read"])),
    responses((status = 200, body = ProfileBody), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
pub(super) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<ProfileBody>, OktaError> {
    let provider = app.security_events_provider(&caller.principal, &id)?;
    Ok(Json(ProfileBody::from(&provider.profile)))
}

/// Replace how a security events provider is read and what it may speak about
#[utoipa::path(put, path = "/watchfire/v1/security-events-providers/{securityEventProviderId}/profile", tag = "Watchfire",
    params(("securityEventProviderId" = String, Path)), request_body = ProfileBody,
    security(("apiToken" = []), ("oauth2" = ["okta.securityEventsProviders.manage"])),
    responses((status = 200, body = ProfileBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
pub(super) async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Json<ProfileBody>, OktaError> {
    let profile = parse(&body)?;
    let provider = app
        .set_provider_profile(&caller.principal, caller.origin, &id, profile)
        .await?;
    Ok(Json(ProfileBody::from(&provider.profile)))
}

/// Forget a security events provider's keys and fetch them now
#[utoipa::path(post, path = "/watchfire/v1/security-events-providers/{securityEventProviderId}/keys/refresh", tag = "Watchfire",
    params(("securityEventProviderId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.securityEventsProviders.manage"])),
    responses((status = 200, body = ProviderKeysBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
pub(super) async fn refresh_keys(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ProviderKeysBody>, OktaError> {
    let keys = app.refresh_provider_keys(&caller.principal, &id).await?;
    Ok(Json(ProviderKeysBody::from(&keys)))
}

const MEMBERS: [&str; 8] = [
    "profile",
    "algorithms",
    "event_types",
    "subject_formats",
    "domains",
    "issuers",
    "authoritative",
    "revoked_keys",
];

/// A member that is not known is refused: a limit that is misspelt would be no limit.
fn parse(body: &Map<String, Value>) -> Result<ProviderProfile, Error> {
    if let Some(unknown) = body.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        let message = format!("The field is not known. Known fields: {}", MEMBERS.join(", "));
        return Err(Error::invalid(unknown, &message));
    }
    let profile = match body.get("profile") {
        None => return Err(Error::invalid("profile", "The field cannot be left blank")),
        Some(value) => value.as_str().and_then(DialectName::parse).ok_or_else(unknown_profile)?,
    };
    let open = ProviderProfile::open(profile);
    Ok(ProviderProfile {
        profile,
        algorithms: texts(body, "algorithms")?.unwrap_or(open.algorithms),
        event_types: texts(body, "event_types")?,
        subject_formats: texts(body, "subject_formats")?,
        domains: texts(body, "domains")?,
        issuers: texts(body, "issuers")?,
        authoritative: switch(body, "authoritative")?,
        revoked_keys: texts(body, "revoked_keys")?.unwrap_or_default(),
    })
}

fn unknown_profile() -> Error {
    let names: Vec<&str> = DialectName::ALL.into_iter().map(DialectName::as_str).collect();
    let message = format!("The value is not valid. Allowed values: {}", names.join(", "));
    Error::invalid("profile", &message)
}

pub(super) fn texts(body: &Map<String, Value>, member: &str) -> Result<Option<Vec<String>>, Error> {
    let Some(value) = body.get(member).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let texts = value
        .as_array()
        .and_then(|list| list.iter().map(|entry| entry.as_str().map(str::to_owned)).collect());
    texts
        .map(Some)
        .ok_or_else(|| Error::invalid(member, "The field must be an array of strings"))
}

fn switch(body: &Map<String, Value>, member: &str) -> Result<bool, Error> {
    match body.get(member) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(Error::invalid(member, "The field must be true or false")),
    }
}
