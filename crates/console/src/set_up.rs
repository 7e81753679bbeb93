//! The one shape of the set-up pages: tables, forms, facts and buttons, put together by each page.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use serde_json::Value;

use crate::{
    api::{Refusal, segment},
    failure::Failure,
    fields::{Fields, Form, address},
    form::{Kind, Sheet},
    page::{Frame, render},
    system_log::shown,
    visitor::Visitor,
};

/// A page.
#[derive(Debug, Template)]
#[template(path = "set_up.html")]
pub(crate) struct SetUp {
    frame: Frame,
    path: &'static str,
    heading: String,
    /// The page above.
    above: Option<Link>,
    badge: Option<Cell>,
    intro: &'static str,
    /// What was just done.
    done: &'static str,
    faults: Vec<String>,
    parts: Vec<Part>,
}

/// A part of a page.
#[derive(Debug)]
pub(crate) enum Part {
    Heading(&'static str),
    Text(String),
    Table(Table),
    Sheet(Sheet),
    /// Names and values.
    Facts(Vec<(&'static str, Cell)>),
    /// What is shown this once.
    Secret(Secret),
    Buttons(Vec<Button>),
    Links(Vec<Link>),
    Search(Search),
}

/// A box that looks for names.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) action: &'static str,
    pub(crate) label: &'static str,
    pub(crate) value: String,
}

/// What is shown this once.
#[derive(Debug)]
pub(crate) struct Secret {
    pub(crate) label: &'static str,
    pub(crate) value: String,
}

/// Rows.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) caption: &'static str,
    pub(crate) head: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
    /// What to do when there is no row.
    pub(crate) empty: &'static str,
    pub(crate) more: Option<Link>,
    /// Whether its rows can be dragged.
    pub(crate) ordered: bool,
}

/// A row.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) cells: Vec<Cell>,
    pub(crate) buttons: Vec<Button>,
    /// Its place among rows that can be dragged, from 1.
    pub(crate) place: Option<usize>,
}

/// What stands in a cell.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Text(String),
    Code(String),
    /// A tone, and what it says.
    Badge(&'static str, String),
    Link(Link),
    Time(String),
    Lines(Vec<String>),
    /// Code that is long: a key.
    Block(String),
}

/// A way to another page.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) href: String,
    pub(crate) text: String,
}

/// A change by one click.
#[derive(Clone, Debug)]
pub(crate) struct Button {
    pub(crate) action: String,
    pub(crate) label: &'static str,
    /// Of what, for who does not see the row.
    pub(crate) about: String,
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) tone: &'static str,
    /// What is asked before it is done.
    pub(crate) question: &'static str,
}

/// What can be done with an object of the API by one call.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    /// What follows the object's address.
    pub(crate) path: &'static str,
}

/// The steps of most objects.
pub(crate) const LIFECYCLE: &[Step] = &[
    step("activate", Method::POST, "/lifecycle/activate"),
    step("deactivate", Method::POST, "/lifecycle/deactivate"),
    step("delete", Method::DELETE, ""),
];

pub(crate) const fn step(name: &'static str, method: Method, path: &'static str) -> Step {
    Step { name, method, path }
}

/// What pages say after a change, by the word in their address.
const DONE: &[(&str, &str)] = &[
    ("made", "Made."),
    ("saved", "Saved."),
    ("activate", "Switched on."),
    ("deactivate", "Switched off."),
    ("delete", "Deleted."),
    ("revoke", "Revoked."),
    ("grant", "Granted."),
    ("moved", "Moved."),
    ("verify", "Verification was asked for; its event comes by the stream."),
    ("verified", "The hook answered the challenge: it is called from now on."),
    ("status", "The transmitter was told."),
    ("asked", "The transmitter was asked; below is what it said."),
    ("approve", "Approved: it is done now."),
    ("reject", "Rejected."),
    ("redrive", "On its way again."),
    ("test", "A test call is on its way."),
    ("added", "Added."),
    ("removed", "Taken out."),
];

impl SetUp {
    pub(crate) fn new(visitor: &Visitor, title: &'static str, path: &'static str) -> Self {
        Self {
            frame: Frame::new(title, path, &visitor.session),
            path,
            heading: title.to_owned(),
            above: None,
            badge: None,
            intro: "",
            done: "",
            faults: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// What one object is called, below the page of its list.
    pub(crate) fn of(mut self, heading: &str) -> Self {
        self.above = Some(Link::to(self.path, self.frame.title));
        self.heading = shown(heading);
        self
    }

    /// Of a page that the navigation does not have: the place to which it belongs.
    pub(crate) fn within(mut self, path: &'static str) -> Self {
        self.frame.path = path;
        self
    }

    /// Below another page than that of its list.
    pub(crate) fn below(mut self, href: &str, text: &str) -> Self {
        self.above = Some(Link::to(href, &shown(text)));
        self
    }

    pub(crate) fn intro(mut self, intro: &'static str) -> Self {
        self.intro = intro;
        self
    }

    pub(crate) fn badge(mut self, badge: Cell) -> Self {
        self.badge = Some(badge);
        self
    }

    /// Says what was just done, as the address has it.
    pub(crate) fn done(mut self, query: &Fields) -> Self {
        let word = query.get("done");
        let known = DONE.iter().find(|(known, _)| *known == word);
        self.done = known.map_or("", |(_, text)| *text);
        self
    }

    pub(crate) fn part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    pub(crate) fn part_if(self, is: bool, part: impl FnOnce() -> Part) -> Self {
        if is { self.part(part()) } else { self }
    }

    /// The page; with a fault in a form it is a refusal.
    pub(crate) fn into_page(self) -> Response {
        let faulty = |part: &Part| matches!(part, Part::Sheet(sheet) if sheet.is_faulty());
        let is_faulty = !self.faults.is_empty() || self.parts.iter().any(faulty);
        let status = if is_faulty { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        (status, render(&self)).into_response()
    }
}

impl Table {
    pub(crate) fn new(caption: &'static str, head: &[&'static str], empty: &'static str) -> Self {
        Self {
            caption,
            head: head.to_vec(),
            empty,
            ..Self::default()
        }
    }

    pub(crate) fn rows(mut self, rows: impl IntoIterator<Item = Row>) -> Self {
        self.rows.extend(rows);
        self
    }

    /// The way to the next page of the list.
    pub(crate) fn more(mut self, path: &str, parameters: &[(&str, &str)], next: Option<&str>) -> Self {
        self.more = next.map(|after| {
            let mut parameters = parameters.to_vec();
            parameters.push(("after", after));
            Link::to(&address(path, &parameters), "More")
        });
        self
    }

    pub(crate) fn has_buttons(&self) -> bool {
        self.rows.iter().any(|row| !row.buttons.is_empty())
    }
}

impl Row {
    pub(crate) fn new(cells: Vec<Cell>) -> Self {
        Self {
            cells,
            ..Self::default()
        }
    }

    pub(crate) fn buttons(self, buttons: Vec<Button>) -> Self {
        Self { buttons, ..self }
    }
}

impl Cell {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(shown(text))
    }

    pub(crate) fn code(text: &str) -> Self {
        Self::Code(shown(text))
    }

    /// The text at a pointer.
    pub(crate) fn at(object: &Value, pointer: &str) -> Self {
        Self::text(text_at(object, pointer))
    }

    pub(crate) fn time_at(object: &Value, pointer: &str) -> Self {
        Self::Time(text_at(object, pointer).to_owned())
    }

    pub(crate) fn link(href: &str, text: &str) -> Self {
        Self::Link(Link::to(href, &shown(text)))
    }

    /// `ACTIVE` or `INACTIVE` and the like, in its colour.
    pub(crate) fn status(word: &str) -> Self {
        let (tone, text) = match word {
            "ACTIVE" => ("good", "Active"),
            "INACTIVE" => ("warn", "Inactive"),
            "VERIFIED" => ("good", "Verified"),
            "UNVERIFIED" => ("warn", "Unverified"),
            "enabled" => ("good", "Enabled"),
            "paused" => ("warn", "Paused"),
            "disabled" => ("bad", "Disabled"),
            "AWAITING_APPROVAL" => ("warn", "Waits for approval"),
            "PENDING" => ("warn", "On its way"),
            "DONE" => ("good", "Done"),
            "REJECTED" => ("", "Rejected"),
            "DEAD" => ("bad", "Dead letter"),
            "HELD" => ("warn", "Held"),
            "ALLOW" => ("good", "Allow"),
            "CHALLENGE" => ("warn", "Challenge"),
            "DENY" => ("bad", "Deny"),
            other => return Self::Badge("", shown(other)),
        };
        Self::Badge(tone, text.to_owned())
    }
}

impl Link {
    pub(crate) fn to(href: &str, text: &str) -> Self {
        Self {
            href: href.to_owned(),
            text: text.to_owned(),
        }
    }
}

impl Button {
    pub(crate) fn new(action: String, label: &'static str, about: &str) -> Self {
        Self {
            action,
            label,
            about: shown(about),
            fields: Vec::new(),
            tone: "",
            question: "",
        }
    }

    /// Asks first.
    pub(crate) fn asking(self, question: &'static str) -> Self {
        Self {
            question,
            tone: "danger",
            ..self
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Switching on or off, and deleting, of the object at `path`.
    pub(crate) fn lifecycle(path: &str, status: &str, about: &str, question: &'static str) -> Vec<Self> {
        let switch = match status {
            "ACTIVE" => Self::new(format!("{path}/deactivate"), "Deactivate", about),
            _ => Self::new(format!("{path}/activate"), "Activate", about),
        };
        vec![switch, Self::new(format!("{path}/delete"), "Delete", about).asking(question)]
    }
}

/// The text at a pointer; empty when there is none.
pub(crate) fn text_at<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a pointer.
pub(crate) fn list_at<'v>(object: &'v Value, pointer: &str) -> &'v [Value] {
    let list = object.pointer(pointer).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// The texts of the list at a pointer.
pub(crate) fn texts_at<'v>(object: &'v Value, pointer: &str) -> Vec<&'v str> {
    list_at(object, pointer).iter().filter_map(Value::as_str).collect()
}

/// Does a step with the object `id` below `api` and goes back to `back`.
///
/// # Errors
/// Without the session's token, for a step that there is not, and what the API refuses.
pub(crate) async fn take_step(
    visitor: &Visitor,
    Form(form): &Form,
    (api, id): (&str, &str),
    (name, steps): (&str, &[Step]),
    back: &str,
) -> Result<Response, Failure> {
    visitor.check(form)?;
    let step = steps.iter().find(|step| step.name == name);
    let step = step.ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "There is no such page."))?;
    let path = format!("{api}/{}{}", segment(id), step.path);
    let body = Value::Object(serde_json::Map::new());
    let body = (step.method == Method::POST).then_some(&body);
    visitor.api.call(step.method.clone(), &path, body).await?;
    Ok(see_other(back, step.name))
}

/// Back to a page, which says what was done.
pub(crate) fn see_other(path: &str, done: &str) -> Response {
    axum::response::Redirect::to(&address(path, &[("done", done)])).into_response()
}

/// What the API gave, or the form with what it refused.
pub(crate) fn or_form(answer: Result<Value, Refusal>, sheet: Sheet) -> Result<Result<Value, Sheet>, Failure> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(refusal) => sheet.refused(refusal).map(Err),
    }
}
