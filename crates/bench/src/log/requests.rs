//! What is asked.

use std::time::Duration;

use url::form_urlencoded::Serializer;
use watchfire_app::Clock as _;
use watchfire_engine::generate::log::{RARE_WORD, persona};

use super::DAYS;
use crate::{machine::SystemClock, server::TOKEN};

/// One kind of request.
pub(super) struct Question {
    pub(super) name: &'static str,
    /// Taken in turn.
    pub(super) paths: Vec<String>,
    pub(super) headers: Vec<(&'static str, String)>,
}

const LOGS: &str = "/api/v1/logs";
const SYSTEM_LOG: &str = "/admin/reports/system-log";
const TYPES: [&str; 5] = [
    "user.session.start",
    "policy.evaluate_sign_on",
    "security.risk.signal.consume",
    "user.account.lock",
    "zone.create",
];

/// Calls of `GET /api/v1/logs`.
pub(super) fn api(events: u64) -> Vec<Question> {
    let ask = |name, paths| Question {
        name,
        paths,
        headers: vec![("Authorization", format!("SSWS {TOKEN}"))],
    };
    let newest = |more: &[(&str, &str)]| {
        let since = before(DAYS * 24);
        let mut parameters = vec![("since", since.as_str()), ("sortOrder", "DESCENDING")];
        parameters.extend_from_slice(more);
        path(LOGS, &parameters)
    };
    let filtered = |filter: String| newest(&[("filter", &filter)]);
    let users = || (0..50).map(|number| persona(number * 37));
    vec![
        ask("type and a day, oldest first", days("ASCENDING")),
        ask("type and a day, newest first", days("DESCENDING")),
        ask("type, newest of 30 days", TYPES.map(|it| filtered(type_is(it))).to_vec()),
        ask(
            "a user",
            users().map(|it| filtered(format!("actor.id eq \"{}\"", it.id))).collect(),
        ),
        ask(
            "a target",
            users().map(|it| filtered(format!("target.id eq \"{}\"", it.id))).collect(),
        ),
        ask(
            "an address",
            (0..50)
                .map(|it| filtered(format!("client.ipAddress eq \"198.18.0.{it}\"")))
                .collect(),
        ),
        ask("nobody", vec![filtered("actor.id eq \"00uNobody\"".to_owned())]),
        ask(
            "words: common",
            ["firefox", "berlin", "success", "anomalous"]
                .map(|q| newest(&[("q", q)]))
                .to_vec(),
        ),
        ask("words: rare", vec![newest(&[("q", RARE_WORD)])]),
        ask("words: none has it", vec![newest(&[("q", "nonesuch")])]),
        ask(
            "words: two",
            ["anomalous location", "ada bauer", "partner risk"]
                .map(|q| newest(&[("q", q)]))
                .to_vec(),
        ),
        ask("words: a login", users().map(|it| newest(&[("q", &it.login)])).collect()),
        ask(
            "word and type",
            TYPES.map(|it| newest(&[("q", "berlin"), ("filter", &type_is(it))])).to_vec(),
        ),
        ask(
            "no index: a reason",
            vec![filtered("outcome.reason eq \"INVALID_CREDENTIALS\"".to_owned())],
        ),
        ask(
            "no index: nothing has it",
            vec![filtered("outcome.reason eq \"NONESUCH\"".to_owned())],
        ),
        ask(
            "a poll for what is new",
            vec![path(LOGS, &[("after", &format!("{events:016x}"))])],
        ),
    ]
}

/// Pages of the Admin Console.
pub(super) fn pages(cookie: &str) -> Vec<Question> {
    let ask = |name, paths| Question {
        name,
        paths,
        headers: vec![("Cookie", cookie.to_owned())],
    };
    let log = |parameters: &[(&str, &str)]| vec![path(SYSTEM_LOG, parameters)];
    let types = |range: &str| {
        let one = |it: &&str| path(SYSTEM_LOG, &[("filter", &type_is(it)), ("range", range)]);
        TYPES.iter().map(one).collect()
    };
    let mut all = vec![
        ask("page: Overview", vec!["/admin".to_owned()]),
        ask("page: Overview, 7 days", vec!["/admin?range=7d".to_owned()]),
        ask("page: System Log", log(&[])),
        ask("page: System Log, 30 days", log(&[("range", "30d")])),
        ask("page: System Log, type, 7 days", types("7d")),
        ask("page: System Log, type, 30 days", types("30d")),
        ask("page: System Log, common word", log(&[("q", "firefox"), ("range", "30d")])),
        ask("page: System Log, rare word", log(&[("q", RARE_WORD), ("range", "30d")])),
        ask("page: System Log, two words", log(&[("q", "ada bauer"), ("range", "30d")])),
        ask(
            "page: System Log, no index",
            log(&[("filter", "severity eq \"WARN\""), ("range", "30d")]),
        ),
        ask(
            "fragment: the live tail, asked",
            log(&[]).iter().map(|it| format!("{it}/tail?range=15m")).collect(),
        ),
        ask(
            "page: an address",
            (0..50).map(|it| format!("/admin/risk/addresses/198.18.0.{it}")).collect(),
        ),
    ];
    all.extend(REST.map(|(name, path)| ask(name, vec![path.to_owned()])));
    all
}

const REST: [(&str, &str); 22] = [
    ("page: Users at risk", "/admin/risk/users"),
    ("page: Addresses", "/admin/risk/addresses"),
    ("page: People", "/admin/directory/people"),
    ("page: Groups", "/admin/directory/groups"),
    ("page: Service apps", "/admin/security/apps"),
    ("page: Risk providers", "/admin/security/risk-providers"),
    ("page: Device integrations", "/admin/security/device-integrations"),
    ("page: Streams", "/admin/security/streams"),
    ("page: Sign-on policies", "/admin/security/policies"),
    ("page: Entity risk policy", "/admin/security/entity-risk"),
    ("page: Risk settings", "/admin/security/risk-settings"),
    ("page: Networks", "/admin/security/zones"),
    ("page: Behavior detection", "/admin/security/behaviors"),
    ("page: Approvals", "/admin/actions/queue"),
    ("page: Dead letters", "/admin/actions/dead-letters"),
    ("page: Event hooks", "/admin/actions/hooks"),
    ("page: Workflows", "/admin/actions/workflows"),
    ("page: Administrators", "/admin/settings/administrators"),
    ("page: API tokens", "/admin/settings/api-tokens"),
    ("page: Server", "/admin/settings/server"),
    ("page: a new provider", "/admin/security/device-integrations/new"),
    ("the words of the query box", "/admin/reports/system-log/words"),
];

/// Each type on days that lie apart.
fn days(order: &str) -> Vec<String> {
    let day = |number: u64, name: &str| {
        let (since, until) = (before(24 * (number + 1)), before(24 * number));
        let filter = type_is(name);
        let parameters = [
            ("filter", filter.as_str()),
            ("since", &since),
            ("until", &until),
            ("sortOrder", order),
        ];
        path(LOGS, &parameters)
    };
    let numbers = (0..DAYS).map(|it| it * 7 % DAYS);
    numbers
        .zip(TYPES.iter().cycle())
        .map(|(number, name)| day(number, name))
        .collect()
}

fn type_is(name: &str) -> String {
    format!("eventType eq \"{name}\"")
}

/// So many hours ago.
fn before(hours: u64) -> String {
    SystemClock.now().minus(Duration::from_secs(hours * 3_600)).to_string()
}

fn path(path: &str, parameters: &[(&str, &str)]) -> String {
    let query = Serializer::new(String::new()).extend_pairs(parameters).finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}
