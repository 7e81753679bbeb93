//! The group under way: what was appended and is not in the index yet.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use watchfire_model::{
    object::{Keys, Kind, Object},
    row::{Decision, DedupeKey, Receipt, Row},
    slice::Need,
    time::Timestamp,
};

/// Decisions in their order, and what they come to.
#[derive(Debug, Default)]
pub(crate) struct Group {
    decisions: Vec<Arc<Decision>>,
    objects: BTreeMap<(Kind, String), Written>,
    remembered: Vec<(DedupeKey, Timestamp)>,
    expiries: HashMap<DedupeKey, Timestamp>,
}

/// The last word of the group on an object.
#[derive(Debug)]
pub(crate) struct Written {
    /// The object's place in lists, if it is a new one.
    pub(crate) ordinal: i64,
    /// Its keys.
    pub(crate) keys: Keys,
    /// The object; `None` when it was removed.
    pub(crate) object: Option<Arc<Object>>,
}

impl Group {
    /// Whether nothing was appended.
    pub(crate) fn is_empty(&self) -> bool {
        self.decisions.is_empty()
    }

    /// The decisions.
    pub(crate) fn decisions(&self) -> &[Arc<Decision>] {
        &self.decisions
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
        let removed = self.objects.iter().filter(|(_, written)| written.object.is_none());
        removed.map(|((kind, id), _)| (*kind, id.as_str())).collect()
    }

    /// The keys that it remembers.
    pub(crate) fn remembered(&self) -> &[(DedupeKey, Timestamp)] {
        &self.remembered
    }

    /// Until when it remembers `key`.
    pub(crate) fn expiry_of(&self, key: DedupeKey) -> Option<Timestamp> {
        self.expiries.get(&key).copied()
    }

    /// A decision is taken: all its rows were.
    pub(crate) fn push(&mut self, decision: Arc<Decision>) {
        self.decisions.push(decision);
    }

    /// An object is made or changed.
    pub(crate) fn write(&mut self, object: Arc<Object>, keys: Keys, ordinal: i64) {
        let place = (object.kind(), keys.id.clone());
        let first = self.objects.get(&place).map_or(ordinal, |written| written.ordinal);
        let written = Written {
            ordinal: first,
            keys,
            object: Some(object),
        };
        self.objects.insert(place, written);
    }

    /// An object is removed.
    pub(crate) fn delete(&mut self, kind: Kind, id: &str, ordinal: i64) {
        let written = Written {
            ordinal,
            keys: Keys::default(),
            object: None,
        };
        self.objects.insert((kind, id.to_owned()), written);
    }

    /// A key is remembered.
    pub(crate) fn remember(&mut self, key: DedupeKey, expires_at: Timestamp) {
        if self.expiries.insert(key, expires_at).is_none() {
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
