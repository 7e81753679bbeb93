//! Freeman et al., NDSS 2016, as the public reference implementation (das-group/rba-algorithm) computes it,
//! in closed form: address, network, country; header, browser, system, kind of device; with the prior of
//! the user and without attack data.

use std::collections::HashMap;

use super::{
    Scorer,
    history::{Counts, Few, Id, address, asn, text, user},
};
use crate::{evaluation::row::Row, number::real};

/// The weights of the levels, finest first.
const PLACE_WEIGHTS: [f64; 3] = [0.6, 0.3, 0.1];
const AGENT_WEIGHTS: [f64; 4] = [
    0.538_665_384_055_135_9,
    0.268_045_149_862_566_6,
    0.188_182_951_001_095_36,
    0.005_106_515_081_202_021,
];
/// The ratio where the user has shown none of the values: the reference takes a quarter of the global
/// probability for the user's.
const NEVER_SEEN: f64 = 4.0;

/// The reference model.
#[derive(Debug, Default)]
pub(super) struct Freeman {
    place: Feature<3>,
    agent: Feature<4>,
}

#[derive(Debug)]
struct Feature<const L: usize> {
    all: Counts<L>,
    /// Of each finest value, what came with it.
    with: HashMap<Id, Few<L>>,
    users: HashMap<Id, Few<L>>,
}

impl<const L: usize> Default for Feature<L> {
    fn default() -> Self {
        Self {
            all: Counts::default(),
            with: HashMap::new(),
            users: HashMap::new(),
        }
    }
}

impl Scorer for Freeman {
    fn score(&mut self, row: &Row<'_>) -> Option<f64> {
        let user = user(row);
        let of_user = real(self.place.users.get(&user)?.rows);
        let place = self.place.ratio(user, &place(row), &PLACE_WEIGHTS);
        let agent = self.agent.ratio(user, &agent(row), &AGENT_WEIGHTS);
        let users = crate::number::length(self.place.users.len());
        Some(place * agent * real(self.place.all.rows) / (users * of_user))
    }

    fn learn(&mut self, row: &Row<'_>) {
        let user = user(row);
        self.place.add(user, &place(row));
        self.agent.add(user, &agent(row));
    }
}

fn place(row: &Row<'_>) -> [Id; 3] {
    [address(row), asn(row), text(row.country)]
}

fn agent(row: &Row<'_>) -> [Id; 4] {
    [text(row.user_agent), text(row.browser), text(row.os), text(row.device_type)]
}

impl<const L: usize> Feature<L> {
    fn add(&mut self, user: Id, values: &[Id; L]) {
        self.all.add(values);
        self.users.entry(user).or_default().add(values);
        if let Some(finest) = values.first() {
            self.with.entry(*finest).or_default().add(values);
        }
    }

    /// P(values) / P(values | user).
    fn ratio(&self, user: Id, values: &[Id; L], weights: &[f64; L]) -> f64 {
        let Some(history) = self.users.get(&user) else {
            return NEVER_SEEN;
        };
        let of_user = weighted(&history.of(values), weights, history.rows);
        if of_user <= 0.0 {
            return NEVER_SEEN;
        }
        self.global(values, weights) / of_user
    }

    fn global(&self, values: &[Id; L], weights: &[f64; L]) -> f64 {
        let counts = self.all.of(values);
        let all = real(self.all.rows);
        let mut coarse = counts;
        if let Some(finest) = coarse.first_mut() {
            *finest = 0;
        }
        let unseen = unseen_slots(&self.all.distinct());
        let finest = counts.first().copied().unwrap_or(0);
        let smoothed = if finest == 0 {
            1.0 / (all + unseen)
        } else {
            let with = values.first().and_then(|value| self.with.get(value));
            let slots = with.map_or(1.0, |few| unseen_slots(&few.distinct()));
            real(finest) / (all + unseen) * real(finest) / (real(finest) + slots)
        };
        weights.first().copied().unwrap_or(0.0) * smoothed + weighted(&coarse, weights, self.all.rows)
    }
}

fn weighted<const L: usize>(counts: &[u64; L], weights: &[f64; L], rows: u64) -> f64 {
    let rows = real(rows.max(1));
    counts
        .iter()
        .zip(weights)
        .map(|(count, weight)| weight * real(*count) / rows)
        .sum()
}

/// One, and one for each value of the coarser levels.
fn unseen_slots<const L: usize>(distinct: &[u64; L]) -> f64 {
    1.0 + real(distinct.iter().skip(1).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::row::{Columns, fields};

    /// Scores of the reference implementation for 753 of 1 365 invented sign-ins.
    #[test]
    fn agrees_with_the_reference_implementation() {
        let mut lines = watchfire_fixtures::FREEMAN_GOLDEN.lines();
        let header = fields(lines.next().unwrap());
        let columns = Columns::find(header.iter().map(AsRef::as_ref)).unwrap();
        let mut freeman = Freeman::default();
        let mut compared = 0;
        for line in lines {
            let fields = fields(line);
            let row = columns.row(&fields).unwrap();
            if let Ok(wanted) = fields.last().unwrap().parse::<f64>() {
                let found = freeman.score(&row).unwrap();
                assert!((found / wanted - 1.0).abs() < 1e-9, "{line}: {found}");
                compared += 1;
            }
            freeman.learn(&row);
        }
        assert_eq!(compared, 753);
    }
}
