//! How we show a token endpoint of somebody else who we are.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, header::InvalidHeaderValue};
use serde_json::{Map, Value, json};
use url::form_urlencoded;
use watchfire_crypto::signing::{NewKey, PrivateKey, SigningError};
use watchfire_model::time::Timestamp;

use crate::{Error, Result};

/// Seconds that an assertion works (AUTH-08).
const ASSERTION_LIFE: i64 = 240;
/// `client_assertion_type` (RFC 7523 section 2.2).
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// `client_secret_basic` (RFC 6749 section 2.3.1: both parts are form-encoded first).
pub(crate) fn basic(client_id: &str, secret: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(client_id), encode(secret));
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair)))?;
    value.set_sensitive(true);
    Ok(value)
}

/// `private_key_jwt` (RFC 7523).
pub(crate) fn assertion(
    key: &PrivateKey,
    client_id: &str,
    audience: &str,
    jti: &str,
    now: Timestamp,
) -> Result<String, SigningError> {
    let now = now.as_seconds();
    let claims = json!({
        "iss": client_id, "sub": client_id, "aud": audience,
        "iat": now, "exp": now.saturating_add(ASSERTION_LIFE), "jti": jti,
    });
    let mut header = Map::new();
    header.insert("typ".into(), "JWT".into());
    key.sign_compact(&header, claims.to_string().as_bytes())
}

/// A private key as PEM or JWK. It has a name by which the other side finds it.
pub(crate) fn read_key(text: &str) -> Option<PrivateKey> {
    if text.contains("-----BEGIN ") {
        return PrivateKey::from_pem(text).ok();
    }
    let jwk: Value = serde_json::from_str(text).ok()?;
    let key = PrivateKey::from_private_jwk(&jwk).ok()?;
    let kid = key.kid().unwrap_or(key.thumbprint()).to_owned();
    Some(key.with_kid(Some(kid)))
}

/// A fresh key.
pub(crate) async fn generate() -> Result<PrivateKey> {
    let key = tokio::task::spawn_blocking(|| PrivateKey::generate(NewKey::Rsa2048)).await;
    key.map_err(Error::internal)?.map_err(Error::internal)
}
