//! What a use case can answer beside success. `http` turns it into bytes, once per surface.

use std::{error::Error as StdError, time::Duration};

use watchfire_domain::Rejection;
use watchfire_model::filter::FilterError;
use watchfire_oauth::error::{OAuthError, TokenRequestError};
pub use watchfire_ssf::{ErrorCode, SetError};
use watchfire_store::StoreError;

use crate::catalogue;

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a use case did not do what was asked. Each variant is something that the caller can act on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Members of the request are wrong; nothing was stored (`E0000001`).
    #[error("validation of {field} failed")]
    Invalid {
        /// What the summary names: a member, or the object.
        field: String,
        /// One sentence a fault, in the contract's words.
        causes: Vec<String>,
    },
    /// The body is not what its content type says (`E0000003`).
    #[error("the body is not well-formed")]
    Malformed,
    /// Nothing has this id (`E0000007`).
    #[error("no {kind} with this id")]
    NotFound {
        /// The id that was asked for.
        id: String,
        /// The type's name in the error text (okta.md 11.6).
        kind: &'static str,
    },
    /// No credential, or one that is not known, expired or revoked (`E0000011`).
    #[error("not authenticated")]
    Unauthenticated(Challenge),
    /// The credential does not reach this far (`E0000006`).
    #[error("not allowed")]
    Forbidden {
        /// The scope that would have, for access tokens (okta.md 1.1).
        needed_scope: Option<&'static str>,
    },
    /// User name, password, code or session token are wrong (`E0000004`).
    #[error("authentication failed")]
    AuthenticationFailed,
    /// Too many calls in this window (`E0000047`).
    #[error("rate limit exceeded")]
    RateLimited,
    /// Any other answer of Okta's catalogue (okta.md 11.6).
    #[error("{code}")]
    Catalogued {
        /// HTTP status.
        status: u16,
        /// `E…`
        code: &'static str,
        /// The summary as it is sent.
        summary: String,
        /// One sentence a fault.
        causes: Vec<String>,
    },
    /// An OAuth error (RFC 6749 section 5.2), in the contract's words.
    #[error("{error}")]
    OAuth {
        /// HTTP status.
        status: u16,
        /// `error`
        error: &'static str,
        /// `error_description`
        description: String,
        /// A fresh `DPoP-Nonce`, where the answer must carry one.
        dpop_nonce: Option<String>,
    },
    /// A Security Event Token is refused (RFC 8935 section 2.3).
    #[error("{0}")]
    Set(SetError),
    /// Not now; the same call may go through later (503 with `Retry-After`).
    #[error("unavailable")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// Our fault. The client sees an error id; the log has the chain under the same id.
    #[error("internal error")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

/// Why a credential was refused: it becomes `WWW-Authenticate` (okta.md 1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// There was none.
    Missing,
    /// It is none of ours, or has been revoked or has expired; the text says which.
    InvalidToken(&'static str),
    /// An access token bound to a DPoP key needs the proof (RFC 9449 section 7.1).
    DpopRequired(&'static str),
    /// The proof beside such a token is no good.
    InvalidProof(&'static str),
}

impl Error {
    /// A validation fault of one member: `field: message`.
    pub fn invalid(field: &str, message: &str) -> Self {
        Self::Invalid {
            field: field.to_owned(),
            causes: vec![format!("{field}: {message}")],
        }
    }

    /// Nothing of `kind` has the id `id`.
    pub fn not_found(id: impl Into<String>, kind: &'static str) -> Self {
        Self::NotFound { id: id.into(), kind }
    }

    /// The entry `code` of the catalogue, with its standing status and text.
    pub fn catalogued(code: &'static str, causes: Vec<String>) -> Self {
        match catalogue::entry(code) {
            Some((status, summary)) => Self::Catalogued {
                status,
                code,
                summary: summary.to_owned(),
                causes,
            },
            None => Self::internal(format!("{code} is not in the catalogue")),
        }
    }

    /// Wraps what the caller can do nothing about.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Invalid { field, causes } => Self::Invalid { field, causes },
            Rejection::NotFound { id, kind } => Self::NotFound { id, kind },
            Rejection::Forbidden => Self::Forbidden { needed_scope: None },
            Rejection::AuthenticationFailed => Self::AuthenticationFailed,
            Rejection::InvalidToken => Self::Unauthenticated(Challenge::InvalidToken("The access token is invalid.")),
            Rejection::Catalogued { code, causes } => Self::catalogued(code, causes),
            Rejection::Set(refused) => Self::Set(refused),
            Rejection::OAuth {
                status,
                error,
                description,
            } => Self::OAuth {
                status,
                error,
                description,
                dpop_nonce: None,
            },
        }
    }
}

impl From<OAuthError> for Error {
    fn from(error: OAuthError) -> Self {
        Self::OAuth {
            status: error.status,
            error: error.error,
            description: error.description.into_owned(),
            dpop_nonce: None,
        }
    }
}

impl From<FilterError> for Error {
    fn from(error: FilterError) -> Self {
        Self::Catalogued {
            status: 400,
            code: error.code(),
            summary: error.to_string(),
            causes: Vec::new(),
        }
    }
}

impl From<TokenRequestError> for Error {
    fn from(error: TokenRequestError) -> Self {
        OAuthError::from(error).into()
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy(_) | StoreError::Timeout => Self::Unavailable {
                retry_after: Duration::from_secs(1),
            },
            other => Self::internal(other),
        }
    }
}
