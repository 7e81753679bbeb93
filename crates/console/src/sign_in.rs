//! The way in and out: password or the team's own OpenID provider, then the code of the authenticator app.

pub(crate) mod oidc;
pub(crate) mod passkey;

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderValue, StatusCode, header};
use secrecy::ExposeSecret as _;
use watchfire_app::{
    App, Error,
    identity::console::{self, BegunSession},
};

use crate::{
    assets::{LINKS, Links},
    failure::Failure,
    fields::{Fields, Form, address},
    page::render,
    system_log::shown,
    visitor::{Origin, Visitor},
};

/// The first step.
#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
struct PasswordPage<'a> {
    links: &'static Links,
    login: &'a str,
    next: &'a str,
    /// What went wrong.
    fault: &'a str,
    /// What went right before this.
    done: &'a str,
    /// What the button of the OpenID provider says, and where it leads.
    provider: Option<(String, String)>,
    /// Whether passwords are taken.
    password: bool,
    /// Whether passkeys are.
    passkey: bool,
}

impl<'a> PasswordPage<'a> {
    fn new(app: &App, next: &'a str) -> Self {
        let (provider, password) = app.console_ways();
        Self {
            links: &LINKS,
            login: "",
            next,
            fault: "",
            done: "",
            provider: provider.map(|name| (shown(&name), address("/admin/sign-in/oidc", &[("next", next)]))),
            passkey: password && app.takes_passkeys(),
            password,
        }
    }
}

/// The second step.
#[derive(Debug, Template)]
#[template(path = "sign_in_code.html")]
struct CodePage<'a> {
    links: &'static Links,
    pending: &'a str,
    next: &'a str,
    fault: &'a str,
    passkey: bool,
}

const WRONG: &str = "User name or password is wrong, or this account cannot use the console.";
const WRONG_CODE: &str = "This code is wrong, was used before, or is too old. Wait for the next one.";
const TOO_MANY: &str = "Too many attempts. Wait a while and try again.";
const BLOCKED: &str = "Sign-in from this network is blocked.";
const TOO_LATE: &str = "The sign-in took too long. Begin again.";

/// The form of the first step.
pub(crate) async fn form(State(app): State<App>, origin: Origin, query: Fields) -> Response {
    let next = safe(query.get("next"));
    if signed_in(&app, &origin) {
        return Redirect::to(&next).into_response();
    }
    let done = if query.get("accepted").is_empty() {
        ""
    } else {
        "Password and authenticator app are set. Sign in with them now."
    };
    render(&PasswordPage {
        done,
        ..PasswordPage::new(&app, &next)
    })
}

/// Checks the password; asks for the code.
pub(crate) async fn password(State(app): State<App>, origin: Origin, Form(form): Form) -> Result<Response, Failure> {
    let next = safe(form.get("next"));
    let login = form.get("login").trim();
    let source = console::source(origin.request);
    let checked = app.console_password(login, form.get("password").into(), source).await;
    let (status, fault) = match checked {
        Ok(pending) => {
            return Ok(code_page(&app, &pending, &next));
        }
        Err(error) => refusal(error, WRONG)?,
    };
    let page = PasswordPage {
        login,
        fault,
        ..PasswordPage::new(&app, &next)
    };
    Ok((status, render(&page)).into_response())
}

/// Checks the code; begins the session.
pub(crate) async fn code(State(app): State<App>, origin: Origin, Form(form): Form) -> Result<Response, Failure> {
    let (next, pending) = (safe(form.get("next")), form.get("pending"));
    let source = console::source(origin.request);
    let begun = app
        .console_code(pending, form.get("code"), origin.cookie.as_deref(), source)
        .await;
    let (status, fault) = match begun {
        Ok(begun) => return Ok(self::begun(&app, &begun, &next)),
        Err(Error::Unauthenticated(_)) => {
            let page = PasswordPage {
                fault: TOO_LATE,
                ..PasswordPage::new(&app, &next)
            };
            return Ok((StatusCode::UNAUTHORIZED, render(&page)).into_response());
        }
        Err(error) => refusal(error, WRONG_CODE)?,
    };
    let page = CodePage {
        links: &LINKS,
        pending,
        next: &next,
        fault,
        passkey: app.takes_passkeys(),
    };
    Ok((status, render(&page)).into_response())
}

/// The form of the second step.
fn code_page(app: &App, pending: &str, next: &str) -> Response {
    render(&CodePage {
        links: &LINKS,
        pending,
        next,
        fault: "",
        passkey: app.takes_passkeys(),
    })
}

/// The answer that begins a session, on to `next`.
pub(crate) fn begun(app: &App, begun: &BegunSession, next: &str) -> Response {
    let mut response = Redirect::to(next).into_response();
    set_cookie(&mut response, app, begun.cookie.expose_secret(), None);
    response
}

/// Ends the session.
pub(crate) async fn sign_out(State(app): State<App>, visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    app.console_sign_out(&visitor.session, visitor.origin.request).await?;
    let mut response = Redirect::to("/admin/sign-in").into_response();
    set_cookie(&mut response, &app, "", Some(0));
    Ok(response)
}

fn signed_in(app: &App, origin: &Origin) -> bool {
    let cookie = origin.cookie.as_deref();
    cookie.is_some_and(|cookie| app.console_session(cookie, console::Used::ByPage).is_ok())
}

/// What is said of a refusal, where it is one of the visitor's.
fn refusal(error: Error, wrong: &'static str) -> Result<(StatusCode, &'static str), Failure> {
    match error {
        Error::AuthenticationFailed => Ok((StatusCode::UNAUTHORIZED, wrong)),
        Error::RateLimited => Ok((StatusCode::TOO_MANY_REQUESTS, TOO_MANY)),
        Error::Forbidden { .. } => Ok((StatusCode::FORBIDDEN, BLOCKED)),
        other => Err(other.into()),
    }
}

/// The cookie of the session.
fn set_cookie(response: &mut Response, app: &App, value: &str, max_age: Option<u32>) {
    set_cookie_named(response, app, app.console_cookie_name(), value, max_age);
}

/// A cookie is bound to this host, is sent over https only (where there is https), and no script sees it.
fn set_cookie_named(response: &mut Response, app: &App, name: &str, value: &str, max_age: Option<u32>) {
    let secure = if app.console_is_secure() { "; Secure" } else { "" };
    let age = max_age.map(|age| format!("; Max-Age={age}")).unwrap_or_default();
    let line = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
    if let Ok(line) = HeaderValue::from_str(&line) {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
}

/// Where to go after signing in: a page of ours, never another site.
fn safe(next: &str) -> String {
    let ours = next == "/admin" || next.starts_with("/admin/") || next.starts_with("/admin?");
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let sign_in = next.starts_with("/admin/sign-");
    if ours && plain && !sign_in && !next.starts_with("//") {
        next.to_owned()
    } else {
        "/admin".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_never_leads_elsewhere() {
        for (next, to) in [
            ("/admin", "/admin"),
            ("/admin/reports/system-log?q=a", "/admin/reports/system-log?q=a"),
            ("", "/admin"),
            ("https://evil.example", "/admin"),
            ("//evil.example", "/admin"),
            ("/\\evil.example", "/admin"),
            ("/admin/\r\nset-cookie: a=b", "/admin"),
            ("/administrator", "/admin"),
            ("/admin/sign-out", "/admin"),
        ] {
            assert_eq!(safe(next), to, "{next:?}");
        }
    }
}
