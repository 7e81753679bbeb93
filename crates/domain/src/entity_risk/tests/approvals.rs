//! What waits for an administrator.

use super::*;

#[test]
fn a_provider_that_reaches_too_many_users_has_to_wait_for_an_administrator() {
    let mut world = World::new(vec![end_sessions(), EntityRiskAction::RunWorkflow { workflow: 7 }]);
    world.limits.provider_reach_cap = 2;
    for user in ["00u1", "00u2", "00u3"] {
        world.add_user(user);
    }
    for user in ["00u1", "00u2"] {
        assert_eq!(outcomes(&world.report(user, 4_000)), [OutcomeResult::Success; 2]);
    }
    let third = world.report("00u3", 4_000);
    assert_eq!(outcomes(&third), [OutcomeResult::Deferred; 2]);
    assert_eq!(of_type(&third, EventType::SecurityActionRequest).len(), 2);
    assert_eq!(world.sessions(), 1, "the third user's session goes on");
    let user = UserId::new("00u3");
    let waiting = world.actions(ActionState::AwaitingApproval);
    assert!(waiting.contains(&ActionCall::EndSessions { user }));
    assert!(
        waiting
            .iter()
            .any(|call| matches!(call, ActionCall::Workflow { workflow: 7, .. }))
    );
    // A user that was reached before takes no more room, and the window moves on.
    world.pass(3_000);
    assert_eq!(outcomes(&world.report("00u1", 4_000)), [OutcomeResult::Success; 2]);
    world.pass(601);
    assert_eq!(outcomes(&world.report("00u3", 4_000)), [OutcomeResult::Success; 2]);
    let reach = world.slice.get::<ProviderReach>("sse1").expect("the reach");
    let reached: Vec<&str> = reach.users.iter().map(|(user, _)| user.as_str()).collect();
    assert_eq!(reached, ["00u1", "00u3"]);
}

/// A flood asks once: what waits already is counted, and says what was reported last.
#[test]
fn an_approval_that_waits_is_not_asked_for_again() {
    let mut world = World::new(vec![end_sessions(), EntityRiskAction::RunWorkflow { workflow: 7 }]);
    world.limits.provider_reach_cap = 0;
    let mut asked_for = 0;
    for _ in 0..5 {
        let decision = world.report("00u1", 4_000);
        assert_eq!(outcomes(&decision), [OutcomeResult::Deferred; 2]);
        asked_for += of_type(&decision, EventType::SecurityActionRequest).len();
        world.pass(600);
    }
    assert_eq!(asked_for, 2);
    let rows: Vec<Action> = world.slice.all::<Action>().into_iter().cloned().collect();
    let counts: Vec<u32> = rows.iter().map(|row| row.asked).collect();
    assert_eq!(counts, [5, 5]);
    assert!(rows.iter().all(|row| row.created == NOW && row.due_at > NOW), "{rows:?}");
    // Somebody has said no: the next report asks anew. Another user is asked about by itself.
    for row in rows {
        let rejected = Action {
            state: ActionState::Rejected,
            ..row
        };
        world.slice.insert(rejected.into());
    }
    let anew = world.report("00u1", 4_000);
    assert_eq!(of_type(&anew, EventType::SecurityActionRequest).len(), 2);
    world.add_user("00u2");
    let other = world.report("00u2", 4_000);
    assert_eq!(of_type(&other, EventType::SecurityActionRequest).len(), 2);
    assert_eq!(world.actions(ActionState::AwaitingApproval).len(), 4);
}

/// Two events of one token without a cool-down between them: one row all the same.
#[test]
fn one_decision_asks_once() {
    let mut world = World::new(vec![end_sessions()]);
    world.limits.provider_reach_cap = 0;
    world.limits.action_cooldown = Duration::ZERO;
    let decision = world.decide("00u1", |entity, risks| {
        risks.change(entity, Change::Add(cause(CauseKind::UserRisk, 4_000, provider())));
        let mut first = Decision::new();
        let detected = Detected {
            user: &UserId::new("00u1"),
            detection: Detection::SecurityEventsProviderReportedRisk,
            source: &provider(),
            reasons: &[],
            actor: None,
            origin: &RequestOrigin::default(),
            receipt: None,
            details: &BTreeMap::new(),
        };
        let mut context = Context {
            now: NOW,
            ids: &mut Counted(100),
            hooks: &BTreeMap::default(),
        };
        risks.detect(&mut first, &mut context, &detected);
    });
    let rows = decision.rows.iter().filter_map(|row| match row {
        Row::Put(watchfire_model::object::Object::Action(action)) => Some(action.asked),
        _ => None,
    });
    assert_eq!(rows.collect::<Vec<u32>>(), [2]);
    assert!(of_type(&decision, EventType::SecurityActionRequest).is_empty());
}
