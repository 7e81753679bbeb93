//! The HTTP surfaces: what comes over the wire becomes a use case's input, and its answer becomes bytes.
//!
//! A request travels listener → [`Site`] → router → extractors → use case. [`Site`] holds what every
//! surface shares (request ids, limits, errors as bytes); handlers return [`error::OktaError`] or
//! [`error::OAuthError`] and never build an error body themselves.

mod answers;
pub mod body;
mod caller;
pub mod credentials;
pub mod edge;
pub mod error;
pub mod links;
pub mod listener;
mod oauth2;
pub mod okta;
mod openapi;
mod operations;
mod pages;
pub mod pagination;
pub mod query;
pub mod rate;
mod reference;
pub mod request;
mod scopes;
pub mod site;
mod ssf;
pub mod transmitter_files;
mod watchfire;

pub use edge::{Edge, Limits};
pub use openapi::{document, router};
pub use operations::admin_router;
pub use pages::{VisitorApi, pages};
pub use site::Site;

#[cfg(test)]
mod testing;
