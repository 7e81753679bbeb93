//! What was seen of an attempt before its command: the request, and what memory holds of the rest.

use watchfire_engine::{
    Assessed, ProviderReport, assess,
    model::{Attempt, Known, Path, Population, Profile, Settings, Windows},
    signals,
};
use watchfire_model::{
    entity::Entity,
    id::UserId,
    object::{BehaviorRule, Cause, EntityRisk, RiskProvider, SignInProfile},
    signal::ProviderSignal,
    slice::Slice,
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
        let reports: Vec<ProviderReport> = self
            .signals
            .iter()
            .filter_map(|said| ProviderReport::new(slice.get::<RiskProvider>(said.provider.as_str())?, said))
            .collect();
        let causes = user.map_or_else(Vec::new, |user| causes(user, slice));
        let profile = user.map_or_else(Profile::default, |user| profile(slice, user));
        let known = Known {
            profile: &profile,
            population: &self.population,
            windows: &self.windows,
            signals: &signals(&reports, &causes, &attempt),
            behaviors: &slice.all::<BehaviorRule>(),
        };
        assess(known, &attempt, &self.path, &self.settings)
    }
}

/// What is remembered of a user; nothing at first. What cannot be read is nothing too: then the user is new
/// and its sign-in as risky as a first one.
pub(super) fn profile(slice: &Slice, user: &UserId) -> Profile {
    let known = slice.get::<SignInProfile>(user.as_str());
    known
        .and_then(|known| Profile::from_text(&known.profile).ok())
        .unwrap_or_default()
}

fn causes(user: &UserId, slice: &Slice) -> Vec<Cause> {
    let entity = Entity::User(user.clone()).to_string();
    slice
        .get::<EntityRisk>(&entity)
        .map(|risk| risk.causes.clone())
        .unwrap_or_default()
}
