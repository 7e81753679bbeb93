//! Naive Bayes over flat features, each a Dirichlet prior of weight 5 around everybody's shares.

use std::collections::HashMap;

use super::{
    Scorer,
    history::{Counts, Few, Id, address, asn, text, user},
};
use crate::{evaluation::row::Row, number::real, user_agent::family_and_major};

const B: f64 = 5.0;

/// The flat model.
#[derive(Debug, Default)]
pub(super) struct Dirichlet {
    all: Counts<6>,
    users: HashMap<Id, Few<6>>,
}

impl Scorer for Dirichlet {
    fn score(&mut self, row: &Row<'_>) -> Option<f64> {
        let history = self.users.get(&user(row))?;
        let values = features(row);
        let mine = history.of(&values);
        let all = self.all.of(&values);
        let terms = mine.iter().zip(all).zip(self.all.distinct()).map(|((mine, all), distinct)| {
            let share = (real(all) + 0.5) / (real(self.all.rows) + 0.5 * (real(distinct) + 1.0));
            let own = (real(*mine) + B * share) / (real(history.rows) + B);
            libm::log(share / own)
        });
        Some(terms.sum())
    }

    fn learn(&mut self, row: &Row<'_>) {
        let values = features(row);
        self.all.add(&values);
        self.users.entry(user(row)).or_default().add(&values);
    }
}

pub(super) fn features(row: &Row<'_>) -> [Id; 6] {
    [
        address(row),
        asn(row),
        text(row.country),
        text(&family_and_major(row.browser)),
        text(&family_and_major(row.os)),
        text(row.device_type),
    ]
}
