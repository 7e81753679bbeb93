//! The OpenID provider: what it says of itself, its keys, and its token endpoint.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::{Url, form_urlencoded};
use watchfire_crypto::strict_json;
use watchfire_egress::{FetchLimits, JwksSource, Purpose, client::Request};
use watchfire_model::{
    object::{OidcAuthentication, OidcProvider},
    time::Timestamp,
};
use watchfire_oauth::openid::{IdToken, ProviderMetadata, UnverifiedIdToken, id_token::Expected, metadata::address};

use super::failure::OidcFailure;
use crate::{App, client_credential, entropy::url_safe};

/// What the secrets are sealed for; they are bound to the issuer.
pub(crate) const SEALED_FOR: &str = "console_oidc";
/// How long what a provider says of itself is believed without looking again.
const FRESH: Duration = Duration::from_secs(600);
/// How long it is while the provider does not answer.
const USABLE: Duration = Duration::from_secs(24 * 3_600);
/// Characters of an `error` that are kept.
const MAX_ERROR_CHARS: usize = 100;

/// The metadata that was read last.
#[derive(Debug, Default)]
pub(super) struct KnownMetadata(Mutex<Option<(ProviderMetadata, Timestamp)>>);

impl KnownMetadata {
    fn of(&self, issuer: &str, age: Duration, now: Timestamp) -> Option<ProviderMetadata> {
        let known = self.0.lock();
        let known = known.as_ref().filter(|(it, at)| it.issuer == issuer && now < at.plus(age));
        known.map(|(metadata, _)| metadata.clone())
    }

    pub(super) fn keep(&self, metadata: ProviderMetadata, now: Timestamp) {
        *self.0.lock() = Some((metadata, now));
    }
}

/// What the token endpoint gave.
pub(super) struct Tokens {
    pub(super) id_token: String,
    pub(super) access_token: Option<SecretString>,
}

/// What a code is redeemed with.
#[derive(Clone, Copy)]
pub(super) struct Redemption<'a> {
    pub(super) code: &'a str,
    pub(super) verifier: &'a SecretString,
}

impl App {
    /// Where the provider sends browsers back to.
    pub fn oidc_redirect_uri(&self) -> String {
        format!("{}/admin/sign-in/oidc/callback", self.settings.org_url)
    }

    /// What the provider says of itself: as it is known, unless that was long ago.
    pub(super) async fn oidc_metadata(&self, issuer: &str) -> Result<ProviderMetadata, OidcFailure> {
        let now = self.clock.now();
        if let Some(known) = self.oidc.metadata.of(issuer, FRESH, now) {
            return Ok(known);
        }
        match self.fetch_oidc_metadata(issuer).await {
            Ok(metadata) => {
                self.oidc.metadata.keep(metadata.clone(), now);
                Ok(metadata)
            }
            Err(failure @ OidcFailure::Unavailable(..)) => self.oidc.metadata.of(issuer, USABLE, now).ok_or(failure),
            Err(failure) => Err(failure),
        }
    }

    /// Reads what the provider says of itself now.
    pub(super) async fn fetch_oidc_metadata(&self, issuer: &str) -> Result<ProviderMetadata, OidcFailure> {
        let limits = FetchLimits {
            total: self.settings.console.provider,
            ..FetchLimits::JWKS
        };
        let fetched = self.egress.fetch_json(Purpose::Oidc, &address(issuer), &limits).await;
        let document = fetched
            .map_err(|error| OidcFailure::Unavailable("the discovery document", error))?
            .value;
        let metadata = ProviderMetadata::parse(&document, issuer).map_err(OidcFailure::Metadata)?;
        for (name, url) in [("token_endpoint", &metadata.token_endpoint), ("jwks_uri", &metadata.jwks_uri)] {
            self.egress
                .check(Purpose::Oidc, url)
                .map_err(|_| OidcFailure::Endpoint(name))?;
        }
        self.authorization_endpoint(&metadata)?;
        Ok(metadata)
    }

    /// Where browsers are sent. They go there by themselves, so that it may be an address that we may not reach.
    pub(super) fn authorization_endpoint(&self, metadata: &ProviderMetadata) -> Result<Url, OidcFailure> {
        let url = Url::parse(&metadata.authorization_endpoint).ok();
        let takes = |url: &Url| url.scheme() == "https" || (self.settings.dev && url.scheme() == "http");
        let plain = |url: &Url| url.has_host() && url.username().is_empty() && url.password().is_none();
        url.filter(|url| takes(url) && plain(url))
            .ok_or(OidcFailure::Endpoint("authorization_endpoint"))
    }

    /// Whether the provider's keys can be had.
    pub(super) async fn check_oidc_keys(&self, metadata: &ProviderMetadata) -> Result<(), OidcFailure> {
        let keys = self.oidc.keys.keys(&source(metadata), self.clock.now()).await;
        keys.map(drop).map_err(OidcFailure::Keys)
    }

    /// Makes tokens out of a code.
    pub(super) async fn redeem(
        &self,
        provider: &OidcProvider,
        metadata: &ProviderMetadata,
        redemption: Redemption<'_>,
    ) -> Result<Tokens, OidcFailure> {
        let request = self.redemption_request(provider, metadata, redemption)?;
        let sent = self.egress.send(Purpose::Oidc, request).await;
        let sent = sent.map_err(|error| OidcFailure::Unavailable("tokens", error))?;
        let body = strict_json::parse(&sent.body, &strict_json::Limits::JWKS).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        if sent.status != 200 {
            let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            return Err(OidcFailure::TokenRefused {
                status: sent.status,
                error: text("error").map(|error| error.chars().filter(plain).take(MAX_ERROR_CHARS).collect()),
            });
        }
        Ok(Tokens {
            id_token: text("id_token").ok_or(OidcFailure::NoIdToken)?.to_owned(),
            access_token: text("access_token").map(SecretString::from),
        })
    }

    fn redemption_request(
        &self,
        provider: &OidcProvider,
        metadata: &ProviderMetadata,
        redemption: Redemption<'_>,
    ) -> Result<Request, OidcFailure> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", redemption.code)
            .append_pair("redirect_uri", &self.oidc_redirect_uri())
            .append_pair("code_verifier", redemption.verifier.expose_secret());
        let mut request = Request::new(Method::POST, metadata.token_endpoint.clone());
        request.total = self.settings.console.provider;
        let client_id = provider.client_id.as_str();
        match &provider.authentication {
            OidcAuthentication::ClientSecret { sealed_secret } => {
                let secret = self.open_oidc_secret(&provider.issuer, sealed_secret)?;
                if metadata.takes("client_secret_basic") {
                    let basic = client_credential::basic(client_id, secret.expose_secret());
                    let basic = basic.map_err(|_| OidcFailure::Credential)?;
                    request.headers.insert(header::AUTHORIZATION, basic);
                } else if metadata.takes("client_secret_post") {
                    form.append_pair("client_id", client_id)
                        .append_pair("client_secret", secret.expose_secret());
                } else {
                    return Err(OidcFailure::NoMethod);
                }
            }
            OidcAuthentication::PrivateKeyJwt { sealed_key, .. } => {
                if !metadata.takes("private_key_jwt") {
                    return Err(OidcFailure::NoMethod);
                }
                let sealed = self.open_oidc_secret(&provider.issuer, sealed_key)?;
                let key = client_credential::read_key(sealed.expose_secret()).ok_or(OidcFailure::Credential)?;
                let jti = url_safe(&*self.entropy, 32);
                let assertion = client_credential::assertion(&key, client_id, &metadata.token_endpoint, &jti, self.clock.now());
                form.append_pair("client_id", client_id)
                    .append_pair("client_assertion_type", client_credential::ASSERTION_TYPE)
                    .append_pair("client_assertion", &assertion.map_err(|_| OidcFailure::Credential)?);
            }
        }
        request.body = Bytes::from(form.finish());
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(header::CONTENT_TYPE, form_type);
        let json = HeaderValue::from_static("application/json");
        request.headers.insert(header::ACCEPT, json);
        Ok(request)
    }

    fn open_oidc_secret(&self, issuer: &str, sealed: &str) -> Result<SecretString, OidcFailure> {
        let opened = self
            .vault
            .open(SEALED_FOR, issuer, sealed)
            .map_err(|_| OidcFailure::Credential)?;
        let text = std::str::from_utf8(&opened).map_err(|_| OidcFailure::Credential)?;
        Ok(SecretString::from(text))
    }

    /// Verifies an ID token; with newer keys once more, where the provider may have changed them (JWT-05).
    pub(super) async fn verify_id_token(
        &self,
        metadata: &ProviderMetadata,
        token: &str,
        expected: Expected<'_>,
    ) -> Result<IdToken, OidcFailure> {
        let (source, now) = (source(metadata), self.clock.now());
        let token = UnverifiedIdToken::parse(token).map_err(OidcFailure::IdToken)?;
        let known = self.oidc.keys.keys(&source, now).await.map_err(OidcFailure::Keys)?;
        let first = token.verify(&known.keys, &expected);
        let verified = match first {
            Err(error) if error.may_be_rotation() => match self.oidc.keys.newer(&source, &known, now).await {
                Some(newer) => token.verify(&newer.keys, &expected),
                None => first,
            },
            _ => first,
        };
        verified.map_err(OidcFailure::IdToken)
    }

    /// Adds what the provider says of the user elsewhere, where the token has no address. What cannot be had is
    /// not there.
    pub(super) async fn with_userinfo(
        &self,
        token: IdToken,
        metadata: &ProviderMetadata,
        access_token: Option<&SecretString>,
    ) -> IdToken {
        let (None, Some(url), Some(access_token)) = (&token.email, &metadata.userinfo_endpoint, access_token) else {
            return token;
        };
        let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {}", access_token.expose_secret())) else {
            return token;
        };
        bearer.set_sensitive(true);
        let mut request = Request::new(Method::GET, url.clone());
        request.total = self.settings.console.provider;
        request.headers.insert(header::AUTHORIZATION, bearer);
        match self.egress.send(Purpose::Oidc, request).await {
            Ok(sent) if sent.status == 200 => {
                let body = strict_json::parse(&sent.body, &strict_json::Limits::JWT).unwrap_or_default();
                token.with_userinfo(&body)
            }
            Ok(sent) => {
                tracing::warn!(status = sent.status, "an OpenID provider does not say whose address it is");
                token
            }
            Err(error) => {
                tracing::warn!(error = %error, "an OpenID provider does not say whose address it is");
                token
            }
        }
    }
}

fn source(metadata: &ProviderMetadata) -> JwksSource<'_> {
    JwksSource {
        owner: &metadata.issuer,
        url: &metadata.jwks_uri,
        algorithms: &metadata.algorithms,
        unique_kids: false,
    }
}
