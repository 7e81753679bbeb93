//! The parameters of the token, introspection and revocation endpoints.
//!
//! Old SDKs send them in the query of an empty POST, newer ones in both places (okta.md 13 row 41,
//! clients.md 4). Query and body are merged; the body wins.

use std::fmt;

use crate::error::TokenRequestError;

/// The only `client_assertion_type` (RFC 7523 section 2.2).
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The grant types that the server serves.
const GRANT_TYPES: &[&str] = &["client_credentials"];

/// Decoded parameters of one request, each name once.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

// Assertions and secrets are among the values.
impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Parameters {
    /// Merges the decoded pairs of the query and of the form body. Empty values count as absent
    /// (RFC 6749 section 3.2).
    ///
    /// # Errors
    /// [`TokenRequestError::RepeatedParameter`] when one place has a name twice, and
    /// [`TokenRequestError::CredentialsInQuery`] for a secret in the query.
    pub fn merge(query: Vec<(String, String)>, body: Vec<(String, String)>) -> Result<Self, TokenRequestError> {
        if query.iter().any(|(name, _)| name == "client_secret") {
            return Err(TokenRequestError::CredentialsInQuery);
        }
        for place in [&query, &body] {
            let mut names: Vec<_> = place.iter().map(|(name, _)| name).collect();
            names.sort_unstable();
            if names.windows(2).any(|pair| pair.first() == pair.last()) {
                return Err(TokenRequestError::RepeatedParameter);
            }
        }
        let mut merged = body;
        for (name, value) in query {
            if !merged.iter().any(|(taken, _)| *taken == name) {
                merged.push((name, value));
            }
        }
        merged.retain(|(_, value)| !value.is_empty());
        Ok(Self(merged))
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Checks that `grant_type` is `client_credentials`.
    ///
    /// # Errors
    /// [`TokenRequestError::MissingGrantType`], [`TokenRequestError::UnsupportedGrantType`].
    pub fn check_grant_type(&self) -> Result<(), TokenRequestError> {
        let grant_type = self.get("grant_type").ok_or(TokenRequestError::MissingGrantType)?;
        if !GRANT_TYPES.contains(&grant_type) {
            return Err(TokenRequestError::UnsupportedGrantType);
        }
        Ok(())
    }

    /// The client assertion.
    ///
    /// `basic_secret` tells whether the `Authorization` header has Basic credentials with a secret;
    /// one with an empty secret is what requests-oauthlib adds by itself and counts for nothing
    /// (clients.md 4).
    ///
    /// # Errors
    /// [`TokenRequestError`] when there is none, when its type is wrong, when there are other
    /// credentials beside it, and when there are only others, which the org server does not take
    /// (okta.md 1.3.4).
    pub fn client_assertion(&self, basic_secret: bool) -> Result<&str, TokenRequestError> {
        let has_secret = basic_secret || self.get("client_secret").is_some();
        let assertion_type = self.get("client_assertion_type");
        match (self.get("client_assertion"), has_secret) {
            (Some(_), true) => Err(TokenRequestError::MultipleCredentials),
            (Some(assertion), false) if assertion_type == Some(JWT_BEARER) => Ok(assertion),
            (Some(_), false) => Err(TokenRequestError::InvalidAssertionType),
            (None, true) => Err(TokenRequestError::NotPrivateKeyJwt),
            (None, false) if assertion_type.is_some_and(|it| it != JWT_BEARER) => Err(TokenRequestError::InvalidAssertionType),
            (None, false) => Err(TokenRequestError::NoCredentials),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parameters, whether Basic credentials have a secret, and what comes of it.
    type Case = (
        &'static [(&'static str, &'static str)],
        bool,
        Result<&'static str, TokenRequestError>,
    );

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn merged(query: &[(&str, &str)], body: &[(&str, &str)]) -> Result<Parameters, TokenRequestError> {
        Parameters::merge(pairs(query), pairs(body))
    }

    /// clients.md 4.
    #[test]
    fn merges_query_and_body_and_prefers_the_body() {
        let got = merged(
            &[("scope", "q"), ("grant_type", "client_credentials")],
            &[("scope", "b"), ("client_id", "")],
        )
        .unwrap();
        assert_eq!(got.get("scope"), Some("b"));
        assert_eq!(got.get("client_id"), None);
        assert_eq!(got.check_grant_type(), Ok(()));
        assert!(merged(&[("scope", "q")], &[("scope", "q")]).is_ok(), "equal in both places");
    }

    #[test]
    fn refuses_repeats_and_secrets_in_the_query() {
        let twice = [("scope", "a"), ("x", "1"), ("scope", "a")];
        assert_eq!(merged(&twice, &[]), Err(TokenRequestError::RepeatedParameter));
        assert_eq!(merged(&[], &twice), Err(TokenRequestError::RepeatedParameter));
        assert_eq!(
            merged(&[("client_secret", "s")], &[]),
            Err(TokenRequestError::CredentialsInQuery)
        );
    }

    /// okta.md 1.3.4.
    #[test]
    fn refuses_other_grants() {
        let check = |pairs: &[(&str, &str)]| merged(&[], pairs).unwrap().check_grant_type();
        assert_eq!(check(&[]), Err(TokenRequestError::MissingGrantType));
        assert_eq!(
            check(&[("grant_type", "password")]),
            Err(TokenRequestError::UnsupportedGrantType)
        );
    }

    /// okta.md 1.3.4, clients.md 4.
    #[test]
    fn finds_the_assertion_or_says_why_not() {
        const ASSERTION: (&str, &str) = ("client_assertion", "a.b.c");
        const RIGHT: (&str, &str) = ("client_assertion_type", JWT_BEARER);
        const WRONG: (&str, &str) = (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
        );
        const SECRET: (&str, &str) = ("client_secret", "s");
        let cases: &[Case] = &[
            (&[ASSERTION, RIGHT], false, Ok("a.b.c")),
            (&[ASSERTION], false, Err(TokenRequestError::InvalidAssertionType)),
            (&[ASSERTION, WRONG], false, Err(TokenRequestError::InvalidAssertionType)),
            (&[WRONG], false, Err(TokenRequestError::InvalidAssertionType)),
            (&[RIGHT], false, Err(TokenRequestError::NoCredentials)),
            (&[], false, Err(TokenRequestError::NoCredentials)),
            (
                &[ASSERTION, RIGHT, SECRET],
                false,
                Err(TokenRequestError::MultipleCredentials),
            ),
            (&[ASSERTION, RIGHT], true, Err(TokenRequestError::MultipleCredentials)),
            (&[SECRET], false, Err(TokenRequestError::NotPrivateKeyJwt)),
            (&[], true, Err(TokenRequestError::NotPrivateKeyJwt)),
        ];
        for (pairs, basic, want) in cases {
            let parameters = merged(&[], pairs).unwrap();
            assert_eq!(parameters.client_assertion(*basic), *want, "{pairs:?} {basic}");
        }
    }
}
