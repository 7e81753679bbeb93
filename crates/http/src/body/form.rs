//! The parameters of OAuth requests, from the form body and the query together (clients.md 4).

use axum::extract::{FromRequest, Request};
use watchfire_app::{Error, identity::tokens::Parameters};

use super::{media_type, read};
use crate::{error::OAuthError, request};

const FORM: &str = "application/x-www-form-urlencoded";

/// Parameters by name. The body wins over the query; a name twice in either is refused.
#[derive(Clone, Debug, Default)]
pub struct FormOrQuery(pub Parameters);

impl FormOrQuery {
    /// The value of `name`; an empty one counts as absent (RFC 6749 section 3.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    fn merge(query: &[u8], body: &[u8], max: usize) -> Result<Self, Error> {
        let parameters = Parameters::merge(pairs(query, max)?, pairs(body, max)?)?;
        Ok(Self(parameters))
    }
}

impl<S: Send + Sync> FromRequest<S> for FormOrQuery {
    type Rejection = OAuthError;

    async fn from_request(request: Request, _: &S) -> Result<Self, OAuthError> {
        let (parts, body) = request.into_parts();
        let max = request::shared(&parts).map_err(|error| error.0)?.edge.limits.max_parameters;
        let bytes = read(body).await?;
        let is_form = media_type(&parts.headers).is_none_or(|media_type| media_type == FORM);
        if !bytes.is_empty() && !is_form {
            return Err(OAuthError(invalid(
                "Accept and/or Content-Type headers likely do not match supported values.",
            )));
        }
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self::merge(query.as_bytes(), &bytes, max)?)
    }
}

fn pairs(encoded: &[u8], max: usize) -> Result<Vec<(String, String)>, Error> {
    let pairs: Vec<_> = url::form_urlencoded::parse(encoded)
        .into_owned()
        .take(max.saturating_add(1))
        .collect();
    if pairs.len() > max {
        return Err(invalid("The request contained too many parameters."));
    }
    Ok(pairs)
}

fn invalid(description: &str) -> Error {
    Error::OAuth {
        status: 400,
        error: "invalid_request",
        description: description.to_owned(),
        dpop_nonce: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_prints_names_only() {
        let form = FormOrQuery::merge(b"scope=secret", b"client_assertion=secret", 8).expect("two");
        assert_eq!(format!("{form:?}"), r#"FormOrQuery({"client_assertion", "scope"})"#);
    }
}
