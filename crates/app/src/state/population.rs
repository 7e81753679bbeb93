//! What everybody's sign-ins have in common, and what happened in the last hour: the engine's statistics,
//! kept in memory. Accepted sign-ins are counted when their decision is published.

use parking_lot::{Mutex, RwLock};
use watchfire_domain::sign_in::recorded_delta;
use watchfire_engine::model::{Attempt, HashKey, Observatory, Outcome, Path, Population, Windows};
use watchfire_model::{
    object::{Object, SignInRecord},
    row::Row,
};

/// The statistics.
#[derive(Debug)]
pub struct Statistics {
    population: RwLock<Population>,
    windows: Mutex<Observatory>,
}

/// Addresses, prefixes and accounts whose last hour is kept, each: past it the oldest are forgotten.
const MOST_WINDOWS: usize = 200_000;

impl Default for Statistics {
    fn default() -> Self {
        Self {
            population: RwLock::default(),
            windows: Mutex::new(Observatory::new(MOST_WINDOWS)),
        }
    }
}

impl Statistics {
    /// What an attempt with these values needs of everybody's.
    pub fn around(&self, path: &Path) -> Population {
        self.population.read().around(path)
    }

    /// What happened in the last hour around an attempt on an account.
    pub fn windows(&self, secret: &HashKey, attempt: &Attempt, account: &str) -> Windows {
        self.windows.lock().windows(secret, attempt, account)
    }

    /// Notes how an attempt on an account ended.
    pub fn observe(&self, secret: &HashKey, attempt: &Attempt, account: &str, outcome: Outcome) {
        self.windows.lock().observe(secret, attempt, account, outcome);
    }

    /// Values that are counted.
    pub fn len(&self) -> usize {
        self.population.read().len()
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts what a written row has taught or taken back.
    pub(super) fn publish(&self, row: &Row) {
        if let Row::Put(Object::SignInRecord(record)) = row {
            self.learn(record);
        }
    }

    /// Counts a record as it was written when it was learnt, or takes it back.
    pub(crate) fn learn(&self, record: &SignInRecord) {
        let Some(lesson) = record.lesson.as_ref().filter(|lesson| lesson.learnt_at.is_some()) else {
            return;
        };
        let Some(delta) = recorded_delta(record) else { return };
        let mut population = self.population.write();
        if lesson.taken_back_at.is_some() {
            population.remove(&delta);
        } else {
            population.apply(&delta);
        }
    }
}
