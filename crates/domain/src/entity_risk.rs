//! The risk of users, devices and sessions, as other commands change it in their own decisions.
//!
//! A command asks for [`needs`] and [`follow_up`], takes [`EntityRisks`] from its slice, changes causes
//! and facts, calls [`EntityRisks::detect`] for every detection, and ends with [`EntityRisks::write`].
//!
//! | module | holds |
//! |---|---|
//! | `change` | causes and facts that come and go |
//! | `detect` | a detection: the log, the policy |
//! | `guard` | cool-down, reach, approval |
//! | `act` | what a rule does |
//! | `settle` | what is done here for a user settles |

mod act;
mod change;
mod detect;
mod guard;
mod record;
mod settle;

#[cfg(test)]
mod tests;

pub(crate) use self::settle::{Done, names, settle, settle_needs};
pub use self::{
    change::{Change, From},
    detect::{Detected, Response},
    guard::GuardLimits,
};

use std::collections::{BTreeMap, BTreeSet};

use watchfire_engine::entity::{LEAST_MILLINATS, level, strength};
use watchfire_model::{
    entity::Entity,
    id::{SecurityEventsProviderId, UserId},
    object::{
        Action, AuthnTransaction, EntityRisk, EntityRiskAction, EntityRiskPolicy, EntityRiskRule, Factor, LogoutEndpoint,
        LogoutSelection, Membership, Org, ProviderReach, Session, SessionToken, Status, User,
    },
    row::Decision,
    signal::RiskLevel,
    slice::{Need, Slice},
    time::Timestamp,
};

/// What every command that changes entity risk needs.
pub fn needs() -> Vec<Need> {
    vec![
        Need::all::<Org>(),
        Need::all::<EntityRiskPolicy>(),
        Need::all::<EntityRiskRule>(),
    ]
}

/// What it needs beside that about `entities`, as far as the rules could make something of it.
pub fn follow_up(slice: &Slice, entities: &[Entity], provider: Option<&SecurityEventsProviderId>) -> Vec<Need> {
    let wanted = Wanted::by_rules(slice);
    let mut needs: Vec<Need> = entities
        .iter()
        .map(|entity| Need::object::<EntityRisk>(entity.to_string()))
        .collect();
    for user in entities.iter().filter_map(Entity::user).map(UserId::as_str) {
        needs.extend([Need::object::<User>(user), Need::children::<Membership>(user)]);
        if wanted.sessions {
            needs.extend([
                Need::children::<Session>(user),
                Need::children::<SessionToken>(user),
                Need::children::<AuthnTransaction>(user),
            ]);
        }
        if wanted.factors {
            needs.push(Need::children::<Factor>(user));
        }
    }
    if wanted.endpoints {
        needs.push(Need::all::<LogoutEndpoint>());
    }
    if let Some(provider) = provider.filter(|_| wanted.anything) {
        needs.push(Need::object::<ProviderReach>(provider.as_str()));
    }
    for user in entities.iter().filter_map(Entity::user) {
        needs.extend(waiting_approvals(slice, user));
    }
    needs
}

/// What may wait for an administrator already of what rules want to do about `user`.
fn waiting_approvals(slice: &Slice, user: &UserId) -> Vec<Need> {
    let rules = slice.all::<EntityRiskRule>().into_iter();
    let mut needs = Vec::new();
    for rule in rules.filter(|rule| rule.status == Status::Active) {
        for action in &rule.actions {
            let calls = act::waiting_calls(action, user, &act::apps(action, slice));
            needs.extend(
                calls
                    .iter()
                    .map(|call| Need::natural::<Action>(Action::approval_key(&rule.id, user, call))),
            );
        }
    }
    needs
}

/// What the actions of active rules work on.
#[derive(Debug, Default)]
struct Wanted {
    anything: bool,
    sessions: bool,
    factors: bool,
    endpoints: bool,
}

impl Wanted {
    fn by_rules(slice: &Slice) -> Self {
        let mut wanted = Self::default();
        let rules = slice.all::<EntityRiskRule>().into_iter();
        for action in rules
            .filter(|rule| rule.status == Status::Active)
            .flat_map(|rule| &rule.actions)
        {
            wanted.anything = true;
            match action {
                EntityRiskAction::TerminateAllSessions { universal_logout } => {
                    wanted.sessions = true;
                    wanted.endpoints |= *universal_logout != LogoutSelection::None;
                }
                EntityRiskAction::DeactivateUser => {
                    wanted.sessions = true;
                    wanted.factors = true;
                }
                EntityRiskAction::RunWorkflow { .. } => {}
            }
        }
        wanted
    }
}

/// What is known of entities, as this decision changes it.
#[derive(Debug)]
pub struct EntityRisks<'s> {
    slice: &'s Slice,
    limits: GuardLimits,
    now: Timestamp,
    records: BTreeMap<Entity, Record>,
    reaches: BTreeMap<SecurityEventsProviderId, ProviderReach>,
    users: BTreeMap<UserId, User>,
    ended: BTreeSet<UserId>,
    /// What this decision has asked an administrator for.
    asked: BTreeMap<String, Action>,
}

/// What is known of one entity.
#[derive(Debug)]
struct Record {
    risk: EntityRisk,
    /// The level before what the next detection is about.
    previous: Option<RiskLevel>,
    changed: bool,
}

impl<'s> EntityRisks<'s> {
    /// What `slice` holds, at `now`.
    pub const fn new(slice: &'s Slice, limits: GuardLimits, now: Timestamp) -> Self {
        Self {
            slice,
            limits,
            now,
            records: BTreeMap::new(),
            reaches: BTreeMap::new(),
            users: BTreeMap::new(),
            ended: BTreeSet::new(),
            asked: BTreeMap::new(),
        }
    }

    /// What is known of `entity` now.
    pub fn risk(&mut self, entity: &Entity) -> &EntityRisk {
        &self.record(entity).risk
    }

    /// The level of `entity` now; `None` is no risk.
    pub fn level(&mut self, entity: &Entity) -> Option<RiskLevel> {
        let now = self.now;
        level(&self.record(entity).risk.causes, now)
    }

    /// A user, as this decision has left it.
    pub fn user(&self, id: &UserId) -> Option<&User> {
        self.users.get(id).or_else(|| self.slice.get::<User>(id.as_str()))
    }

    /// Writes a changed user, so that what follows in this decision builds on it.
    pub fn put_user(&mut self, decision: &mut Decision, user: User) {
        decision.put(user.clone());
        self.users.insert(user.id.clone(), user);
    }

    /// Writes what has changed. Causes that have faded away are dropped.
    pub fn write(self, decision: &mut Decision) {
        for mut record in self.records.into_values().filter(|record| record.changed) {
            record
                .risk
                .causes
                .retain(|cause| strength(cause, self.now) >= LEAST_MILLINATS || cause.millinats < 0);
            record.risk.last_level = level(&record.risk.causes, self.now);
            record.risk.last_updated = self.now;
            decision.put(record.risk);
        }
        for reach in self.reaches.into_values() {
            decision.put(reach);
        }
    }

    fn record(&mut self, entity: &Entity) -> &mut Record {
        let (slice, now) = (self.slice, self.now);
        self.records.entry(entity.clone()).or_insert_with(|| {
            let known = slice.get::<EntityRisk>(&entity.to_string()).cloned();
            let risk = known.unwrap_or_else(|| EntityRisk::new(entity.clone(), now));
            Record {
                previous: level(&risk.causes, now),
                risk,
                changed: false,
            }
        })
    }
}
