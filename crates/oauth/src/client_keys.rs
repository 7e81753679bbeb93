//! The keys a client's assertions are verified with (okta.md 1.2.1, 1.3.2).

use serde_json::Value;
use watchfire_crypto::jwk::{Algorithm, KeySet};

/// The active keys among those that a client registered.
pub fn registered(keys: &[Value]) -> KeySet {
    KeySet::from_jwks(keys.iter().filter(|jwk| is_active(jwk)), Algorithm::OKTA)
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
}
