//! Actions > Queue: what waits for an approval, what is on its way, what could not be delivered.

use axum::{
    Router,
    extract::Path,
    response::Response,
    routing::{get, post},
};
use http::Method;
use serde_json::{Value, json};
use watchfire_app::App;

use crate::{
    api::segment,
    directory::users,
    failure::Failure,
    fields::{Fields, Form},
    form::{Input, Sheet},
    set_up::{Button, Cell, Link, Part, Row, SetUp, Step, Table, list_at, or_form, see_other, step, take_step, text_at},
    visitor::Visitor,
};

const PATH: &str = "/admin/actions/queue";
const DEAD: &str = "/admin/actions/dead-letters";
const API: &str = "/watchfire/v1/actions";
const DEAD_API: &str = "/watchfire/v1/dead-letters";
const TITLE: &str = "Approvals and actions";
const DEAD_TITLE: &str = "Dead letters";
const MANAGE: &str = "watchfire.actions.manage";

/// What the list shows: the state, and what its tab says.
const STATES: &[(&str, &str)] = &[
    ("AWAITING_APPROVAL", "Wait for approval"),
    ("PENDING", "On their way"),
    ("DONE", "Done"),
    ("REJECTED", "Rejected"),
    ("HELD", "Held since a restore"),
];
const HELD_API: &str = "/watchfire/v1/held-actions";
const DEAD_STEPS: &[Step] = &[step("redrive", Method::POST, "/redrive")];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(list))
        .route("/admin/actions/queue/{id}", get(show))
        .route("/admin/actions/queue/{id}/decide", post(decide))
        .route("/admin/actions/queue/{id}/held/{step}", post(settle_held))
        .route(DEAD, get(dead_letters).post(redrive_target))
        .route("/admin/actions/dead-letters/{id}/{step}", post(redrive))
}

async fn list(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let state = STATES.iter().find(|(state, _)| *state == query.get("state"));
    let (state, label) = *state.or(STATES.first()).unwrap_or(&("AWAITING_APPROVAL", ""));
    let after = segment(query.get("after"));
    let listed = visitor
        .api
        .list(&format!("{API}?state={state}&limit=50&after={after}"))
        .await?;
    let may = visitor.may(MANAGE);
    let rows = listed.items.iter().map(|action| {
        let id = text_at(action, "/id");
        let own = format!("{PATH}/{id}/decide");
        let decide = |word, label| Button::new(own.clone(), label, id).with("decision", word);
        let buttons = match text_at(action, "/state") {
            "AWAITING_APPROVAL" if may => vec![
                decide("approve", "Approve"),
                decide("reject", "Reject").asking("It is not done, and is not asked for again until something new is reported."),
            ],
            "HELD" if may => vec![
                held(id, "release", "Release"),
                held(id, "cancel", "Cancel").asking("It is never done."),
            ],
            _ => Vec::new(),
        };
        row(action).buttons(buttons)
    });
    let empty = if state == "AWAITING_APPROVAL" {
        "Nothing waits for a person."
    } else {
        "There is none."
    };
    let table = Table::new(TITLE, &["Action", "About", "Target", "State", "Since"], empty)
        .rows(rows)
        .more(PATH, &[("state", state)], listed.next.as_deref());
    let tabs = STATES
        .iter()
        .map(|(state, label)| Link::to(&format!("{PATH}?state={state}"), label));
    let page = SetUp::new(&visitor, TITLE, PATH)
        .intro("What rules ask for. What ends somebody's access can wait here for a person who did not write the rule.")
        .done(&query)
        .part(Part::Links(tabs.collect()))
        .part(Part::Heading(label))
        .part(Part::Table(table));
    Ok(page.into_page())
}

/// What is done with an action that a restore has held.
fn held(id: &str, step: &str, label: &'static str) -> Button {
    Button::new(format!("{PATH}/{id}/held/{step}"), label, id)
}

const HELD_STEPS: &[Step] = &[
    step("release", Method::POST, "/release"),
    step("cancel", Method::POST, "/cancel"),
];

async fn settle_held(visitor: Visitor, Path((id, step)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    take_step(&visitor, &form, (HELD_API, &id), (&step, HELD_STEPS), PATH).await
}

/// An action as a line.
fn row(action: &Value) -> Row {
    Row::new(vec![
        Cell::link(&format!("{PATH}/{}", text_at(action, "/id")), kind(action)),
        user(action),
        Cell::code(text_at(action, "/target")),
        Cell::status(text_at(action, "/state")),
        Cell::time_at(action, "/created"),
    ])
}

fn kind(action: &Value) -> &str {
    match text_at(action, "/type") {
        "WORKFLOW" => "Run a workflow",
        "HOOK_DELIVERY" => "Call an event hook",
        "UNIVERSAL_LOGOUT" => "Universal Logout",
        "END_SESSIONS" => "End all sessions",
        "DEACTIVATE_USER" => "Deactivate the user",
        other => other,
    }
}

fn user(action: &Value) -> Cell {
    match text_at(action, "/userId") {
        "" => Cell::text(""),
        id => Cell::link(&users::address(id), id),
    }
}

async fn show(visitor: Visitor, Path(id): Path<String>, query: Fields) -> Result<Response, Failure> {
    Ok(page(&visitor, &id, sheet(&id)).await?.done(&query).into_page())
}

fn sheet(id: &str) -> Sheet {
    let reason = Input::text("reason", "Why").at("/reason").hint("For the System Log.");
    let mut sheet = Sheet::new(format!("{PATH}/{id}/decide"), "Approve", vec![reason]).or("reject", "Reject");
    sheet.title = "Decide";
    sheet
}

async fn page(visitor: &Visitor, id: &str, sheet: Sheet) -> Result<SetUp, Failure> {
    let action = visitor.api.get(&format!("{API}/{}", segment(id))).await?;
    let state = text_at(&action, "/state");
    let number = action.pointer("/asked").map(ToString::to_string).unwrap_or_default();
    let mut facts = vec![
        ("ID", Cell::code(id)),
        ("About", user(&action)),
        ("Target", Cell::code(text_at(&action, "/target"))),
        ("Decided", Cell::time_at(&action, "/created")),
        ("Not before", Cell::time_at(&action, "/dueAt")),
        ("Asked for", Cell::text(&format!("{number} times"))),
    ];
    let transaction = text_at(&action, "/cause/transactionId");
    if !transaction.is_empty() {
        let filter = crate::system_log::test("transaction.id", transaction);
        let log = crate::fields::address(crate::system_log::PATH, &[("filter", &filter), ("range", "90d")]);
        facts.push(("Because of", Cell::link(&log, "Its events in the System Log")));
    }
    if let Some(payload) = action.get("payload").filter(|payload| !payload.is_null()) {
        let text = serde_json::to_string_pretty(payload).unwrap_or_default();
        facts.push(("It says", Cell::Block(crate::system_log::shown(&text))));
    }
    let attempts = list_at(&action, "/attempts").iter().map(|attempt| {
        Row::new(vec![
            Cell::time_at(attempt, "/at"),
            Cell::text(
                &attempt
                    .get("status")
                    .filter(|it| !it.is_null())
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            ),
            Cell::at(attempt, "/result"),
        ])
    });
    let attempts = Table::new("Attempts", &["When", "Status", "What came back"], "Nothing was tried yet.").rows(attempts);
    let may = visitor.may(MANAGE);
    Ok(SetUp::new(visitor, TITLE, PATH)
        .of(kind(&action))
        .badge(Cell::status(state))
        .part(Part::Facts(facts))
        .part_if(sheet.is_faulty() || (may && state == "AWAITING_APPROVAL"), || {
            Part::Sheet(sheet)
        })
        .part_if(may && state == "DEAD", || {
            Part::Buttons(vec![Button::new(format!("{DEAD}/{id}/redrive"), "Redrive", id)])
        })
        .part_if(may && state == "HELD", || {
            Part::Buttons(vec![held(id, "release", "Release"), held(id, "cancel", "Cancel")])
        })
        .part(Part::Heading("Attempts"))
        .part(Part::Table(attempts)))
}

async fn decide(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = sheet(&id).typed(&form);
    let rejects = form.get("decision") == "reject" || form.get("do") == "reject";
    let word = if rejects { "reject" } else { "approve" };
    let body = sheet.body(json!({}));
    let decided = visitor.api.post(&format!("{API}/{}/{word}", segment(&id)), &body).await;
    match or_form(decided, sheet)? {
        Ok(_) => Ok(see_other(PATH, word)),
        Err(sheet) => Ok(page(&visitor, &id, sheet).await?.into_page()),
    }
}

async fn dead_letters(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let after = segment(query.get("after"));
    let listed = visitor.api.list(&format!("{DEAD_API}?limit=50&after={after}")).await?;
    let may = visitor.may(MANAGE);
    let rows = listed.items.iter().map(|action| {
        let (id, target) = (text_at(action, "/id"), text_at(action, "/target"));
        let mut buttons = vec![Button::new(format!("{DEAD}/{id}/redrive"), "Redrive", id)];
        if !target.is_empty() {
            buttons.push(Button::new(DEAD.to_owned(), "Redrive all of this target", target).with("target", target));
        }
        let last = list_at(action, "/attempts")
            .last()
            .map_or("", |attempt| text_at(attempt, "/result"));
        Row::new(vec![
            Cell::link(&format!("{PATH}/{id}"), kind(action)),
            user(action),
            Cell::code(target),
            Cell::text(last),
            Cell::time_at(action, "/created"),
        ])
        .buttons(if may { buttons } else { Vec::new() })
    });
    let empty = "No dead letter: every target that was called has answered.";
    let table = Table::new(DEAD_TITLE, &["Action", "About", "Target", "Last try", "Since"], empty)
        .rows(rows)
        .more(DEAD, &[], listed.next.as_deref());
    let page = SetUp::new(&visitor, DEAD_TITLE, DEAD)
        .intro("What a target has not taken for a day. Redriven, it goes out again under the same id.")
        .done(&query)
        .part(Part::Table(table));
    Ok(page.into_page())
}

async fn redrive(visitor: Visitor, Path((id, step)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    take_step(&visitor, &form, (DEAD_API, &id), (&step, DEAD_STEPS), DEAD).await
}

async fn redrive_target(visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let path = format!("{DEAD_API}/redrive?target={}", segment(form.get("target")));
    visitor.api.call(Method::POST, &path, None).await?;
    Ok(see_other(DEAD, "redrive"))
}
