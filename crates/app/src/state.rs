//! The hot state: what every request looks at, kept in memory and published after each sync.

mod at_risk;
mod directory;
mod hook_quota;
mod outbox;
mod population;
mod pulse;
mod signals;

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use watchfire_model::{
    id::{ReceiptId, RiskProviderId},
    object::Object,
    row::{Decision, Received, Row},
    signal::IpSignal,
    time::Timestamp,
};

pub use self::{
    at_risk::{AtRisk, AtRiskLimits},
    directory::Directory,
    hook_quota::HookQuotaLimits,
    outbox::{Due, Outbox, OutboxLimits, TargetKey},
    population::Statistics,
    pulse::{HOUR, Heard, Pulse, hour_of},
    signals::{AddressCounts, AddressPlace, LiveSignals, SignalLimits},
};
pub(crate) use self::{
    hook_quota::{HookQuota, Reached},
    population::Until,
};

/// What requests read without touching the store.
#[derive(Debug)]
pub struct State {
    directory: ArcSwap<Directory>,
    signals: LiveSignals,
    at_risk: AtRisk,
    pulse: Pulse,
    outbox: Outbox,
    hook_quota: HookQuota,
    statistics: Statistics,
    changed: watch::Sender<()>,
}

impl State {
    /// Empty, with these limits.
    pub fn new(limits: SignalLimits) -> Self {
        Self {
            directory: ArcSwap::default(),
            signals: LiveSignals::new(limits),
            at_risk: AtRisk::new(AtRiskLimits::default()),
            pulse: Pulse::default(),
            outbox: Outbox::new(OutboxLimits::default()),
            hook_quota: HookQuota::new(HookQuotaLimits::default()),
            statistics: Statistics::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// With these limits of what is to be done outside.
    #[must_use]
    pub fn with_outbox(mut self, limits: OutboxLimits) -> Self {
        self.outbox = Outbox::new(limits);
        self
    }

    /// With these limits of what event hooks are given.
    #[must_use]
    pub fn with_hook_quota(mut self, limits: HookQuotaLimits) -> Self {
        self.hook_quota = HookQuota::new(limits);
        self
    }

    /// What administrators keep, as of now. Cheap; hold it for the length of a request.
    pub fn directory(&self) -> Arc<Directory> {
        self.directory.load_full()
    }

    /// Tells whenever what administrators keep has changed.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// What providers say of addresses.
    pub const fn signals(&self) -> &LiveSignals {
        &self.signals
    }

    /// Against whom something speaks.
    pub const fn at_risk(&self) -> &AtRisk {
        &self.at_risk
    }

    /// What has come in and gone out lately, in numbers.
    pub const fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Takes over what a risk provider said with a receipt.
    pub(crate) fn hear(&self, said: (&RiskProviderId, &ReceiptId), received_at: Timestamp, signals: &[IpSignal], now: Timestamp) {
        self.signals.insert(said, received_at, signals, now);
        self.pulse.hear(said.0, received_at, signals, now);
    }

    /// What everybody's sign-ins have in common.
    pub const fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// What is to be done outside.
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// What event hooks were given in the last day.
    pub(crate) const fn hook_quota(&self) -> &HookQuota {
        &self.hook_quota
    }

    /// Puts what the store has into an empty state.
    pub fn load(&self, objects: impl IntoIterator<Item = Object>) {
        let mut directory = Directory::clone(&self.directory());
        objects.into_iter().for_each(|object| directory.put(&object));
        self.directory.store(Arc::new(directory));
    }

    /// Publishes decisions that are durable. Only the sequencer calls this, so nothing is lost between
    /// reading the directory and storing the next one.
    pub(crate) fn publish(&self, decisions: &[Arc<Decision>], now: Timestamp) {
        let rows = || decisions.iter().flat_map(|decision| &decision.rows);
        if rows().any(Directory::concerns) {
            let mut directory = Directory::clone(&self.directory());
            rows().for_each(|row| directory.apply(row));
            self.directory.store(Arc::new(directory));
            self.changed.send_replace(());
        }
        for decision in decisions {
            self.hook_quota.count(decision, now);
        }
        for row in rows() {
            self.outbox.publish(row);
            self.statistics.publish(row);
            self.at_risk.publish(row);
            self.pulse.publish(row);
            if let Row::Receipt(receipt) = row
                && let Received::RiskEvents { provider, signals } = &receipt.content
            {
                self.hear((provider, &receipt.id), receipt.received_at, signals, now);
            }
        }
    }

    /// Drops what has expired.
    pub(crate) fn forget_expired(&self, now: Timestamp) {
        self.signals.forget_expired(now);
        if self.directory().has_expired(now) {
            let mut directory = Directory::clone(&self.directory());
            directory.forget_expired(now);
            self.directory.store(Arc::new(directory));
        }
    }
}
