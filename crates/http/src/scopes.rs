//! Which scope an operation needs, read from the OpenAPI document: so a caller without it is refused
//! before its body is looked at, and a new operation cannot forget to ask.

use std::{collections::HashMap, sync::Arc};

use axum::extract::MatchedPath;
use http::{Method, request::Parts};
use serde_json::Value;
use watchfire_app::{
    Error,
    access::{Principal, known_scope},
};

/// The scopes of every operation by path template and method; any one of them is enough.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScopeTable {
    scopes: Arc<HashMap<(String, Method), Vec<&'static str>>>,
}

impl ScopeTable {
    /// Reads the `security` of every operation of `document`.
    pub(crate) fn of(document: &Value) -> Self {
        let mut scopes = HashMap::new();
        for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else {
                    continue;
                };
                scopes.insert((path.clone(), method), scopes_of(operation));
            }
        }
        Self {
            scopes: Arc::new(scopes),
        }
    }

    /// Whether `principal` may call the operation that `parts` was routed to.
    ///
    /// # Errors
    /// [`Error::Forbidden`] naming the scope.
    pub(crate) fn check(parts: &Parts, principal: &Principal) -> Result<(), Error> {
        let table = parts.extensions.get::<Self>();
        let path = parts.extensions.get::<MatchedPath>();
        let (Some(table), Some(path)) = (table, path) else {
            return Ok(());
        };
        let needed = table.scopes.get(&(path.as_str().to_owned(), parts.method.clone()));
        needed.map_or(Ok(()), |scopes| principal.require_any(scopes))
    }
}

fn scopes_of(operation: &Value) -> Vec<&'static str> {
    let requirements = operation.get("security").and_then(Value::as_array).into_iter().flatten();
    let named = requirements
        .filter_map(|one| one.get("oauth2"))
        .filter_map(Value::as_array)
        .flatten();
    named.filter_map(Value::as_str).filter_map(known_scope).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scope that is misspelt in a handler's attribute would be no scope at all.
    #[test]
    fn every_scope_in_the_document_is_known() {
        let document: Value = serde_json::from_str(&crate::document().unwrap()).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                for scope in operation["security"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|one| one["oauth2"].as_array())
                    .flatten()
                {
                    assert!(known_scope(scope.as_str().unwrap()).is_some(), "{method} {path}: {scope}");
                }
            }
        }
    }
}
