//! Sign-ins as rows.

use watchfire_model::object::{SignInRecord, SignInVerdict};

use super::{address_page, sign_in_page, tone, words};
use crate::system_log::{short, shown};

/// A sign-in in a list.
#[derive(Debug)]
pub(super) struct SignInRow {
    pub(super) link: String,
    pub(super) at: String,
    pub(super) login: String,
    pub(super) decision: &'static str,
    pub(super) decision_tone: &'static str,
    pub(super) score: u8,
    pub(super) level: &'static str,
    pub(super) level_tone: &'static str,
    pub(super) ip: String,
    pub(super) ip_link: String,
    pub(super) place: String,
    pub(super) reasons: String,
    pub(super) state: String,
    pub(super) application: String,
}

impl SignInRow {
    pub(super) fn new(record: &SignInRecord) -> Self {
        let ip = record.client.ip.to_string();
        Self {
            link: sign_in_page(record.id.as_str()),
            at: record.at.to_string(),
            login: short(&record.login),
            decision: record.asked.decision.as_str(),
            decision_tone: decision_tone(record.asked.decision),
            score: record.risk.score,
            level: record.risk.level.as_str(),
            level_tone: tone(Some(record.risk.level)),
            ip_link: address_page(&ip),
            ip,
            place: place(record),
            reasons: shown(&record.risk.reasons.join(", ")),
            state: words::state(record.state.as_str()).to_owned(),
            application: short(record.application.as_deref().unwrap_or_default()),
        }
    }
}

/// City and country, as far as they are known.
pub(super) fn place(record: &SignInRecord) -> String {
    let parts = [&record.client.city, &record.client.country];
    let parts: Vec<String> = parts.into_iter().flatten().map(|part| shown(part)).collect();
    parts.join(", ")
}

const fn decision_tone(decision: SignInVerdict) -> &'static str {
    match decision {
        SignInVerdict::Allow => "good",
        SignInVerdict::Challenge => "warn",
        SignInVerdict::Deny => "bad",
    }
}
