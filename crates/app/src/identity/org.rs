//! The organisation (okta.md 11.1, 11.2).

use std::collections::BTreeMap;

use watchfire_domain::org::UpdateOrg;
use watchfire_model::object::Org;

use crate::{App, Error, Result, access::Principal};

/// The scope that reads it.
pub const READ: &str = "okta.orgs.read";
/// The scope that changes it.
pub const MANAGE: &str = "okta.orgs.manage";

impl App {
    /// The organisation.
    ///
    /// # Errors
    /// Without the scope.
    pub fn org(&self, caller: &Principal) -> Result<Org> {
        caller.require(READ)?;
        self.state
            .directory()
            .org()
            .cloned()
            .ok_or_else(|| Error::internal("there is no organisation"))
    }

    /// Changes the organisation's profile; `replace` clears what is not named.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it would have no name, or a member is too long.
    pub async fn update_org(&self, caller: &Principal, members: BTreeMap<String, Option<String>>, replace: bool) -> Result<Org> {
        caller.require(MANAGE)?;
        self.commands.run(UpdateOrg { members, replace }).await
    }
}
