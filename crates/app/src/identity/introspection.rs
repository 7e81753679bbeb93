//! What a token is worth, and taking that from it (okta.md 1.7).

use std::sync::Arc;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use watchfire_crypto::{digest::sha256_hex, mac::constant_time_eq};
use watchfire_domain::token::{RevokeToken, Use, UseOnce};
use watchfire_model::{
    log::RequestOrigin,
    object::{AuthMethod, Client, Status},
};
use watchfire_oauth::{
    assertion::{AssertionError, UnverifiedAssertion},
    error::{OAuthError, TokenRequestError},
};

use super::tokens::{ClientCall, one_time};
use crate::{App, Result};

/// Where tokens are introspected.
pub const INTROSPECT_PATH: &str = "/oauth2/v1/introspect";
/// Where tokens are revoked.
pub const REVOKE_PATH: &str = "/oauth2/v1/revoke";

impl App {
    /// What an access token of this organisation is worth now. A client without credentials learns it
    /// of its own tokens only.
    ///
    /// # Errors
    /// [`Error::OAuth`](crate::Error::OAuth) when the client is not authenticated, or names no token.
    pub async fn introspect_token(&self, call: &ClientCall) -> Result<Value> {
        let client = self.authenticate_client(call, INTROSPECT_PATH).await?;
        let token = call.parameters.get("token").ok_or(TokenRequestError::MissingToken)?;
        let inactive = json!({"active": false});
        let Ok(verified) = self.verify_access_token(token) else {
            return Ok(inactive);
        };
        let is_public = client.metadata.token_endpoint_auth_method == AuthMethod::None;
        if is_public && *verified.client_id() != client.id {
            return Ok(inactive);
        }
        Ok(verified.introspection())
    }

    /// Revokes an access token of the client that asks; any other is none of its business, and none of
    /// ours to tell.
    ///
    /// # Errors
    /// [`Error::OAuth`](crate::Error::OAuth) when the client is not authenticated, or names no token.
    pub async fn revoke_token(&self, call: &ClientCall, origin: RequestOrigin) -> Result<()> {
        let client = self.authenticate_client(call, REVOKE_PATH).await?;
        let token = call.parameters.get("token").ok_or(TokenRequestError::MissingToken)?;
        let Ok(verified) = self.verify_access_token(token) else {
            return Ok(());
        };
        if *verified.client_id() != client.id {
            return Ok(());
        }
        let command = RevokeToken {
            jti: verified.jti().to_owned(),
            expires_at: verified.expires_at(),
            client_id: client.id.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Authenticates a client by the method that it registered.
    async fn authenticate_client(&self, call: &ClientCall, path: &str) -> Result<Arc<Client>> {
        let has_secret = call.has_basic_secret() || call.parameters.get("client_secret").is_some();
        if call.parameters.get("client_assertion").is_some() {
            let assertion = call.parameters.client_assertion(has_secret)?;
            return self.authenticate_by_assertion(call, assertion, path).await;
        }
        if call.has_basic_secret() && call.parameters.get("client_secret").is_some() {
            return Err(TokenRequestError::MultipleCredentials.into());
        }
        let basic = call.basic.as_ref();
        let named = call.parameters.get("client_id").or(basic.map(|(user, _)| user.as_str()));
        let named = named.ok_or(TokenRequestError::NoCredentials)?;
        let directory = self.state.directory();
        let client = directory.client(named).ok_or(TokenRequestError::UnknownClient)?;
        if basic.is_some_and(|(user, _)| user != named) {
            return Err(TokenRequestError::UnknownClient.into());
        }
        let secret = match client.metadata.token_endpoint_auth_method {
            AuthMethod::ClientSecretBasic => basic.map(|(_, password)| password.expose_secret()),
            AuthMethod::ClientSecretPost => call.parameters.get("client_secret"),
            AuthMethod::None if !has_secret => return active(client),
            AuthMethod::None | AuthMethod::ClientSecretJwt | AuthMethod::PrivateKeyJwt => None,
        };
        let is_right = match (secret, &client.secret_hash) {
            (Some(secret), Some(hash)) => constant_time_eq(sha256_hex(secret), hash),
            _ => false,
        };
        if !is_right {
            return Err(TokenRequestError::ClientAuthenticationFailed.into());
        }
        active(client)
    }

    async fn authenticate_by_assertion(&self, call: &ClientCall, assertion: &str, path: &str) -> Result<Arc<Client>> {
        let assertion = UnverifiedAssertion::parse(assertion).map_err(OAuthError::from)?;
        let issuer = assertion.client_id().map_err(OAuthError::from)?;
        let directory = self.state.directory();
        let client = directory
            .client(issuer)
            .ok_or_else(|| OAuthError::from(AssertionError::Issuer))?;
        if call.parameters.get("client_id").is_some_and(|id| id != client.id.as_str()) {
            return Err(TokenRequestError::UnknownClient.into());
        }
        if client.metadata.token_endpoint_auth_method != AuthMethod::PrivateKeyJwt {
            return Err(TokenRequestError::ClientAuthenticationFailed.into());
        }
        let verified = self
            .verify_assertion(client, &assertion, &self.audiences(path), self.clock.now())
            .await
            .map_err(OAuthError::from)?;
        if let Some(used) = one_time(&verified)
            && self.commands.run(UseOnce::from(used)).await? == Use::Repeated
        {
            return Err(OAuthError::from(AssertionError::Replayed).into());
        }
        active(client)
    }
}

fn active(client: &Arc<Client>) -> Result<Arc<Client>> {
    if client.status == Status::Inactive {
        return Err(TokenRequestError::ClientAuthenticationFailed.into());
    }
    Ok(Arc::clone(client))
}
