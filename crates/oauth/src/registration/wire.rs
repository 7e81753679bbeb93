//! The client object (okta.md 1.2.1, 1.2.3).

use serde_json::{Map, Value, json};
use watchfire_model::object::{Client, KeySource};

/// The client as it goes over the wire; with its secret in the one answer that may show it.
pub fn document(client: &Client, secret: Option<&str>) -> Value {
    let metadata = &client.metadata;
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("client_id", client.id.as_str().into());
    put("client_id_issued_at", client.created.as_seconds().into());
    if let Some(secret) = secret {
        put("client_secret", secret.into());
    }
    if metadata.token_endpoint_auth_method.has_secret() {
        put("client_secret_expires_at", 0.into());
    }
    put("client_name", metadata.client_name.as_str().into());
    for always in ["client_uri", "logo_uri"] {
        put(always, metadata.other.get(always).cloned().unwrap_or_default());
    }
    put("redirect_uris", json!(metadata.redirect_uris));
    put("response_types", json!(metadata.response_types));
    put("grant_types", json!(metadata.grant_types));
    match &metadata.keys {
        Some(KeySource::Jwks(keys)) => put("jwks", json!({ "keys": keys.iter().map(echo).collect::<Vec<_>>() })),
        Some(KeySource::JwksUri(uri)) => put("jwks_uri", uri.as_str().into()),
        None => None,
    };
    put(
        "token_endpoint_auth_method",
        metadata.token_endpoint_auth_method.as_str().into(),
    );
    put("application_type", metadata.application_type.as_str().into());
    if !metadata.post_logout_redirect_uris.is_empty() {
        put("post_logout_redirect_uris", json!(metadata.post_logout_redirect_uris));
    }
    if metadata.dpop_bound_access_tokens {
        put("dpop_bound_access_tokens", true.into());
    }
    for (name, value) in &metadata.other {
        put(name, value.clone());
    }
    Value::Object(object)
}

/// A key as it was sent, with `kid` and `use` as null where they are missing. Its id belongs to the
/// apps API; its status shows only when it is not the usual one.
fn echo(jwk: &Value) -> Value {
    let mut members = jwk.as_object().cloned().unwrap_or_default();
    members.shift_remove("id");
    if members.get("status").is_some_and(|status| status == "ACTIVE") {
        members.shift_remove("status");
    }
    for name in ["kid", "use"] {
        members.entry(name).or_insert(Value::Null);
    }
    Value::Object(members)
}
