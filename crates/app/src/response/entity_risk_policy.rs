//! The entity risk policy and its rules (okta.md 9.4).

pub use watchfire_domain::entity_risk_rule::{EntityRiskRuleDraft, RulePath};
use watchfire_domain::{
    entity_risk_policy::ReplaceEntityRiskPolicy,
    entity_risk_rule::{CreateEntityRiskRule, DeleteEntityRiskRule, ReplaceEntityRiskRule, SetEntityRiskRuleStatus},
};
use watchfire_model::{
    id::EntityRiskPolicyId,
    log::RequestOrigin,
    object::{EntityRiskPolicy, EntityRiskRule, Status},
};

use super::policies::{MANAGE, READ};
use crate::{App, Error, Result, access::Principal};

impl App {
    /// The one policy of its type.
    ///
    /// # Errors
    /// Without the scope, or when the store does not answer.
    pub async fn entity_risk_policies(&self, caller: &Principal) -> Result<Vec<EntityRiskPolicy>> {
        caller.require(READ)?;
        self.all().await
    }

    /// The policy by its id.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for the list.
    pub async fn entity_risk_policy(&self, caller: &Principal, id: &str) -> Result<EntityRiskPolicy> {
        caller.require(READ)?;
        self.get(id).await?.ok_or_else(|| Error::not_found(id, "Policy"))
    }

    /// Gives the policy another name or description.
    ///
    /// # Errors
    /// [`Error::NotFound`]; without the scope.
    pub async fn replace_entity_risk_policy(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        (name, description): (String, Option<String>),
    ) -> Result<EntityRiskPolicy> {
        caller.require(MANAGE)?;
        self.commands
            .run(ReplaceEntityRiskPolicy {
                id: EntityRiskPolicyId::new(id),
                name,
                description,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Its rules, in the order in which they are asked.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the policy, and as for the list.
    pub async fn entity_risk_rules(&self, caller: &Principal, policy: &str) -> Result<Vec<EntityRiskRule>> {
        self.entity_risk_policy(caller, policy).await?;
        let mut rules: Vec<EntityRiskRule> = self.children(policy).await?;
        rules.sort_by_key(|rule| (rule.system, rule.priority));
        Ok(rules)
    }

    /// One rule.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the policy or the rule, and as for the list.
    pub async fn entity_risk_rule(&self, caller: &Principal, path: &RulePath) -> Result<EntityRiskRule> {
        let policy = self.entity_risk_policy(caller, path.policy.as_str()).await?;
        let rule: Option<EntityRiskRule> = self.get(path.rule.as_str()).await?;
        rule.filter(|rule| rule.policy_id == policy.id)
            .ok_or_else(|| Error::not_found(path.rule.as_str(), "PolicyRule"))
    }

    /// Makes a rule.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the policy; [`Error::Invalid`] for a taken name, or somebody or something
    /// that is not there.
    pub async fn create_entity_risk_rule(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        policy: &str,
        draft: EntityRiskRuleDraft,
    ) -> Result<EntityRiskRule> {
        caller.require(MANAGE)?;
        self.commands
            .run(CreateEntityRiskRule {
                policy: EntityRiskPolicyId::new(policy),
                draft,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Replaces a rule.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for making one.
    pub async fn replace_entity_risk_rule(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        path: RulePath,
        draft: EntityRiskRuleDraft,
    ) -> Result<EntityRiskRule> {
        caller.require(MANAGE)?;
        self.commands
            .run(ReplaceEntityRiskRule {
                path,
                draft,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Removes a rule.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for the catch-all rule.
    pub async fn delete_entity_risk_rule(&self, caller: &Principal, origin: RequestOrigin, path: RulePath) -> Result<()> {
        caller.require(MANAGE)?;
        self.commands
            .run(DeleteEntityRiskRule {
                path,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Switches a rule on or off.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] when the catch-all rule is to be switched off.
    pub async fn set_entity_risk_rule_status(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        path: RulePath,
        status: Status,
    ) -> Result<()> {
        caller.require(MANAGE)?;
        self.commands
            .run(SetEntityRiskRuleStatus {
                path,
                status,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }
}
