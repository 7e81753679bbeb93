use watchfire_model::{
    id::{OrgId, PolicyId, RuleId},
    object::{EventWindow, RuleConditions, RuleMode, SignOnAction, TypedObject},
    row::Row,
};

use super::*;
use crate::testing::{NOW, admin, decide, event_types};

fn behavior(id: &str, name: &str) -> BehaviorRule {
    BehaviorRule {
        id: BehaviorId::new(id),
        name: name.to_owned(),
        status: Status::Active,
        settings: BehaviorSettings::AnomalousIp(EventWindow::last(50)),
        created: NOW,
        last_updated: NOW,
    }
}

fn org(has_behaviors: bool) -> Slice {
    let mut slice = Slice::default();
    slice.insert(
        Org {
            id: OrgId::new("00o1"),
            profile: std::collections::BTreeMap::new(),
            has_behaviors,
            created: NOW,
            last_updated: NOW,
        }
        .into(),
    );
    slice
}

fn with_two() -> Slice {
    let mut slice = org(true);
    slice.insert(behavior("bhv1", "New IP").into());
    slice.insert(behavior("bhv2", "New Moon").into());
    slice
}

fn rule_naming(called: &str) -> Rule {
    Rule {
        id: RuleId::new("0pr1"),
        policy_id: PolicyId::new("00p1"),
        name: "rule".to_owned(),
        status: Status::Inactive,
        priority: 1,
        system: false,
        conditions: RuleConditions {
            behaviors: vec![called.to_owned()],
            ..RuleConditions::default()
        },
        action: SignOnAction::default(),
        mode: RuleMode::Enforce,
        created: NOW,
        last_updated: NOW,
    }
}

fn draft(name: &str) -> BehaviorDraft {
    BehaviorDraft {
        name: name.to_owned(),
        status: Some(Status::Inactive),
        settings: BehaviorSettings::AnomalousIp(EventWindow { most: 5, least: 1 }),
    }
}

fn replace(id: &str, draft: BehaviorDraft) -> ReplaceBehavior {
    ReplaceBehavior {
        id: BehaviorId::new(id),
        draft,
        actor: admin(),
        origin: RequestOrigin::default(),
    }
}

fn delete(id: &str) -> DeleteBehavior {
    DeleteBehavior {
        id: BehaviorId::new(id),
        actor: admin(),
        origin: RequestOrigin::default(),
    }
}

fn switch(id: &str, status: Status) -> SetBehaviorStatus {
    SetBehaviorStatus {
        id: BehaviorId::new(id),
        status,
        actor: admin(),
        origin: RequestOrigin::default(),
    }
}

fn written<T: TypedObject>(decision: &Decision) -> Vec<&T> {
    let objects = decision
        .rows
        .iter()
        .filter_map(|row| if let Row::Put(it) = row { Some(it) } else { None });
    objects.filter_map(|it| T::from_object_ref(it)).collect()
}

#[test]
fn an_organisation_gets_its_behaviours_once() {
    let made = decide(&EnsureBehaviors, &org(false)).decision;
    let names: Vec<&str> = written::<BehaviorRule>(&made).iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, BehaviorSettings::SEEDS.map(|(name, _)| name));
    assert!(written::<Org>(&made)[0].has_behaviors);
    assert!(decide(&EnsureBehaviors, &org(true)).decision.rows.is_empty());
    assert!(decide(&EnsureBehaviors, &Slice::default()).decision.rows.is_empty());
}

#[test]
fn a_put_leaves_the_status_alone() {
    let changed = decide(&replace("bhv1", draft("Newer IP")), &with_two());
    let behavior = changed.outcome.unwrap();
    assert_eq!((behavior.name.as_str(), behavior.status), ("Newer IP", Status::Active));
    assert_eq!(behavior.settings.window().most, 5);
    assert_eq!(event_types(&changed.decision), [EventType::BehaviorUpdate]);
}

#[test]
fn refuses_what_cannot_be() {
    let velocity = BehaviorDraft {
        settings: BehaviorSettings::Velocity { velocity_kph: 1 },
        ..draft("New IP")
    };
    for (command, want) in [
        (replace("bhv1", draft("new moon")), Rejection::invalid("name", TAKEN)),
        (
            replace("bhv1", velocity),
            Rejection::invalid("type", "The type of a behavior cannot be changed"),
        ),
        (replace("bhv9", draft("x")), Rejection::not_found("bhv9", "Behavior")),
    ] {
        let refused = decide(&command, &with_two());
        assert_eq!(refused.outcome.unwrap_err(), want);
        assert!(refused.decision.rows.is_empty());
    }
    let mut full = org(true);
    for n in 0..MAX_BEHAVIORS {
        full.insert(behavior(&format!("bhv{n}"), &format!("Behaviour {n}")).into());
    }
    let create = CreateBehavior {
        draft: draft("one more"),
        actor: admin(),
        origin: RequestOrigin::default(),
    };
    assert!(matches!(decide(&create, &full).outcome, Err(Rejection::Invalid { .. })));
}

#[test]
fn what_a_rule_names_stays_and_stays_on() {
    for called in ["bhv1", "new ip"] {
        let mut slice = with_two();
        slice.insert(rule_naming(called).into());
        let want = Rejection::invalid("behavior", "The behavior is in use by the policy rule 0pr1");
        assert_eq!(decide(&delete("bhv1"), &slice).outcome.unwrap_err(), want);
        let off = decide(&switch("bhv1", Status::Inactive), &slice);
        assert_eq!(off.outcome.unwrap_err(), want);
        assert!(decide(&delete("bhv2"), &slice).outcome.is_ok());
    }
}

fn rule_asking(source: &str) -> Rule {
    let mut rule = rule_naming("bhv9");
    rule.conditions = RuleConditions {
        expression: Some(source.to_owned()),
        ..RuleConditions::default()
    };
    rule
}

#[test]
fn what_an_expression_names_stays_under_its_name() {
    let mut slice = with_two();
    slice.insert(rule_asking("security.behaviors.exists(b, b == 'New IP') && app == 'New Moon'").into());
    let used = |field| Rejection::invalid(field, "The behavior is in use by the policy rule 0pr1");
    assert_eq!(decide(&delete("bhv1"), &slice).outcome.unwrap_err(), used("behavior"));
    let off = decide(&switch("bhv1", Status::Inactive), &slice);
    assert_eq!(off.outcome.unwrap_err(), used("behavior"));
    for name in ["Newer IP", "new IP"] {
        let renamed = decide(&replace("bhv1", draft(name)), &slice);
        assert_eq!(renamed.outcome.unwrap_err(), used("name"), "{name}");
        assert!(renamed.decision.rows.is_empty());
    }
    assert!(
        decide(&replace("bhv1", draft("New IP")), &slice).outcome.is_ok(),
        "its settings"
    );
    // A text that is compared with something else names none.
    assert!(decide(&replace("bhv2", draft("New Sun")), &slice).outcome.is_ok());
    assert!(decide(&delete("bhv2"), &slice).outcome.is_ok());
    assert!(decide(&switch("bhv2", Status::Inactive), &slice).outcome.is_ok());
}

#[test]
fn what_a_rule_calls_by_its_id_takes_another_name() {
    let mut slice = with_two();
    slice.insert(rule_naming("bhv1").into());
    assert!(decide(&replace("bhv1", draft("Newer IP")), &slice).outcome.is_ok());
}

#[test]
fn a_behaviour_goes_off_and_on() {
    let mut slice = with_two();
    let off = decide(&switch("bhv1", Status::Inactive), &slice).outcome.unwrap();
    assert_eq!(off.status, Status::Inactive);
    slice.insert(off.into());
    let on = decide(&switch("bhv1", Status::Active), &slice);
    assert_eq!(on.outcome.unwrap().status, Status::Active);
    let again = decide(&switch("bhv2", Status::Active), &slice);
    assert!(again.decision.rows.is_empty());
}
