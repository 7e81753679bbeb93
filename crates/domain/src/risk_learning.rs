//! What labels teach of risk providers (risk-engine.md 5.6): counted in other commands' decisions, and taken
//! back in them.
//!
//! One account has one label a day that counts, one provider's receipts a few, and all step-ups together
//! not many, so that nobody who controls some accounts moves much; what a trust makes of the counts is bounded by
//! the day too (`watchfire_engine::learning`).

use std::{borrow::Cow, collections::BTreeMap};

use watchfire_engine::learning::{count, day_of, uncount};
use watchfire_model::{
    id::{RiskProviderId, UserId},
    object::{FeedbackTrace, ProviderAction, RiskLearning, RiskProvider, RiskTuning, SignInRecord},
    row::Decision,
    signal::RiskLevel,
    slice::{Need, Slice},
    time::Timestamp,
};

use crate::sign_in::recorded_basis;

/// An opinion is one label.
const OPINION_WEIGHT: u64 = 1_000;
/// A step-up that was passed or failed says less: people mistype codes, and some attackers have them.
const STEP_UP_WEIGHT: u64 = 250;
/// Labels of an account on one day.
const OF_A_USER: u32 = 1;
/// Labels on one provider's receipts on one day.
const OF_RECEIPTS: u32 = 16;
/// Accounts that are counted on one day; those behind them are not.
const MOST_VOTERS: usize = 256;
/// Step-ups that are counted on one day.
const MOST_STEP_UPS: usize = 64;
const STEP_UP: &str = "step-up ";

/// On whose account a label goes.
#[derive(Clone, Debug)]
pub(crate) enum Voter<'a> {
    /// An opinion on something of a user's.
    User(&'a UserId),
    /// A step-up of a user.
    StepUp(&'a UserId),
    /// An opinion on what a provider has sent.
    Receipts(&'a RiskProviderId),
}

impl Voter<'_> {
    fn key(&self) -> String {
        match self {
            Self::User(id) => id.to_string(),
            Self::StepUp(id) => format!("{STEP_UP}{id}"),
            Self::Receipts(id) => id.to_string(),
        }
    }

    const fn weight(&self) -> u64 {
        match self {
            Self::User(_) | Self::Receipts(_) => OPINION_WEIGHT,
            Self::StepUp(_) => STEP_UP_WEIGHT,
        }
    }

    const fn allowance(&self) -> u32 {
        match self {
            Self::User(_) | Self::StepUp(_) => OF_A_USER,
            Self::Receipts(_) => OF_RECEIPTS,
        }
    }
}

/// What a command needs that labels something.
pub(crate) fn needs() -> [Need; 3] {
    [
        Need::all::<RiskProvider>(),
        Need::object::<RiskTuning>(RiskTuning::ID),
        Need::object::<RiskLearning>(RiskLearning::ID),
    ]
}

/// What is learnt, as this decision changes it.
#[derive(Debug)]
pub(crate) struct Learner<'s> {
    slice: &'s Slice,
    tuning: Cow<'s, RiskTuning>,
    learning: Cow<'s, RiskLearning>,
    now: Timestamp,
    changed: bool,
}

impl<'s> Learner<'s> {
    pub(crate) fn new(slice: &'s Slice, now: Timestamp) -> Self {
        let tuning = slice.get::<RiskTuning>(RiskTuning::ID);
        let learning = slice.get::<RiskLearning>(RiskLearning::ID);
        Self {
            slice,
            tuning: tuning.map_or_else(|| Cow::Owned(RiskTuning::default()), Cow::Borrowed),
            learning: learning.map_or_else(|| Cow::Owned(RiskLearning::default()), Cow::Borrowed),
            now,
            changed: false,
        }
    }

    /// Writes what has changed. Of providers that are gone nothing is kept.
    pub(crate) fn write(self, decision: &mut Decision) {
        if !self.changed {
            return;
        }
        let mut learning = self.learning.into_owned();
        learning
            .providers
            .retain(|id, _| self.slice.get::<RiskProvider>(id.as_str()).is_some());
        decision.put(learning);
    }

    /// Labels what providers had said of a sign-in. `None` where it is not counted: there is nobody to
    /// learn about, or the account has had its say today.
    pub(crate) fn label(&mut self, voter: &Voter<'_>, words: Words, attack: bool) -> Option<FeedbackTrace> {
        if words.is_empty() || !self.vote(voter) {
            return None;
        }
        let trace = FeedbackTrace {
            day: day_of(self.now),
            voter: voter.key(),
            attack,
            weight: voter.weight(),
            words,
        };
        self.put_back(&trace);
        Some(trace)
    }

    /// Takes a label out again, to the last thousandth.
    pub(crate) fn take_back(&mut self, trace: &FeedbackTrace) {
        let now = self.now;
        let learning = self.learning.to_mut();
        self.changed = true;
        for (provider, level) in &trace.words {
            if let Some(labels) = learning.providers.get_mut(provider) {
                let tuning = self.tuning.of(provider);
                uncount(labels, &tuning, (*level, trace.attack), trace.weight, now);
            }
        }
        if learning.day == trace.day
            && let Some(votes) = learning.voters.get_mut(&trace.voter)
        {
            *votes = votes.saturating_sub(1);
            if *votes == 0 {
                learning.voters.remove(&trace.voter);
            }
        }
    }

    /// Counts a label, or counts one again that was taken out because of an opinion that is itself taken back.
    pub(crate) fn put_back(&mut self, trace: &FeedbackTrace) {
        let now = self.now;
        let learning = self.learning.to_mut();
        self.changed = true;
        for (provider, level) in &trace.words {
            let tuning = self.tuning.of(provider);
            let labels = learning.providers.entry(provider.clone()).or_default();
            count(labels, &tuning, (*level, trace.attack), trace.weight, now);
        }
    }

    fn vote(&mut self, voter: &Voter<'_>) -> bool {
        let (today, key) = (day_of(self.now), voter.key());
        // Looked at first: most step-ups of a busy day change nothing, and copy nothing.
        let is_today = self.learning.day >= today;
        let empty = BTreeMap::new();
        let voters = if is_today { &self.learning.voters } else { &empty };
        let known = voters.get(&key).copied().unwrap_or(0);
        let step_ups = || voters.keys().filter(|key| key.starts_with(STEP_UP)).count();
        let has_room = known > 0 || voters.len() < MOST_VOTERS;
        let is_one_too_many = matches!(voter, Voter::StepUp(_)) && step_ups() >= MOST_STEP_UPS;
        if known >= voter.allowance() || !has_room || is_one_too_many {
            return false;
        }
        let learning = self.learning.to_mut();
        if !is_today {
            learning.day = today;
            learning.voters.clear();
        }
        learning.voters.insert(key, known.saturating_add(1));
        true
    }

    /// What each provider that is listened to had said of a sign-in.
    pub(crate) fn words_of(&self, record: &SignInRecord) -> Words {
        let Some(basis) = recorded_basis(record) else {
            return Words::new();
        };
        let said = |provider: &RiskProvider| {
            let words = &basis.signals.providers;
            let word = words
                .iter()
                .find(|word| word.id == provider.id.as_str() && word.holds(basis.at));
            word.map(|word| word.level)
        };
        let listened = self.listened_to(record.at);
        listened.map(|provider| (provider.id.clone(), said(provider))).collect()
    }

    /// What one provider has said, whatever of.
    pub(crate) fn word_of(&self, provider: &RiskProviderId, level: RiskLevel) -> Words {
        let known = self.slice.get::<RiskProvider>(provider.as_str());
        known.map(|it| (it.id.clone(), Some(level))).into_iter().collect()
    }

    fn listened_to(&self, since: Timestamp) -> impl Iterator<Item = &'s RiskProvider> + use<'s> {
        let all = self.slice.all::<RiskProvider>().into_iter();
        all.filter(move |it| it.action != ProviderAction::None && it.created <= since)
    }
}

/// What each provider had said; `None` is nothing.
pub(crate) type Words = BTreeMap<RiskProviderId, Option<RiskLevel>>;

/// A second factor was asked for, and shown or not: what providers had said of the sign-in was wrong or right.
/// The label goes into the record, so that it can be taken back with it.
pub(crate) fn stepped_up(record: &mut SignInRecord, passed: bool, slice: &Slice, decision: &mut Decision, now: Timestamp) {
    let mut learner = Learner::new(slice, now);
    let words = learner.words_of(record);
    record.label = learner.label(&Voter::StepUp(&record.user_id), words, !passed);
    learner.write(decision);
}

#[cfg(test)]
mod tests;
