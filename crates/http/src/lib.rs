//! The HTTP surfaces.

pub mod okta;
