//! What is known of an address: what providers say of it, where it is, who signs in from there.

use std::{collections::BTreeMap, net::IpAddr};

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use http::StatusCode;
use watchfire_app::{
    App,
    insight::addresses::{AddressAtRisk, AddressQuery, AddressReport, Membership},
};
use watchfire_model::{
    object::{ProviderAction, ZoneUsage},
    signal::{RiskLevel, parse_ip},
};

use super::{ADDRESSES, address_page, newest, sign_in_page, tone, user_page};
use crate::{
    failure::Failure,
    fields::{Fields, address},
    page::{Frame, render},
    system_log::{self, outcome_tone, short, shown, test},
    visitor::Visitor,
};

/// Sign-ins that are looked at.
const SIGN_INS: &str = "100";
/// Of them, the rows of the page.
const ROWS: usize = 25;
/// Addresses of a page of the list.
const LISTED: u32 = 50;

#[derive(Debug, Template)]
#[template(path = "risk_addresses.html")]
struct FindPage {
    frame: Frame,
    typed: String,
    fault: &'static str,
    counts: watchfire_app::state::AddressCounts,
    /// The least level.
    level: String,
    rows: Vec<ListedRow>,
    next: String,
    log: String,
}

/// An address that providers speak of.
#[derive(Debug)]
struct ListedRow {
    link: String,
    ip: String,
    level: &'static str,
    tone: &'static str,
    said: String,
    country: String,
    received: String,
    expires: String,
}

#[derive(Debug, Template)]
#[template(path = "risk_address.html")]
struct AddressPage {
    frame: Frame,
    ip: String,
    level: &'static str,
    tone: &'static str,
    signals: Vec<SignalRow>,
    facts: Vec<(&'static str, String)>,
    zones: Vec<ZoneRow>,
    sign_ins: Vec<SignInEvent>,
    users: Vec<UserRow>,
    is_cut: bool,
    log: String,
}

#[derive(Debug)]
struct SignalRow {
    provider: String,
    level: &'static str,
    tone: &'static str,
    message: String,
    received: String,
    expires: String,
    use_of_it: &'static str,
    log: String,
}

#[derive(Debug)]
struct ZoneRow {
    name: String,
    is_blocklist: bool,
    is_certain: bool,
}

/// A decision on a sign-in, out of the log.
#[derive(Debug)]
struct SignInEvent {
    time: String,
    link: String,
    login: String,
    user: String,
    result: &'static str,
    tone: &'static str,
    level: &'static str,
    level_tone: &'static str,
    reasons: String,
}

/// Somebody who was seen at the address.
#[derive(Debug)]
struct UserRow {
    link: String,
    login: String,
    count: usize,
    last: String,
}

/// The page that asks for an address.
pub(crate) async fn find(State(app): State<App>, visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let typed = query.get("ip").trim();
    if let Some(ip) = parse_ip(typed) {
        return Ok(Redirect::to(&address_page(&ip.to_string())).into_response());
    }
    let level = query.get("level").to_owned();
    let wanted = AddressQuery {
        least: RiskLevel::parse(&level),
        after: Some(query.get("after").to_owned()).filter(|after| !after.is_empty()),
        limit: LISTED,
    };
    let listed = app.addresses_at_risk(&visitor.session.principal, &wanted).await?;
    let next = listed.next.as_deref();
    let next = next.map(|after| address(ADDRESSES, &[("level", level.as_str()), ("after", after)]));
    Ok(render(&FindPage {
        frame: Frame::new("Addresses", ADDRESSES, &visitor.session),
        typed: short(typed),
        fault: if typed.is_empty() {
            ""
        } else {
            "This is no IP address. Write 203.0.113.7 or 2001:db8::15."
        },
        counts: app.state().signals().addresses(),
        rows: listed.items.iter().map(ListedRow::new).collect(),
        next: next.unwrap_or_default(),
        level,
        log: address(
            system_log::PATH,
            &[("filter", "eventType eq \"security.risk.signal.consume\""), ("range", "24h")],
        ),
    }))
}

/// The page of an address.
pub(crate) async fn show(State(app): State<App>, visitor: Visitor, Path(ip): Path<String>) -> Result<Response, Failure> {
    let caller = &visitor.session.principal;
    let ip = parse_ip(&ip).ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "This is no IP address."))?;
    let report = app.address_report(caller, ip).await?;
    let filter = format!(
        "eventType eq \"policy.evaluate_sign_on\" and {}",
        test("client.ipAddress", &ip.to_string())
    );
    let answer = app.log(caller, &newest(&filter, SIGN_INS)).await?;
    let events: Vec<SignInEvent> = answer.entries.iter().map(|entry| SignInEvent::new(&entry.event)).collect();
    let worst = report
        .signals
        .iter()
        .filter(|it| !it.called_false)
        .map(|it| it.signal.signal.level)
        .max();
    Ok(render(&AddressPage {
        frame: Frame::new("Address", ADDRESSES, &visitor.session),
        level: super::level_name(worst),
        tone: tone(worst),
        facts: facts(&report),
        zones: report.zones.iter().map(ZoneRow::new).collect(),
        signals: signals(&report),
        users: users(&events),
        is_cut: answer.next.is_some() || events.len() > ROWS,
        sign_ins: events.into_iter().take(ROWS).collect(),
        log: log_of(ip),
        ip: report.ip.to_string(),
    }))
}

fn log_of(ip: IpAddr) -> String {
    let filter = test("client.ipAddress", &ip.to_string());
    address(system_log::PATH, &[("filter", filter.as_str()), ("range", "90d")])
}

fn signals(report: &AddressReport) -> Vec<SignalRow> {
    let rows = report.signals.iter().map(|it| {
        let signal = &it.signal;
        let filter = format!(
            "eventType eq \"security.risk.signal.consume\" and {}",
            test("target.id", signal.provider.as_str())
        );
        SignalRow {
            provider: it.name.as_deref().map_or_else(|| signal.provider.to_string(), short),
            level: signal.signal.level.as_str(),
            tone: tone(Some(signal.signal.level)),
            message: shown(signal.signal.message.as_deref().unwrap_or_default()),
            received: signal.received_at.to_string(),
            expires: signal.signal.expires_at.to_string(),
            use_of_it: match it.action {
                _ if it.called_false => "called a false alarm, does not count",
                ProviderAction::EnforceAndLog => "counts at sign-in",
                ProviderAction::LogOnly => "only logged",
                ProviderAction::None => "not used",
            },
            log: address(system_log::PATH, &[("filter", filter.as_str()), ("range", "7d")]),
        }
    });
    rows.collect()
}

fn facts(report: &AddressReport) -> Vec<(&'static str, String)> {
    let (located, place) = (&report.located, &report.located.place);
    let text = |text: &Option<String>| text.as_deref().map(shown).unwrap_or_default();
    let facts = [
        (
            "Country",
            text(&located.country_name.clone().or_else(|| place.country.clone())),
        ),
        ("State", text(&place.state)),
        ("City", text(&place.city)),
        ("Network", place.asn.map(|asn| format!("AS{asn}")).unwrap_or_default()),
        ("Run by", text(&located.organization)),
        (
            "Hosting",
            match place.hosting {
                Some(true) => "machines, VPN exits or relays".to_owned(),
                Some(false) => "none that is known".to_owned(),
                None => String::new(),
            },
        ),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

impl ListedRow {
    fn new(it: &AddressAtRisk) -> Self {
        let ip = it.ip.to_string();
        let said = it.signals.iter().map(|signal| {
            let name = signal
                .name
                .as_deref()
                .map_or_else(|| signal.signal.provider.to_string(), short);
            format!("{name}: {}", signal.signal.signal.level.as_str())
        });
        let time = |time: Option<watchfire_model::time::Timestamp>| time.map(|at| at.to_string()).unwrap_or_default();
        Self {
            link: address_page(&ip),
            level: it.level.as_str(),
            tone: tone(Some(it.level)),
            said: said.collect::<Vec<_>>().join(", "),
            country: it.country.as_deref().map(shown).unwrap_or_default(),
            received: time(it.signals.iter().map(|signal| signal.signal.received_at).max()),
            expires: time(it.signals.iter().map(|signal| signal.signal.signal.expires_at).max()),
            ip,
        }
    }
}

impl ZoneRow {
    fn new((zone, membership): &(watchfire_model::object::Zone, Membership)) -> Self {
        Self {
            name: short(&zone.name),
            is_blocklist: zone.usage == ZoneUsage::Blocklist,
            is_certain: *membership == Membership::Inside,
        }
    }
}

impl SignInEvent {
    fn new(event: &watchfire_model::log::LogEvent) -> Self {
        let risk = event.security_context.risk.as_ref();
        let login = event.actor.alternate_id.as_deref().unwrap_or(&event.actor.id);
        let sign_in = event.debug_data.get("signInId");
        Self {
            time: event.published.to_string(),
            link: sign_in.map_or_else(|| system_log::event_page(&event.uuid), |id| sign_in_page(id)),
            login: short(login),
            user: user_page(&event.actor.id),
            result: event.outcome.result.as_str(),
            tone: outcome_tone(event),
            level: risk.map_or("", |risk| risk.level.as_str()),
            level_tone: tone(risk.map(|risk| risk.level)),
            reasons: shown(&risk.map(|risk| risk.reasons.join(", ")).unwrap_or_default()),
        }
    }
}

/// Everybody in the events, who was there last first.
fn users(events: &[SignInEvent]) -> Vec<UserRow> {
    let mut rows: Vec<UserRow> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for event in events {
        let place = *places.entry(event.user.as_str()).or_insert(rows.len());
        match rows.get_mut(place) {
            Some(row) => row.count = row.count.saturating_add(1),
            None => rows.push(UserRow {
                link: event.user.clone(),
                login: event.login.clone(),
                count: 1,
                last: event.time.clone(),
            }),
        }
    }
    rows
}
