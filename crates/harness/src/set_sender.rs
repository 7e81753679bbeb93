//! A vendor that sends Security Event Tokens: its key, its key set on loopback, and the provider that
//! the server knows it as.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use watchfire_app::{Clock as _, Settings, intake::security_events::SetLimits};
use watchfire_crypto::{
    jwk::Curve,
    signing::{NewKey, PrivateKey},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::{
    app::ORG_URL,
    server::{Answer, TestServer},
};

/// Where every vendor sends its tokens.
pub const SECURITY_EVENTS: &str = "/security/api/v1/security-events";

/// The vendor. Its key is of P-256.
#[derive(Debug)]
pub struct SetSender {
    /// `iss`
    pub issuer: String,
    /// The provider's id.
    pub provider_id: String,
    /// Signs its tokens.
    pub key: PrivateKey,
    host: MockServer,
}

impl SetSender {
    /// Settings under which a server fetches keys from loopback, without rate limits.
    pub fn settings() -> Settings {
        Settings {
            dev: true,
            risk_calls_per_minute: 0,
            api_calls_per_minute: 0,
            log_calls_per_minute: 0,
            logins_per_second: 0,
            sign_in_calls_per_second: 0,
            token_calls_per_second: 0,
            sets: SetLimits {
                calls_per_address: 0,
                calls_per_issuer: 0,
                ..SetLimits::default()
            },
            ..Settings::new(ORG_URL)
        }
    }

    /// Makes a key, serves its set, and registers a provider of this issuer.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn register(server: &TestServer, issuer: &str) -> Result<Self> {
        let key = PrivateKey::generate(NewKey::Ec(Curve::P256))?;
        let host = MockServer::start().await;
        let settings = json!({"issuer": issuer, "jwks_url": format!("{}/jwks", host.uri())});
        let body = json!({"name": issuer, "type": "acme", "settings": settings});
        let made = server
            .call("POST", "/api/v1/security-events-providers")
            .json(&body)
            .send()
            .await?;
        anyhow::ensure!(made.status == 200, "{}", made.text);
        let sender = Self {
            issuer: issuer.to_owned(),
            provider_id: made.text_at("/id").to_owned(),
            key,
            host,
        };
        sender.publish(&[sender.key.public_jwk()]).await;
        Ok(sender)
    }

    /// Serves these keys from now on.
    pub async fn publish(&self, keys: &[Value]) {
        self.serve(ResponseTemplate::new(200).set_body_json(json!({ "keys": keys })))
            .await;
    }

    /// Answers whoever asks for the keys with `answer` from now on.
    pub async fn serve(&self, answer: ResponseTemplate) {
        self.host.reset().await;
        Mock::given(matchers::any()).respond_with(answer).mount(&self.host).await;
    }

    /// How often the keys were asked for since they were last published.
    pub async fn fetches(&self) -> usize {
        self.host.received_requests().await.unwrap_or_default().len()
    }

    /// Changes what the provider may say and how it is read: `members` over its profile.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn set_profile(&self, server: &TestServer, members: Value) -> Result<()> {
        let path = format!("/watchfire/v1/security-events-providers/{}/profile", self.provider_id);
        let mut profile = server.call("GET", &path).send().await?.json;
        let known = profile.as_object_mut().context("an object")?;
        known.extend(members.as_object().cloned().unwrap_or_default());
        let changed = server.call("PUT", &path).json(&profile).send().await?;
        anyhow::ensure!(changed.status == 200, "{}", changed.text);
        Ok(())
    }

    /// The claims of a good token with one event, as Okta's vendors send it: the subject is in the event.
    pub fn claims(&self, server: &TestServer, jti: &str, event_type: &str, event: Value) -> Value {
        let mut events = Map::new();
        events.insert(event_type.to_owned(), event);
        json!({
            "iss": self.issuer,
            "jti": jti,
            "iat": server.clock.now().as_seconds(),
            "aud": ORG_URL,
            "events": events,
        })
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn sign(&self, claims: &Value) -> Result<String> {
        self.sign_with(&json!({"typ": "secevent+jwt"}), claims)
    }

    /// A token with these claims and these members in its header.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn sign_with(&self, header: &Value, claims: &Value) -> Result<String> {
        let header = header.as_object().cloned().unwrap_or_default();
        Ok(self.key.sign_compact(&header, claims.to_string().as_bytes())?)
    }

    /// Posts a token.
    ///
    /// # Errors
    /// When the request cannot be sent.
    pub async fn post(server: &TestServer, token: &str) -> Result<Answer> {
        let call = server.call("POST", SECURITY_EVENTS).anonymous();
        call.header("content-type", "application/secevent+jwt")
            .text(token)
            .send()
            .await
    }

    /// Signs and posts.
    ///
    /// # Errors
    /// When the key does not sign or the request cannot be sent.
    pub async fn send(&self, server: &TestServer, claims: &Value) -> Result<Answer> {
        Self::post(server, &self.sign(claims)?).await
    }

    /// Signs and posts a token with one event; it must be taken.
    ///
    /// # Errors
    /// When it is not.
    pub async fn tell(&self, server: &TestServer, jti: &str, event_type: &str, event: Value) -> Result<()> {
        let answer = self.send(server, &self.claims(server, jti, event_type, event)).await?;
        anyhow::ensure!(
            (answer.status, answer.text.as_str()) == (202, ""),
            "{} {}",
            answer.status,
            answer.text
        );
        Ok(())
    }
}
