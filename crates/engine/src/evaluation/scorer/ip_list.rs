//! A list of addresses alone: the file's own list if it has one, else every address from which an attack has
//! come before, known at once and for ever. Real lists know less and later.

use std::collections::HashSet;

use super::{
    Scorer,
    history::{Id, address, user},
};
use crate::evaluation::row::Row;

/// The list.
#[derive(Debug, Default)]
pub(super) struct IpList {
    users: HashSet<Id>,
    listed: HashSet<Id>,
}

impl Scorer for IpList {
    fn score(&mut self, row: &Row<'_>) -> Option<f64> {
        self.users.contains(&user(row)).then(|| {
            let listed = row.listed.unwrap_or_else(|| self.listed.contains(&address(row)));
            f64::from(u8::from(listed))
        })
    }

    fn learn(&mut self, row: &Row<'_>) {
        self.users.insert(user(row));
    }

    fn attacked(&mut self, row: &Row<'_>) {
        self.listed.insert(address(row));
    }
}
