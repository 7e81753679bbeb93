//! A sign-in's page: its score at a glance, what it is made of, which rules were asked.

use std::time::Duration;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use serde_json::Value;
use watchfire_app::{
    App,
    insight::sign_ins::{Recomputed, recomputed},
};
use watchfire_model::object::{AskedBy, SignInRecord};

use super::{
    USERS,
    feedback::{self, Opinion},
    newest, sign_in_page,
    sign_ins::{SignInRow, place},
    tone, user_page,
    waterfall::{self, Step},
    words,
};
use crate::{
    failure::Failure,
    fields::address,
    page::{Frame, render},
    system_log::{self, short, shown, test},
    visitor::Visitor,
};

/// How far the log's events about a sign-in may be from its own time: another identity provider may ask up
/// to ten minutes later.
const AROUND: Duration = Duration::from_secs(15 * 60);

#[derive(Debug, Template)]
#[template(path = "risk_sign_in.html")]
struct SignInPage {
    frame: Frame,
    row: SignInRow,
    id: String,
    user: String,
    policy: String,
    rule: String,
    reasons: Vec<String>,
    /// Where MEDIUM and HIGH begin.
    thresholds: Option<(u8, u8)>,
    /// Whether the recorded numbers come to this verdict again.
    matches: Option<bool>,
    evidence: String,
    steps: Vec<Step>,
    floors: Vec<String>,
    counterfactual: Option<Counterfactual>,
    partners: Vec<Partner>,
    behaviors: Vec<(String, &'static str, String)>,
    rules: Vec<RuleRow>,
    /// Rules that were asked before those, of which nothing is known any more.
    rules_unknown: usize,
    facts: Vec<(&'static str, String)>,
    log: Option<LogLinks>,
    own: String,
    may_judge: bool,
    opinion: Option<Opinion>,
}

/// What it would have been, had the providers counted that are only logged.
#[derive(Debug)]
struct Counterfactual {
    score: u64,
    level: String,
    tone: &'static str,
    reasons: Vec<String>,
    partners: Vec<Partner>,
}

/// What a provider says of the address.
#[derive(Debug)]
struct Partner {
    name: String,
    level: String,
    tone: &'static str,
    reason: String,
}

/// A rule that was asked.
#[derive(Debug)]
struct RuleRow {
    name: String,
    matched: bool,
    only_watches: bool,
    decision: String,
    conditions: Vec<ConditionRow>,
}

#[derive(Debug)]
struct ConditionRow {
    name: String,
    asks: String,
    got: String,
    result: bool,
    unknown: bool,
}

/// Where the log has it.
#[derive(Debug)]
struct LogLinks {
    event: String,
    transaction: String,
}

/// The page.
pub(crate) async fn show(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Result<Response, Failure> {
    let record = app.sign_in_record(&visitor.session.principal, &id).await?;
    let rules = app.rules_asked(&visitor.session.principal, &record).await?;
    let again = recomputed(&record);
    let again = again.as_ref();
    let assessment = again.map(|again| &again.assessment);
    let wire = |value: Result<Value, serde_json::Error>| value.unwrap_or_default();
    let factors = assessment
        .map(|it| wire(serde_json::to_value(&it.factors)))
        .unwrap_or_default();
    let partners = assessment
        .map(|it| wire(serde_json::to_value(&it.partner_risk)))
        .unwrap_or_default();
    let counterfactual = assessment.and_then(|it| it.counterfactual.as_ref());
    let counterfactual = counterfactual.map(|it| Counterfactual::new(&wire(serde_json::to_value(it))));
    let asked = &record.asked;
    Ok(render(&SignInPage {
        frame: Frame::new("Sign-in", USERS, &visitor.session),
        row: SignInRow::new(&record),
        user: user_page(record.user_id.as_str()),
        policy: asked.policy.as_ref().map(|it| short(&it.name)).unwrap_or_default(),
        rule: asked.rule.as_ref().map(|it| short(&it.name)).unwrap_or_default(),
        reasons: record.risk.reasons.iter().map(|reason| shown(reason)).collect(),
        thresholds: again.map(|again| again.thresholds),
        matches: again.map(|again| again.matches),
        evidence: again.map(|again| format!("{:+.2}", again.evidence)).unwrap_or_default(),
        steps: waterfall::steps(list(&factors)),
        floors: again.map(floors).unwrap_or_default(),
        counterfactual,
        partners: list(&partners).iter().map(Partner::new).collect(),
        behaviors: record.risk.behaviors.iter().map(behavior).collect(),
        rules_unknown: rules.count.saturating_sub(rules.rules.len()),
        rules: rules.rules.iter().map(RuleRow::new).collect(),
        facts: facts(&record),
        log: log_links(&app, &visitor, &record).await?,
        own: sign_in_page(record.id.as_str()),
        may_judge: feedback::may(&visitor),
        opinion: feedback::on(&visitor, record.id.as_str()).await,
        id: record.id.into(),
    }))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(of: &Value, name: &str) -> String {
    shown(of.get(name).and_then(Value::as_str).unwrap_or_default())
}

fn flag(of: &Value, name: &str) -> bool {
    of.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn tone_of(level: &str) -> &'static str {
    tone(watchfire_model::signal::RiskLevel::parse(level))
}

fn floors(again: &Recomputed) -> Vec<String> {
    let said = again.floors.iter().map(|(rule, level)| {
        let rule = words::factor(rule);
        format!("{rule}: at least {}", level.as_str())
    });
    said.collect()
}

fn behavior((name, result): (&String, &String)) -> (String, &'static str, String) {
    let (tone, said) = match result.as_str() {
        "POSITIVE" => ("warn", "unusual"),
        "NEGATIVE" => ("good", "as usual"),
        "UNKNOWN" => ("", "not enough history"),
        "BAD_REQUEST" => ("", "not enough data"),
        other => ("", other),
    };
    (shown(name), tone, said.to_owned())
}

impl Partner {
    fn new(of: &Value) -> Self {
        let level = text(of, "level");
        Self {
            name: text(of, "name"),
            tone: tone_of(&level),
            level,
            reason: text(of, "reasons"),
        }
    }
}

impl Counterfactual {
    fn new(of: &Value) -> Self {
        let level = text(of, "level");
        let member = |name: &str| of.get(name).map(list).unwrap_or_default();
        Self {
            score: of.get("score").and_then(Value::as_u64).unwrap_or_default(),
            tone: tone_of(&level),
            level,
            reasons: member("reasons").iter().filter_map(Value::as_str).map(shown).collect(),
            partners: member("partner_risk").iter().map(Partner::new).collect(),
        }
    }
}

impl RuleRow {
    fn new(of: &Value) -> Self {
        let conditions = of.get("conditions").map(list).unwrap_or_default();
        Self {
            // A rule that is gone with the policies of its time has its id.
            name: short(
                of.get("name")
                    .or_else(|| of.get("id"))
                    .and_then(Value::as_str)
                    .unwrap_or_default(),
            ),
            matched: flag(of, "matched"),
            only_watches: of
                .get("mode")
                .and_then(Value::as_str)
                .is_some_and(|mode| mode.eq_ignore_ascii_case("monitor")),
            decision: text(of, "decision"),
            conditions: conditions.iter().map(ConditionRow::new).collect(),
        }
    }
}

impl ConditionRow {
    fn new(of: &Value) -> Self {
        Self {
            name: words::condition(of.get("condition").and_then(Value::as_str).unwrap_or_default()).to_owned(),
            asks: text(of, "asks"),
            got: text(of, "got"),
            result: flag(of, "result"),
            unknown: flag(of, "unknown"),
        }
    }
}

fn facts(record: &SignInRecord) -> Vec<(&'static str, String)> {
    let client = &record.client;
    let learnt = match record
        .lesson
        .as_ref()
        .map(|it| (it.learnt_at.is_some(), it.taken_back_at.is_some()))
    {
        Some((true, false)) => "it belongs to what is known of the user now",
        Some((true, true)) => "it was learnt and taken back",
        _ => "nothing",
    };
    let facts = [
        ("Place", place(record)),
        ("Network", client.asn.map(|asn| format!("AS{asn}")).unwrap_or_default()),
        (
            "Hosting",
            if client.hosting {
                "machines, VPN exits or relays".to_owned()
            } else {
                String::new()
            },
        ),
        ("User agent", shown(client.user_agent.as_deref().unwrap_or_default())),
        (
            "Device token",
            client
                .device_token_hash
                .as_ref()
                .map(|_| "shown".to_owned())
                .unwrap_or_default(),
        ),
        ("Application", shown(record.application.as_deref().unwrap_or_default())),
        (
            "Asked by",
            match &record.asked_by {
                AskedBy::Authn => "our own sign-in".to_owned(),
                AskedBy::Caller(id) => shown(id),
            },
        ),
        ("Ended", words::state(record.state.as_str()).to_owned()),
        ("Learnt", learnt.to_owned()),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// The event of the decision, and with it the transaction.
async fn log_links(app: &App, visitor: &Visitor, record: &SignInRecord) -> Result<Option<LogLinks>, Failure> {
    let filter = format!(
        "eventType eq \"policy.evaluate_sign_on\" and {} and {}",
        test("actor.id", record.user_id.as_str()),
        test("debugContext.debugData.signInId", record.id.as_str())
    );
    let (since, until) = (record.at.minus(AROUND).to_string(), record.at.plus(AROUND).to_string());
    let params = watchfire_app::insight::log::LogQueryParams {
        since: Some(&since),
        until: Some(&until),
        ..newest(&filter, "1")
    };
    let answer = app.log(&visitor.session.principal, &params).await?;
    Ok(answer.entries.first().map(|entry| {
        let transaction = test("transaction.id", &entry.event.transaction.id);
        LogLinks {
            event: system_log::event_page(&entry.event.uuid),
            transaction: address(
                system_log::PATH,
                &[
                    ("filter", transaction.as_str()),
                    ("since", since.as_str()),
                    ("until", until.as_str()),
                ],
            ),
        }
    }))
}
