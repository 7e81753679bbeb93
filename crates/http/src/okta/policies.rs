//! `/api/v1/policies` (okta.md 9.3).

pub mod shape;
