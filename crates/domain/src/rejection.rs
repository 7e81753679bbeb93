//! Why a command was not carried out.

use watchfire_ssf::SetError;

/// What the one who gave the command can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Members are wrong.
    #[error("validation of {field} failed")]
    Invalid {
        /// The member, or the object.
        field: String,
        /// One sentence a fault, in the contract's words.
        causes: Vec<String>,
    },
    /// Nothing has this id.
    #[error("no {kind} with this id")]
    NotFound {
        /// The id.
        id: String,
        /// The type's name in the error text (okta.md 11.6).
        kind: &'static str,
    },
    /// The credential does not reach this far.
    #[error("not allowed")]
    Forbidden,
    /// User name, password, code or token are wrong.
    #[error("authentication failed")]
    AuthenticationFailed,
    /// The credential is not known, expired or revoked.
    #[error("invalid token")]
    InvalidToken,
    /// An entry of Okta's error catalogue (okta.md 11.6) by its code; the status and the standing text
    /// are the surface's.
    #[error("{code}")]
    Catalogued {
        /// `E…`
        code: &'static str,
        /// One sentence a fault.
        causes: Vec<String>,
    },
    /// A Security Event Token is refused (RFC 8935 section 2.3).
    #[error("{0}")]
    Set(SetError),
    /// An OAuth error (RFC 6749 section 5.2).
    #[error("{error}")]
    OAuth {
        /// HTTP status, which RFC 6749 makes part of the meaning: 401 is about the client.
        status: u16,
        /// `error`
        error: &'static str,
        /// `error_description`
        description: String,
    },
}

impl Rejection {
    /// A fault of one member: `field: message`.
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

    /// The catalogue's entry `code`.
    pub const fn catalogued(code: &'static str) -> Self {
        Self::Catalogued {
            code,
            causes: Vec::new(),
        }
    }
}
