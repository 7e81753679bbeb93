//! What is remembered of one user: counts under keyed hashes, bounded in number.

mod bytes;
mod compact;

use watchfire_model::time::Timestamp;

pub use self::bytes::ProfileError;
use super::{
    attempt::{Attempt, Fix, Path},
    decay::{Landmark, USER_HALF_LIFE},
    delta::Delta,
    key::{HashKey, Key, Short},
    level::Level,
};
use crate::number::single;

/// A value that counts less is forgotten.
const LEAST: f64 = 0.05;
/// Places that are remembered for Okta's "New Geo-Location".
const MOST_PLACES: usize = 20;
/// States and cities that are remembered.
const MOST_NAMED: usize = 32;
/// Two fixes this near are one place.
const SAME_PLACE_KM: f64 = 1.0;

/// One user's accepted sign-ins, in bounded space.
///
/// Only [`Delta`]s of accepted sign-ins change it, and the same delta takes itself out again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    pub(crate) successes: u32,
    pub(crate) landmark: Landmark,
    pub(crate) last: Timestamp,
    pub(crate) weight: f32,
    pub(crate) hours: [u8; 24],
    pub(crate) entries: Vec<Entry>,
    /// The latest last.
    pub(crate) places: Vec<Visit>,
    /// States and cities, and the number of the last sign-in from each.
    pub(crate) named: Vec<(Short, u32)>,
}

/// A value that the user has shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) level: Level,
    pub(crate) key: Short,
    pub(crate) weight: f32,
    /// The number of the last sign-in that showed it.
    pub(crate) nth: u32,
}

/// A point from which the user has signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Visit {
    pub(crate) fix: Fix,
    pub(crate) nth: u32,
}

impl Profile {
    /// Accepted sign-ins so far.
    pub const fn successes(&self) -> u32 {
        self.successes
    }

    /// When the last one was; meaningless without one.
    pub const fn last_at(&self) -> Timestamp {
        self.last
    }

    /// Values that are remembered.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is known.
    pub const fn is_empty(&self) -> bool {
        self.successes == 0
    }

    /// By what weights are multiplied to be counts. A clock that has gone back counts as standing still.
    pub(crate) fn to_counts(&self, now: Timestamp) -> f64 {
        self.landmark.to_counts(now.max(self.last), USER_HALF_LIFE)
    }

    pub(crate) fn entry(&self, level: Level, key: Key) -> Option<&Entry> {
        let key = key.short();
        self.entries.iter().find(|entry| entry.level == level && entry.key == key)
    }

    /// The decayed count of a value, given [`to_counts`](Self::to_counts); of everything for the root.
    pub(crate) fn count(&self, level: Level, key: Key, to_counts: f64) -> f64 {
        self.entry(level, key).map_or(0.0, |entry| f64::from(entry.weight)) * to_counts
    }

    pub(crate) fn total(&self, to_counts: f64) -> f64 {
        f64::from(self.weight) * to_counts
    }

    /// Whether the user has shown an attempt's value at a level.
    pub fn has_seen(&self, attempt: &Attempt, secret: &HashKey, level: Level) -> bool {
        let path = Path::of(attempt, secret);
        let node = path.nodes.iter().find(|node| node.level == level);
        node.is_some_and(|node| self.entry(level, node.key).is_some())
    }

    /// Learns an accepted sign-in.
    pub fn apply(&mut self, delta: &Delta) {
        if self.is_empty() {
            *self = Self {
                landmark: Landmark(delta.at),
                ..Self::default()
            };
        }
        if let Some((landmark, factor)) = self.landmark.moved(delta.at, USER_HALF_LIFE) {
            self.landmark = landmark;
            self.scale(factor);
        }
        self.successes = self.successes.saturating_add(1);
        self.last = if self.successes == 1 {
            delta.at
        } else {
            self.last.max(delta.at)
        };
        let weight = self.landmark.weight(delta.at, USER_HALF_LIFE);
        self.weight = single(f64::from(self.weight) + weight);
        self.forget();
        for (level, key) in delta.values() {
            self.add(level, key.short(), weight);
        }
        self.add_hour(delta.hour());
        if let Some(fix) = delta.fix {
            self.visit(fix);
        }
        for name in delta.named.iter().map(|name| name.short()) {
            self.named.retain(|(known, _)| *known != name);
            if self.named.len() >= MOST_NAMED {
                self.named.remove(0);
            }
            self.named.push((name, self.successes));
        }
        self.compact();
    }

    /// Takes a sign-in out again ("this was not me").
    pub fn remove(&mut self, delta: &Delta) {
        if self.is_empty() {
            return;
        }
        let weight = self.landmark.weight(delta.at, USER_HALF_LIFE);
        let without = |from: f32| single((f64::from(from) - weight).max(0.0));
        self.successes = self.successes.saturating_sub(1);
        self.weight = without(self.weight);
        for (level, key) in delta.values() {
            let key = key.short();
            if let Some(entry) = self.entries.iter_mut().find(|e| e.level == level && e.key == key) {
                entry.weight = without(entry.weight);
            }
        }
        if let Some(hour) = self.hours.get_mut(delta.hour()) {
            *hour = hour.saturating_sub(1);
        }
        if let Some(fix) = delta.fix {
            // Only what this sign-in alone has shown may go; a usual place stays.
            let shown_again = |visit: &Visit| visit.nth != delta.nth;
            self.places
                .retain(|visit| shown_again(visit) || visit.fix.distance_km(fix) > SAME_PLACE_KM);
        }
        self.named
            .retain(|(name, nth)| *nth != delta.nth || !delta.named.iter().any(|shown| shown.short() == *name));
        self.forget();
        self.compact();
        if self.is_empty() {
            *self = Self::default();
        }
    }

    fn scale(&mut self, factor: f64) {
        let scaled = |weight: f32| single(f64::from(weight) * factor);
        self.weight = scaled(self.weight);
        for entry in &mut self.entries {
            entry.weight = scaled(entry.weight);
        }
    }

    fn add(&mut self, level: Level, key: Short, weight: f64) {
        let nth = self.successes;
        if let Some(entry) = self.entries.iter_mut().find(|e| e.level == level && e.key == key) {
            entry.weight = compact::dithered(single(f64::from(entry.weight) + weight), nth);
            entry.nth = nth;
            return;
        }
        if self.entries.iter().filter(|entry| entry.level == level).count() >= level.most_in_a_profile() {
            self.evict(level);
        }
        self.entries.push(Entry {
            level,
            key,
            weight: single(weight),
            nth,
        });
    }

    /// The lightest value of a level makes room; of equals, the oldest.
    fn evict(&mut self, level: Level) {
        let of_the_level = self.entries.iter().enumerate().filter(|(_, entry)| entry.level == level);
        let lightest =
            of_the_level.min_by(|(_, one), (_, other)| one.weight.total_cmp(&other.weight).then(one.nth.cmp(&other.nth)));
        if let Some((at, _)) = lightest {
            self.entries.swap_remove(at);
        }
    }

    fn forget(&mut self) {
        let to_counts = self.to_counts(self.last);
        self.entries.retain(|entry| f64::from(entry.weight) * to_counts >= LEAST);
    }

    fn add_hour(&mut self, hour: usize) {
        if self.hours.contains(&u8::MAX) {
            self.hours.iter_mut().for_each(|count| *count /= 2);
        }
        if let Some(count) = self.hours.get_mut(hour) {
            *count = count.saturating_add(1);
        }
    }

    fn visit(&mut self, fix: Fix) {
        self.places.retain(|visit| visit.fix.distance_km(fix) > SAME_PLACE_KM);
        if self.places.len() >= MOST_PLACES {
            self.places.remove(0);
        }
        self.places.push(Visit {
            fix: compact::fix(fix),
            nth: self.successes,
        });
    }
}

#[cfg(test)]
mod tests;
