//! The parameters of OAuth requests, from the form body and the query together (clients.md 4).

use std::{collections::BTreeMap, fmt};

use axum::extract::{FromRequest, Request};
use watchfire_app::Error;

use super::{media_type, read};
use crate::{error::OAuthError, request};

const FORM: &str = "application/x-www-form-urlencoded";

/// Parameters by name. The body wins over the query; a name twice in either is refused.
#[derive(Clone, Default)]
pub struct FormOrQuery {
    parameters: BTreeMap<String, String>,
}

impl FormOrQuery {
    /// The value of `name`; an empty one counts as absent (RFC 6749 section 3.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    fn merge(query: &[u8], body: &[u8], max: usize) -> Result<Self, Error> {
        let mut parameters = pairs(query, max)?;
        if parameters.contains_key("client_secret") {
            return Err(invalid("Client credentials cannot be supplied via query parameters."));
        }
        parameters.extend(pairs(body, max)?);
        Ok(Self { parameters })
    }
}

// Assertions and secrets are among the values.
impl fmt::Debug for FormOrQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.parameters.keys()).finish()
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

fn pairs(encoded: &[u8], max: usize) -> Result<BTreeMap<String, String>, Error> {
    let mut parameters = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(encoded).into_owned() {
        if parameters.len() >= max {
            return Err(invalid("The request contained too many parameters."));
        }
        if parameters.insert(name, value).is_some() {
            return Err(invalid("The request contained multiple parameters with the same name."));
        }
    }
    Ok(parameters)
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
        assert_eq!(format!("{form:?}"), r#"{"client_assertion", "scope"}"#);
    }
}
