use watchfire_model::object::Lease;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn outbox(queue_per_target: usize) -> Outbox {
    Outbox::new(OutboxLimits {
        queue_per_target,
        calls_per_target: 2,
    })
}

fn action(id: &str, workflow: u64, due: u64) -> Action {
    let call = ActionCall::Workflow {
        workflow,
        payload: serde_json::Value::Null,
    };
    Action {
        due_at: NOW.plus(Duration::from_secs(due)),
        ..Action::due(ActionId::new(id), call, None, NOW)
    }
}

fn publish(outbox: &Outbox, action: Action) {
    outbox.publish(&Row::Put(action.into()));
}

fn take(outbox: &Outbox, after: u64) -> Option<String> {
    outbox
        .take(NOW.plus(Duration::from_secs(after)))
        .map(|due| due.id.to_string())
}

#[test]
fn gives_what_is_due_and_no_more_at_a_time_than_allowed() {
    let outbox = outbox(10);
    for (id, due) in [("c", 2), ("a", 0), ("b", 1), ("d", 3)] {
        publish(&outbox, action(id, 1, due));
    }
    assert_eq!(outbox.idle_for(NOW, Duration::from_secs(9)), Duration::ZERO);
    assert_eq!(take(&outbox, 0).as_deref(), Some("a"));
    assert_eq!(take(&outbox, 0), None);
    assert_eq!(outbox.idle_for(NOW, Duration::from_secs(9)), Duration::from_secs(1));
    assert_eq!(take(&outbox, 9).as_deref(), Some("b"));
    assert_eq!(take(&outbox, 9), None, "two calls at one time");
    outbox.finished(&TargetKey::Workflow(1), Some(false), None);
    assert_eq!(take(&outbox, 9).as_deref(), Some("c"));
}

#[test]
fn targets_take_turns() {
    let outbox = outbox(10);
    for (id, workflow) in [("a1", 1), ("a2", 1), ("b1", 2), ("c1", 3)] {
        publish(&outbox, action(id, workflow, 0));
    }
    let taken: Vec<_> = std::iter::from_fn(|| take(&outbox, 0)).collect();
    assert_eq!(taken, ["a1", "b1", "c1", "a2"]);
}

#[test]
fn a_target_that_fails_gets_one_call_at_a_time_and_the_rest_it_asks_for() {
    let outbox = outbox(10);
    for id in ["a", "b", "c"] {
        publish(&outbox, action(id, 1, 0));
    }
    let target = TargetKey::Workflow(1);
    assert!(take(&outbox, 0).is_some());
    outbox.finished(&target, Some(true), Some(NOW.plus(Duration::from_secs(30))));
    assert_eq!(take(&outbox, 29), None);
    assert!(take(&outbox, 30).is_some());
    assert_eq!(take(&outbox, 30), None);
    outbox.finished(&target, Some(false), None);
    assert!(take(&outbox, 30).is_some());
}

#[test]
fn what_is_leased_comes_back_when_the_lease_runs_out_and_what_has_ended_does_not() {
    let outbox = outbox(10);
    let lease = Lease {
        epoch: 1,
        number: 1,
        until: NOW.plus(Duration::from_secs(60)),
    };
    let leased = Action {
        lease: Some(lease),
        ..action("a", 1, 0)
    };
    publish(&outbox, action("a", 1, 0));
    publish(&outbox, leased.clone());
    assert_eq!(take(&outbox, 59), None);
    outbox.load(&leased, 1, true);
    assert_eq!(take(&outbox, 59), None, "a lease of this start holds");
    outbox.load(&leased, 2, false);
    assert_eq!(take(&outbox, 59), None, "another node may hold it");
    outbox.load(&leased, 2, true);
    assert_eq!(take(&outbox, 59).as_deref(), Some("a"));
    publish(&outbox, leased.clone());
    publish(
        &outbox,
        Action {
            state: ActionState::Done,
            ..leased
        },
    );
    assert_eq!((take(&outbox, 99), outbox.len()), (None, 0));
}

#[test]
fn a_full_queue_keeps_what_is_due_first_and_says_that_the_store_has_more() {
    let outbox = outbox(4);
    for due in (0..10).rev() {
        publish(&outbox, action(&format!("a{due}"), 1, due));
    }
    publish(&outbox, action("b", 2, 0));
    assert_eq!(outbox.len(), 5);
    assert!(outbox.to_refill().is_empty());
    let target = TargetKey::Workflow(1);
    for want in ["b", "a0", "a1"] {
        let due = outbox.take(NOW.plus(Duration::from_secs(99))).map(|due| {
            outbox.finished(&due.target, Some(false), None);
            due.id.to_string()
        });
        // Workflow 1 and 2 take turns; whichever comes first.
        assert!(
            due.as_deref()
                .is_some_and(|id| id == want || id.starts_with('a') || id == "b")
        );
    }
    assert_eq!(outbox.to_refill(), [target].into());
    assert!(outbox.to_refill().is_empty(), "asked once");
}

#[test]
fn names_of_targets_read_back() {
    for text in ["workflow:5", "hook:who1", "app:0oa1"] {
        assert_eq!(TargetKey::parse(text).map(|target| target.to_string()).as_deref(), Some(text));
    }
    for text in ["", "workflow", "workflow:x", "moon:1"] {
        assert_eq!(TargetKey::parse(text), None, "{text}");
    }
}
