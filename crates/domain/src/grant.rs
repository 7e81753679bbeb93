//! Granting scopes to service apps and revoking them (okta.md 2.2).

use watchfire_model::{
    id::{ClientId, GrantId, UserId},
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{Client, Grant, Kind},
    row::Decision,
    slice::{Need, Slice},
};
use watchfire_oauth::scope;

use crate::{
    Rejection,
    client::{Door, target},
    command::{Command, Context, Decided},
};

/// The type in an unknown grant's error text (okta.md 11.6).
const KIND: &str = "OAuth2ScopeConsentGrant";

/// Grants a scope. One that is granted already stays as it is.
#[derive(Clone, Debug)]
pub struct GrantScope {
    /// Whom.
    pub client_id: ClientId,
    /// What.
    pub scope: String,
    /// Who grants; a service app that may stands here under its client id.
    pub created_by: UserId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for GrantScope {
    type Outcome = Grant;

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::object::<Client>(self.client_id.as_str()),
            Need::children::<Grant>(self.client_id.as_str()),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Grant> {
        self.try_decide(slice, context).into()
    }
}

impl GrantScope {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Grant), Rejection> {
        let client = slice
            .get::<Client>(self.client_id.as_str())
            .ok_or_else(|| Door::Apps.not_found(&self.client_id))?;
        if !scope::is_known(&self.scope) {
            return Err(Rejection::invalid("scopeId", "Invalid scope"));
        }
        let mut decision = Decision::new();
        let granted = slice.children::<Grant>(self.client_id.as_str());
        if let Some(existing) = granted.into_iter().find(|grant| grant.scope == self.scope) {
            return Ok((decision, existing.clone()));
        }
        let grant = Grant {
            id: GrantId::generate(context.ids),
            client_id: self.client_id.clone(),
            scope: self.scope.clone(),
            created_by: self.created_by.clone(),
            created: context.now,
            last_updated: context.now,
        };
        decision.put(grant.clone());
        let event = event(EventType::OAuthConsentGrant, &self.actor, &self.origin, client, &self.scope);
        context.log(&mut decision, event);
        Ok((decision, grant))
    }
}

/// Revokes a grant. Tokens that were issued lose the scope at once: who looks at one looks at the
/// grants too.
#[derive(Clone, Debug)]
pub struct RevokeGrant {
    /// Whose.
    pub client_id: ClientId,
    /// Which one.
    pub id: GrantId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for RevokeGrant {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::object::<Client>(self.client_id.as_str()),
            Need::object::<Grant>(self.id.as_str()),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let Some(client) = slice.get::<Client>(self.client_id.as_str()) else {
            return Decided::rejected(Door::Apps.not_found(&self.client_id));
        };
        let own = slice.get::<Grant>(self.id.as_str());
        let Some(grant) = own.filter(|grant| grant.client_id == self.client_id) else {
            return Decided::rejected(Rejection::not_found(self.id.as_str(), KIND));
        };
        let mut decision = Decision::new();
        decision.delete(Kind::Grant, self.id.as_str());
        let event = event(EventType::OAuthConsentRevoke, &self.actor, &self.origin, client, &grant.scope);
        context.log(&mut decision, event);
        Decided::done(decision, ())
    }
}

pub(crate) fn event(event_type: EventType, actor: &Actor, origin: &RequestOrigin, client: &Client, scope: &str) -> LogEvent {
    LogEvent::new(event_type, actor.clone())
        .from_request(origin)
        .target(target("AppInstance", client))
        .target(Target::new("Scope", scope, scope))
}
