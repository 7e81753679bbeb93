//! Whether an expression holds for an object. The rules are in the module's documentation above.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Atom, Comparison, Expr, FieldKind, Literal, Test};
use crate::time::Timestamp;

pub(super) fn holds(expr: &Expr, object: &Value) -> bool {
    match expr {
        Expr::Or(members) => members.iter().any(|member| holds(member, object)),
        Expr::And(members) => members.iter().all(|member| holds(member, object)),
        Expr::Not(inner) => !holds(inner, object),
        Expr::Atom(atom) => atom_holds(atom, object),
    }
}

fn atom_holds(atom: &Atom, object: &Value) -> bool {
    let mut values = Vec::new();
    collect(object, &atom.path, &mut values);
    match &atom.test {
        Test::Present | Test::Compare(Comparison::Ne, Literal::Null) => !values.is_empty(),
        Test::Compare(_, Literal::Null) => values.is_empty(),
        Test::Compare(Comparison::Ne, _) if values.is_empty() => true,
        Test::Compare(comparison, literal) => values.iter().any(|value| compares(value, *comparison, literal, atom.kind)),
    }
}

/// All values at `path`, through every array on the way; `null` is none.
fn collect<'a>(value: &'a Value, path: &str, into: &mut Vec<&'a Value>) {
    match value {
        Value::Null => {}
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, path, into)),
        _ if path.is_empty() => into.push(value),
        Value::Object(members) => {
            let (key, rest) = path.split_once('.').unwrap_or((path, ""));
            if let Some(member) = members.get(key) {
                collect(member, rest, into);
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn compares(value: &Value, comparison: Comparison, literal: &Literal, kind: FieldKind) -> bool {
    let order = match (value, literal) {
        (Value::String(value), Literal::Text(text)) => match comparison {
            Comparison::Co => return fold(value).contains(&fold(text)),
            Comparison::Sw => return fold(value).starts_with(&fold(text)),
            Comparison::Ew => return fold(value).ends_with(&fold(text)),
            _ => Some(order_texts(value, text, kind)),
        },
        (Value::Number(value), Literal::Number(number)) => value
            .as_f64()
            .zip(number.as_f64())
            .and_then(|(value, number)| value.partial_cmp(&number)),
        // Truth has no order: true is neither greater nor less than false.
        (Value::Bool(value), Literal::Boolean(truth)) if value == truth => {
            return matches!(comparison, Comparison::Eq);
        }
        _ => None,
    };
    match comparison {
        Comparison::Eq => order == Some(Ordering::Equal),
        Comparison::Ne => order != Some(Ordering::Equal),
        Comparison::Gt => order == Some(Ordering::Greater),
        Comparison::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Comparison::Lt => order == Some(Ordering::Less),
        Comparison::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Co | Comparison::Sw | Comparison::Ew => false,
    }
}

fn order_texts(value: &str, text: &str, kind: FieldKind) -> Ordering {
    let instants = (kind == FieldKind::DateTime)
        .then(|| Timestamp::parse(value).ok().zip(Timestamp::parse(text).ok()))
        .flatten();
    match instants {
        Some((value, text)) => value.cmp(&text),
        None => value.as_bytes().cmp(text.as_bytes()),
    }
}

fn fold(text: &str) -> String {
    text.to_ascii_lowercase()
}
