//! Key files of providers: private JWKs, what `keygen --json` prints, PEM.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};
use watchfire_crypto::{random, signing::PrivateKey};
use zeroize::Zeroizing;

/// Reads a private key: a JWK, a set of one, the object that `keygen --json` prints, or PEM.
///
/// # Errors
/// When the file is none of these.
pub(crate) fn read_private(path: &Path) -> Result<PrivateKey> {
    let text = fs::read_to_string(path).map(Zeroizing::new);
    let text = text.with_context(|| format!("cannot read the key {}", path.display()))?;
    parse_private(&text).with_context(|| format!("{} cannot be used as a private key", path.display()))
}

fn parse_private(text: &str) -> Result<PrivateKey> {
    if text.contains("-----BEGIN ") {
        return Ok(PrivateKey::from_pem(text)?);
    }
    let json: Value = serde_json::from_str(text).context("it is neither JSON nor PEM")?;
    let only_key = |value: &Value| {
        value
            .get("keys")
            .and_then(Value::as_array)
            .filter(|keys| keys.len() == 1)?
            .first()
            .cloned()
    };
    let jwk = json.get("keyPair").cloned().or_else(|| only_key(&json)).unwrap_or(json);
    Ok(PrivateKey::from_private_jwk(&jwk)?)
}

/// A client assertion to be made (okta.md 1.3.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assertion<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) audience: &'a str,
    /// Seconds since 1970.
    pub(crate) now: i64,
    /// Seconds.
    pub(crate) expires_in: i64,
    /// Whether it may be used once only.
    pub(crate) with_jti: bool,
}

impl Assertion<'_> {
    /// The claims. The guides show only `aud`, `iss` and `sub` and leave the rest to their tool.
    ///
    /// # Errors
    /// Without randomness.
    pub(crate) fn claims(&self) -> Result<Map<String, Value>> {
        let mut claims = Map::new();
        claims.insert("aud".into(), self.audience.into());
        claims.insert("iss".into(), self.client_id.into());
        claims.insert("sub".into(), self.client_id.into());
        claims.insert("iat".into(), self.now.into());
        claims.insert("exp".into(), self.now.saturating_add(self.expires_in).into());
        if self.with_jti {
            claims.insert("jti".into(), random::base62(32)?.into());
        }
        Ok(claims)
    }

    /// The JWT, signed with `key`.
    ///
    /// # Errors
    /// Without randomness, or when the key cannot sign.
    pub(crate) fn sign(&self, key: &PrivateKey) -> Result<String> {
        let payload = Value::Object(self.claims()?).to_string();
        Ok(key.sign_compact(&Map::new(), payload.as_bytes())?)
    }
}

/// The token endpoint of the installation at `org_url`, which is what an assertion is for.
pub(crate) fn token_endpoint(org_url: &str) -> String {
    format!("{}/oauth2/v1/token", org_url.trim_end_matches('/'))
}
