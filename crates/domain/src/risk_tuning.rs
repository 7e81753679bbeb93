//! What administrators decide about evidence, and the thresholds that are learnt in its bounds.

use watchfire_engine::{
    learning::{self, day_of},
    model::Settings,
};
use watchfire_model::{
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{EvidenceDay, ProviderTuning, RiskLearning, RiskProvider, RiskTuning, ThresholdLearning, Zone},
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// Zones that may be trusted.
pub const MAX_TRUSTED_ZONES: usize = 100;

/// Replaces what is decided about evidence.
#[derive(Clone, Debug)]
pub struct SetRiskTuning {
    /// What it is to be.
    pub tuning: RiskTuning,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for SetRiskTuning {
    type Outcome = RiskTuning;

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::all::<RiskProvider>(),
            Need::all::<Zone>(),
            Need::object::<RiskTuning>(RiskTuning::ID),
            Need::object::<RiskLearning>(RiskLearning::ID),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<RiskTuning> {
        self.try_decide(slice, context).into()
    }
}

impl SetRiskTuning {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, RiskTuning), Rejection> {
        self.check(slice)?;
        let before = slice.get::<RiskTuning>(RiskTuning::ID).cloned().unwrap_or_default();
        let tuning = RiskTuning {
            last_updated: context.now,
            ..self.tuning.clone()
        };
        let mut decision = Decision::new();
        if let Some(learning) = self.begun_anew(&before, slice, context) {
            decision.put(learning);
        }
        decision.put(tuning.clone());
        let event = LogEvent::new(EventType::RiskTuningUpdate, self.actor.clone())
            .from_request(&self.origin)
            .target(target(&before, &tuning));
        context.log(&mut decision, event);
        Ok((decision, tuning))
    }

    fn check(&self, slice: &Slice) -> Result<(), Rejection> {
        for (id, tuning) in &self.tuning.providers {
            let member = |name: &str| format!("providers.{id}.{name}");
            if slice.get::<RiskProvider>(id.as_str()).is_none() {
                return Err(Rejection::invalid(&format!("providers.{id}"), "No risk provider has this id"));
            }
            if tuning.least > tuning.most {
                return Err(Rejection::invalid(&member("least"), "It must not be above most"));
            }
            if tuning.learn && !(tuning.least..=tuning.most).contains(&tuning.trust) {
                return Err(Rejection::invalid(&member("trust"), "It must lie between least and most"));
            }
        }
        if self.tuning.thresholds.high > self.tuning.thresholds.medium {
            let message = "It must not be above the share for MEDIUM";
            return Err(Rejection::invalid("thresholds.high", message));
        }
        if self.tuning.trusted_zones.len() > MAX_TRUSTED_ZONES {
            let message = format!("At most {MAX_TRUSTED_ZONES} zones");
            return Err(Rejection::invalid("trustedZones", &message));
        }
        let unknown = self
            .tuning
            .trusted_zones
            .iter()
            .find(|id| slice.get::<Zone>(id.as_str()).is_none());
        match unknown {
            Some(id) => Err(Rejection::invalid("trustedZones", &format!("No zone has the id {id}"))),
            None => Ok(()),
        }
    }

    /// What is learnt of providers whose trust was set begins with it; the labels stay.
    fn begun_anew(&self, before: &RiskTuning, slice: &Slice, context: &Context<'_>) -> Option<RiskLearning> {
        let mut learnt = slice.get::<RiskLearning>(RiskLearning::ID).cloned()?;
        let mut changed = false;
        for (id, labels) in &mut learnt.providers {
            let begins = |tuning: ProviderTuning| (tuning.trust, tuning.learn);
            if begins(before.of(id)) != begins(self.tuning.of(id)) {
                learning::set_anew(labels, context.now);
                changed = true;
            }
        }
        changed.then_some(learnt)
    }
}

fn target(before: &RiskTuning, after: &RiskTuning) -> Target {
    let shown = |tuning: &RiskTuning| {
        serde_json::json!({
            "providers": tuning.providers,
            "thresholds": tuning.thresholds,
            "trustedZones": tuning.trusted_zones,
        })
    };
    Target::new("RiskSettings", RiskTuning::ID, "Risk settings").changed(shown(before), shown(after))
}

/// Moves the learnt thresholds by what a day's honest sign-ins have shown; once a day, and only the day before.
#[derive(Clone, Debug)]
pub struct FitThresholds {
    /// The day's evidence.
    pub day: EvidenceDay,
    /// What the operator has set.
    pub set: Settings,
}

impl Command for FitThresholds {
    type Outcome = Option<ThresholdLearning>;

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::object::<RiskTuning>(RiskTuning::ID),
            Need::object::<ThresholdLearning>(ThresholdLearning::ID),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Option<ThresholdLearning>> {
        let tuning = slice.get::<RiskTuning>(RiskTuning::ID).map(|it| it.thresholds);
        let before = slice.get::<ThresholdLearning>(ThresholdLearning::ID);
        let is_next = before
            .and_then(|it| it.days.last())
            .is_none_or(|last| last.day < self.day.day);
        // Of several days at once, thresholds would move several steps at once.
        let is_yesterday = self.day.day == day_of(context.now).saturating_sub(1);
        let Some(tuning) = tuning.filter(|it| it.learn && is_next && is_yesterday) else {
            return Decided::done(Decision::new(), None);
        };
        let fresh = ThresholdLearning::default();
        let learnt = learning::fit(before.unwrap_or(&fresh), self.day.clone(), &tuning, &self.set);
        let mut decision = Decision::new();
        decision.put(learnt.clone());
        Decided::done(decision, Some(learnt))
    }
}

#[cfg(test)]
mod tests;
