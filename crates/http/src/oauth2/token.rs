//! `POST /oauth2/v1/token` (okta.md 1.3).

use axum::{Json, extract::State, response::IntoResponse};
use http::{HeaderName, HeaderValue, StatusCode, header};
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::{
    App,
    identity::tokens::{ClientCall, IssuedToken},
};

use crate::{
    body::FormOrQuery,
    caller::Anonymous,
    credentials::{Credentials, DpopProof},
    error::{OAuthError, oauth::ErrorBody},
    rate::RateReport,
};

/// What every answer with a token says (RFC 6749 section 5.1).
const NO_STORE: [(HeaderName, HeaderValue); 2] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store")),
    (header::PRAGMA, HeaderValue::from_static("no-cache")),
];

/// A token request.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its schema is used; parameters come from the form and the query")]
pub(super) struct TokenForm {
    /// `client_credentials`
    grant_type: String,
    /// Separated by blanks, at most 1024 characters.
    #[schema(max_length = 1024, example = "okta.riskEvents.manage")]
    scope: String,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`
    client_assertion_type: String,
    /// A JWT, signed by one of the client's keys, with `exp` at most an hour ahead.
    client_assertion: String,
    /// Must be the assertion's, where it is given.
    client_id: Option<String>,
}

/// An access token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenObject {
    /// `Bearer`, or `DPoP` for an app that asks for bound tokens.
    token_type: &'static str,
    /// Seconds: 3600.
    expires_in: i64,
    /// Opaque to the client.
    access_token: String,
    /// The granted scopes, in the order asked for.
    scope: String,
}

/// Request a token
#[utoipa::path(post, path = "/oauth2/v1/token", tag = "OAuth",
    params(("DPoP" = Option<String>, Header, description = "RFC 9449; looked at only for apps that ask for bound tokens")),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 429)))]
pub(super) async fn issue(
    State(app): State<App>,
    Anonymous { origin, client_ip }: Anonymous,
    rate: RateReport,
    credentials: Credentials,
    proof: DpopProof,
    form: FormOrQuery,
) -> Result<impl IntoResponse, OAuthError> {
    let request = app.read_token_request(client_call(form, credentials))?;
    rate.admit(app.count_token_request(&request, client_ip).await)?;
    let issued = app.issue_token(request, proof.as_header(), origin).await?;
    Ok((NO_STORE, Json(TokenObject::from(issued))))
}

/// Which methods other origins may use
#[utoipa::path(options, path = "/oauth2/v1/token", tag = "OAuth", responses((status = 204)))]
pub(super) async fn preflight() -> impl IntoResponse {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST")),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600")),
        (header::VARY, HeaderValue::from_static("Origin")),
    ];
    (StatusCode::NO_CONTENT, headers)
}

/// What a client shows at an endpoint of the authorization server.
pub(super) fn client_call(form: FormOrQuery, credentials: Credentials) -> ClientCall {
    ClientCall {
        parameters: form.0,
        basic: match credentials {
            Credentials::Basic { user, password } => Some((user, password)),
            _ => None,
        },
    }
}

impl From<IssuedToken> for TokenObject {
    fn from(issued: IssuedToken) -> Self {
        Self {
            token_type: issued.token_type,
            expires_in: issued.expires_in,
            access_token: issued.access_token.expose_secret().to_owned(),
            scope: issued.scope,
        }
    }
}
