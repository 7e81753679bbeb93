//! Which scope or role an operation needs, read from the OpenAPI document: so a caller without it is refused
//! before its body is looked at, and a new operation cannot forget to ask.

use std::{collections::HashMap, sync::Arc};

use axum::extract::MatchedPath;
use http::{Method, request::Parts};
use serde_json::Value;
use watchfire_app::{
    Error,
    access::{Principal, known_scope},
};
use watchfire_model::object::AdminRole;

/// What every operation asks for, by path template and method.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScopeTable {
    needs: Arc<HashMap<(String, Method), Needs>>,
}

/// What an operation asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Needs {
    /// Nothing, or nothing that is asked here.
    Nothing,
    /// Any one of these scopes.
    Scopes(Vec<&'static str>),
    /// An administrator, whatever their role: no access token is taken.
    Administrator,
    /// A super administrator.
    SuperAdministrator,
}

impl ScopeTable {
    /// Reads the `security` of every operation of `document`.
    pub(crate) fn of(document: &Value) -> Self {
        let mut needs = HashMap::new();
        for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else {
                    continue;
                };
                needs.insert((path.clone(), method), Needs::of(operation));
            }
        }
        Self { needs: Arc::new(needs) }
    }

    /// Whether `principal` may call the operation that `parts` was routed to.
    ///
    /// # Errors
    /// [`Error::Forbidden`], naming the scope where one is missing.
    pub(crate) fn check(parts: &Parts, principal: &Principal) -> Result<(), Error> {
        let table = parts.extensions.get::<Self>();
        let path = parts.extensions.get::<MatchedPath>();
        let (Some(table), Some(path)) = (table, path) else {
            return Ok(());
        };
        // HEAD is answered by whoever answers GET.
        let method = if parts.method == Method::HEAD {
            Method::GET
        } else {
            parts.method.clone()
        };
        match table.needs.get(&(path.as_str().to_owned(), method)) {
            None | Some(Needs::Nothing) => Ok(()),
            Some(Needs::Scopes(scopes)) => principal.require_any(scopes),
            Some(Needs::Administrator) if principal.role().is_some() => Ok(()),
            Some(Needs::SuperAdministrator) if principal.administrator().is_some() => Ok(()),
            Some(Needs::Administrator | Needs::SuperAdministrator) => Err(Error::Forbidden { needed_scope: None }),
        }
    }
}

impl Needs {
    fn of(operation: &Value) -> Self {
        let security: Vec<&Value> = operation
            .get("security")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .collect();
        let named = |scheme: &'static str| {
            let lists = security
                .iter()
                .filter_map(move |one| one.get(scheme))
                .filter_map(Value::as_array);
            lists.flatten().filter_map(Value::as_str)
        };
        let scopes: Vec<&'static str> = named("oauth2").filter_map(known_scope).collect();
        let is_open = security.is_empty()
            || security
                .iter()
                .any(|one| one.as_object().is_some_and(serde_json::Map::is_empty));
        if !scopes.is_empty() {
            Self::Scopes(scopes)
        } else if is_open {
            Self::Nothing
        } else if named("apiToken").any(|role| role == AdminRole::SuperAdmin.as_str()) {
            Self::SuperAdministrator
        } else {
            Self::Administrator
        }
    }
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
