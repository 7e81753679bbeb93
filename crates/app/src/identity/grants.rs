//! Scopes granted to service apps (okta.md 2.2).

use watchfire_domain::grant::{GrantScope, RevokeGrant};
use watchfire_model::{
    id::{ClientId, GrantId, UserId},
    log::RequestOrigin,
    object::{Client, Grant},
};

use crate::{
    App, Error, Result,
    access::{Authority, Principal},
    identity::roles,
};

/// The scope that reads grants.
pub const READ: &str = "okta.appGrants.read";
/// The scope that grants and revokes.
pub const MANAGE: &str = "okta.appGrants.manage";

/// A grant and what its answer says beside it.
#[derive(Clone, Debug)]
pub struct GrantView {
    /// The grant.
    pub grant: Grant,
    /// The app's name.
    pub client_name: String,
}

impl App {
    /// Every grant of an app, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown app, and without the scope.
    pub fn grants(&self, caller: &Principal, app_id: &str) -> Result<Vec<GrantView>> {
        caller.require(READ)?;
        let directory = self.state.directory();
        let client = directory.client(app_id).ok_or_else(|| unknown_app(app_id))?;
        let mut grants: Vec<_> = directory.grants_of(&client.id).map(|grant| view(grant, client)).collect();
        grants.sort_by(|a, b| (a.grant.created, &a.grant.id).cmp(&(b.grant.created, &b.grant.id)));
        Ok(grants)
    }

    /// One grant of an app.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown app or grant, and without the scope.
    pub fn grant(&self, caller: &Principal, app_id: &str, id: &str) -> Result<GrantView> {
        caller.require(READ)?;
        let directory = self.state.directory();
        let client = directory.client(app_id).ok_or_else(|| unknown_app(app_id))?;
        let grant = directory.grants_of(&client.id).find(|grant| grant.id.as_str() == id);
        grant
            .map(|grant| view(grant, client))
            .ok_or_else(|| Error::not_found(id, "OAuth2ScopeConsentGrant"))
    }

    /// Grants `scope`; `issuer`, where it is given, must be ours.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown app, [`Error::Invalid`] for an unknown scope or another issuer.
    pub async fn grant_scope(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        app_id: &str,
        scope: String,
        issuer: Option<&str>,
    ) -> Result<GrantView> {
        caller.require(MANAGE)?;
        let client = self.state.directory().client(app_id).cloned();
        let client = client.ok_or_else(|| unknown_app(app_id))?;
        self.may_grant(caller, &scope)?;
        if issuer.is_some_and(|issuer| !self.is_org_url(issuer)) {
            return Err(Error::invalid("issuer", "The issuer must be the URL of the organization"));
        }
        let created_by = match &caller.grant {
            Authority::Administrator { user_id, .. } => user_id.clone(),
            Authority::Client { client_id, .. } => UserId::new(client_id.as_str()),
        };
        let command = GrantScope {
            client_id: ClientId::new(app_id),
            scope,
            created_by,
            actor: caller.actor.clone(),
            origin,
        };
        let grant = self.commands.run(command).await?;
        Ok(view(&grant, &client))
    }

    /// Granting needs a super administrator (okta.md 1.4): an administrator's token, or an app with that
    /// role. Any other app may pass on what it has, and nothing more.
    fn may_grant(&self, caller: &Principal, scope: &str) -> Result<()> {
        let Authority::Client { client_id, scopes } = &caller.grant else {
            return Ok(());
        };
        let is_super = self
            .state
            .directory()
            .client(client_id.as_str())
            .is_some_and(|app| roles::is_super_admin(app));
        if is_super || scopes.contains(scope) {
            return Ok(());
        }
        Err(Error::Forbidden { needed_scope: None })
    }

    /// Revokes a grant: tokens that were issued lose the scope at once.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown app or grant.
    pub async fn revoke_grant(&self, caller: &Principal, origin: RequestOrigin, app_id: &str, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        let command = RevokeGrant {
            client_id: ClientId::new(app_id),
            id: GrantId::new(id),
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }
}

fn view(grant: &Grant, client: &Client) -> GrantView {
    GrantView {
        grant: grant.clone(),
        client_name: client.metadata.client_name.clone(),
    }
}

fn unknown_app(id: &str) -> Error {
    Error::not_found(id, "OAuth2AppInstance")
}
