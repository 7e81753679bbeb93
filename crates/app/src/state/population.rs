//! What everybody's sign-ins have in common, and what happened in the last hour: the engine's statistics,
//! kept in memory. Accepted sign-ins are counted when their decision is published.

use parking_lot::{Mutex, RwLock};
use watchfire_domain::sign_in::recorded_delta;
use watchfire_engine::model::{Attempt, HashKey, Observatory, Outcome, Path, Population, Windows};
use watchfire_model::{
    id::SignInId,
    object::{Lesson, Object, SignInRecord},
    row::Row,
    time::Timestamp,
};

/// The statistics.
#[derive(Debug)]
pub struct Statistics {
    counted: RwLock<Counted>,
    windows: Mutex<Observatory>,
}

/// The population, and up to where it counts.
#[derive(Clone, Debug, Default)]
struct Counted {
    population: Population,
    until: Until,
    changes: u64,
}

/// Up to where something counts: every sign-in that was learnt before `latest`, and of those of that very
/// time the ones that are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Until {
    pub(crate) latest: Timestamp,
    pub(crate) counted: Vec<SignInId>,
}

/// The statistics as they are kept.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) bytes: Vec<u8>,
    pub(crate) until: Until,
    /// How many changes led to it.
    pub(crate) changes: u64,
}

/// Addresses, prefixes and accounts whose last hour is kept, each: past it the oldest are forgotten.
const MOST_WINDOWS: usize = 200_000;

impl Default for Statistics {
    fn default() -> Self {
        Self {
            counted: RwLock::default(),
            windows: Mutex::new(Observatory::new(MOST_WINDOWS)),
        }
    }
}

impl Statistics {
    /// What an attempt with these values needs of everybody's.
    pub fn around(&self, path: &Path) -> Population {
        self.counted.read().population.around(path)
    }

    /// What happened in the last hour around an attempt on an account.
    pub fn windows(&self, secret: &HashKey, attempt: &Attempt, account: &str) -> Windows {
        self.windows.lock().windows(secret, attempt, account)
    }

    /// Notes how an attempt on an account ended.
    pub fn observe(&self, secret: &HashKey, attempt: &Attempt, account: &str, outcome: Outcome) {
        self.windows.lock().observe(secret, attempt, account, outcome);
    }

    /// The statistics' bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.counted.read().population.to_bytes()
    }

    /// Changes since the start.
    pub(crate) fn changes(&self) -> u64 {
        self.counted.read().changes
    }

    /// What is to be kept.
    pub(crate) fn snapshot(&self) -> Snapshot {
        // Copied, so that nobody waits while it is put in order.
        let counted = self.counted.read().clone();
        Snapshot {
            bytes: counted.population.to_bytes(),
            until: counted.until,
            changes: counted.changes,
        }
    }

    /// Puts back what was kept.
    pub(crate) fn restore(&self, population: Population, until: Until) {
        *self.counted.write() = Counted {
            population,
            until,
            changes: 0,
        };
    }

    /// Counts what a written row has taught or taken back.
    pub(super) fn publish(&self, row: &Row) {
        if let Row::Put(Object::SignInRecord(record)) = row
            && let Some(lesson) = &record.lesson
        {
            let taken_back = lesson.taken_back_at.is_some();
            self.count(record, lesson, !taken_back, taken_back);
        }
    }

    /// Counts what a record has taught or taken back since `until`.
    pub(crate) fn catch_up(&self, record: &SignInRecord, until: &Until) {
        let Some(lesson) = &record.lesson else { return };
        let is_new = |at: Option<Timestamp>| {
            at.is_some_and(|at| at > until.latest || (at == until.latest && !until.counted.contains(&record.id)))
        };
        let (learnt, taken_back) = (is_new(lesson.learnt_at), is_new(lesson.taken_back_at));
        if learnt != taken_back {
            self.count(record, lesson, learnt, taken_back);
        }
    }

    fn count(&self, record: &SignInRecord, lesson: &Lesson, learnt: bool, taken_back: bool) {
        let at = if taken_back { lesson.taken_back_at } else { lesson.learnt_at };
        let Some((at, delta)) = at.zip(recorded_delta(record)) else {
            return;
        };
        let mut counted = self.counted.write();
        if learnt {
            counted.population.apply(&delta);
        }
        if taken_back {
            counted.population.remove(&delta);
        }
        counted.changes = counted.changes.wrapping_add(1);
        if at > counted.until.latest {
            counted.until = Until {
                latest: at,
                counted: Vec::new(),
            };
        }
        if at == counted.until.latest {
            counted.until.counted.push(record.id.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use watchfire_model::{id::IdSource, object::Kind};

    use super::*;

    struct Ids(u32);

    impl IdSource for Ids {
        fn next_id(&mut self, prefix: &str) -> String {
            self.0 += 1;
            format!("{prefix}{:08}", self.0)
        }

        fn next_uuid(&mut self) -> String {
            String::new()
        }
    }

    fn record(ids: &mut Ids, seconds: i64) -> SignInRecord {
        let at = Timestamp::from_seconds(seconds);
        let node = json!({"level": "country", "key": seconds, "parent": 0});
        let delta = json!({"at": at, "nth": 1, "nodes": [node], "novelty": []});
        let document = json!({
            "id": SignInId::at(ids, at), "user_id": "00u1", "login": "jo", "at": at, "asked_by": {"type": "authn"},
            "client": {"ip": "192.0.2.1"}, "risk": {"score": 1, "level": "LOW"},
            "asked": {"decision": "ALLOW", "revision": ""}, "state": "SUCCESS", "basis": {},
            "lesson": {"delta": delta, "alone": true, "learnt_at": at}, "expires_at": at,
        });
        let object = Object::from_document(Kind::SignInRecord, &document.to_string()).expect("a record");
        let Object::SignInRecord(record) = object else {
            unreachable!("a record")
        };
        *record
    }

    #[test]
    fn a_snapshot_and_what_came_after_it_are_what_was_counted() {
        let mut ids = Ids(0);
        // Two of one moment: one before the snapshot, one behind it.
        let all: Vec<SignInRecord> = [100, 200, 200, 300].map(|at| record(&mut ids, at)).into();
        let live = Statistics::default();
        let publish = |record: &SignInRecord| live.publish(&Row::Put(record.clone().into()));
        all[..2].iter().for_each(publish);
        let snapshot = live.snapshot();
        all[2..].iter().for_each(publish);

        let restarted = Statistics::default();
        let population = Population::from_bytes(&snapshot.bytes).expect("statistics");
        restarted.restore(population, snapshot.until.clone());
        all.iter().for_each(|record| restarted.catch_up(record, &snapshot.until));
        assert_eq!(restarted.bytes(), live.bytes());
        assert_eq!(restarted.snapshot().until, live.snapshot().until);
    }

    #[test]
    fn what_is_taken_back_is_counted_no_more() {
        let mut ids = Ids(0);
        let (usual, mut strange) = (record(&mut ids, 100), record(&mut ids, 100));
        let live = Statistics::default();
        live.publish(&Row::Put(usual.clone().into()));
        let before = live.snapshot();
        live.publish(&Row::Put(strange.clone().into()));
        if let Some(lesson) = &mut strange.lesson {
            lesson.taken_back_at = Some(Timestamp::from_seconds(400));
        }
        live.publish(&Row::Put(strange.clone().into()));
        assert_eq!(live.bytes(), before.bytes);
        // Learnt and taken back since: nothing is left to do.
        let restarted = Statistics::default();
        restarted.restore(
            Population::from_bytes(&before.bytes).expect("statistics"),
            before.until.clone(),
        );
        restarted.catch_up(&strange, &before.until);
        assert_eq!(restarted.bytes(), before.bytes);
    }
}
