//! Making, changing and removing network zones (okta.md 10.2).

use watchfire_engine::{
    model::Place,
    zone::{Membership, membership},
};
use watchfire_model::{
    id::ZoneId,
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{ApiToken, DynamicZone, Kind, RiskTuning, Rule, Status, TokenNetwork, Zone, ZoneDraft, ZoneUsage, fold},
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
    policy::TAKEN,
};

/// Zones that one organisation may have. Every request is compared with all of them.
pub const MAX_ZONES: usize = 100;

/// Makes a zone.
#[derive(Clone, Debug)]
pub struct CreateZone {
    /// What it is to be.
    pub draft: ZoneDraft,
    /// What is known of the address of this request.
    pub place: Place,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for CreateZone {
    type Outcome = Zone;

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<Zone>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Zone> {
        self.try_decide(slice, context).into()
    }
}

impl CreateZone {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Zone), Rejection> {
        if slice.all::<Zone>().len() >= MAX_ZONES {
            return Err(Rejection::Invalid {
                field: "zone".to_owned(),
                causes: vec![format!("Maximum number of network zones ({MAX_ZONES}) reached")],
            });
        }
        let zone = Zone {
            id: ZoneId::generate(context.ids),
            name: self.draft.name.clone(),
            usage: self.draft.usage,
            status: self.draft.status.unwrap_or_default(),
            system: false,
            gateways: self.draft.gateways.clone(),
            proxies: self.draft.proxies.clone(),
            dynamic: self.draft.dynamic.clone(),
            created: context.now,
            last_updated: context.now,
        };
        check(&zone, slice, (&self.origin, &self.place))?;
        let mut decision = Decision::new();
        decision.put(zone.clone());
        context.log(&mut decision, event(EventType::ZoneCreate, &self.actor, &self.origin, &zone));
        if let Some(turned) = turned(ZoneUsage::Policy, zone.usage) {
            context.log(&mut decision, event(turned, &self.actor, &self.origin, &zone));
        }
        Ok((decision, zone))
    }
}

/// Replaces what an administrator says of a zone.
#[derive(Clone, Debug)]
pub struct ReplaceZone {
    /// Which one.
    pub id: ZoneId,
    /// What it is to be.
    pub draft: ZoneDraft,
    /// What is known of the address of this request.
    pub place: Place,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ReplaceZone {
    type Outcome = Zone;

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<Zone>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Zone> {
        self.try_decide(slice, context).into()
    }
}

impl ReplaceZone {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Zone), Rejection> {
        let old = find(slice, &self.id)?;
        let was = old.usage;
        if type_of(&old.dynamic) != type_of(&self.draft.dynamic) {
            return Err(Rejection::invalid("type", "The type of a network zone cannot be changed"));
        }
        let zone = Zone {
            name: self.draft.name.clone(),
            usage: self.draft.usage,
            status: self.draft.status.unwrap_or(old.status),
            gateways: self.draft.gateways.clone(),
            proxies: self.draft.proxies.clone(),
            dynamic: self.draft.dynamic.clone(),
            last_updated: context.now,
            ..old.clone()
        };
        check(&zone, slice, (&self.origin, &self.place))?;
        let mut decision = Decision::new();
        decision.put(zone.clone());
        context.log(&mut decision, event(EventType::ZoneUpdate, &self.actor, &self.origin, &zone));
        if let Some(turned) = turned(was, zone.usage) {
            context.log(&mut decision, event(turned, &self.actor, &self.origin, &zone));
        }
        Ok((decision, zone))
    }
}

/// Removes a zone that no rule and no token names: without it they would reach further, or nobody.
#[derive(Clone, Debug)]
pub struct DeleteZone {
    /// Which one.
    pub id: ZoneId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DeleteZone {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::object::<Zone>(self.id.as_str()),
            Need::all::<Rule>(),
            Need::all::<ApiToken>(),
            Need::object::<RiskTuning>(RiskTuning::ID),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        self.try_decide(slice, context).into()
    }
}

impl DeleteZone {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ()), Rejection> {
        let zone = find(slice, &self.id)?;
        if zone.system {
            return Err(Rejection::invalid("zone", "A system zone cannot be deleted"));
        }
        if let Some(user) = user_of(zone, slice) {
            return Err(Rejection::invalid("zone", &format!("The network zone is in use by {user}")));
        }
        let mut decision = Decision::new();
        decision.delete(Kind::Zone, self.id.as_str());
        context.log(&mut decision, event(EventType::ZoneDelete, &self.actor, &self.origin, zone));
        Ok((decision, ()))
    }
}

/// Switches a zone on or off.
#[derive(Clone, Debug)]
pub struct SetZoneStatus {
    /// Which one.
    pub id: ZoneId,
    /// On or off.
    pub status: Status,
    /// What is known of the address of this request.
    pub place: Place,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for SetZoneStatus {
    type Outcome = Zone;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<Zone>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Zone> {
        self.try_decide(slice, context).into()
    }
}

impl SetZoneStatus {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Zone), Rejection> {
        let old = find(slice, &self.id)?;
        let mut decision = Decision::new();
        if old.status == self.status {
            return Ok((decision, old.clone()));
        }
        let event_type = match self.status {
            Status::Active => EventType::ZoneActivate,
            Status::Inactive => EventType::ZoneDeactivate,
        };
        let zone = Zone {
            status: self.status,
            last_updated: context.now,
            ..old.clone()
        };
        check(&zone, slice, (&self.origin, &self.place))?;
        decision.put(zone.clone());
        context.log(&mut decision, event(event_type, &self.actor, &self.origin, &zone));
        Ok((decision, zone))
    }
}

const fn type_of(dynamic: &Option<DynamicZone>) -> &'static str {
    match dynamic {
        None => "IP",
        Some(DynamicZone::Dynamic { .. }) => "DYNAMIC",
        Some(DynamicZone::DynamicV2 { .. }) => "DYNAMIC_V2",
    }
}

/// What is said beside the change when a zone has become a blocklist, or is none any more (okta.md 8.6).
const fn turned(was: ZoneUsage, is: ZoneUsage) -> Option<EventType> {
    match (was, is) {
        (ZoneUsage::Policy, ZoneUsage::Blocklist) => Some(EventType::ZoneMakeBlacklist),
        (ZoneUsage::Blocklist, ZoneUsage::Policy) => Some(EventType::ZoneRemoveBlacklist),
        (ZoneUsage::Policy, ZoneUsage::Policy) | (ZoneUsage::Blocklist, ZoneUsage::Blocklist) => None,
    }
}

fn find<'s>(slice: &'s Slice, id: &ZoneId) -> Result<&'s Zone, Rejection> {
    slice
        .get::<Zone>(id.as_str())
        .ok_or_else(|| Rejection::not_found(id.as_str(), "NetworkZone"))
}

fn check(zone: &Zone, slice: &Slice, (origin, place): (&RequestOrigin, &Place)) -> Result<(), Rejection> {
    let mut others = slice.all::<Zone>().into_iter().filter(|other| other.id != zone.id);
    if others.any(|other| fold(&other.name) == fold(&zone.name)) {
        return Err(Rejection::invalid("name", TAKEN));
    }
    // Nobody could come in again to take it back: the list is asked before authentication.
    let own = origin.client.ip_address;
    let holds_own = own.is_some_and(|ip| membership(zone, ip, place) == Membership::Inside);
    if zone.usage == ZoneUsage::Blocklist && holds_own {
        return Err(Rejection::invalid(
            if zone.dynamic.is_some() { "usage" } else { "gateways" },
            "The blocklist would contain the address of this request",
        ));
    }
    Ok(())
}

/// What names a zone, if anything does.
fn user_of(zone: &Zone, slice: &Slice) -> Option<String> {
    let id = zone.id.as_str();
    let names = |ids: &[String]| ids.iter().any(|named| named == id);
    let rule = slice
        .all::<Rule>()
        .into_iter()
        .find(|rule| names(&rule.conditions.network.include) || names(&rule.conditions.network.exclude));
    let token = slice.all::<ApiToken>().into_iter().find(|token| match &token.network {
        TokenNetwork::Zone { include, exclude } => include.contains(&zone.id) || exclude.contains(&zone.id),
        TokenNetwork::Anywhere => false,
    });
    let tuning = slice.get::<RiskTuning>(RiskTuning::ID);
    let is_trusted = tuning.is_some_and(|tuning| tuning.trusted_zones.contains(&zone.id));
    rule.map(|rule| format!("the policy rule {}", rule.id))
        .or_else(|| token.map(|token| format!("the API token {}", token.id)))
        .or_else(|| is_trusted.then(|| "the risk settings".to_owned()))
}

fn event(event_type: EventType, actor: &Actor, origin: &RequestOrigin, zone: &Zone) -> LogEvent {
    let usage = match zone.usage {
        ZoneUsage::Policy => "POLICY",
        ZoneUsage::Blocklist => "BLOCKLIST",
    };
    let target = Target::new("NetworkZone", zone.id.as_str(), &zone.name)
        .detail("type", type_of(&zone.dynamic))
        .detail("usage", usage)
        .detail("status", zone.status.as_str());
    LogEvent::new(event_type, actor.clone()).from_request(origin).target(target)
}

#[cfg(test)]
mod tests;
