//! A passkey, alone or instead of the code.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use watchfire_app::{
    App, Error,
    identity::{console, passkeys::PasskeySignIn},
};

use super::{PasswordPage, TOO_LATE, begun, refusal, safe};
use crate::{failure::Failure, fields::Form, page::render, visitor::Origin};

const WRONG: &str = "This passkey does not sign you in here. Try another way.";

/// What the browser is asked to show.
pub(crate) async fn options(State(app): State<App>, origin: Origin) -> Result<Response, Failure> {
    Ok(Json(app.begin_passkey_sign_in(&console::source(origin.request)).await?).into_response())
}

/// Takes what it shows; begins the session.
pub(crate) async fn finish(State(app): State<App>, origin: Origin, Form(form): Form) -> Result<Response, Failure> {
    let next = safe(form.get("next"));
    let shown = PasskeySignIn {
        credential: form.get("credential"),
        pending: form.get("pending"),
        old_cookie: origin.cookie.as_deref(),
    };
    let source = console::source(origin.request);
    let (status, fault) = match app.finish_passkey_sign_in(shown, source).await {
        Ok(session) => return Ok(begun(&app, &session, &next)),
        Err(Error::Unauthenticated(_)) => (StatusCode::UNAUTHORIZED, TOO_LATE),
        Err(error) => refusal(error, WRONG)?,
    };
    let page = PasswordPage {
        fault,
        ..PasswordPage::new(&app, &next)
    };
    Ok((status, render(&page)).into_response())
}
