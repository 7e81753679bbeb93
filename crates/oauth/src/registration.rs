//! Dynamic client registration (RFC 7591, RFC 7592, okta.md 1.2): a JSON body in, validated
//! metadata or the first fault out, and the client object that goes back.

mod keys;
mod members;
#[cfg(test)]
mod tests;
mod wire;

use serde_json::{Map, Value};
use watchfire_model::{
    id::IdSource,
    object::{AuthMethod, Client, ClientMetadata, KeySource},
};

use self::{keys::read_keys, members::Members};
pub use self::{
    keys::{MAX_KEYS, check_keys},
    wire::document,
};
use crate::error::OAuthError;

/// Characters of a client's name, as of an app's label (okta.md 2.1).
pub const MAX_NAME_LEN: usize = 100;

const APPLICATION_TYPES: &[&str] = &["browser", "native", "service", "web"];
const RESPONSE_TYPES: &[&str] = &["code", "id_token", "none", "token"];
const GRANT_TYPES: &[&str] = &[
    "authorization_code",
    "client_credentials",
    "implicit",
    "interaction_code",
    "password",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:saml2-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:openid:params:grant-type:ciba",
];
/// Grants in which a person's browser comes back to a redirect URI.
const REDIRECTING: &[&str] = &["authorization_code", "implicit", "interaction_code"];
/// Grants that need a person, whom a service app does not have.
const INTERACTIVE: &[&str] = &[
    "authorization_code",
    "implicit",
    "interaction_code",
    "password",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
];
const AUTH_METHODS: &[&str] = &[
    "none",
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
];
const REQUEST_OBJECT_ALGORITHMS: &[&str] = &[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512",
];
const ENCRYPTION_ALGORITHMS: &[&str] = &["RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512"];
/// Members that are addresses, checked and kept in `other`.
const ADDRESSES: &[&str] = &[
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
    "initiate_login_uri",
    "frontchannel_logout_uri",
];

/// Why metadata is refused. Both are 400 (okta.md 1.2.2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// `invalid_client_metadata`
    #[error("{member}: {message}")]
    Metadata {
        /// The member at fault.
        member: &'static str,
        /// What is wrong with it, for people.
        message: String,
    },
    /// `invalid_redirect_uri`
    #[error("{member}: {message}")]
    RedirectUri {
        /// `redirect_uris` or `post_logout_redirect_uris`.
        member: &'static str,
        /// What is wrong with it, for people.
        message: String,
    },
}

impl RegistrationError {
    /// `error`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Metadata { .. } => "invalid_client_metadata",
            Self::RedirectUri { .. } => "invalid_redirect_uri",
        }
    }

    /// The member at fault.
    pub const fn member(&self) -> &'static str {
        match self {
            Self::Metadata { member, .. } | Self::RedirectUri { member, .. } => member,
        }
    }

    /// What is wrong with it: a cause in the error object of the apps API.
    pub fn message(&self) -> &str {
        match self {
            Self::Metadata { message, .. } | Self::RedirectUri { message, .. } => message,
        }
    }

    fn metadata(member: &'static str, message: impl Into<String>) -> Self {
        Self::Metadata {
            member,
            message: message.into(),
        }
    }
}

impl From<RegistrationError> for OAuthError {
    fn from(error: RegistrationError) -> Self {
        Self::bad_request(error.code(), error.to_string())
    }
}

/// What an installation allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether `jwks_uri` may be plain http, for development.
    pub allow_http: bool,
}

/// Reads the body of a registration. `ids` makes the ids of its keys.
///
/// # Errors
/// [`RegistrationError`], for the first fault.
pub fn create(body: &Value, rules: Rules, ids: &mut dyn IdSource) -> Result<ClientMetadata, RegistrationError> {
    read(&Members::of(body)?, None, rules, ids)
}

/// Reads the body of a replacement of `client`: everything anew, except that a key that stays keeps
/// its id, and `dpop_bound_access_tokens`, which Okta's client object does not have, stays when it
/// is not sent.
///
/// `client_id_issued_at`, `client_secret` and `client_secret_expires_at` are ignored (okta.md 13
/// row 13).
///
/// # Errors
/// [`RegistrationError`], for the first fault; another `client_id` than the client's is one.
pub fn replace(body: &Value, client: &Client, rules: Rules, ids: &mut dyn IdSource) -> Result<ClientMetadata, RegistrationError> {
    let members = Members::of(body)?;
    if members.string("client_id")?.is_some_and(|id| id != client.id.as_str()) {
        return Err(RegistrationError::metadata(
            "client_id",
            "The field must match the client ID in the path.",
        ));
    }
    read(&members, Some(&client.metadata), rules, ids)
}

fn read(
    members: &Members<'_>,
    previous: Option<&ClientMetadata>,
    rules: Rules,
    ids: &mut dyn IdSource,
) -> Result<ClientMetadata, RegistrationError> {
    let client_name = read_name(members)?;
    let application_type = members.one_of("application_type", APPLICATION_TYPES)?.unwrap_or("web");
    let is_service = application_type == "service";
    let defaults = if is_service {
        ("token", "client_credentials")
    } else {
        ("code", "authorization_code")
    };
    let (response_types, grant_types) = (
        members
            .some_of("response_types", RESPONSE_TYPES)?
            .unwrap_or_else(|| vec![defaults.0.to_owned()]),
        members
            .some_of("grant_types", GRANT_TYPES)?
            .unwrap_or_else(|| vec![defaults.1.to_owned()]),
    );
    if is_service {
        check_service(&grant_types, &response_types)?;
    }
    let token_endpoint_auth_method = read_auth_method(members, is_service)?;
    let redirect_uris = members.redirect_uris("redirect_uris")?;
    if redirect_uris.is_empty() && grant_types.iter().any(|it| REDIRECTING.contains(&it.as_str())) {
        return Err(RegistrationError::RedirectUri {
            member: "redirect_uris",
            message: "At least one redirect URI is required for the requested grant types.".into(),
        });
    }
    let keys = read_key_source(members, previous, rules, ids)?;
    if keys.is_none() && token_endpoint_auth_method == AuthMethod::PrivateKeyJwt {
        return Err(RegistrationError::metadata(
            "jwks",
            "One of 'jwks' or 'jwks_uri' is required when the token_endpoint_auth_method is 'private_key_jwt'.",
        ));
    }
    let bound = members.boolean("dpop_bound_access_tokens")?;
    Ok(ClientMetadata {
        client_name,
        application_type: application_type.to_owned(),
        grant_types,
        response_types,
        redirect_uris,
        post_logout_redirect_uris: members.redirect_uris("post_logout_redirect_uris")?,
        token_endpoint_auth_method,
        keys,
        dpop_bound_access_tokens: bound.or(previous.map(|it| it.dpop_bound_access_tokens)).unwrap_or_default(),
        other: read_other(members)?,
    })
}

fn read_name(members: &Members<'_>) -> Result<String, RegistrationError> {
    let name = members.string("client_name")?.unwrap_or_default();
    if name.trim().is_empty() {
        return Err(RegistrationError::metadata("client_name", "The field cannot be left blank"));
    }
    if name.chars().count() > MAX_NAME_LEN {
        return Err(RegistrationError::metadata("client_name", "The field is too long"));
    }
    Ok(name.to_owned())
}

fn check_service(grant_types: &[String], response_types: &[String]) -> Result<(), RegistrationError> {
    let has_interactive = grant_types.iter().any(|it| INTERACTIVE.contains(&it.as_str()));
    if has_interactive || !grant_types.iter().any(|it| it == "client_credentials") {
        return Err(RegistrationError::metadata(
            "grant_types",
            "Clients with an application_type of 'service' must use the 'client_credentials' grant type, and none that \
             needs a user.",
        ));
    }
    if response_types != ["token"] {
        return Err(RegistrationError::metadata(
            "response_types",
            "Clients with an application_type of 'service' must use the 'token' response type only.",
        ));
    }
    Ok(())
}

fn read_auth_method(members: &Members<'_>, is_service: bool) -> Result<AuthMethod, RegistrationError> {
    let method = match members.one_of("token_endpoint_auth_method", AUTH_METHODS)? {
        Some("none") => AuthMethod::None,
        Some("client_secret_post") => AuthMethod::ClientSecretPost,
        Some("client_secret_jwt") => AuthMethod::ClientSecretJwt,
        Some("private_key_jwt") => AuthMethod::PrivateKeyJwt,
        _ => AuthMethod::ClientSecretBasic,
    };
    if is_service && method == AuthMethod::None {
        return Err(RegistrationError::metadata(
            "token_endpoint_auth_method",
            "Clients with an application_type of 'service' must authenticate.",
        ));
    }
    Ok(method)
}

fn read_key_source(
    members: &Members<'_>,
    previous: Option<&ClientMetadata>,
    rules: Rules,
    ids: &mut dyn IdSource,
) -> Result<Option<KeySource>, RegistrationError> {
    let kept = match previous.and_then(|it| it.keys.as_ref()) {
        Some(KeySource::Jwks(keys)) => keys.as_slice(),
        _ => &[],
    };
    match (members.get("jwks"), members.address("jwks_uri", rules.allow_http)?) {
        (Some(_), Some(_)) => Err(RegistrationError::metadata(
            "jwks",
            "Only one of 'jwks' and 'jwks_uri' may be specified.",
        )),
        (Some(jwks), None) => Ok(Some(KeySource::Jwks(read_keys(jwks, kept, ids)?))),
        (None, Some(uri)) => Ok(Some(KeySource::JwksUri(uri.to_owned()))),
        (None, None) => Ok(None),
    }
}

fn read_other(members: &Members<'_>) -> Result<Map<String, Value>, RegistrationError> {
    let mut other = Map::new();
    for name in ADDRESSES {
        if let Some(address) = members.address(name, true)? {
            other.insert((*name).to_owned(), address.into());
        }
    }
    for (name, values) in [
        ("request_object_signing_alg", REQUEST_OBJECT_ALGORITHMS),
        ("id_token_encrypted_response_alg", ENCRYPTION_ALGORITHMS),
    ] {
        if let Some(value) = members.one_of(name, values)? {
            other.insert(name.to_owned(), value.into());
        }
    }
    if let Some(required) = members.boolean("frontchannel_logout_session_required")? {
        other.insert("frontchannel_logout_session_required".to_owned(), required.into());
    }
    Ok(other)
}
