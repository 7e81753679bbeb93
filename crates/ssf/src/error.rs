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

impl SetError {
    /// A refusal with a standing text.
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self {
            code,
            description: Cow::Borrowed(description),
        }
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
