//! Dead letters, tried again by hand under the same id.

use watchfire_model::{
    id::ActionId,
    log::{Actor, EventType, LogEvent, RequestOrigin},
    object::{Action, ActionState},
    row::Decision,
    slice::{Need, Slice},
};

use super::about;
use crate::command::{Command, Context, Decided};

/// Makes dead letters due again. Their attempts stay, their retries begin anew.
#[derive(Clone, Debug)]
pub struct RedriveActions {
    /// Which.
    pub ids: Vec<ActionId>,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for RedriveActions {
    /// Those that were dead letters.
    type Outcome = Vec<Action>;

    fn needs(&self) -> Vec<Need> {
        self.ids.iter().map(|id| Need::object::<Action>(id.as_str())).collect()
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Vec<Action>> {
        let mut decision = Decision::new();
        let mut redriven = Vec::new();
        for id in &self.ids {
            let dead = slice.get::<Action>(id.as_str()).filter(|it| it.state == ActionState::Dead);
            let Some(dead) = dead else { continue };
            let action = Action {
                state: ActionState::Pending,
                due_at: context.now,
                lease: None,
                resumed_at: Some(context.now),
                finished_at: None,
                ..dead.clone()
            };
            let event = LogEvent::new(EventType::SecurityActionRedrive, self.actor.clone()).from_request(&self.origin);
            context.log(&mut decision, about(event, &action, slice));
            decision.put(action.clone());
            redriven.push(action);
        }
        Decided::done(decision, redriven)
    }
}
