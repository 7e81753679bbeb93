//! Access tokens at resources: Bearer and DPoP (okta.md 1.1, 1.5).

use std::collections::BTreeSet;

use watchfire_model::{log::Actor, object::Status};
use watchfire_oauth::{
    access_token::{AccessTokenError, VerifiedAccessToken},
    dpop::{DpopError, PresentedToken},
};

use super::{Authority, Principal};
use crate::{App, Challenge, Error, Result, identity::proofs::ProofHeader};

/// How a token was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Bearer`
    Bearer,
    /// `DPoP`
    Dpop,
}

/// A request to a resource with an access token.
#[derive(Clone, Copy, Debug)]
pub struct ResourceCall<'a> {
    /// The scheme of the `Authorization` header.
    pub scheme: Scheme,
    /// The token.
    pub token: &'a str,
    /// The `DPoP` header.
    pub proof: ProofHeader<'a>,
    /// The method, in capitals.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
}

impl App {
    /// Checks an access token, and the proof beside one that is bound.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] with the words of okta.md 1.1 or 1.5.
    pub async fn authenticate_access_token(&self, call: &ResourceCall<'_>) -> Result<Principal> {
        let token = self.verify_access_token(call.token).map_err(refused)?;
        match (token.jkt(), call.scheme) {
            (None, Scheme::Bearer) => {}
            (None, Scheme::Dpop) => return Err(refused(AccessTokenError::NotDpopBound)),
            (Some(_), Scheme::Bearer) => {
                return Err(Error::Unauthenticated(Challenge::DpopRequired(
                    DpopError::ResourceNeedsScheme.description(),
                )));
            }
            (Some(jkt), Scheme::Dpop) => {
                let presented = PresentedToken { token: call.token, jkt };
                self.use_proof(call.proof, call.method, call.path, presented).await?;
            }
        }
        self.principal_of(&token)
    }

    /// A token of ours that has neither expired nor been revoked, and whose client is there.
    pub(crate) fn verify_access_token(&self, token: &str) -> Result<VerifiedAccessToken, AccessTokenError> {
        let keys = self.signing_keys().map_err(|_| AccessTokenError::Invalid)?;
        let now = self.clock.now();
        let token = VerifiedAccessToken::verify(token, &keys.verifying, &self.settings.org_url, now)?;
        let directory = self.state.directory();
        let client = directory.client(token.client_id().as_str());
        let alive = client.is_some_and(|client| client.status == Status::Active);
        if !alive || directory.is_revoked(token.jti()) {
            return Err(AccessTokenError::Revoked);
        }
        Ok(token)
    }

    /// What the token says, as far as it is still granted.
    fn principal_of(&self, token: &VerifiedAccessToken) -> Result<Principal> {
        let directory = self.state.directory();
        let client = directory
            .client(token.client_id().as_str())
            .ok_or_else(|| refused(AccessTokenError::Revoked))?;
        let granted = directory.granted_scopes(&client.id);
        let scopes: BTreeSet<String> = token
            .scopes()
            .iter()
            .filter(|scope| granted.contains(scope.as_str()))
            .cloned()
            .collect();
        Ok(Principal {
            actor: Actor::client_app(&client.id, &client.metadata.client_name),
            grant: Authority::Client {
                client_id: client.id.clone(),
                scopes,
            },
        })
    }
}

const fn refused(error: AccessTokenError) -> Error {
    Error::Unauthenticated(Challenge::InvalidToken(error.description()))
}
