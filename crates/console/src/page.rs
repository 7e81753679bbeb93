//! What every page has: the navigation, a title, who is signed in.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use watchfire_app::identity::console::ConsoleSession;

use crate::{
    assets::{LINKS, Links},
    failure::Failure,
    system_log::shown,
    visitor::Visitor,
};

/// A place in the navigation.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) label: &'static str,
    pub(crate) path: &'static str,
}

/// A part of the navigation.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) label: &'static str,
    pub(crate) places: &'static [Place],
}

/// The navigation, as the guides name its parts; a part without places is left out.
pub(crate) const NAVIGATION: &[Section] = &[
    section("", &[place("Overview", "/admin")]),
    section("Reports", &[place("System Log", "/admin/reports/system-log")]),
    section(
        "Risk",
        &[
            place("Users at risk", "/admin/risk/users"),
            place("Addresses", "/admin/risk/addresses"),
        ],
    ),
    section(
        "Directory",
        &[
            place("People", "/admin/directory/people"),
            place("Groups", "/admin/directory/groups"),
        ],
    ),
    section(
        "Security",
        &[
            place("Service apps", "/admin/security/apps"),
            place("Risk providers", "/admin/security/risk-providers"),
            place("Device integrations", "/admin/security/device-integrations"),
            place("Sign-on policies", "/admin/security/policies"),
            place("Entity risk policy", "/admin/security/entity-risk"),
            place("Risk settings", "/admin/security/risk-settings"),
            place("Networks", "/admin/security/zones"),
            place("Behavior detection", "/admin/security/behaviors"),
        ],
    ),
    section(
        "Actions",
        &[
            place("Approvals", "/admin/actions/queue"),
            place("Dead letters", "/admin/actions/dead-letters"),
            place("Event hooks", "/admin/actions/hooks"),
            place("Workflows", "/admin/actions/workflows"),
        ],
    ),
    section(
        "Settings",
        &[
            place("Administrators", "/admin/settings/administrators"),
            place("Sign-in", "/admin/settings/sign-in"),
            place("Your passkeys", "/admin/settings/passkeys"),
            place("API tokens", "/admin/settings/api-tokens"),
            place("Log streams", "/admin/settings/log-streams"),
            place("Server", "/admin/settings/server"),
            place("API reference", "/docs"),
        ],
    ),
];

const fn section(label: &'static str, places: &'static [Place]) -> Section {
    Section { label, places }
}

const fn place(label: &'static str, path: &'static str) -> Place {
    Place { label, path }
}

/// The frame of a page of somebody who is signed in.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) title: &'static str,
    pub(crate) path: &'static str,
    pub(crate) name: String,
    pub(crate) role: &'static str,
    pub(crate) csrf: String,
    pub(crate) links: &'static Links,
    pub(crate) navigation: &'static [Section],
}

impl Frame {
    pub(crate) fn new(title: &'static str, path: &'static str, session: &ConsoleSession) -> Self {
        Self {
            title,
            path,
            name: shown(&session.name),
            role: session.role.label(),
            csrf: session.csrf.clone(),
            links: &LINKS,
            navigation: NAVIGATION,
        }
    }
}

/// A page with one message and no navigation.
#[derive(Debug, Template)]
#[template(path = "notice.html")]
pub(crate) struct Notice<'a> {
    status: StatusCode,
    text: &'a str,
    links: &'static Links,
}

impl<'a> Notice<'a> {
    pub(crate) fn new(status: StatusCode, text: &'a str) -> Self {
        Self {
            status,
            text,
            links: &LINKS,
        }
    }

    fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Error")
    }

    pub(crate) fn into_page(self) -> Response {
        let status = self.status;
        (status, render(&self)).into_response()
    }
}

/// A template as an answer.
pub(crate) fn render(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "a page was not rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A page that takes no such call.
pub(crate) async fn wrong_method() -> Failure {
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "This page cannot be asked for in this way.")
}

/// A path that is no page. Who is not signed in is not told which ones are.
pub(crate) async fn unknown(_: Visitor) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "There is no such page.")
}
