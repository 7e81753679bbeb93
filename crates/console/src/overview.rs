//! The first page: what has come in and what needs a person. Every number leads to the log behind it.

use std::time::Duration;

use askama::Template;
use axum::{extract::State, response::Response};
use watchfire_app::{App, insight::log::LogQueryParams};
use watchfire_model::{log::EventType, object::ActionState, time::Timestamp};

use crate::{
    failure::Failure,
    fields::address,
    page::{Frame, render},
    system_log::{self, test},
    visitor::Visitor,
};

/// How long one number is waited for.
const PATIENCE: Duration = Duration::from_millis(250);
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Actions that are counted at most.
const ACTIONS: u32 = 200;
/// Providers that are listed.
const PROVIDERS: usize = 20;

#[derive(Debug, Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    tiles: Vec<Tile>,
    needs: Vec<Tile>,
    providers: Vec<Tile>,
    is_empty: bool,
    /// Whether nothing can send signals yet.
    guide: bool,
}

/// A number, and the log behind it.
#[derive(Debug)]
struct Tile {
    label: String,
    count: String,
    link: String,
}

/// What is counted of the last day.
const COUNTS: [(&str, &str); 7] = [
    ("Risk signals received", "eventType eq \"security.risk.signal.consume\""),
    (
        "Partner reported risk",
        "eventType eq \"security.events.provider.receive_event\"",
    ),
    ("User risk detected", "eventType eq \"user.risk.detect\""),
    (
        "Sign-ins allowed",
        "eventType eq \"policy.evaluate_sign_on\" and outcome.result eq \"ALLOW\"",
    ),
    (
        "Sign-ins challenged",
        "eventType eq \"policy.evaluate_sign_on\" and outcome.result eq \"CHALLENGE\"",
    ),
    (
        "Sign-ins denied",
        "eventType eq \"policy.evaluate_sign_on\" and outcome.result eq \"DENY\"",
    ),
    ("Administrators signed in", "eventType eq \"user.session.access_admin_app\""),
];

/// The page.
pub(crate) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Failure> {
    let now = app.clock().now();
    let mut tiles = Vec::new();
    for (label, filter) in COUNTS {
        tiles.push(counted(&app, &visitor, label.to_owned(), filter.to_owned(), now).await?);
    }
    let directory = app.state().directory();
    let mut providers = Vec::new();
    for provider in directory.security_events_providers().take(PROVIDERS) {
        let filter = format!(
            "{} and {}",
            test("eventType", EventType::SecurityEventsProviderReceiveEvent.as_str()),
            test("actor.id", provider.id.as_str())
        );
        providers.push(counted(&app, &visitor, provider.name.clone(), filter, now).await?);
    }
    let states = [
        (
            ActionState::AwaitingApproval,
            "Actions wait for approval",
            "security.action.approval.request",
        ),
        (ActionState::Dead, "Dead letters", "security.action.dead_letter"),
    ];
    let mut needs = Vec::new();
    for (state, label, event_type) in states {
        let found = app.actions(&visitor.session.principal, Some(state), None, ACTIONS).await?;
        let more = if found.next.is_some() { "+" } else { "" };
        needs.push(Tile {
            label: label.to_owned(),
            count: format!("{}{more}", found.items.len()),
            link: address(
                system_log::PATH,
                &[("filter", test("eventType", event_type).as_str()), ("range", "90d")],
            ),
        });
    }
    Ok(render(&OverviewPage {
        frame: Frame::new("Overview", "/admin", &visitor.session),
        is_empty: tiles.iter().all(|tile| tile.count == "0"),
        guide: directory.clients().next().is_none() && providers.is_empty(),
        tiles,
        needs,
        providers,
    }))
}

/// How many events of the last day the filter asks for.
async fn counted(app: &App, visitor: &Visitor, label: String, filter: String, now: Timestamp) -> Result<Tile, Failure> {
    let since = now.minus(DAY);
    let params = LogQueryParams {
        filter: Some(&filter),
        ..LogQueryParams::default()
    };
    let edges = [since, now.plus(Duration::from_millis(1))];
    let counts = app.log_counts(&visitor.session.principal, &params, &edges, PATIENCE).await?;
    let count = counts.and_then(|counts| counts.first().copied());
    Ok(Tile {
        label,
        count: count.map_or_else(|| "many".to_owned(), |count| count.to_string()),
        link: address(system_log::PATH, &[("filter", &filter), ("range", "24h")]),
    })
}
