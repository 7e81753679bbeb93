//! Okta's management surface, `/api/v1` (okta.md).

pub(crate) mod members;
pub mod policies;
pub mod zones;
