//! The sign-on policies as they were when sign-ins were decided by them.

use serde::{Deserialize, Serialize};

use super::{BehaviorRule, Keyed, Keys, Policy, Rule, Zone};
use crate::time::Timestamp;

/// Everything that could be asked of a sign-in at one time. The records of the sign-ins that were decided by
/// it name it by its revision, so that they can be decided again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySnapshot {
    /// Its fingerprint, which is its id.
    pub revision: String,
    /// Every policy.
    #[serde(default)]
    pub policies: Vec<Policy>,
    /// The rules of all of them.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Every zone.
    #[serde(default)]
    pub zones: Vec<Zone>,
    /// Every behaviour.
    #[serde(default)]
    pub behaviors: Vec<BehaviorRule>,
    /// The steps that all expressions asked of one sign-in could take together; there was no bound where it is absent.
    #[serde(default)]
    pub expression_steps: Option<u32>,
    /// When no record names it any more.
    pub expires_at: Timestamp,
}

impl Keyed for PolicySnapshot {
    fn keys(&self) -> Keys {
        Keys {
            id: self.revision.clone(),
            expires_at: Some(self.expires_at),
            ..Keys::default()
        }
    }
}
