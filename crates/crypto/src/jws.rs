//! Compact JWS (RFC 7515): what came over the wire is [`UnverifiedJws`]; only a signature that a key
//! of ours verified makes a [`VerifiedJws`] out of it.
//!
//! `jku`, `x5u`, `x5c`, `x5t` and `jwk` of a header are never followed or trusted (SET-09); a DPoP
//! proof, whose key is in its header by design, reads it through [`Header::jwk`].

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::{
    base64url,
    jwk::{Algorithm, KeySet, NoKey, VerificationKey},
    strict_json::{self, Limits, StrictJsonError},
};

/// Bytes of a token (JWT-08).
pub const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// Why a text is no compact JWS that could be looked at further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Longer than the limit.
    #[error("the token is longer than {0} bytes")]
    TooLong(usize),
    /// Not three segments between two dots, or one of them empty (SET-10).
    #[error("not a compact JWS")]
    NotCompact,
    /// Five segments: a JWE (SET-08).
    #[error("encrypted tokens are not accepted")]
    Encrypted,
    /// A segment that is not canonical base64url (JWT-11).
    #[error("a segment is not canonical base64url")]
    Encoding,
    /// The header is no JSON object, or not a strict one (JWT-08 to JWT-10).
    #[error("the header is not a well-formed JSON object")]
    Header(#[source] StrictJsonError),
    /// A member of the header is missing or has the wrong type.
    #[error("the header member '{0}' is missing or malformed")]
    HeaderMember(&'static str),
    /// A member that changes what the token means, and that is not implemented: `crit` (SET-07),
    /// `b64` (SET-08), `zip`, `enc`.
    #[error("the header member '{0}' is not supported")]
    UnsupportedMember(&'static str),
    /// A JWT inside this JWT (JWT-17).
    #[error("nested tokens are not accepted")]
    Nested,
    /// There is no signature, and `alg` says that none is meant.
    #[error("the token is not signed")]
    Unsigned,
}

/// Why a token's signature is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// `alg` is `none`, `HS*` or unknown.
    #[error("the signature algorithm is not supported")]
    UnsupportedAlgorithm,
    /// No key to verify with.
    #[error("no key for this token")]
    NoKey(#[source] NoKey),
    /// The key says no.
    #[error("the signature is not valid")]
    BadSignature,
}

/// The header of a token, as its sender wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    members: Map<String, Value>,
}

impl Header {
    /// `alg` as text.
    pub fn alg(&self) -> &str {
        &self.alg
    }

    /// `alg`, when it is one that anything here could verify.
    pub fn algorithm(&self) -> Option<Algorithm> {
        Algorithm::from_name(&self.alg)
    }

    /// `kid`; `None` when absent or null.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// `typ`; `None` when absent or null.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// `jwk`, which proves possession of a key and says nothing about whose it is (RFC 9449).
    pub fn jwk(&self) -> Option<&Value> {
        self.members.get("jwk")
    }

    /// All members.
    pub const fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    fn read(bytes: &[u8]) -> Result<Self, JwsError> {
        let members = strict_json::parse_object(bytes, &Limits::JOSE_HEADER).map_err(JwsError::Header)?;
        for name in ["crit", "b64", "zip", "enc"] {
            if members.contains_key(name) {
                return Err(JwsError::UnsupportedMember(name));
            }
        }
        let content_type = text(&members, "cty")?;
        if content_type.is_some_and(|cty| cty.eq_ignore_ascii_case("jwt") || cty.eq_ignore_ascii_case("application/jwt")) {
            return Err(JwsError::Nested);
        }
        Ok(Self {
            alg: text(&members, "alg")?.ok_or(JwsError::HeaderMember("alg"))?,
            kid: text(&members, "kid")?,
            typ: text(&members, "typ")?,
            members,
        })
    }
}

/// A token that nothing is known of but its shape.
#[derive(Clone, Debug)]
pub struct UnverifiedJws {
    signing_input: String,
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl UnverifiedJws {
    /// Reads a token of at most [`MAX_TOKEN_BYTES`].
    ///
    /// # Errors
    /// [`JwsError`].
    pub fn parse(token: &str) -> Result<Self, JwsError> {
        Self::parse_within(token, MAX_TOKEN_BYTES)
    }

    /// Reads a token of at most `max_bytes`, for receivers whose limit is a setting.
    ///
    /// # Errors
    /// [`JwsError`].
    pub fn parse_within(token: &str, max_bytes: usize) -> Result<Self, JwsError> {
        if token.len() > max_bytes {
            return Err(JwsError::TooLong(max_bytes));
        }
        let mut segments = token.split('.');
        let (Some(header), Some(payload), Some(signature)) = (segments.next(), segments.next(), segments.next()) else {
            return Err(JwsError::NotCompact);
        };
        match segments.count() {
            0 => {}
            2 => return Err(JwsError::Encrypted),
            _ => return Err(JwsError::NotCompact),
        }
        if header.is_empty() || payload.is_empty() {
            return Err(JwsError::NotCompact);
        }
        let decode = |segment| base64url::decode(segment).map_err(|_| JwsError::Encoding);
        let read = Header::read(&decode(header)?)?;
        if signature.is_empty() {
            let is_unsigned = read.alg.eq_ignore_ascii_case("none");
            return Err(if is_unsigned {
                JwsError::Unsigned
            } else {
                JwsError::NotCompact
            });
        }
        Ok(Self {
            payload: decode(payload)?,
            signature: decode(signature)?,
            signing_input: format!("{header}.{payload}"),
            header: read,
        })
    }

    /// The token as it came.
    pub fn to_compact(&self) -> String {
        format!("{}.{}", self.signing_input, base64url::encode(&self.signature))
    }

    /// The header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The claims, only for choosing whose keys to verify with.
    ///
    /// # Errors
    /// When the payload is no strict JSON object.
    pub fn unverified_claims(&self) -> Result<Map<String, Value>, StrictJsonError> {
        // The token's own length has been bounded, by whoever parsed it.
        let limits = Limits {
            max_bytes: self.payload.len(),
            ..Limits::JWT
        };
        strict_json::parse_object(&self.payload, &limits)
    }

    /// Verifies the signature with the keys that `kid` selects, or with every key bound to the
    /// algorithm when the token has no `kid`.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify<'a>(&'a self, keys: &'a KeySet) -> Result<VerifiedJws<'a>, VerifyError> {
        let algorithm = self.header.algorithm().ok_or(VerifyError::UnsupportedAlgorithm)?;
        let candidates = keys.candidates(self.header.kid(), algorithm).map_err(VerifyError::NoKey)?;
        let key = candidates.into_iter().find(|key| self.is_signed_by(key, algorithm));
        key.map(|key| VerifiedJws { jws: self, key }).ok_or(VerifyError::BadSignature)
    }

    /// Verifies the signature with this one key, whatever `kid` says.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify_with<'a>(&'a self, key: &'a VerificationKey) -> Result<VerifiedJws<'a>, VerifyError> {
        let algorithm = self.header.algorithm().ok_or(VerifyError::UnsupportedAlgorithm)?;
        if !key.allows(algorithm) {
            return Err(VerifyError::NoKey(NoKey::WrongAlgorithm));
        }
        if !self.is_signed_by(key, algorithm) {
            return Err(VerifyError::BadSignature);
        }
        Ok(VerifiedJws { jws: self, key })
    }

    fn is_signed_by(&self, key: &VerificationKey, algorithm: Algorithm) -> bool {
        key.verifies(algorithm, self.signing_input.as_bytes(), &self.signature)
    }
}

/// A token whose signature one of the given keys verified. Its claims are still to be checked.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedJws<'a> {
    jws: &'a UnverifiedJws,
    key: &'a VerificationKey,
}

impl<'a> VerifiedJws<'a> {
    /// The header.
    pub const fn header(&self) -> &'a Header {
        &self.jws.header
    }

    /// The bytes that were signed, decoded.
    pub fn payload(&self) -> &'a [u8] {
        &self.jws.payload
    }

    /// The key that verified it.
    pub const fn key(&self) -> &'a VerificationKey {
        self.key
    }

    /// The claims: the signed bytes, read strictly (JWT-09).
    ///
    /// # Errors
    /// When the payload is no strict JSON object.
    pub fn claims(&self) -> Result<Map<String, Value>, StrictJsonError> {
        self.jws.unverified_claims()
    }
}

/// A header member that is a string, or absent, or null.
fn text(members: &Map<String, Value>, name: &'static str) -> Result<Option<String>, JwsError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(JwsError::HeaderMember(name)),
    }
}
