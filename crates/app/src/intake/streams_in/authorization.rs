//! How we show a transmitter who we are (AUTH-08 to AUTH-10).

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::form_urlencoded;
use watchfire_crypto::{signing::PrivateKey, strict_json};
use watchfire_egress::{FetchError, Purpose, client::Request};
use watchfire_model::{
    object::{StreamAuthorization, StreamIn},
    time::Timestamp,
};

use crate::{App, Error, Result, client_credential, entropy::url_safe};

/// What the secrets of a stream are sealed for.
pub(crate) const SEALED_FOR: &str = "stream_in";
/// AUTH-09.
pub(super) const DEFAULT_SCOPE: &str = "ssf.read ssf.manage";
/// How long before it expires a token is no longer used (AUTH-09).
const TOKEN_MARGIN: Duration = Duration::from_secs(60);
/// How long a token is taken to live that does not say.
const TOKEN_LIFE: u64 = 300;
/// The longest that we keep one.
const MAX_TOKEN_LIFE: u64 = 24 * 60 * 60;

/// How an administrator says that we authenticate. Secrets come in and do not go out again.
#[derive(Clone, Debug)]
pub enum NewAuthorization {
    /// A token that the transmitter gave us.
    Bearer {
        /// The token.
        token: SecretString,
    },
    /// Client credentials with a secret.
    ClientSecret {
        /// Where tokens are.
        server: TokenServer,
        /// Our client id there.
        client_id: String,
        /// The secret.
        secret: SecretString,
        /// Whether the secret goes into the body.
        in_body: bool,
        /// What is asked for; `ssf.read ssf.manage` when absent.
        scope: Option<String>,
    },
    /// Client credentials with a signed assertion.
    PrivateKeyJwt {
        /// Where tokens are.
        server: TokenServer,
        /// Our client id there.
        client_id: String,
        /// The private key, as a JWK or PEM; one is made when absent.
        key: Option<SecretString>,
        /// What is asked for.
        scope: Option<String>,
    },
}

/// Where tokens are.
#[derive(Clone, Debug)]
pub enum TokenServer {
    /// The token endpoint itself.
    Endpoint(String),
    /// An authorization server that says where it is (RFC 8414, AUTH-10).
    Issuer(String),
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    /// The token endpoint did not answer.
    #[error("the token endpoint did not answer: {0}")]
    Unreachable(#[source] FetchError),
    /// It said no.
    #[error("the token endpoint answered with status {status}{}", error.as_deref().map(|it| format!(" ({it})")).unwrap_or_default())]
    Refused {
        /// The status.
        status: u16,
        /// `error`
        error: Option<String>,
    },
    /// It said yes, and gave none.
    #[error("the token endpoint answered without an access token")]
    NoToken,
    /// What was sealed does not open, or does not sign.
    #[error("our own credential cannot be used")]
    Credential(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl TokenError {
    /// Whether it is of no use to try again.
    pub(super) const fn is_final(&self) -> bool {
        match self {
            Self::Unreachable(error) => matches!(error, FetchError::Refused(_)),
            Self::Refused { status, .. } => !matches!(status, 408 | 429 | 500..=599),
            Self::NoToken | Self::Credential(_) => true,
        }
    }
}

/// Access tokens by stream.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Mutex<HashMap<String, (SecretString, Timestamp)>>);

impl Tokens {
    fn valid(&self, key: &str, now: Timestamp) -> Option<SecretString> {
        let tokens = self.0.lock();
        tokens
            .get(key)
            .filter(|(_, until)| now < *until)
            .map(|(token, _)| token.clone())
    }

    pub(super) fn forget(&self, key: &str) {
        self.0.lock().remove(key);
    }

    fn keep(&self, key: &str, token: SecretString, until: Timestamp) {
        self.0.lock().insert(key.to_owned(), (token, until));
    }
}

impl App {
    /// Seals a secret of the stream with this key.
    pub(super) fn seal_for_stream(&self, key: &str, secret: &[u8]) -> Result<String> {
        self.vault.seal(SEALED_FOR, key, secret).map_err(Error::internal)
    }

    /// Opens a secret of the stream with this key.
    pub(super) fn open_for_stream(&self, key: &str, sealed: &str) -> Result<SecretString, TokenError> {
        let opened = self.vault.open(SEALED_FOR, key, sealed);
        let opened = opened.map_err(|error| TokenError::Credential(error.into()))?;
        let text = std::str::from_utf8(&opened).map_err(|error| TokenError::Credential(error.into()))?;
        Ok(SecretString::from(text))
    }

    /// Checks and seals how we authenticate.
    pub(super) async fn seal_authorization(&self, key: &str, new: NewAuthorization) -> Result<StreamAuthorization> {
        let scope = |scope: Option<String>| scope.unwrap_or_else(|| DEFAULT_SCOPE.to_owned());
        Ok(match new {
            NewAuthorization::Bearer { token } => {
                let token = token.expose_secret();
                if HeaderValue::from_str(&format!("Bearer {token}")).is_err() || token.is_empty() {
                    return Err(Error::invalid("authorization.token", "The field is not a token"));
                }
                StreamAuthorization::Bearer {
                    sealed_token: self.seal_for_stream(key, token.as_bytes())?,
                }
            }
            NewAuthorization::ClientSecret {
                server,
                client_id,
                secret,
                in_body,
                scope: asked,
            } => StreamAuthorization::ClientSecret {
                token_url: self.token_endpoint(server).await?,
                client_id,
                sealed_secret: self.seal_for_stream(key, secret.expose_secret().as_bytes())?,
                in_body,
                scope: scope(asked),
            },
            NewAuthorization::PrivateKeyJwt {
                server,
                client_id,
                key: given,
                scope: asked,
            } => {
                let private = match given {
                    Some(text) => read_key(text.expose_secret())?,
                    None => client_credential::generate().await?,
                };
                let jwk = private.to_private_jwk().map_err(Error::internal)?;
                StreamAuthorization::PrivateKeyJwt {
                    token_url: self.token_endpoint(server).await?,
                    client_id,
                    sealed_key: self.seal_for_stream(key, jwk.to_string().as_bytes())?,
                    scope: scope(asked),
                }
            }
        })
    }

    async fn token_endpoint(&self, server: TokenServer) -> Result<String> {
        let refused = |why: &dyn std::fmt::Display| {
            Error::invalid("authorization", &format!("The authorization server cannot be used: {why}"))
        };
        let url = match server {
            TokenServer::Endpoint(url) => url,
            TokenServer::Issuer(issuer) => {
                let mut found = None;
                for url in authorization_server_documents(&issuer) {
                    match self
                        .egress
                        .fetch_json(Purpose::Streams, &url, &watchfire_egress::FetchLimits::JWKS)
                        .await
                    {
                        Ok(fetched) => {
                            found = fetched.value.get("token_endpoint").and_then(Value::as_str).map(str::to_owned);
                            break;
                        }
                        Err(FetchError::Status(404)) => {}
                        Err(error) => return Err(refused(&error)),
                    }
                }
                found.ok_or_else(|| refused(&"no metadata with a token_endpoint was found"))?
            }
        };
        self.egress
            .check(Purpose::Streams, &url)
            .map_err(|refusal| refused(&refusal))?;
        Ok(url)
    }

    /// The public keys of a stream's assertions, for the transmitter to be given.
    pub(super) fn public_keys(&self, stream: &StreamIn) -> Result<Value> {
        let keys = match &stream.authorization {
            StreamAuthorization::PrivateKeyJwt { sealed_key, .. } => {
                let opened = self.open_for_stream(&stream.key, sealed_key).map_err(Error::internal)?;
                vec![read_key(opened.expose_secret())?.public_jwk()]
            }
            StreamAuthorization::Bearer { .. } | StreamAuthorization::ClientSecret { .. } => Vec::new(),
        };
        Ok(json!({ "keys": keys }))
    }

    /// The value of `Authorization` for a call: from the cache, unless a `fresh` one is wanted because the
    /// cached one was refused.
    pub(super) async fn authorization_of(&self, stream: &StreamIn, fresh: bool) -> Result<HeaderValue, TokenError> {
        let now = self.clock.now();
        let token = match &stream.authorization {
            StreamAuthorization::Bearer { sealed_token } => self.open_for_stream(&stream.key, sealed_token)?,
            StreamAuthorization::ClientSecret { .. } | StreamAuthorization::PrivateKeyJwt { .. } => {
                if fresh {
                    self.streams.tokens.forget(&stream.key);
                }
                match self.streams.tokens.valid(&stream.key, now) {
                    Some(token) => token,
                    None => self.request_token(stream, now).await?,
                }
            }
        };
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).map_err(|_| TokenError::NoToken)?;
        value.set_sensitive(true);
        Ok(value)
    }

    async fn request_token(&self, stream: &StreamIn, now: Timestamp) -> Result<SecretString, TokenError> {
        let request = self.token_request(stream, now)?;
        let sent = self
            .egress
            .send(Purpose::Streams, request)
            .await
            .map_err(TokenError::Unreachable)?;
        let body = strict_json::parse(&sent.body, &strict_json::Limits::JWT).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        if sent.status != 200 {
            let error = text("error").map(|text| text.chars().take(100).collect());
            return Err(TokenError::Refused {
                status: sent.status,
                error,
            });
        }
        let token = text("access_token")
            .filter(|token| !token.is_empty())
            .ok_or(TokenError::NoToken)?;
        let lifetime = body
            .get("expires_in")
            .and_then(|it| it.as_u64().or_else(|| it.as_str()?.parse().ok()));
        let lifetime = Duration::from_secs(lifetime.unwrap_or(TOKEN_LIFE).min(MAX_TOKEN_LIFE));
        let token = SecretString::from(token);
        let until = now.plus(lifetime.saturating_sub(TOKEN_MARGIN));
        self.streams.tokens.keep(&stream.key, token.clone(), until);
        Ok(token)
    }

    fn token_request(&self, stream: &StreamIn, now: Timestamp) -> Result<Request, TokenError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        let mut basic = None;
        let url = match &stream.authorization {
            StreamAuthorization::ClientSecret {
                token_url,
                client_id,
                sealed_secret,
                in_body,
                scope,
            } => {
                let secret = self.open_for_stream(&stream.key, sealed_secret)?;
                form.append_pair("scope", scope);
                if *in_body {
                    form.append_pair("client_id", client_id);
                    form.append_pair("client_secret", secret.expose_secret());
                } else {
                    let header = client_credential::basic(client_id, secret.expose_secret());
                    basic = Some(header.map_err(|error| TokenError::Credential(error.into()))?);
                }
                token_url
            }
            StreamAuthorization::PrivateKeyJwt {
                token_url,
                client_id,
                sealed_key,
                scope,
            } => {
                let opened = self.open_for_stream(&stream.key, sealed_key)?;
                let key = read_key(opened.expose_secret()).map_err(|error| TokenError::Credential(error.into()))?;
                let jti = url_safe(&*self.entropy, 32);
                let assertion = client_credential::assertion(&key, client_id, token_url, &jti, now);
                let assertion = assertion.map_err(|error| TokenError::Credential(error.into()))?;
                form.append_pair("scope", scope);
                form.append_pair("client_id", client_id);
                form.append_pair("client_assertion_type", client_credential::ASSERTION_TYPE);
                form.append_pair("client_assertion", &assertion);
                token_url
            }
            StreamAuthorization::Bearer { .. } => return Err(TokenError::NoToken),
        };
        let mut request = Request::new(Method::POST, url.clone());
        request.total = self.settings.streams.call;
        request.body = Bytes::from(form.finish());
        let headers = &mut request.headers;
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form_type);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(basic) = basic {
            headers.insert(header::AUTHORIZATION, basic);
        }
        Ok(request)
    }
}

/// Where an authorization server says what it has: RFC 8414's place, and OpenID's.
fn authorization_server_documents(issuer: &str) -> Vec<String> {
    let Ok(url) = url::Url::parse(issuer) else { return Vec::new() };
    let path = url.path().trim_end_matches('/').to_owned();
    let at = |path: String| {
        let mut url = url.clone();
        url.set_path(&path);
        url.to_string()
    };
    vec![
        at(format!("/.well-known/oauth-authorization-server{path}")),
        at(format!("{path}/.well-known/openid-configuration")),
    ]
}

fn read_key(text: &str) -> Result<PrivateKey> {
    client_credential::read_key(text).ok_or_else(|| Error::invalid("authorization.key", "The field is not a private key"))
}
