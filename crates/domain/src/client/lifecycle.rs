//! A client's status and secret.

use watchfire_model::{
    id::ClientId,
    log::{Actor, EventType, RequestOrigin},
    object::{AuthMethod, Client, Status},
    row::Decision,
    slice::{Need, Slice},
};

use super::{Audit, Door, target};
use crate::command::{Command, Context, Decided};

/// Switches a client on or off. One that is so already stays as it is.
#[derive(Clone, Debug)]
pub struct SetClientStatus {
    /// Which one.
    pub id: ClientId,
    /// What it is to be.
    pub status: Status,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for SetClientStatus {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<Client>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let Some(old) = slice.get::<Client>(self.id.as_str()) else {
            return Decided::rejected(Door::Apps.not_found(&self.id));
        };
        let mut decision = Decision::new();
        if old.status == self.status {
            return Decided::done(decision, ());
        }
        let client = Client {
            status: self.status,
            last_updated: context.now,
            ..old.clone()
        };
        decision.put(client.clone());
        let events = match self.status {
            Status::Active => [EventType::OAuthClientActivate, EventType::ApplicationLifecycleActivate],
            Status::Inactive => [EventType::OAuthClientDeactivate, EventType::ApplicationLifecycleDeactivate],
        };
        Audit::new(&self.actor, &self.origin, &client).log(&mut decision, context, events);
        Decided::done(decision, ())
    }
}

/// Gives a client another secret; the old one stops working.
#[derive(Clone, Debug)]
pub struct RenewClientSecret {
    /// Which one.
    pub id: ClientId,
    /// Hash of the fresh secret.
    pub secret_hash: String,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for RenewClientSecret {
    type Outcome = Client;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<Client>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Client> {
        let method = |client: &&Client| client.metadata.token_endpoint_auth_method;
        let is_renewable =
            |client: &&Client| matches!(method(client), AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost);
        // A client without a secret is as unknown here as one that does not exist (okta.md 1.2.2).
        let Some(old) = slice.get::<Client>(self.id.as_str()).filter(is_renewable) else {
            return Decided::rejected(Door::Registration.not_found(&self.id));
        };
        let client = Client {
            secret_hash: Some(self.secret_hash.clone()),
            last_updated: context.now,
            ..old.clone()
        };
        let mut decision = Decision::new();
        decision.put(client.clone());
        let audit = Audit::new(&self.actor, &self.origin, &client);
        let event = audit
            .event(EventType::OAuthClientUpdate)
            .target(target(super::KIND, &client))
            .debug("change", "client_secret");
        context.log(&mut decision, event);
        Decided::done(decision, client)
    }
}
