//! OAuth clients (okta.md 1.2).

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use watchfire_crypto::digest::sha256_hex;
use watchfire_domain::client::{CreateClient, DeleteClient, Door, RenewClientSecret, ReplaceClient};
use watchfire_model::{
    id::ClientId,
    log::RequestOrigin,
    object::{Client, Status},
};
use watchfire_oauth::registration::Rules;
pub use watchfire_oauth::registration::document;

use crate::{App, Error, Result, access::Principal, entropy::url_safe, reads::Listed};

/// The scope that reads clients.
pub const READ: &str = "okta.clients.read";
/// The scope that registers clients.
pub const REGISTER: &str = "okta.clients.register";
/// The scope that changes and removes clients.
pub const MANAGE: &str = "okta.clients.manage";

/// Characters of a client's secret (okta.md 2.1).
const SECRET_CHARS: usize = 64;

/// A client after a change, with its secret when it was just made: nobody can show it again.
#[derive(Clone, Debug)]
pub struct Registered {
    /// The client.
    pub client: Client,
    /// Its fresh secret.
    pub secret: Option<SecretString>,
}

impl App {
    /// A page of the clients whose name starts with `prefix`, oldest first.
    ///
    /// # Errors
    /// Without the scope, or when `after` is none of ours.
    pub fn clients(&self, caller: &Principal, prefix: &str, after: Option<&str>, limit: u32) -> Result<Listed<Client>> {
        caller.require(READ)?;
        self.clients_named(prefix, |_| true, after, limit)
    }

    /// One client.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub fn client(&self, caller: &Principal, id: &str) -> Result<Client> {
        caller.require(READ)?;
        let directory = self.state.directory();
        let client = directory.client(id);
        client
            .map(|client| Client::clone(client))
            .ok_or_else(|| Error::not_found(id, "PublicClientApp"))
    }

    /// Registers a client.
    ///
    /// # Errors
    /// [`Error::OAuth`] by the rules of okta.md 1.2.1.
    pub async fn create_client(&self, caller: &Principal, origin: RequestOrigin, metadata: Value) -> Result<Registered> {
        caller.require(REGISTER)?;
        let secret = self.fresh_secret();
        let command = CreateClient {
            door: Door::Registration,
            metadata,
            rules: self.registration_rules(),
            secret_hash: sha256_hex(secret.expose_secret()),
            status: Status::Active,
            app: Map::new(),
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await.map(|client| registered(client, secret))
    }

    /// Replaces what a client registered.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for registering one.
    pub async fn replace_client(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        metadata: Value,
    ) -> Result<Registered> {
        caller.require(MANAGE)?;
        let secret = self.fresh_secret();
        let command = ReplaceClient {
            door: Door::Registration,
            id: ClientId::new(id),
            metadata,
            rules: self.registration_rules(),
            secret_hash: sha256_hex(secret.expose_secret()),
            app: None,
            actor: caller.actor.clone(),
            origin,
        };
        let changed = self.commands.run(command).await.map(|client| registered(client, secret))?;
        self.client_keys.forget(&changed.client.id);
        Ok(changed)
    }

    /// Removes a client: its grants and tokens with it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_client(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        let command = DeleteClient {
            door: Door::Registration,
            id: ClientId::new(id),
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await?;
        self.client_keys.forget(&ClientId::new(id));
        Ok(())
    }

    /// Gives a client another secret.
    ///
    /// # Errors
    /// [`Error::NotFound`], for a client that authenticates without a secret too (okta.md 1.2.2).
    pub async fn renew_client_secret(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<Registered> {
        caller.require(MANAGE)?;
        let secret = self.fresh_secret();
        let command = RenewClientSecret {
            id: ClientId::new(id),
            secret_hash: sha256_hex(secret.expose_secret()),
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await.map(|client| registered(client, secret))
    }

    /// A page of the clients, or apps, whose name starts with `prefix` and that `takes` takes.
    pub(super) fn clients_named(
        &self,
        prefix: &str,
        takes: impl Fn(&Client) -> bool,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Listed<Client>> {
        let directory = self.state.directory();
        let prefix = prefix.to_lowercase();
        let named = directory
            .clients()
            .filter(|client| client.metadata.client_name.to_lowercase().starts_with(&prefix) && takes(client))
            .map(|client| Client::clone(client))
            .collect();
        Listed::cut(named, after, limit, |client| (client.created, client.id.as_str()))
    }

    pub(super) fn fresh_secret(&self) -> SecretString {
        url_safe(&*self.entropy, SECRET_CHARS).into()
    }

    pub(super) fn registration_rules(&self) -> Rules {
        Rules {
            allow_http: self.settings.dev,
        }
    }
}

/// The client with `secret`, if it took it.
pub(super) fn registered(client: Client, secret: SecretString) -> Registered {
    let taken = client.secret_hash.as_deref() == Some(&sha256_hex(secret.expose_secret()));
    Registered {
        secret: taken.then_some(secret),
        client,
    }
}
