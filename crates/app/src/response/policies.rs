//! Sign-on policies (okta.md 9.3).

use watchfire_domain::policy::{CreatePolicy, DeletePolicy, ReplacePolicy, SetPolicyStatus};
use watchfire_model::{
    id::PolicyId,
    log::RequestOrigin,
    object::{Policy, PolicyDraft, Status},
};

use crate::{App, Error, Result, access::Principal};

/// The scope that reads policies and rules.
pub const READ: &str = "okta.policies.read";
/// The scope that changes them.
pub const MANAGE: &str = "okta.policies.manage";

impl App {
    /// Every policy, in the order in which they are asked.
    ///
    /// # Errors
    /// Without the scope, or when the store does not answer.
    pub async fn policies(&self, caller: &Principal) -> Result<Vec<Policy>> {
        caller.require(READ)?;
        let mut policies: Vec<Policy> = self.all().await?;
        policies.sort_by_key(|policy| policy.priority);
        Ok(policies)
    }

    /// One policy.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for the list.
    pub async fn policy(&self, caller: &Principal, id: &str) -> Result<Policy> {
        caller.require(READ)?;
        self.get(id).await?.ok_or_else(|| Error::not_found(id, "Policy"))
    }

    /// Makes a policy.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a taken name, an unknown group, or one policy too many.
    pub async fn create_policy(&self, caller: &Principal, origin: RequestOrigin, draft: PolicyDraft) -> Result<Policy> {
        caller.require(MANAGE)?;
        self.commands
            .run(CreatePolicy {
                draft,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Replaces a policy.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for making one.
    pub async fn replace_policy(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        draft: PolicyDraft,
    ) -> Result<Policy> {
        caller.require(MANAGE)?;
        self.commands
            .run(ReplacePolicy {
                id: PolicyId::new(id),
                draft,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Removes a policy and its rules.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for the default one.
    pub async fn delete_policy(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        self.commands
            .run(DeletePolicy {
                id: PolicyId::new(id),
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Switches a policy on or off.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] when the default one is to be switched off.
    pub async fn set_policy_status(&self, caller: &Principal, origin: RequestOrigin, id: &str, status: Status) -> Result<()> {
        caller.require(MANAGE)?;
        self.commands
            .run(SetPolicyStatus {
                id: PolicyId::new(id),
                status,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }
}
