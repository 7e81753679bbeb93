//! The discovery documents (okta.md 1.6). Endpoints and values that are not served are not named.

use serde_json::{Value, json};

use crate::scope;

/// `GET /.well-known/oauth-authorization-server` (RFC 8414).
pub fn authorization_server(org_url: &str) -> Value {
    let org_url = org_url.trim_end_matches('/');
    let algorithms = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"];
    let methods = ["private_key_jwt"];
    let asking = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
    json!({
        "issuer": org_url,
        "token_endpoint": format!("{org_url}/oauth2/v1/token"),
        "registration_endpoint": format!("{org_url}/oauth2/v1/clients"),
        "jwks_uri": format!("{org_url}/oauth2/v1/keys"),
        "introspection_endpoint": format!("{org_url}/oauth2/v1/introspect"),
        "revocation_endpoint": format!("{org_url}/oauth2/v1/revoke"),
        "response_types_supported": ["token"],
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": scope::SCOPES,
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": asking,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": asking,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "dpop_signing_alg_values_supported": algorithms,
    })
}

/// `GET /.well-known/openid-configuration` (OpenID Connect Discovery 1.0), as far as there is one.
pub fn openid_configuration(org_url: &str) -> Value {
    let mut document = authorization_server(org_url);
    if let Some(members) = document.as_object_mut() {
        members.insert("subject_types_supported".into(), json!(["public"]));
        members.insert("id_token_signing_alg_values_supported".into(), json!(["RS256"]));
        members.insert(
            "claims_supported".into(),
            json!(["iss", "ver", "sub", "aud", "iat", "exp", "jti", "cid", "scp", "cnf"]),
        );
    }
    document
}

/// `GET /oauth2/v1/keys`: the public JWKs of the signing keys.
pub fn keys<'a>(public_jwks: impl IntoIterator<Item = &'a Value>) -> Value {
    json!({ "keys": public_jwks.into_iter().collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_endpoints_of_the_organisation() {
        for org_url in ["https://id.example", "https://id.example/"] {
            let document = openid_configuration(org_url);
            assert_eq!(document["issuer"], "https://id.example");
            assert_eq!(document["token_endpoint"], "https://id.example/oauth2/v1/token");
            assert_eq!(document["jwks_uri"], "https://id.example/oauth2/v1/keys");
            assert_eq!(document["registration_endpoint"], "https://id.example/oauth2/v1/clients");
        }
        let document = authorization_server("https://id.example");
        assert!(document.get("userinfo_endpoint").is_none());
        assert!(document.get("id_token_signing_alg_values_supported").is_none());
    }

    #[test]
    fn lists_keys() {
        let key = json!({"kty": "RSA"});
        assert_eq!(keys([&key]), json!({"keys": [{"kty": "RSA"}]}));
    }
}
