//! Policies, rules and zones as an administrator asks for them: checked in form, without id, times
//! and the members that the server gives.

use super::{RuleConditions, SignOnAction, Status, ZoneEntry, ZoneUsage};
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
}

/// An IP zone that is to be.
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
}
