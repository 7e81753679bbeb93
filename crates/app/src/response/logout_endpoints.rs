//! Where apps take Global Token Revocation calls (okta.md 9.8), and taking one ourselves.

use watchfire_domain::{
    logout_endpoint::{DeleteLogoutEndpoint, KIND, SetLogoutEndpoint},
    session::RevokeEverything,
};
use watchfire_egress::Purpose;
use watchfire_model::{
    id::{ClientId, UserId},
    log::RequestOrigin,
    object::{LogoutEndpoint, User, fold},
};

use super::workflows::{MANAGE, READ};
use crate::{App, Error, Result, access::Principal};

/// The scope that revokes everything of a user.
pub const REVOKE: &str = "okta.universalLogout.manage";

/// What an administrator says of an app's endpoint.
#[derive(Clone, Debug)]
pub struct LogoutEndpointDraft {
    /// Its address.
    pub url: String,
    /// `aud` of the calls; the address when absent.
    pub audience: Option<String>,
    /// `iss_sub`, `email` or `opaque`.
    pub subject_format: String,
}

/// How a Global Token Revocation call names its user (RFC 9493).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevokedSubject {
    /// By our id.
    Opaque(String),
    /// By issuer and subject; the issuer must be us.
    IssSub(String, String),
    /// By email address.
    Email(String),
}

impl App {
    /// The endpoint of an app.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub fn logout_endpoint(&self, caller: &Principal, app: &str) -> Result<LogoutEndpoint> {
        caller.require(READ)?;
        let directory = self.state.directory();
        if directory.client(app).is_none() {
            return Err(Error::not_found(app, "AppInstance"));
        }
        let found = directory.logout_endpoints().find(|it| it.app.as_str() == app);
        found
            .map(|it| LogoutEndpoint::clone(it))
            .ok_or_else(|| Error::not_found(app, KIND))
    }

    /// Whether an app has an endpoint.
    pub fn has_logout_endpoint(&self, app: &ClientId) -> bool {
        let directory = self.state.directory();
        directory.logout_endpoints().any(|it| it.app == *app)
    }

    /// Registers or changes the endpoint of an app.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown app; [`Error::Invalid`] for an address that may not be called.
    pub async fn set_logout_endpoint(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        app: &str,
        draft: LogoutEndpointDraft,
    ) -> Result<LogoutEndpoint> {
        caller.require(MANAGE)?;
        self.check_target("url", Purpose::Logout, &draft.url)?;
        let command = SetLogoutEndpoint {
            app: ClientId::new(app),
            url: draft.url,
            audience: draft.audience,
            subject_format: draft.subject_format,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Takes the endpoint of an app away.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_logout_endpoint(&self, caller: &Principal, origin: RequestOrigin, app: &str) -> Result<()> {
        caller.require(MANAGE)?;
        let app = ClientId::new(app);
        let actor = caller.actor.clone();
        self.commands.run(DeleteLogoutEndpoint { app, actor, origin }).await
    }

    /// Ends everything that lets a user in (okta.md 9.8: we as the receiver of the call).
    ///
    /// # Errors
    /// [`Error::NotFound`] when the subject is nobody here; [`Error::Forbidden`] when it is an administrator and
    /// the caller is no super administrator.
    pub async fn revoke_everything(&self, caller: &Principal, origin: RequestOrigin, subject: RevokedSubject) -> Result<()> {
        caller.require(REVOKE)?;
        let user_id = self
            .revoked_user(subject)
            .await?
            .ok_or_else(|| Error::not_found("sub_id", "User"))?;
        let command = RevokeEverything {
            user_id: self.managed_user(caller, user_id.as_str()).await?.id,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    async fn revoked_user(&self, subject: RevokedSubject) -> Result<Option<UserId>> {
        let by_id = match subject {
            RevokedSubject::Opaque(id) => id,
            RevokedSubject::IssSub(issuer, id) if self.org_urls().iter().any(|url| *url == issuer.trim_end_matches('/')) => id,
            RevokedSubject::IssSub(..) => return Ok(None),
            RevokedSubject::Email(email) => {
                // A login is an email address; but a profile may have another address.
                let found: Option<User> = self.find(&fold(&email)).await?;
                return match found {
                    Some(user) => Ok(Some(user.id)),
                    None => self.user_with_email(&email).await,
                };
            }
        };
        let found: Option<User> = self.get(&by_id).await?;
        Ok(found.map(|user| user.id))
    }

    async fn user_with_email(&self, email: &str) -> Result<Option<UserId>> {
        let mut found: Vec<User> = self.children(&fold(email)).await?;
        // Two users with one address: nobody can say who is meant.
        let only = found.pop().filter(|_| found.is_empty());
        Ok(only.map(|user| user.id))
    }
}
