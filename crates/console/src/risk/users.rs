//! Users at risk: the worst first, and any user by the beginning of its login.

use askama::Template;
use axum::{extract::State, response::Response};
use watchfire_app::{
    App,
    identity::entity_risk::KnownRisk,
    insight::entities_at_risk::{AtRiskEntity, AtRiskQuery, LevelCounts},
};
use watchfire_model::{entity::Entity, object::User, signal::RiskLevel};

use super::{USERS, level_name, nats, tone, user_page, words};
use crate::{
    failure::Failure,
    fields::{Fields, address},
    page::{Frame, render},
    system_log::{short, shown},
    visitor::Visitor,
};

/// Rows of a page.
const LIMIT: u32 = 50;
/// Users that a search shows.
const FOUND: usize = 50;

#[derive(Debug, Template)]
#[template(path = "risk_users.html")]
struct UsersPage {
    frame: Frame,
    /// What was searched for.
    login: String,
    /// The least level.
    level: String,
    counts: LevelCounts,
    rows: Vec<Row>,
    has_more: bool,
    next: String,
}

#[derive(Debug)]
struct Row {
    link: String,
    login: String,
    name: String,
    level: &'static str,
    tone: &'static str,
    score: String,
    cause: &'static str,
    reason: String,
    next_transition: String,
    status: &'static str,
}

/// The page.
pub(crate) async fn show(State(app): State<App>, visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let login = query.get("login").trim().to_owned();
    let caller = &visitor.session.principal;
    let mut page = UsersPage {
        frame: Frame::new("Users at risk", USERS, &visitor.session),
        level: query.get("level").to_owned(),
        counts: app.users_at_risk(caller)?,
        rows: Vec::new(),
        has_more: false,
        next: String::new(),
        login,
    };
    if page.login.is_empty() {
        let wanted = AtRiskQuery {
            kind: Some("USER".to_owned()),
            least: RiskLevel::parse(&page.level),
            after: Some(query.get("after").to_owned()).filter(|after| !after.is_empty()),
            limit: LIMIT,
        };
        let listed = app.entities_at_risk(caller, &wanted).await?;
        page.next = listed
            .next
            .map(|after| address(USERS, &[("level", page.level.as_str()), ("after", after.as_str())]))
            .unwrap_or_default();
        page.rows = listed.items.iter().map(Row::at_risk).collect();
    } else {
        let found = app.users_called(caller, &page.login).await?;
        page.has_more = found.len() > FOUND;
        for user in found.iter().take(FOUND) {
            let known = app.entity_risk(caller, Entity::User(user.id.clone())).await?;
            page.rows.push(Row::found(user, &known));
        }
    }
    Ok(render(&page))
}

impl Row {
    fn at_risk(it: &AtRiskEntity) -> Self {
        let id = it.risk.entity.id();
        let (kind, reason) = it.strongest.clone().unzip();
        Self {
            link: user_page(id),
            login: it.user.as_ref().map_or_else(|| id.to_owned(), |user| short(&user.login)),
            name: it.user.as_ref().map(named).unwrap_or_default(),
            level: it.level.as_str(),
            tone: tone(Some(it.level)),
            score: nats(it.score_millinats),
            cause: kind.map_or("", words::cause),
            reason: shown(&reason.flatten().unwrap_or_default()),
            next_transition: it.next_transition.map(|at| at.to_string()).unwrap_or_default(),
            status: it.user.as_ref().map_or("removed", |user| user.status.as_str()),
        }
    }

    fn found(user: &User, known: &KnownRisk) -> Self {
        let explanation = known.explain();
        let strongest = explanation.causes.iter().find(|it| it.counts);
        Self {
            link: user_page(user.id.as_str()),
            login: short(&user.login),
            name: named(user),
            level: level_name(explanation.level),
            tone: tone(explanation.level),
            score: nats(explanation.score_millinats),
            cause: strongest.map_or("", |it| words::cause(it.cause.kind)),
            reason: strongest
                .and_then(|it| it.cause.reason.as_deref())
                .map(shown)
                .unwrap_or_default(),
            next_transition: explanation.next_transition.map(|at| at.to_string()).unwrap_or_default(),
            status: user.status.as_str(),
        }
    }
}

/// The name, where it is another one than the login.
fn named(user: &User) -> String {
    let name = user.display_name();
    if name == user.login { String::new() } else { short(&name) }
}
