//! The result as a file: CSV for tables, JSON lines and OCSF for programs.

use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::Value;
use watchfire_app::{
    App,
    access::Principal,
    insight::{
        log::{LogEntry, LogQueryParams},
        ocsf,
    },
};

use super::{request::LogRequest, row::named};
use crate::failure::Failure;

/// Events of one file at most; the API has them all.
const MOST: usize = 5_000;
const PAGE: &str = "1000";

const COLUMNS: [&str; 12] = [
    "published",
    "eventType",
    "displayMessage",
    "severity",
    "outcome.result",
    "outcome.reason",
    "actor.id",
    "actor.alternateId",
    "target.id",
    "client.ipAddress",
    "transaction.id",
    "uuid",
];

/// The file.
pub(crate) async fn file(app: &App, caller: &Principal, request: &LogRequest, format: &str) -> Result<Response, Failure> {
    let mut entries: Vec<LogEntry> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let params = LogQueryParams {
            after: after.as_deref(),
            limit: Some(PAGE),
            ..request.params()
        };
        let answer = app.log(caller, &params).await?;
        entries.extend(answer.entries);
        after = answer.next;
        if after.is_none() || entries.len() >= MOST {
            break;
        }
    }
    entries.truncate(MOST);
    let (media_type, name, text) = match format {
        "csv" => ("text/csv; charset=utf-8", "system-log.csv", csv(&entries)),
        "ocsf" => ("application/jsonl", "system-log.ocsf.jsonl", ocsf_lines(&entries)),
        _ => ("application/jsonl", "system-log.jsonl", json_lines(&entries)),
    };
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, text).into_response())
}

fn json_lines(entries: &[LogEntry]) -> String {
    let lines = entries.iter().map(|entry| format!("{}\n", entry.to_wire()));
    lines.collect()
}

/// One event of the Open Cybersecurity Schema Framework a line.
fn ocsf_lines(entries: &[LogEntry]) -> String {
    let lines = entries.iter().map(|entry| format!("{}\n", ocsf::of(entry)));
    lines.collect()
}

fn csv(entries: &[LogEntry]) -> String {
    let header = COLUMNS.join(",");
    let lines = entries.iter().map(|entry| {
        let wire = entry.to_wire();
        let cells = COLUMNS.map(|column| match column {
            "displayMessage" => cell(named(&entry.event)),
            _ => cell(&value(&wire, column)),
        });
        cells.join(",")
    });
    let lines = std::iter::once(header).chain(lines);
    lines.map(|line| line + "\r\n").collect()
}

/// The text at a path; of several targets the first.
fn value(wire: &Value, path: &str) -> String {
    let mut at = wire;
    for name in path.split('.') {
        let inside = at.as_array().and_then(|elements| elements.first()).unwrap_or(at);
        at = inside.get(name).unwrap_or(&Value::Null);
    }
    match at {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A cell as RFC 4180 has it. A spreadsheet would run what begins like a formula.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    if guard.is_empty() && !text.contains(['"', ',', '\r', '\n']) {
        return text.to_owned();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        for (text, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"a\"", "\"say \"\"a\"\"\""),
            ("=HYPERLINK(1)", "\"'=HYPERLINK(1)\""),
            ("@a", "\"'@a\""),
            ("", ""),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
