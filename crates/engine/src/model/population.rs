//! What everybody's accepted sign-ins have in common: how frequent each value is below its parent,
//! how often honest people show something new, and at which hours they come.
//!
//! Everything is counted in whole units, so that what is taken out again leaves what was there before.

mod bytes;

use watchfire_model::time::Timestamp;

pub use self::bytes::PopulationError;
use super::{
    attempt::Path,
    decay::{Landmark, POPULATION_HALF_LIFE},
    delta::Delta,
    key::{Key, KeyMap},
    level::Level,
};
use crate::number::{length, real, whole};

/// Statistics over all users, bounded in size.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    landmark: Landmark,
    last: Timestamp,
    weight: u64,
    tables: [KeyMap<Count>; Level::ALL.len()],
    hours: [u64; 24],
    concentrations: [Concentration; Level::ALL.len()],
    /// Values of each level that have no parent.
    roots: [u32; Level::ALL.len()],
    capacity: Capacity,
}

/// The bounds of the tables, as shares of the built-in ones; tests make them small.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Capacity(f64);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    /// In units.
    weight: u64,
    /// Values below this one that are in the tables.
    children: u32,
    /// Its parent, to be told when it is dropped.
    parent: Key,
}

/// The concentration of a level and how much it has learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concentration {
    /// Its logarithm in billionths.
    ln_b: i64,
    /// Sign-ins that it has learnt from.
    learnt_from: u64,
}

/// A weight of one in units: exact sums up to 2^44 of them.
const UNIT: f64 = 1_048_576.0;
const BILLION: f64 = 1_000_000_000.0;

/// The numbers of a value in the population.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Frequency {
    pub(crate) of_value: f64,
    pub(crate) of_parent: f64,
    pub(crate) children_of_parent: u32,
}

/// Steps of the online rule: `20 / (k + 20)`, at most 0.3, so that after a thousand sign-ins no single
/// one moves a concentration by more than 2 %.
const STEP: f64 = 20.0;
const LARGEST_STEP: f64 = 0.3;
const LEAST_CONCENTRATION: f64 = 0.001;
const MOST_CONCENTRATION: f64 = 100.0;

impl Default for Population {
    fn default() -> Self {
        Self {
            landmark: Landmark::default(),
            last: Timestamp::default(),
            weight: 0,
            tables: Default::default(),
            hours: [0; 24],
            concentrations: Level::ALL.map(Concentration::prior),
            roots: [0; Level::ALL.len()],
            capacity: Capacity(1.0),
        }
    }
}

impl Population {
    /// The concentration of a level.
    pub fn concentration(&self, level: Level) -> Concentration {
        let found = self.concentrations.get(usize::from(level.number())).copied();
        found.unwrap_or_else(|| Concentration::prior(level))
    }

    /// What an attempt needs of it: the numbers on its path and those of no single value.
    #[must_use]
    pub fn around(&self, path: &Path) -> Self {
        let mut cut = Self {
            tables: Default::default(),
            ..*self
        };
        for node in &path.nodes {
            let number = usize::from(node.level.number());
            let tables = self.tables.get(number).zip(cut.tables.get_mut(number));
            if let Some((count, to)) = tables.and_then(|(from, to)| Some((from.get(&node.key)?, to))) {
                to.insert(node.key, *count);
            }
        }
        cut
    }

    /// Values that are counted.
    pub fn len(&self) -> usize {
        self.tables.iter().map(KeyMap::len).sum()
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn to_counts(&self, now: Timestamp) -> f64 {
        self.landmark.to_counts(now.max(self.last), POPULATION_HALF_LIFE)
    }

    pub(crate) fn frequency(&self, level: Level, key: Key, parent: (Option<Level>, Key), to_counts: f64) -> Frequency {
        let count = |level: Level, key: Key| self.tables.get(usize::from(level.number())).and_then(|table| table.get(&key));
        let (of_parent, children) = match parent.0 {
            Some(above) => count(above, parent.1).map_or((0.0, 0), |c| (weight(c.weight), c.children)),
            None => (
                weight(self.weight),
                self.roots.get(usize::from(level.number())).copied().unwrap_or(0),
            ),
        };
        Frequency {
            of_value: count(level, key).map_or(0.0, |c| weight(c.weight)) * to_counts,
            of_parent: of_parent * to_counts,
            children_of_parent: children,
        }
    }

    /// The share of an hour of the day among all sign-ins, smoothed.
    pub(crate) fn share_of_hour(&self, hour: usize) -> f64 {
        let total: f64 = self.hours.iter().map(|hour| weight(*hour)).sum();
        let count = self.hours.get(hour).map_or(0.0, |hour| weight(*hour));
        let even = 24.0 * self.landmark.weight(self.last, POPULATION_HALF_LIFE).max(1e-9);
        (count + even / 24.0) / (total + even)
    }

    /// Learns an accepted sign-in.
    pub fn apply(&mut self, delta: &Delta) {
        if self.weight == 0 {
            self.landmark = Landmark(delta.at);
            self.last = delta.at;
        }
        if let Some((landmark, factor)) = self.landmark.moved(delta.at, POPULATION_HALF_LIFE) {
            self.landmark = landmark;
            self.scale(factor);
        }
        self.last = self.last.max(delta.at);
        let weight = self.units_at(delta.at);
        self.weight = self.weight.saturating_add(weight);
        if let Some(hour) = self.hours.get_mut(delta.hour()) {
            *hour = hour.saturating_add(weight);
        }
        for node in &delta.nodes {
            self.add(node.level, node.key, node.parent, weight);
        }
        for novelty in &delta.novelty {
            if let Some(concentration) = self.concentrations.get_mut(usize::from(novelty.level.number())) {
                concentration.learn(novelty.new, novelty.expected.real());
            }
        }
    }

    /// Takes a sign-in out again. Counts are what they were before it; concentrations too, if it was the
    /// last one, and else nearly so: what others have taught them since was measured against it.
    pub fn remove(&mut self, delta: &Delta) {
        let weight = self.units_at(delta.at);
        self.weight = self.weight.saturating_sub(weight);
        if let Some(hour) = self.hours.get_mut(delta.hour()) {
            *hour = hour.saturating_sub(weight);
        }
        // A value goes before its parent, which is told.
        for node in delta.nodes.iter().rev() {
            self.take(node.level, node.key, weight);
        }
        for novelty in delta.novelty.iter().rev() {
            if let Some(concentration) = self.concentrations.get_mut(usize::from(novelty.level.number())) {
                concentration.unlearn(novelty.new, novelty.expected.real());
            }
        }
        if self.weight == 0 {
            self.landmark = Landmark::default();
            self.last = Timestamp::default();
        }
    }

    fn units_at(&self, at: Timestamp) -> u64 {
        units(self.landmark.weight(at, POPULATION_HALF_LIFE))
    }

    fn take(&mut self, level: Level, key: Key, weight: u64) {
        let Some(table) = self.tables.get_mut(usize::from(level.number())) else {
            return;
        };
        let Some(count) = table.get_mut(&key) else { return };
        count.weight = count.weight.saturating_sub(weight);
        let (is_gone, parent) = (count.weight == 0, count.parent);
        if is_gone {
            table.remove(&key);
            self.tell_parent(level, parent, false);
        }
    }

    fn add(&mut self, level: Level, key: Key, parent: Key, weight: u64) {
        let most = level.most_in_the_population();
        if most == 0 {
            return;
        }
        let number = usize::from(level.number());
        let Some(table) = self.tables.get_mut(number) else {
            return;
        };
        let known = table.len();
        let count = table.entry(key).or_default();
        count.weight = count.weight.saturating_add(weight);
        let is_new = table.len() > known;
        if is_new {
            if let Some(count) = table.get_mut(&key) {
                count.parent = parent;
            }
            self.tell_parent(level, parent, true);
            if length(known) >= length(most) * self.capacity.0 {
                self.drop_the_lighter_half(level);
            }
        }
    }

    fn tell_parent(&mut self, level: Level, parent: Key, born: bool) {
        let children = match parent_of(level) {
            None => self.roots.get_mut(usize::from(level.number())),
            Some(above) => {
                let table = self.tables.get_mut(usize::from(above.number()));
                table
                    .and_then(|table| table.get_mut(&parent))
                    .map(|count| &mut count.children)
            }
        };
        if let Some(children) = children {
            *children = if born {
                children.saturating_add(1)
            } else {
                children.saturating_sub(1)
            };
        }
    }

    /// Lossy counting: when a table is full, the values below the median weight are forgotten.
    fn drop_the_lighter_half(&mut self, level: Level) {
        let Some(table) = self.tables.get_mut(usize::from(level.number())) else {
            return;
        };
        let mut weights: Vec<u64> = table.values().map(|count| count.weight).collect();
        let middle = weights.len() / 2;
        let (_, median, _) = weights.select_nth_unstable(middle);
        let bar = *median;
        // Where all weigh the same, any half may go.
        let mut to_drop = middle;
        let mut dropped = Vec::with_capacity(middle);
        table.retain(|_, count| {
            let goes = to_drop > 0 && count.weight <= bar;
            if goes {
                to_drop -= 1;
                dropped.push(count.parent);
            }
            !goes
        });
        for parent in dropped {
            self.tell_parent(level, parent, false);
        }
    }

    fn scale(&mut self, factor: f64) {
        let scaled = |weight: &mut u64| *weight = whole(libm::round(real(*weight) * factor));
        scaled(&mut self.weight);
        self.hours.iter_mut().for_each(scaled);
        for count in self.tables.iter_mut().flat_map(KeyMap::values_mut) {
            scaled(&mut count.weight);
        }
    }
}

impl Concentration {
    fn prior(level: Level) -> Self {
        Self {
            ln_b: billionths(libm::log(level.prior_concentration())),
            learnt_from: 0,
        }
    }

    /// The larger, the more often honest people show something new.
    pub fn b(&self) -> f64 {
        let sign = if self.ln_b < 0 { -1.0 } else { 1.0 };
        let b = libm::exp(sign * real(self.ln_b.unsigned_abs()) / BILLION);
        b.clamp(LEAST_CONCENTRATION, MOST_CONCENTRATION)
    }

    /// Sign-ins that it has learnt from.
    pub const fn learnt_from(&self) -> u64 {
        self.learnt_from
    }

    /// Moves towards the value that makes the expected share of new values the observed one.
    fn learn(&mut self, new: bool, expected: f64) {
        self.ln_b = self.ln_b.saturating_add(self.step(new, expected));
        self.learnt_from = self.learnt_from.saturating_add(1);
    }

    /// Takes back the step that was made last.
    fn unlearn(&mut self, new: bool, expected: f64) {
        self.learnt_from = self.learnt_from.saturating_sub(1);
        self.ln_b = self.ln_b.saturating_sub(self.step(new, expected));
    }

    fn step(&self, new: bool, expected: f64) -> i64 {
        let step = (STEP / (real(self.learnt_from) + STEP)).min(LARGEST_STEP);
        billionths(step * (f64::from(u8::from(new)) - expected.clamp(0.0, 1.0)))
    }
}

fn units(weight: f64) -> u64 {
    whole(libm::round(weight * UNIT))
}

fn weight(units: u64) -> f64 {
    real(units) / UNIT
}

fn billionths(x: f64) -> i64 {
    let size = i64::try_from(whole(libm::round(x.abs() * BILLION))).unwrap_or(i64::MAX);
    if x < 0.0 { -size } else { size }
}

/// The level above, if the chain does not begin here.
pub(crate) const fn parent_of(level: Level) -> Option<Level> {
    match level {
        Level::Country | Level::Kind | Level::Token => None,
        Level::Network => Some(Level::Country),
        Level::Prefix => Some(Level::Network),
        Level::Address => Some(Level::Prefix),
        Level::System => Some(Level::Kind),
        Level::Family => Some(Level::System),
        Level::Browser => Some(Level::Family),
        Level::Agent => Some(Level::Browser),
    }
}

#[cfg(test)]
mod tests;
