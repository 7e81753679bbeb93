use watchfire_model::{
    id::{GroupId, IdSource, RuleId},
    object::{RuleConditions, SignOnAction},
    row::Row,
    time::Timestamp,
};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

#[derive(Default)]
struct Counted(u32);

impl IdSource for Counted {
    fn next_id(&mut self, prefix: &str) -> String {
        self.0 += 1;
        format!("{prefix}{:017}", self.0)
    }
    fn next_uuid(&mut self) -> String {
        self.next_id("uuid")
    }
}

fn policy(id: &str, priority: u32, system: bool) -> Policy {
    Policy {
        id: PolicyId::new(id),
        name: format!("Policy {id}"),
        description: None,
        status: Status::Active,
        priority,
        system,
        groups: Vec::new(),
        created: Timestamp::default(),
        last_updated: Timestamp::default(),
    }
}

fn org() -> Slice {
    let mut slice = Slice::default();
    slice.insert(policy("a", 1, false).into());
    slice.insert(policy("b", 2, false).into());
    slice.insert(policy("system", 3, true).into());
    slice
}

fn draft(name: &str) -> PolicyDraft {
    PolicyDraft {
        name: name.to_owned(),
        description: None,
        status: None,
        priority: None,
        groups: Vec::new(),
    }
}

fn run<C: Command>(command: &C, slice: &Slice) -> Decided<C::Outcome> {
    let mut ids = Counted::default();
    command.decide(
        slice,
        &mut Context {
            now: NOW,
            ids: &mut ids,
            hooks: &Default::default(),
        },
    )
}

fn actor() -> Actor {
    Actor::user("00u1", "admin@example.com", "Ad Min")
}

fn create(draft: PolicyDraft) -> CreatePolicy {
    CreatePolicy {
        draft,
        actor: actor(),
        origin: RequestOrigin::default(),
    }
}

fn replace(id: &str, draft: PolicyDraft) -> ReplacePolicy {
    ReplacePolicy {
        id: PolicyId::new(id),
        draft,
        actor: actor(),
        origin: RequestOrigin::default(),
    }
}

fn written(decision: &Decision) -> Vec<String> {
    decision
        .rows
        .iter()
        .map(|row| match row {
            Row::Put(object) => match Policy::try_from_object(object) {
                Some(policy) => format!("{} at {}", policy.name, policy.priority),
                None => "other".to_owned(),
            },
            Row::Delete { kind, id } => format!("no {} {id}", kind.as_str()),
            Row::Log(event) => serde_json::to_value(event.event_type).unwrap().as_str().unwrap().to_owned(),
            _ => "?".to_owned(),
        })
        .collect()
}

trait FromObject {
    fn try_from_object(object: &watchfire_model::object::Object) -> Option<&Policy>;
}

impl FromObject for Policy {
    fn try_from_object(object: &watchfire_model::object::Object) -> Option<&Policy> {
        watchfire_model::object::TypedObject::from_object_ref(object)
    }
}

fn causes<T: std::fmt::Debug>(decided: Decided<T>) -> Vec<String> {
    assert!(decided.decision.rows.is_empty(), "a refusal writes nothing");
    match decided.outcome {
        Err(Rejection::Invalid { causes, .. }) => causes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_policy_stands_before_the_default_one() {
    let decided = run(&create(draft("New")), &org());
    assert_eq!(decided.outcome.unwrap().priority, 3);
    assert_eq!(
        written(&decided.decision),
        ["New at 3", "Policy system at 4", "policy.lifecycle.create"]
    );
}

#[test]
fn a_wished_place_moves_the_others_down() {
    let wished = PolicyDraft {
        priority: Some(1),
        ..draft("New")
    };
    let decided = run(&create(wished), &org());
    assert_eq!(
        written(&decided.decision),
        [
            "New at 1",
            "Policy a at 2",
            "Policy b at 3",
            "Policy system at 4",
            "policy.lifecycle.create"
        ]
    );
}

#[test]
fn a_replacement_keeps_place_and_status_unless_it_says_otherwise() {
    let decided = run(&replace("a", draft("Renamed")), &org());
    assert_eq!(written(&decided.decision), ["Renamed at 1", "policy.lifecycle.update"]);
    let off = PolicyDraft {
        status: Some(Status::Inactive),
        priority: Some(2),
        ..draft("Renamed")
    };
    let decided = run(&replace("a", off), &org());
    assert_eq!(
        written(&decided.decision),
        ["Policy b at 1", "Renamed at 2", "policy.lifecycle.update"]
    );
    assert_eq!(decided.outcome.unwrap().status, Status::Inactive);
}

#[test]
fn names_are_unique_and_groups_exist() {
    assert_eq!(causes(run(&create(draft("policy A")), &org())), [format!("name: {TAKEN}")]);
    assert_eq!(
        causes(run(&replace("b", draft("POLICY a")), &org())),
        [format!("name: {TAKEN}")]
    );
    let stranger = PolicyDraft {
        groups: vec![GroupId::new("00gX")],
        ..draft("New")
    };
    assert_eq!(
        causes(run(&create(stranger), &org())),
        ["conditions.people.groups.include: Invalid group id: 00gX"]
    );
}

#[test]
fn the_default_policy_stays() {
    let off = PolicyDraft {
        status: Some(Status::Inactive),
        ..draft("Default")
    };
    assert_eq!(
        causes(run(&replace("system", off), &org())),
        ["status: The default policy cannot be deactivated"]
    );
    let delete = DeletePolicy {
        id: PolicyId::new("system"),
        actor: actor(),
        origin: RequestOrigin::default(),
    };
    assert_eq!(causes(run(&delete, &org())), ["policy: The default policy cannot be deleted"]);
    let deactivate = SetPolicyStatus {
        id: PolicyId::new("system"),
        status: Status::Inactive,
        actor: actor(),
        origin: RequestOrigin::default(),
    };
    assert_eq!(
        causes(run(&deactivate, &org())),
        ["status: The default policy cannot be deactivated"]
    );
}

#[test]
fn rules_go_with_their_policy() {
    let mut slice = org();
    slice.insert(
        Rule {
            id: RuleId::new("r"),
            policy_id: PolicyId::new("a"),
            name: "Rule".to_owned(),
            status: Status::Active,
            priority: 1,
            system: false,
            conditions: RuleConditions::default(),
            mode: watchfire_model::object::RuleMode::Enforce,
            action: SignOnAction::default(),
            created: NOW,
            last_updated: NOW,
        }
        .into(),
    );
    let delete = DeletePolicy {
        id: PolicyId::new("a"),
        actor: actor(),
        origin: RequestOrigin::default(),
    };
    assert_eq!(
        written(&run(&delete, &slice).decision),
        [
            "no rule r",
            "no policy a",
            "Policy b at 1",
            "Policy system at 2",
            "policy.lifecycle.delete"
        ]
    );
}

#[test]
fn switching_twice_writes_once() {
    let set = |status| SetPolicyStatus {
        id: PolicyId::new("a"),
        status,
        actor: actor(),
        origin: RequestOrigin::default(),
    };
    assert!(run(&set(Status::Active), &org()).decision.rows.is_empty());
    assert_eq!(
        written(&run(&set(Status::Inactive), &org()).decision),
        ["Policy a at 1", "policy.lifecycle.deactivate"]
    );
}

#[test]
fn an_unknown_policy_is_not_found() {
    let decided = run(&replace("x", draft("New")), &org());
    assert_eq!(decided.outcome, Err(Rejection::not_found("x", "Policy")));
}

#[test]
fn there_is_a_limit() {
    let mut slice = Slice::default();
    for n in 0..MAX_POLICIES {
        slice.insert(policy(&format!("p{n}"), 1, false).into());
    }
    assert_eq!(
        causes(run(&create(draft("New")), &slice)),
        ["Maximum number of policies (100) reached"]
    );
}
