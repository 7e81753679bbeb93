//! The API, called by a page as its visitor: what the API refuses, the page cannot do.

use std::{convert::Infallible, fmt};

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    response::Response,
};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use tower::{ServiceExt as _, util::BoxCloneSyncService};
use url::form_urlencoded;

use crate::failure::Failure;

/// What surrounds the console puts one of these into every request.
type Service = BoxCloneSyncService<Request, Response, Infallible>;

/// Bytes of an answer.
const MAX_BYTES: usize = 16 * 1024 * 1024;
const CSRF: HeaderName = HeaderName::from_static("x-watchfire-csrf");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The API, for one visitor.
#[derive(Clone)]
pub(crate) struct Api {
    service: Option<Service>,
    csrf: String,
}

/// Why the API did not do it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    summary: String,
    causes: Vec<String>,
    retry_after: Option<u64>,
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) items: Vec<Value>,
    /// Where the next one begins.
    pub(crate) next: Option<String>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Api")
    }
}

impl Api {
    pub(crate) fn of(extensions: &Extensions, csrf: &str) -> Self {
        Self {
            service: extensions.get().cloned(),
            csrf: csrf.to_owned(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Refusal> {
        self.call(Method::GET, path, None).await
    }

    /// A list, and where it goes on.
    pub(crate) async fn list(&self, path: &str) -> Result<Listed, Refusal> {
        let (headers, body) = self.answer(Method::GET, path, None).await?;
        let Value::Array(items) = body else {
            return Err(Refusal::ours("the API gave no list"));
        };
        Ok(Listed {
            items,
            next: next(&headers),
        })
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Refusal> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value, Refusal> {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// The body of the answer; null when it has none.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Refusal> {
        self.answer(method, path, body).await.map(|(_, body)| body)
    }

    async fn answer(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(HeaderMap, Value), Refusal> {
        let Some(service) = self.service.clone() else {
            return Err(Refusal::ours("no API around the console"));
        };
        let request = self.request(method, path, body)?;
        let response = match service.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, MAX_BYTES).await;
        let bytes = bytes.map_err(|_| Refusal::ours("an answer of the API broke off"))?;
        let value = serde_json::from_slice(&bytes).unwrap_or_default();
        if parts.status.is_success() {
            Ok((parts.headers, value))
        } else {
            Err(Refusal::read(parts.status, &parts.headers, &value))
        }
    }

    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Request, Refusal> {
        let csrf = HeaderValue::from_str(&self.csrf).map_err(|_| Refusal::ours("a CSRF token that is no header"))?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(CSRF, csrf)
            .header(header::ACCEPT, JSON);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, JSON);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        // Ids come out of addresses: what cannot stand in one names nothing.
        request
            .body(body)
            .map_err(|_| Refusal::plain(StatusCode::NOT_FOUND, "There is nothing here."))
    }
}

impl Refusal {
    fn plain(status: StatusCode, summary: &str) -> Self {
        Self {
            status,
            summary: summary.to_owned(),
            causes: Vec::new(),
            retry_after: None,
        }
    }

    fn ours(what: &'static str) -> Self {
        tracing::error!(what, "a page failed");
        Self::plain(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here.")
    }

    fn read(status: StatusCode, headers: &HeaderMap, body: &Value) -> Self {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        // Okta's object, or OAuth's, whose description is the one fault that it tells.
        let summary = text("errorSummary").or_else(|| text("error_description"));
        let causes = body.get("errorCauses").and_then(Value::as_array).into_iter().flatten();
        let causes = causes.filter_map(|cause| cause.get("errorSummary")?.as_str());
        let mut causes: Vec<String> = causes.map(str::to_owned).collect();
        causes.extend(text("error_description").map(str::to_owned));
        let retry_after = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        Self {
            status,
            summary: summary.unwrap_or("This was refused.").to_owned(),
            causes,
            retry_after: retry_after.and_then(|seconds| seconds.parse().ok()),
        }
    }

    /// Whether the API has answered with this status.
    pub(crate) fn is(&self, status: StatusCode) -> bool {
        self.status == status
    }

    /// Whether it is about what was typed, so that the form can say so.
    pub(crate) fn is_about_input(&self) -> bool {
        matches!(self.status.as_u16(), 400 | 409 | 413 | 422 | 502)
    }

    /// One sentence a fault; those of a member begin with its name and a colon.
    pub(crate) fn sentences(self) -> Vec<String> {
        if self.causes.is_empty() {
            vec![self.summary]
        } else {
            self.causes
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let (status, retry_after) = (refusal.status, refusal.retry_after);
        let text = match status {
            StatusCode::NOT_FOUND => "There is nothing here, or it is gone.".to_owned(),
            StatusCode::UNAUTHORIZED => "Your session has ended. Sign in again.".to_owned(),
            StatusCode::FORBIDDEN if refusal.causes.is_empty() => {
                "Your role does not allow this. Ask a super administrator.".to_owned()
            }
            StatusCode::TOO_MANY_REQUESTS => "Too many requests. Wait a minute and try again.".to_owned(),
            StatusCode::SERVICE_UNAVAILABLE => "The store is busy. Try again in a moment.".to_owned(),
            _ if status.is_server_error() && !refusal.is_about_input() => {
                "Something went wrong here. The server's log says what.".to_owned()
            }
            _ => refusal.sentences().join(" "),
        };
        Self::new(status, text).after(retry_after)
    }
}

/// The `after` of the link to the next page.
fn next(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::LINK).iter().filter_map(|line| line.to_str().ok());
    let mut addresses = lines
        .filter(|line| line.ends_with("rel=\"next\""))
        .filter_map(|line| line.strip_prefix('<')?.split('>').next());
    let query = addresses.next()?.split_once('?')?.1;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "after").map(|(_, value)| value.into_owned())
}

/// An id as a part of a path.
pub(crate) fn segment(id: &str) -> String {
    form_urlencoded::byte_serialize(id.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_shapes_of_errors_are_read() {
        let okta = json!({"errorSummary": "Api validation failed: name", "errorCauses": [{"errorSummary": "name: The field cannot be left blank"}]});
        let refusal = Refusal::read(StatusCode::BAD_REQUEST, &HeaderMap::new(), &okta);
        assert_eq!(refusal.sentences(), ["name: The field cannot be left blank"]);
        let oauth = json!({"error": "invalid_client_metadata", "error_description": "jwks: no"});
        let refusal = Refusal::read(StatusCode::BAD_REQUEST, &HeaderMap::new(), &oauth);
        assert_eq!(refusal.sentences(), ["jwks: no"]);
    }

    #[test]
    fn the_next_page_is_found_among_the_links() {
        let mut headers = HeaderMap::new();
        headers.append(header::LINK, HeaderValue::from_static("<https://a/x?limit=2>; rel=\"self\""));
        assert_eq!(next(&headers), None);
        headers.append(
            header::LINK,
            HeaderValue::from_static("<https://a/x?after=00u%2F1&limit=2>; rel=\"next\""),
        );
        assert_eq!(next(&headers).as_deref(), Some("00u/1"));
    }

    #[test]
    fn an_id_stays_one_part_of_a_path() {
        assert_eq!(segment("a/../b?c#d"), "a%2F..%2Fb%3Fc%23d");
    }
}
