//! Administrator roles of clients (okta.md 1.9).

use serde_json::Value;
pub use watchfire_domain::client::RoleChange;
use watchfire_domain::client::{ChangeClientRoles, ROLES};
use watchfire_model::{id::ClientId, log::RequestOrigin, object::Client};

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
        // An app that could give roles could make itself a super administrator.
        if caller.administrator().is_none() {
            return Err(Error::Forbidden { needed_scope: None });
        }
        let command = ChangeClientRoles {
            id: ClientId::new(id),
            change,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }
}

/// Whether an app has the role of a super administrator.
pub(crate) fn is_super_admin(app: &Client) -> bool {
    let roles = app.app.get(ROLES).and_then(Value::as_array);
    roles.is_some_and(|roles| roles.iter().any(|role| role.get("type") == Some(&Value::from("SUPER_ADMIN"))))
}
