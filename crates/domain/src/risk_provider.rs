//! Making, changing and removing risk providers (okta.md 3.2).

use watchfire_model::{
    id::{ClientId, RiskProviderId},
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{Client, Kind, ProviderAction, RiskProvider, fold},
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// Providers that one organisation may have, the default one included (okta.md 3.2).
pub const MAX_RISK_PROVIDERS: usize = 3;
/// Characters of a provider's name at the most (okta.md 13, row 5).
pub const MAX_NAME_CHARS: usize = 50;

const TAKEN: &str = "An object with this field already exists in the current organization";

/// What an administrator says of a provider, each member on its own right.
#[derive(Clone, Debug)]
pub struct RiskProviderDraft {
    /// Its name.
    pub name: String,
    /// Its service app; `None` is unassigned.
    pub client_id: Option<ClientId>,
    /// What is done with what it says.
    pub action: ProviderAction,
}

/// Makes a provider.
#[derive(Clone, Debug)]
pub struct CreateRiskProvider {
    /// What it is to be.
    pub draft: RiskProviderDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for CreateRiskProvider {
    type Outcome = RiskProvider;

    fn needs(&self) -> Vec<Need> {
        needs(&self.draft)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<RiskProvider> {
        self.try_decide(slice, context).into()
    }
}

impl CreateRiskProvider {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, RiskProvider), Rejection> {
        if slice.all::<RiskProvider>().len() >= MAX_RISK_PROVIDERS {
            let cause = format!("Maximum number of risk providers ({MAX_RISK_PROVIDERS}) reached");
            return Err(Rejection::Invalid {
                field: "riskProvider".to_owned(),
                causes: vec![cause],
            });
        }
        check(&self.draft, None, slice)?;
        let provider = RiskProvider {
            id: RiskProviderId::generate(context.ids),
            name: self.draft.name.clone(),
            client_id: self.draft.client_id.clone(),
            action: self.draft.action,
            created: context.now,
            last_updated: context.now,
        };
        let mut decision = Decision::new();
        decision.put(provider.clone());
        context.log(
            &mut decision,
            event(EventType::SecurityRiskProviderCreate, &self.actor, &self.origin, &provider),
        );
        Ok((decision, provider))
    }
}

/// Replaces what an administrator says of a provider.
#[derive(Clone, Debug)]
pub struct ReplaceRiskProvider {
    /// Which one.
    pub id: RiskProviderId,
    /// What it is to be.
    pub draft: RiskProviderDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ReplaceRiskProvider {
    type Outcome = RiskProvider;

    fn needs(&self) -> Vec<Need> {
        needs(&self.draft)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<RiskProvider> {
        self.try_decide(slice, context).into()
    }
}

impl ReplaceRiskProvider {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, RiskProvider), Rejection> {
        let old = slice
            .get::<RiskProvider>(self.id.as_str())
            .ok_or_else(|| not_found(&self.id))?;
        check(&self.draft, Some(&self.id), slice)?;
        let provider = RiskProvider {
            name: self.draft.name.clone(),
            client_id: self.draft.client_id.clone(),
            action: self.draft.action,
            last_updated: context.now,
            ..old.clone()
        };
        let mut decision = Decision::new();
        decision.put(provider.clone());
        context.log(
            &mut decision,
            event(EventType::SecurityRiskProviderUpdate, &self.actor, &self.origin, &provider),
        );
        Ok((decision, provider))
    }
}

/// Removes a provider. What it has said stays in the store and no longer counts (okta.md 3.3).
#[derive(Clone, Debug)]
pub struct DeleteRiskProvider {
    /// Which one.
    pub id: RiskProviderId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DeleteRiskProvider {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<RiskProvider>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let Some(provider) = slice.get::<RiskProvider>(self.id.as_str()) else {
            return Decided::rejected(not_found(&self.id));
        };
        let mut decision = Decision::new();
        decision.delete(Kind::RiskProvider, self.id.as_str());
        context.log(
            &mut decision,
            event(EventType::SecurityRiskProviderDelete, &self.actor, &self.origin, provider),
        );
        Decided::done(decision, ())
    }
}

fn needs(draft: &RiskProviderDraft) -> Vec<Need> {
    let mut needs = vec![Need::all::<RiskProvider>()];
    needs.extend(draft.client_id.as_ref().map(|id| Need::object::<Client>(id.as_str())));
    needs
}

/// Checks a draft against the other providers and the app that it names (okta.md 3.2).
fn check(draft: &RiskProviderDraft, own: Option<&RiskProviderId>, slice: &Slice) -> Result<(), Rejection> {
    if draft.name.trim().is_empty() {
        return Err(Rejection::invalid("name", "The field cannot be left blank"));
    }
    if draft.name.chars().count() > MAX_NAME_CHARS {
        return Err(Rejection::invalid("name", "The field is too long"));
    }
    let others: Vec<&RiskProvider> = slice
        .all::<RiskProvider>()
        .into_iter()
        .filter(|p| Some(&p.id) != own)
        .collect();
    if others.iter().any(|p| fold(&p.name) == fold(&draft.name)) {
        return Err(Rejection::invalid("name", TAKEN));
    }
    let Some(client_id) = &draft.client_id else { return Ok(()) };
    let is_service_app = slice
        .get::<Client>(client_id.as_str())
        .is_some_and(|c| c.metadata.application_type == "service");
    if !is_service_app {
        return Err(Rejection::invalid("clientId", "Invalid client id"));
    }
    if others.iter().any(|p| p.client_id.as_ref() == Some(client_id)) {
        return Err(Rejection::invalid("clientId", TAKEN));
    }
    Ok(())
}

fn not_found(id: &RiskProviderId) -> Rejection {
    Rejection::not_found(id.as_str(), "RiskProvider")
}

/// The event of a provider that something else changed.
pub(crate) fn updated(actor: &Actor, origin: &RequestOrigin, provider: &RiskProvider) -> LogEvent {
    event(EventType::SecurityRiskProviderUpdate, actor, origin, provider)
}

fn event(event_type: EventType, actor: &Actor, origin: &RequestOrigin, provider: &RiskProvider) -> LogEvent {
    let target = Target::new("RiskProvider", provider.id.as_str(), &provider.name)
        .detail("action", provider.action.as_str())
        .detail("clientId", provider.client_id.as_ref().map_or("null", ClientId::as_str));
    LogEvent::new(event_type, actor.clone()).from_request(origin).target(target)
}

#[cfg(test)]
mod tests;
