//! Clients as apps (okta.md 2.1).

use serde_json::{Map, Value};
use watchfire_crypto::digest::sha256_hex;
pub use watchfire_domain::client::KeyChange;
use watchfire_domain::client::{ChangeClientKeys, CreateClient, DeleteClient, Door, ReplaceClient, SetClientStatus};
use watchfire_model::{
    id::{ClientId, OrgId},
    log::RequestOrigin,
    object::{Client, KeySource, Status},
};

use super::clients::{Registered, registered};
use crate::{App, Error, Result, access::Principal, reads::Listed};
use secrecy::ExposeSecret as _;

/// The scope that reads apps.
pub const READ: &str = "okta.apps.read";
/// The scope that changes them.
pub const MANAGE: &str = "okta.apps.manage";

/// What an app is to be.
#[derive(Clone, Debug)]
pub struct AppDraft {
    /// Its client's metadata, under registration's names.
    pub metadata: Value,
    /// What is kept and echoed beside it.
    pub app: Map<String, Value>,
}

impl App {
    /// The organisation's id.
    pub fn org_id(&self) -> OrgId {
        let directory = self.state.directory();
        directory.org().map_or_else(|| OrgId::new(""), |org| org.id.clone())
    }

    /// A page of the apps whose label starts with `prefix` and that `takes` takes, oldest first.
    ///
    /// # Errors
    /// Without the scope, or when `after` is none of ours.
    pub fn apps(
        &self,
        caller: &Principal,
        prefix: &str,
        takes: impl Fn(&Client) -> bool,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Listed<Client>> {
        caller.require(READ)?;
        self.clients_named(prefix, takes, after, limit)
    }

    /// One app.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub fn app(&self, caller: &Principal, id: &str) -> Result<Client> {
        caller.require(READ)?;
        self.known_app(id)
    }

    /// Whether the caller may change this app.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub fn check_manages_app(&self, caller: &Principal, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        self.known_app(id).map(drop)
    }

    /// Makes an app.
    ///
    /// # Errors
    /// [`Error::Invalid`] by the rules of okta.md 1.2.1.
    pub async fn create_app(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        draft: AppDraft,
        status: Status,
    ) -> Result<Registered> {
        caller.require(MANAGE)?;
        let secret = self.fresh_secret();
        let command = CreateClient {
            door: Door::Apps,
            metadata: draft.metadata,
            rules: self.registration_rules(),
            secret_hash: sha256_hex(secret.expose_secret()),
            status,
            app: draft.app,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await.map(|client| registered(client, secret))
    }

    /// Replaces an app.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for making one.
    pub async fn replace_app(&self, caller: &Principal, origin: RequestOrigin, id: &str, draft: AppDraft) -> Result<Registered> {
        caller.require(MANAGE)?;
        let secret = self.fresh_secret();
        let command = ReplaceClient {
            door: Door::Apps,
            id: ClientId::new(id),
            metadata: draft.metadata,
            rules: self.registration_rules(),
            secret_hash: sha256_hex(secret.expose_secret()),
            app: Some(draft.app),
            actor: caller.actor.clone(),
            origin,
        };
        let changed = self.commands.run(command).await.map(|client| registered(client, secret))?;
        self.client_keys.forget(&changed.client.id);
        Ok(changed)
    }

    /// Removes an inactive app.
    ///
    /// # Errors
    /// [`Error::NotFound`], and `E0000056` for an active one.
    pub async fn delete_app(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        let command = DeleteClient {
            door: Door::Apps,
            id: ClientId::new(id),
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await?;
        self.client_keys.forget(&ClientId::new(id));
        Ok(())
    }

    /// Switches an app on or off: the tokens of an inactive one do not work.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn set_app_status(&self, caller: &Principal, origin: RequestOrigin, id: &str, status: Status) -> Result<()> {
        caller.require(MANAGE)?;
        let command = SetClientStatus {
            id: ClientId::new(id),
            status,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// An app's inline keys.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub fn app_keys(&self, caller: &Principal, id: &str) -> Result<Vec<Value>> {
        match self.app(caller, id)?.metadata.keys {
            Some(KeySource::Jwks(keys)) => Ok(keys),
            Some(KeySource::JwksUri(_)) | None => Ok(Vec::new()),
        }
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub fn app_key(&self, caller: &Principal, id: &str, key_id: &str) -> Result<Value> {
        let keys = self.app_keys(caller, id)?;
        let is_it = |key: &Value| key.get("id").and_then(Value::as_str) == Some(key_id);
        keys.into_iter()
            .find(is_it)
            .ok_or_else(|| Error::not_found(key_id, "JsonWebKey"))
    }

    /// Changes an app's keys; gives the one that was changed.
    ///
    /// # Errors
    /// [`Error::NotFound`], and [`Error::Invalid`] when they would not be good keys any more.
    pub async fn change_app_keys(&self, caller: &Principal, origin: RequestOrigin, id: &str, change: KeyChange) -> Result<Value> {
        caller.require(MANAGE)?;
        let command = ChangeClientKeys {
            id: ClientId::new(id),
            change,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    fn known_app(&self, id: &str) -> Result<Client> {
        let directory = self.state.directory();
        let client = directory.client(id);
        client
            .map(|client| Client::clone(client))
            .ok_or_else(|| Error::not_found(id, "OAuth2AppInstance"))
    }
}
