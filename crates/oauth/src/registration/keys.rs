//! The keys of a client (okta.md 1.2.1, "JWK rules").

use serde_json::{Map, Value};
use watchfire_crypto::jwk::{Algorithm, JwkError, KeyType, PublicKey, VerificationKey};
use watchfire_model::id::{ClientKeyId, IdSource};

use super::RegistrationError;

/// Keys of a client (okta.md 1.2.1).
pub const MAX_KEYS: usize = 50;

const MEMBER: &str = "jwks";
const STATUSES: &[&str] = &["ACTIVE", "INACTIVE"];

/// Checks the keys of a client, as registered or as they would be after a change through the apps
/// API.
///
/// # Errors
/// [`RegistrationError::Metadata`] about `jwks`, in the contract's words where it has some.
pub fn check_keys(keys: &[Value]) -> Result<(), RegistrationError> {
    if keys.is_empty() {
        return Err(fault("The JWKSet must contain at least one key."));
    }
    if keys.len() > MAX_KEYS {
        return Err(fault("The JWKSet must contain at most 50 keys."));
    }
    let mut kids = Vec::new();
    for jwk in keys {
        let key = check_key(jwk)?;
        match key.kid() {
            None if keys.len() > 1 => return Err(fault("Each key should have a unique kid when adding multiple keys.")),
            None => {}
            Some(kid) if kids.iter().any(|it| it == kid) => {
                return Err(fault("All keys in the 'jwks' must have a unique `kid`."));
            }
            Some(kid) => kids.push(kid.to_owned()),
        }
    }
    Ok(())
}

/// Reads `{"keys": […]}`; gives each key its id and its status. A key that was there before keeps
/// its id.
pub(super) fn read_keys(jwks: &Value, kept: &[Value], ids: &mut dyn IdSource) -> Result<Vec<Value>, RegistrationError> {
    let keys = jwks.get("keys").and_then(Value::as_array);
    let keys = keys.ok_or_else(|| fault("The field must be an object with an array 'keys'."))?;
    check_keys(keys)?;
    let with_id = |jwk: &Value| {
        let mut members: Map<String, Value> = jwk.as_object().cloned().unwrap_or_default();
        let id = kept_id(jwk, kept).unwrap_or_else(|| ClientKeyId::generate(ids).into());
        members.insert("id".into(), id.into());
        if members.get("status").is_none_or(Value::is_null) {
            members.insert("status".into(), "ACTIVE".into());
        }
        Value::Object(members)
    };
    Ok(keys.iter().map(with_id).collect())
}

fn check_key(jwk: &Value) -> Result<PublicKey, RegistrationError> {
    let key = PublicKey::from_jwk(jwk).map_err(|error| match error {
        JwkError::RsaTooShort { .. } => fault("RSA key length in the 'jwks' is less than '2,048' bits for the given key."),
        other => fault(format!("A key in the 'jwks' is invalid: {other}.")),
    })?;
    if key.key_type() == KeyType::Ed25519 {
        return Err(fault("A key in the 'jwks' is invalid: the key type must be RSA or EC."));
    }
    let purpose = jwk.get("use").filter(|it| !it.is_null());
    match purpose.map(Value::as_str) {
        // A key for encryption is kept, and never verifies anything.
        Some(Some("enc")) => {}
        None | Some(Some("sig")) => {
            VerificationKey::from_jwk(jwk, Algorithm::OKTA)
                .map_err(|error| fault(format!("A key in the 'jwks' is invalid: {error}.")))?;
        }
        Some(_) => return Err(fault("A key in the 'jwks' is invalid: 'use' must be 'sig' or 'enc'.")),
    }
    let status = jwk.get("status").filter(|it| !it.is_null());
    if status.is_some_and(|it| !it.as_str().is_some_and(|it| STATUSES.contains(&it))) {
        return Err(fault(
            "A key in the 'jwks' is invalid: 'status' must be 'ACTIVE' or 'INACTIVE'.",
        ));
    }
    Ok(key)
}

/// The id of the same key, under the same `kid`, before the change.
fn kept_id(jwk: &Value, kept: &[Value]) -> Option<String> {
    let key = PublicKey::from_jwk(jwk).ok()?;
    let is_same = |other: &&Value| PublicKey::from_jwk(other).is_ok_and(|other| other == key);
    kept.iter().find(is_same)?.get("id")?.as_str().map(str::to_owned)
}

fn fault(message: impl Into<String>) -> RegistrationError {
    RegistrationError::metadata(MEMBER, message)
}
