//! What was seen of an attempt before its command: the request, and what memory holds of the rest.

use watchfire_engine::{
    Against, Assessed, ProviderReport, assess, learning,
    model::{Attempt, Known, Path, Population, Profile, Settings, Windows},
    signals, telling_zone,
};
use watchfire_model::{
    entity::Entity,
    id::{ReceiptId, UserId},
    object::{
        BehaviorRule, EntityRisk, Feedback, FeedbackSubject, RiskLearning, RiskProvider, RiskTuning, SignInProfile,
        ThresholdLearning, Zone,
    },
    signal::ProviderSignal,
    slice::{Need, Slice},
    time::Timestamp,
};

/// An attempt as the edge saw it. What changes by commands, the user's profile first of all, is looked up
/// when it is decided.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The attempt; its time is that of the decision.
    pub attempt: Attempt,
    /// Its values.
    pub path: Path,
    /// The device, where the caller is trusted to say which it is.
    pub device: Option<PresentedDevice>,
    /// Of everybody, what is on that path.
    pub population: Population,
    /// Of the last hour around it.
    pub windows: Windows,
    /// What providers say of its address, as it was kept right before.
    pub signals: Vec<ProviderSignal>,
    /// The operator's choices.
    pub settings: Settings,
}

impl Sighting {
    /// Judges the attempt as one of this user, or of nobody.
    pub(super) fn assess(&self, user: Option<&UserId>, slice: &Slice, now: Timestamp) -> Assessed {
        let attempt = Attempt {
            // Whatever is kept of it prints its time, and must compute the same from it.
            at: now.as_printed(),
            ..self.attempt.clone()
        };
        let undecided = RiskTuning::default();
        let tuning = slice.get::<RiskTuning>(RiskTuning::ID).unwrap_or(&undecided);
        let learnt = slice.get::<RiskLearning>(RiskLearning::ID);
        let said = self.signals.iter().filter(|said| !is_called_false(&said.receipt, slice));
        let reports = said.filter_map(|said| {
            let report = ProviderReport::new(slice.get::<RiskProvider>(said.provider.as_str())?, said)?;
            Some(report.trusted(tuning, learnt, attempt.at))
        });
        let reports: Vec<ProviderReport> = reports.collect();
        let thresholds = slice.get::<ThresholdLearning>(ThresholdLearning::ID);
        let settings = learning::in_effect(self.settings, &tuning.thresholds, thresholds);
        let zone = telling_zone(&slice.all::<Zone>(), &tuning.trusted_zones, &attempt);
        let profile = user.map_or_else(Profile::default, |user| profile(slice, user));
        let known = Known {
            profile: &profile,
            population: &self.population,
            windows: &self.windows,
            signals: &signals(&reports, &self.against(user, slice), zone, &attempt),
            behaviors: &slice.all::<BehaviorRule>(),
        };
        assess(known, &attempt, &self.path, &settings)
    }

    /// What speaks against the user, the device that is presented and the sessions that there are.
    fn against<'s>(&self, user: Option<&UserId>, slice: &'s Slice) -> Against<'s> {
        let Some(user) = user else { return Against::default() };
        let own = slice.get::<EntityRisk>(&Entity::User(user.clone()).to_string());
        let mut against = Against {
            user: own.map(|risk| risk.causes.as_slice()).unwrap_or_default(),
            ..Against::default()
        };
        for risk in slice.children::<EntityRisk>(user.as_str()) {
            match &risk.entity {
                Entity::Session(_) => against.sessions.extend(&risk.causes),
                Entity::Device(_) if self.device.as_ref().is_some_and(|device| device.is(risk)) => {
                    against.device.extend(&risk.causes);
                }
                Entity::Device(_) | Entity::User(_) => {}
            }
        }
        against
    }

    /// What is looked at of its user.
    pub(super) fn needs_of(user: &str) -> [Need; 2] {
        [Need::object::<SignInProfile>(user), Need::children::<EntityRisk>(user)]
    }

    /// What somebody may have said of the signals about its address.
    pub(super) fn needs_of_signals(&self) -> impl Iterator<Item = Need> {
        self.signals
            .iter()
            .map(|said| Need::natural::<Feedback>(feedback_on(&said.receipt)))
    }

    /// What is looked at whoever it is.
    pub(super) fn needs() -> [Need; 4] {
        [
            Need::all::<RiskProvider>(),
            Need::object::<RiskTuning>(RiskTuning::ID),
            Need::object::<RiskLearning>(RiskLearning::ID),
            Need::object::<ThresholdLearning>(ThresholdLearning::ID),
        ]
    }
}

/// Whether somebody has called a receipt a false alarm: then its signals say nothing any more. Looked up when it is
/// decided, so that feedback counts from its own decision on, and no longer when it is withdrawn.
pub(super) fn is_called_false(receipt: &ReceiptId, slice: &Slice) -> bool {
    let judged = slice.by_natural::<Feedback>(&feedback_on(receipt));
    judged.is_some_and(|it| it.effects.silenced)
}

/// Under which feedback on a receipt is found.
pub(super) fn feedback_on(receipt: &ReceiptId) -> String {
    FeedbackSubject::Receipt(receipt.clone()).key()
}

/// What is remembered of a user; nothing at first. What cannot be read is nothing too: then the user is new
/// and its sign-in as risky as a first one.
pub(super) fn profile(slice: &Slice, user: &UserId) -> Profile {
    let known = slice.get::<SignInProfile>(user.as_str());
    known
        .and_then(|known| Profile::from_text(&known.profile).ok())
        .unwrap_or_default()
}

/// What a trusted application says stands for the device. It may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct PresentedDevice(String);

impl PresentedDevice {
    /// The token that was presented.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// Whether it is the device that others speak of: by our id of it, or by the name that one of them has
    /// given it, the last member of an identifier.
    fn is(&self, risk: &EntityRisk) -> bool {
        let mut names = risk.links.iter().filter_map(|link| link.identifier.members().last());
        !self.0.is_empty() && (risk.entity.id() == self.0 || names.any(|name| name == self.0))
    }
}

impl std::fmt::Debug for PresentedDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PresentedDevice(..)")
    }
}
