//! The rules of sign-on policies (okta.md 9.3).

use watchfire_domain::policy_rule::{CreateRule, DeleteRule, ReplaceRule, SetRuleStatus};
use watchfire_model::{
    id::{PolicyId, RuleId},
    log::RequestOrigin,
    object::{Rule, RuleDraft, Status},
};

use super::policies::{MANAGE, READ};
use crate::{App, Error, Result, access::Principal};

/// The ids by which a path names a rule.
#[derive(Clone, Debug)]
pub struct RulePath {
    /// The policy.
    pub policy: PolicyId,
    /// Its rule.
    pub rule: RuleId,
}

impl App {
    /// The rules of a policy, in the order in which they are asked.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the policy; without the scope, or when the store does not answer.
    pub async fn policy_rules(&self, caller: &Principal, policy: &str) -> Result<Vec<Rule>> {
        self.policy(caller, policy).await?;
        let mut rules: Vec<Rule> = self.children(policy).await?;
        rules.sort_by_key(|rule| rule.priority);
        Ok(rules)
    }

    /// One rule.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the policy or the rule, and as for the list.
    pub async fn policy_rule(&self, caller: &Principal, path: &RulePath) -> Result<Rule> {
        caller.require(READ)?;
        let policy = self.policy(caller, path.policy.as_str()).await?;
        let rule: Option<Rule> = self.get(path.rule.as_str()).await?;
        rule.filter(|rule| rule.policy_id == policy.id)
            .ok_or_else(|| Error::not_found(path.rule.as_str(), "PolicyRule"))
    }

    /// Makes a rule.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the policy; [`Error::Invalid`] for a taken name, an unknown zone or
    /// user, or one rule too many.
    pub async fn create_policy_rule(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        policy: &str,
        draft: RuleDraft,
    ) -> Result<Rule> {
        caller.require(MANAGE)?;
        self.commands
            .run(CreateRule {
                policy_id: PolicyId::new(policy),
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
    pub async fn replace_policy_rule(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        path: RulePath,
        draft: RuleDraft,
    ) -> Result<Rule> {
        caller.require(MANAGE)?;
        self.commands
            .run(ReplaceRule {
                policy_id: path.policy,
                id: path.rule,
                draft,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Removes a rule.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for the default one.
    pub async fn delete_policy_rule(&self, caller: &Principal, origin: RequestOrigin, path: RulePath) -> Result<()> {
        caller.require(MANAGE)?;
        self.commands
            .run(DeleteRule {
                policy_id: path.policy,
                id: path.rule,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Switches a rule on or off.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] when the default one is to be switched off.
    pub async fn set_policy_rule_status(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        path: RulePath,
        status: Status,
    ) -> Result<()> {
        caller.require(MANAGE)?;
        self.commands
            .run(SetRuleStatus {
                policy_id: path.policy,
                id: path.rule,
                status,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }
}
