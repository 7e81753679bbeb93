//! To the team's own OpenID provider and back.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::StatusCode;
use secrecy::ExposeSecret as _;
use watchfire_app::{
    App,
    identity::{
        console,
        oidc::{OidcFailure, OidcRefusal, flow::OidcStep},
    },
    openid::AuthorizationResponse,
};

use super::{PasswordPage, begun, code_page, refusal, safe, set_cookie_named};
use crate::{failure::Failure, fields::Fields, page::render, visitor::Origin};

/// Seconds that the browser keeps the cookie of an attempt.
const ATTEMPT_SECONDS: u32 = 600;

/// Sends the browser there. A link and no form: a policy of forms would hold for where they lead, too.
pub(crate) async fn begin(State(app): State<App>, origin: Origin, query: Fields) -> Result<Response, Failure> {
    let next = safe(query.get("next"));
    let begun = app.begin_oidc(&next, console::source(origin.request)).await;
    match begun {
        Ok(begun) => {
            let mut response = Redirect::to(&begun.address).into_response();
            let cookie = begun.cookie.expose_secret();
            set_cookie_named(&mut response, &app, app.oidc_cookie_name(), cookie, Some(ATTEMPT_SECONDS));
            Ok(response)
        }
        Err(refused) => refused_page(&app, refused, &next),
    }
}

/// Takes what the browser brings back.
pub(crate) async fn callback(State(app): State<App>, origin: Origin, query: Fields) -> Result<Response, Failure> {
    let answer = AuthorizationResponse {
        state: query.get("state").to_owned(),
        code: query.get("code").to_owned(),
        issuer: query.get("iss").to_owned(),
        error: query.get("error").to_owned(),
    };
    let attempt = origin.attempt_cookie.as_deref();
    let source = console::source(origin.request);
    let finished = app.finish_oidc(answer, attempt, origin.cookie.as_deref(), source).await;
    let mut response = match finished {
        Ok(finished) => match finished.step {
            OidcStep::Session(session) => begun(&app, &session, &finished.next),
            OidcStep::Code(pending) => code_page(&app, &pending, &finished.next),
        },
        Err(refused) => refused_page(&app, refused, "/admin")?,
    };
    set_cookie_named(&mut response, &app, app.oidc_cookie_name(), "", Some(0));
    Ok(response)
}

/// The sign-in page, with what the person can do about it.
fn refused_page(app: &App, refused: OidcRefusal, next: &str) -> Result<Response, Failure> {
    let (status, fault) = match refused {
        OidcRefusal::Failed(failure) => (status_of(&failure), failure.for_people()),
        OidcRefusal::Error(error) => refusal(error, "This did not work. Begin again.")?,
    };
    let page = PasswordPage {
        fault,
        ..PasswordPage::new(app, next)
    };
    Ok((status, render(&page)).into_response())
}

const fn status_of(failure: &OidcFailure) -> StatusCode {
    match failure {
        OidcFailure::Off => StatusCode::NOT_FOUND,
        OidcFailure::Unavailable(..) | OidcFailure::Keys(_) => StatusCode::BAD_GATEWAY,
        OidcFailure::NotLinked(_) | OidcFailure::NoFactor => StatusCode::FORBIDDEN,
        _ => StatusCode::UNAUTHORIZED,
    }
}
