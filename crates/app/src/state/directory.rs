//! What administrators keep and every request looks at: clients, grants, providers, tokens, keys,
//! zones. Small, so a changed copy replaces the old one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use watchfire_domain::HookSubscriptions;
use watchfire_model::{
    id::{ClientId, GrantId, SecurityEventsProviderId},
    log::EventType,
    object::{
        AdminSession, Administrator, AdministratorLink, ApiToken, Client, ConsoleSignIn, EventHook, Grant, Kind, LogStream,
        LogoutEndpoint, Object, Org, Passkey, RevokedToken, RiskProvider, SecurityEventsProvider, SigningKey, Status, StreamIn,
        User, Workflow, Zone,
    },
    row::Row,
    time::Timestamp,
};

/// A snapshot. Everything in it is durable.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    org: Option<Arc<Org>>,
    clients: BTreeMap<String, Arc<Client>>,
    grants: BTreeMap<GrantId, Arc<Grant>>,
    providers: BTreeMap<String, Arc<RiskProvider>>,
    tokens: BTreeMap<String, Arc<ApiToken>>,
    administrators: BTreeMap<String, Arc<User>>,
    console_administrators: BTreeMap<String, Arc<Administrator>>,
    admin_sessions: BTreeMap<String, Arc<AdminSession>>,
    console_sign_in: Arc<ConsoleSignIn>,
    passkeys: BTreeMap<String, Arc<Passkey>>,
    administrator_links: BTreeMap<String, Arc<AdministratorLink>>,
    keys: BTreeMap<String, Arc<SigningKey>>,
    zones: BTreeMap<String, Arc<Zone>>,
    revoked: BTreeMap<String, Arc<RevokedToken>>,
    event_providers: BTreeMap<String, Arc<SecurityEventsProvider>>,
    event_providers_by_issuer: HashMap<String, Arc<SecurityEventsProvider>>,
    streams: BTreeMap<String, Arc<StreamIn>>,
    workflows: BTreeMap<String, Arc<Workflow>>,
    logout_endpoints: BTreeMap<String, Arc<LogoutEndpoint>>,
    hooks: BTreeMap<String, Arc<EventHook>>,
    log_streams: BTreeMap<String, Arc<LogStream>>,
    hook_subscriptions: HookSubscriptions,
}

impl Directory {
    /// The kinds that it holds whole. Of users it holds the administrators.
    pub const KINDS: &'static [Kind] = &[
        Kind::Org,
        Kind::Client,
        Kind::Grant,
        Kind::RiskProvider,
        Kind::ApiToken,
        Kind::SigningKey,
        Kind::Zone,
        Kind::RevokedToken,
        Kind::SecurityEventsProvider,
        Kind::StreamIn,
        Kind::Workflow,
        Kind::LogoutEndpoint,
        Kind::EventHook,
        Kind::Administrator,
        Kind::AdminSession,
        Kind::ConsoleSignIn,
        Kind::AdministratorLink,
        Kind::Passkey,
        Kind::LogStream,
    ];

    /// The organisation; absent only before the first start is over.
    pub fn org(&self) -> Option<&Org> {
        self.org.as_deref()
    }

    /// The client with `id`.
    pub fn client(&self, id: &str) -> Option<&Arc<Client>> {
        self.clients.get(id)
    }

    /// Every client.
    pub fn clients(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.clients.values()
    }

    /// The grants of a client.
    pub fn grants_of(&self, client: &ClientId) -> impl Iterator<Item = &Arc<Grant>> {
        self.grants.values().filter(move |grant| grant.client_id == *client)
    }

    /// The scopes granted to a client.
    pub fn granted_scopes(&self, client: &ClientId) -> BTreeSet<&str> {
        self.grants_of(client).map(|grant| grant.scope.as_str()).collect()
    }

    /// Every risk provider.
    pub fn risk_providers(&self) -> impl Iterator<Item = &Arc<RiskProvider>> {
        self.providers.values()
    }

    /// The risk provider that calls with this client.
    pub fn risk_provider_of(&self, client: &ClientId) -> Option<&Arc<RiskProvider>> {
        self.providers
            .values()
            .find(|provider| provider.client_id.as_ref() == Some(client))
    }

    /// Every API token.
    pub fn api_tokens(&self) -> impl Iterator<Item = &Arc<ApiToken>> {
        self.tokens.values()
    }

    /// The API token whose secret has this hash.
    pub fn token_by_hash(&self, hash: &str) -> Option<&Arc<ApiToken>> {
        self.tokens.get(hash)
    }

    /// The administrator with this user id.
    pub fn administrator(&self, id: &str) -> Option<&Arc<User>> {
        self.administrators.get(id)
    }

    /// Every user who is an administrator.
    pub fn administrators(&self) -> impl Iterator<Item = &Arc<User>> {
        self.administrators.values()
    }

    /// The access to the Admin Console of the user with this id.
    pub fn console_administrator(&self, user_id: &str) -> Option<&Arc<Administrator>> {
        self.console_administrators.get(user_id)
    }

    /// Everybody's access to the Admin Console.
    pub fn console_administrators(&self) -> impl Iterator<Item = &Arc<Administrator>> {
        self.console_administrators.values()
    }

    /// The session in the Admin Console whose cookie has this hash.
    pub fn admin_session_by_hash(&self, hash: &str) -> Option<&Arc<AdminSession>> {
        self.admin_sessions.get(hash)
    }

    /// The ways into the Admin Console.
    pub const fn console_sign_in(&self) -> &Arc<ConsoleSignIn> {
        &self.console_sign_in
    }

    /// Who administrators are at OpenID providers.
    pub fn administrator_links(&self) -> impl Iterator<Item = &Arc<AdministratorLink>> {
        self.administrator_links.values()
    }

    /// Every administrator's passkeys.
    pub fn passkeys(&self) -> impl Iterator<Item = &Arc<Passkey>> {
        self.passkeys.values()
    }

    /// Every signing key that is published.
    pub fn signing_keys(&self) -> impl Iterator<Item = &Arc<SigningKey>> {
        self.keys.values()
    }

    /// Every zone.
    pub fn zones(&self) -> impl Iterator<Item = &Arc<Zone>> {
        self.zones.values()
    }

    /// Every security events provider.
    pub fn security_events_providers(&self) -> impl Iterator<Item = &Arc<SecurityEventsProvider>> {
        self.event_providers.values()
    }

    /// The security events provider with `id`.
    pub fn security_events_provider(&self, id: &str) -> Option<&Arc<SecurityEventsProvider>> {
        self.event_providers.get(id)
    }

    /// The security events provider with this issuer, whatever its status.
    pub fn security_events_provider_of(&self, issuer: &str) -> Option<&Arc<SecurityEventsProvider>> {
        self.event_providers_by_issuer.get(issuer)
    }

    fn put_event_provider(&mut self, provider: Arc<SecurityEventsProvider>) {
        self.delete_event_provider(provider.id.as_str());
        self.event_providers_by_issuer
            .insert(provider.issuer.clone(), Arc::clone(&provider));
        self.event_providers.insert(provider.id.to_string(), provider);
    }

    fn delete_event_provider(&mut self, id: &str) {
        if let Some(old) = self.event_providers.remove(id) {
            // Another provider may have taken over the issuer in the same decision.
            self.event_providers_by_issuer.retain(|_, provider| provider.id != old.id);
        }
    }

    /// Every incoming stream.
    pub fn streams_in(&self) -> impl Iterator<Item = &Arc<StreamIn>> {
        self.streams.values()
    }

    /// The incoming streams of a provider.
    pub fn streams_of(&self, provider: &SecurityEventsProviderId) -> impl Iterator<Item = &Arc<StreamIn>> {
        self.streams.values().filter(move |stream| stream.provider_id == *provider)
    }

    /// The incoming stream with `id`.
    pub fn stream_in(&self, id: &str) -> Option<&Arc<StreamIn>> {
        self.streams.get(id)
    }

    /// The incoming stream that is pushed to the address with this key.
    pub fn pushed_stream(&self, key: &str) -> Option<&Arc<StreamIn>> {
        let mut living = self.streams.values().filter(|stream| stream.deleted_at.is_none());
        living.find(|stream| stream.key == key)
    }

    /// Every webhook.
    pub fn workflows(&self) -> impl Iterator<Item = &Arc<Workflow>> {
        self.workflows.values()
    }

    /// Every logout endpoint.
    pub fn logout_endpoints(&self) -> impl Iterator<Item = &Arc<LogoutEndpoint>> {
        self.logout_endpoints.values()
    }

    /// Every event hook.
    pub fn event_hooks(&self) -> impl Iterator<Item = &Arc<EventHook>> {
        self.hooks.values()
    }

    /// Every stream of the System Log to somewhere else.
    pub fn log_streams(&self) -> impl Iterator<Item = &Arc<LogStream>> {
        self.log_streams.values()
    }

    /// The stream of the System Log with `id`.
    pub fn log_stream(&self, id: &str) -> Option<&Arc<LogStream>> {
        self.log_streams.get(id)
    }

    /// Who is to be told of which events.
    pub const fn hook_subscriptions(&self) -> &HookSubscriptions {
        &self.hook_subscriptions
    }

    fn subscribe_hooks(&mut self) {
        self.hook_subscriptions.clear();
        for hook in self.hooks.values() {
            if hook.status != Status::Active || !hook.verified {
                continue;
            }
            for event_type in hook.events.iter().filter_map(|name| EventType::parse(name)) {
                self.hook_subscriptions.entry(event_type).or_default().push(hook.id.clone());
            }
        }
    }

    /// Whether the access token with this `jti` has been revoked.
    pub fn is_revoked(&self, jti: &str) -> bool {
        self.revoked.contains_key(jti)
    }

    /// Whether a row changes what is held here.
    pub(super) fn concerns(row: &Row) -> bool {
        match row {
            Row::Put(Object::User(user)) => user.administrator,
            Row::Put(object) => Self::KINDS.contains(&object.kind()),
            Row::Delete { kind, .. } => *kind == Kind::User || Self::KINDS.contains(kind),
            Row::Dedupe { .. } | Row::Receipt(_) | Row::Log(_) => false,
        }
    }

    pub(super) fn apply(&mut self, row: &Row) {
        match row {
            Row::Put(object) => self.put(object),
            Row::Delete { kind, id } => self.delete(*kind, id),
            Row::Dedupe { .. } | Row::Receipt(_) | Row::Log(_) => {}
        }
    }

    pub(super) fn put(&mut self, object: &Object) {
        let id = object.keys().id;
        match object {
            Object::Org(it) => self.org = Some(Arc::new(*it.clone())),
            Object::Client(it) => drop(self.clients.insert(id, Arc::new(*it.clone()))),
            Object::Grant(it) => drop(self.grants.insert(it.id.clone(), Arc::new(*it.clone()))),
            Object::RiskProvider(it) => drop(self.providers.insert(id, Arc::new(*it.clone()))),
            Object::ApiToken(it) => {
                self.tokens.retain(|_, token| token.id != it.id);
                self.tokens.insert(it.hash.clone(), Arc::new(*it.clone()));
            }
            Object::User(it) if it.administrator => drop(self.administrators.insert(id, Arc::new(*it.clone()))),
            Object::User(_) => drop(self.administrators.remove(&id)),
            Object::Administrator(it) => drop(self.console_administrators.insert(id, Arc::new(*it.clone()))),
            Object::AdminSession(it) => drop(self.admin_sessions.insert(it.hash.clone(), Arc::new(*it.clone()))),
            Object::ConsoleSignIn(it) => self.console_sign_in = Arc::new(*it.clone()),
            Object::AdministratorLink(it) => drop(self.administrator_links.insert(id, Arc::new(*it.clone()))),
            Object::Passkey(it) => drop(self.passkeys.insert(id, Arc::new(*it.clone()))),
            Object::SigningKey(it) => drop(self.keys.insert(id, Arc::new(*it.clone()))),
            Object::Zone(it) => drop(self.zones.insert(id, Arc::new(*it.clone()))),
            Object::RevokedToken(it) => drop(self.revoked.insert(id, Arc::new(*it.clone()))),
            Object::SecurityEventsProvider(it) => self.put_event_provider(Arc::new(*it.clone())),
            Object::StreamIn(it) => drop(self.streams.insert(id, Arc::new(*it.clone()))),
            Object::Workflow(it) => drop(self.workflows.insert(id, Arc::new(*it.clone()))),
            Object::LogoutEndpoint(it) => drop(self.logout_endpoints.insert(id, Arc::new(*it.clone()))),
            Object::LogStream(it) => drop(self.log_streams.insert(id, Arc::new(*it.clone()))),
            Object::EventHook(it) => {
                self.hooks.insert(id, Arc::new(*it.clone()));
                self.subscribe_hooks();
            }
            _ => {}
        }
    }

    fn delete(&mut self, kind: Kind, id: &str) {
        match kind {
            Kind::Client => drop(self.clients.remove(id)),
            Kind::Grant => drop(self.grants.remove(id)),
            Kind::RiskProvider => drop(self.providers.remove(id)),
            Kind::ApiToken => self.tokens.retain(|_, token| token.id.as_str() != id),
            Kind::User => drop(self.administrators.remove(id)),
            Kind::Administrator => drop(self.console_administrators.remove(id)),
            Kind::AdminSession => self.admin_sessions.retain(|_, session| session.id.as_str() != id),
            Kind::ConsoleSignIn => self.console_sign_in = Arc::default(),
            Kind::AdministratorLink => drop(self.administrator_links.remove(id)),
            Kind::Passkey => drop(self.passkeys.remove(id)),
            Kind::SigningKey => drop(self.keys.remove(id)),
            Kind::Zone => drop(self.zones.remove(id)),
            Kind::RevokedToken => drop(self.revoked.remove(id)),
            Kind::SecurityEventsProvider => self.delete_event_provider(id),
            Kind::StreamIn => drop(self.streams.remove(id)),
            Kind::Workflow => drop(self.workflows.remove(id)),
            Kind::LogoutEndpoint => drop(self.logout_endpoints.remove(id)),
            Kind::LogStream => drop(self.log_streams.remove(id)),
            Kind::EventHook => {
                self.hooks.remove(id);
                self.subscribe_hooks();
            }
            _ => {}
        }
    }

    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        let sessions = || self.admin_sessions.values().any(|session| session.expires_at < now);
        self.revoked.values().any(|token| token.expires_at < now) || sessions()
    }

    pub(super) fn forget_expired(&mut self, now: Timestamp) {
        self.revoked.retain(|_, token| token.expires_at >= now);
        self.admin_sessions.retain(|_, session| session.expires_at >= now);
    }
}
