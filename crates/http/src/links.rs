//! Absolute URLs, made from the org URL and never from the `Host` header.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::Error;

use crate::{error::OktaError, request::Shared};

/// Makes absolute URLs below the org URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    org_url: Arc<str>,
}

impl Links {
    /// Links below `org_url`; slashes at its end are dropped.
    pub fn new(org_url: &str) -> Self {
        Self {
            org_url: org_url.trim_end_matches('/').into(),
        }
    }

    /// The org URL, without a slash at its end.
    pub fn org_url(&self) -> &str {
        &self.org_url
    }

    /// The URL of `path`, which starts with a slash and may carry a query.
    pub fn to(&self, path: &str) -> String {
        format!("{}{path}", self.org_url)
    }
}

/// A link of an object (okta.md 11.3).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Link {
    /// Where it leads.
    pub href: String,
    /// What may be done there.
    pub hints: Hints,
}

/// What may be done with a link.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Hints {
    /// Methods.
    pub allow: Vec<&'static str>,
}

impl Link {
    /// A link to `href` that takes these methods.
    pub fn new(href: String, allow: &[&'static str]) -> Self {
        Self {
            href,
            hints: Hints { allow: allow.to_vec() },
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Links {
    type Rejection = OktaError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, OktaError> {
        parts
            .extensions
            .get::<Shared>()
            .map(|shared| shared.edge.links.clone())
            .ok_or_else(|| OktaError(Error::internal("no site around this router")))
    }
}
