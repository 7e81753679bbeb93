//! Who calls a management operation: the extractor is the authentication (architecture section 5).

use std::net::IpAddr;

use axum::extract::{FromRequestParts, MatchedPath};
use http::{HeaderMap, HeaderName, Method, header, request::Parts};
use secrecy::ExposeSecret;
use watchfire_app::{
    App, Challenge, Error,
    access::{Principal, ResourceCall, Scheme},
};
use watchfire_model::{
    id::ApiTokenId,
    log::{ClientContext, GeographicalContext, IpHop, RequestOrigin, UserAgent},
};

use crate::{
    credentials::{Credentials, DpopProof},
    error::OktaError,
    rate::RateReport,
    request::{RequestContext, shared},
    scopes::ScopeTable,
};

/// A verified caller and what its request says about itself. Its call has been counted.
///
/// A handler that takes a `Caller` cannot be reached without a credential, nor with a token that lacks
/// the scope which the OpenAPI document names; the use case asks for it again.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Who.
    pub(crate) principal: Principal,
    /// From where: for the System Log.
    pub(crate) origin: RequestOrigin,
}

impl FromRequestParts<App> for Caller {
    type Rejection = OktaError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, OktaError> {
        let context = shared(parts)?.context.clone();
        let rate = RateReport::from_request_parts(parts, app).await?;
        let principal = authenticate(parts, app, &context).await?;
        let (window, of) = if is_about_a_sign_in(parts) {
            (app.count_sign_in_call(&principal).await, "sign-ins")
        } else {
            (app.count_api_call(&principal).await, "management")
        };
        if window.is_some_and(|window| !window.allowed) {
            let origin = origin(app, &context, parts, principal.api_token().cloned());
            app.note_rate_limit(window.as_ref(), of, &principal, &origin);
        }
        rate.admit(window)?;
        ScopeTable::check(parts, &principal)?;
        let token = principal.api_token().cloned();
        let origin = origin(app, &context, parts, token);
        Ok(Self { principal, origin })
    }
}

/// Somebody who shows no credential of the management API: what the request says about itself.
#[derive(Clone, Debug)]
pub(crate) struct Anonymous {
    /// From where: for the System Log.
    pub(crate) origin: RequestOrigin,
    /// From where: for limits.
    pub(crate) client_ip: IpAddr,
}

impl FromRequestParts<App> for Anonymous {
    type Rejection = OktaError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, OktaError> {
        let context = shared(parts)?.context.clone();
        let mut origin = origin(app, &context, parts, None);
        // Here credentials come as parameters, in old SDKs in the query: the log must not have them.
        origin.url.clone_from(&origin.request_uri);
        Ok(Self {
            origin,
            client_ip: context.client_ip,
        })
    }
}

/// Whether an operation is part of somebody's sign-in, and not of managing things.
fn is_about_a_sign_in(parts: &Parts) -> bool {
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let is_ours = path.starts_with("/api/v1/authn");
    parts.method == Method::POST && (is_ours || ["/watchfire/v1/sign-ins", "/watchfire/v1/sign-ins/{id}/outcome"].contains(&path))
}

async fn authenticate(parts: &Parts, app: &App, context: &RequestContext) -> Result<Principal, Error> {
    let (scheme, token) = match Credentials::read(&parts.headers) {
        Credentials::Ssws(secret) => return app.authenticate_api_token(secret.expose_secret(), context.client_ip),
        Credentials::Bearer(token) => (Scheme::Bearer, token),
        Credentials::Dpop(token) => (Scheme::Dpop, token),
        Credentials::Absent => return console_session(parts, app),
        Credentials::Basic { .. } | Credentials::Unreadable => {
            return Err(Error::Unauthenticated(Challenge::InvalidToken(
                "The access token is invalid.",
            )));
        }
    };
    let proof = DpopProof::read(&parts.headers);
    let call = ResourceCall {
        scheme,
        token: token.expose_secret(),
        proof: proof.as_header(),
        method: context.method.as_str(),
        path: &context.path,
    };
    app.authenticate_access_token(&call).await
}

/// The Admin Console calls the API with its session's cookie and, in a header that no form and no other
/// site can send, its CSRF token.
fn console_session(parts: &Parts, app: &App) -> Result<Principal, Error> {
    let Some(cookie) = cookie(&parts.headers, app.console_cookie_name()) else {
        return Err(Error::Unauthenticated(Challenge::Missing));
    };
    let token = parts.headers.get(CSRF).and_then(|value| value.to_str().ok());
    app.authenticate_console_call(cookie, token)
}

/// What the session's CSRF token comes in.
const CSRF: HeaderName = HeaderName::from_static("x-watchfire-csrf");

/// The value of the cookie called `name`.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// What a request says about itself, for the log events that it causes.
pub(crate) fn origin(app: &App, context: &RequestContext, parts: &Parts, api_token_id: Option<ApiTokenId>) -> RequestOrigin {
    let located = app.locate(context.client_ip);
    let geographical_context = located.context();
    let user_agent = context.user_agent.as_ref().map(|raw| UserAgent {
        raw_user_agent: raw.clone(),
        ..UserAgent::default()
    });
    RequestOrigin {
        client: ClientContext {
            ip_address: Some(context.client_ip),
            user_agent,
            geographical_context: geographical_context.clone(),
            ..ClientContext::default()
        },
        ip_chain: ip_chain(context, geographical_context),
        network: located.network(),
        request_id: context.request_id.as_str().to_owned(),
        request_uri: context.path.clone(),
        url: format!("{}?{}", context.path, parts.uri.query().unwrap_or_default()),
        api_token_id,
    }
}

/// The client is where it is; of proxies only the address is of interest.
fn ip_chain(context: &RequestContext, of_client: Option<GeographicalContext>) -> Vec<IpHop> {
    let mut hops: Vec<IpHop> = context.ip_chain.iter().copied().map(IpHop::new).collect();
    if let Some(client) = hops.first_mut() {
        client.geographical_context = of_client;
    }
    hops
}
