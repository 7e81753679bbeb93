//! Access tokens of the organisation's authorization server (okta.md 1.3.3), and what introspection
//! tells of them (okta.md 1.7).

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Map, Value, json};
use watchfire_crypto::{
    base64url,
    jwk::KeySet,
    jws::UnverifiedJws,
    signing::{PrivateKey, SigningError},
};
use watchfire_model::{id::ClientId, time::Timestamp};

use crate::{claims, error::OAuthError};

/// Seconds that a token works: always an hour (okta.md 1.3.3).
pub const LIFETIME_SECONDS: i64 = 3600;
/// How far ahead `iat` may lie when a clock was set back.
const CLOCK_LEEWAY: Duration = Duration::from_secs(60);
const VERSION: i64 = 1;

/// Why a token is refused (okta.md 1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.description())]
pub enum AccessTokenError {
    /// There is none.
    Missing,
    /// Not a token of ours.
    Invalid,
    /// `exp` has passed.
    Expired,
    /// It was revoked, or its client is gone.
    Revoked,
    /// `aud` is another organisation.
    Audience,
    /// `iss` is another organisation.
    Issuer,
    /// `iat` lies ahead, or a date is none.
    Timestamp,
    /// It came with the `DPoP` scheme and is bound to no key.
    NotDpopBound,
}

impl AccessTokenError {
    /// `error` of `WWW-Authenticate`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "invalid_request",
            _ => "invalid_token",
        }
    }

    /// `error_description`.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Missing => "The access token is missing.",
            Self::Invalid => "The access token is invalid.",
            Self::Expired => "The token has expired.",
            Self::Revoked => "The access token has been revoked.",
            Self::Audience => "The access token provided is not intended for Okta.",
            Self::Issuer => "The access token provided has an invalid issuer.",
            Self::Timestamp => "The token timestamp is invalid.",
            Self::NotDpopBound => "The presented access_token is not DPoP bound.",
        }
    }
}

impl From<AccessTokenError> for OAuthError {
    fn from(error: AccessTokenError) -> Self {
        Self::unauthorized(error.code(), error.description())
    }
}

/// What a new token says.
#[derive(Clone, Copy, Debug)]
pub struct NewAccessToken<'a> {
    /// The organisation's URL: issuer and audience.
    pub org_url: &'a str,
    /// Whom it is for.
    pub client_id: &'a ClientId,
    /// What it may be used for, in the order asked for.
    pub scopes: &'a [&'a str],
    /// The thumbprint of the DPoP key that it is bound to.
    pub jkt: Option<&'a str>,
    /// Random bytes, which become its `jti`.
    pub entropy: [u8; 32],
    /// The current time.
    pub now: Timestamp,
}

impl NewAccessToken<'_> {
    /// Its id, `AT.` and 43 characters: what a revocation remembers.
    pub fn jti(&self) -> String {
        format!("AT.{}", base64url::encode(self.entropy))
    }

    /// Signs it.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn sign(&self, key: &PrivateKey) -> Result<String, SigningError> {
        let issued_at = self.now.as_seconds();
        let mut claims = json!({
            "ver": VERSION,
            "jti": self.jti(),
            "iss": self.org_url,
            "aud": self.org_url,
            "sub": self.client_id.as_str(),
            "iat": issued_at,
            "exp": issued_at + LIFETIME_SECONDS,
            "cid": self.client_id.as_str(),
            "scp": self.scopes,
        });
        if let (Some(jkt), Some(members)) = (self.jkt, claims.as_object_mut()) {
            members.insert("cnf".into(), json!({ "jkt": jkt }));
        }
        key.sign_compact(&Map::new(), claims.to_string().as_bytes())
    }
}

/// A token of ours that has not expired. Whether it was revoked, and whether its client is still
/// there, only the caller knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedAccessToken {
    issuer: String,
    client_id: ClientId,
    jti: String,
    scopes: Vec<String>,
    jkt: Option<String>,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl VerifiedAccessToken {
    /// Verifies a token against the organisation's own keys.
    ///
    /// # Errors
    /// [`AccessTokenError`] but `Missing`, `Revoked` and `NotDpopBound`.
    pub fn verify(token: &str, keys: &KeySet, org_url: &str, now: Timestamp) -> Result<Self, AccessTokenError> {
        let jws = UnverifiedJws::parse(token).map_err(|_| AccessTokenError::Invalid)?;
        let verified = jws.verify(keys).map_err(|_| AccessTokenError::Invalid)?;
        let claims = verified.claims().map_err(|_| AccessTokenError::Invalid)?;
        let text = |name: &str| claims::string(&claims, name).ok_or(AccessTokenError::Invalid);
        let date = |name: &str| claims.get(name).and_then(claims::numeric_date).map(Timestamp::from_seconds);
        if text("iss")? != org_url {
            return Err(AccessTokenError::Issuer);
        }
        if !claims::audience_has(&claims, &[org_url.to_owned()]) {
            return Err(AccessTokenError::Audience);
        }
        let issued_at = date("iat").ok_or(AccessTokenError::Timestamp)?;
        let expires_at = date("exp").ok_or(AccessTokenError::Timestamp)?;
        if issued_at > now.plus(CLOCK_LEEWAY) {
            return Err(AccessTokenError::Timestamp);
        }
        if expires_at <= now {
            return Err(AccessTokenError::Expired);
        }
        if claims.get("ver").and_then(Value::as_i64) != Some(VERSION) {
            return Err(AccessTokenError::Invalid);
        }
        Ok(Self {
            issuer: org_url.to_owned(),
            client_id: ClientId::new(text("cid")?),
            jti: text("jti")?.to_owned(),
            scopes: read_scopes(&claims)?,
            jkt: read_confirmation(&claims)?,
            issued_at,
            expires_at,
        })
    }

    /// Whose token it is.
    pub const fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// Its id.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// What it may be used for.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Whether it may be used for this.
    pub fn has_scope(&self, name: &str) -> bool {
        self.scopes.iter().any(|it| it == name)
    }

    /// The thumbprint of the DPoP key that it is bound to.
    pub fn jkt(&self) -> Option<&str> {
        self.jkt.as_deref()
    }

    /// Until when a revocation of it must be remembered.
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The body of a positive introspection (okta.md 1.7).
    pub fn introspection(&self) -> Value {
        let token_type = if self.jkt.is_some() { "DPoP" } else { "Bearer" };
        let mut body = json!({
            "active": true,
            "token_type": token_type,
            "scope": self.scopes.join(" "),
            "client_id": self.client_id.as_str(),
            "sub": self.client_id.as_str(),
            "aud": self.issuer,
            "iss": self.issuer,
            "jti": self.jti,
            "exp": self.expires_at.as_seconds(),
            "iat": self.issued_at.as_seconds(),
        });
        if let (Some(jkt), Some(members)) = (&self.jkt, body.as_object_mut()) {
            members.insert("cnf".into(), json!({ "jkt": jkt }));
        }
        body
    }
}

fn read_scopes(claims: &Map<String, Value>) -> Result<Vec<String>, AccessTokenError> {
    let scopes = claims.get("scp").and_then(Value::as_array).ok_or(AccessTokenError::Invalid)?;
    let names = scopes.iter().map(|it| it.as_str().map(str::to_owned));
    names.collect::<Option<_>>().ok_or(AccessTokenError::Invalid)
}

/// A `cnf` that cannot be read must not turn a bound token into a bearer token.
fn read_confirmation(claims: &Map<String, Value>) -> Result<Option<String>, AccessTokenError> {
    match claims.get("cnf") {
        None => Ok(None),
        Some(confirmation) => match confirmation.get("jkt").and_then(Value::as_str) {
            Some(jkt) => Ok(Some(jkt.to_owned())),
            None => Err(AccessTokenError::Invalid),
        },
    }
}
