//! A rule that is tried on recorded sign-ins before it is kept: what would have been decided otherwise.

use std::time::Duration;

use axum::{extract::Path, response::Response};
use serde_json::{Map, Value, json};
use watchfire_model::time::Timestamp;

use super::{PATH, TITLE};
use crate::{
    api::{Refusal, segment},
    failure::Failure,
    set_up::{Cell, Link, Part, Row, SetUp, Table, list_at, text_at},
    visitor::Visitor,
};

const API: &str = "/watchfire/v1/simulations";
/// Changed sign-ins that are shown.
const EXAMPLES: u32 = 20;
const DAY: u64 = 24 * 3_600;

/// What is tried.
pub(super) struct Trial<'a> {
    pub(super) rule: Value,
    pub(super) policy: &'a str,
    /// How many days back; empty for all.
    pub(super) range: &'a str,
    pub(super) now: Timestamp,
}

impl Trial<'_> {
    pub(super) async fn run(&self, visitor: &Visitor) -> Result<Value, Refusal> {
        let mut rule = self.rule.clone();
        if let Some(members) = rule.as_object_mut() {
            members.insert("policyId".to_owned(), self.policy.into());
        }
        let mut asked = json!({"base": "CURRENT", "draft": {"rules": [rule]}, "limit": EXAMPLES});
        let days = self.range.parse::<u64>().ok();
        if let (Some(days), Some(members)) = (days, asked.as_object_mut()) {
            let since = self.now.minus(Duration::from_secs(days.min(365).saturating_mul(DAY)));
            members.insert("since".to_owned(), since.to_string().into());
        }
        visitor.api.post(API, &asked).await
    }
}

/// A simulation by itself: one that was still running when the form came back.
pub(super) async fn show(visitor: Visitor, Path(id): Path<String>) -> Result<Response, Failure> {
    let simulation = visitor.api.get(&format!("{API}/{}", segment(&id))).await?;
    let page = SetUp::new(&visitor, TITLE, PATH).of("Trial");
    Ok(parts(&simulation).into_iter().fold(page, SetUp::part).into_page())
}

/// What came out.
pub(super) fn parts(simulation: &Value) -> Vec<Part> {
    let heading = Part::Heading("On recorded sign-ins");
    let Some(result) = simulation.get("result").filter(|result| result.is_object()) else {
        let percent = simulation.pointer("/progress/percent").map(ToString::to_string);
        let text = format!("It is still at work: {} % of the range is read.", percent.unwrap_or_default());
        let address = format!("/admin/security/simulations/{}", text_at(simulation, "/id"));
        return vec![
            heading,
            Part::Text(text),
            Part::Links(vec![Link::to(&address, "See how far it is")]),
        ];
    };
    let number = |pointer: &str| result.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    let skipped = number("/skipped/otherVersion").saturating_add(number("/skipped/withoutPolicies"));
    let verdict = match (number("/compared"), number("/changed")) {
        (0, _) => "There is no recorded sign-in in this range to try it on.".to_owned(),
        (compared, 0) => format!("Nothing would have been decided otherwise: {compared} sign-ins were tried."),
        (compared, changed) => format!(
            "{changed} of {compared} sign-ins would have been decided otherwise, of {} users.",
            number("/users/affected")
        ),
    };
    let mut parts = vec![heading, Part::Text(verdict)];
    if skipped > 0 {
        parts.push(Part::Text(format!("{skipped} more could not be decided again.")));
    }
    if number("/compared") > 0 {
        parts.push(Part::Table(decisions(result)));
    }
    if !list_at(result, "/examples").is_empty() {
        parts.push(Part::Heading("Changed sign-ins"));
        parts.push(Part::Table(examples(result)));
    }
    parts
}

/// From what to what, and how often.
fn decisions(result: &Value) -> Table {
    let empty = Map::new();
    let rows = result.get("decisions").and_then(Value::as_object).unwrap_or(&empty);
    let rows = rows.iter().flat_map(|(was, row)| {
        let columns = row.as_object().into_iter().flatten();
        columns.map(move |(is, count)| {
            let mark = if was == is {
                Cell::text("")
            } else {
                Cell::Badge("warn", "changed".to_owned())
            };
            Row::new(vec![
                Cell::status(was),
                Cell::status(is),
                Cell::text(&count.to_string()),
                mark,
            ])
        })
    });
    Table::new("Decisions", &["Was", "Would be", "Sign-ins", ""], "").rows(rows)
}

fn examples(result: &Value) -> Table {
    let rows = list_at(result, "/examples").iter().map(|example| {
        let side = |side: &str| {
            let at = |member: &str| text_at(example, &format!("/{side}/{member}")).to_owned();
            let score = example.pointer(&format!("/{side}/score")).map(ToString::to_string);
            vec![
                format!("{} ({} {})", at("decision"), at("level"), score.unwrap_or_default()),
                at("rule"),
            ]
        };
        Row::new(vec![
            Cell::time_at(example, "/at"),
            Cell::at(example, "/login"),
            Cell::Lines(side("before")),
            Cell::Lines(side("after")),
        ])
    });
    Table::new("Changed sign-ins", &["When", "User", "Was", "Would be"], "").rows(rows)
}
