//! What happened lately: who failed and succeeded from an address and its prefix, and who tried an
//! account. Observation only; nothing here makes anything familiar.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use watchfire_model::time::Timestamp;

use super::{
    attempt::{Attempt, host_of, prefix_of, window_key},
    key::HashKey,
};
use crate::number::{real, whole};

/// The last hour around an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    /// The attempt's address.
    pub address: Tally,
    /// Its /24 or /48.
    pub prefix: Tally,
    /// The account.
    pub account: AccountTally,
}

/// Distinct account names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// With a wrong password, in the last hour.
    pub failing: u32,
    /// With an accepted sign-in, in the last hour.
    pub succeeding: u32,
}

/// Failures of one account in the last fifteen minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountTally {
    /// Wrong passwords.
    pub failures: u32,
    /// Distinct networks new to the user that they came from.
    pub new_networks: u32,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Wrong password or unknown name. `known_network` says whether the user is usually there.
    Failed {
        /// Whether the user has signed in from the network before.
        known_network: bool,
    },
    /// Accepted.
    Accepted,
}

/// The windows of everybody, bounded in number.
#[derive(Debug)]
pub struct Observatory {
    sources: HashMap<u64, Ring>,
    accounts: HashMap<u64, Ring>,
    most: usize,
}

const SLOTS: usize = 6;
/// Seconds of a slot: six make an hour for a source, five of six a quarter of an hour for an account.
const SOURCE_SLOT: i64 = 600;
const ACCOUNT_SLOT: i64 = 180;
const ACCOUNT_SLOTS: i64 = 5;

/// A window as slots that are used again and again. Names are counted linearly in 32 bits, enough for
/// where the evidence saturates.
#[derive(Clone, Copy, Debug, Default)]
struct Ring {
    slots: [Slot; SLOTS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    number: i64,
    first: u32,
    second: u32,
    count: u16,
}

impl Observatory {
    /// Windows of at most `most` addresses, prefixes and accounts each.
    pub fn new(most: usize) -> Self {
        Self {
            sources: HashMap::new(),
            accounts: HashMap::new(),
            most: most.max(1),
        }
    }

    /// What is known around an attempt on an account before it ends.
    pub fn windows(&self, secret: &HashKey, attempt: &Attempt, account: &str) -> Windows {
        let [address, prefix, account] = keys(secret, attempt, account);
        let tally = |key: u64| {
            let ring = self.sources.get(&key).copied().unwrap_or_default();
            let (failing, succeeding, _) = ring.read(slot(attempt.at, SOURCE_SLOT), 6);
            Tally {
                failing: distinct(failing),
                succeeding: distinct(succeeding),
            }
        };
        let ring = self.accounts.get(&account).copied().unwrap_or_default();
        let (networks, _, failures) = ring.read(slot(attempt.at, ACCOUNT_SLOT), ACCOUNT_SLOTS);
        Windows {
            address: tally(address),
            prefix: tally(prefix),
            account: AccountTally {
                failures,
                new_networks: distinct(networks),
            },
        }
    }

    /// Writes down how an attempt ended.
    pub fn observe(&mut self, secret: &HashKey, attempt: &Attempt, account: &str, outcome: Outcome) {
        let [address, prefix, account] = keys(secret, attempt, account);
        let now = slot(attempt.at, SOURCE_SLOT);
        let name = bit(account);
        let (failing, succeeding) = match outcome {
            Outcome::Failed { .. } => (name, 0),
            Outcome::Accepted => (0, name),
        };
        for key in [address, prefix] {
            make_room(&mut self.sources, self.most, now);
            self.sources.entry(key).or_default().write(now, failing, succeeding);
        }
        if let Outcome::Failed { known_network } = outcome {
            let now = slot(attempt.at, ACCOUNT_SLOT);
            let asn = attempt
                .place
                .asn
                .map_or_else(|| prefix_of(attempt.address), |asn| asn.to_be_bytes().to_vec());
            let network = if known_network { 0 } else { bit(window_key(secret, &asn)) };
            make_room(&mut self.accounts, self.most, now);
            self.accounts.entry(account).or_default().write(now, network, 0);
        }
    }

    /// Windows that are kept.
    pub fn len(&self) -> usize {
        self.sources.len() + self.accounts.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Ring {
    fn write(&mut self, now: i64, first: u32, second: u32) {
        let at = usize::try_from(now.rem_euclid(6)).unwrap_or(0);
        let Some(slot) = self.slots.get_mut(at) else {
            return;
        };
        if slot.number != now {
            *slot = Slot {
                number: now,
                ..Slot::default()
            };
        }
        slot.first |= first;
        slot.second |= second;
        slot.count = slot.count.saturating_add(1);
    }

    fn read(&self, now: i64, slots: i64) -> (u32, u32, u32) {
        let fresh = self
            .slots
            .iter()
            .filter(|slot| slot.count > 0 && (0..slots).contains(&now.saturating_sub(slot.number)));
        fresh.fold((0, 0, 0), |(first, second, count), slot| {
            (first | slot.first, second | slot.second, u32::from(slot.count) + count)
        })
    }

    fn latest(&self) -> i64 {
        self.slots.iter().map(|slot| slot.number).max().unwrap_or(i64::MIN)
    }
}

/// Full: what is over goes, and if nothing is, everything older than the current slot.
fn make_room(windows: &mut HashMap<u64, Ring>, most: usize, now: i64) {
    if windows.len() < most {
        return;
    }
    windows.retain(|_, ring| now.saturating_sub(ring.latest()) < 6);
    if windows.len() >= most {
        windows.retain(|_, ring| ring.latest() >= now);
    }
    if windows.len() >= most {
        windows.clear();
    }
}

fn keys(secret: &HashKey, attempt: &Attempt, account: &str) -> [u64; 3] {
    let address = attempt.address.to_canonical();
    // The lengths differ, so that no prefix is an address.
    let tagged = |mut bytes: Vec<u8>, tag: u8| {
        bytes.push(tag);
        window_key(secret, &bytes)
    };
    [
        tagged(host_of(address), 1),
        tagged(prefix_of(address), 2),
        tagged(account.as_bytes().to_vec(), 3),
    ]
}

const fn slot(at: Timestamp, seconds: i64) -> i64 {
    at.as_seconds().div_euclid(seconds)
}

fn bit(hash: u64) -> u32 {
    1 << (hash >> 32 & 31)
}

/// Linear counting (Whang et al., 1990).
fn distinct(bits: u32) -> u32 {
    let empty = bits.count_zeros().max(1);
    let estimate = 32.0 * libm::log(32.0 / real(u64::from(empty)));
    u32::try_from(whole(libm::round(estimate))).unwrap_or(u32::MAX)
}
