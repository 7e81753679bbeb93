//! A registered service app with its key: what a provider's side of a test needs.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use watchfire_app::Clock as _;
use watchfire_crypto::{
    digest::sha256_base64url,
    jwk::Curve,
    signing::{NewKey, PrivateKey},
};

use crate::{
    app::ORG_URL,
    server::{Answer, TestServer},
};

/// `client_assertion_type`.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The app. Its key is of P-256.
#[derive(Debug)]
pub struct ServiceApp {
    /// `client_id`
    pub id: String,
    /// Signs its assertions.
    pub key: PrivateKey,
}

impl ServiceApp {
    /// The metadata of an app with this key.
    pub fn metadata(key: &PrivateKey) -> Value {
        json!({
            "client_name": "Risk Provider Example",
            "application_type": "service",
            "grant_types": ["client_credentials"],
            "response_types": ["token"],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [key.public_jwk()]},
        })
    }

    /// Registers an app and grants it `scopes`.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn register(server: &TestServer, scopes: &[&str]) -> Result<Self> {
        Self::register_with(server, scopes, json!({})).await
    }

    /// As [`Self::register`], with `members` over the metadata; null takes one away.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn register_with(server: &TestServer, scopes: &[&str], members: Value) -> Result<Self> {
        let key = new_key()?;
        let mut metadata = Self::metadata(&key);
        let known = metadata.as_object_mut().context("an object")?;
        known.extend(members.as_object().cloned().unwrap_or_default());
        known.retain(|_, value| !value.is_null());
        let made = server.call("POST", "/oauth2/v1/clients").json(&metadata).send().await?;
        anyhow::ensure!(made.status == 201, "{}", made.text);
        let app = Self {
            id: made.text_at("/client_id").to_owned(),
            key,
        };
        for scope in scopes {
            app.grant(server, scope).await?;
        }
        Ok(app)
    }

    /// Grants it `scope`; gives the grant's id.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn grant(&self, server: &TestServer, scope: &str) -> Result<String> {
        let path = format!("/api/v1/apps/{}/grants", self.id);
        let body = json!({"scopeId": scope, "issuer": ORG_URL});
        let granted = server.call("POST", &path).json(&body).send().await?;
        anyhow::ensure!(granted.status == 201, "{}", granted.text);
        Ok(granted.text_at("/id").to_owned())
    }

    /// The claims of a good assertion, without a `jti`.
    pub fn claims(&self, server: &TestServer) -> Value {
        let now = server.clock.now().as_seconds();
        json!({
            "aud": format!("{ORG_URL}/oauth2/v1/token"),
            "iss": self.id,
            "sub": self.id,
            "iat": now,
            "exp": now + 300,
        })
    }

    /// An assertion with these claims.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn sign(&self, claims: &Value) -> Result<String> {
        Ok(self.key.sign_compact(&Map::new(), claims.to_string().as_bytes())?)
    }

    /// The form of a good token request.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn token_form(&self, server: &TestServer, scope: &str) -> Result<Vec<(&'static str, String)>> {
        Ok(vec![
            ("grant_type", "client_credentials".to_owned()),
            ("scope", scope.to_owned()),
            ("client_assertion_type", JWT_BEARER.to_owned()),
            ("client_assertion", self.sign(&self.claims(server))?),
        ])
    }

    /// Asks for a token.
    ///
    /// # Errors
    /// When the request cannot be sent.
    pub async fn request_token(&self, server: &TestServer, scope: &str) -> Result<Answer> {
        let form = self.token_form(server, scope)?;
        server.call("POST", "/oauth2/v1/token").anonymous().form(&form).send().await
    }

    /// An access token for `scope`.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn token(&self, server: &TestServer, scope: &str) -> Result<String> {
        let answer = self.request_token(server, scope).await?;
        anyhow::ensure!(answer.status == 200, "{}", answer.text);
        Ok(answer.text_at("/access_token").to_owned())
    }
}

/// The key that a client proves to have (RFC 9449).
#[derive(Debug)]
pub struct DpopKey(PrivateKey);

impl DpopKey {
    /// A fresh one.
    ///
    /// # Errors
    /// Without randomness.
    pub fn new() -> Result<Self> {
        Ok(Self(new_key()?.with_kid(None)))
    }

    /// A proof for a request of `method` to the org URL's `path`, with `members` over its claims.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn proof(&self, server: &TestServer, method: &str, path: &str, members: Value) -> Result<String> {
        let mut claims = json!({
            "htm": method,
            "htu": format!("{ORG_URL}{path}"),
            "iat": server.clock.now().as_seconds(),
            "jti": "proof",
        });
        let known = claims.as_object_mut().context("an object")?;
        known.extend(members.as_object().cloned().unwrap_or_default());
        let header = json!({"typ": "dpop+jwt", "jwk": self.0.public_jwk()});
        let header = header.as_object().cloned().unwrap_or_default();
        Ok(self.0.sign_compact(&header, claims.to_string().as_bytes())?)
    }

    /// `ath` of an access token.
    pub fn ath(token: &str) -> String {
        sha256_base64url(token)
    }

    /// The key's thumbprint.
    pub fn thumbprint(&self) -> &str {
        self.0.thumbprint()
    }
}

/// A fresh signing key.
///
/// # Errors
/// Without randomness.
pub fn new_key() -> Result<PrivateKey> {
    Ok(PrivateKey::generate(NewKey::Ec(Curve::P256))?)
}
