//! What providers say of addresses, as long as it counts.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::RwLock;
use watchfire_model::{
    id::{ReceiptId, RiskProviderId},
    signal::{IpSignal, ProviderSignal, RiskLevel},
    time::Timestamp,
};

/// Named limits of the table of addresses.
#[derive(Clone, Copy, Debug)]
pub struct SignalLimits {
    /// Signals that count at one time; past it a risk call is answered 503, and nothing accepted is lost.
    pub live: usize,
}

impl Default for SignalLimits {
    fn default() -> Self {
        Self { live: 2_000_000 }
    }
}

/// How many addresses there are by the worst that is said of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressCounts {
    /// LOW.
    pub low: usize,
    /// MEDIUM.
    pub medium: usize,
    /// HIGH.
    pub high: usize,
}

/// An address among those that providers speak of: its worst level, when that was said last, and itself.
pub type AddressPlace = (Reverse<RiskLevel>, Reverse<Timestamp>, IpAddr);

/// The table. An address has at most one signal of each provider: the one accepted last.
#[derive(Debug)]
pub struct LiveSignals {
    by_ip: RwLock<HashMap<IpAddr, Vec<ProviderSignal>>>,
    live: AtomicUsize,
    /// Addresses by their worst level.
    worst: [AtomicUsize; 3],
    limits: SignalLimits,
}

impl LiveSignals {
    pub(super) fn new(limits: SignalLimits) -> Self {
        Self {
            by_ip: RwLock::default(),
            live: AtomicUsize::new(0),
            worst: Default::default(),
            limits,
        }
    }

    /// What counts for `ip` at `now`.
    pub fn at(&self, ip: IpAddr, now: Timestamp) -> Vec<ProviderSignal> {
        let table = self.by_ip.read();
        let known = table.get(&ip).map(Vec::as_slice).unwrap_or_default();
        known
            .iter()
            .filter(|signal| signal.signal.expires_at > now)
            .cloned()
            .collect()
    }

    /// Up to `limit` addresses that come behind `behind`, the worst first and of those as bad the ones that were
    /// spoken of last. Only those of which somebody says at least `least`.
    pub fn worst(&self, now: Timestamp, least: RiskLevel, behind: Option<&AddressPlace>, limit: usize) -> Vec<AddressPlace> {
        let mut first: BinaryHeap<AddressPlace> = BinaryHeap::new();
        for (ip, known) in self.by_ip.read().iter() {
            let live = known.iter().filter(|signal| signal.signal.expires_at > now);
            let Some((level, at)) = live.map(|it| (it.signal.level, it.received_at)).max() else {
                continue;
            };
            let place = (Reverse(level), Reverse(at), *ip);
            if level < least || behind.is_some_and(|behind| place <= *behind) {
                continue;
            }
            if first.len() < limit {
                first.push(place);
            } else if first.peek().is_some_and(|last| place < *last) {
                first.pop();
                first.push(place);
            }
        }
        first.into_sorted_vec()
    }

    /// How many addresses have a signal of each level as their worst, as of the last look for what has
    /// expired.
    pub fn addresses(&self) -> AddressCounts {
        let [low, medium, high] = self.worst.each_ref().map(|count| count.load(Ordering::Relaxed));
        AddressCounts { low, medium, high }
    }

    /// How many signals are held.
    pub fn len(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `more` signals fit.
    pub fn has_room_for(&self, more: usize) -> bool {
        self.len().saturating_add(more) <= self.limits.live
    }

    /// Takes over what a provider said. What has expired already is not held (okta.md 4.3).
    pub fn insert(
        &self,
        (provider, receipt): (&RiskProviderId, &ReceiptId),
        received_at: Timestamp,
        signals: &[IpSignal],
        now: Timestamp,
    ) {
        let receipt = Arc::new(receipt.clone());
        let mut table = self.by_ip.write();
        for signal in signals {
            let known = table.entry(signal.ip).or_default();
            let before = known.len();
            let worst_before = worst(known);
            known.retain(|old| old.provider != *provider);
            if signal.expires_at > now {
                known.push(ProviderSignal {
                    provider: provider.clone(),
                    receipt: Arc::clone(&receipt),
                    received_at,
                    signal: signal.clone(),
                });
            }
            let after = known.len();
            let worst_after = worst(known);
            if let Some(count) = self.counter(worst_before) {
                count.fetch_sub(1, Ordering::Relaxed);
            }
            if let Some(count) = self.counter(worst_after) {
                count.fetch_add(1, Ordering::Relaxed);
            }
            if after == 0 {
                table.remove(&signal.ip);
            }
            self.live.fetch_add(after, Ordering::Relaxed);
            self.live.fetch_sub(before, Ordering::Relaxed);
        }
    }

    pub(super) fn forget_expired(&self, now: Timestamp) {
        let mut table = self.by_ip.write();
        table.retain(|_, known| {
            known.retain(|signal| signal.signal.expires_at > now);
            !known.is_empty()
        });
        self.live.store(table.values().map(Vec::len).sum(), Ordering::Relaxed);
        let mut counts = AddressCounts::default();
        for known in table.values() {
            match worst(known) {
                Some(RiskLevel::Low) => counts.low = counts.low.saturating_add(1),
                Some(RiskLevel::Medium) => counts.medium = counts.medium.saturating_add(1),
                Some(RiskLevel::High) => counts.high = counts.high.saturating_add(1),
                None => {}
            }
        }
        for (counter, count) in self.worst.iter().zip([counts.low, counts.medium, counts.high]) {
            counter.store(count, Ordering::Relaxed);
        }
    }

    fn counter(&self, level: Option<RiskLevel>) -> Option<&AtomicUsize> {
        let [low, medium, high] = &self.worst;
        Some(match level? {
            RiskLevel::Low => low,
            RiskLevel::Medium => medium,
            RiskLevel::High => high,
        })
    }
}

fn worst(known: &[ProviderSignal]) -> Option<RiskLevel> {
    known.iter().map(|signal| signal.signal.level).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn signal(level: RiskLevel, expires: i64) -> IpSignal {
        let ip = IpAddr::from([1, 1, 1, 1]);
        IpSignal {
            ip,
            level,
            message: None,
            observed_at: None,
            expires_at: Timestamp::from_seconds(expires),
        }
    }

    fn levels(table: &LiveSignals, at: i64) -> Vec<RiskLevel> {
        table
            .at(IpAddr::from([1, 1, 1, 1]), Timestamp::from_seconds(at))
            .iter()
            .map(|s| s.signal.level)
            .collect()
    }

    #[test]
    fn the_last_word_of_a_provider_counts() {
        let table = LiveSignals::new(SignalLimits::default());
        let (a, b) = (RiskProviderId::new("rkpA"), RiskProviderId::new("rkpB"));
        table.insert((&a, &ReceiptId::new("rcp1")), NOW, &[signal(RiskLevel::High, 2_000)], NOW);
        table.insert((&b, &ReceiptId::new("rcp1")), NOW, &[signal(RiskLevel::Medium, 2_000)], NOW);
        table.insert((&a, &ReceiptId::new("rcp1")), NOW, &[signal(RiskLevel::Low, 2_000)], NOW);
        assert_eq!(levels(&table, 1_001), [RiskLevel::Medium, RiskLevel::Low]);
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn what_has_expired_does_not_count() {
        let table = LiveSignals::new(SignalLimits::default());
        let a = RiskProviderId::new("rkpA");
        table.insert((&a, &ReceiptId::new("rcp1")), NOW, &[signal(RiskLevel::High, 1_500)], NOW);
        assert_eq!(levels(&table, 1_499), [RiskLevel::High]);
        assert!(levels(&table, 1_500).is_empty());
        table.forget_expired(Timestamp::from_seconds(1_500));
        assert!(table.is_empty());
        // An expired word still replaces the one before it.
        table.insert((&a, &ReceiptId::new("rcp1")), NOW, &[signal(RiskLevel::High, 2_000)], NOW);
        table.insert((&a, &ReceiptId::new("rcp1")), NOW, &[signal(RiskLevel::High, 900)], NOW);
        assert!(levels(&table, 1_001).is_empty());
    }

    #[test]
    fn addresses_are_counted_by_the_worst_word() {
        let table = LiveSignals::new(SignalLimits::default());
        let (a, b) = (RiskProviderId::new("rkpA"), RiskProviderId::new("rkpB"));
        let counts = |low, medium, high| AddressCounts { low, medium, high };
        table.insert((&a, &ReceiptId::new("rcp1")), NOW, &[signal(RiskLevel::Medium, 1_500)], NOW);
        assert_eq!(table.addresses(), counts(0, 1, 0));
        table.insert((&b, &ReceiptId::new("rcp1")), NOW, &[signal(RiskLevel::High, 2_000)], NOW);
        assert_eq!(table.addresses(), counts(0, 0, 1));
        table.insert((&b, &ReceiptId::new("rcp1")), NOW, &[signal(RiskLevel::Low, 2_000)], NOW);
        assert_eq!(table.addresses(), counts(0, 1, 0));
        table.forget_expired(Timestamp::from_seconds(1_500));
        assert_eq!(table.addresses(), counts(1, 0, 0));
        table.insert((&b, &ReceiptId::new("rcp1")), NOW, &[signal(RiskLevel::Low, 900)], NOW);
        assert_eq!(table.addresses(), counts(0, 0, 0));
    }

    #[test]
    fn addresses_come_the_worst_first_and_each_once_page_by_page() {
        let table = LiveSignals::new(SignalLimits::default());
        let provider = RiskProviderId::new("rkp1");
        let at = Timestamp::from_seconds;
        let levels = [RiskLevel::Low, RiskLevel::High, RiskLevel::Medium, RiskLevel::High];
        for (number, level) in (0_u8..).zip(levels) {
            let one = IpSignal {
                ip: IpAddr::from([192, 0, 2, number]),
                ..signal(level, 100)
            };
            table.insert((&provider, &ReceiptId::new("rcp1")), at(i64::from(number)), &[one], at(0));
        }
        let last = |place: &AddressPlace| place.2.to_string();
        let all: Vec<String> = table.worst(at(50), RiskLevel::Low, None, 10).iter().map(last).collect();
        assert_eq!(all, ["192.0.2.3", "192.0.2.1", "192.0.2.2", "192.0.2.0"]);
        let first = table.worst(at(50), RiskLevel::Low, None, 2);
        let second = table.worst(at(50), RiskLevel::Low, first.last(), 2);
        let both: Vec<String> = first.iter().chain(&second).map(last).collect();
        assert_eq!(both, all);
        assert_eq!(table.worst(at(50), RiskLevel::Medium, None, 10).len(), 3);
        assert!(table.worst(at(100), RiskLevel::Low, None, 10).is_empty(), "all have expired");
    }

    #[test]
    fn a_full_table_says_so() {
        let table = LiveSignals::new(SignalLimits { live: 1 });
        assert!(table.has_room_for(1));
        table.insert(
            (&RiskProviderId::new("rkpA"), &ReceiptId::new("rcp1")),
            NOW,
            &[signal(RiskLevel::High, 2_000)],
            NOW,
        );
        assert!(!table.has_room_for(1));
    }
}
