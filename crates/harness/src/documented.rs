//! Whether an answer is one that the OpenAPI document names. Every call of every test asks.

use std::sync::LazyLock;

use anyhow::{Context as _, Result, ensure};
use http::header;
use serde_json::Value;

use crate::server::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = watchfire_http::document().unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
});

/// Fails when the document names the operation and not this answer to it, by status and content type.
pub(crate) fn check(method: &str, path: &str, answer: &Answer) -> Result<()> {
    let Some(operation) = operation(method, path) else {
        return Ok(());
    };
    let status = answer.status.to_string();
    let named = operation
        .get("responses")
        .and_then(|all| all.get(&status))
        .map(resolved)
        .with_context(|| format!("the document names no {status} of {method} {path}: {}", answer.text))?;
    if method == "HEAD" {
        return Ok(());
    }
    let content = named.get("content").and_then(Value::as_object);
    let given = answer.headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    let given = given.map(|value| value.split(|byte| *byte == b';').next().unwrap_or_default());
    let is_named = match (content, given) {
        (None, None) => true,
        (Some(content), Some(given)) => content.keys().any(|known| known.as_bytes() == given),
        (None, Some(_)) | (Some(_), None) => false,
    };
    ensure!(
        is_named,
        "the document names another content type of {method} {path} {status} than {:?}: {}",
        answer.headers.get(header::CONTENT_TYPE),
        answer.text
    );
    Ok(())
}

/// The operation that a call is for: of templates that match, the one with the fewest parameters.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let method = if method == "HEAD" {
        "get".to_owned()
    } else {
        method.to_lowercase()
    };
    let templates = DOCUMENT.get("paths").and_then(Value::as_object).into_iter().flatten();
    let fitting = templates.filter(|(template, _)| fits(template, path));
    let (_, item) = fitting.min_by_key(|(template, _)| template.matches('{').count())?;
    item.get(&method)
}

fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given || (wanted.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}

fn resolved(answer: &'static Value) -> &'static Value {
    let place = answer.get("$ref").and_then(Value::as_str);
    let place = place.and_then(|place| place.strip_prefix('#'));
    place.and_then(|place| DOCUMENT.pointer(place)).unwrap_or(answer)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn answer(status: u16, content_type: Option<&str>) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        }
        Answer {
            status,
            headers,
            text: String::new(),
            json: Value::Null,
        }
    }

    #[test]
    fn an_answer_that_the_document_does_not_name_is_found() {
        for (method, path, status, content_type, named) in [
            ("GET", "/api/v1/zones/nzo1", 200, Some("application/json"), true),
            ("GET", "/api/v1/zones/nzo1?x=1", 404, Some("application/json"), true),
            ("GET", "/api/v1/zones/nzo1", 418, Some("application/json"), false),
            ("GET", "/api/v1/zones/nzo1", 200, Some("text/html"), false),
            ("GET", "/api/v1/zones/nzo1", 200, None, false),
            ("DELETE", "/api/v1/zones/nzo1", 204, None, true),
            ("DELETE", "/api/v1/api-tokens/current", 404, Some("application/json"), false),
            ("HEAD", "/api/v1/zones", 200, None, true),
            // Not the document's.
            ("GET", "/admin", 418, None, true),
            ("TRACE", "/api/v1/zones", 405, Some("application/json"), true),
        ] {
            let seen = check(method, path, &answer(status, content_type));
            assert_eq!(seen.is_ok(), named, "{method} {path} {status} {content_type:?}: {seen:?}");
        }
    }
}
