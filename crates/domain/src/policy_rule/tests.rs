use watchfire_model::{
    id::{BehaviorId, IdSource, ZoneId},
    object::{
        BehaviorSettings, EventWindow, NetworkCondition, NetworkConnection, ScoreRange, SignOnAction, TypedObject, ZoneUsage,
    },
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

fn rule(id: &str, priority: u32, system: bool) -> Rule {
    Rule {
        id: RuleId::new(id),
        policy_id: PolicyId::new("p"),
        name: format!("Rule {id}"),
        status: Status::Active,
        priority,
        system,
        conditions: RuleConditions::default(),
        action: SignOnAction::default(),
        mode: RuleMode::Enforce,
        created: NOW,
        last_updated: NOW,
    }
}

fn org() -> Slice {
    let mut slice = Slice::default();
    slice.insert(
        Policy {
            id: PolicyId::new("p"),
            name: "Policy".to_owned(),
            description: None,
            status: Status::Active,
            priority: 1,
            system: true,
            groups: Vec::new(),
            created: NOW,
            last_updated: NOW,
        }
        .into(),
    );
    slice.insert(
        Zone {
            id: ZoneId::new("nzo1"),
            name: "Office".to_owned(),
            usage: ZoneUsage::Policy,
            status: Status::Active,
            system: false,
            gateways: Vec::new(),
            proxies: None,
            dynamic: None,
            created: NOW,
            last_updated: NOW,
        }
        .into(),
    );
    slice.insert(rule("a", 1, false).into());
    slice.insert(rule("system", 2, true).into());
    slice
}

fn draft(name: &str) -> RuleDraft {
    RuleDraft {
        name: name.to_owned(),
        status: None,
        priority: None,
        conditions: RuleConditions::default(),
        action: SignOnAction::default(),
        mode: RuleMode::Enforce,
    }
}

fn with_zones(include: &[&str]) -> RuleDraft {
    let mut draft = draft("New");
    draft.conditions.network = NetworkCondition {
        connection: NetworkConnection::Zone,
        include: include.iter().map(|z| (*z).to_owned()).collect(),
        exclude: Vec::new(),
    };
    draft
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

fn create(draft: RuleDraft) -> CreateRule {
    CreateRule {
        policy_id: PolicyId::new("p"),
        draft,
        actor: actor(),
        origin: RequestOrigin::default(),
    }
}

fn replace(id: &str, draft: RuleDraft) -> ReplaceRule {
    ReplaceRule {
        policy_id: PolicyId::new("p"),
        id: RuleId::new(id),
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
            Row::Put(object) => {
                let rule = Rule::from_object_ref(object).unwrap();
                format!("{} at {}", rule.name, rule.priority)
            }
            Row::Delete { kind, id } => format!("no {} {id}", kind.as_str()),
            Row::Log(event) => {
                let kinds: Vec<&str> = event.target.iter().map(|t| t.kind.as_str()).collect();
                assert_eq!(kinds, ["PolicyRule", "PolicyEntity"]);
                serde_json::to_value(event.event_type).unwrap().as_str().unwrap().to_owned()
            }
            _ => "?".to_owned(),
        })
        .collect()
}

fn causes<T: std::fmt::Debug>(decided: Decided<T>) -> Vec<String> {
    assert!(decided.decision.rows.is_empty(), "a refusal writes nothing");
    match decided.outcome {
        Err(Rejection::Invalid { causes, .. }) => causes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_rule_stands_before_the_default_one() {
    let decided = run(&create(draft("New")), &org());
    assert_eq!(
        written(&decided.decision),
        ["New at 2", "Rule system at 3", "policy.rule.add"]
    );
    assert_eq!(decided.outcome.unwrap().priority, 2);
}

#[test]
fn zones_and_users_exist() {
    assert!(run(&create(with_zones(&["nzo1", ALL_ZONES])), &org()).outcome.is_ok());
    assert_eq!(
        causes(run(&create(with_zones(&["nzo1", "nzoX"])), &org())),
        ["conditions.network.include: Invalid zone id: nzoX"]
    );
    let mut stranger = draft("New");
    stranger.conditions.excluded_users = vec![UserId::new("00uX")];
    assert_eq!(
        causes(run(&create(stranger), &org())),
        ["conditions.people.users.exclude: Invalid user id: 00uX"]
    );
    let mut strangers = draft("New");
    strangers.conditions.included_groups = vec![GroupId::new("00gX")];
    assert_eq!(
        causes(run(&create(strangers), &org())),
        ["conditions.people.groups.include: Invalid group id: 00gX"]
    );
}

#[test]
fn behaviours_exist_and_are_called_by_their_ids() {
    let mut draft = draft("New");
    draft.conditions.behaviors = vec!["new ip".to_owned(), "bhv1".to_owned()];
    assert_eq!(
        causes(run(&create(draft.clone()), &org())),
        ["conditions.risk.behaviors: Invalid behavior id: new ip"]
    );
    let made = run(&create(draft), &with_new_ip()).outcome.unwrap();
    assert_eq!(made.conditions.behaviors, ["bhv1"]);
}

fn with_new_ip() -> Slice {
    let mut slice = org();
    slice.insert(
        BehaviorRule {
            id: BehaviorId::new("bhv1"),
            name: "New IP".to_owned(),
            status: Status::Active,
            settings: BehaviorSettings::AnomalousIp(EventWindow::last(50)),
            created: NOW,
            last_updated: NOW,
        }
        .into(),
    );
    slice
}

#[test]
fn an_expression_names_behaviours_that_there_are() {
    let with = |source: &str| {
        let mut draft = draft("New");
        draft.conditions.expression = Some(source.to_owned());
        assert!(create(draft.clone()).needs().contains(&Need::all::<BehaviorRule>()));
        run(&create(draft), &with_new_ip())
    };
    assert!(with("'New IP' in security.behaviors || app == 'New Moon'").outcome.is_ok());
    for unknown in ["New Moon", "new ip", "bhv1"] {
        assert_eq!(
            causes(with(&format!("security.behaviors.exists(b, b in ['New IP', '{unknown}'])"))),
            [format!(
                "conditions.elCondition.condition: There is no behavior with the name {unknown}"
            )]
        );
    }
}

#[test]
fn an_expression_is_read_when_it_is_written() {
    let with = |source: &str| {
        let mut draft = draft("New");
        draft.conditions.expression = Some(source.to_owned());
        run(&create(draft), &org())
    };
    assert!(with("security.risk.level == 'HIGH'").outcome.is_ok());
    let refused = causes(with("security.risk.level ="));
    assert!(refused[0].starts_with("conditions.elCondition.condition: "), "{refused:?}");
    assert!(refused[0].contains("at line 1, column "), "{refused:?}");
}

#[test]
fn names_are_unique_within_the_policy() {
    assert_eq!(causes(run(&create(draft("RULE a")), &org())), [format!("name: {TAKEN}")]);
    assert!(run(&replace("a", draft("RULE a")), &org()).outcome.is_ok());
}

#[test]
fn the_default_rule_takes_an_action_only() {
    let mut deny = draft("Default Rule");
    deny.action.require_factor = true;
    deny.conditions.auth_type = Some("ANY".to_owned());
    deny.priority = Some(1);
    let decided = run(&replace("system", deny), &org());
    assert_eq!(written(&decided.decision), ["Default Rule at 2", "policy.rule.update"]);
    assert!(decided.outcome.unwrap().action.require_factor);
    let mut risky = draft("Default Rule");
    risky.conditions.risk_score = Some(RiskScoreLevel::High);
    assert_eq!(
        causes(run(&replace("system", risky), &org())),
        ["conditions: The default rule matches every sign-in"]
    );
    let narrow: [fn(&mut RuleConditions); 4] = [
        |it| it.device_known = Some(true),
        |it| {
            it.score_range = ScoreRange {
                least: Some(1),
                most: None,
            }
        },
        |it| it.application.exclude = vec!["payroll".to_owned()],
        |it| it.expression = Some("true".to_owned()),
    ];
    for narrow in narrow {
        let mut narrower = draft("Default Rule");
        narrow(&mut narrower.conditions);
        assert_eq!(
            causes(run(&replace("system", narrower), &org())),
            ["conditions: The default rule matches every sign-in"]
        );
    }
    let mut watching = draft("Default Rule");
    watching.mode = RuleMode::Monitor;
    assert_eq!(
        causes(run(&replace("system", watching), &org())),
        ["mode: The default rule decides"]
    );
    let mut off = draft("Default Rule");
    off.status = Some(Status::Inactive);
    assert_eq!(
        causes(run(&replace("system", off), &org())),
        ["status: The default rule cannot be deactivated"]
    );
}

#[test]
fn removing_a_rule_closes_the_gap() {
    let delete = |id: &str| DeleteRule {
        policy_id: PolicyId::new("p"),
        id: RuleId::new(id),
        actor: actor(),
        origin: RequestOrigin::default(),
    };
    assert_eq!(
        written(&run(&delete("a"), &org()).decision),
        ["no rule a", "Rule system at 1", "policy.rule.delete"]
    );
    assert_eq!(
        causes(run(&delete("system"), &org())),
        ["rule: The default rule cannot be deleted"]
    );
}

#[test]
fn switching_writes_its_event() {
    let set = |id: &str, status| SetRuleStatus {
        policy_id: PolicyId::new("p"),
        id: RuleId::new(id),
        status,
        actor: actor(),
        origin: RequestOrigin::default(),
    };
    assert_eq!(
        written(&run(&set("a", Status::Inactive), &org()).decision),
        ["Rule a at 1", "policy.rule.deactivate"]
    );
    assert!(run(&set("a", Status::Active), &org()).decision.rows.is_empty());
    assert_eq!(
        causes(run(&set("system", Status::Inactive), &org())),
        ["status: The default rule cannot be deactivated"]
    );
}

#[test]
fn a_rule_is_found_under_its_own_policy_only() {
    let mut elsewhere = replace("a", draft("New"));
    elsewhere.policy_id = PolicyId::new("q");
    assert_eq!(run(&elsewhere, &org()).outcome, Err(Rejection::not_found("q", "Policy")));
    assert_eq!(
        run(&replace("x", draft("New")), &org()).outcome,
        Err(Rejection::not_found("x", "PolicyRule"))
    );
}
