//! Security > Device integrations > Receive shared signals: who sends Security Event Tokens.

mod provider;
mod wizard;

use axum::{
    Router,
    response::Response,
    routing::{get, post},
};
use serde_json::Value;
use watchfire_app::App;

use crate::{
    failure::Failure,
    fields::Fields,
    form::Choice,
    set_up::{Cell, Link, Part, Row, SetUp, Table, text_at},
    visitor::Visitor,
};

pub(super) const PATH: &str = "/admin/security/device-integrations";
const NEW: &str = "/admin/security/device-integrations/new";
const API: &str = "/api/v1/security-events-providers";
/// What Okta's API has no room for.
const OURS: &str = "/watchfire/v1/security-events-providers";
const TITLE: &str = "Receive shared signals";
const MANAGE: &str = "okta.securityEventsProviders.manage";

/// A kind of sender: what its tokens look like.
pub(super) struct Profile {
    /// As the API has it.
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    about: &'static str,
}

pub(super) const PROFILES: &[Profile] = &[
    profile(
        "okta",
        "Okta's receiver",
        "What Okta's own receiver takes: the choice for a vendor that says it works with Okta.",
    ),
    profile("standard", "SSF 1.0", "The Shared Signals Framework to the letter."),
    profile(
        "interop",
        "SSF interoperability profile",
        "What vendors showed each other at interoperability events.",
    ),
    profile(
        "google-risc",
        "Google RISC",
        "Cross-Account Protection: accounts that were hijacked or disabled.",
    ),
    profile(
        "legacy-sse",
        "Older SSE drafts",
        "Senders with subject_type for format, and older names of events.",
    ),
    profile("authentik", "authentik", "What authentik sends."),
    profile("caep.dev", "caep.dev", "The public test transmitter."),
];

const fn profile(name: &'static str, label: &'static str, about: &'static str) -> Profile {
    Profile { name, label, about }
}

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(list))
        .route(NEW, get(wizard::show).post(wizard::take))
        .route(
            "/admin/security/device-integrations/{id}",
            get(provider::show).post(provider::replace),
        )
        .route("/admin/security/device-integrations/{id}/test", post(provider::test))
        .route(
            "/admin/security/device-integrations/{id}/profile",
            post(provider::replace_profile),
        )
        .route("/admin/security/device-integrations/{id}/{step}", post(provider::change))
}

/// The two sides of this part of the console.
pub(super) fn tabs() -> Part {
    Part::Links(vec![
        Link::to(PATH, "Receive shared signals"),
        Link::to(super::streams::PATH, "Incoming streams"),
    ])
}

async fn list(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let providers = visitor.api.list(API).await?.items;
    let rows = providers.iter().map(|provider| {
        Row::new(vec![
            Cell::link(&format!("{PATH}/{}", text_at(provider, "/id")), text_at(provider, "/name")),
            Cell::at(provider, "/type"),
            Cell::code(text_at(provider, "/settings/issuer")),
            Cell::status(text_at(provider, "/status")),
        ])
    });
    let empty =
        "Nobody shares signals yet. Have the vendor's well-known URL, or its issuer and JWKS URL, at hand and create a provider.";
    let table = Table::new(TITLE, &["Name", "Type", "Issuer", "Status"], empty).rows(rows);
    let page = SetUp::new(&visitor, TITLE, PATH)
        .intro("A security events provider is a vendor whose Security Event Tokens are heard. What it reports is in the System Log as “Partner reported risk”.")
        .done(&query)
        .part(tabs())
        .part(Part::Table(table))
        .part_if(visitor.may(MANAGE), || Part::Links(vec![Link::to(NEW, "Create provider")]));
    Ok(page.into_page())
}

/// Every kind of sender, to choose from.
fn profiles() -> Vec<Choice> {
    PROFILES
        .iter()
        .map(|profile| Choice::new(profile.name, profile.label))
        .collect()
}

/// What a test has found.
fn findings(found: &Value) -> Vec<Part> {
    let at = |pointer: &str| Cell::code(text_at(found, pointer));
    let list = |pointer: &str| {
        found
            .pointer(pointer)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice)
    };
    let mut facts = Vec::new();
    if !text_at(found, "/issuer").is_empty() {
        facts.push(("Issuer", at("/issuer")));
        facts.push(("Keys are at", at("/jwks_url")));
    }
    if found.pointer("/issuer_differs") == Some(&Value::Bool(true)) {
        let text = "The metadata names another issuer than its address stands for. Ask the vendor.";
        facts.push(("Look at this", Cell::Badge("warn", text.to_owned())));
    }
    let used = list("/keys").iter().map(|key| {
        let algorithms: Vec<&str> = crate::set_up::texts_at(key, "/algorithms");
        Row::new(vec![
            Cell::code(text_at(key, "/kid")),
            Cell::text(&algorithms.join(", ")),
            Cell::code(text_at(key, "/thumbprint")),
            Cell::Badge("good", "used".to_owned()),
        ])
    });
    let rejected = list("/rejected").iter().map(|key| {
        Row::new(vec![
            Cell::code(text_at(key, "/kid")),
            Cell::text(text_at(key, "/reason")),
            Cell::text(""),
            Cell::Badge("warn", "not used".to_owned()),
        ])
    });
    let keys = Table::new("Keys", &["Key ID", "Algorithms", "Thumbprint", ""], "The key set has no key.")
        .rows(used)
        .rows(rejected);
    let verdict = if list("/keys").is_empty() {
        "The connection works, but no key of the set can be used: no token would be accepted."
    } else {
        "The connection works: tokens that these keys sign are accepted."
    };
    vec![
        Part::Heading("Connection test"),
        Part::Text(verdict.to_owned()),
        Part::Facts(facts),
        Part::Table(keys),
    ]
}
