//! Administrators' API tokens (okta.md 10.6).

use secrecy::SecretString;
use watchfire_crypto::digest::sha256_hex;
use watchfire_domain::api_token::{CreateApiToken, RevokeApiToken, UpdateApiToken, UseApiToken, moved_expiry};
use watchfire_model::{
    id::ApiTokenId,
    log::RequestOrigin,
    object::{ApiToken, TokenNetwork},
    time::Timestamp,
};

use crate::{App, Error, Result, access::Principal, reads::Listed, start::new_token};

/// The scope that reads them.
pub const READ: &str = "okta.apiTokens.read";
/// The scope that changes and revokes them.
pub const MANAGE: &str = "okta.apiTokens.manage";

impl App {
    /// A page of the tokens whose name starts with `prefix`, oldest first.
    ///
    /// # Errors
    /// Without the scope, or when `after` is none of ours.
    pub fn api_tokens(&self, caller: &Principal, prefix: &str, after: Option<&str>, limit: u32) -> Result<Listed<ApiToken>> {
        caller.require(READ)?;
        let prefix = prefix.to_lowercase();
        let directory = self.state.directory();
        let named = directory
            .api_tokens()
            .filter(|token| token.name.to_lowercase().starts_with(&prefix))
            .map(|token| ApiToken::clone(token))
            .collect();
        Listed::cut(named, after, limit, |token| (token.created, token.id.as_str()))
    }

    /// One token.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub fn api_token(&self, caller: &Principal, id: &str) -> Result<ApiToken> {
        caller.require(READ)?;
        let directory = self.state.directory();
        let token = directory.api_tokens().find(|token| token.id.as_str() == id);
        token
            .map(|token| ApiToken::clone(token))
            .ok_or_else(|| Error::not_found(id, "ApiToken"))
    }

    /// Makes a token for the administrator who calls; its secret is shown this once.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a service app, [`Error::Invalid`] for a bad name or date.
    pub async fn create_api_token(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        name: String,
        expires_at: Option<Timestamp>,
    ) -> Result<(ApiToken, SecretString)> {
        let user_id = caller.administrator().cloned();
        let user_id = user_id.ok_or(Error::Forbidden { needed_scope: None })?;
        let secret = new_token(&*self.entropy);
        let command = CreateApiToken {
            name,
            user_id,
            hash: sha256_hex(&secret),
            expires_at,
            actor: caller.actor.clone(),
            origin,
        };
        let token = self.commands.run(command).await?;
        Ok((token, secret.into()))
    }

    /// Changes a token's name and where it may be used from.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for a bad name or an unknown zone.
    pub async fn update_api_token(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        name: String,
        network: TokenNetwork,
    ) -> Result<ApiToken> {
        caller.require(MANAGE)?;
        let command = UpdateApiToken {
            id: ApiTokenId::new(id),
            name,
            network,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_api_token(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        self.revoke(caller, origin, ApiTokenId::new(id)).await
    }

    /// Revokes the token that the call came with.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for an access token, which has `/oauth2/v1/revoke`, and for a session.
    pub async fn revoke_current_api_token(&self, caller: &Principal, origin: RequestOrigin) -> Result<()> {
        match caller.api_token().cloned() {
            Some(token_id) => self.revoke(caller, origin, token_id).await,
            None => Err(Error::Forbidden { needed_scope: None }),
        }
    }

    async fn revoke(&self, caller: &Principal, origin: RequestOrigin, id: ApiTokenId) -> Result<()> {
        let command = RevokeApiToken {
            id,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Notes a use, without making the one who uses it wait.
    pub(crate) fn note_use(&self, token: &ApiToken) {
        if moved_expiry(token, self.clock.now()).is_none() {
            return;
        }
        let (commands, command) = (self.commands.clone(), UseApiToken { id: token.id.clone() });
        tokio::spawn(async move {
            if let Err(error) = commands.run(command).await {
                tracing::debug!(error = %error, "a token's use was not noted");
            }
        });
    }
}
