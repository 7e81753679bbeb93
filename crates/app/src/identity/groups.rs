//! Groups (okta.md 10.1).

pub use watchfire_domain::group::GroupDraft;
use watchfire_domain::group::{CreateGroup, DeleteGroup, ReplaceGroup, SetMembership};
use watchfire_model::{
    id::{GroupId, UserId},
    log::RequestOrigin,
    object::{Group, Membership, User},
};

use super::users;
use crate::{App, Error, Result, access::Principal};

/// The scope that reads them.
pub const READ: &str = "okta.groups.read";
/// The scope that changes them.
pub const MANAGE: &str = "okta.groups.manage";

impl App {
    /// Every group, oldest first.
    ///
    /// # Errors
    /// Without the scope.
    pub async fn groups(&self, caller: &Principal) -> Result<Vec<Group>> {
        caller.require(READ)?;
        self.all().await
    }

    /// One group.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub async fn group(&self, caller: &Principal, id: &str) -> Result<Group> {
        caller.require(READ)?;
        self.get(id).await?.ok_or_else(|| Error::not_found(id, "UserGroup"))
    }

    /// Makes a group.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is blank, too long or taken.
    pub async fn create_group(&self, caller: &Principal, origin: RequestOrigin, draft: GroupDraft) -> Result<Group> {
        caller.require(MANAGE)?;
        let actor = caller.actor.clone();
        self.commands.run(CreateGroup { draft, actor, origin }).await
    }

    /// Replaces what is said of a group.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] for the built-in one; and as for making one.
    pub async fn replace_group(&self, caller: &Principal, origin: RequestOrigin, id: &str, draft: GroupDraft) -> Result<Group> {
        caller.require(MANAGE)?;
        let (id, actor) = (GroupId::new(id), caller.actor.clone());
        self.commands
            .run(ReplaceGroup {
                id,
                draft,
                actor,
                origin,
            })
            .await
    }

    /// Removes a group.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] for the built-in one.
    pub async fn delete_group(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        let (id, actor) = (GroupId::new(id), caller.actor.clone());
        self.commands.run(DeleteGroup { id, actor, origin }).await
    }

    /// Puts a user into a group (`member`) or takes it out.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] for the built-in group.
    pub async fn set_membership(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        (group, user): (&str, &str),
        member: bool,
    ) -> Result<()> {
        caller.require(MANAGE)?;
        let command = SetMembership {
            group_id: GroupId::new(group),
            user_id: UserId::new(user),
            member,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// The ids of the users in a group, in the order in which they came.
    ///
    /// # Errors
    /// As for [`Self::group`].
    pub async fn group_members(&self, caller: &Principal, id: &str) -> Result<Vec<UserId>> {
        let group = self.group(caller, id).await?;
        let memberships: Vec<Membership> = self.all().await?;
        let own = memberships.into_iter().filter(|membership| membership.group_id == group.id);
        Ok(own.map(|membership| membership.user_id).collect())
    }

    /// The users with these ids, as far as they are there.
    ///
    /// # Errors
    /// Without the scope that reads groups.
    pub async fn members(&self, caller: &Principal, ids: &[UserId]) -> Result<Vec<User>> {
        caller.require(READ)?;
        let mut users = Vec::with_capacity(ids.len());
        for id in ids {
            users.extend(self.get::<User>(id.as_str()).await?);
        }
        Ok(users)
    }

    /// The groups that a user is in.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope that reads users.
    pub async fn groups_of(&self, caller: &Principal, user: &str) -> Result<Vec<Group>> {
        caller.require(users::READ)?;
        let user = self.named_user(caller, user).await?;
        let memberships: Vec<Membership> = self.children(user.id.as_str()).await?;
        let mut groups = Vec::with_capacity(memberships.len());
        for membership in memberships {
            groups.extend(self.get::<Group>(membership.group_id.as_str()).await?);
        }
        Ok(groups)
    }
}
