//! Who calls a management operation: the extractor is the authentication (architecture section 5).

use axum::extract::FromRequestParts;
use http::request::Parts;
use secrecy::ExposeSecret;
use watchfire_app::{App, Challenge, Error, access::Principal};
use watchfire_model::{
    id::ApiTokenId,
    log::{ClientContext, IpHop, RequestOrigin, UserAgent},
};

use crate::{
    credentials::Credentials,
    error::OktaError,
    rate::RateReport,
    request::{RequestContext, shared},
};

/// A verified caller and what its request says about itself. Its call has been counted.
///
/// A handler that takes a `Caller` cannot be reached without a credential; which scope it needs is
/// the use case's to say.
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
        let principal = authenticate(parts, app, &context)?;
        rate.admit(app.count_api_call(&principal))?;
        let token = match &principal.grant {
            watchfire_app::access::Authority::Administrator { token_id, .. } => Some(token_id.clone()),
            watchfire_app::access::Authority::Client { .. } => None,
        };
        let origin = origin(&context, parts, token);
        Ok(Self { principal, origin })
    }
}

fn authenticate(parts: &Parts, app: &App, context: &RequestContext) -> Result<Principal, Error> {
    match Credentials::read(&parts.headers) {
        Credentials::Ssws(secret) => app.authenticate_api_token(secret.expose_secret(), context.client_ip),
        Credentials::Absent => Err(Error::Unauthenticated(Challenge::Missing)),
        _ => Err(Error::Unauthenticated(Challenge::InvalidToken(
            "The access token is invalid.",
        ))),
    }
}

/// What a request says about itself, for the log events that it causes.
pub(crate) fn origin(context: &RequestContext, parts: &Parts, api_token_id: Option<ApiTokenId>) -> RequestOrigin {
    let user_agent = context.user_agent.as_ref().map(|raw| UserAgent {
        raw_user_agent: raw.clone(),
        ..UserAgent::default()
    });
    RequestOrigin {
        client: ClientContext {
            ip_address: Some(context.client_ip),
            user_agent,
            ..ClientContext::default()
        },
        ip_chain: context.ip_chain.iter().copied().map(IpHop::new).collect(),
        request_id: context.request_id.as_str().to_owned(),
        request_uri: context.path.clone(),
        url: format!("{}?{}", context.path, parts.uri.query().unwrap_or_default()),
        api_token_id,
    }
}
