//! A user's page: how risky and why, sign-ins, sessions, and what can be done about it.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use watchfire_app::{
    App,
    identity::{entity_risk as scopes, sessions},
    insight::sign_ins::SignInQuery,
};
use watchfire_model::{
    entity::Entity,
    object::{CauseKind, Session, User},
    signal::RiskLevel,
};

use super::{
    USERS,
    causes::{self, CauseRow},
    feedback::{self, Opinion},
    level_name, nats, newest,
    sign_ins::SignInRow,
    tone, user_page,
};
use crate::{
    failure::Failure,
    fields::{Fields, Form, address},
    page::{Frame, render},
    system_log::{self, short, shown, test},
    visitor::Visitor,
};

/// Sign-ins on the page.
const SIGN_INS: u32 = 20;
/// Changes of risk on the page.
const DETECTIONS: &str = "10";
/// Characters of a reason that an administrator gives.
const REASON: usize = 200;

#[derive(Debug, Template)]
#[template(path = "risk_user.html")]
struct UserPage {
    frame: Frame,
    own: String,
    id: String,
    login: String,
    name: String,
    status: &'static str,
    level: &'static str,
    tone: &'static str,
    score: String,
    next_transition: String,
    causes: Vec<CauseRow>,
    facts: Vec<(String, String, String)>,
    sign_ins: Vec<SignInRow>,
    more_sign_ins: String,
    sessions: Vec<SessionRow>,
    detections: Vec<Detection>,
    may_judge: bool,
    logs: [(&'static str, String); 3],
    may_end: bool,
    may_set: bool,
    may_clear: bool,
    said: &'static str,
}

#[derive(Debug)]
struct SessionRow {
    id: String,
    created: String,
    expires: String,
    proofs: String,
}

/// A change of the user's risk, out of the log.
#[derive(Debug)]
struct Detection {
    time: String,
    link: String,
    level: &'static str,
    tone: &'static str,
    previous: &'static str,
    name: String,
    reason: String,
    issuer: String,
    uuid: String,
    opinion: Option<Opinion>,
}

/// What was just done, by the address that a change leads back to.
const SAID: [(&str, &str); 3] = [
    ("ended", "All sessions of this user were ended."),
    ("cleared", "What spoke against this user was cleared."),
    ("set", "The level of this user was set."),
];

/// The page.
pub(crate) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    query: Fields,
) -> Result<Response, Failure> {
    let caller = &visitor.session.principal;
    let user = app.user(caller, &name).await?;
    let known = app.entity_risk(caller, Entity::User(user.id.clone())).await?;
    let explanation = known.explain();
    let after = query.get("after");
    let listed = app
        .sign_in_records(
            caller,
            SignInQuery {
                user: Some(user.id.clone()),
                descending: true,
                after: Some(after.to_owned()).filter(|after| !after.is_empty()),
                limit: SIGN_INS,
                ..SignInQuery::default()
            },
        )
        .await?;
    let own = user_page(user.id.as_str());
    let role = visitor.session.role;
    let said = SAID.iter().find(|(done, _)| *done == query.get("done"));
    let facts = known.risk.facts.iter();
    Ok(render(&UserPage {
        level: level_name(explanation.level),
        tone: tone(explanation.level),
        score: nats(explanation.score_millinats),
        next_transition: explanation.next_transition.map(|at| at.to_string()).unwrap_or_default(),
        causes: causes::rows(&explanation, known.now),
        facts: facts
            .map(|(name, fact)| (shown(name), short(&fact.value), shown(fact.source.issuer())))
            .collect(),
        sign_ins: listed.items.iter().map(SignInRow::new).collect(),
        more_sign_ins: listed
            .next
            .map(|after| address(&own, &[("after", after.as_str())]))
            .unwrap_or_default(),
        sessions: app
            .sessions_of(caller, user.id.as_str())
            .await?
            .iter()
            .rev()
            .map(SessionRow::new)
            .collect(),
        detections: detections(&app, &visitor, &user).await?,
        may_judge: feedback::may(&visitor),
        logs: logs(user.id.as_str()),
        may_end: role.reaches(sessions::MANAGE),
        may_set: role.reaches(scopes::MANAGE),
        may_clear: role.reaches(scopes::CLEAR),
        said: said.map_or("", |(_, text)| text),
        frame: Frame::new("User", USERS, &visitor.session),
        own,
        login: short(&user.login),
        name: short(&user.display_name()),
        status: user.status.as_str(),
        id: user.id.into(),
    }))
}

/// Ends every session of the user.
pub(crate) async fn end_sessions(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form,
) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let origin = visitor.origin.request.clone();
    app.clear_sessions(&visitor.session.principal, origin, &id).await?;
    Ok(back(&id, "ended"))
}

/// Clears causes of one kind, or all of them.
pub(crate) async fn clear(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form,
) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let kinds = CauseKind::parse(form.get("kind")).into_iter().collect();
    let user = app.user(&visitor.session.principal, &id).await?;
    let origin = visitor.origin.request.clone();
    app.clear_causes(&visitor.session.principal, origin, Entity::User(user.id), kinds)
        .await?;
    Ok(back(&id, "cleared"))
}

/// Sets the level.
pub(crate) async fn set_level(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form,
) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let level = RiskLevel::parse(form.get("level"));
    let level = level.ok_or_else(|| Failure::new(http::StatusCode::BAD_REQUEST, "Choose a level."))?;
    let reason: String = form.get("reason").trim().chars().take(REASON).collect();
    let reason = Some(reason).filter(|reason| !reason.is_empty());
    let origin = visitor.origin.request.clone();
    app.set_user_risk(&visitor.session.principal, origin, &id, (level, reason))
        .await?;
    Ok(back(&id, "set"))
}

fn back(id: &str, done: &str) -> Response {
    Redirect::to(&address(&user_page(id), &[("done", done)])).into_response()
}

impl SessionRow {
    fn new(session: &Session) -> Self {
        Self {
            id: session.id.to_string(),
            created: session.created.to_string(),
            expires: session.expires_at.to_string(),
            proofs: session.amr.join(", "),
        }
    }
}

async fn detections(app: &App, visitor: &Visitor, user: &User) -> Result<Vec<Detection>, Failure> {
    let filter = format!(
        "eventType eq \"user.risk.detect\" and {}",
        test("target.id", user.id.as_str())
    );
    let answer = app.log(&visitor.session.principal, &newest(&filter, DETECTIONS)).await?;
    let mut opinions = feedback::about(visitor, user.id.as_str()).await;
    let rows = answer.entries.iter().map(|entry| {
        let event = &entry.event;
        let risk = event.security_context.risk.as_ref();
        let level = risk.map(|risk| risk.level);
        let judged = opinions.iter().position(|opinion| opinion.subject == event.uuid);
        Detection {
            uuid: event.uuid.clone(),
            opinion: judged.map(|place| opinions.swap_remove(place)),
            time: event.published.to_string(),
            link: system_log::event_page(&event.uuid),
            level: level_name(level),
            tone: tone(level),
            previous: level_name(risk.and_then(|risk| risk.previous_level)),
            name: shown(risk.and_then(|risk| risk.detection_name.as_deref()).unwrap_or_default()),
            reason: shown(&risk.map(|risk| risk.reasons.join(", ")).unwrap_or_default()),
            issuer: shown(risk.and_then(|risk| risk.issuer.as_deref()).unwrap_or_default()),
        }
    });
    Ok(rows.collect())
}

fn logs(id: &str) -> [(&'static str, String); 3] {
    let link = |filter: &str| address(system_log::PATH, &[("filter", filter), ("range", "90d")]);
    [
        ("What the user did", link(&test("actor.id", id))),
        ("What was done to the user", link(&test("target.id", id))),
        (
            "Partner reported risk",
            link(&format!(
                "eventType eq \"security.events.provider.receive_event\" and {}",
                test("target.id", id)
            )),
        ),
    ]
}
