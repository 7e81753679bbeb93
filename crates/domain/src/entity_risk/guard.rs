//! What keeps a lying, noisy or over-reaching provider from doing harm (architecture section 8).

use std::time::Duration;

use watchfire_model::{
    entity::Entity,
    id::{EntityRiskRuleId, SecurityEventsProviderId, UserId},
    object::ProviderReach,
    time::Timestamp,
};

use super::EntityRisks;

/// The limits of what rules do by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardLimits {
    /// A rule acts on the same user once in this time.
    pub action_cooldown: Duration,
    /// On so many users may one provider's signals cause actions in the window; beyond that an
    /// administrator is asked. 0 asks always.
    pub provider_reach_cap: u32,
    /// The window.
    pub provider_reach_window: Duration,
}

impl Default for GuardLimits {
    fn default() -> Self {
        Self {
            action_cooldown: Duration::from_secs(5 * 60),
            provider_reach_cap: 20,
            provider_reach_window: Duration::from_secs(60 * 60),
        }
    }
}

/// Whether a rule may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// At once.
    Act,
    /// It has acted on this user just now.
    CoolingDown,
    /// The provider has reached too many users: a person decides.
    Ask,
}

impl EntityRisks<'_> {
    /// Whether `rule` may act on `user` for `provider`, counting it if so.
    pub(super) fn guard(
        &mut self,
        user: &UserId,
        rule: &EntityRiskRuleId,
        provider: Option<&SecurityEventsProviderId>,
    ) -> Verdict {
        let (now, cooldown) = (self.now, self.limits.action_cooldown);
        let record = self.record(&Entity::User(user.clone()));
        if let Some(acted) = record.risk.acted.get(rule)
            && acted.plus(cooldown) > now
        {
            return Verdict::CoolingDown;
        }
        // What is past no longer matters, and rules come and go.
        record.risk.acted.retain(|_, at| at.plus(cooldown) > now);
        record.risk.acted.insert(rule.clone(), now);
        record.changed = true;
        match provider {
            Some(provider) if !self.reach(provider, user) => Verdict::Ask,
            _ => Verdict::Act,
        }
    }

    /// Counts `user` as touched by `provider`, if there is room for one more.
    fn reach(&mut self, provider: &SecurityEventsProviderId, user: &UserId) -> bool {
        let known = self.reaches.get(provider);
        let known = known.or_else(|| self.slice.get::<ProviderReach>(provider.as_str()));
        let since = self.now.minus(self.limits.provider_reach_window);
        let mut users: Vec<(UserId, Timestamp)> = known.map(|reach| reach.users.clone()).unwrap_or_default();
        users.retain(|(other, at)| *at > since && other != user);
        let cap = usize::try_from(self.limits.provider_reach_cap).unwrap_or(usize::MAX);
        let has_room = users.len() < cap;
        if has_room {
            users.push((user.clone(), self.now));
            let provider = provider.clone();
            self.reaches.insert(provider.clone(), ProviderReach { provider, users });
        }
        has_room
    }
}
