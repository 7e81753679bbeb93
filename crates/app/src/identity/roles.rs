//! Administrator roles of clients (okta.md 1.9).

use serde_json::Value;
pub use watchfire_domain::client::RoleChange;
use watchfire_domain::client::{ChangeClientRoles, ROLES};
use watchfire_model::{id::ClientId, log::RequestOrigin};

use crate::{App, Error, Result, access::Principal};

/// The scope that reads them.
pub const READ: &str = "okta.roles.read";
/// The scope that assigns and removes them.
pub const MANAGE: &str = "okta.roles.manage";

impl App {
    /// The roles of a client, each `{id, type, created}`.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub fn client_roles(&self, caller: &Principal, id: &str) -> Result<Vec<Value>> {
        caller.require(READ)?;
        let directory = self.state.directory();
        let client = directory.client(id).ok_or_else(|| Error::not_found(id, "PublicClientApp"))?;
        Ok(client.app.get(ROLES).and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Assigns or removes a role; gives the assignment.
    ///
    /// # Errors
    /// [`Error::NotFound`], and `E0000090` for a role that is assigned already.
    pub async fn change_client_roles(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        change: RoleChange,
    ) -> Result<Value> {
        caller.require(MANAGE)?;
        let command = ChangeClientRoles {
            id: ClientId::new(id),
            change,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }
}
