//! `/watchfire/v1/overview`: the numbers of the last hours.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::{
    App, Error,
    insight::overview::{Count, MAX_HOURS, Overview},
};
use watchfire_model::time::Timestamp;

use crate::{
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    query::Query,
};

/// What has come in, what became of it and what needs a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OverviewObject {
    /// Where the first hour begins; every list of counts has an entry an hour from there.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// As of when.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// Whether every hour of the log was counted; if not, a later call has more.
    complete: bool,
    /// Events of the log by type and outcome.
    events: Vec<EventCounts>,
    /// What risk providers said of addresses.
    signals: Vec<SignalCounts>,
    /// What security events providers said.
    reports: Vec<ReportCounts>,
    /// Users at risk now.
    users_at_risk: Levels,
    /// Addresses at risk now, by the worst that is said of them.
    addresses_at_risk: Levels,
    /// Calls that wait, as far as they are in memory.
    pending_actions: usize,
    /// Actions that wait for a person.
    awaiting_approval: CountObject,
    /// Actions that were tried in vain.
    dead_letters: CountObject,
    /// From the decision on a signal to the answer of the call that it led to.
    signal_to_action: DelayObject,
    /// Providers that have said nothing for a day.
    silent_providers: Vec<SilentObject>,
    /// Ids of incoming streams that bring nothing.
    stopped_streams: Vec<String>,
}

/// Events of one type and outcome.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EventCounts {
    /// `eventType`
    event_type: String,
    /// `outcome.result`
    outcome: String,
    /// An entry an hour.
    counts: Vec<u64>,
}

/// Signals of one provider and level.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SignalCounts {
    /// The provider's id.
    provider_id: String,
    /// Its name.
    provider_name: String,
    /// `LOW`, `MEDIUM` or `HIGH`
    level: &'static str,
    /// An entry an hour.
    counts: Vec<u64>,
}

/// Events of one security events provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReportCounts {
    /// The provider's id.
    provider_id: String,
    /// Its name.
    provider_name: String,
    /// An entry an hour.
    counts: Vec<u64>,
}

/// How many there are of each level.
#[derive(Debug, Serialize, ToSchema)]
struct Levels {
    /// LOW.
    low: usize,
    /// MEDIUM.
    medium: usize,
    /// HIGH.
    high: usize,
}

/// A number that is not counted past a limit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CountObject {
    /// At least so many.
    count: usize,
    /// Whether there are more.
    has_more: bool,
}

/// How long it took.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DelayObject {
    /// How many calls there were since the server started, within the hours.
    count: usize,
    /// Half of them took no longer, in milliseconds.
    p50_millis: Option<u64>,
    /// 99 of 100 took no longer, in milliseconds.
    p99_millis: Option<u64>,
}

/// A provider that has said nothing for a day.
#[derive(Debug, Serialize, ToSchema)]
struct SilentObject {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// `RISK_PROVIDER` or `SECURITY_EVENTS_PROVIDER`
    #[serde(rename = "type")]
    kind: &'static str,
}

impl From<Count> for CountObject {
    fn from(count: Count) -> Self {
        Self {
            count: count.least,
            has_more: count.has_more,
        }
    }
}

impl From<Overview> for OverviewObject {
    fn from(it: Overview) -> Self {
        let millis = |delay: Option<std::time::Duration>| delay.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX));
        let events = it.events.into_iter().map(|((event_type, outcome), counts)| EventCounts {
            event_type,
            outcome,
            counts,
        });
        let signals = it.signals.into_iter().map(|series| SignalCounts {
            provider_id: series.provider.into(),
            provider_name: series.name,
            level: series.level.as_str(),
            counts: series.counts,
        });
        let reports = it.reports.into_iter().map(|series| ReportCounts {
            provider_id: series.provider.into(),
            provider_name: series.name,
            counts: series.counts,
        });
        let silent = it.silent.into_iter().map(|provider| SilentObject {
            id: provider.id,
            name: provider.name,
            kind: if provider.sends_sets {
                "SECURITY_EVENTS_PROVIDER"
            } else {
                "RISK_PROVIDER"
            },
        });
        Self {
            since: it.since,
            until: it.until,
            complete: it.is_whole,
            events: events.collect(),
            signals: signals.collect(),
            reports: reports.collect(),
            users_at_risk: Levels {
                low: it.users.low,
                medium: it.users.medium,
                high: it.users.high,
            },
            addresses_at_risk: Levels {
                low: it.addresses.low,
                medium: it.addresses.medium,
                high: it.addresses.high,
            },
            pending_actions: it.actions.pending,
            awaiting_approval: it.actions.awaiting_approval.into(),
            dead_letters: it.actions.dead.into(),
            signal_to_action: DelayObject {
                count: it.delays.count,
                p50_millis: millis(it.delays.p50),
                p99_millis: millis(it.delays.p99),
            },
            silent_providers: silent.collect(),
            stopped_streams: it.stopped_streams.iter().map(|stream| stream.id.to_string()).collect(),
        }
    }
}

/// Get the numbers of the last hours: what came in, what became of it, what needs a person
#[utoipa::path(get, path = "/watchfire/v1/overview", tag = "Watchfire",
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    params(("hours" = Option<u32>, Query, description = "1 to 168, 24 when absent")),
    responses((status = 200, body = OverviewObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
pub(super) async fn get(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<OverviewObject>, OktaError> {
    let hours = match query.filled("hours") {
        None => 24,
        Some(text) => text
            .parse()
            .ok()
            .filter(|hours| (1..=MAX_HOURS).contains(hours))
            .ok_or_else(|| Error::invalid("hours", "Invalid value"))?,
    };
    let overview = app.overview(&caller.principal, hours).await?;
    Ok(Json(OverviewObject::from(overview)))
}
