//! The risk model: how surprising an attempt is for this user, measured against everybody.
//!
//! `E = place + device + hour + neighbours + providers + user risk`, each a logarithm of a likelihood
//! ratio. Place and device are chains of nested novelty processes, country to address and kind to
//! header, with one concentration a level, learnt online from how often honest people show something
//! new. `docs/risk-engine.md` derives it and shows how it does.
//!
//! Two steps: [`Basis::observe`] looks up the numbers, [`Basis::verdict`] is a function of them alone, so
//! that a record of the numbers gives the same verdict to the bit, on any machine. What a sign-in
//! teaches is a [`Delta`], applied only when it was accepted and taken back on "this was not me".

mod attempt;
mod basis;
mod decay;
mod delta;
mod explanation;
mod fixed;
mod key;
mod level;
mod population;
mod profile;
mod settings;
mod signals;
mod verdict;
mod windows;

pub use self::{
    attempt::{Attempt, Fix, Node, Path, Place},
    basis::{Basis, HourBasis, JourneyBasis, LevelBasis},
    delta::{Delta, Novelty},
    explanation::{behaviors, familiarity},
    fixed::Micro,
    key::{HashKey, Key},
    level::Level,
    population::{Concentration, Population, PopulationError},
    profile::{Profile, ProfileError},
    settings::{MODEL_VERSION, Settings, is_known_version},
    signals::{Cause, Line, Of, ProviderWord, Signals, Zone},
    verdict::{Contribution, Factor, Floor, FloorRule, Verdict, evidence_of, score},
    windows::{AccountTally, Observatory, Outcome, Tally, Windows},
};
use watchfire_model::object::BehaviorRule;

use crate::assessment::{Behavior, Familiarity};

/// What is known when somebody tries to sign in.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Of the user; an empty one for a user without.
    pub profile: &'a Profile,
    /// Of everybody.
    pub population: &'a Population,
    /// Of the last hour.
    pub windows: &'a Windows,
    /// From others.
    pub signals: &'a Signals,
    /// What is compared with the user's habits for rules; it has no part in the verdict.
    pub behaviors: &'a [&'a BehaviorRule],
}

/// A verdict, the record that it is computed from, and what the sign-in teaches once it is accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// To be stored with the sign-in.
    pub basis: Basis,
    /// Okta's behaviours.
    pub behaviors: Vec<Behavior>,
    /// What the user has shown before.
    pub familiar: Familiarity,
    /// To be applied to the profile and the population when the sign-in was accepted, and only then.
    pub delta: Delta,
}

/// Judges an attempt; `path` holds its values.
pub fn judge(known: Known<'_>, attempt: &Attempt, path: &Path, settings: &Settings) -> Judged {
    let basis = Basis::observe(
        (known.profile, known.population),
        known.windows,
        known.signals,
        (attempt, path),
        settings,
    );
    Judged {
        verdict: basis.verdict(),
        behaviors: behaviors(known.behaviors, known.profile, attempt, path),
        familiar: familiarity(known.profile, attempt, path),
        delta: Delta {
            at: attempt.at,
            nth: known.profile.successes().saturating_add(1),
            novelty: basis.novelty(),
            fix: attempt.place.fix,
            named: path.state.into_iter().chain(path.city).collect(),
            nodes: path.nodes.clone(),
        },
        basis,
    }
}

pub(crate) use self::{attempt::shown_prefix, signals::weight_of_level};

/// A hash without a secret, for what is compared within one run only.
pub(crate) fn siphash_of(parts: &[&[u8]]) -> u64 {
    key::siphash(b"no secret at all", parts)
}

#[cfg(test)]
mod tests;
