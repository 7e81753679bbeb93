//! Risk providers (okta.md 3).

use serde::{Deserialize, Serialize};

use super::{Keyed, Keys, fold};
use crate::{
    id::{ClientId, RiskProviderId},
    time::Timestamp,
};

/// What is done with a provider's signals. Counted at the time of the sign-in (okta.md 4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderAction {
    /// Nothing: only the receipt is kept.
    None,
    /// They are in the System Log.
    #[default]
    LogOnly,
    /// They are in the System Log and count at sign-in.
    EnforceAndLog,
}

impl ProviderAction {
    /// The name in the provider object.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::LogOnly => "log_only",
            Self::EnforceAndLog => "enforce_and_log",
        }
    }

    /// Reads the name; there are only three (okta.md 3.1).
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::None),
            "log_only" => Some(Self::LogOnly),
            "enforce_and_log" => Some(Self::EnforceAndLog),
            _ => None,
        }
    }
}

/// A third party that sends risk events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskProvider {
    /// Its id.
    pub id: RiskProviderId,
    /// Its name, unique without regard to case.
    pub name: String,
    /// The service app that it calls with; `None` is the wire's string `"null"` (okta.md 3.1).
    pub client_id: Option<ClientId>,
    /// What is done with what it says.
    pub action: ProviderAction,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl Keyed for RiskProvider {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            natural: Some(fold(&self.name)),
            ..Keys::default()
        }
    }
}
