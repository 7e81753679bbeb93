use std::time::Duration;

use watchfire_model::{
    entity::Entity,
    id::{ActionId, ClientId, EntityRiskPolicyId, EntityRiskRuleId, EventHookId, OrgId, SessionId, UserId},
    log::{EventType, OutcomeResult, RequestOrigin},
    object::{
        Action, ActionCall, ActionCause, ActionState, EntityRiskConditions, EntityRiskRule, Lease, Object, Org, Session,
        SignOnSession, Status, User, UserStatus,
    },
    row::{Decision, Row},
    slice::Slice,
    time::Timestamp,
};

use super::{
    CallResult, DecideApproval, LeaseAction, RecordAttempt, Recorded, RedriveActions, Verdict,
    retry::{RetryPolicy, Tried},
};
use crate::testing::{NOW, admin, decide, event_types, events};

mod administrators;

const HOUR: Duration = Duration::from_secs(3_600);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn id() -> ActionId {
    ActionId::new("act00000000000000001")
}

fn user_id() -> UserId {
    UserId::new("00u00000000000000002")
}

fn logout() -> ActionCall {
    ActionCall::UniversalLogout {
        app: ClientId::new("0oa00000000000000001"),
        user: user_id(),
    }
}

fn action(call: ActionCall) -> Action {
    let cause = ActionCause {
        entity: Entity::User(user_id()),
        rule: EntityRiskRuleId::new("rul00000000000000001"),
        policy: EntityRiskPolicyId::new("rst00000000000000001"),
        provider: None,
        receipt: None,
        transaction: "req1".to_owned(),
    };
    Action::due(id(), call, Some(cause), NOW)
}

fn leased(epoch: u64, number: u64, until: Timestamp) -> Action {
    Action {
        lease: Some(Lease { epoch, number, until }),
        ..action(logout())
    }
}

fn user() -> User {
    User {
        id: user_id(),
        login: "ada@example.com".to_owned(),
        profile: serde_json::Map::new(),
        status: UserStatus::Active,
        password_hash: None,
        administrator: false,
        created: NOW,
        activated: None,
        status_changed: None,
        last_login: None,
        last_updated: NOW,
        password_changed: None,
    }
}

fn rule(author: &str) -> EntityRiskRule {
    EntityRiskRule {
        id: EntityRiskRuleId::new("rul00000000000000001"),
        policy_id: EntityRiskPolicyId::new("rst00000000000000001"),
        name: "end".to_owned(),
        status: Status::Active,
        priority: 1,
        system: false,
        conditions: EntityRiskConditions::default(),
        actions: Vec::new(),
        created: NOW,
        last_updated: NOW,
        last_updated_by: Some(author.to_owned()),
    }
}

fn slice(objects: impl IntoIterator<Item = Object>) -> Slice {
    let mut slice = Slice::default();
    slice.insert(
        Org {
            id: OrgId::new("00o00000000000000001"),
            profile: std::collections::BTreeMap::new(),
            has_behaviors: false,
            created: NOW,
            last_updated: NOW,
        }
        .into(),
    );
    objects.into_iter().for_each(|object| slice.insert(object));
    slice
}

fn written(decision: &Decision) -> Option<&Action> {
    decision.rows.iter().find_map(|row| match row {
        Row::Put(Object::Action(action)) => Some(&**action),
        _ => None,
    })
}

fn lease(epoch: u64, sole: bool) -> LeaseAction {
    LeaseAction {
        id: id(),
        epoch,
        number: 7,
        hold: seconds(60),
        sole,
    }
}

fn record(result: CallResult) -> RecordAttempt {
    RecordAttempt {
        id: id(),
        epoch: 2,
        number: 7,
        result,
        policy: RetryPolicy::backoff(24 * HOUR),
        jitter: u32::MAX,
    }
}

fn failed(status: u16) -> CallResult {
    CallResult::Failed {
        status: Some(status),
        why: format!("status {status}"),
        retry_after: None,
    }
}

#[test]
fn the_wait_doubles_up_to_its_cap() {
    let policy = RetryPolicy::backoff(24 * HOUR);
    for (tries, longest) in [
        (1, 1),
        (2, 2),
        (3, 4),
        (10, 512),
        (11, 900),
        (12, 900),
        (60, 900),
        (usize::MAX, 900),
    ] {
        let tried = Tried {
            tries,
            since: NOW,
            at: NOW,
            retry_after: None,
        };
        assert_eq!(policy.next(&tried, u32::MAX), Some(NOW.plus(seconds(longest))), "{tries}");
        assert_eq!(policy.next(&tried, 0), Some(NOW), "full jitter goes down to nothing");
        let half = policy.next(&tried, u32::MAX / 2).unwrap();
        assert!(half > NOW && half < NOW.plus(seconds(longest)));
    }
}

#[test]
fn retry_after_is_honoured_but_not_for_ever() {
    let policy = RetryPolicy::backoff(24 * HOUR);
    for (asked, jitter, wait) in [(30, 0, 30), (30, u32::MAX, 30), (0, u32::MAX, 1), (999_999, 0, 3_600)] {
        let tried = Tried {
            tries: 1,
            since: NOW,
            at: NOW,
            retry_after: Some(seconds(asked)),
        };
        assert_eq!(policy.next(&tried, jitter), Some(NOW.plus(seconds(wait))), "{asked}");
    }
}

#[test]
fn no_try_comes_after_the_horizon() {
    let policy = RetryPolicy::backoff(HOUR);
    for (after, due) in [(3_599, Some(3_600)), (3_600, None), (9_999, None)] {
        let tried = Tried {
            tries: 1,
            since: NOW,
            at: NOW.plus(seconds(after)),
            retry_after: None,
        };
        assert_eq!(policy.next(&tried, u32::MAX), due.map(|s| NOW.plus(seconds(s))), "{after}");
    }
}

/// okta.md 10.4: one retry.
#[test]
fn an_event_hook_is_called_twice_at_the_most() {
    let call = ActionCall::HookDelivery {
        hook: EventHookId::new("who1"),
        event: "uuid".to_owned(),
    };
    let policy = RetryPolicy::of(&call, HOUR);
    let after = |tries| {
        policy.next(
            &Tried {
                tries,
                since: NOW,
                at: NOW,
                retry_after: Some(HOUR),
            },
            u32::MAX,
        )
    };
    assert_eq!(after(1), Some(NOW.plus(seconds(1))));
    assert_eq!(after(2), None);
}

#[test]
fn a_lease_is_given_once() {
    let earlier = Action {
        due_at: NOW.plus(seconds(1)),
        ..action(logout())
    };
    let done = Action {
        state: ActionState::Done,
        ..action(logout())
    };
    for (name, stored, sole, given) in [
        ("free", Some(action(logout())), true, true),
        ("not due", Some(earlier), true, false),
        ("done", Some(done), true, false),
        ("gone", None, true, false),
        ("held by this start", Some(leased(2, 1, NOW.plus(seconds(1)))), true, false),
        ("run out", Some(leased(2, 1, NOW)), true, true),
        ("of an earlier start", Some(leased(1, 1, NOW.plus(HOUR))), true, true),
        ("of another node", Some(leased(1, 1, NOW.plus(HOUR))), false, false),
        ("of another node, run out", Some(leased(1, 1, NOW)), false, true),
    ] {
        let decided = decide(&lease(2, sole), &slice(stored.map(Object::from)));
        let outcome = decided.outcome.unwrap();
        assert_eq!(outcome.is_some(), given, "{name}");
        assert_eq!(decided.decision.rows.is_empty(), !given, "{name}");
        if let Some(action) = outcome {
            let until = NOW.plus(seconds(60));
            assert_eq!(
                action.lease,
                Some(Lease {
                    epoch: 2,
                    number: 7,
                    until
                }),
                "{name}"
            );
        }
    }
}

#[test]
fn a_result_counts_only_under_its_lease() {
    let until = NOW.plus(HOUR);
    let none = action(logout());
    let done = Action {
        state: ActionState::Done,
        ..leased(2, 7, until)
    };
    for (name, stored, recorded) in [
        ("its own", leased(2, 7, until), Recorded::Done),
        ("its own, run out but not taken", leased(2, 7, NOW), Recorded::Done),
        ("another number", leased(2, 8, until), Recorded::Ignored),
        ("another start", leased(3, 7, until), Recorded::Ignored),
        ("none", none, Recorded::Ignored),
        ("done already", done, Recorded::Ignored),
    ] {
        let decided = decide(&record(CallResult::Delivered { status: 204 }), &slice([stored.into()]));
        assert_eq!(decided.outcome.unwrap(), recorded, "{name}");
        assert_eq!(decided.decision.rows.is_empty(), recorded == Recorded::Ignored, "{name}");
    }
}

#[test]
fn a_failure_is_tried_again_until_it_is_a_dead_letter() {
    let until = NOW.plus(HOUR);
    let old = Action {
        created: NOW.minus(25 * HOUR),
        ..leased(2, 7, until)
    };
    let refused = CallResult::Refused {
        status: Some(404),
        why: "status 404".to_owned(),
    };
    let again = Recorded::Again(NOW.plus(seconds(1)));
    for (name, stored, result, recorded, state) in [
        ("first", leased(2, 7, until), failed(500), again, ActionState::Pending),
        ("permanent", leased(2, 7, until), refused, Recorded::Dead, ActionState::Dead),
        ("too late", old.clone(), failed(500), Recorded::Dead, ActionState::Dead),
        (
            "redriven",
            Action {
                resumed_at: Some(NOW),
                ..old
            },
            failed(500),
            again,
            ActionState::Pending,
        ),
    ] {
        let decided = decide(&record(result), &slice([stored.into(), user().into()]));
        assert_eq!(decided.outcome.unwrap(), recorded, "{name}");
        let action = written(&decided.decision).unwrap();
        assert_eq!(
            (action.state, action.lease, action.attempts.len()),
            (state, None, 1),
            "{name}"
        );
        assert_eq!(action.finished_at.is_some(), state == ActionState::Dead, "{name}");
        let types = event_types(&decided.decision);
        if state == ActionState::Dead {
            // That the user is logged out was said when it was decided.
            assert_eq!(types, [EventType::SecurityActionFail], "{name}");
            assert_eq!(events(&decided.decision)[0].outcome.result, OutcomeResult::Failure);
        } else {
            assert!(types.is_empty(), "{name}");
        }
    }
}

#[test]
fn the_history_keeps_the_first_and_the_newest() {
    let mut stored = leased(2, 7, NOW.plus(HOUR));
    for index in 0..64 {
        let at = NOW.minus(seconds(100 - index));
        stored.attempts.push(failed(500).attempt(at));
    }
    let first = stored.attempts[0].clone();
    let decided = decide(&record(failed(503)), &slice([stored.into()]));
    let attempts = &written(&decided.decision).unwrap().attempts;
    assert_eq!((attempts.len(), &attempts[0]), (64, &first));
    assert_eq!(attempts[63].status, Some(503));
}

#[test]
fn a_hook_that_fails_is_in_the_log_but_in_no_other_hook() {
    let call = ActionCall::HookDelivery {
        hook: EventHookId::new("who1"),
        event: "uuid".to_owned(),
    };
    let stored = Action {
        call,
        cause: None,
        ..leased(2, 7, NOW.plus(HOUR))
    };
    let refused = CallResult::Refused {
        status: Some(400),
        why: "status 400".to_owned(),
    };
    let decided = decide(&record(refused), &slice([stored.into()]));
    assert_eq!(event_types(&decided.decision), [EventType::EventHookDelivery]);
    assert!(!crate::event_hook::is_eligible("event_hook.delivery"));
}

fn verdict(verdict: Verdict) -> DecideApproval {
    DecideApproval {
        id: id(),
        verdict,
        reason: Some("drill".to_owned()),
        author_may: false,
        actor: admin(),
        origin: RequestOrigin::default(),
    }
}

fn waiting(call: ActionCall) -> Action {
    Action {
        state: ActionState::AwaitingApproval,
        created: NOW.minus(48 * HOUR),
        ..action(call)
    }
}

fn session() -> Session {
    Session {
        id: SessionId::new("10200000000000000001"),
        user_id: user_id(),
        amr: Vec::new(),
        limits: SignOnSession::default(),
        created: NOW,
        expires_at: NOW.plus(HOUR),
        password_verified_at: NOW,
        factor_verified_at: None,
    }
}

#[test]
fn an_approval_makes_it_due_or_does_it_here() {
    let outside = || ActionCall::Workflow {
        workflow: 5,
        payload: serde_json::json!({}),
    };
    let ends = [
        EventType::SecurityActionApprove,
        EventType::UserSessionClear,
        EventType::UserSessionEnd,
    ];
    let calls = [EventType::SecurityActionApprove, EventType::UserUniversalLogout];
    let off = [
        EventType::SecurityActionApprove,
        EventType::UserDeactivate,
        EventType::UserSessionEnd,
    ];
    for (call, what, state, types) in [
        (outside(), Verdict::Approve, ActionState::Pending, &ends[..1]),
        (
            ActionCall::EndSessions { user: user_id() },
            Verdict::Approve,
            ActionState::Done,
            &ends[..],
        ),
        (
            ActionCall::DeactivateUser { user: user_id() },
            Verdict::Approve,
            ActionState::Done,
            &off[..],
        ),
        (logout(), Verdict::Approve, ActionState::Pending, &calls[..]),
        (
            ActionCall::DeactivateUser { user: user_id() },
            Verdict::Reject,
            ActionState::Rejected,
            &[EventType::SecurityActionReject],
        ),
    ] {
        let slice = slice([
            waiting(call.clone()).into(),
            user().into(),
            session().into(),
            rule("00uother").into(),
        ]);
        let decided = decide(&verdict(what), &slice);
        let action = decided.outcome.unwrap();
        assert_eq!(
            (action.state, action.due_at, action.working_since()),
            (state, NOW, NOW),
            "{call:?}"
        );
        assert_eq!(event_types(&decided.decision), types, "{call:?}");
        assert_eq!(events(&decided.decision)[0].debug_data["reason"], "drill");
    }
}

#[test]
fn who_wrote_the_rule_may_not_approve() {
    let author = admin().id;
    let call = || waiting(ActionCall::EndSessions { user: user_id() });
    for (name, author, author_may, what, taken) in [
        ("the author", author.as_str(), false, Verdict::Approve, false),
        ("the author, who may", author.as_str(), true, Verdict::Approve, true),
        ("the author says no", author.as_str(), false, Verdict::Reject, true),
        ("somebody else", "00uother", false, Verdict::Approve, true),
    ] {
        let slice = slice([call().into(), user().into(), rule(author).into()]);
        let command = DecideApproval {
            author_may,
            ..verdict(what)
        };
        assert_eq!(decide(&command, &slice).outcome.is_ok(), taken, "{name}");
    }
}

#[test]
fn an_approval_is_given_once() {
    for state in [
        ActionState::Pending,
        ActionState::Done,
        ActionState::Rejected,
        ActionState::Dead,
    ] {
        let stored = Action {
            state,
            ..action(logout())
        };
        let decided = decide(&verdict(Verdict::Approve), &slice([stored.into()]));
        assert!(decided.outcome.is_err() && decided.decision.rows.is_empty(), "{state:?}");
    }
}

#[test]
fn a_dead_letter_is_redriven_under_its_id() {
    let mut dead = Action {
        state: ActionState::Dead,
        finished_at: Some(NOW),
        ..action(logout())
    };
    dead.attempts.push(failed(500).attempt(NOW));
    let command = RedriveActions {
        ids: vec![id(), ActionId::new("actgone")],
        actor: admin(),
        origin: RequestOrigin::default(),
    };
    let decided = decide(&command, &slice([dead.clone().into()]));
    let redriven = decided.outcome.unwrap();
    assert_eq!(redriven.len(), 1);
    assert_eq!(
        redriven[0],
        Action {
            state: ActionState::Pending,
            due_at: NOW,
            resumed_at: Some(NOW),
            finished_at: None,
            ..dead
        }
    );
    assert_eq!(event_types(&decided.decision), [EventType::SecurityActionRedrive]);
    let decided = decide(&command, &slice([action(logout()).into()]));
    assert!(decided.outcome.unwrap().is_empty() && decided.decision.rows.is_empty());
}
