//! What several tests are made of.

use watchfire_model::{
    id::BehaviorId,
    object::{BehaviorRule, BehaviorSettings, Status},
    time::Timestamp,
};

/// The behaviours that an organisation comes with.
pub(crate) fn seeded_behaviors() -> Vec<BehaviorRule> {
    let seeds = BehaviorSettings::SEEDS.iter().enumerate();
    seeds
        .map(|(n, (name, settings))| behavior(&format!("bhv{n}"), name, *settings))
        .collect()
}

/// A behaviour.
pub(crate) fn behavior(id: &str, name: &str, settings: BehaviorSettings) -> BehaviorRule {
    BehaviorRule {
        id: BehaviorId::new(id),
        name: name.to_owned(),
        status: Status::Active,
        settings,
        created: Timestamp::from_seconds(1),
        last_updated: Timestamp::from_seconds(1),
    }
}
