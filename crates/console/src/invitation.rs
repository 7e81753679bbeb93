//! The page of a one-time link: a password, and the authenticator app.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use fast_qr::{ECL, QRBuilder, convert::Builder as _, convert::svg::SvgBuilder};
use http::StatusCode;
use watchfire_app::{
    App, Error,
    identity::administrators::{Acceptance, Enrolment},
};

use crate::{
    assets::{LINKS, Links},
    failure::Failure,
    fields::Form,
    page::render,
    sign_in,
    visitor::Origin,
};

/// What the System Log calls this page: its address is a secret.
const LOGGED_AS: &str = "/admin/invitations";
const GONE: &str =
    "This link was used, has expired, or never was one. Ask a super administrator for another: watchfire admin invite.";

#[derive(Debug, Template)]
#[template(path = "invitation.html")]
struct InvitationPage<'a> {
    links: &'static Links,
    token: &'a str,
    login: &'a str,
    secret: &'a str,
    sealed: &'a str,
    /// The QR code, as SVG that is ours.
    qr: String,
    faults: Vec<String>,
}

/// The form.
pub(crate) async fn form(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Failure> {
    let enrolment = app.open_invitation(&token).map_err(gone)?;
    Ok(show(&token, &enrolment, Vec::new()))
}

/// Takes the form.
pub(crate) async fn accept(
    State(app): State<App>,
    origin: Origin,
    Path(token): Path<String>,
    Form(form): Form,
) -> Result<Response, Failure> {
    let sealed = form.get("sealed");
    let enrolment = app.reopen_invitation(&token, sealed).map_err(gone)?;
    if form.get("password") != form.get("again") {
        return Ok(refused(
            &token,
            &enrolment,
            vec!["The two passwords are not the same.".to_owned()],
        ));
    }
    let acceptance = Acceptance {
        token: token.clone(),
        password: form.get("password").into(),
        sealed: sealed.to_owned(),
        code: form.get("code").split_whitespace().collect(),
    };
    let old_cookie = origin.cookie.clone();
    let accepted = app.accept_invitation(acceptance, old_cookie.as_deref(), origin.at(LOGGED_AS).request);
    let faults = match accepted.await {
        Ok(None) => return Ok(Redirect::to("/admin/sign-in?accepted=1").into_response()),
        Ok(Some(begun)) => return Ok(sign_in::begun(&app, &begun, "/admin")),
        Err(Error::Catalogued { code: "E0000068", .. }) => {
            vec!["The code does not fit. Scan the picture again, and type the code that the app shows now.".to_owned()]
        }
        Err(Error::Catalogued { causes, .. }) if !causes.is_empty() => causes,
        Err(error) => return Err(gone(error)),
    };
    Ok(refused(&token, &enrolment, faults))
}

fn refused(token: &str, enrolment: &Enrolment, faults: Vec<String>) -> Response {
    (StatusCode::BAD_REQUEST, show(token, enrolment, faults)).into_response()
}

fn show(token: &str, enrolment: &Enrolment, faults: Vec<String>) -> Response {
    render(&InvitationPage {
        links: &LINKS,
        token,
        login: &enrolment.login,
        secret: &enrolment.secret,
        sealed: &enrolment.sealed,
        qr: qr(&enrolment.uri),
        faults,
    })
}

/// Without a picture the secret can still be typed.
fn qr(text: &str) -> String {
    let code = QRBuilder::new(text).ecl(ECL::M).build();
    code.map(|code| SvgBuilder::default().margin(2).to_str(&code))
        .unwrap_or_default()
}

fn gone(error: Error) -> Failure {
    match error {
        Error::NotFound { .. } => Failure::new(StatusCode::NOT_FOUND, GONE),
        other => other.into(),
    }
}
