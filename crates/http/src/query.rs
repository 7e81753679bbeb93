//! The query of a URL, as pairs.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use watchfire_app::Error;
use watchfire_model::time::Timestamp;

/// What is said of a text that is no time.
pub(crate) const NO_TIME: &str = "The date must be of the form yyyy-MM-dd'T'HH:mm:ss.SSSZ";

/// The parameters of a query, decoded, in their order. Unknown ones are for nobody (okta.md 11.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Parses what stands after the question mark.
    pub fn parse(query: &str) -> Self {
        Self {
            pairs: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        }
    }

    /// The first value of `name`. Go's clients repeat the original query in a next link (okta.md 11.4),
    /// so a second one is no fault.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// [`Self::get`], with an empty value counted as absent.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// A time.
    ///
    /// # Errors
    /// When it is none.
    pub fn instant(&self, name: &str) -> Result<Option<Timestamp>, Error> {
        let read = |text| Timestamp::parse(text).map_err(|_| Error::invalid(name, NO_TIME));
        self.filled(name).map(read).transpose()
    }

    /// Whether `name` has the value `true`.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// All pairs.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}
