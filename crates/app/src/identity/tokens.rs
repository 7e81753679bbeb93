//! The token endpoint (okta.md 1.3).

use std::{net::IpAddr, sync::Arc};

use secrecy::{ExposeSecret, SecretString};
use watchfire_domain::token::{IssueToken, OneTime, RefuseToken};
use watchfire_model::{
    log::RequestOrigin,
    object::{AuthMethod, Client},
};
pub use watchfire_oauth::request::Parameters;
use watchfire_oauth::{
    access_token::{LIFETIME_SECONDS, NewAccessToken},
    assertion::{self, AssertionError, UnverifiedAssertion, VerifiedAssertion},
    dpop::DpopError,
    error::{OAuthError, TokenRequestError},
};

use super::proofs::ProofHeader;
use crate::{App, Error, Result, intake::risk_events::dedupe_key, rate::RateWindow};

/// Where tokens are issued.
pub const TOKEN_PATH: &str = "/oauth2/v1/token";

/// What a client shows of itself at an endpoint of the authorization server.
#[derive(Clone, Debug)]
pub struct ClientCall {
    /// The parameters of form and query.
    pub parameters: Parameters,
    /// User and password of HTTP Basic.
    pub basic: Option<(String, SecretString)>,
}

impl ClientCall {
    /// Whether there is a Basic secret: an empty one is what requests-oauthlib adds by itself
    /// (clients.md 4).
    pub(super) fn has_basic_secret(&self) -> bool {
        self.basic
            .as_ref()
            .is_some_and(|(_, password)| !password.expose_secret().is_empty())
    }
}

/// A request that names a client of ours. Nothing of it is verified.
#[derive(Debug)]
pub struct TokenRequest {
    client: Arc<Client>,
    assertion: Result<UnverifiedAssertion, OAuthError>,
    call: ClientCall,
}

/// A new access token.
#[derive(Debug)]
pub struct IssuedToken {
    /// The JWT.
    pub access_token: SecretString,
    /// `Bearer`, or `DPoP` when it is bound.
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: i64,
    /// Its scopes, in the order asked for.
    pub scope: String,
}

impl App {
    /// Finds the client that a request names.
    ///
    /// # Errors
    /// [`Error::OAuth`] when it names none, or one that we do not have. Nobody's log has that: it is
    /// only counted.
    pub fn read_token_request(&self, call: ClientCall) -> Result<TokenRequest> {
        let credentials = credentials(&call);
        if credentials == Err(TokenRequestError::NoCredentials) && call.parameters.get("client_id").is_none() {
            return Err(OAuthError::from(TokenRequestError::NoCredentials).into());
        }
        let directory = self.state.directory();
        let assertion: Result<UnverifiedAssertion, OAuthError> = credentials
            .map_err(OAuthError::from)
            .and_then(|text| UnverifiedAssertion::parse(text).map_err(OAuthError::from));
        let issuer = match &assertion {
            Ok(assertion) => Some(assertion.client_id().map_err(OAuthError::from)?),
            Err(_) => None,
        };
        let client = match issuer {
            Some(issuer) => directory
                .client(issuer)
                .ok_or_else(|| OAuthError::from(AssertionError::Issuer))?,
            None => {
                let basic = call.basic.as_ref().map(|(user, _)| user.as_str());
                match call.parameters.get("client_id").or(basic) {
                    Some(named) => directory
                        .client(named)
                        .ok_or_else(|| OAuthError::from(TokenRequestError::UnknownClient))?,
                    None => {
                        return Err(assertion
                            .err()
                            .unwrap_or_else(|| TokenRequestError::NoCredentials.into())
                            .into());
                    }
                }
            }
        };
        Ok(TokenRequest {
            client: Arc::clone(client),
            assertion,
            call,
        })
    }

    /// Counts a request of a client; from another address it has another window, so that a stranger
    /// who knows its id does not keep it out.
    pub async fn count_token_request(&self, request: &TokenRequest, from: IpAddr) -> Option<RateWindow> {
        self.token_calls
            .count((request.client.id.as_str(), from), self.clock.now())
            .await
    }

    /// Issues a token: when this returns, what was used for it cannot be used again.
    ///
    /// # Errors
    /// [`Error::OAuth`], one for each row of okta.md 1.3.4. It is in the System Log.
    pub async fn issue_token(&self, request: TokenRequest, proof: ProofHeader<'_>, origin: RequestOrigin) -> Result<IssuedToken> {
        let verified = match self.verify_token_request(&request).await {
            Ok(verified) => verified,
            Err(error) => return self.refuse_token(&request.client, error, origin).await,
        };
        let token = NewToken::draw(self);
        let command = IssueToken {
            client_id: request.client.id.clone(),
            assertion: one_time(&verified),
            binding: self.binding(&request.client, proof, TOKEN_PATH),
            scope: request.call.parameters.get("scope").map(str::to_owned),
            jti: token.jti(&request.client),
            origin,
        };
        let issued = self.commands.run(command).await.map_err(|error| self.with_nonce(error))?;
        let new = NewAccessToken {
            org_url: &self.settings.org_url,
            client_id: &request.client.id,
            scopes: &issued.scopes,
            jkt: issued.jkt.as_deref(),
            entropy: token.0,
            now: issued.issued_at,
        };
        let signed = new.sign(&self.signing_keys()?.active).map_err(Error::internal)?;
        Ok(IssuedToken {
            access_token: signed.into(),
            token_type: if issued.jkt.is_some() { "DPoP" } else { "Bearer" },
            expires_in: LIFETIME_SECONDS,
            scope: issued.scopes.join(" "),
        })
    }

    async fn verify_token_request(&self, request: &TokenRequest) -> Result<VerifiedAssertion, OAuthError> {
        let TokenRequest { client, assertion, call } = request;
        call.parameters.check_grant_type()?;
        let assertion = assertion.as_ref().map_err(OAuthError::clone)?;
        if call.parameters.get("client_id").is_some_and(|id| id != client.id.as_str()) {
            return Err(TokenRequestError::UnknownClient.into());
        }
        let metadata = &client.metadata;
        if metadata.token_endpoint_auth_method != AuthMethod::PrivateKeyJwt {
            return Err(TokenRequestError::NotPrivateKeyJwt.into());
        }
        if metadata.application_type != "service" {
            return Err(TokenRequestError::NotAService.into());
        }
        if !metadata.grant_types.iter().any(|granted| granted == "client_credentials") {
            return Err(TokenRequestError::UnauthorizedClient.into());
        }
        let audiences = self.audiences(TOKEN_PATH);
        let verified = self.verify_assertion(client, assertion, &audiences, self.clock.now()).await;
        Ok(verified?)
    }

    async fn refuse_token(&self, client: &Client, error: OAuthError, origin: RequestOrigin) -> Result<IssuedToken> {
        let command = RefuseToken {
            client_id: client.id.clone(),
            error: error.clone(),
            origin,
        };
        self.commands.run(command).await?;
        Err(error.into())
    }

    /// What `aud` may say at the endpoint `path`.
    pub(super) fn audiences(&self, path: &str) -> Vec<String> {
        let of = |url: &String| assertion::audiences(url, path);
        self.org_urls().iter().flat_map(of).collect()
    }

    /// Who is asked for a nonce gets one (okta.md 1.5).
    fn with_nonce(&self, error: Error) -> Error {
        match error {
            Error::OAuth {
                status,
                error,
                description,
                ..
            } if error == DpopError::UseNonce.code() => Error::OAuth {
                status,
                error,
                description,
                dpop_nonce: Some(self.nonces.current(self.clock.now())),
            },
            other => other,
        }
    }
}

/// The random part of a token, which becomes its `jti`.
struct NewToken([u8; 32]);

impl NewToken {
    fn draw(app: &App) -> Self {
        let mut entropy = [0; 32];
        app.entropy.fill(&mut entropy);
        Self(entropy)
    }

    fn jti(&self, client: &Client) -> String {
        let unsaid = NewAccessToken {
            org_url: "",
            client_id: &client.id,
            scopes: &[],
            jkt: None,
            entropy: self.0,
            now: client.created,
        };
        unsaid.jti()
    }
}

/// The assertion, or why there is none. A missing `grant_type` is told to those who show something.
fn credentials(call: &ClientCall) -> Result<&str, TokenRequestError> {
    call.parameters.client_assertion(call.has_basic_secret())
}

/// The `jti` of an assertion, used once by its client.
pub(super) fn one_time(assertion: &VerifiedAssertion) -> Option<OneTime> {
    assertion.jti().map(|jti| OneTime {
        key: dedupe_key("client-assertion", assertion.client_id().as_str(), jti),
        expires_at: assertion.expires_at(),
    })
}
