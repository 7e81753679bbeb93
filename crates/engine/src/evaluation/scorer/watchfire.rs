//! Our model as it would run: profiles in their stored form, windows of the last hour, no signals.

use std::collections::HashMap;

use super::{
    Scorer,
    history::{Id, user},
};
use crate::{
    evaluation::row::Row,
    model::{
        Attempt, Delta, HashKey, Known, Level, Observatory, Outcome, Path, Place, Population, Profile, Settings, Signals, judge,
    },
    user_agent::Device,
};

/// Windows that the evaluation keeps.
const MOST_WINDOWS: usize = 200_000;
const SECRET: HashKey = HashKey::new(*b"watchfire  eval ");

/// Our model.
#[derive(Debug)]
pub(super) struct Watchfire {
    profiles: HashMap<Id, Box<[u8]>>,
    population: Population,
    observatory: Observatory,
    signals: Signals,
    settings: Settings,
    /// Of the attempt that was scored last.
    pending: Option<(Attempt, Profile, Delta)>,
}

impl Default for Watchfire {
    fn default() -> Self {
        Self {
            profiles: HashMap::new(),
            population: Population::default(),
            observatory: Observatory::new(MOST_WINDOWS),
            signals: Signals::default(),
            settings: Settings::default(),
            pending: None,
        }
    }
}

impl Scorer for Watchfire {
    fn score(&mut self, row: &Row<'_>) -> Option<f64> {
        let attempt = attempt(row);
        let profile = self.profile(row);
        let windows = self.observatory.windows(&SECRET, &attempt, row.user);
        let known = Known {
            profile: &profile,
            population: &self.population,
            windows: &windows,
            signals: &self.signals,
            behaviors: &[],
        };
        let judged = judge(known, &attempt, &Path::of(&attempt, &SECRET), &self.settings);
        let evidence = (!profile.is_empty()).then_some(judged.verdict.evidence);
        self.pending = Some((attempt, profile, judged.delta));
        evidence
    }

    fn learn(&mut self, row: &Row<'_>) {
        let Some((attempt, mut profile, delta)) = self.pending.take() else {
            return;
        };
        profile.apply(&delta);
        self.population.apply(&delta);
        self.profiles.insert(user(row), profile.to_bytes().into_boxed_slice());
        self.observatory.observe(&SECRET, &attempt, row.user, Outcome::Accepted);
    }

    fn failed(&mut self, row: &Row<'_>) {
        let attempt = attempt(row);
        let known_network = self.profile(row).has_seen(&attempt, &SECRET, Level::Network);
        self.observatory
            .observe(&SECRET, &attempt, row.user, Outcome::Failed { known_network });
    }
}

impl Watchfire {
    fn profile(&self, row: &Row<'_>) -> Profile {
        let stored = self.profiles.get(&user(row));
        // What we wrote ourselves reads; a user without a profile has an empty one.
        stored.and_then(|bytes| Profile::from_bytes(bytes).ok()).unwrap_or_default()
    }
}

fn attempt(row: &Row<'_>) -> Attempt {
    Attempt {
        at: row.at,
        address: row.ip,
        place: Place {
            country: (!row.country.is_empty()).then(|| row.country.to_owned()),
            asn: row.asn,
            ..Place::default()
        },
        device: Device::given(row.user_agent, row.browser, row.os, row.device_type),
        user_agent: row.user_agent.to_owned(),
        token: None,
    }
}
