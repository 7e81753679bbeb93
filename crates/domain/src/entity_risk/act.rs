//! What a rule does, or asks an administrator to allow.

use serde_json::{Value, json};
use watchfire_model::{
    entity::Entity,
    id::{ActionId, UserId},
    log::{LogEvent, Outcome, OutcomeResult},
    object::{
        Action, ActionCall, ActionCause, ActionState, CauseSource, EntityRiskAction, LogoutEndpoint, LogoutSelection, UserStatus,
    },
    row::Decision,
    slice::Slice,
};

use super::{
    EntityRisks, Response,
    change::Change,
    detect::{Case, Met},
    guard::Verdict,
    record,
    settle::names,
};
use crate::{command::Context, session, user};

const REACHED_TOO_MANY: &str = "The provider has reached the limit of users";
const IS_ADMINISTRATOR: &str = "The user is an administrator";

impl EntityRisks<'_> {
    /// Does what the rule says, as far as the guards let it.
    pub(super) fn act(&mut self, decision: &mut Decision, context: &mut Context<'_>, case: &Case<'_>, met: Met<'_>) -> Response {
        let verdict = self.guard(&case.user.id, &met.rule.id, case.detected.source.provider());
        let mut response = Response::default();
        for action in &met.rule.actions {
            let asks = match (verdict, action) {
                (Verdict::CoolingDown, _) => {
                    let skipped = Outcome::of(OutcomeResult::Skipped).because("The rule has just acted on this user");
                    context.log(decision, record::acted(case, met, action, &[]).outcome(skipped));
                    continue;
                }
                (Verdict::Ask, _) => Some(REACHED_TOO_MANY),
                // A signal must not be able to lock out those who could undo it.
                (Verdict::Act, EntityRiskAction::DeactivateUser) if case.user.administrator => Some(IS_ADMINISTRATOR),
                (Verdict::Act, _) => None,
            };
            let deed = Deed { case, met, action, asks };
            match asks {
                Some(_) => self.ask(decision, context, &deed),
                None => self.carry_out(decision, context, &deed, &mut response),
            }
        }
        response
    }

    /// Puts the calls into the queue of those that wait for an administrator. What waits there already
    /// waits once, with what was said last.
    fn ask(&mut self, decision: &mut Decision, context: &mut Context<'_>, deed: &Deed<'_>) {
        let user = &deed.case.user.id;
        let apps = apps(deed.action, self.slice);
        let why = deed.asks.unwrap_or_default();
        let deferred = Outcome::of(OutcomeResult::Deferred).because(why);
        context.log(decision, deed.event(&apps).outcome(deferred));
        for call in waiting_calls(deed.action, user, &apps) {
            let key = Action::approval_key(&deed.met.rule.id, user, &call);
            let call = match call {
                ActionCall::Workflow { workflow, .. } => deed.workflow(workflow),
                other => other,
            };
            let known = self.asked.get(&key).or_else(|| self.slice.by_natural::<Action>(&key));
            let known = known.map(|known| (known.id.clone(), known.created, known.asked));
            let mut row = Action {
                state: ActionState::AwaitingApproval,
                ..deed.row(call, context)
            };
            if let Some((id, created, asked)) = known {
                row.id = id;
                row.created = created;
                row.asked = asked.saturating_add(1);
            } else {
                let what = record::name(deed.action);
                context.log(decision, record::approval_asked(deed.case, deed.met, &row, what, why));
            }
            decision.put(row.clone());
            self.asked.insert(key, row);
        }
    }

    fn carry_out(&mut self, decision: &mut Decision, context: &mut Context<'_>, deed: &Deed<'_>, response: &mut Response) {
        match deed.action {
            EntityRiskAction::TerminateAllSessions { .. } => {
                self.end_sessions(decision, context, deed);
                response.sessions_ended = true;
            }
            EntityRiskAction::RunWorkflow { workflow } => {
                let row = deed.row(deed.workflow(*workflow), context);
                decision.put(row);
                context.log(decision, deed.event(&[]));
            }
            EntityRiskAction::DeactivateUser => {
                response.deactivated = self.deactivate(decision, context, deed);
                response.sessions_ended |= response.deactivated;
            }
        }
    }

    fn end_sessions(&mut self, decision: &mut Decision, context: &mut Context<'_>, deed: &Deed<'_>) {
        let case = deed.case;
        self.end_sessions_here(decision, context, case);
        let apps = apps(deed.action, self.slice);
        for endpoint in &apps {
            let row = deed.row(deed.logout(endpoint), context);
            decision.put(row);
        }
        if !apps.is_empty() {
            context.log(decision, record::universal_logout(case, &apps));
        }
        let event = deed.event(&apps);
        let event = self.note_sessions_ended(deed, event);
        context.log(decision, event);
    }

    /// Once a decision, however many rules and actions ask for it.
    fn end_sessions_here(&mut self, decision: &mut Decision, context: &mut Context<'_>, case: &Case<'_>) {
        if self.ended.insert(case.user.id.clone()) {
            let by = (&case.actor, case.detected.origin);
            session::end_sessions(&case.user, self.slice, decision, context, by);
        }
    }

    fn deactivate(&mut self, decision: &mut Decision, context: &mut Context<'_>, deed: &Deed<'_>) -> bool {
        let case = deed.case;
        let current = self.user(&case.user.id).unwrap_or(&case.user).clone();
        if current.status == UserStatus::Deprovisioned {
            let skipped = Outcome::of(OutcomeResult::Skipped).because("The user is deactivated already");
            context.log(decision, deed.event(&[]).outcome(skipped));
            return false;
        }
        let by = (&case.actor, case.detected.origin);
        let Ok(gone) = user::deactivate(&current, self.slice, decision, context, by) else {
            return false;
        };
        self.users.insert(gone.id.clone(), gone);
        self.end_sessions_here(decision, context, case);
        let event = self.note_sessions_ended(deed, deed.event(&[]));
        context.log(decision, event);
        true
    }

    /// The sessions are gone: what that ends is ended, and said in the log (okta.md 9.4).
    fn note_sessions_ended(&mut self, deed: &Deed<'_>, event: LogEvent) -> LogEvent {
        let entity = Entity::User(deed.case.user.id.clone());
        let cleared = self.change(&entity, Change::SessionsEnded(CauseSource::Engine));
        let level = self.level(&entity);
        self.record(&entity).previous = level;
        if cleared.is_empty() {
            return event;
        }
        event.debug("clearedCauses", names(&cleared))
    }
}

/// The calls that wait for an administrator when one is asked about `action`; what a webhook says is not
/// filled in.
pub(super) fn waiting_calls(action: &EntityRiskAction, user: &UserId, apps: &[&LogoutEndpoint]) -> Vec<ActionCall> {
    let user = user.clone();
    let mut calls = match action {
        EntityRiskAction::TerminateAllSessions { .. } => vec![ActionCall::EndSessions { user: user.clone() }],
        EntityRiskAction::RunWorkflow { workflow } => vec![ActionCall::Workflow {
            workflow: *workflow,
            payload: Value::Null,
        }],
        EntityRiskAction::DeactivateUser => vec![ActionCall::DeactivateUser { user: user.clone() }],
    };
    calls.extend(apps.iter().map(|endpoint| ActionCall::UniversalLogout {
        app: endpoint.app.clone(),
        user: user.clone(),
    }));
    calls
}

/// The apps that an action logs its user out of.
pub(super) fn apps<'s>(action: &EntityRiskAction, slice: &'s Slice) -> Vec<&'s LogoutEndpoint> {
    let EntityRiskAction::TerminateAllSessions { universal_logout } = action else {
        return Vec::new();
    };
    let endpoints = slice.all::<LogoutEndpoint>().into_iter();
    match universal_logout {
        LogoutSelection::None => Vec::new(),
        LogoutSelection::All => endpoints.collect(),
        LogoutSelection::Specified(apps) => endpoints.filter(|endpoint| apps.contains(&endpoint.app)).collect(),
    }
}

/// One action of the rule that a case has met.
#[derive(Debug)]
struct Deed<'a> {
    case: &'a Case<'a>,
    met: Met<'a>,
    action: &'a EntityRiskAction,
    asks: Option<&'static str>,
}

impl Deed<'_> {
    fn event(&self, apps: &[&LogoutEndpoint]) -> LogEvent {
        record::acted(self.case, self.met, self.action, apps)
    }

    fn row(&self, call: ActionCall, context: &mut Context<'_>) -> Action {
        let cause = ActionCause {
            entity: Entity::User(self.case.user.id.clone()),
            rule: self.met.rule.id.clone(),
            policy: self.met.policy.id.clone(),
            provider: self.case.detected.source.provider().cloned(),
            receipt: self.case.detected.receipt.cloned(),
            transaction: self.case.detected.origin.request_id.clone(),
        };
        Action::due(ActionId::generate(context.ids), call, Some(cause), context.now)
    }

    fn logout(&self, endpoint: &LogoutEndpoint) -> ActionCall {
        ActionCall::UniversalLogout {
            app: endpoint.app.clone(),
            user: self.case.user.id.clone(),
        }
    }

    fn workflow(&self, workflow: u64) -> ActionCall {
        ActionCall::Workflow {
            workflow,
            payload: self.payload(),
        }
    }

    /// The `data` of the webhook.
    fn payload(&self) -> Value {
        let case = self.case;
        let source = case.detected.source;
        let provider = source
            .provider()
            .map(|id| json!({"id": id.as_str(), "issuer": source.issuer()}));
        json!({
            "user": {
                "id": case.user.id.as_str(),
                "login": case.user.login,
                "displayName": case.user.display_name(),
            },
            "level": case.level.as_str(),
            "previousLevel": case.previous.as_str(),
            "detection": case.detected.detection.as_str(),
            "reasons": case.detected.reasons,
            "policy": {"id": self.met.policy.id.as_str(), "name": self.met.policy.name},
            "rule": {"id": self.met.rule.id.as_str(), "name": self.met.rule.name},
            "provider": provider,
            "event": case.event,
            "transaction": case.detected.origin.request_id,
            "traceId": case.trace,
        })
    }
}
