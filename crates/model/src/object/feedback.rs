//! What somebody has said of a finding: that it was right, or a false alarm.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Cause, Keyed, Keys, SignInState};
use crate::{
    entity::Entity,
    id::{FeedbackId, ReceiptId, RiskProviderId, SignInId, UserId},
    log::Actor,
    signal::RiskLevel,
    time::Timestamp,
};

/// An opinion on a finding. There is one of each finding: another one replaces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// Its id; ids sort by time.
    pub id: FeedbackId,
    /// What it is about.
    pub subject: FeedbackSubject,
    /// The opinion.
    pub label: FeedbackLabel,
    /// The user whom the finding is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who gave it.
    pub given_by: Actor,
    /// When the finding was first judged.
    pub created: Timestamp,
    /// When the opinion was last changed.
    pub last_updated: Timestamp,
    /// What it has done, so that all of it can be taken back.
    #[serde(default)]
    pub effects: FeedbackEffects,
    /// When it may be forgotten: what it has done stays then.
    pub expires_at: Timestamp,
}

impl Keyed for Feedback {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            parent: self.user_id.as_ref().map(ToString::to_string),
            natural: Some(self.subject.key()),
            expires_at: Some(self.expires_at),
        }
    }
}

/// What feedback is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FeedbackSubject {
    /// A sign-in.
    SignIn(SignInId),
    /// A change of a user's risk: the `uuid` of its `user.risk.detect`.
    RiskChange(String),
    /// What a provider has sent.
    Receipt(ReceiptId),
}

impl FeedbackSubject {
    /// The name of its type over the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SignIn(_) => "SIGN_IN",
            Self::RiskChange(_) => "RISK_CHANGE",
            Self::Receipt(_) => "RECEIPT",
        }
    }

    /// The id without its type.
    pub fn id(&self) -> &str {
        match self {
            Self::SignIn(id) => id.as_str(),
            Self::RiskChange(uuid) => uuid,
            Self::Receipt(id) => id.as_str(),
        }
    }

    /// Under which the one opinion on it is found.
    pub fn key(&self) -> String {
        format!("{} {}", self.kind(), self.id())
    }
}

/// An opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FeedbackLabel {
    /// There was an attacker.
    TruePositive,
    /// There was none.
    FalsePositive,
}

impl FeedbackLabel {
    /// Every one with its name over the wire.
    pub const WORDS: [(&'static str, Self); 2] = [("TRUE_POSITIVE", Self::TruePositive), ("FALSE_POSITIVE", Self::FalsePositive)];

    /// The name over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TruePositive => "TRUE_POSITIVE",
            Self::FalsePositive => "FALSE_POSITIVE",
        }
    }

    /// The name in the System Log (okta.md 8.6).
    pub const fn logged(self) -> &'static str {
        match self {
            Self::TruePositive => "true_positive",
            Self::FalsePositive => "false_positive",
        }
    }
}

/// What an opinion has done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedbackEffects {
    /// What no longer speaks against an entity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cleared: Vec<(Entity, Cause)>,
    /// What speaks against one since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised: Option<(Entity, Cause)>,
    /// How the sign-in had ended, and when that was told, before it was said to be somebody else's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disowned: Option<(SignInState, Option<Timestamp>)>,
    /// Whether what a risk provider has said with the receipt counts no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silenced: bool,
    /// What it has taught about risk providers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<FeedbackTrace>,
    /// What was taught by the step-up of the sign-in, and no longer counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<FeedbackTrace>,
}

/// What was counted of risk providers because of an opinion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedbackTrace {
    /// The day since 1970.
    pub day: i64,
    /// On whose account of that day it went.
    pub voter: String,
    /// Whether there was an attacker.
    pub attack: bool,
    /// Thousandths of a label.
    pub weight: u64,
    /// What each provider had said; `None` is nothing.
    pub words: BTreeMap<RiskProviderId, Option<RiskLevel>>,
}
