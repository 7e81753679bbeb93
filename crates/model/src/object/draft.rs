//! Policies, rules, zones and behaviours as an administrator asks for them: checked in form, without id, times
//! and the members that the server gives.

use super::{BehaviorSettings, DynamicZone, RuleConditions, RuleMode, SignOnAction, Status, ZoneEntry, ZoneUsage};
use crate::id::GroupId;

/// A sign-on policy that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDraft {
    /// Name for people.
    pub name: String,
    /// Description for people.
    pub description: Option<String>,
    /// `None` keeps what it is, ACTIVE for a new one.
    pub status: Option<Status>,
    /// The wished place, from 1; `None` keeps it, the last for a new one.
    pub priority: Option<u32>,
    /// Groups whose members it is for; empty is everyone. Whether they exist is not checked yet.
    pub groups: Vec<GroupId>,
}

/// A rule that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleDraft {
    /// Name for people.
    pub name: String,
    /// `None` keeps what it is, ACTIVE for a new one.
    pub status: Option<Status>,
    /// The wished place, from 1; `None` keeps it, the last for a new one.
    pub priority: Option<u32>,
    /// When it matches. Whether zones and users exist is not checked yet.
    pub conditions: RuleConditions,
    /// What then happens.
    pub action: SignOnAction,
    /// Whether it does, or is only written down.
    pub mode: RuleMode,
}

/// A zone that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneDraft {
    /// Name for people.
    pub name: String,
    /// What it is for.
    pub usage: ZoneUsage,
    /// `None` keeps what it is, ACTIVE for a new one.
    pub status: Option<Status>,
    /// Addresses of clients.
    pub gateways: Vec<ZoneEntry>,
    /// Addresses of proxies.
    pub proxies: Option<Vec<ZoneEntry>>,
    /// What the addresses of a dynamic zone have in common.
    pub dynamic: Option<DynamicZone>,
}

/// A behaviour that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BehaviorDraft {
    /// Name for people.
    pub name: String,
    /// Of a new one only, ACTIVE if absent: afterwards the life cycle is the only way (okta.md 10.3).
    pub status: Option<Status>,
    /// What is compared.
    pub settings: BehaviorSettings,
}
