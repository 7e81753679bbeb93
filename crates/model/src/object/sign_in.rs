//! A sign-in that was assessed, and what is remembered of a user's sign-ins.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{FeedbackTrace, Keyed, Keys};
use crate::{
    id::{GroupId, PolicyId, RuleId, SignInId, UserId},
    signal::RiskLevel,
    time::Timestamp,
};

/// What is remembered of a user's accepted sign-ins, in the engine's compact form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInProfile {
    /// Whose.
    pub user_id: UserId,
    /// The engine's bytes as base64url.
    pub profile: String,
}

impl Keyed for SignInProfile {
    fn keys(&self) -> Keys {
        Keys {
            id: self.user_id.to_string(),
            ..Keys::default()
        }
    }
}

/// A sign-in whose risk was assessed and on which the policies were asked: with what was known then, so
/// that it can be computed, explained and decided again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInRecord {
    /// Its id; ids sort by time.
    pub id: SignInId,
    /// Who.
    pub user_id: UserId,
    /// The name as it was typed, cut to what logs keep.
    pub login: String,
    /// When, in whole milliseconds.
    pub at: Timestamp,
    /// Who asked.
    pub asked_by: AskedBy,
    /// The application that was signed in to, where somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Where from.
    pub client: SignInClient,
    /// The user's groups then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupId>,
    /// How risky it was found.
    pub risk: SignInRisk,
    /// What the policies made of it.
    pub asked: Asked,
    /// Hash of the `Idempotency-Key` that it was asked for with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<String>,
    /// How it ended.
    pub state: SignInState,
    /// When its end was told; `None` while it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The numbers that the score is computed from (the engine's `Basis`).
    pub basis: Value,
    /// What it teaches; `None` when it has nothing to teach any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lesson: Option<Lesson>,
    /// What its step-up has taught about risk providers, as long as nobody has said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<FeedbackTrace>,
    /// When it may be forgotten.
    pub expires_at: Timestamp,
}

impl Keyed for SignInRecord {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            parent: Some(self.user_id.to_string()),
            natural: self.idempotency.clone(),
            expires_at: Some(self.expires_at),
        }
    }
}

/// Who asked for the risk of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum AskedBy {
    /// Our own sign-in, `POST /api/v1/authn`.
    Authn,
    /// The client or the API token with this id, which tells the outcome too.
    Caller(String),
}

/// Where a sign-in came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInClient {
    /// The address.
    pub ip: IpAddr,
    /// `User-Agent`, cut to what the engine looks at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Hash of the device token, where it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token_hash: Option<String>,
    /// ISO 3166-1 code of the address's country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// First subdivision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Autonomous system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// ISO 3166-2 code of the first subdivision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Whether machines, VPN exits or relays are known to be there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hosting: bool,
    /// Whether a data set says whether they are. Absent in old records, in which whoever knew the autonomous
    /// system was taken to know this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosting_known: Option<bool>,
}

impl SignInClient {
    /// Whether machines, VPN exits or relays are there; `None` where nobody knew.
    pub fn is_hosting(&self) -> Option<bool> {
        let is_known = self.hosting || self.hosting_known.unwrap_or(self.asn.is_some());
        is_known.then_some(self.hosting)
    }
}

/// How risky a sign-in was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInRisk {
    /// 0 to 100.
    pub score: u8,
    /// The level that rules asked for.
    pub level: RiskLevel,
    /// Why, most important first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Okta's behaviours and their results, such as `New IP` and `POSITIVE`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub behaviors: BTreeMap<String, String>,
    /// Whether the user had shown the device before; `None` where nobody could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_known: Option<bool>,
}

/// What the sign-on policies made of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// What they said.
    pub decision: SignInVerdict,
    /// The policy of the rule that matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Named<PolicyId>>,
    /// The rule that matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Named<RuleId>>,
    /// A fingerprint of the policies, rules and zones that were asked.
    pub revision: String,
    /// How many rules were asked; `None` in old records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<u32>,
    /// What came of the last of them, in the order in which they were asked. What they asked and got is computed
    /// again from the policies of the revision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<RuleOutcome>,
    /// In old records, every rule that was asked, with what each condition asked and got.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub explanation: Value,
}

impl Asked {
    /// How many rules were asked.
    pub fn rules(&self) -> usize {
        let old = || self.explanation.as_array().map_or(0, Vec::len);
        self.rules
            .map_or_else(old, |asked| usize::try_from(asked).unwrap_or(usize::MAX))
    }
}

/// What came of a rule that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleOutcome {
    /// The rule.
    pub id: RuleId,
    /// The first of its conditions that did not hold; `None` where it matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no: Option<String>,
}

/// What policies say of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SignInVerdict {
    /// It goes on.
    Allow,
    /// After a second factor.
    Challenge,
    /// It ends.
    Deny,
}

impl SignInVerdict {
    /// The word over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Challenge => "CHALLENGE",
            Self::Deny => "DENY",
        }
    }
}

/// Something by its id and the name that it had then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named<Id> {
    /// Its id.
    pub id: Id,
    /// Its name then.
    pub name: String,
}

/// How a sign-in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SignInState {
    /// Nobody has said so yet.
    Pending,
    /// Without a second factor.
    Success,
    /// Refused, or the password was wrong.
    Failure,
    /// With a second factor.
    ChallengePassed,
    /// The second factor was not shown.
    ChallengeFailed,
    /// Given up.
    Abandoned,
    /// Its user says that it was somebody else.
    NotMe,
}

impl SignInState {
    /// The word over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
            Self::ChallengePassed => "CHALLENGE_PASSED",
            Self::ChallengeFailed => "CHALLENGE_FAILED",
            Self::Abandoned => "ABANDONED",
            Self::NotMe => "NOT_ME",
        }
    }

    /// Whether somebody was let in.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Success | Self::ChallengePassed)
    }
}

/// What a sign-in teaches, or has taught. Its record is written once when it is learnt and once when it is
/// taken back: whoever counts what was learnt counts these writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lesson {
    /// What it adds to the profile and to the statistics of everybody (the engine's `Delta`).
    pub delta: Value,
    /// Whether it may be learnt without a second factor.
    pub alone: bool,
    /// When it was learnt, in whole milliseconds; `None` as long as it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learnt_at: Option<Timestamp>,
    /// The profile before that, to be put back when nothing was learnt since; `None` when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_before: Option<String>,
    /// When it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back_at: Option<Timestamp>,
}
