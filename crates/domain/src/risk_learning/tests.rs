use watchfire_model::object::Object;

use super::*;
use crate::testing::NOW;

fn provider(id: &str) -> RiskProvider {
    RiskProvider {
        id: RiskProviderId::new(id),
        name: id.to_owned(),
        client_id: None,
        action: ProviderAction::EnforceAndLog,
        created: NOW,
        last_updated: NOW,
    }
}

fn slice(objects: impl IntoIterator<Item = Object>) -> Slice {
    let mut slice = Slice::default();
    slice.insert(provider("rkpA").into());
    objects.into_iter().for_each(|object| slice.insert(object));
    slice
}

fn words() -> Words {
    [(RiskProviderId::new("rkpA"), Some(RiskLevel::High))].into()
}

fn user(number: usize) -> UserId {
    UserId::new(format!("00u{number}"))
}

#[test]
fn a_day_has_room_for_so_many_accounts_and_so_few_step_ups() {
    let slice = slice([]);
    let mut learner = Learner::new(&slice, NOW);
    let step_ups = (0..300).filter(|it| learner.label(&Voter::StepUp(&user(*it)), words(), false).is_some());
    assert_eq!(step_ups.count(), MOST_STEP_UPS);
    let opinions = (0..500).filter(|it| learner.label(&Voter::User(&user(*it)), words(), false).is_some());
    assert_eq!(opinions.count(), MOST_VOTERS - MOST_STEP_UPS);
    // Tomorrow is another day.
    learner.now = NOW.plus(std::time::Duration::from_secs(86_400));
    assert!(learner.label(&Voter::User(&user(499)), words(), false).is_some());
}

#[test]
fn a_label_that_was_taken_back_leaves_room_for_another() {
    let slice = slice([]);
    let mut learner = Learner::new(&slice, NOW);
    let first = learner.label(&Voter::User(&user(1)), words(), false).unwrap();
    assert!(learner.label(&Voter::User(&user(1)), words(), true).is_none());
    learner.take_back(&first);
    assert!(learner.learning.voters.is_empty());
    assert!(learner.label(&Voter::User(&user(1)), words(), true).is_some());
    let counted = learner.learning.providers[&RiskProviderId::new("rkpA")];
    assert_eq!((counted.attacks, counted.honest, counted.high.honest), (1_000, 0, 0));
}

#[test]
fn of_providers_that_are_gone_nothing_is_kept() {
    let mut known = RiskLearning::default();
    known.providers.insert(RiskProviderId::new("rkpGone"), Default::default());
    let slice = slice([known.into()]);
    let mut learner = Learner::new(&slice, NOW);
    learner.label(&Voter::User(&user(1)), words(), false);
    let mut decision = Decision::new();
    learner.write(&mut decision);
    let watchfire_model::row::Row::Put(Object::RiskLearning(learning)) = &decision.rows[0] else {
        panic!("{decision:?}");
    };
    assert_eq!(
        learning.providers.keys().map(RiskProviderId::as_str).collect::<Vec<_>>(),
        ["rkpA"]
    );
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let slice = slice([]);
    let mut decision = Decision::new();
    let mut learner = Learner::new(&slice, NOW);
    assert!(learner.label(&Voter::User(&user(1)), Words::new(), false).is_none());
    learner.write(&mut decision);
    assert!(decision.rows.is_empty());
}
