//! What the engine says about one sign-in.

use serde::Serialize;
use watchfire_model::{
    id::{BehaviorId, RiskProviderId},
    object::{BehaviorRule, BehaviorSettings, Status},
    signal::RiskLevel,
};

use crate::model::ProviderWord;

/// From this score on a sign-in is MEDIUM.
pub const MEDIUM_SCORE: u8 = 40;
/// From this score on a sign-in is HIGH.
pub const HIGH_SCORE: u8 = 70;

/// The verdict on one sign-in, with everything that led to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assessment {
    /// 0 (as always) to 100 (like no sign-in of this user).
    pub score: u8,
    /// What rules ask for: LOW below [`MEDIUM_SCORE`], HIGH from [`HIGH_SCORE`] on.
    pub level: RiskLevel,
    /// Why, in Okta's words (okta.md 8.6), most important first; empty when nothing stands out.
    pub reasons: Vec<String>,
    /// What the score is made of, strongest first.
    pub factors: Vec<Factor>,
    /// How the attempt compares with the user's habits, in the order of okta.md 8.6.
    pub behaviors: Vec<Behavior>,
    /// What enforced providers say about the address now, riskiest first.
    pub partner_risk: Vec<PartnerRisk>,
    /// What the verdict would be if the providers that are only logged counted too; `None` when
    /// they have nothing to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterfactual: Option<Counterfactual>,
    /// Whether an enforced provider suspects the address (MEDIUM or HIGH).
    pub threat_suspected: bool,
    /// What of the attempt the user has shown before, whatever behaviours administrators have defined.
    pub familiar: Familiarity,
}

/// What the user has shown before; `None` without a history, or without data about the attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Familiarity {
    /// The device.
    pub device: Option<bool>,
    /// The country.
    pub country: Option<bool>,
}

impl Assessment {
    /// How the attempt compares with one habit, called by its name. What was not evaluated is UNKNOWN.
    pub fn behavior(&self, name: &str) -> BehaviorResult {
        let found = self.behaviors.iter().find(|b| b.name == name);
        found.map_or(BehaviorResult::Unknown, |b| b.result)
    }

    /// The result of a behaviour as it is defined, found by its id; records keep only its name.
    pub fn behavior_of(&self, rule: &BehaviorRule) -> BehaviorResult {
        let is_it = |b: &&Behavior| b.id.as_ref().map_or(b.name == rule.name, |id| *id == rule.id);
        let found = self.behaviors.iter().find(is_it);
        found.map_or(BehaviorResult::Unknown, |b| b.result)
    }
}

/// One contribution to the score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Factor {
    /// Which.
    pub factor: FactorName,
    /// What was looked at: an address, a browser, a level.
    pub value: String,
    /// How often it had been seen before, such as `0 of 14`; old sign-ins count less than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// Weight of evidence, natural logarithm of the likelihood ratio; absent where a factor is a
    /// rule and no evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nats: Option<f64>,
    /// By how much the score would fall without it; negative where it would rise.
    pub points: i16,
    /// Where it comes from.
    pub source: FactorSource,
}

/// The names of factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorName {
    /// The country of the address.
    Country,
    /// Its autonomous system; without a data set, its /16 or /32.
    Network,
    /// Its /24 or /48.
    Prefix,
    /// The address; of IPv6 the /64.
    Ip,
    /// Phone, computer, tablet.
    DeviceType,
    /// The operating system.
    Os,
    /// The browser.
    Browser,
    /// The browser with its version.
    BrowserVersion,
    /// The whole header.
    UserAgent,
    /// The token that a trusted application sends for its device.
    DeviceToken,
    /// The hour of the day.
    Hour,
    /// The journey since the last sign-in.
    Velocity,
    /// Who else fails and succeeds from there.
    Neighbours,
    /// A program and no browser.
    Automation,
    /// Risk providers about the address.
    Providers,
    /// What speaks against the user.
    UserRisk,
    /// What speaks against the device that is presented.
    DeviceRisk,
    /// What speaks against a session of the user.
    SessionRisk,
    /// An operator's zone.
    Zone,
    /// Rule: too few sign-ins to know the user.
    ColdStart,
    /// Rule: somebody is guessing the account's password.
    UnderAttack,
    /// Rule: a provider's word that the verdict may not fall below.
    LevelFloor,
}

/// Where a factor comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FactorSource {
    /// The user's own sign-ins, beside those of everybody.
    History,
    /// The request itself.
    Request,
    /// What we have seen ourselves of the last hour.
    Observation,
    /// A risk provider; of several, the one that weighs most.
    Provider {
        /// Its id.
        id: RiskProviderId,
        /// Its name then.
        name: String,
    },
    /// Shared Signals, administrators and the user.
    EntityRisk,
    /// The operator.
    Operator,
}

/// How an attempt compares with one habit of the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Behavior {
    /// Which habit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<BehaviorId>,
    /// Its name then.
    pub name: String,
    /// The comparison's result.
    pub result: BehaviorResult,
}

impl Behavior {
    /// The result of a behaviour as it is defined now.
    pub fn of(rule: &BehaviorRule, result: BehaviorResult) -> Self {
        Self {
            id: Some(rule.id.clone()),
            name: rule.name.clone(),
            result,
        }
    }
}

/// The behaviours that are compared, in the order in which the System Log has them (okta.md 8.6); those
/// that an organisation did not come with stand behind, oldest first.
pub(crate) fn compared<'a>(rules: &[&'a BehaviorRule]) -> Vec<&'a BehaviorRule> {
    let mut rules: Vec<&BehaviorRule> = rules.iter().copied().filter(|rule| rule.status == Status::Active).collect();
    let place = |rule: &BehaviorRule| BehaviorSettings::SEEDS.iter().position(|(name, _)| *name == rule.name);
    rules.sort_by_key(|rule| (place(rule).unwrap_or(usize::MAX), rule.created, &rule.id));
    rules
}

/// The result of a comparison (okta.md 9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BehaviorResult {
    /// It deviates.
    Positive,
    /// It is as usual.
    Negative,
    /// There is not enough history.
    Unknown,
    /// There is not enough data about the request.
    BadRequest,
}

impl BehaviorResult {
    /// The result over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "POSITIVE",
            Self::Negative => "NEGATIVE",
            Self::Unknown => "UNKNOWN",
            Self::BadRequest => "BAD_REQUEST",
        }
    }

    /// Reads the result.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Positive, Self::Negative, Self::Unknown, Self::BadRequest];
        all.into_iter().find(|it| it.as_str() == text)
    }

    /// Whether a rule that names the behaviour matches: only what is known to be usual does not.
    pub const fn matches_a_condition(self) -> bool {
        !matches!(self, Self::Negative)
    }
}

/// What one provider says about the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartnerRisk {
    /// Who.
    pub provider: RiskProviderId,
    /// Its name now.
    pub name: String,
    /// Its word.
    pub level: RiskLevel,
    /// Its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasons: Option<String>,
}

impl PartnerRisk {
    /// What a provider's word says over the wire.
    pub(crate) fn of(word: &ProviderWord) -> Self {
        Self {
            provider: RiskProviderId::new(&word.id),
            name: word.name.clone(),
            level: word.level,
            reasons: word.message.clone(),
        }
    }
}

/// The verdict that did not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counterfactual {
    /// The score it would have been.
    pub score: u8,
    /// The level it would have been.
    pub level: RiskLevel,
    /// The reasons it would have had.
    pub reasons: Vec<String>,
    /// What the providers that are only logged say, riskiest first.
    pub partner_risk: Vec<PartnerRisk>,
}
