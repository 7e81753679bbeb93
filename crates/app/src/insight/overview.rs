//! What has come in, what became of it and what needs a person: the numbers of the last day or week.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use watchfire_model::{
    id::{RiskProviderId, SecurityEventsProviderId},
    log::EventType,
    object::{Action, ActionState, ProviderAction, Status, StreamIn, StreamStatus},
    signal::RiskLevel,
    time::Timestamp,
};
use watchfire_store::index::LogTally;

use super::entities_at_risk::{LevelCounts, READ};
use crate::{
    App, Result,
    access::Principal,
    reads::Listed,
    state::{AddressCounts, HOUR, hour_of},
};

/// Hours that may be asked for.
pub const MAX_HOURS: u32 = 168;
/// How long counting may take; what is missing then is counted at the next call.
const PATIENCE: Duration = Duration::from_millis(80);
/// An hour is over so long after its end: what was decided in it is in the index by then.
const SETTLED: Duration = Duration::from_secs(60);
/// A provider that says nothing for so long is silent.
const SILENT_AFTER: i64 = 24;
/// Actions that are counted one by one.
const ACTIONS: u32 = 500;

/// Hours of the log that are over, counted: they never change.
#[derive(Debug, Default)]
pub struct Tallies {
    hours: Mutex<HashMap<i64, Arc<Vec<LogTally>>>>,
}

/// The numbers.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Where the first hour begins.
    pub since: Timestamp,
    /// As of when.
    pub until: Timestamp,
    /// Hours that every series has.
    pub hours: usize,
    /// Whether every hour of the log was counted; if not, a later call has more.
    pub is_whole: bool,
    /// Events of the log by type and outcome, an entry an hour.
    pub events: BTreeMap<(String, String), Vec<u64>>,
    /// What risk providers said of addresses, by level.
    pub signals: Vec<SignalSeries>,
    /// What security events providers said.
    pub reports: Vec<ReportSeries>,
    /// Users at risk now.
    pub users: LevelCounts,
    /// Addresses at risk now.
    pub addresses: AddressCounts,
    /// What is done outside.
    pub actions: ActionCounts,
    /// From a signal to the answer of the call that it led to.
    pub delays: Delays,
    /// Providers that have said nothing for a day.
    pub silent: Vec<SilentProvider>,
    /// Incoming streams that bring nothing.
    pub stopped_streams: Vec<Arc<StreamIn>>,
}

/// Signals of one risk provider and level.
#[derive(Clone, Debug)]
pub struct SignalSeries {
    /// Who said so.
    pub provider: RiskProviderId,
    /// Its name.
    pub name: String,
    /// What was said.
    pub level: RiskLevel,
    /// How often, an entry an hour.
    pub counts: Vec<u64>,
}

/// Events of one security events provider.
#[derive(Clone, Debug)]
pub struct ReportSeries {
    /// Who.
    pub provider: SecurityEventsProviderId,
    /// Its name.
    pub name: String,
    /// How often, an entry an hour.
    pub counts: Vec<u64>,
}

/// What is done outside.
#[derive(Clone, Copy, Debug, Default)]
pub struct ActionCounts {
    /// Waiting for a call, as far as they are in memory.
    pub pending: usize,
    /// Waiting for a person.
    pub awaiting_approval: Count,
    /// Tried in vain.
    pub dead: Count,
}

/// A number that is not counted past a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// At least so many.
    pub least: usize,
    /// Whether there are more.
    pub has_more: bool,
}

/// How long things took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// How many there were.
    pub count: usize,
    /// Half of them took no longer.
    pub p50: Option<Duration>,
    /// 99 of 100 took no longer.
    pub p99: Option<Duration>,
}

/// A provider that has said nothing for a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SilentProvider {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it sends Security Event Tokens, and no risk events.
    pub sends_sets: bool,
}

impl App {
    /// The numbers of the last `hours`, this one included.
    ///
    /// # Errors
    /// Without the scope, or when the store does not answer.
    pub async fn overview(&self, caller: &Principal, hours: u32) -> Result<Overview> {
        caller.require(READ)?;
        let now = self.clock.now();
        let this_hour = hour_of(now);
        let first = this_hour.saturating_sub(i64::from(hours.clamp(1, MAX_HOURS)) - 1);
        let frame = Frame {
            first,
            hours: usize::try_from(hours.clamp(1, MAX_HOURS)).unwrap_or(1),
        };
        let mut counted = BTreeMap::new();
        let counting = self.count_hours(first.min(this_hour - SILENT_AFTER), this_hour, &mut counted);
        let is_whole = match tokio::time::timeout(PATIENCE, counting).await {
            Ok(done) => done.map(|()| true)?,
            Err(_) => false,
        };
        let reports = self.reports(&counted, &frame);
        let signals = self.signal_series(&frame);
        let silent = if is_whole {
            self.silent(&counted, this_hour)
        } else {
            Vec::new()
        };
        Ok(Overview {
            since: start_of(first),
            until: now,
            hours: frame.hours,
            is_whole,
            events: events(&counted, &frame),
            signals,
            reports,
            users: self.users_at_risk(caller)?,
            addresses: self.state.signals().addresses(),
            actions: ActionCounts {
                pending: self.state.outbox().len(),
                awaiting_approval: self.count_actions(ActionState::AwaitingApproval).await?,
                dead: self.count_actions(ActionState::Dead).await?,
            },
            delays: delays(&self.state.pulse().delays(start_of(first))),
            silent,
            stopped_streams: self.stopped_streams(),
        })
    }

    /// Counts the hours that are not known yet, the newest first.
    async fn count_hours(&self, first: i64, last: i64, counted: &mut BTreeMap<i64, Arc<Vec<LogTally>>>) -> Result<()> {
        self.commands.wait_for_index().await;
        let now = self.clock.now();
        self.tallies
            .hours
            .lock()
            .retain(|hour, _| *hour > last - 2 * i64::from(MAX_HOURS));
        for hour in (first..=last).rev() {
            let known = self.tallies.hours.lock().get(&hour).cloned();
            let tally = match known {
                Some(tally) => tally,
                None => {
                    let end = start_of(hour.saturating_add(1));
                    let tally = Arc::new(self.index.log_tally(start_of(hour), end).await?);
                    if end.plus(SETTLED) <= now {
                        self.tallies.hours.lock().insert(hour, Arc::clone(&tally));
                    }
                    tally
                }
            };
            counted.insert(hour, tally);
        }
        Ok(())
    }

    fn signal_series(&self, frame: &Frame) -> Vec<SignalSeries> {
        let directory = self.state.directory();
        let mut series: BTreeMap<(RiskProviderId, RiskLevel), Vec<u64>> = BTreeMap::new();
        for heard in self.state.pulse().heard(frame.first) {
            frame.add(
                series.entry((heard.provider, heard.level)).or_default(),
                heard.hour,
                heard.count,
            );
        }
        let name = |id: &RiskProviderId| {
            let found = directory.risk_providers().find(|it| it.id == *id);
            found.map_or_else(|| id.to_string(), |it| it.name.clone())
        };
        let series = series.into_iter().map(|((provider, level), counts)| SignalSeries {
            name: name(&provider),
            provider,
            level,
            counts,
        });
        series.collect()
    }

    fn reports(&self, counted: &BTreeMap<i64, Arc<Vec<LogTally>>>, frame: &Frame) -> Vec<ReportSeries> {
        let directory = self.state.directory();
        let of = |id: &SecurityEventsProviderId| {
            let mut counts = Vec::new();
            for (hour, tallies) in counted {
                let told = tallies.iter().filter(|it| it.provider == id.as_str());
                frame.add(&mut counts, *hour, told.map(|it| it.count).sum());
            }
            counts
        };
        let providers = directory.security_events_providers();
        let series = providers.map(|provider| ReportSeries {
            provider: provider.id.clone(),
            name: provider.name.clone(),
            counts: of(&provider.id),
        });
        series.collect()
    }

    /// Whoever is switched on and was not heard for a day.
    fn silent(&self, counted: &BTreeMap<i64, Arc<Vec<LogTally>>>, this_hour: i64) -> Vec<SilentProvider> {
        let directory = self.state.directory();
        let recent = this_hour - SILENT_AFTER;
        let heard = self.state.pulse().heard(recent);
        let told = |id: &str| {
            let mut hours = counted.range(recent..);
            hours.any(|(_, tallies)| tallies.iter().any(|it| it.provider == id))
        };
        let risk = directory.risk_providers();
        let risk = risk.filter(|it| it.client_id.is_some() && it.action != ProviderAction::None);
        let risk = risk.filter(|it| !heard.iter().any(|heard| heard.provider == it.id));
        let risk = risk.map(|it| SilentProvider {
            id: it.id.to_string(),
            name: it.name.clone(),
            sends_sets: false,
        });
        let sets = directory.security_events_providers();
        let sets = sets.filter(|it| it.status == Status::Active && !told(it.id.as_str()));
        let sets = sets.map(|it| SilentProvider {
            id: it.id.to_string(),
            name: it.name.clone(),
            sends_sets: true,
        });
        risk.chain(sets).collect()
    }

    fn stopped_streams(&self) -> Vec<Arc<StreamIn>> {
        let directory = self.state.directory();
        let streams = directory.streams_in();
        let stopped = streams.filter(|it| it.deleted_at.is_none() && it.status != StreamStatus::Enabled);
        stopped.cloned().collect()
    }

    async fn count_actions(&self, state: ActionState) -> Result<Count> {
        let page: Listed<(Action, i64)> = self.places_under(Some(state.as_str()), None, ACTIONS).await?;
        Ok(Count {
            least: page.items.len(),
            has_more: page.next.is_some(),
        })
    }
}

/// The hours of every series.
struct Frame {
    first: i64,
    hours: usize,
}

impl Frame {
    fn add(&self, series: &mut Vec<u64>, hour: i64, count: u64) {
        series.resize(self.hours, 0);
        let place = usize::try_from(hour.saturating_sub(self.first)).ok();
        if let Some(slot) = place.and_then(|place| series.get_mut(place)) {
            *slot = slot.saturating_add(count);
        }
    }
}

fn events(counted: &BTreeMap<i64, Arc<Vec<LogTally>>>, frame: &Frame) -> BTreeMap<(String, String), Vec<u64>> {
    let mut events: BTreeMap<(String, String), Vec<u64>> = BTreeMap::new();
    for (hour, tallies) in counted.range(frame.first..) {
        for tally in tallies.iter() {
            let series = events.entry((tally.event_type.clone(), tally.outcome.clone())).or_default();
            frame.add(series, *hour, tally.count);
        }
    }
    events
}

fn delays(sorted: &[Duration]) -> Delays {
    // The smallest value that so many of a hundred do not exceed.
    let rank = |percent: usize| {
        let place = sorted.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
        sorted.get(place).copied()
    };
    Delays {
        count: sorted.len(),
        p50: rank(50),
        p99: rank(99),
    }
}

fn start_of(hour: i64) -> Timestamp {
    let seconds = i64::try_from(HOUR.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_seconds(hour.saturating_mul(seconds))
}

impl Overview {
    /// How many events of this type, and outcome where one is named, there were.
    pub fn count(&self, event_type: EventType, outcome: Option<&str>) -> u64 {
        let of = |(known, result): &(String, String)| {
            known.as_str() == event_type.as_str() && outcome.is_none_or(|outcome| outcome == result.as_str())
        };
        let series = self.events.iter().filter(|(key, _)| of(key));
        series.flat_map(|(_, counts)| counts).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let of = |count: u64| delays(&(1..=count).map(Duration::from_secs).collect::<Vec<_>>());
        let seconds = |it: Option<Duration>| it.map(|it| it.as_secs());
        for (count, p50, p99) in [
            (0, None, None),
            (1, Some(1), Some(1)),
            (2, Some(1), Some(2)),
            (200, Some(100), Some(198)),
        ] {
            let it = of(count);
            assert_eq!((seconds(it.p50), seconds(it.p99)), (p50, p99), "{count}");
        }
    }

    #[test]
    fn what_is_outside_of_the_frame_is_not_counted() {
        let frame = Frame { first: 10, hours: 3 };
        let mut series = Vec::new();
        for (hour, count) in [(9, 1), (10, 2), (12, 3), (13, 4), (12, 5)] {
            frame.add(&mut series, hour, count);
        }
        assert_eq!(series, [2, 0, 8]);
    }
}
