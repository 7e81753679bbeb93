//! The outbox: what a decision wants done outside, and what waits for an approval. And the targets
//! that administrators keep: webhooks, event hooks, logout endpoints.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Keyed, Keys, Status};
use crate::{
    entity::Entity,
    id::{ActionId, ClientId, EntityRiskPolicyId, EntityRiskRuleId, EventHookId, ReceiptId, SecurityEventsProviderId, UserId},
    time::Timestamp,
};

/// A row of the outbox. Its id is the `webhook-id` or `jti` of every call that is made for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Its id.
    pub id: ActionId,
    /// What is to be done.
    pub call: ActionCall,
    /// Where it stands.
    pub state: ActionState,
    /// Not before then.
    pub due_at: Timestamp,
    /// Who works on it, and until when nobody else may.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// What has been tried, oldest first.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// Why it is to be done.
    #[serde(default)]
    pub cause: Option<ActionCause>,
    /// When it was decided.
    pub created: Timestamp,
    /// When a person last put it to work, by an approval or by hand: its retries and the time that they
    /// may take count from there. Absent: from when it was decided.
    #[serde(default)]
    pub resumed_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// How often it was asked for while it waited for an approval.
    #[serde(default = "once")]
    pub asked: u32,
}

const fn once() -> u32 {
    1
}

impl Action {
    /// How long one that has ended is kept.
    pub const RETENTION: Duration = days(30);
    /// How long a delivery to an event hook is kept that has succeeded: the event itself is in the log.
    pub const HOOK_RETENTION: Duration = days(1);
    /// How long a delivery to an event hook is kept that has failed.
    pub const DEAD_HOOK_RETENTION: Duration = days(7);

    /// One that is due at once.
    pub const fn due(id: ActionId, call: ActionCall, cause: Option<ActionCause>, now: Timestamp) -> Self {
        Self {
            id,
            call,
            state: ActionState::Pending,
            due_at: now,
            lease: None,
            attempts: Vec::new(),
            cause,
            created: now,
            resumed_at: None,
            finished_at: None,
            asked: 1,
        }
    }

    /// From when its retries count.
    pub fn working_since(&self) -> Timestamp {
        self.resumed_at.unwrap_or(self.created)
    }

    /// Whom it is about: by its call, or else by its cause.
    pub fn user(&self) -> Option<&UserId> {
        let caused = || self.cause.as_ref().and_then(|cause| cause.entity.user());
        self.call.user().or_else(caused)
    }

    /// What one that waits for an approval is found by: there is one for each thing that a rule wants to do
    /// about a user, however often it is asked for.
    pub fn approval_key(rule: &EntityRiskRuleId, user: &UserId, call: &ActionCall) -> String {
        let target = match call {
            ActionCall::Workflow { workflow, .. } => workflow.to_string(),
            ActionCall::UniversalLogout { app, .. } => app.to_string(),
            ActionCall::HookDelivery { .. } | ActionCall::EndSessions { .. } | ActionCall::DeactivateUser { .. } => String::new(),
        };
        [rule.as_str(), user.as_str(), call.kind(), &target].join("\u{1f}")
    }

    fn own_approval_key(&self) -> Option<String> {
        let rule = &self.cause.as_ref()?.rule;
        let waits = self.state == ActionState::AwaitingApproval;
        let user = self.user().filter(|_| waits)?;
        Some(Self::approval_key(rule, user, &self.call))
    }

    /// How long it is kept once it has ended; `None` waits for a person.
    fn retention(&self) -> Option<Duration> {
        let is_hook = matches!(self.call, ActionCall::HookDelivery { .. });
        match self.state {
            ActionState::Dead => is_hook.then_some(Self::DEAD_HOOK_RETENTION),
            _ if is_hook => Some(Self::HOOK_RETENTION),
            _ => Some(Self::RETENTION),
        }
    }
}

const fn days(count: u64) -> Duration {
    Duration::from_secs(count * 24 * 60 * 60)
}

impl Keyed for Action {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            parent: Some(self.state.as_str().to_owned()),
            natural: self.own_approval_key(),
            expires_at: self.finished_at.zip(self.retention()).map(|(at, kept)| at.plus(kept)),
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ActionCall {
    /// A signed webhook (Standard Webhooks).
    Workflow {
        /// Which.
        workflow: u64,
        /// The body's `data`.
        payload: Value,
    },
    /// An event of the System Log for an event hook (okta.md 10.4).
    HookDelivery {
        /// Which hook.
        hook: EventHookId,
        /// The event's `uuid`: it is in the log.
        event: String,
    },
    /// A Global Token Revocation call to an app (okta.md 9.8).
    UniversalLogout {
        /// Which app.
        app: ClientId,
        /// Whose tokens.
        user: UserId,
    },
    /// Ends the sessions here; a row only while it waits for an approval.
    EndSessions {
        /// Whose.
        user: UserId,
    },
    /// Deactivates a user; a row only while it waits for an approval.
    DeactivateUser {
        /// Whom.
        user: UserId,
    },
}

impl ActionCall {
    /// Its name on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Workflow { .. } => "WORKFLOW",
            Self::HookDelivery { .. } => "HOOK_DELIVERY",
            Self::UniversalLogout { .. } => "UNIVERSAL_LOGOUT",
            Self::EndSessions { .. } => "END_SESSIONS",
            Self::DeactivateUser { .. } => "DEACTIVATE_USER",
        }
    }

    /// Whom it is about, where it names somebody itself.
    pub const fn user(&self) -> Option<&UserId> {
        match self {
            Self::UniversalLogout { user, .. } | Self::EndSessions { user } | Self::DeactivateUser { user } => Some(user),
            Self::Workflow { .. } | Self::HookDelivery { .. } => None,
        }
    }
}

/// Where an action stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ActionState {
    /// A person has to say yes.
    AwaitingApproval,
    /// It is due, or will be.
    Pending,
    /// It is done.
    Done,
    /// A person said no.
    Rejected,
    /// It was tried in vain: a dead letter.
    Dead,
    /// It was waiting when a backup was made that has been restored since: a person says whether it is still to be done.
    Held,
}

impl ActionState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::AwaitingApproval,
        Self::Pending,
        Self::Done,
        Self::Rejected,
        Self::Dead,
        Self::Held,
    ];

    /// The name on the wire, and the parent under which such actions are listed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "AWAITING_APPROVAL",
            Self::Pending => "PENDING",
            Self::Done => "DONE",
            Self::Rejected => "REJECTED",
            Self::Dead => "DEAD",
            Self::Held => "HELD",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// The right to work on an action. A result counts only under the lease that made the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The process start that has it.
    pub epoch: u64,
    /// Which of its leases.
    pub number: u64,
    /// Then somebody else may.
    pub until: Timestamp,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When its result was known.
    pub at: Timestamp,
    /// What came back, for people: a status, or why there was none.
    pub result: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: Option<u16>,
}

/// Why something is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionCause {
    /// About whom.
    pub entity: Entity,
    /// The rule that asked for it.
    pub rule: EntityRiskRuleId,
    /// Its policy.
    pub policy: EntityRiskPolicyId,
    /// Who reported what it matched; absent when it was no provider.
    #[serde(default)]
    pub provider: Option<SecurityEventsProviderId>,
    /// What it came with.
    #[serde(default)]
    pub receipt: Option<ReceiptId>,
    /// The transaction in the System Log.
    pub transaction: String,
}

/// Whom a provider's signals have caused actions on, lately: the blast radius (architecture section 8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderReach {
    /// Which provider.
    pub provider: SecurityEventsProviderId,
    /// Users and when, oldest first; those outside the window are dropped.
    pub users: Vec<(UserId, Timestamp)>,
}

impl Keyed for ProviderReach {
    fn keys(&self) -> Keys {
        Keys {
            id: self.provider.to_string(),
            ..Keys::default()
        }
    }
}

/// A webhook that rules may run (okta.md 9.4 `RUN_WORKFLOW`; Standard Webhooks 1.0).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    /// Its number: Okta's workflows have integers (okta.md 13, row 32).
    pub id: u64,
    /// Name for people, unique.
    pub name: String,
    /// Where it is called.
    pub url: String,
    /// The sealed key of its signatures.
    pub sealed_secret: String,
    /// The key before it, which signs beside it for a while.
    #[serde(default)]
    pub retiring_secret: Option<RetiringSecret>,
    /// Inactive ones are not called.
    pub status: Status,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

/// A key that was replaced: both sign until receivers had time to take the new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiringSecret {
    /// The sealed key.
    pub sealed: String,
    /// Then it no longer signs.
    pub until: Timestamp,
}

impl Keyed for Workflow {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            natural: Some(super::fold(&self.name)),
            ..Keys::default()
        }
    }
}

/// Where an app takes Global Token Revocation calls (okta.md 9.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutEndpoint {
    /// The app.
    pub app: ClientId,
    /// Its endpoint.
    pub url: String,
    /// `aud` of the signed call; the endpoint's address when absent.
    #[serde(default)]
    pub audience: Option<String>,
    /// How the user is named: `iss_sub`, `email` or `opaque`.
    pub subject_format: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl Keyed for LogoutEndpoint {
    fn keys(&self) -> Keys {
        Keys {
            id: self.app.to_string(),
            ..Keys::default()
        }
    }
}

/// An event hook (okta.md 10.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventHook {
    /// Its id.
    pub id: EventHookId,
    /// Name for people.
    pub name: String,
    /// Only ACTIVE and verified ones are called.
    pub status: Status,
    /// Whether the endpoint has answered the challenge.
    pub verified: bool,
    /// Event types by their names.
    pub events: Vec<String>,
    /// Filters as they were given; kept for the clients that send them back.
    #[serde(default)]
    pub filter: Option<Value>,
    /// Where it is called.
    pub uri: String,
    /// Headers of every call beside the credential.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The header that the credential goes into.
    #[serde(default)]
    pub auth_header: Option<String>,
    /// Its sealed value: write-only.
    #[serde(default)]
    pub sealed_auth_value: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl Keyed for EventHook {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            ..Keys::default()
        }
    }
}
