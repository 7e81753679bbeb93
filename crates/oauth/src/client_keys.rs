//! The keys a client's assertions are verified with (okta.md 1.2.1, 1.3.2).

use serde_json::Value;
use watchfire_crypto::jwk::{Algorithm, KeySet};

use crate::assertion::AssertionError;

/// The active keys among those that a client registered.
pub fn registered(keys: &[Value]) -> KeySet {
    KeySet::from_jwks(keys.iter().filter(|jwk| is_active(jwk)), Algorithm::OKTA)
}

/// The keys of a document fetched from a client's `jwks_uri`.
///
/// # Errors
/// [`AssertionError::JwksUriFailed`], [`AssertionError::JwksUriEmpty`],
/// [`AssertionError::JwksUriRepeatsKid`].
pub fn fetched(document: &Value) -> Result<KeySet, AssertionError> {
    let keys = document
        .get("keys")
        .and_then(Value::as_array)
        .ok_or(AssertionError::JwksUriFailed)?;
    if keys.is_empty() {
        return Err(AssertionError::JwksUriEmpty);
    }
    let mut kids: Vec<_> = keys.iter().filter_map(|jwk| jwk.get("kid")?.as_str()).collect();
    kids.sort_unstable();
    let named = kids.len();
    kids.dedup();
    if kids.len() < named || (keys.len() > 1 && named < keys.len()) {
        return Err(AssertionError::JwksUriRepeatsKid);
    }
    KeySet::parse(document, Algorithm::OKTA).map_err(|_| AssertionError::JwksUriFailed)
}

/// A key without a status is active.
pub fn is_active(jwk: &Value) -> bool {
    jwk.get("status").and_then(Value::as_str) != Some("INACTIVE")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(kid: &str) -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
    }

    #[test]
    fn leaves_inactive_keys_out() {
        let mut off = key("off");
        off["status"] = json!("INACTIVE");
        let mut on = key("on");
        on["status"] = json!("ACTIVE");
        let set = registered(&[off, on, key("plain")]);
        let kids: Vec<_> = set.keys().iter().map(|it| it.kid().unwrap()).collect();
        assert_eq!(kids, ["on", "plain"]);
    }

    /// okta.md 1.3.4.
    #[test]
    fn refuses_fetched_sets_with_the_reason() {
        let mut unnamed = key("a");
        unnamed["kid"] = Value::Null;
        for (document, want) in [
            (json!("x"), Err(AssertionError::JwksUriFailed)),
            (json!({}), Err(AssertionError::JwksUriFailed)),
            (json!({"keys": []}), Err(AssertionError::JwksUriEmpty)),
            (json!({"keys": [key("a"), key("a")]}), Err(AssertionError::JwksUriRepeatsKid)),
            (json!({"keys": [key("a"), unnamed]}), Err(AssertionError::JwksUriRepeatsKid)),
            (json!({"keys": [unnamed]}), Ok(1)),
            (json!({"keys": [key("a"), key("b")]}), Ok(2)),
        ] {
            assert_eq!(fetched(&document).map(|set| set.keys().len()), want, "{document}");
        }
    }
}
