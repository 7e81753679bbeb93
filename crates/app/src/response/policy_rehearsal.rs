//! What the sign-on policies would make of a sign-in that somebody imagines (okta.md 9.3, simulate).

use std::net::IpAddr;

pub use watchfire_engine::policy::{AskedCondition, Match, RehearsedPolicy, RehearsedRule};
use watchfire_engine::{
    Assessment, Behavior, BehaviorResult, Familiarity,
    model::Place,
    policy::{PolicySet, Scenario, Whereabouts, blocking_zone, rehearse},
};
use watchfire_model::{
    id::{GroupId, UserId, ZoneId},
    object::{BehaviorRule, Group, Membership, Policy, Rule, User, Zone, ZoneUsage, fold},
    signal::RiskLevel,
};

use super::policies::READ;
use crate::{App, Error, Result, access::Principal};

/// A sign-in that is imagined. What is `None` is left open.
#[derive(Clone, Debug)]
pub struct ImaginedSignIn {
    /// Who.
    pub who: ImaginedUser,
    /// From where.
    pub network: ImaginedNetwork,
    /// For which application; no name is a sign-in that names none.
    pub application: Option<String>,
    /// How risky it is found.
    pub level: Option<RiskLevel>,
    /// In points.
    pub score: Option<u8>,
    /// The behaviours that deviate, by id or name; all others are as usual.
    pub behaviors: Option<Vec<String>>,
    /// Whether the user has signed in with the device before.
    pub device_known: Option<bool>,
}

/// Who is imagined to sign in.
#[derive(Clone, Debug)]
pub enum ImaginedUser {
    /// A user that there is.
    User(UserId),
    /// Somebody in these groups.
    InGroups(Vec<GroupId>),
}

/// From where.
#[derive(Clone, Debug)]
pub enum ImaginedNetwork {
    /// An address.
    Address(IpAddr),
    /// Within these zones and no other.
    Zones(Vec<ZoneId>),
    /// Left open.
    Open,
}

/// What would come of it.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The policies that would be asked, in their order.
    pub policies: Vec<RehearsedPolicy>,
    /// The blocklist zone that would refuse the sign-in before any policy is asked: id and name.
    pub blocked_by: Option<(ZoneId, String)>,
}

impl App {
    /// Asks the policies of now about a sign-in that nobody has tried.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a user, a group, a zone or a behaviour that there is not.
    pub async fn rehearse_policies(&self, caller: &Principal, imagined: &ImaginedSignIn) -> Result<Rehearsal> {
        caller.require(READ)?;
        let (policies, rules) = (self.all::<Policy>().await?, self.all::<Rule>().await?);
        let (zones, behaviors) = (self.all::<Zone>().await?, self.all::<BehaviorRule>().await?);
        let set = PolicySet {
            policies: policies.iter().collect(),
            rules: rules.iter().collect(),
            zones: zones.iter().collect(),
            behaviors: behaviors.iter().collect(),
            expression_steps: self.settings.sign_ins.expression_steps,
        };
        let groups = self.groups_of_imagined(&imagined.who).await?;
        let place = match imagined.network {
            ImaginedNetwork::Address(ip) => self.locate(ip).place,
            ImaginedNetwork::Zones(_) | ImaginedNetwork::Open => Place::default(),
        };
        let noticed = imagined.behaviors.as_deref();
        let noticed = noticed.map(|names| with_behaviors(names, &behaviors)).transpose()?;
        let scenario = Scenario {
            user: match &imagined.who {
                ImaginedUser::User(id) => Some(id),
                ImaginedUser::InGroups(_) => None,
            },
            groups: &groups,
            whereabouts: whereabouts(&imagined.network, &zones, &place)?,
            application: imagined.application.as_deref(),
            level: imagined.level,
            score: imagined.score,
            behaviors: noticed.as_ref(),
            device_known: imagined.device_known,
        };
        Ok(Rehearsal {
            policies: rehearse(&set, &scenario),
            blocked_by: blocked_by(&imagined.network, &zones, &place).map(|zone| (zone.id.clone(), zone.name.clone())),
        })
    }

    async fn groups_of_imagined(&self, who: &ImaginedUser) -> Result<Vec<GroupId>> {
        match who {
            ImaginedUser::User(id) => {
                if self.get::<User>(id.as_str()).await?.is_none() {
                    return Err(Error::invalid("policyContext.user.id", "No user has this id"));
                }
                let memberships: Vec<Membership> = self.children(id.as_str()).await?;
                Ok(memberships.into_iter().map(|membership| membership.group_id).collect())
            }
            ImaginedUser::InGroups(groups) => {
                for group in groups {
                    if self.get::<Group>(group.as_str()).await?.is_none() {
                        return Err(Error::invalid("policyContext.groups", "No group has this id"));
                    }
                }
                Ok(groups.clone())
            }
        }
    }
}

fn whereabouts<'a>(network: &'a ImaginedNetwork, zones: &[Zone], place: &'a Place) -> Result<Whereabouts<'a>> {
    match network {
        ImaginedNetwork::Address(ip) => Ok(Whereabouts::Address {
            ip: ip.to_canonical(),
            place,
        }),
        ImaginedNetwork::Zones(named) => {
            let is_there = |id: &ZoneId| zones.iter().any(|zone| zone.id == *id);
            if named.iter().all(is_there) {
                Ok(Whereabouts::Zones(named))
            } else {
                Err(Error::invalid("policyContext.zones.ids", "No zone has this id"))
            }
        }
        ImaginedNetwork::Open => Ok(Whereabouts::Open),
    }
}

fn blocked_by<'z>(network: &ImaginedNetwork, zones: &'z [Zone], place: &Place) -> Option<&'z Zone> {
    match network {
        ImaginedNetwork::Address(ip) => blocking_zone(zones, *ip, place),
        ImaginedNetwork::Zones(named) => {
            let mut blocklists = zones.iter().filter(|zone| zone.usage == ZoneUsage::Blocklist);
            blocklists.find(|zone| named.contains(&zone.id))
        }
        ImaginedNetwork::Open => None,
    }
}

/// What holds the results of behaviours: those that are named deviate.
fn with_behaviors(named: &[String], behaviors: &[BehaviorRule]) -> Result<Assessment> {
    let is_called = |rule: &BehaviorRule, name: &str| rule.id.as_str() == name || fold(&rule.name) == fold(name);
    let is_there = |name: &&String| behaviors.iter().any(|rule| is_called(rule, name));
    if !named.iter().all(|name| is_there(&name)) {
        return Err(Error::invalid("policyContext.risk.behaviors", "There is no such behavior"));
    }
    let result = |rule: &BehaviorRule| {
        if named.iter().any(|name| is_called(rule, name)) {
            BehaviorResult::Positive
        } else {
            BehaviorResult::Negative
        }
    };
    Ok(Assessment {
        score: 0,
        level: RiskLevel::Low,
        reasons: Vec::new(),
        factors: Vec::new(),
        behaviors: behaviors.iter().map(|rule| Behavior::of(rule, result(rule))).collect(),
        partner_risk: Vec::new(),
        counterfactual: None,
        threat_suspected: false,
        familiar: Familiarity::default(),
    })
}
