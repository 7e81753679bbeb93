//! What a restore does with the outbox: calls that were waiting when the backup was made may have been made since, and
//! most of them are about what is long over.

use watchfire_model::{
    id::{ActionId, OrgId},
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{Action, ActionState},
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

use super::{Verdict, about};
use crate::command::{Command, Context, Decided};

/// What becomes of the calls that were waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitingCalls {
    /// A person says of each whether it is made.
    Hold,
    /// They are made.
    Resume,
    /// They are not made.
    Discard,
}

impl WaitingCalls {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Resume => "resume",
            Self::Discard => "discard",
        }
    }
}

/// A store that comes from a backup.
#[derive(Clone, Debug)]
pub struct Restored<'a> {
    /// Whose.
    pub org: &'a OrgId,
    /// When the backup was made.
    pub made: Timestamp,
    /// Every action that is due or will be.
    pub waiting: &'a [Action],
    /// What becomes of them.
    pub calls: WaitingCalls,
}

impl Restored<'_> {
    /// The first decision over it.
    pub fn decide(&self, context: &mut Context<'_>) -> Decision {
        let mut decision = Decision::new();
        let system = Actor::system(self.org);
        let event = LogEvent::new(EventType::SystemRestore, system.clone())
            .target(Target::new("Organization", self.org.as_str(), "Organization"))
            .debug("backupMade", self.made.to_string())
            .debug("outbox", self.calls.as_str())
            .debug("waitingActions", self.waiting.len().to_string());
        context.log(&mut decision, event);
        for old in self.waiting {
            let action = match self.calls {
                WaitingCalls::Resume => continue,
                WaitingCalls::Hold => Action {
                    state: ActionState::Held,
                    lease: None,
                    ..old.clone()
                },
                WaitingCalls::Discard => {
                    let event = LogEvent::new(EventType::SecurityActionReject, system.clone());
                    let event = about(event, old, &Slice::default()).debug("reason", "Discarded by a restore");
                    context.log(&mut decision, event);
                    ended(old, context.now)
                }
            };
            decision.put(action);
        }
        decision
    }
}

/// Releases or cancels what a restore has held. Whatever is in another state by now stays as it is.
#[derive(Clone, Debug)]
pub struct SettleHeld {
    /// Which.
    pub ids: Vec<ActionId>,
    /// Whether they are done.
    pub verdict: Verdict,
    /// Why, for the log.
    pub reason: Option<String>,
    /// Who says it.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for SettleHeld {
    /// Those that were held.
    type Outcome = Vec<Action>;

    fn needs(&self) -> Vec<Need> {
        self.ids.iter().map(|id| Need::object::<Action>(id.as_str())).collect()
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Vec<Action>> {
        let mut decision = Decision::new();
        let mut settled = Vec::new();
        for id in &self.ids {
            let held = slice.get::<Action>(id.as_str()).filter(|it| it.state == ActionState::Held);
            let Some(held) = held else { continue };
            let (event_type, action) = match self.verdict {
                Verdict::Approve => (EventType::SecurityActionApprove, released(held, context.now)),
                Verdict::Reject => (EventType::SecurityActionReject, ended(held, context.now)),
            };
            let event = LogEvent::new(event_type, self.actor.clone()).from_request(&self.origin);
            let mut event = about(event, &action, slice).debug("held", "true");
            if let Some(reason) = &self.reason {
                event = event.debug("reason", reason.as_str());
            }
            context.log(&mut decision, event);
            decision.put(action.clone());
            settled.push(action);
        }
        Decided::done(decision, settled)
    }
}

fn released(held: &Action, now: Timestamp) -> Action {
    Action {
        state: ActionState::Pending,
        due_at: now,
        lease: None,
        resumed_at: Some(now),
        ..held.clone()
    }
}

fn ended(old: &Action, now: Timestamp) -> Action {
    Action {
        state: ActionState::Rejected,
        lease: None,
        finished_at: Some(now),
        ..old.clone()
    }
}

#[cfg(test)]
mod tests {
    use watchfire_model::{
        object::{ActionCall, Object},
        row::Row,
    };

    use super::*;
    use crate::testing::{NOW, admin, decide, event_types, events, with_context};

    fn waiting() -> Vec<Action> {
        let call = |workflow| ActionCall::Workflow {
            workflow,
            payload: serde_json::json!({}),
        };
        let due = |(id, workflow)| Action::due(ActionId::new(id), call(workflow), None, Timestamp::from_seconds(5));
        [("act1", 1), ("act2", 2)].into_iter().map(due).collect()
    }

    fn restored(calls: WaitingCalls) -> Decision {
        let (org, waiting) = (OrgId::new("00o1"), waiting());
        let restored = Restored {
            org: &org,
            made: Timestamp::from_seconds(6),
            waiting: &waiting,
            calls,
        };
        with_context(|context| restored.decide(context))
    }

    fn put(decision: &Decision) -> Vec<Action> {
        let rows = decision.rows.iter();
        rows.filter_map(|row| match row {
            Row::Put(Object::Action(action)) => Some((**action).clone()),
            _ => None,
        })
        .collect()
    }

    #[test]
    fn a_restore_holds_resumes_or_discards_what_was_waiting_and_says_so() {
        let rejected = EventType::SecurityActionReject;
        let cases = [
            (WaitingCalls::Hold, "hold", Some(ActionState::Held), vec![]),
            (WaitingCalls::Resume, "resume", None, vec![]),
            (
                WaitingCalls::Discard,
                "discard",
                Some(ActionState::Rejected),
                vec![rejected, rejected],
            ),
        ];
        for (calls, name, state, more) in cases {
            let decision = restored(calls);
            let states: Vec<_> = put(&decision).into_iter().map(|action| action.state).collect();
            assert_eq!(states, state.map_or(vec![], |state| vec![state; 2]), "{name}");
            assert_eq!(
                event_types(&decision),
                [vec![EventType::SystemRestore], more].concat(),
                "{name}"
            );
            let said = &events(&decision)[0].debug_data;
            assert_eq!((said["outbox"].as_str(), said["waitingActions"].as_str()), (name, "2"));
        }
    }

    #[test]
    fn what_is_held_is_never_purged_and_what_is_discarded_is_in_time() {
        let expiries = |calls| -> Vec<bool> {
            let keys = put(&restored(calls)).into_iter().map(|action| Object::from(action).keys());
            keys.map(|keys| keys.expires_at.is_some()).collect()
        };
        assert_eq!(expiries(WaitingCalls::Hold), [false, false]);
        assert_eq!(expiries(WaitingCalls::Discard), [true, true]);
    }

    #[test]
    fn what_is_held_is_released_or_cancelled_once() {
        let held = put(&restored(WaitingCalls::Hold));
        let command = |verdict| SettleHeld {
            ids: vec![ActionId::new("act1"), ActionId::new("gone")],
            verdict,
            reason: Some("all is well".to_owned()),
            actor: admin(),
            origin: RequestOrigin::default(),
        };
        let cases = [
            (Verdict::Approve, ActionState::Pending, EventType::SecurityActionApprove),
            (Verdict::Reject, ActionState::Rejected, EventType::SecurityActionReject),
        ];
        for (verdict, state, event_type) in cases {
            let mut slice = Slice::default();
            held.iter().cloned().for_each(|action| slice.insert(action.into()));
            let decided = decide(&command(verdict), &slice);
            let settled = decided.outcome.unwrap();
            assert_eq!((settled.len(), settled[0].state), (1, state));
            assert_eq!(settled[0].resumed_at, (state == ActionState::Pending).then_some(NOW));
            assert_eq!(event_types(&decided.decision), [event_type]);
            settled.into_iter().for_each(|action| slice.insert(action.into()));
            assert_eq!(decide(&command(verdict), &slice).outcome.unwrap().len(), 0, "a second time");
        }
    }
}
