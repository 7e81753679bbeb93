//! The first page: what has come in, what became of it and what needs a person. Every number leads to the
//! log, or to the list, behind it.

mod chart;

use std::time::Duration;

use askama::Template;
use axum::{extract::State, response::Response};
use watchfire_app::{
    App,
    insight::overview::{Count, Overview},
};
use watchfire_model::{log::EventType, signal::RiskLevel};

use self::chart::{Chart, Series};
use crate::{
    failure::Failure,
    fields::{Fields, address},
    page::{Frame, render},
    risk,
    system_log::{self, short, test},
    visitor::Visitor,
};

/// Providers that are listed.
const PROVIDERS: usize = 20;
/// Providers that have a picture.
const PICTURES: usize = 6;

#[derive(Debug, Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    /// `24h` or `7d`.
    range: &'static str,
    is_whole: bool,
    needs: Vec<Tile>,
    tiles: Vec<Tile>,
    now: Vec<Tile>,
    delivery: Vec<Tile>,
    sign_ins: Chart,
    signals: Vec<Chart>,
    providers: Vec<Provider>,
    is_empty: bool,
    /// Whether nothing can send signals yet.
    guide: bool,
}

/// A number, and what is behind it.
#[derive(Debug)]
struct Tile {
    label: String,
    count: String,
    link: String,
    tone: &'static str,
}

/// A provider, and when it was last heard.
#[derive(Debug)]
struct Provider {
    name: String,
    kind: &'static str,
    count: u64,
    is_silent: bool,
    link: String,
}

/// What is counted of the time.
const COUNTS: [(&str, EventType); 4] = [
    ("Calls with risk signals", EventType::SecurityRiskSignalConsume),
    ("Partner reported risk", EventType::SecurityEventsProviderReceiveEvent),
    ("User risk detected", EventType::UserRiskDetect),
    ("Administrators signed in", EventType::UserSessionAccessAdminApp),
];

/// The page.
pub(crate) async fn show(State(app): State<App>, visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let (range, hours) = if query.get("range") == "7d" {
        ("7d", 168)
    } else {
        ("24h", 24)
    };
    let overview = app.overview(&visitor.session.principal, hours).await?;
    let look = Look {
        overview: &overview,
        range,
    };
    let directory = app.state().directory();
    let providers = look.providers();
    let tiles = look.tiles();
    Ok(render(&OverviewPage {
        frame: Frame::new("Overview", "/admin", &visitor.session),
        range,
        is_whole: overview.is_whole,
        needs: look.needs(),
        is_empty: tiles.iter().all(|tile| tile.count == "0"),
        tiles,
        now: look.now(),
        delivery: look.delivery(),
        sign_ins: look.sign_ins(),
        signals: look.signals(),
        guide: directory.clients().next().is_none()
            && directory.security_events_providers().next().is_none()
            && overview.signals.is_empty(),
        providers,
    }))
}

/// The numbers as a page shows them.
struct Look<'a> {
    overview: &'a Overview,
    range: &'static str,
}

impl Look<'_> {
    fn log(&self, filter: &str) -> String {
        address(system_log::PATH, &[("filter", filter), ("range", self.range)])
    }

    fn tile(&self, label: &str, count: u64, filter: &str) -> Tile {
        Tile {
            label: label.to_owned(),
            count: count.to_string(),
            link: self.log(filter),
            tone: "",
        }
    }

    fn needs(&self) -> Vec<Tile> {
        let it = self.overview;
        let older = |event_type: EventType| {
            let filter = test("eventType", event_type.as_str());
            address(system_log::PATH, &[("filter", filter.as_str()), ("range", "90d")])
        };
        let silent = it.silent.len();
        let silent_link = match it.silent.first() {
            Some(first) => self.log(&heard_from(&first.id, first.sends_sets)),
            None => self.log(&test("eventType", EventType::SecurityRiskSignalConsume.as_str())),
        };
        let tiles = [
            (
                "Users at HIGH risk",
                Count {
                    least: it.users.high,
                    has_more: false,
                },
                address(risk::USERS, &[("level", "HIGH")]),
            ),
            (
                "Actions wait for approval",
                it.actions.awaiting_approval,
                older(EventType::SecurityActionRequest),
            ),
            ("Dead letters", it.actions.dead, older(EventType::SecurityActionFail)),
            (
                "Silent providers",
                Count {
                    least: silent,
                    has_more: false,
                },
                silent_link,
            ),
            (
                "Streams that have stopped",
                Count {
                    least: it.stopped_streams.len(),
                    has_more: false,
                },
                older(EventType::SecurityEventsStreamStatus),
            ),
        ];
        let tiles = tiles.into_iter().map(|(label, count, link)| Tile {
            label: label.to_owned(),
            count: format!("{}{}", count.least, if count.has_more { "+" } else { "" }),
            link,
            tone: if count.least > 0 { "needed" } else { "" },
        });
        tiles.collect()
    }

    fn tiles(&self) -> Vec<Tile> {
        let counts = COUNTS.iter().map(|(label, event_type)| {
            let filter = test("eventType", event_type.as_str());
            self.tile(label, self.overview.count(*event_type, None), &filter)
        });
        counts.collect()
    }

    fn now(&self) -> Vec<Tile> {
        let (users, addresses) = (self.overview.users, self.overview.addresses);
        let user = |count: usize, label: &str, link: String| Tile {
            label: label.to_owned(),
            count: count.to_string(),
            link,
            tone: "",
        };
        vec![
            user(users.high, "Users at HIGH", address(risk::USERS, &[("level", "HIGH")])),
            user(users.medium, "Users at MEDIUM", address(risk::USERS, &[("level", "MEDIUM")])),
            user(users.low, "Users at LOW", risk::USERS.to_owned()),
            user(addresses.high, "Addresses at HIGH", risk::ADDRESSES.to_owned()),
            user(addresses.medium, "Addresses at MEDIUM", risk::ADDRESSES.to_owned()),
        ]
    }

    fn delivery(&self) -> Vec<Tile> {
        let it = self.overview;
        let actions = self.log(&test("eventType", EventType::PolicyEntityRiskAction.as_str()));
        let took = |of: Option<Duration>| of.map_or_else(|| "\u{2013}".to_owned(), risk::length);
        let tile = |label: &str, count: String, link: &String| Tile {
            label: label.to_owned(),
            count,
            link: link.clone(),
            tone: "",
        };
        vec![
            tile(
                "Actions of the entity risk policy",
                it.count(EventType::PolicyEntityRiskAction, None).to_string(),
                &actions,
            ),
            tile("Calls that wait", it.actions.pending.to_string(), &actions),
            tile(
                "Given up",
                it.count(EventType::SecurityActionFail, None).to_string(),
                &self.log(&test("eventType", EventType::SecurityActionFail.as_str())),
            ),
            tile("Signal to action, median", took(it.delays.p50), &actions),
            tile("Signal to action, 99 of 100", took(it.delays.p99), &actions),
        ]
    }

    fn sign_ins(&self) -> Chart {
        let filter = test("eventType", EventType::PolicyEvaluateSignOn.as_str());
        let series = [("ALLOW", "good"), ("CHALLENGE", "warn"), ("DENY", "bad")].map(|(decision, tone)| {
            let key = (EventType::PolicyEvaluateSignOn.as_str().to_owned(), decision.to_owned());
            let counts = self.overview.events.get(&key).cloned().unwrap_or_default();
            Series {
                label: decision,
                tone,
                link: self.log(&format!("{filter} and {}", test("outcome.result", decision))),
                counts,
            }
        });
        Chart::new("Sign-ins by decision".to_owned(), &filter, self.overview, series.into())
    }

    /// A picture a provider, the busiest first.
    fn signals(&self) -> Vec<Chart> {
        let mut charts: Vec<Chart> = Vec::new();
        let mut providers: Vec<(&str, &str)> = Vec::new();
        for series in &self.overview.signals {
            if !providers.iter().any(|(id, _)| *id == series.provider.as_str()) {
                providers.push((series.provider.as_str(), &series.name));
            }
        }
        for (id, name) in providers {
            let filter = heard_from(id, false);
            let levels = [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High].map(|level| {
                let of = |series: &&_| -> bool {
                    let series: &watchfire_app::insight::overview::SignalSeries = series;
                    series.provider.as_str() == id && series.level == level
                };
                Series {
                    label: level.as_str(),
                    tone: risk::tone(Some(level)),
                    link: self.log(&filter),
                    counts: self
                        .overview
                        .signals
                        .iter()
                        .find(of)
                        .map(|series| series.counts.clone())
                        .unwrap_or_default(),
                }
            });
            charts.push(Chart::new(
                format!("Signals of {}", short(name)),
                &filter,
                self.overview,
                levels.into(),
            ));
        }
        for series in &self.overview.reports {
            let filter = heard_from(series.provider.as_str(), true);
            let one = Series {
                label: "Partner reported risk",
                tone: "warn",
                link: self.log(&filter),
                counts: series.counts.clone(),
            };
            let title = format!("Events of {}", short(&series.name));
            charts.push(Chart::new(title, &filter, self.overview, vec![one]));
        }
        charts.retain(|chart| chart.total > 0);
        charts.sort_by_key(|chart| std::cmp::Reverse(chart.total));
        charts.truncate(PICTURES);
        charts
    }

    fn providers(&self) -> Vec<Provider> {
        let it = self.overview;
        let mut providers: Vec<Provider> = Vec::new();
        for series in &it.signals {
            let id = series.provider.as_str();
            let link = self.log(&heard_from(id, false));
            let count = series.counts.iter().sum();
            match providers.iter_mut().find(|known| known.link == link) {
                Some(known) => known.count = known.count.saturating_add(count),
                None => providers.push(Provider {
                    name: short(&series.name),
                    kind: "Risk provider",
                    count,
                    is_silent: it.silent.iter().any(|silent| silent.id == id),
                    link,
                }),
            }
        }
        let reports = it.reports.iter().map(|series| Provider {
            name: short(&series.name),
            kind: "Security events provider",
            count: series.counts.iter().sum(),
            is_silent: it.silent.iter().any(|silent| silent.id == series.provider.as_str()),
            link: self.log(&heard_from(series.provider.as_str(), true)),
        });
        providers.extend(reports);
        for silent in &it.silent {
            let link = self.log(&heard_from(&silent.id, silent.sends_sets));
            if !providers.iter().any(|known| known.link == link) {
                providers.push(Provider {
                    name: short(&silent.name),
                    kind: if silent.sends_sets {
                        "Security events provider"
                    } else {
                        "Risk provider"
                    },
                    count: 0,
                    is_silent: true,
                    link,
                });
            }
        }
        providers.truncate(PROVIDERS);
        providers
    }
}

/// What a provider has sent.
fn heard_from(id: &str, sends_sets: bool) -> String {
    if sends_sets {
        let event_type = EventType::SecurityEventsProviderReceiveEvent.as_str();
        format!("{} and {}", test("eventType", event_type), test("actor.id", id))
    } else {
        let event_type = EventType::SecurityRiskSignalConsume.as_str();
        format!("{} and {}", test("eventType", event_type), test("target.id", id))
    }
}
