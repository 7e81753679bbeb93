//! What a browser brings back from an OpenID provider.

use super::ProviderMetadata;

/// Bytes of a code, a state or an error that are looked at.
const MAX_BYTES: usize = 4096;

/// The parameters, of which nothing is known yet.
#[derive(Clone, Default)]
pub struct AuthorizationResponse {
    /// `state`
    pub state: String,
    /// `code`; empty where there is none.
    pub code: String,
    /// `iss` (RFC 9207); empty where there is none.
    pub issuer: String,
    /// `error`; empty where there is none.
    pub error: String,
}

/// Why an answer leads to no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// It comes from another provider than the browser was sent to (RFC 9207 section 2.4).
    #[error("the answer names another issuer")]
    Issuer,
    /// The provider names itself in every answer, and this one does not.
    #[error("the answer does not name its issuer")]
    NoIssuer,
    /// The provider, or the person there, said no.
    #[error("the provider answered with the error '{0}'")]
    Refused(String),
    /// There is no code in it.
    #[error("the answer has no code")]
    NoCode,
}

impl AuthorizationResponse {
    /// The code, if the answer is one of `provider`.
    ///
    /// # Errors
    /// [`ResponseError`].
    pub fn code(&self, provider: &ProviderMetadata) -> Result<&str, ResponseError> {
        if self.issuer.is_empty() && provider.names_issuer {
            return Err(ResponseError::NoIssuer);
        }
        if !self.issuer.is_empty() && self.issuer != provider.issuer {
            return Err(ResponseError::Issuer);
        }
        if !self.error.is_empty() {
            return Err(ResponseError::Refused(plain(&self.error)));
        }
        if self.code.is_empty() || self.code.len() > MAX_BYTES {
            return Err(ResponseError::NoCode);
        }
        Ok(&self.code)
    }
}

impl std::fmt::Debug for AuthorizationResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthorizationResponse")
            .field("issuer", &self.issuer)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// An error code as far as it is one (RFC 6749 section 4.1.2.1); anybody may have written it.
fn plain(error: &str) -> String {
    let known = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    error.chars().filter(known).take(60).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn provider(names_issuer: bool) -> ProviderMetadata {
        let document = json!({
            "issuer": "https://idp.example", "authorization_endpoint": "https://idp.example/a",
            "token_endpoint": "https://idp.example/t", "jwks_uri": "https://idp.example/k",
            "authorization_response_iss_parameter_supported": names_issuer,
        });
        ProviderMetadata::parse(&document, "https://idp.example").unwrap()
    }

    fn answer(code: &str, issuer: &str, error: &str) -> AuthorizationResponse {
        AuthorizationResponse {
            state: "s".to_owned(),
            code: code.to_owned(),
            issuer: issuer.to_owned(),
            error: error.to_owned(),
        }
    }

    #[test]
    fn an_answer_of_another_provider_is_refused_whatever_else_it_says() {
        let (mine, other) = ("https://idp.example", "https://evil.example");
        for (names, code, issuer, error, wanted) in [
            (false, "c", "", "", Ok("c")),
            (false, "c", mine, "", Ok("c")),
            (true, "c", mine, "", Ok("c")),
            (true, "c", "", "", Err(ResponseError::NoIssuer)),
            (false, "c", other, "", Err(ResponseError::Issuer)),
            (true, "", other, "access_denied", Err(ResponseError::Issuer)),
            (false, "", "", "", Err(ResponseError::NoCode)),
            (
                false,
                "c",
                mine,
                "access_denied\r\nx",
                Err(ResponseError::Refused("access_deniedx".to_owned())),
            ),
        ] {
            assert_eq!(
                answer(code, issuer, error).code(&provider(names)),
                wanted,
                "{code} {issuer} {error}"
            );
        }
        assert!(!format!("{:?}", answer("secret-code", mine, "")).contains("secret-code"));
    }
}
