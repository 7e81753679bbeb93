//! Plain counts for the baselines: values of a few features, of everybody and of each user.

use std::{collections::HashMap, net::IpAddr};

use crate::{evaluation::row::Row, model::siphash_of};

/// A value or a user as a number.
pub(super) type Id = u64;

pub(super) fn id(parts: &[&[u8]]) -> Id {
    siphash_of(parts)
}

pub(super) fn user(row: &Row<'_>) -> Id {
    id(&[row.user.as_bytes()])
}

/// The address; of IPv6, the /64, as for our own model.
pub(super) fn address(row: &Row<'_>) -> Id {
    match row.ip {
        IpAddr::V4(v4) => id(&[&v4.octets()]),
        IpAddr::V6(v6) => id(&[v6.octets().split_at(8).0]),
    }
}

pub(super) fn asn(row: &Row<'_>) -> Id {
    id(&[&row.asn.unwrap_or(0).to_be_bytes()])
}

pub(super) fn text(text: &str) -> Id {
    id(&[text.as_bytes()])
}

/// How often each value of `F` features was seen.
#[derive(Debug)]
pub(super) struct Counts<const F: usize> {
    pub(super) rows: u64,
    features: [HashMap<Id, u64>; F],
}

impl<const F: usize> Default for Counts<F> {
    fn default() -> Self {
        Self {
            rows: 0,
            features: std::array::from_fn(|_| HashMap::new()),
        }
    }
}

impl<const F: usize> Counts<F> {
    pub(super) fn add(&mut self, values: &[Id; F]) {
        self.rows += 1;
        for (feature, value) in self.features.iter_mut().zip(values) {
            *feature.entry(*value).or_default() += 1;
        }
    }

    /// How often each of the values was seen.
    pub(super) fn of(&self, values: &[Id; F]) -> [u64; F] {
        let mut counts = [0; F];
        for ((count, feature), value) in counts.iter_mut().zip(&self.features).zip(values) {
            *count = feature.get(value).copied().unwrap_or(0);
        }
        counts
    }

    /// How many values each feature has.
    pub(super) fn distinct(&self) -> [u64; F] {
        self.features
            .each_ref()
            .map(|feature| u64::try_from(feature.len()).unwrap_or(u64::MAX))
    }
}

/// The same for one user: a few values in a list.
#[derive(Debug)]
pub(super) struct Few<const F: usize> {
    pub(super) rows: u64,
    features: [Vec<(Id, u64)>; F],
}

impl<const F: usize> Default for Few<F> {
    fn default() -> Self {
        Self {
            rows: 0,
            features: std::array::from_fn(|_| Vec::new()),
        }
    }
}

impl<const F: usize> Few<F> {
    pub(super) fn add(&mut self, values: &[Id; F]) {
        self.rows += 1;
        for (feature, value) in self.features.iter_mut().zip(values) {
            match feature.iter_mut().find(|(known, _)| known == value) {
                Some((_, count)) => *count += 1,
                None => feature.push((*value, 1)),
            }
        }
    }

    pub(super) fn of(&self, values: &[Id; F]) -> [u64; F] {
        let mut counts = [0; F];
        for ((count, feature), value) in counts.iter_mut().zip(&self.features).zip(values) {
            *count = feature
                .iter()
                .find(|(known, _)| known == value)
                .map_or(0, |(_, count)| *count);
        }
        counts
    }

    pub(super) fn distinct(&self) -> [u64; F] {
        self.features
            .each_ref()
            .map(|feature| u64::try_from(feature.len()).unwrap_or(u64::MAX))
    }
}
