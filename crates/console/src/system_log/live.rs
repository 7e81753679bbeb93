//! The live tail: Server-Sent Events, each of them a row of the page under the place of its event, so that a
//! browser that comes back says behind which one it goes on.

use askama::Template;
use axum::{
    body::Body,
    extract::{Extension, State},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use watchfire_app::{
    App, Error,
    insight::log_tail::{LogTail, ServerEnd, TailNews},
};

use super::{count, request::LogRequest, row::Row};
use crate::{failure::Failure, fields::Fields, visitor::Visitor};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Proxies that gather answers before they pass them on must not.
const BUFFERING: (HeaderName, HeaderValue) = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
/// How soon a browser that was cut off comes back, in milliseconds.
const BEGIN: &str = "retry: 2000\n\n";
/// What the page does not come back after.
const SIGNED_OUT: &str = "event: end\ndata: signed-out\n\n";

#[derive(Debug, Template)]
#[template(path = "system_log_row.html")]
struct RowFragment {
    row: Row,
}

/// Follows the log for as long as the browser, the session and the server last.
pub(crate) async fn stream(
    State(app): State<App>,
    visitor: Visitor,
    end: Option<Extension<ServerEnd>>,
    headers: HeaderMap,
    query: Fields,
) -> Result<Response, Failure> {
    count(&app, &visitor).await?;
    let request = LogRequest::read(&query, app.clock().now());
    let last = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    let end = end.map(|Extension(end)| end).unwrap_or_default();
    let cookie = visitor.origin.cookie.clone().unwrap_or_default();
    let tail = app.follow_log(&visitor.session, cookie, request.tailed(last), end)?;
    let begun = stream::once(std::future::ready(Ok(BEGIN.to_owned())));
    let body = Body::from_stream(stream::StreamExt::chain(begun, stream::unfold(Some((tail, request)), next)));
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(([kind, BUFFERING], body).into_response())
}

type Followed = Option<(LogTail, LogRequest)>;

/// The next piece, and what follows it.
async fn next(followed: Followed) -> Option<(Result<String, Error>, Followed)> {
    let (mut tail, request) = followed?;
    Some(match tail.next().await? {
        Ok(TailNews::Events(entries)) => {
            let rows = entries
                .iter()
                .map(|entry| (entry.cursor.to_string(), Row::new(entry, &request)));
            let text = rows.map(|(id, row)| event(&id, row)).collect();
            (Ok(text), Some((tail, request)))
        }
        // An id without data: the browser remembers the place, and the page hears nothing.
        Ok(TailNews::Nothing { after }) => (Ok(format!("id: {after}\n\n")), Some((tail, request))),
        Ok(TailNews::SignedOut) => (Ok(SIGNED_OUT.to_owned()), None),
        // The browser comes back, and is told then what is wrong.
        Err(error) => (Err(error), None),
    })
}

fn event(id: &str, row: Row) -> String {
    let html = match (RowFragment { row }).render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(error = %error, "a row was not rendered");
            String::new()
        }
    };
    // Whatever may end a line there ends a line of data.
    let lines: String = html.split(['\n', '\r']).map(|line| format!("data: {line}\n")).collect();
    format!("event: row\nid: {id}\n{lines}\n")
}
