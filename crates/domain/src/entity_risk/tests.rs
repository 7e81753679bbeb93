//! Detections, the policy, its actions, and what holds them back.

mod approvals;

use std::{collections::BTreeMap, time::Duration};

use watchfire_model::{
    entity::Entity,
    id::{ClientId, EntityRiskPolicyId, EntityRiskRuleId, IdSource, ReceiptId, SecurityEventsProviderId, SessionId, UserId},
    log::{EventType, LogEvent, OutcomeResult, RequestOrigin},
    object::{
        Action, ActionCall, ActionState, Cause, CauseKind, CauseSource, Detection, EntityRisk, EntityRiskAction,
        EntityRiskConditions, EntityRiskPolicy, EntityRiskRule, Kind, LogoutEndpoint, LogoutSelection, ProviderReach, Session,
        SignOnSession, Status, User, UserStatus,
    },
    row::{Decision, Row},
    signal::RiskLevel,
    slice::{Need, Slice},
    time::Timestamp,
};

use super::*;
use crate::{
    command::Context,
    testing::{NOW, events},
};

struct Counted(u32);

impl IdSource for Counted {
    fn next_id(&mut self, prefix: &str) -> String {
        self.0 += 1;
        format!("{prefix}{:0width$}", self.0, width = 20 - prefix.len())
    }

    fn next_uuid(&mut self) -> String {
        self.0 += 1;
        format!("00000000-0000-8000-8000-{:012}", self.0)
    }
}

/// An organisation in which time passes.
struct World {
    slice: Slice,
    now: Timestamp,
    ids: Counted,
    limits: GuardLimits,
}

impl World {
    fn new(actions: Vec<EntityRiskAction>) -> Self {
        let mut slice = Slice::default();
        let policy = EntityRiskPolicy {
            id: EntityRiskPolicyId::new("rst1"),
            name: "Entity Risk Policy".to_owned(),
            description: None,
            created: NOW,
            last_updated: NOW,
        };
        slice.insert(policy.into());
        slice.insert(rule("catch-all", None, Vec::new()).into());
        slice.insert(rule("act", Some(RiskLevel::High), actions).into());
        let mut world = Self {
            slice,
            now: NOW,
            ids: Counted(0),
            limits: GuardLimits::default(),
        };
        world.add_user("00u1");
        world
    }

    fn add_user(&mut self, id: &str) {
        let profile = serde_json::Map::new();
        self.slice.insert(
            User {
                id: UserId::new(id),
                login: format!("{id}@example.com"),
                profile,
                status: UserStatus::Active,
                password_hash: Some("hash".to_owned()),
                administrator: false,
                created: NOW,
                activated: Some(NOW),
                status_changed: Some(NOW),
                last_login: None,
                last_updated: NOW,
                password_changed: Some(NOW),
            }
            .into(),
        );
        self.add_session(id);
    }

    fn add_session(&mut self, user: &str) {
        self.slice.insert(
            Session {
                id: SessionId::new(format!("102{user}")),
                user_id: UserId::new(user),
                amr: vec!["pwd".to_owned()],
                limits: SignOnSession::default(),
                created: NOW,
                expires_at: NOW.plus(Duration::from_secs(86_400)),
                password_verified_at: NOW,
                factor_verified_at: None,
            }
            .into(),
        );
    }

    fn edit_user(&mut self, id: &str, edit: impl FnOnce(&mut User)) {
        let mut user = self.slice.get::<User>(id).expect("a user").clone();
        edit(&mut user);
        self.slice.insert(user.into());
    }

    /// A provider says that a user's risk is this.
    fn report(&mut self, user: &str, millinats: i32) -> Decision {
        self.decide(user, |entity, risks| {
            risks.change(entity, Change::Add(cause(CauseKind::UserRisk, millinats, provider())));
        })
    }

    fn decide(&mut self, user: &str, change: impl FnOnce(&Entity, &mut EntityRisks<'_>)) -> Decision {
        let id = UserId::new(user);
        let mut decision = Decision::new();
        let mut context = Context {
            now: self.now,
            ids: &mut self.ids,
            hooks: &BTreeMap::default(),
        };
        let mut risks = EntityRisks::new(&self.slice, self.limits, self.now);
        change(&Entity::User(id.clone()), &mut risks);
        risks.detect(
            &mut decision,
            &mut context,
            &Detected {
                user: &id,
                detection: Detection::SecurityEventsProviderReportedRisk,
                source: &provider(),
                reasons: &["Seen on a list, level=LOW}".to_owned()],
                actor: None,
                origin: &RequestOrigin {
                    request_id: "request".to_owned(),
                    ..RequestOrigin::default()
                },
                receipt: Some(&ReceiptId::new("rcp1")),
                details: &BTreeMap::new(),
            },
        );
        risks.write(&mut decision);
        let all: Vec<Need> = Kind::ALL.iter().map(|kind| Need::All(*kind)).collect();
        self.slice.overlay(&all, &decision);
        decision
    }

    fn change(&mut self, change: Change) {
        let mut risks = EntityRisks::new(&self.slice, self.limits, self.now);
        risks.change(&Entity::User(UserId::new("00u1")), change);
        let mut decision = Decision::new();
        risks.write(&mut decision);
        let all: Vec<Need> = Kind::ALL.iter().map(|kind| Need::All(*kind)).collect();
        self.slice.overlay(&all, &decision);
    }

    fn level(&self) -> Option<RiskLevel> {
        EntityRisks::new(&self.slice, self.limits, self.now).level(&Entity::User(UserId::new("00u1")))
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    fn sessions(&self) -> usize {
        self.slice.all::<Session>().len()
    }

    fn actions(&self, state: ActionState) -> Vec<ActionCall> {
        let rows = self.slice.all::<Action>().into_iter();
        rows.filter(|row| row.state == state).map(|row| row.call.clone()).collect()
    }
}

fn rule(name: &str, level: Option<RiskLevel>, actions: Vec<EntityRiskAction>) -> EntityRiskRule {
    EntityRiskRule {
        id: EntityRiskRuleId::new(format!("rul-{name}")),
        policy_id: EntityRiskPolicyId::new("rst1"),
        name: name.to_owned(),
        status: Status::Active,
        priority: 1,
        system: level.is_none(),
        conditions: EntityRiskConditions {
            level,
            ..EntityRiskConditions::default()
        },
        actions,
        created: NOW,
        last_updated: NOW,
        last_updated_by: None,
    }
}

fn provider() -> CauseSource {
    CauseSource::Provider {
        id: SecurityEventsProviderId::new("sse1"),
        issuer: "https://idp.example".to_owned(),
    }
}

fn cause(kind: CauseKind, millinats: i32, source: CauseSource) -> Cause {
    Cause {
        kind,
        source,
        millinats,
        half_life: Some(Duration::from_secs(7 * 86_400)),
        since: NOW,
        reason: None,
        receipt: None,
        transaction: None,
        step_ups: 0,
    }
}

fn end_sessions() -> EntityRiskAction {
    EntityRiskAction::TerminateAllSessions {
        universal_logout: LogoutSelection::None,
    }
}

fn of_type(decision: &Decision, event_type: EventType) -> Vec<&LogEvent> {
    events(decision)
        .into_iter()
        .filter(|event| event.event_type == event_type)
        .collect()
}

fn outcomes(decision: &Decision) -> Vec<OutcomeResult> {
    let acted = of_type(decision, EventType::PolicyEntityRiskAction);
    acted.into_iter().map(|event| event.outcome.result).collect()
}

/// okta.md 8.6, `user.risk.detect`.
#[test]
fn a_detection_is_written_as_the_log_has_it() {
    let mut world = World::new(vec![end_sessions()]);
    let decision = world.report("00u1", 2_000);
    let detected = of_type(&decision, EventType::UserRiskDetect)[0];
    assert_eq!(
        detected.debug_data["risk"],
        "{previousLevel=LOW, level=MEDIUM, detectionName=Security Events Provider Reported Risk, \
         reasons=Seen on a list, level LOW , issuer=https://idp.example}"
    );
    let risk = detected.security_context.risk.as_ref().expect("a risk");
    assert_eq!((risk.previous_level, risk.level), (Some(RiskLevel::Low), RiskLevel::Medium));
    assert_eq!(detected.target[0].id, "00u1");
    assert_eq!(detected.receipt, Some(ReceiptId::new("rcp1")));
    let evaluated = of_type(&decision, EventType::PolicyEntityRiskEvaluate)[0];
    assert_eq!(evaluated.debug_data["traceId"], detected.debug_data["traceId"]);
    let kinds: Vec<&str> = evaluated.target.iter().map(|target| target.kind.as_str()).collect();
    assert_eq!(kinds, ["User", "Policy", "Rule"]);
    assert_eq!(evaluated.target[2].id, "rul-catch-all");
    assert!(outcomes(&decision).is_empty());
    assert_eq!(world.sessions(), 1);
}

#[test]
fn a_detection_is_written_also_when_the_level_stays() {
    let mut world = World::new(vec![]);
    world.report("00u1", 2_000);
    let again = world.report("00u1", 2_000);
    let risk = of_type(&again, EventType::UserRiskDetect)[0].security_context.risk.clone();
    let risk = risk.expect("a risk");
    assert_eq!(
        (risk.previous_level, risk.level),
        (Some(RiskLevel::Medium), RiskLevel::Medium)
    );
    let known = world.slice.get::<EntityRisk>("USER 00u1").expect("a record");
    assert_eq!(
        known.causes.len(),
        1,
        "a second word of the same kind and source replaces the first"
    );
}

/// okta.md 8.6, `policy.entity_risk.action`.
#[test]
fn a_rule_ends_all_sessions_in_the_same_decision() {
    let mut world = World::new(vec![end_sessions()]);
    let decision = world.report("00u1", 4_000);
    assert_eq!(world.sessions(), 0);
    let types: Vec<EventType> = events(&decision).iter().map(|event| event.event_type).collect();
    assert_eq!(
        types,
        [
            EventType::UserRiskDetect,
            EventType::PolicyEntityRiskEvaluate,
            EventType::UserSessionEnd,
            EventType::PolicyEntityRiskAction
        ]
    );
    let acted = of_type(&decision, EventType::PolicyEntityRiskAction)[0];
    let target = &acted.target[3];
    assert_eq!((target.kind.as_str(), target.id.as_str()), ("PolicyAction", "rst1"));
    assert_eq!(
        serde_json::to_value(&target.detail_entry).expect("details"),
        serde_json::json!({"policyAction": "TERMINATE_ALL_SESSIONS", "policySingleLogOutEnabled": false,
            "policySingleLogOutSelectionMode": "NONE"})
    );
    assert_eq!(
        serde_json::to_value(&acted.target[2].detail_entry).expect("details"),
        serde_json::json!({"ruleAction": "TERMINATE_ALL_SESSIONS"})
    );
}

#[test]
fn a_rule_acts_on_a_user_once_in_its_cool_down() {
    let mut world = World::new(vec![end_sessions()]);
    assert_eq!(outcomes(&world.report("00u1", 4_000)), [OutcomeResult::Success]);
    world.add_session("00u1");
    world.pass(299);
    assert_eq!(outcomes(&world.report("00u1", 4_000)), [OutcomeResult::Skipped]);
    assert_eq!(world.sessions(), 1);
    world.pass(1);
    assert_eq!(outcomes(&world.report("00u1", 4_000)), [OutcomeResult::Success]);
    assert_eq!(world.sessions(), 0);
}

#[test]
fn an_administrator_is_not_shut_out_by_a_signal_alone() {
    let mut world = World::new(vec![EntityRiskAction::DeactivateUser]);
    world.edit_user("00u1", |user| user.administrator = true);
    assert_eq!(outcomes(&world.report("00u1", 4_000)), [OutcomeResult::Deferred]);
    assert_eq!(world.slice.get::<User>("00u1").expect("a user").status, UserStatus::Active);
    let user = UserId::new("00u1");
    assert_eq!(
        world.actions(ActionState::AwaitingApproval),
        [ActionCall::DeactivateUser { user }]
    );
}

#[test]
fn a_rule_deactivates_a_user_once_and_ends_its_sessions_once() {
    let mut world = World::new(vec![end_sessions(), EntityRiskAction::DeactivateUser]);
    let decision = world.report("00u1", 4_000);
    assert_eq!(
        world.slice.get::<User>("00u1").expect("a user").status,
        UserStatus::Deprovisioned
    );
    assert_eq!(of_type(&decision, EventType::UserSessionEnd).len(), 1);
    assert_eq!(of_type(&decision, EventType::UserDeactivate).len(), 1);
    world.pass(600);
    assert_eq!(
        outcomes(&world.report("00u1", 4_000)),
        [OutcomeResult::Success, OutcomeResult::Skipped]
    );
}

#[test]
fn a_workflow_is_told_who_why_and_by_whom() {
    let mut world = World::new(vec![EntityRiskAction::RunWorkflow { workflow: 572_749 }]);
    let decision = world.report("00u1", 4_000);
    let rows = world.actions(ActionState::Pending);
    let [ActionCall::Workflow { workflow, payload }] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    let detected = of_type(&decision, EventType::UserRiskDetect)[0];
    assert_eq!(*workflow, 572_749);
    for (pointer, want) in [
        ("/user/id", "00u1"),
        ("/level", "HIGH"),
        ("/previousLevel", "LOW"),
        ("/detection", "SECURITY_EVENTS_PROVIDER_REPORTED_RISK"),
        ("/rule/id", "rul-act"),
        ("/provider/id", "sse1"),
        ("/event", detected.uuid.as_str()),
        ("/transaction", "request"),
    ] {
        assert_eq!(payload.pointer(pointer).and_then(|it| it.as_str()), Some(want), "{pointer}");
    }
    let row: Vec<Action> = world.slice.all::<Action>().into_iter().cloned().collect();
    let because = row[0].cause.as_ref().expect("a cause");
    assert_eq!(because.provider, Some(SecurityEventsProviderId::new("sse1")));
    assert_eq!(because.receipt, Some(ReceiptId::new("rcp1")));
}

#[test]
fn a_universal_logout_calls_the_apps_that_have_an_endpoint() {
    for (selection, want) in [
        (LogoutSelection::None, &[][..]),
        (LogoutSelection::All, &["0oa1", "0oa2"]),
        (
            LogoutSelection::Specified(vec![ClientId::new("0oa2"), ClientId::new("0oa9")]),
            &["0oa2"],
        ),
    ] {
        let mut world = World::new(vec![EntityRiskAction::TerminateAllSessions {
            universal_logout: selection.clone(),
        }]);
        for app in ["0oa1", "0oa2"] {
            world.slice.insert(
                LogoutEndpoint {
                    app: ClientId::new(app),
                    url: format!("https://{app}.example/revoke"),
                    audience: None,
                    subject_format: "email".to_owned(),
                    created: NOW,
                    last_updated: NOW,
                }
                .into(),
            );
        }
        let decision = world.report("00u1", 4_000);
        let called: Vec<String> = world
            .actions(ActionState::Pending)
            .into_iter()
            .filter_map(|call| match call {
                ActionCall::UniversalLogout { app, .. } => Some(app.to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(called, want, "{selection:?}");
        let logged = of_type(&decision, EventType::UserUniversalLogout);
        assert_eq!(logged.len(), usize::from(!want.is_empty()));
    }
}

/// risk-engine.md 5.7: a credential change and the end of all sessions together, in either order.
#[test]
fn a_stated_high_ends_by_a_new_credential_and_new_sessions() {
    let changed = || Change::CredentialChanged(NOW, provider());
    let ended = || Change::SessionsEnded(CauseSource::Engine);
    for (first, second) in [(changed(), ended()), (ended(), changed())] {
        let mut world = World::new(vec![]);
        world.report("00u1", 4_000);
        world.change(first);
        assert_eq!(world.level(), Some(RiskLevel::High));
        world.change(second);
        assert_eq!(world.level(), None);
    }
    // What happened before it was said settles nothing.
    let mut world = World::new(vec![]);
    world.change(changed());
    world.change(ended());
    world.pass(60);
    let later = Cause {
        since: world.now,
        ..cause(CauseKind::CredentialCompromise, 4_000, provider())
    };
    world.change(Change::Add(later));
    world.change(ended());
    assert_eq!(world.level(), Some(RiskLevel::High));
}

#[test]
fn the_log_says_which_causes_the_end_of_sessions_has_cleared() {
    let mut world = World::new(vec![end_sessions()]);
    world.change(Change::CredentialChanged(NOW, provider()));
    let decision = world.report("00u1", 4_000);
    let acted = of_type(&decision, EventType::PolicyEntityRiskAction)[0];
    assert_eq!(acted.debug_data["clearedCauses"], "user_risk");
    assert_eq!(world.level(), None);
}

/// ssf.md annex B, rows 3 and 22; risk-engine.md 5.7.
#[test]
fn a_second_factor_settles_what_annex_b_says() {
    let mut world = World::new(vec![]);
    for kind in [CauseKind::SessionRevoked, CauseKind::RecoveryActivated] {
        world.change(Change::Add(cause(kind, 1_500, provider())));
    }
    world.change(Change::Add(cause(CauseKind::UserRisk, 2_000, provider())));
    world.change(Change::SteppedUp { clean: true });
    let left: Vec<CauseKind> = world
        .slice
        .get::<EntityRisk>("USER 00u1")
        .expect("a record")
        .causes
        .iter()
        .map(|it| it.kind)
        .collect();
    assert_eq!(left, [CauseKind::UserRisk]);
    world.change(Change::SteppedUp { clean: false });
    assert_eq!(world.level(), Some(RiskLevel::Medium));
    world.change(Change::SteppedUp { clean: true });
    assert_eq!(world.level(), None);
}

#[test]
fn an_override_settles_what_was_said_before_and_not_what_comes_after() {
    for (millinats, want) in [(4_000, RiskLevel::High), (2_000, RiskLevel::Medium), (-1_000, RiskLevel::Low)] {
        let mut world = World::new(vec![]);
        world.report("00u1", 4_000);
        let word = Cause {
            half_life: None,
            ..cause(CauseKind::AdminOverride, millinats, CauseSource::Administrator)
        };
        world.change(Change::Override(word));
        world.pass(400 * 86_400);
        assert_eq!(world.level(), Some(want));
        world.change(Change::Add(Cause {
            since: world.now,
            ..cause(CauseKind::UserRisk, 4_000, provider())
        }));
        assert_eq!(world.level(), Some(RiskLevel::High));
    }
}

#[test]
fn an_older_event_does_not_undo_a_newer_one() {
    let slice = Slice::default();
    let mut risks = EntityRisks::new(&slice, GuardLimits::default(), NOW);
    let (entity, provider) = (Entity::User(UserId::new("00u1")), SecurityEventsProviderId::new("sse1"));
    risks.arrived(&entity, "risk", &provider, NOW);
    let before = NOW.minus(Duration::from_secs(1));
    assert!(risks.is_superseded(&entity, "risk", &provider, before));
    assert!(!risks.is_superseded(&entity, "risk", &provider, NOW));
    assert!(!risks.is_superseded(&entity, "other", &provider, before));
    assert!(!risks.is_superseded(&entity, "risk", &SecurityEventsProviderId::new("sse2"), before));
}

#[test]
fn a_clock_that_is_ahead_makes_no_cause_last_longer() {
    let mut world = World::new(vec![]);
    let ahead = Cause {
        since: NOW.plus(Duration::from_secs(86_400)),
        ..cause(CauseKind::UserRisk, 4_000, provider())
    };
    world.change(Change::Add(ahead));
    assert_eq!(
        world.slice.get::<EntityRisk>("USER 00u1").expect("a record").causes[0].since,
        NOW
    );
}

#[test]
fn what_has_faded_away_is_dropped_when_something_changes() {
    let mut world = World::new(vec![]);
    world.report("00u1", 4_000);
    world.pass(100 * 86_400);
    assert_eq!(world.level(), None);
    let decision = world.decide("00u1", |entity, risks| {
        risks.arrived(entity, "x", &SecurityEventsProviderId::new("sse1"), NOW);
    });
    let written = decision.rows.iter().find_map(|row| match row {
        Row::Put(watchfire_model::object::Object::EntityRisk(it)) => Some(it),
        _ => None,
    });
    assert!(written.expect("a record").causes.is_empty());
}

#[test]
fn only_what_rules_could_use_is_asked_for() {
    let user = [Entity::User(UserId::new("00u1"))];
    let provider = SecurityEventsProviderId::new("sse1");
    let asks = |actions: Vec<EntityRiskAction>| {
        let world = World::new(actions);
        follow_up(&world.slice, &user, Some(&provider))
    };
    let sessions = Need::children::<Session>("00u1");
    let reach = Need::object::<ProviderReach>("sse1");
    let none = asks(vec![]);
    assert!(none.contains(&Need::object::<EntityRisk>("USER 00u1")));
    assert!(!none.contains(&sessions) && !none.contains(&reach));
    let ending = asks(vec![end_sessions()]);
    assert!(ending.contains(&sessions) && ending.contains(&reach));
    assert!(!ending.contains(&Need::all::<LogoutEndpoint>()));
}
