//! Why a sign-in at the OpenID provider leads to no session: for the person, and for the System Log.

use watchfire_domain::console_sign_in::NotLinked;
use watchfire_egress::{FetchError, JwksError};
use watchfire_oauth::openid::{IdTokenError, MetadataError, ResponseError};

use crate::Error;

/// Why not. `Display` is for the System Log and has nothing secret in it.
#[derive(Debug, thiserror::Error)]
pub enum OidcFailure {
    /// No provider is offered (any more).
    #[error("no OpenID provider is active")]
    Off,
    /// No such sign-in is under way: too late, used before, or begun by another browser.
    #[error("no sign-in of this browser is under way")]
    UnknownAttempt,
    /// Something of the provider's could not be had.
    #[error("{0} could not be had from the provider: {1}")]
    Unavailable(&'static str, #[source] FetchError),
    /// What it says of itself is of no use.
    #[error("{0}")]
    Metadata(#[source] MetadataError),
    /// An address that it names is none, or is not allowed.
    #[error("the provider's {0} is no address that may be used")]
    Endpoint(&'static str),
    /// It takes none of the ways in which we can show who we are.
    #[error("the provider does not take the client authentication that is set")]
    NoMethod,
    /// Its keys could not be had, or are none.
    #[error("the provider's keys cannot be used: {0}")]
    Keys(#[source] JwksError),
    /// What the browser brought is no answer of its.
    #[error("{0}")]
    Response(#[source] ResponseError),
    /// The token endpoint said no.
    #[error("the token endpoint answered with status {status}{}", error.as_deref().map(|it| format!(" ({it})")).unwrap_or_default())]
    TokenRefused {
        /// The status.
        status: u16,
        /// `error`
        error: Option<String>,
    },
    /// It said yes, and gave no ID token.
    #[error("the token endpoint gave no ID token")]
    NoIdToken,
    /// The ID token is not believed.
    #[error("{0}")]
    IdToken(#[source] IdTokenError),
    /// Whoever it is about is no administrator.
    #[error("{0}")]
    NotLinked(#[source] NotLinked),
    /// Our own second factor is asked for, and there is none.
    #[error("the administrator has no authenticator app here")]
    NoFactor,
    /// What was sealed does not open, or does not sign.
    #[error("our own credential at the provider cannot be used")]
    Credential,
}

/// A refusal of a step.
#[derive(Debug)]
pub enum OidcRefusal {
    /// By a limit, a zone or the store.
    Error(Error),
    /// By the provider or what it said; the System Log has it.
    Failed(OidcFailure),
}

impl OidcFailure {
    /// The same in one word, for the System Log.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Off => "PROVIDER_OFF",
            Self::UnknownAttempt => "ATTEMPT_UNKNOWN",
            Self::Unavailable(..) => "PROVIDER_UNAVAILABLE",
            Self::Metadata(_) | Self::Endpoint(_) | Self::NoMethod => "PROVIDER_METADATA",
            Self::Keys(_) => "PROVIDER_KEYS",
            Self::Response(ResponseError::Issuer | ResponseError::NoIssuer) => "RESPONSE_ISSUER",
            Self::Response(ResponseError::Refused(_)) => "PROVIDER_REFUSED",
            Self::Response(ResponseError::NoCode) => "RESPONSE_NO_CODE",
            Self::TokenRefused { .. } => "TOKEN_REFUSED",
            Self::NoIdToken => "TOKEN_RESPONSE",
            Self::IdToken(error) => error.code(),
            Self::NotLinked(reason) => reason.code(),
            Self::NoFactor => "NO_SECOND_FACTOR",
            Self::Credential => "OWN_CREDENTIAL",
        }
    }

    /// What the person at the browser can do about it.
    pub const fn for_people(&self) -> &'static str {
        match self {
            Self::Off => "Signing in this way is switched off.",
            Self::UnknownAttempt => "The sign-in took too long, was used before, or was begun in another window. Begin again.",
            Self::Unavailable(..) | Self::Keys(_) | Self::TokenRefused { status: 500.., .. } => {
                "The identity provider does not answer. Try again in a moment."
            }
            Self::Response(ResponseError::Refused(_)) => "The identity provider did not sign you in.",
            Self::NotLinked(NotLinked::NoEmail) => {
                "The identity provider gave no e-mail address that it has verified. Ask who runs it."
            }
            Self::NotLinked(NotLinked::OtherSubject) => {
                "Your administrator is linked to another account there. Ask a super administrator to unlink it."
            }
            Self::NotLinked(NotLinked::Nobody | NotLinked::Ambiguous) => {
                "You are signed in there, but no administrator here has your address. Ask a super administrator to invite you."
            }
            Self::NoFactor => "You need an authenticator app here first. Ask a super administrator for an invitation.",
            Self::Metadata(_)
            | Self::Endpoint(_)
            | Self::NoMethod
            | Self::Response(_)
            | Self::TokenRefused { .. }
            | Self::NoIdToken
            | Self::IdToken(_)
            | Self::Credential => "The answer of the identity provider could not be used. The System Log says why.",
        }
    }
}

impl From<OidcFailure> for OidcRefusal {
    fn from(failure: OidcFailure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Error> for OidcRefusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
