//! What people say of findings: that there was an attacker, or that it was a false alarm.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use watchfire_app::App;

use super::USERS;
use crate::{
    api::segment,
    failure::Failure,
    fields::{Form, address},
    system_log::{short, shown},
    visitor::Visitor,
};

const PATH: &str = "/watchfire/v1/feedback";
/// The scope that gives it.
const MANAGE: &str = "watchfire.feedback.manage";
/// The pages that a form may lead back to.
const PAGES: &str = "/admin/risk/";

/// An opinion on a finding.
#[derive(Debug)]
pub(super) struct Opinion {
    pub(super) id: String,
    /// What it is about.
    pub(super) subject: String,
    pub(super) is_attack: bool,
    pub(super) by: String,
    pub(super) at: String,
    pub(super) reason: String,
}

/// Whether the visitor may have one.
pub(super) fn may(visitor: &Visitor) -> bool {
    visitor.may(MANAGE)
}

/// The opinion on a sign-in.
pub(super) async fn on(visitor: &Visitor, sign_in: &str) -> Option<Opinion> {
    opinions(visitor, &[("subject", sign_in)]).await.into_iter().next()
}

/// The opinions on findings about a user.
pub(super) async fn about(visitor: &Visitor, user: &str) -> Vec<Opinion> {
    opinions(visitor, &[("userId", user), ("limit", "200")]).await
}

/// A page that cannot say what others think says the rest.
async fn opinions(visitor: &Visitor, asked: &[(&str, &str)]) -> Vec<Opinion> {
    let listed = visitor.api.list(&address(PATH, asked)).await;
    let items = listed.map(|listed| listed.items).unwrap_or_default();
    items.iter().map(Opinion::new).collect()
}

impl Opinion {
    fn new(of: &Value) -> Self {
        let text = |pointer: &str| of.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        Self {
            id: text("/id").to_owned(),
            subject: text("/subject/id").to_owned(),
            is_attack: text("/label") == "TRUE_POSITIVE",
            by: short(text("/givenBy/name")),
            at: text("/lastUpdated").to_owned(),
            reason: shown(text("/reason")),
        }
    }
}

/// Takes an opinion, or takes it back.
pub(super) async fn give(State(_): State<App>, visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let withdrawn = form.get("withdraw");
    if withdrawn.is_empty() {
        let body = json!({
            "subject": {"type": form.get("type"), "id": form.get("id")},
            "label": form.get("label"),
            "reason": form.get("reason"),
        });
        visitor.api.post(PATH, &body).await?;
    } else {
        let path = format!("{PATH}/{}", segment(withdrawn));
        visitor.api.call(Method::DELETE, &path, None).await?;
    }
    let back = form.get("back");
    if back.contains(['\\', '?', '#']) || back.chars().any(char::is_control) {
        return Err(Failure::new(StatusCode::BAD_REQUEST, "This form was not understood."));
    }
    let back = if back.starts_with(PAGES) { back } else { USERS };
    Ok(Redirect::to(back).into_response())
}
