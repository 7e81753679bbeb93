//! How many of five things are new: country, network, address, system, browser.

use std::collections::HashMap;

use super::{
    Scorer,
    dirichlet::features,
    history::{Few, Id, user},
};
use crate::{evaluation::row::Row, number::length};

/// The counting model.
#[derive(Debug, Default)]
pub(super) struct Booleans {
    users: HashMap<Id, Few<6>>,
}

impl Scorer for Booleans {
    fn score(&mut self, row: &Row<'_>) -> Option<f64> {
        let history = self.users.get(&user(row))?;
        let [address, asn, country, browser, os, _kind] = history.of(&features(row));
        Some(length(
            [address, asn, country, browser, os].iter().filter(|seen| **seen == 0).count(),
        ))
    }

    fn learn(&mut self, row: &Row<'_>) {
        self.users.entry(user(row)).or_default().add(&features(row));
    }
}
