//! An administrator at a browser.

use anyhow::{Context as _, Result};
use secrecy::ExposeSecret as _;
use watchfire_app::{
    Clock as _,
    identity::{administrators::Acceptance, console::source},
};
use watchfire_crypto::totp;
use watchfire_model::log::RequestOrigin;

use crate::{machine::SystemClock, server::Server};

const PASSWORD: &str = "correct horse battery";

/// Takes the first administrator's link and signs in; gives the line of the cookie.
pub(super) async fn begin(server: &Server) -> Result<String> {
    let app = &server.app;
    let token = server
        .first_invitation
        .clone()
        .context("the first administrator has signed in before")?;
    let enrolment = app.open_invitation(&token)?;
    let secret = totp::decode_secret(&enrolment.secret)?;
    let step = totp::step_at(SystemClock.now().as_seconds());
    let acceptance = Acceptance {
        token,
        password: PASSWORD.into(),
        sealed: enrolment.sealed.clone(),
        code: totp::code_at_step(&secret, step),
    };
    app.accept_invitation(acceptance, None, RequestOrigin::default()).await?;
    let from = || source(RequestOrigin::default());
    let pending = app.console_password(&enrolment.login, PASSWORD.into(), from()).await?;
    // Each code works once: that of the next step is taken early.
    let begun = app
        .console_code(&pending, &totp::code_at_step(&secret, step + 1), None, from())
        .await?;
    Ok(format!("{}={}", app.console_cookie_name(), begun.cookie.expose_secret()))
}
