//! Generated events and filters. Both draw from few values, so that they meet.

use std::{net::IpAddr, sync::Arc};

use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};
use watchfire_model::{
    id::{ApiTokenId, ClientId, ReceiptId, RiskProviderId},
    log::{
        Actor, AuthenticationContext, BehaviorResult, ClientContext, EventType, GeographicalContext, Geolocation, IpHop, Issuer,
        LogEvent, Outcome, OutcomeResult, RiskContext, SecurityContext, Severity, Target, Transaction, TransactionType,
        UserAgent, UserBehavior,
    },
    row::{Receipt, Received, Row},
    signal::RiskLevel,
    time::Timestamp,
};

const TEXTS: &[&str] = &[
    "",
    "a",
    "A",
    "ab",
    "Ab-c",
    "b c",
    "é",
    "É",
    "%",
    "_",
    "a%",
    "'",
    "\"",
    "\\",
    "null",
    "0",
    "2",
    "true",
    "rhône-alpes",
];
const IDS: &[&str] = &["00u1", "00u2", "0oa1", "unknown"];
const IPS: &[&str] = &["203.0.113.7", "2001:db8::15", "10.0.0.1"];
const TYPES: &[EventType] = &[
    EventType::UserSessionStart,
    EventType::UserSessionEnd,
    EventType::SecurityRiskSignalConsume,
    EventType::ZoneCreate,
];
const LEVELS: &[RiskLevel] = &[RiskLevel::Low, RiskLevel::High];
const PATHS: &[&str] = &[
    "uuid",
    "eventType",
    "displayMessage",
    "legacyEventType",
    "severity",
    "version",
    "actor.id",
    "actor.type",
    "actor.alternateId",
    "actor.detailEntry.a",
    "client.id",
    "client.device",
    "client.zone",
    "client.ipAddress",
    "client.userAgent.os",
    "client.geographicalContext.city",
    "client.geographicalContext.geolocation.lat",
    "device.id",
    "authenticationContext.credentialType",
    "authenticationContext.authenticationStep",
    "authenticationContext.issuer.id",
    "outcome.result",
    "outcome.reason",
    "target.id",
    "target.type",
    "target.alternateId",
    "target.displayName",
    "target.detailEntry.a",
    "transaction.id",
    "transaction.type",
    "transaction.detail.requestApiTokenId",
    "debugContext.debugData.url",
    "debugContext.debugData.a",
    "debugContext.debugData.riskSignalList",
    "debugContext.debugData.riskSignalSize",
    "securityContext.asNumber",
    "securityContext.asOrg",
    "securityContext.isProxy",
    "securityContext.risk.level",
    "securityContext.risk.reasons",
    "securityContext.userBehaviors.name",
    "request.ipChain.ip",
    "request.ipChain.version",
    "request.ipChain.source",
];

/// The body of a call with one signal.
const BODY: &str = r#"[{"ip":"203.0.113.7","level":"HIGH"}]"#;

/// Reads [`BODY`]: how the real body is read is none of the store's business.
pub(crate) fn read_signals(body: &str) -> Vec<(IpAddr, RiskLevel)> {
    let body: Value = serde_json::from_str(body).unwrap();
    let signal = |it: &Value| {
        let level = RiskLevel::parse(it["level"].as_str().unwrap()).unwrap();
        (it["ip"].as_str().unwrap().parse().unwrap(), level)
    };
    body.as_array().unwrap().iter().map(signal).collect()
}

pub(crate) fn receipt(id: ReceiptId) -> Row {
    Row::Receipt(Receipt {
        id,
        content: Received::RiskEvents {
            provider: RiskProviderId::new("rkp1"),
            signals: Arc::from([]),
        },
        body: Arc::from(BODY),
        received_at: Timestamp::default(),
        expires_at: Timestamp::default(),
    })
}

pub(crate) fn consume(uuid: &str, receipt: &str) -> LogEvent {
    let actor = Actor::client_app(&ClientId::new("0oa1"), "Acme");
    let mut event = LogEvent::new(EventType::SecurityRiskSignalConsume, actor).receipt(ReceiptId::new(receipt));
    event.stamp(uuid.to_owned(), super::START);
    event
}

/// The wire form as the store renders it.
pub(crate) fn rendered(event: &LogEvent) -> Value {
    let signals = event.receipt.is_some().then(|| read_signals(BODY));
    event.render(signals.as_deref())
}

fn text() -> impl Strategy<Value = String> {
    select(TEXTS).prop_map(str::to_owned)
}

fn id() -> impl Strategy<Value = String> {
    select(IDS).prop_map(str::to_owned)
}

fn ip() -> impl Strategy<Value = IpAddr> {
    select(IPS).prop_map(|ip| ip.parse().unwrap())
}

fn place() -> impl Strategy<Value = GeographicalContext> {
    (option::of(text()), option::of(select(vec![0.5, 45.75]))).prop_map(|(city, lat)| GeographicalContext {
        city,
        geolocation: lat.map(|lat| Geolocation { lat, lon: 1.0 }),
        ..GeographicalContext::default()
    })
}

fn client() -> impl Strategy<Value = ClientContext> {
    let agent = option::of(option::of(text()));
    (
        agent,
        option::of(text()),
        option::of(text()),
        option::of(id()),
        option::of(ip()),
        option::of(place()),
    )
        .prop_map(|(agent, zone, device, id, ip_address, geographical_context)| ClientContext {
            user_agent: agent.map(|os| UserAgent {
                raw_user_agent: "x".into(),
                os,
                browser: None,
            }),
            zone,
            device,
            id: id.map(ClientId::new),
            ip_address,
            geographical_context,
        })
}

fn target() -> impl Strategy<Value = Target> {
    let detail = option::of(select(vec![
        json!("a"),
        json!(2),
        json!(null),
        json!(["a", "b c"]),
        json!({}),
    ]));
    (id(), text(), option::of(text()), option::of(text()), detail).prop_map(|(id, kind, alternate_id, display_name, detail)| {
        let mut target = Target::new(&kind, id, "");
        target.alternate_id = alternate_id;
        target.display_name = display_name;
        match detail {
            Some(detail) => target.detail("a", detail),
            None => target,
        }
    })
}

fn hop() -> impl Strategy<Value = IpHop> {
    (ip(), option::of(text())).prop_map(|(ip, source)| IpHop {
        source,
        ..IpHop::new(ip)
    })
}

fn security() -> impl Strategy<Value = SecurityContext> {
    let risk = option::of((select(LEVELS), vec(text(), 0..3)));
    let behaviors = vec((option::of(id()), text()), 0..2);
    (
        option::of(select(vec![1_u32, 2])),
        option::of(text()),
        option::of(any::<bool>()),
        risk,
        behaviors,
    )
        .prop_map(|(as_number, as_org, is_proxy, risk, behaviors)| SecurityContext {
            as_number,
            as_org,
            is_proxy,
            risk: risk.map(|(level, reasons)| RiskContext::new(level, reasons)),
            user_behaviors: behaviors
                .into_iter()
                .map(|(id, name)| UserBehavior {
                    id,
                    name,
                    result: BehaviorResult::Positive,
                })
                .collect(),
            ..SecurityContext::default()
        })
}

fn debug_data() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    vec((select(vec!["url", "a", "b-c"]), text()), 0..3)
}

pub(crate) fn event() -> impl Strategy<Value = LogEvent> {
    let who = (select(TYPES), id(), option::of(text()), select(&Severity::ALL[..]));
    let how = (
        select(&OutcomeResult::ALL[..4]),
        option::of(text()),
        option::of(text()),
        option::of(id()),
    );
    let lists = (vec(target(), 0..3), vec(hop(), 0..3), debug_data());
    let transaction = (any::<bool>(), id(), option::of(id()));
    let rest = (option::of(client()), security(), any::<bool>());
    (who, how, lists, transaction, rest).prop_map(|(who, how, lists, transaction, rest)| {
        let (event_type, actor, alternate, severity) = who;
        let mut event = LogEvent::new(event_type, Actor::new("User", actor, "", "Jo")).severity(severity);
        event.actor.alternate_id = alternate;
        // Unchecked on purpose: an empty reason is `null` on the wire.
        event.outcome = Outcome {
            result: how.0,
            reason: how.1,
        };
        event.authentication_context = AuthenticationContext {
            credential_type: how.2,
            issuer: how.3.map(|id| Issuer { id, kind: "ORG".into() }),
            ..AuthenticationContext::default()
        };
        (event.target, event.ip_chain) = (lists.0, lists.1);
        event.debug_data = lists.2.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        event.transaction = Transaction {
            kind: if transaction.0 {
                TransactionType::Web
            } else {
                TransactionType::Job
            },
            id: transaction.1,
            request_api_token_id: transaction.2.map(ApiTokenId::new),
        };
        (event.client, event.security_context) = (rest.0, rest.1);
        event.receipt = rest.2.then(|| ReceiptId::new("rcp1"));
        event
    })
}

fn literal() -> impl Strategy<Value = String> {
    let known: Vec<String> = [
        TEXTS,
        IDS,
        IPS,
        &[
            "e3",
            "user.session.start",
            "User.Session",
            "SUCCESS",
            "INFO",
            "WEB",
            "V4",
            "HIGH",
        ],
    ]
    .concat()
    .iter()
    .map(|text| json!(text).to_string())
    .collect();
    let other = ["0", "2", "1.5", "45.75", "-1", "true", "false"].map(str::to_owned);
    prop_oneof![4 => select(known), 1 => select(other.to_vec())]
}

fn test() -> impl Strategy<Value = String> {
    let operator = select(vec!["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]);
    prop_oneof![
        2 => select(PATHS).prop_map(|path| format!("{path} pr")),
        1 => select(PATHS).prop_map(|path| format!("{path} eq null")),
        1 => select(PATHS).prop_map(|path| format!("{path} ne null")),
        12 => (select(PATHS), operator, literal()).prop_map(|(path, operator, literal)| format!("{path} {operator} {literal}")),
    ]
}

pub(crate) fn filter() -> impl Strategy<Value = String> {
    test().prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(|members| format!("({})", members.join(" or "))),
            vec(inner.clone(), 2..4).prop_map(|members| format!("({})", members.join(" and "))),
            inner.prop_map(|inner| format!("not ({inner})")),
        ]
    })
}

pub(crate) fn keywords() -> impl Strategy<Value = String> {
    let words = [
        "a",
        "AB",
        "c",
        "é",
        "%",
        "\"",
        "'",
        "\\",
        "00u1",
        "Alpes",
        "rhône-alpes",
        "203.0.113.7",
        "login",
        "e3",
        "absent",
        "2",
    ];
    vec(select(words.to_vec()), 1..3).prop_map(|words| words.join(" "))
}
