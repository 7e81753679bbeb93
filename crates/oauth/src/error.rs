//! The error body of OAuth (RFC 6749 section 5.2), and the refusals of the token endpoint that
//! belong to no other module.

use std::borrow::Cow;

/// What goes over the wire: `{"error": …, "error_description": …}` under an HTTP status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}: {description}")]
pub struct OAuthError {
    /// HTTP status.
    pub status: u16,
    /// `error`
    pub error: &'static str,
    /// `error_description`
    pub description: Cow<'static, str>,
}

impl OAuthError {
    /// 400 with this `error`.
    pub fn bad_request(error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: 400,
            error,
            description: description.into(),
        }
    }

    /// 401 with this `error`.
    pub fn unauthorized(error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: 401,
            error,
            description: description.into(),
        }
    }
}

/// Why the token, introspection or revocation endpoint refuses a request before or beside the
/// assertion (okta.md 1.3.4, 1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.description())]
pub enum TokenRequestError {
    /// No credentials at all.
    NoCredentials,
    /// `client_id` names no client, or another one than the assertion.
    UnknownClient,
    /// An inactive client, a wrong secret, or a method that the client did not register.
    ClientAuthenticationFailed,
    /// The client registered another method.
    NotPrivateKeyJwt,
    /// The client is no service app.
    NotAService,
    /// Two kinds of credentials.
    MultipleCredentials,
    /// `client_assertion_type` is absent or another one.
    InvalidAssertionType,
    /// No `grant_type`.
    MissingGrantType,
    /// The same parameter twice.
    RepeatedParameter,
    /// A secret in the query.
    CredentialsInQuery,
    /// A `grant_type` that the server does not know.
    UnsupportedGrantType,
    /// The client registered other grant types.
    UnauthorizedClient,
    /// No `token` to introspect or revoke.
    MissingToken,
}

impl TokenRequestError {
    /// `error_description`.
    pub const fn description(self) -> &'static str {
        match self {
            Self::NoCredentials => "No client credentials found.",
            Self::UnknownClient => "Invalid value for 'client_id' parameter.",
            Self::ClientAuthenticationFailed => {
                "Client authentication failed. Either the client or the client credentials are invalid."
            }
            Self::NotPrivateKeyJwt => {
                "Client Credentials requests to the Org Authorization Server must use the private_key_jwt \
                 token_endpoint_auth_method."
            }
            Self::NotAService => {
                "Only clients with 'application_type' of 'service' may use the client_credentials 'grant_type' with the \
                 Org Authorization Server."
            }
            Self::MultipleCredentials => {
                "Cannot supply multiple client credentials. Use one of the following: credentials in the Authorization \
                 header, credentials in the post body, or a client_assertion in the post body."
            }
            Self::InvalidAssertionType => "The client_assertion_type is invalid.",
            Self::MissingGrantType => {
                "The token request must specify a 'grant_type'. Valid values: [authorization_code, client_credentials, \
                 implicit, interaction_code, password, refresh_token]"
            }
            Self::RepeatedParameter => "The request contained multiple parameters with the same name.",
            Self::CredentialsInQuery => "Client credentials cannot be supplied via query parameters.",
            Self::UnsupportedGrantType => {
                "The authorization grant type is not supported by the authorization server. Configured grant types: \
                 [client_credentials]."
            }
            Self::UnauthorizedClient => {
                "The client is not authorized to use the provided grant type. Configured grant types: [client_credentials]."
            }
            Self::MissingToken => "The 'token' parameter is required.",
        }
    }
}

impl From<TokenRequestError> for OAuthError {
    fn from(error: TokenRequestError) -> Self {
        use TokenRequestError as E;
        let description = error.description();
        match error {
            E::NoCredentials | E::UnknownClient | E::ClientAuthenticationFailed | E::NotPrivateKeyJwt | E::NotAService => {
                Self::unauthorized("invalid_client", description)
            }
            // okta.md 13 row 15
            E::MultipleCredentials => Self::unauthorized("invalid_request", description),
            E::InvalidAssertionType | E::MissingGrantType | E::RepeatedParameter | E::CredentialsInQuery | E::MissingToken => {
                Self::bad_request("invalid_request", description)
            }
            E::UnsupportedGrantType => Self::bad_request("unsupported_grant_type", description),
            E::UnauthorizedClient => Self::bad_request("unauthorized_client", description),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// okta.md 1.3.4, 1.7.
    #[test]
    fn says_what_the_contract_says() {
        use TokenRequestError as E;
        for (error, status, code, description) in [
            (E::NoCredentials, 401, "invalid_client", "No client credentials found."),
            (
                E::UnknownClient,
                401,
                "invalid_client",
                "Invalid value for 'client_id' parameter.",
            ),
            (
                E::ClientAuthenticationFailed,
                401,
                "invalid_client",
                "Client authentication failed. Either the client or the client credentials are invalid.",
            ),
            (
                E::NotPrivateKeyJwt,
                401,
                "invalid_client",
                "Client Credentials requests to the Org Authorization Server must use the private_key_jwt token_endpoint_auth_method.",
            ),
            (
                E::NotAService,
                401,
                "invalid_client",
                "Only clients with 'application_type' of 'service' may use the client_credentials 'grant_type' with the Org Authorization Server.",
            ),
            (
                E::MultipleCredentials,
                401,
                "invalid_request",
                "Cannot supply multiple client credentials. Use one of the following: credentials in the Authorization header, credentials in the post body, or a client_assertion in the post body.",
            ),
            (
                E::InvalidAssertionType,
                400,
                "invalid_request",
                "The client_assertion_type is invalid.",
            ),
            (
                E::RepeatedParameter,
                400,
                "invalid_request",
                "The request contained multiple parameters with the same name.",
            ),
            (
                E::CredentialsInQuery,
                400,
                "invalid_request",
                "Client credentials cannot be supplied via query parameters.",
            ),
            (E::MissingToken, 400, "invalid_request", "The 'token' parameter is required."),
            (
                E::UnsupportedGrantType,
                400,
                "unsupported_grant_type",
                "The authorization grant type is not supported by the authorization server. Configured grant types: [client_credentials].",
            ),
            (
                E::UnauthorizedClient,
                400,
                "unauthorized_client",
                "The client is not authorized to use the provided grant type. Configured grant types: [client_credentials].",
            ),
        ] {
            let got = OAuthError::from(error);
            assert_eq!((got.status, got.error, &*got.description), (status, code, description));
        }
        let missing = OAuthError::from(E::MissingGrantType);
        assert_eq!((missing.status, missing.error), (400, "invalid_request"));
        assert!(missing.description.starts_with(
            "The token request must specify a 'grant_type'. Valid values: [authorization_code, client_credentials,"
        ));
    }
}
