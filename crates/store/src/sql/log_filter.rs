//! A filter as SQL. Two-valued like the evaluator (see `model::filter`): no part of the SQL is ever
//! NULL, so that NOT means what it says.
//!
//! What SQL cannot say exactly is widened to TRUE: negations are pushed down to the single tests first,
//! so that widening one can only let more rows through. Whether that happened is told, and the rows are
//! then looked at again by the evaluator.

use serde_json::{Value, json};
use sqlx::QueryBuilder;
use watchfire_model::{
    filter::{Atom, Comparison, Expr, Literal, Test},
    log::{EventType, OutcomeResult, Severity},
};

use super::{Db, dialect, log};

/// Where a tested attribute is.
enum Place {
    /// A column that is never NULL.
    Column(&'static str),
    /// A column, or a text in the document, that may be NULL.
    Nullable(String),
    /// A column that has one of a few values: the test is made here, for each of them.
    Finite(&'static str, Vec<(String, bool)>),
    /// A text in every element of an array of the document.
    Elements(&'static [&'static str], &'static str),
    /// The table of targets' ids.
    Targets,
    /// The same in every event.
    Constant(Value),
    /// Made when the event is rendered.
    Rendered,
}

const EVENT_TYPE: &str = "event_type";
/// Columns with an index of their values.
const INDEXED: [&str; 3] = ["uuid", "actor_id", "client_ip"];

/// Writes the filter into `query` for rows of `partition`. Returns whether it says exactly the filter.
pub(crate) fn push(query: &mut QueryBuilder<Db>, partition: i64, expr: &Expr) -> bool {
    let mut compiler = Compiler {
        query,
        partition,
        exact: true,
    };
    compiler.expr(expr, false);
    compiler.exact
}

/// Whether an index leads to the rows that pass, so that the others are not read.
pub(crate) fn is_narrow(expr: &Expr) -> bool {
    match expr {
        Expr::Not(_) => false,
        Expr::And(members) => members.iter().any(is_narrow),
        Expr::Or(members) => members.iter().all(is_narrow),
        Expr::Atom(atom) => match place(atom) {
            Place::Finite(column, _) => column == EVENT_TYPE,
            Place::Column(column) => INDEXED.contains(&column) && is_equality(atom),
            Place::Nullable(column) => INDEXED.contains(&column.as_str()) && is_equality(atom),
            Place::Targets => is_equality(atom),
            Place::Constant(_) | Place::Elements(..) | Place::Rendered => false,
        },
    }
}

fn is_equality(atom: &Atom) -> bool {
    matches!(&atom.test, Test::Compare(Comparison::Eq, Literal::Text(_)))
}

struct Compiler<'a> {
    query: &'a mut QueryBuilder<Db>,
    partition: i64,
    exact: bool,
}

impl Compiler<'_> {
    fn expr(&mut self, expr: &Expr, negated: bool) {
        match expr {
            Expr::Not(inner) => self.expr(inner, !negated),
            Expr::Or(members) => self.members(members, if negated { " AND " } else { " OR " }, negated),
            Expr::And(members) => self.members(members, if negated { " OR " } else { " AND " }, negated),
            Expr::Atom(atom) => self.atom(atom, negated),
        }
    }

    fn members(&mut self, members: &[Expr], word: &str, negated: bool) {
        self.query.push("(");
        for (at, member) in members.iter().enumerate() {
            if at > 0 {
                self.query.push(word);
            }
            self.expr(member, negated);
        }
        self.query.push(")");
    }

    fn atom(&mut self, atom: &Atom, negated: bool) {
        let place = place(atom);
        if matches!(place, Place::Rendered) {
            self.exact = false;
            self.query.push("TRUE");
            return;
        }
        self.query.push(if negated { "NOT (" } else { "(" });
        match place {
            Place::Constant(value) => self.truth(holds_for(atom, value)),
            Place::Finite(column, values) => self.finite(column, &values),
            Place::Column(column) => self.single(atom, column, false),
            Place::Nullable(value) => self.single(atom, &value, true),
            Place::Elements(array, member) => self.elements(atom, array, member),
            Place::Targets => self.targets(atom),
            Place::Rendered => {}
        }
        self.query.push(")");
    }

    fn truth(&mut self, value: bool) {
        self.query.push(if value { "TRUE" } else { "FALSE" });
    }

    fn finite(&mut self, column: &str, values: &[(String, bool)]) {
        let mut wanted = values.iter().filter(|(_, holds)| *holds).map(|(value, _)| value).peekable();
        if wanted.peek().is_none() {
            return self.truth(false);
        }
        self.query.push(column).push(" IN (");
        let mut list = self.query.separated(", ");
        for value in wanted {
            list.push_bind(value.clone());
        }
        self.query.push(")");
    }

    /// A test of one value. NULL is absence; a literal that is no text differs from every text.
    fn single(&mut self, atom: &Atom, value: &str, nullable: bool) {
        match &atom.test {
            Test::Present | Test::Compare(Comparison::Ne, Literal::Null) => self.presence(value, nullable, true),
            Test::Compare(_, Literal::Null) => self.presence(value, nullable, false),
            Test::Compare(Comparison::Ne, Literal::Text(text)) if nullable => {
                self.query.push(value).push(" IS NULL OR ");
                self.compare(value, Comparison::Ne, text);
            }
            Test::Compare(comparison, Literal::Text(text)) => {
                if nullable {
                    self.query.push(value).push(" IS NOT NULL AND ");
                }
                self.compare(value, *comparison, text);
            }
            Test::Compare(comparison, Literal::Number(_) | Literal::Boolean(_)) => self.truth(*comparison == Comparison::Ne),
        }
    }

    fn presence(&mut self, value: &str, nullable: bool, present: bool) {
        match nullable {
            true => {
                self.query.push(value).push(if present { " IS NOT NULL" } else { " IS NULL" });
            }
            false => self.truth(present),
        }
    }

    /// Compares a value that is not NULL.
    fn compare(&mut self, value: &str, comparison: Comparison, text: &str) {
        let operator = match comparison {
            Comparison::Eq => " = ",
            Comparison::Ne => " <> ",
            Comparison::Gt => " > ",
            Comparison::Ge => " >= ",
            Comparison::Lt => " < ",
            Comparison::Le => " <= ",
            Comparison::Co | Comparison::Sw | Comparison::Ew => return self.compare_part(value, comparison, text),
        };
        self.query.push(value).push(operator).push_bind(text.to_owned());
    }

    fn compare_part(&mut self, value: &str, comparison: Comparison, text: &str) {
        if text.is_empty() {
            return self.truth(true);
        }
        let chars = text.chars().count();
        let folded = dialect::ascii_lower(value);
        let (before, after) = match comparison {
            Comparison::Sw => (format!("substr({folded}, 1, {chars}) = "), String::new()),
            Comparison::Ew => (format!("{} = ", dialect::last_chars(&folded, chars)), String::new()),
            _ => dialect::contains(&folded),
        };
        self.query.push(before).push_bind(text.to_ascii_lowercase()).push(after);
    }

    fn elements(&mut self, atom: &Atom, array: &[&str], member: &str) {
        let from = format!("{} WHERE ", dialect::json_elements("detail", array));
        let value = dialect::json_text("element.value", &[member]);
        self.any(atom, &from, &value);
    }

    fn targets(&mut self, atom: &Atom) {
        let table = log::targets_table(self.partition);
        if let Test::Compare(Comparison::Eq, Literal::Text(id)) = &atom.test {
            // The form that lets the planner start from the ids.
            self.query.push(format!("seq IN (SELECT seq FROM {table} WHERE target_id = "));
            self.query.push_bind(id.clone()).push(")");
            return;
        }
        let events = log::events_table(self.partition);
        self.any(atom, &format!("{table} AS t WHERE t.seq = {events}.seq AND "), "t.target_id");
    }

    /// A test of many values: one that passes is enough. `from` ends where the condition begins.
    fn any(&mut self, atom: &Atom, from: &str, value: &str) {
        let exists = format!("EXISTS (SELECT 1 FROM {from}");
        let absent = format!("NOT {exists}{value} IS NOT NULL)");
        match &atom.test {
            Test::Compare(comparison, Literal::Null) if *comparison != Comparison::Ne => {
                self.query.push(absent);
            }
            Test::Compare(Comparison::Ne, Literal::Number(_) | Literal::Boolean(_)) => self.truth(true),
            test => {
                if matches!(test, Test::Compare(Comparison::Ne, Literal::Text(_))) {
                    self.query.push(absent).push(" OR ");
                }
                self.query.push(exists).push("(");
                self.one_of_many(atom, value);
                self.query.push("))");
            }
        }
    }

    fn one_of_many(&mut self, atom: &Atom, value: &str) {
        match &atom.test {
            Test::Compare(Comparison::Ne, Literal::Text(text)) => {
                // The absent element is no value at all: it does not differ.
                self.query.push(value).push(" IS NOT NULL AND ");
                self.compare(value, Comparison::Ne, text);
            }
            _ => self.single(atom, value, true),
        }
    }
}

fn place(atom: &Atom) -> Place {
    if matches!(&atom.test, Test::Compare(_, Literal::Text(text)) if text.contains('\0')) {
        return Place::Rendered; // Nothing stored has it, and PostgreSQL refuses it as a parameter.
    }
    match atom.path.as_str() {
        "uuid" => Place::Column("uuid"),
        "actor.id" => Place::Column("actor_id"),
        "transaction.id" => Place::Column("transaction_id"),
        "client.ipAddress" => Place::Nullable("client_ip".to_owned()),
        "eventType" => event_types(atom, EventType::as_str),
        "displayMessage" => event_types(atom, EventType::display_message),
        "severity" => finite(atom, "severity", Severity::ALL.map(Severity::as_str)),
        "outcome.result" => finite(atom, "outcome", OutcomeResult::ALL.map(OutcomeResult::as_str)),
        "version" => Place::Constant(json!("0")),
        "authenticationContext.authenticationStep" => Place::Constant(json!(0)),
        "target.id" => Place::Targets,
        "target.type" => Place::Elements(&["target"], "type"),
        "target.alternateId" => Place::Elements(&["target"], "alternateId"),
        "target.displayName" => Place::Elements(&["target"], "displayName"),
        "request.ipChain.ip" => Place::Elements(&["ipChain"], "ip"),
        "request.ipChain.source" => Place::Elements(&["ipChain"], "source"),
        "outcome.reason" => Place::Nullable(format!("NULLIF(substr({}, 1, 255), '')", text_at("outcome.reason"))),
        "transaction.detail.requestApiTokenId" => Place::Nullable(text_at("transaction.requestApiTokenId")),
        "actor.type"
        | "actor.alternateId"
        | "actor.displayName"
        | "client.id"
        | "client.device"
        | "client.userAgent.rawUserAgent"
        | "client.userAgent.os"
        | "client.userAgent.browser"
        | "client.geographicalContext.city"
        | "client.geographicalContext.state"
        | "client.geographicalContext.country"
        | "client.geographicalContext.postalCode"
        | "authenticationContext.authenticationProvider"
        | "authenticationContext.credentialProvider"
        | "authenticationContext.credentialType"
        | "authenticationContext.interface"
        | "authenticationContext.externalSessionId"
        | "authenticationContext.rootSessionId"
        | "authenticationContext.issuer.id"
        | "authenticationContext.issuer.type"
        | "transaction.type"
        | "securityContext.asOrg"
        | "securityContext.isp"
        | "securityContext.domain"
        | "securityContext.risk.level"
        | "securityContext.risk.previousLevel"
        | "securityContext.risk.detectionName"
        | "securityContext.risk.issuer" => Place::Nullable(text_at(&atom.path)),
        "debugContext.debugData.riskSignalList" | "debugContext.debugData.riskSignalSize" => Place::Rendered,
        path => other(path),
    }
}

fn other(path: &str) -> Place {
    // The dialect lets no other key through; this keeps the SQL safe if it ever does.
    let is_key = |key: &&str| key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if let Some(key) = path.strip_prefix("debugContext.debugData.").filter(is_key) {
        return Place::Nullable(dialect::json_text("detail", &["debugData", key]));
    }
    if path.starts_with("device.") || path.starts_with("actor.detailEntry.") {
        return Place::Constant(Value::Null);
    }
    Place::Rendered
}

/// The text at this path of the document.
fn text_at(path: &str) -> String {
    dialect::json_text("detail", &path.split('.').collect::<Vec<_>>())
}

/// Every event type, and whether the test holds for what `text` says of it.
fn event_types(atom: &Atom, text: fn(EventType) -> &'static str) -> Place {
    let test = |event_type: &EventType| {
        let holds = holds_for(atom, json!(text(*event_type)));
        (event_type.as_str().to_owned(), holds)
    };
    Place::Finite(EVENT_TYPE, EventType::ALL.iter().map(test).collect())
}

fn finite<const N: usize>(atom: &Atom, column: &'static str, values: [&'static str; N]) -> Place {
    let test = |value: &'static str| (value.to_owned(), holds_for(atom, json!(value)));
    Place::Finite(column, values.into_iter().map(test).collect())
}

/// Whether the test holds for an event that has this value there.
fn holds_for(atom: &Atom, value: Value) -> bool {
    let nest = |inner: Value, key: &str| json!({ key: inner });
    let event = atom.path.rsplit('.').fold(value, nest);
    Expr::Atom(atom.clone()).holds(&event)
}
