//! Searches of the System Log that an administrator wants again.

use serde::{Deserialize, Serialize};

use super::{Keyed, Keys, fold};
use crate::{
    id::{SavedSearchId, UserId},
    time::Timestamp,
};

/// A search under a name of its owner's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSearch {
    /// Its id.
    pub id: SavedSearchId,
    /// Whose.
    pub user_id: UserId,
    /// Its name, unique among its owner's without regard to case.
    pub name: String,
    /// What is looked for.
    #[serde(flatten)]
    pub search: LogSearch,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

/// What is looked for in the System Log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSearch {
    /// A filter; empty is none.
    #[serde(default)]
    pub filter: String,
    /// Words; empty is none.
    #[serde(default)]
    pub q: String,
    /// A time range that ends now, such as `7d`; empty for two times, or for neither.
    #[serde(default)]
    pub range: String,
    /// The first time, as it was written.
    #[serde(default)]
    pub since: String,
    /// The last time, as it was written.
    #[serde(default)]
    pub until: String,
}

impl SavedSearch {
    /// What the one search of this owner and name is found by.
    pub fn key(user: &UserId, name: &str) -> String {
        format!("{user} {}", fold(name))
    }
}

impl Keyed for SavedSearch {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            parent: Some(self.user_id.to_string()),
            natural: Some(Self::key(&self.user_id, &self.name)),
            expires_at: None,
        }
    }
}
