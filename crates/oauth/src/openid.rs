//! OpenID Connect as a relying party: what a provider says of itself, what it answers with, and what an ID
//! token must say (OpenID Connect Core 1.0, Discovery 1.0; RFC 7636, RFC 9207).
//!
//! | module | holds |
//! |---|---|
//! | [`metadata`] | the discovery document |
//! | [`response`] | what a browser brings back |
//! | [`id_token`] | who it is about |

pub mod id_token;
pub mod metadata;
pub mod response;

pub use self::{
    id_token::{IdToken, IdTokenError, UnverifiedIdToken},
    metadata::{MetadataError, ProviderMetadata},
    response::{AuthorizationResponse, ResponseError},
};

use watchfire_crypto::digest::sha256_base64url;

/// `code_challenge` of a verifier by `S256` (RFC 7636 section 4.2).
pub fn code_challenge(verifier: &str) -> String {
    sha256_base64url(verifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    #[test]
    fn the_standards_challenge() {
        assert_eq!(
            code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
