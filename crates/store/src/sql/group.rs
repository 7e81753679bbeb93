//! What was appended and is not in the index yet: of the inline journal the group under way, of the segment
//! journal whatever its index lags behind as well.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use watchfire_model::{
    object::{Keys, Kind, Object},
    row::{Decision, DedupeKey, Receipt, Row},
    slice::Need,
    time::Timestamp,
};

/// Decisions in their order, and what they come to. Each has a number, one higher than the one before.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// The number of the first one.
    first: u64,
    decisions: VecDeque<Arc<Decision>>,
    objects: BTreeMap<(Kind, String), Written>,
    remembered: Vec<(DedupeKey, Timestamp)>,
    expiries: HashMap<DedupeKey, Remembered>,
}

/// The last word of the group on an object.
#[derive(Debug)]
pub(crate) struct Written {
    /// The decision that said it.
    number: u64,
    /// The object's place in lists, if it is a new one.
    pub(crate) ordinal: i64,
    /// Its keys.
    pub(crate) keys: Keys,
    /// The object; `None` when it was removed.
    pub(crate) object: Option<Arc<Object>>,
    /// It was removed before it was made again: its old row goes, and it has a new place.
    made_again: bool,
}

/// Until when a key is remembered, and by which decision.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    expires_at: Timestamp,
    number: u64,
}

impl Group {
    /// Whether nothing was appended.
    pub(crate) fn is_empty(&self) -> bool {
        self.decisions.is_empty()
    }

    /// The decisions.
    pub(crate) const fn decisions(&self) -> &VecDeque<Arc<Decision>> {
        &self.decisions
    }

    /// The number that the next decision has.
    fn next(&self) -> u64 {
        self.first
            .saturating_add(u64::try_from(self.decisions.len()).unwrap_or(u64::MAX))
    }

    /// The index has the first `count` decisions.
    pub(crate) fn forget(&mut self, count: usize) {
        self.decisions.drain(..count.min(self.decisions.len()));
        self.first = self.first.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        let first = self.first;
        self.objects.retain(|_, written| written.number >= first);
        self.expiries.retain(|_, remembered| remembered.number >= first);
        self.remembered.clear();
    }

    /// Its receipts.
    pub(crate) fn receipts(&self) -> Vec<&Receipt> {
        let rows = self.decisions.iter().flat_map(|decision| &decision.rows);
        rows.filter_map(|row| match row {
            Row::Receipt(receipt) => Some(receipt),
            _ => None,
        })
        .collect()
    }

    /// The objects that it leaves.
    pub(crate) fn put(&self) -> Vec<(&Object, &Keys, i64)> {
        let written = self.objects.values();
        written
            .filter_map(|it| Some((&**it.object.as_ref()?, &it.keys, it.ordinal)))
            .collect()
    }

    /// The objects that it removes.
    pub(crate) fn deleted(&self) -> Vec<(Kind, &str)> {
        let goes = |written: &Written| written.object.is_none() || written.made_again;
        let removed = self.objects.iter().filter(|(_, written)| goes(written));
        removed.map(|((kind, id), _)| (*kind, id.as_str())).collect()
    }

    /// The keys that it remembers.
    pub(crate) fn remembered(&self) -> &[(DedupeKey, Timestamp)] {
        &self.remembered
    }

    /// Until when it remembers `key`.
    pub(crate) fn expiry_of(&self, key: DedupeKey) -> Option<Timestamp> {
        self.expiries.get(&key).map(|remembered| remembered.expires_at)
    }

    /// A decision is taken: all its rows were.
    pub(crate) fn push(&mut self, decision: Arc<Decision>) {
        self.decisions.push_back(decision);
    }

    /// An object is made or changed.
    pub(crate) fn write(&mut self, object: Arc<Object>, keys: Keys, ordinal: i64) {
        let place = (object.kind(), keys.id.clone());
        let before = self.objects.get(&place);
        let stays = before.filter(|written| written.object.is_some());
        let written = Written {
            number: self.next(),
            ordinal: stays.map_or(ordinal, |written| written.ordinal),
            made_again: before.is_some_and(|written| written.object.is_none() || written.made_again),
            keys,
            object: Some(object),
        };
        self.objects.insert(place, written);
    }

    /// An object is removed.
    pub(crate) fn delete(&mut self, kind: Kind, id: &str, ordinal: i64) {
        let written = Written {
            number: self.next(),
            ordinal,
            keys: Keys::default(),
            object: None,
            made_again: false,
        };
        self.objects.insert((kind, id.to_owned()), written);
    }

    /// A key is remembered.
    pub(crate) fn remember(&mut self, key: DedupeKey, expires_at: Timestamp) {
        let number = self.next();
        if self.expiries.insert(key, Remembered { expires_at, number }).is_none() {
            self.remembered.push((key, expires_at));
        }
    }

    /// Lays the group over what the index answered.
    pub(crate) fn overlay(&self, need: &Need, found: &mut Vec<Arc<Object>>) {
        if self.objects.is_empty() {
            return;
        }
        found.retain(|object| !self.objects.contains_key(&(object.kind(), object.keys().id)));
        let kind = match need {
            Need::Object(kind, _) | Need::Natural(kind, _) | Need::Children(kind, _) | Need::All(kind) => *kind,
            Need::Dedupe(_) => return,
        };
        let of_kind = self
            .objects
            .range((kind, String::new())..)
            .take_while(|((k, _), _)| *k == kind);
        for (_, written) in of_kind.filter(|(_, written)| wants(need, &written.keys)) {
            found.extend(written.object.clone());
        }
    }
}

fn wants(need: &Need, keys: &Keys) -> bool {
    match need {
        Need::Object(_, id) => keys.id == *id,
        Need::Natural(_, key) => keys.natural.as_ref() == Some(key),
        Need::Children(_, parent) => keys.parent.as_ref() == Some(parent),
        Need::All(_) => true,
        Need::Dedupe(_) => false,
    }
}
