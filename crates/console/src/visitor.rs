//! Who looks at a page: the session behind the request's cookie.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use watchfire_app::{
    App,
    identity::console::{ConsoleSession, Used},
};
use watchfire_model::log::RequestOrigin;

use crate::{
    api::Api,
    failure::Failure,
    fields::{Fields, address},
};

/// Somebody who is signed in.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) session: ConsoleSession,
    pub(crate) origin: Origin,
    /// The API, with this session.
    pub(crate) api: Api,
    /// Whether htmx asks for a part of a page.
    pub(crate) wants_fragment: bool,
}

/// From where a request comes, for the System Log; and the cookie that it shows, whatever that is worth.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) request: RequestOrigin,
    pub(crate) cookie: Option<String>,
    /// The cookie of a sign-in that is under way at the OpenID provider.
    pub(crate) attempt_cookie: Option<String>,
}

const HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");
const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");

impl Visitor {
    /// Whether the role reaches `scope`: what it does not is not offered. The API decides.
    pub(crate) fn may(&self, scope: &str) -> bool {
        self.session.role.reaches(scope)
    }

    /// Lets a change through that shows the session's CSRF token.
    ///
    /// # Errors
    /// 403 without it.
    pub(crate) fn check(&self, form: &Fields) -> Result<(), Failure> {
        if self.session.takes(form.get("csrf")) {
            return Ok(());
        }
        Err(Failure::new(
            StatusCode::FORBIDDEN,
            "This form is from an older session. Go back, load the page again and repeat the change.",
        ))
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let origin = Origin::read(parts, app);
        let wants_fragment = parts.headers.contains_key(HX_REQUEST);
        // The live tail asks by itself: a screen that nobody looks at must not keep a session alive.
        let path = parts.uri.path();
        let used = if path.ends_with("/system-log/tail") || path.ends_with("/system-log/stream") {
            Used::ByPage
        } else {
            Used::ByPerson
        };
        let cookie = origin.cookie.as_deref();
        let session = cookie.and_then(|cookie| app.console_session(cookie, used).ok());
        match session {
            Some(session) => Ok(Self {
                api: Api::of(&parts.extensions, &session.csrf),
                session,
                origin,
                wants_fragment,
            }),
            None => Err(to_sign_in(parts, wants_fragment)),
        }
    }
}

impl FromRequestParts<App> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::read(parts, app))
    }
}

impl Origin {
    fn read(parts: &Parts, app: &App) -> Self {
        let mut request: RequestOrigin = parts.extensions.get().cloned().unwrap_or_default();
        // Queries of pages are filters about people; the log has what was done, not what was looked for.
        request.url.clone_from(&request.request_uri);
        Self {
            request,
            cookie: cookie(&parts.headers, app.console_cookie_name()),
            attempt_cookie: cookie(&parts.headers, app.oidc_cookie_name()),
        }
    }

    /// The same with another path: that of an invitation is a secret.
    pub(crate) fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.request.request_uri);
        path.clone_into(&mut self.request.url);
        self
    }
}

/// The page to sign in, and back from there.
fn to_sign_in(parts: &Parts, wants_fragment: bool) -> Response {
    let back = parts.uri.path_and_query().filter(|_| parts.method == Method::GET);
    let back = back.map_or("/admin", |path| path.as_str());
    let to = address("/admin/sign-in", &[("next", back)]);
    if !wants_fragment {
        return Redirect::to(&to).into_response();
    }
    let mut response = StatusCode::UNAUTHORIZED.into_response();
    response
        .headers_mut()
        .insert(HX_REDIRECT, HeaderValue::from_static("/admin/sign-in"));
    response
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}
