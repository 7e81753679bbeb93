//! `watchfire log`: the System Log on a terminal, or as JSON lines.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use http::{Method, StatusCode};
use serde_json::Value;
use watchfire_app::Clock as _;

use crate::{
    api::{Answer, Api, Connection, escape, text},
    system::SystemClock,
    terminal::{Style, Terminal, printable},
};

/// Read the System Log.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Filter expression, such as eventType eq "user.session.start"
    #[arg(long)]
    filter: Option<String>,
    /// Keywords
    #[arg(long)]
    q: Option<String>,
    /// Events from this instant on (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Events before this instant (RFC 3339)
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    until: Option<String>,
    /// Events at the most: the newest ones
    #[arg(long, value_name = "N", default_value_t = 100, conflicts_with = "follow")]
    limit: usize,
    /// Go on, and print events as they are written
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Events of one page at the most (okta.md 8.1).
const MAX_PAGE: usize = 1000;
/// How long to wait when a poll found nothing new.
const POLL_PAUSE: Duration = Duration::from_secs(1);
/// How long to wait when the server could not be asked.
const RETRY_PAUSE: Duration = Duration::from_secs(3);

/// Prints the log.
///
/// # Errors
/// When the server says no; when it cannot be reached, unless it is being followed.
pub(crate) async fn run(arguments: &Arguments, terminal: &Terminal) -> Result<()> {
    let api = arguments.connection.open()?;
    if arguments.follow {
        return follow(&api, arguments, terminal).await;
    }
    let mut events = newest(&api, arguments).await?;
    events.reverse();
    print(&events, terminal)
}

/// The newest events, newest first.
async fn newest(api: &Api, arguments: &Arguments) -> Result<Vec<Value>> {
    let mut events = Vec::new();
    let size = arguments.limit.min(MAX_PAGE);
    let mut page = Some(query(arguments, &format!("limit={size}&sortOrder=DESCENDING")));
    while let (Some(path), true) = (page, events.len() < arguments.limit) {
        let answer = api.send(Method::GET, &path, None).await?;
        page = answer.next();
        events.extend(items(answer.accepted()?));
    }
    events.truncate(arguments.limit);
    Ok(events)
}

fn query(arguments: &Arguments, rest: &str) -> String {
    let mut path = format!("/api/v1/logs?{rest}");
    let given = [
        ("filter", &arguments.filter),
        ("q", &arguments.q),
        ("since", &arguments.since),
        ("until", &arguments.until),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", escape(value)));
        }
    }
    path
}

fn items(list: Value) -> Vec<Value> {
    if let Value::Array(items) = list { items } else { Vec::new() }
}

/// Polls: the `next` link of each page is the place to go on from (okta.md 8.2).
async fn follow(api: &Api, arguments: &Arguments, terminal: &Terminal) -> Result<()> {
    let mut arguments = arguments.clone();
    arguments.since.get_or_insert_with(|| SystemClock.now().to_string());
    let mut path = query(&arguments, &format!("limit={MAX_PAGE}&sortOrder=ASCENDING"));
    loop {
        let answer = match api.send(Method::GET, &path, None).await {
            Ok(answer) if is_passing(answer.status) => {
                eprintln!("watchfire: the server answers {}; trying again", answer.status.as_u16());
                tokio::time::sleep(pause(&answer)).await;
                continue;
            }
            Ok(answer) => answer,
            Err(error) => {
                eprintln!("watchfire: {error:#}; trying again");
                tokio::time::sleep(RETRY_PAUSE).await;
                continue;
            }
        };
        let next = answer.next();
        let events = items(answer.accepted()?);
        print(&events, terminal)?;
        if let Some(next) = next {
            path = next;
        }
        if events.is_empty() {
            tokio::time::sleep(POLL_PAUSE).await;
        }
    }
}

/// What passes by itself: too many calls, a busy store, a restart behind a proxy.
fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

fn pause(answer: &Answer) -> Duration {
    let told = answer.header("retry-after").and_then(|seconds| seconds.parse().ok());
    told.map_or(RETRY_PAUSE, Duration::from_secs)
}

fn print(events: &[Value], terminal: &Terminal) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let render = |event: &Value| {
        if terminal.json() {
            event.to_string()
        } else {
            line(event, terminal)
        }
    };
    let lines: Vec<String> = events.iter().map(render).collect();
    Ok(terminal.print(&lines.join("\n"))?)
}

/// One event on one line.
pub(crate) fn line(event: &Value, terminal: &Terminal) -> String {
    let at = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let severity = text(event, "severity");
    let outcome = at("/outcome/result");
    let mut parts = vec![
        terminal.paint(Style::Faint, printable(text(event, "published"))),
        terminal.paint(severity_style(severity), format!("{severity:<5}")),
        terminal.paint(Style::Heading, printable(text(event, "eventType"))),
        terminal.paint(outcome_style(outcome), printable(outcome)),
    ];
    let reason = at("/outcome/reason");
    if !reason.is_empty() {
        parts.push(terminal.paint(outcome_style(outcome), printable(reason)));
    }
    parts.push(printable(name(event.get("actor"))));
    let targets = event
        .get("target")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if !targets.is_empty() {
        let names: Vec<String> = targets.iter().map(|target| printable(name(Some(target)))).collect();
        parts.push(format!("-> {}", names.join(", ")));
    }
    let address = at("/client/ipAddress");
    if !address.is_empty() {
        parts.push(terminal.paint(Style::Faint, printable(address)));
    }
    for key in ["risk", "partnerRisk", "riskSignalList"] {
        let value = at(&format!("/debugContext/debugData/{key}"));
        if !value.is_empty() {
            parts.push(terminal.paint(Style::Command, format!("{key}={}", printable(value))));
        }
    }
    parts.join(" ")
}

fn name(entity: Option<&Value>) -> &str {
    let Some(entity) = entity else { return "-" };
    let names = ["alternateId", "displayName", "id"].map(|member| text(entity, member));
    names.into_iter().find(|name| !name.is_empty()).unwrap_or("-")
}

fn severity_style(severity: &str) -> Style {
    match severity {
        "ERROR" => Style::Bad,
        "WARN" => Style::Warning,
        _ => Style::Faint,
    }
}

fn outcome_style(outcome: &str) -> Style {
    match outcome {
        "SUCCESS" | "ALLOW" => Style::Good,
        "FAILURE" | "DENY" | "RATE_LIMIT" => Style::Bad,
        _ => Style::Warning,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let event = json!({
            "published": "2026-08-28T14:31:07.214Z", "severity": "INFO", "eventType": "user.session.start",
            "outcome": {"result": "FAILURE", "reason": "INVALID_CREDENTIALS"},
            "actor": {"id": "00u1", "alternateId": "jo\n\u{1b}[31m@example.com"},
            "client": {"ipAddress": "203.0.113.7"}, "target": [{"id": "00p1", "displayName": "Default Policy"}],
            "debugContext": {"debugData": {"risk": "{level=HIGH}"}},
        });
        let expected = "2026-08-28T14:31:07.214Z INFO  user.session.start FAILURE INVALID_CREDENTIALS \
                        jo\\n\\u{1b}[31m@example.com -> Default Policy 203.0.113.7 risk={level=HIGH}";
        assert_eq!(line(&event, &Terminal::new(true)), expected);
    }
}
