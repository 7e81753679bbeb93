//! The answers that an operation can give whatever its handler does: refusals of the edge and of the
//! extractors, and failures. They are written into the document here, so that no handler can forget one.

use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, path::Operation, path::PathItem};

use crate::error::Surface;

/// A class of refusals or failures.
#[derive(Clone, Copy, Debug)]
struct Class {
    status: &'static str,
    name: &'static str,
    says: &'static str,
}

const fn class(status: &'static str, name: &'static str, says: &'static str) -> Class {
    Class { status, name, says }
}

const UNREADABLE: Class = class("400", "BadRequest", "The request cannot be read, or says what it may not");
const UNAUTHENTICATED: Class = class("401", "Unauthenticated", "No credential, or none that is good");
const FORBIDDEN: Class = class("403", "Forbidden", "The credential does not reach this");
const UNKNOWN: Class = class("404", "NotFound", "There is no such thing");
const UNACCEPTABLE: Class = class("406", "NotAcceptable", "`Accept` excludes JSON");
const SLOW: Class = class("408", "RequestTimeout", "The body took too long to arrive");
const TOO_LONG: Class = class("413", "ContentTooLarge", "The body is too long");
const TOO_MANY: Class = class("429", "TooManyRequests", "Too many calls; the headers say when to come back");
const FAILED: Class = class("500", "InternalServerError", "Our fault; the id is in the server's log");
const UNAVAILABLE: Class = class("503", "ServiceUnavailable", "Not now; `Retry-After` says when");

const ALL: [Class; 10] = [
    UNREADABLE,
    UNAUTHENTICATED,
    FORBIDDEN,
    UNKNOWN,
    UNACCEPTABLE,
    SLOW,
    TOO_LONG,
    TOO_MANY,
    FAILED,
    UNAVAILABLE,
];

/// Names in every operation of `document` what it can answer beside what its handler says.
pub(crate) fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            let surface = surface(path, operation);
            for class in classes(path, operation) {
                let named = &mut operation.responses.responses;
                if named.get(class.status).is_none_or(says_nothing) {
                    named.insert(class.status.to_owned(), RefOr::Ref(Ref::new(class.location(surface))));
                }
            }
        }
    }
    let components = document.components.get_or_insert_default();
    for surface in [Surface::Okta, Surface::OAuth, Surface::Set] {
        for class in ALL {
            let response = RefOr::T(class.response(surface));
            components.responses.insert(class.component(surface), response);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.options,
        &mut item.head,
        &mut item.patch,
    ];
    all.into_iter().filter_map(Option::as_mut)
}

/// A handler that names a status and no body has left the words to us.
fn says_nothing(response: &RefOr<Response>) -> bool {
    matches!(response, RefOr::T(response) if response.content.is_empty() && response.description.is_empty())
}

/// The shape of an operation's refusals: whoever asks for a credential of the management API answers as it does.
fn surface(path: &str, operation: &Operation) -> Surface {
    match Surface::of(path) {
        Surface::OAuth if is_secured(operation) => Surface::Okta,
        surface => surface,
    }
}

fn is_secured(operation: &Operation) -> bool {
    let requirements = operation.security.iter().flatten();
    let mut named = requirements.filter_map(|one| serde_json::to_value(one).ok());
    named.any(|one| one.as_object().is_some_and(|schemes| !schemes.is_empty()))
}

fn classes(path: &str, operation: &Operation) -> Vec<Class> {
    let mut classes = vec![FAILED, UNAVAILABLE];
    if is_secured(operation) {
        // 400: a bound token without a good proof.
        classes.extend([UNREADABLE, UNAUTHENTICATED, FORBIDDEN, TOO_MANY]);
    }
    if operation.request_body.is_some() {
        classes.extend([UNREADABLE, SLOW, TOO_LONG]);
    }
    if path.contains('{') {
        classes.extend([UNREADABLE, UNKNOWN]);
    }
    if operation.parameters.as_ref().is_some_and(|all| !all.is_empty()) {
        classes.push(UNREADABLE);
    }
    if crate::site::negotiates(path) {
        classes.push(UNACCEPTABLE);
    }
    // The edge is the same for all: what a GET brings as a body is refused by its length too.
    if Surface::of(path) == Surface::OAuth {
        classes.extend([UNREADABLE, TOO_MANY]);
    }
    classes
}

impl Class {
    fn component(self, surface: Surface) -> String {
        let prefix = match surface {
            Surface::Okta => "Okta",
            Surface::OAuth => "OAuth",
            Surface::Set => "Set",
        };
        format!("{prefix}{}", self.name)
    }

    fn location(self, surface: Surface) -> String {
        format!("#/components/responses/{}", self.component(surface))
    }

    fn response(self, surface: Surface) -> Response {
        // OAuth's own words are for its own faults; the others are said as everywhere (okta.md 1.3.4).
        let schema = match surface {
            Surface::Set => "SetErrorBody",
            Surface::OAuth if !matches!(self.status, "404" | "406" | "408" | "413" | "429") => "ErrorBody",
            Surface::Okta | Surface::OAuth => "ErrorObject",
        };
        let content = Content::new(Some(Ref::from_schema_name(schema)));
        let mut response = Response::new(self.says);
        response.content.insert("application/json".to_owned(), RefOr::T(content));
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    fn document() -> Value {
        serde_json::from_str(&crate::document().unwrap()).unwrap()
    }

    #[test]
    fn every_operation_names_its_failures() {
        for (path, item) in document()["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                for status in ["500", "503"] {
                    assert!(operation["responses"].get(status).is_some(), "{method} {path} {status}");
                }
                let secured = operation["security"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(|one| one != &serde_json::json!({})));
                assert!(
                    !secured || operation["responses"].get("401").is_some(),
                    "{method} {path} asks for a credential and names no 401"
                );
            }
        }
    }

    #[test]
    fn every_shared_answer_is_there_with_a_schema_that_is_there() {
        let document = document();
        let shared = document["components"]["responses"].as_object().unwrap();
        for item in document["paths"].as_object().unwrap().values() {
            for operation in item.as_object().unwrap().values() {
                for answer in operation["responses"].as_object().unwrap().values() {
                    let Some(place) = answer["$ref"].as_str() else { continue };
                    assert!(shared.contains_key(place.rsplit('/').next().unwrap()), "{place}");
                }
            }
        }
        for (name, answer) in shared {
            let schema = answer["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
            let schema = schema.rsplit('/').next().unwrap();
            assert!(document["components"]["schemas"].get(schema).is_some(), "{name}: {schema}");
        }
    }
}
