//! Searches of the System Log that administrators keep, each for themselves.

use watchfire_domain::saved_search::{DeleteSavedSearch, SaveSearch};
use watchfire_model::{
    id::{SavedSearchId, UserId},
    object::{LogSearch, SavedSearch},
};

use super::log::READ;
use crate::{
    App, Error, Result,
    access::{Authority, Principal},
};

impl App {
    /// The caller's searches, oldest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anybody but an administrator who may read the log.
    pub async fn saved_searches(&self, caller: &Principal) -> Result<Vec<SavedSearch>> {
        self.children(owner(caller)?.as_str()).await
    }

    /// Keeps a search of the caller's; one of the same name is replaced.
    ///
    /// # Errors
    /// As for [`Self::saved_searches`]; [`Error::Invalid`] for a name or a filter that is none.
    pub async fn save_search(&self, caller: &Principal, name: String, search: LogSearch) -> Result<SavedSearch> {
        let user_id = owner(caller)?.clone();
        self.commands.run(SaveSearch { user_id, name, search }).await
    }

    /// Forgets a search of the caller's.
    ///
    /// # Errors
    /// As for [`Self::saved_searches`]; [`Error::NotFound`].
    pub async fn delete_saved_search(&self, caller: &Principal, id: &str) -> Result<()> {
        let user_id = owner(caller)?.clone();
        let id = SavedSearchId::new(id);
        self.commands.run(DeleteSavedSearch { user_id, id }).await
    }
}

fn owner(caller: &Principal) -> Result<&UserId> {
    caller.require(READ)?;
    match &caller.grant {
        Authority::Administrator { user_id, .. } => Ok(user_id),
        Authority::Client { .. } => Err(Error::Forbidden { needed_scope: None }),
    }
}
