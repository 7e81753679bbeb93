//! An administrator at a browser.

use anyhow::{Context as _, Result};
use secrecy::ExposeSecret as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use watchfire_app::{
    Clock as _,
    identity::{administrators::Acceptance, console::source},
};
use watchfire_crypto::totp;
use watchfire_model::log::RequestOrigin;

use crate::{
    machine::SystemClock,
    server::{Server, TOKEN},
};

const PASSWORD: &str = "correct horse battery";

/// Takes an administrator's link and signs in; gives the line of the cookie.
pub(super) async fn begin(server: &Server) -> Result<String> {
    let app = &server.app;
    let token = match server.first_invitation.clone() {
        Some(token) => token,
        // The store is of an earlier run, whose first administrator has signed in.
        None => invited(server).await?,
    };
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

/// What the link of an administrator ends with who is invited anew.
async fn invited(server: &Server) -> Result<String> {
    let headers = [("Authorization", &*format!("SSWS {TOKEN}")), ("Connection", "close")];
    let body = r#"{"login":"bench@example.com","role":"SUPER_ADMIN"}"#;
    let request = server.request("POST", "/watchfire/v1/administrators", &headers, "application/json", body);
    let mut conn = TcpStream::connect(server.address).await?;
    conn.write_all(&request).await?;
    let mut answer = String::new();
    conn.read_to_string(&mut answer).await?;
    let link = answer
        .split_once("/admin/invitations/")
        .and_then(|(_, rest)| rest.split_once('"'));
    let (token, _) = link.with_context(|| format!("no invitation: {answer}"))?;
    Ok(token.to_owned())
}
