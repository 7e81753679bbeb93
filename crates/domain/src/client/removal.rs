//! Removing a client and what hangs on it.

use watchfire_model::{
    id::ClientId,
    log::{Actor, EventType, RequestOrigin},
    object::{Client, Grant, Kind, LogoutEndpoint, RiskProvider, Status},
    row::Decision,
    slice::{Need, Slice},
};

use super::{Audit, Door};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
    grant, risk_provider,
};

/// Removes a client: its grants are revoked, its tokens stop working, and the risk provider that
/// called with it has none again.
#[derive(Clone, Debug)]
pub struct DeleteClient {
    /// The door: through the apps API, only an inactive one can be removed (okta.md 2.1).
    pub door: Door,
    /// Which one.
    pub id: ClientId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DeleteClient {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::object::<Client>(self.id.as_str()),
            Need::children::<Grant>(self.id.as_str()),
            Need::all::<RiskProvider>(),
            Need::object::<LogoutEndpoint>(self.id.as_str()),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let Some(client) = slice.get::<Client>(self.id.as_str()) else {
            return Decided::rejected(self.door.not_found(&self.id));
        };
        if self.door == Door::Apps && client.status == Status::Active {
            return Decided::rejected(Rejection::catalogued("E0000056"));
        }
        let mut decision = Decision::new();
        let audit = Audit::new(&self.actor, &self.origin, client);
        for held in slice.children::<Grant>(self.id.as_str()) {
            decision.delete(Kind::Grant, held.id.as_str());
            let event = grant::event(EventType::OAuthConsentRevoke, &self.actor, &self.origin, client, &held.scope);
            context.log(&mut decision, event);
        }
        for provider in slice.all::<RiskProvider>() {
            if provider.client_id.as_ref() != Some(&self.id) {
                continue;
            }
            let unassigned = RiskProvider {
                client_id: None,
                last_updated: context.now,
                ..provider.clone()
            };
            let event = risk_provider::updated(&self.actor, &self.origin, &unassigned);
            decision.put(unassigned);
            context.log(&mut decision, event);
        }
        if slice.get::<LogoutEndpoint>(self.id.as_str()).is_some() {
            decision.delete(Kind::LogoutEndpoint, self.id.as_str());
        }
        decision.delete(Kind::Client, self.id.as_str());
        audit.log(
            &mut decision,
            context,
            [EventType::OAuthClientDelete, EventType::ApplicationLifecycleDelete],
        );
        Decided::done(decision, ())
    }
}
