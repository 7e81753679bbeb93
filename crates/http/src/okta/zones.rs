//! `/api/v1/zones` (okta.md 10.2).

pub mod shape;
