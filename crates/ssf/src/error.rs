//! Why a token is refused: what the sender is told (RFC 8935 section 2.3, ssf.md 4.1).

use std::borrow::Cow;

/// `err`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Not a SET, or not one that is well-formed.
    InvalidRequest,
    /// No key, or none that may be used.
    InvalidKey,
    /// `iss` is nobody's who may send here.
    InvalidIssuer,
    /// `aud` is not ours.
    InvalidAudience,
    /// The signature or the credential is wrong.
    AuthenticationFailed,
    /// The sender may not send this.
    AccessDenied,
    /// The `state` of a verification is not one that is out (SSF).
    InvalidState,
}

impl ErrorCode {
    /// The code on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidKey => "invalid_key",
            Self::InvalidIssuer => "invalid_issuer",
            Self::InvalidAudience => "invalid_audience",
            Self::AuthenticationFailed => "authentication_failed",
            Self::AccessDenied => "access_denied",
            Self::InvalidState => "invalid_state",
        }
    }
}

/// A refusal. Nothing in it comes out of the token but names of members (PUSH-11).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", code.as_str())]
pub struct SetError {
    /// `err`
    pub code: ErrorCode,
    /// `description`
    pub description: Cow<'static, str>,
}

/// What is wrong with a claim, in the contract's words where it has some (okta.md 6.5).
pub(crate) const NOT_ALLOWED: &str = "Not one of the allowed values";
/// A value of the wrong type or syntax.
pub(crate) const MALFORMED: &str = "The field is malformed";
/// A claim that must not be there (SET-19, SET-20).
pub(crate) const UNEXPECTED: &str = "The field is not allowed";

impl SetError {
    /// A refusal with a standing text.
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self {
            code,
            description: Cow::Borrowed(description),
        }
    }

    /// Not a token that could be read (okta.md 6.5, row 1).
    pub const fn unreadable() -> Self {
        Self::new(ErrorCode::InvalidRequest, "Could not parse security event token")
    }

    /// Nobody who may send here (row 2).
    pub const fn unknown_issuer() -> Self {
        Self::new(
            ErrorCode::InvalidIssuer,
            "The issuer is not a registered security events provider",
        )
    }

    /// No key, or none that may be used with the token's algorithm (row 3).
    pub const fn no_key() -> Self {
        Self::new(
            ErrorCode::InvalidKey,
            "Could not find a key to verify the security event token",
        )
    }

    /// The signature is wrong (row 4).
    pub const fn bad_signature() -> Self {
        Self::new(ErrorCode::AuthenticationFailed, "Could not verify message signature")
    }

    /// Meant for somebody else (row 5).
    pub const fn wrong_audience() -> Self {
        Self::new(ErrorCode::InvalidAudience, "The audience does not match this org")
    }

    /// A claim that is missing: the contract's words (okta.md 6.5). `path` is the claim's, in camel case.
    pub fn blank(path: &str) -> Self {
        Self::claim(path, "The field cannot be left blank")
    }

    /// A claim that is wrong.
    pub fn claim(path: &str, fault: &str) -> Self {
        Self {
            code: ErrorCode::InvalidRequest,
            description: format!("Failed claim validation in security event token. '{path}': {fault}").into(),
        }
    }
}
