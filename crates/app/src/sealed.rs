//! Every sealed value of an object, whatever its kind: what a backup needs the key file for.

use serde_json::Value;
use watchfire_crypto::seal::SealError;
use watchfire_model::object::{Kind, Object};

use crate::Vault;

/// A sealed value that does not open.
#[derive(Debug, thiserror::Error)]
#[error("a secret of the {kind} {id} does not open")]
pub struct SealedValueError {
    /// What it belongs to.
    kind: &'static str,
    /// Its id.
    id: String,
    #[source]
    source: SealError,
}

/// Opens every sealed value of `object` and forgets it again. Gives how many there were.
///
/// # Errors
/// With the first that does not open.
pub fn check(object: &Object, vault: &Vault) -> Result<usize, SealedValueError> {
    let Some((purpose, binding)) = bound_to(object) else {
        return Ok(0);
    };
    let mut found = Vec::new();
    let document = object.to_document().unwrap_or_default();
    collect(&serde_json::from_str(&document).unwrap_or_default(), &mut found);
    for sealed in &found {
        vault.open(purpose, &binding, sealed).map_err(|source| SealedValueError {
            kind: object.kind().as_str(),
            id: object.keys().id,
            source,
        })?;
    }
    Ok(found.len())
}

/// What the values of an object are sealed for, and what they are bound to; `None` where a kind has none.
fn bound_to(object: &Object) -> Option<(&'static str, String)> {
    let id = || object.keys().id;
    Some(match object {
        Object::SigningKey(key) => (crate::identity::signing_keys::SEALED_FOR, key.kid.clone()),
        Object::Factor(_) => (crate::identity::factors::SEALED_FOR, id()),
        Object::Administrator(_) => (crate::identity::administrators::TOTP_SEALED_FOR, id()),
        Object::ConsoleSignIn(ways) => (crate::identity::oidc::SEALED_FOR, ways.oidc.as_ref()?.issuer.clone()),
        Object::Workflow(_) => (crate::response::delivery::WORKFLOW_SECRET, id()),
        Object::EventHook(_) => (crate::response::delivery::EVENT_HOOK_SECRET, id()),
        Object::StreamIn(stream) => (crate::intake::streams_in::authorization::SEALED_FOR, stream.key.clone()),
        Object::LogStream(stream) => (crate::insight::log_streams::SEALED_FOR, stream.key.clone()),
        _ => return None,
    })
}

/// Whether a kind has sealed values.
pub const fn has_sealed_values(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::SigningKey
            | Kind::Factor
            | Kind::Administrator
            | Kind::ConsoleSignIn
            | Kind::Workflow
            | Kind::EventHook
            | Kind::StreamIn
            | Kind::LogStream
    )
}

/// Members that hold documents of others.
const OF_OTHERS: [&str; 2] = ["metadata", "filter"];

/// Members that are called `sealed…` hold sealed values, wherever they are.
fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name.starts_with("sealed") => into.push(text.clone()),
                    // What others have written, as it came.
                    _ if OF_OTHERS.contains(&name.as_str()) => {}
                    other => collect(other, into),
                }
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, into)),
        _ => {}
    }
}
