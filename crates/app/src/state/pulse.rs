//! What has come in and gone out lately, in numbers: risk providers' signals by hour and level, and how long
//! it took from a signal to the call that it led to. It begins with what the store still counts, and is no
//! record: the System Log is.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use parking_lot::Mutex;
use watchfire_model::{
    id::RiskProviderId,
    object::{Action, ActionState, Object},
    row::Row,
    signal::{IpSignal, RiskLevel},
    time::Timestamp,
};

/// The length of what is counted together.
pub const HOUR: Duration = Duration::from_secs(3_600);
/// How long it is kept.
const KEPT: Duration = Duration::from_secs(8 * 24 * 3_600);
/// Delays that are kept.
const DELAYS: usize = 10_000;

/// Signals of one provider and level within an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The hour, as [`hour_of`] gives it.
    pub hour: i64,
    /// Who said so.
    pub provider: RiskProviderId,
    /// What was said.
    pub level: RiskLevel,
    /// How often.
    pub count: u64,
}

/// The numbers.
#[derive(Debug, Default)]
pub struct Pulse {
    heard: Mutex<BTreeMap<(i64, RiskProviderId, RiskLevel), u64>>,
    delays: Mutex<VecDeque<(Timestamp, Duration)>>,
}

/// Which hour since 1970 it is.
pub const fn hour_of(at: Timestamp) -> i64 {
    at.as_seconds().div_euclid(3_600)
}

impl Pulse {
    pub(super) fn hear(&self, provider: &RiskProviderId, received_at: Timestamp, signals: &[IpSignal], now: Timestamp) {
        let oldest = hour_of(now.minus(KEPT));
        let hour = hour_of(received_at);
        let mut heard = self.heard.lock();
        while heard.first_key_value().is_some_and(|((first, ..), _)| *first < oldest) {
            heard.pop_first();
        }
        if hour < oldest {
            return;
        }
        for signal in signals {
            let count = heard.entry((hour, provider.clone(), signal.level)).or_default();
            *count = count.saturating_add(1);
        }
    }

    pub(super) fn publish(&self, row: &Row) {
        if let Row::Put(Object::Action(action)) = row
            && let Some((at, delay)) = delay(action)
        {
            let mut delays = self.delays.lock();
            if delays.len() >= DELAYS {
                delays.pop_front();
            }
            delays.push_back((at, delay));
        }
    }

    /// What was heard from this hour on.
    pub fn heard(&self, from: i64) -> Vec<Heard> {
        let heard = self.heard.lock();
        let recent = heard.iter().filter(|((hour, ..), _)| *hour >= from);
        recent
            .map(|((hour, provider, level), count)| Heard {
                hour: *hour,
                provider: provider.clone(),
                level: *level,
                count: *count,
            })
            .collect()
    }

    /// How long the calls took that have ended since then, the shortest first.
    pub fn delays(&self, since: Timestamp) -> Vec<Duration> {
        let delays = self.delays.lock();
        let recent = delays.iter().filter(|(at, _)| *at >= since);
        let mut recent: Vec<Duration> = recent.map(|(_, delay)| *delay).collect();
        recent.sort_unstable();
        recent
    }
}

/// From the decision on a signal, which is taken when it is accepted, to the call's answer. What waited for a
/// person says nothing about us.
fn delay(action: &Action) -> Option<(Timestamp, Duration)> {
    let counts = action.state == ActionState::Done && action.cause.is_some() && action.resumed_at.is_none();
    let at = action.finished_at.filter(|_| counts)?;
    Some((at, at.since(action.created)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(level: RiskLevel) -> IpSignal {
        IpSignal {
            ip: std::net::IpAddr::from([192, 0, 2, 1]),
            level,
            message: None,
            observed_at: None,
            expires_at: Timestamp::from_seconds(0),
        }
    }

    #[test]
    fn signals_are_counted_by_hour_provider_and_level() {
        let pulse = Pulse::default();
        let provider = RiskProviderId::new("rkp1");
        let at = Timestamp::from_seconds;
        pulse.hear(
            &provider,
            at(3_599),
            &[signal(RiskLevel::High), signal(RiskLevel::Low)],
            at(3_599),
        );
        pulse.hear(&provider, at(3_600), &[signal(RiskLevel::High)], at(3_600));
        pulse.hear(&provider, at(7_199), &[signal(RiskLevel::High)], at(7_199));
        let counts = |from| {
            pulse
                .heard(from)
                .iter()
                .map(|it| (it.hour, it.level, it.count))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            counts(0),
            [(0, RiskLevel::Low, 1), (0, RiskLevel::High, 1), (1, RiskLevel::High, 2)]
        );
        assert_eq!(counts(1), [(1, RiskLevel::High, 2)]);
        let later = at(3_600).plus(KEPT).plus(HOUR);
        pulse.hear(&provider, later, &[], later);
        assert!(pulse.heard(0).is_empty());
    }
}
