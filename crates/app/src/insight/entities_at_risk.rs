//! Who is at risk now: users, devices and sessions, the worst first.

use std::{cmp::Reverse, sync::Arc};

use watchfire_engine::entity;
use watchfire_model::{
    object::{CauseKind, EntityRisk, User, fold},
    signal::RiskLevel,
    time::Timestamp,
};

use crate::{App, Error, Result, access::Principal, identity::users, reads::Listed};

/// The scope that reads it.
pub const READ: &str = "watchfire.read";

/// Logins that a search looks at.
const LOGINS: u32 = 200;

/// Which of them are listed.
#[derive(Clone, Debug, Default)]
pub struct AtRiskQuery {
    /// `USER`, `DEVICE` or `SESSION`; all of them without it.
    pub kind: Option<String>,
    /// At least so risky.
    pub least: Option<RiskLevel>,
    /// Begin behind this place.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// Somebody or something at risk.
#[derive(Clone, Debug)]
pub struct AtRiskEntity {
    /// What is known of it.
    pub risk: Arc<EntityRisk>,
    /// How risky it is.
    pub level: RiskLevel,
    /// What counts at a sign-in, in millinats.
    pub score_millinats: i32,
    /// The strongest thing that speaks against it, and why.
    pub strongest: Option<(CauseKind, Option<String>)>,
    /// When the level next changes by itself.
    pub next_transition: Option<Timestamp>,
    /// The user, or the one behind it; `None` when nobody knows or it is gone.
    pub user: Option<User>,
}

/// How many there are of each level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LevelCounts {
    /// LOW.
    pub low: usize,
    /// MEDIUM.
    pub medium: usize,
    /// HIGH.
    pub high: usize,
}

/// The worst first; the id tells those apart that are as bad.
type Place = (Reverse<RiskLevel>, Reverse<i32>, String);

impl App {
    /// A page of those at risk, the worst first.
    ///
    /// # Errors
    /// Without the scope; `E0000029` for an `after` that is no place.
    pub async fn entities_at_risk(&self, caller: &Principal, query: &AtRiskQuery) -> Result<Listed<AtRiskEntity>> {
        caller.require(READ)?;
        let behind = query.after.as_deref().map(place).transpose()?;
        let now = self.clock.now();
        let is_wanted = |risk: &EntityRisk| query.kind.as_deref().is_none_or(|kind| risk.entity.kind() == kind);
        let mut places: Vec<(Place, Arc<EntityRisk>)> = self
            .state
            .at_risk()
            .all()
            .into_iter()
            .filter(|risk| is_wanted(risk))
            .filter_map(|risk| {
                let level = entity::level(&risk.causes, now)?;
                let enough = query.least.is_none_or(|least| level >= least);
                let place = (
                    Reverse(level),
                    Reverse(entity::score(&risk.causes, now)),
                    risk.entity.to_string(),
                );
                enough.then_some((place, risk))
            })
            .filter(|(place, _)| behind.as_ref().is_none_or(|behind| place > behind))
            .collect();
        places.sort_by(|(one, _), (other, _)| one.cmp(other));
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let has_more = places.len() > limit;
        places.truncate(limit);
        let next = places.last().filter(|_| has_more).map(|(place, _)| printed(place));
        let mut items = Vec::with_capacity(places.len());
        for ((Reverse(level), ..), risk) in places {
            items.push(self.at_risk(level, risk, now).await?);
        }
        Ok(Listed { items, next })
    }

    /// How many users are at risk now, by level.
    ///
    /// # Errors
    /// Without the scope.
    pub fn users_at_risk(&self, caller: &Principal) -> Result<LevelCounts> {
        caller.require(READ)?;
        let now = self.clock.now();
        let mut counts = LevelCounts::default();
        for risk in self.state.at_risk().all() {
            let count = match entity::level(&risk.causes, now).filter(|_| risk.entity.user().is_some()) {
                Some(RiskLevel::Low) => &mut counts.low,
                Some(RiskLevel::Medium) => &mut counts.medium,
                Some(RiskLevel::High) => &mut counts.high,
                None => continue,
            };
            *count = count.saturating_add(1);
        }
        Ok(counts)
    }

    /// The users whose logins begin like this, in the order of their logins.
    ///
    /// # Errors
    /// Without the scope.
    pub async fn users_called(&self, caller: &Principal, prefix: &str) -> Result<Vec<User>> {
        caller.require(users::READ)?;
        self.all_starting_with(&fold(prefix), LOGINS).await
    }

    async fn at_risk(&self, level: RiskLevel, risk: Arc<EntityRisk>, now: Timestamp) -> Result<AtRiskEntity> {
        let explanation = entity::explain(&risk.causes, now);
        let strongest = explanation.causes.iter().find(|it| it.counts);
        let strongest = strongest.map(|it| (it.cause.kind, it.cause.reason.clone()));
        let (score_millinats, next_transition) = (explanation.score_millinats, explanation.next_transition);
        let user = match risk.entity.user().or(risk.user.as_ref()) {
            Some(id) => self.get::<User>(id.as_str()).await?,
            None => None,
        };
        Ok(AtRiskEntity {
            level,
            score_millinats,
            strongest,
            next_transition,
            user,
            risk,
        })
    }
}

fn printed((Reverse(level), Reverse(score), id): &Place) -> String {
    format!("{}.{score}.{id}", level.as_str())
}

fn place(text: &str) -> Result<Place> {
    let invalid = || Error::catalogued("E0000029", Vec::new());
    let mut parts = text.splitn(3, '.');
    let mut part = || parts.next().ok_or_else(invalid);
    let level = RiskLevel::parse(part()?).ok_or_else(invalid)?;
    let score = part()?.parse().map_err(|_| invalid())?;
    Ok((Reverse(level), Reverse(score), part()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_and_the_worst_is_first() {
        let high = (Reverse(RiskLevel::High), Reverse(3_500), "USER 00u.1".to_owned());
        let low = (Reverse(RiskLevel::Low), Reverse(-10), "USER 00u2".to_owned());
        for it in [&high, &low] {
            assert_eq!(place(&printed(it)).unwrap(), *it);
        }
        assert!(high < low);
        for text in ["", "HIGH", "HIGH.x.a", "WORSE.1.a", "HIGH.1"] {
            assert!(place(text).is_err(), "{text}");
        }
    }
}
