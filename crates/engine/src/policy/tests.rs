use watchfire_model::{
    id::{BehaviorId, ZoneId},
    object::{
        ApplicationCondition, BehaviorSettings, DynamicZone, EventWindow, NetworkCondition, NetworkConnection, ProxyType,
        RiskScoreLevel, RuleConditions, ScoreRange, ZoneEntry, ZoneLocation,
    },
    signal::RiskLevel,
    time::Timestamp,
};

use super::*;
use crate::{
    assessment::{Behavior, BehaviorResult, Familiarity},
    testing::behavior,
};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

mod property;
mod rehearsal;
mod revision;
mod steps;
mod unknown;

fn policy(id: &str, priority: u32, groups: &[&str]) -> Policy {
    Policy {
        id: PolicyId::new(id),
        name: format!("policy {id}"),
        description: None,
        status: Status::Active,
        priority,
        system: false,
        groups: groups.iter().map(|g| GroupId::new(*g)).collect(),
        created: NOW,
        last_updated: NOW,
    }
}

fn rule(policy: &str, id: &str, priority: u32, conditions: RuleConditions) -> Rule {
    Rule {
        id: RuleId::new(id),
        policy_id: PolicyId::new(policy),
        name: format!("rule {id}"),
        status: Status::Active,
        priority,
        system: false,
        conditions,
        action: SignOnAction::default(),
        mode: RuleMode::Enforce,
        created: NOW,
        last_updated: NOW,
    }
}

fn zone(id: &str, usage: ZoneUsage, entry: &str) -> Zone {
    Zone {
        id: ZoneId::new(id),
        name: id.to_owned(),
        usage,
        status: Status::Active,
        system: false,
        gateways: vec![ZoneEntry::Cidr(entry.parse().unwrap())],
        proxies: None,
        dynamic: None,
        created: NOW,
        last_updated: NOW,
    }
}

fn assessment(level: RiskLevel, behaviors: &[(&str, BehaviorResult)]) -> Assessment {
    Assessment {
        score: 0,
        level,
        reasons: Vec::new(),
        factors: Vec::new(),
        behaviors: behaviors
            .iter()
            .map(|(name, result)| Behavior {
                id: Some(BehaviorId::new(*name)),
                name: format!("behaviour {name}"),
                result: *result,
            })
            .collect(),
        partner_risk: Vec::new(),
        counterfactual: None,
        threat_suspected: false,
        familiar: Familiarity::default(),
    }
}

struct World {
    policies: Vec<Policy>,
    rules: Vec<Rule>,
    zones: Vec<Zone>,
    behaviors: Vec<BehaviorRule>,
    groups: Vec<GroupId>,
    ip: &'static str,
    place: Place,
    application: Option<&'static str>,
    assessment: Assessment,
    expression_steps: u32,
}

impl World {
    fn new(policies: Vec<Policy>, rules: Vec<Rule>) -> Self {
        Self {
            policies,
            rules,
            zones: vec![
                zone("nzo1", ZoneUsage::Policy, "203.0.113.0/24"),
                zone("nzo2", ZoneUsage::Policy, "2001:db8::/32"),
            ],
            behaviors: [("bhv1", "New IP"), ("bhv2", "New Device"), ("bhv3", "Off")]
                .map(|(id, name)| behavior(id, name, BehaviorSettings::AnomalousIp(EventWindow::last(20))))
                .into(),
            groups: vec![GroupId::new("00g1")],
            ip: "203.0.113.7",
            place: Place::default(),
            application: None,
            assessment: assessment(RiskLevel::Low, &[]),
            expression_steps: 50_000,
        }
    }

    fn set(&self) -> PolicySet<'_> {
        PolicySet {
            policies: self.policies.iter().collect(),
            rules: self.rules.iter().collect(),
            zones: self.zones.iter().collect(),
            behaviors: self.behaviors.iter().collect(),
            expression_steps: self.expression_steps,
        }
    }

    fn decide(&self) -> Evaluation {
        let user = UserId::new("00u1");
        let sign_in = SignIn {
            user: &user,
            groups: &self.groups,
            ip: self.ip.parse().unwrap(),
            place: &self.place,
            application: self.application,
            assessment: &self.assessment,
        };
        evaluate(&self.set(), &sign_in)
    }

    fn matched(&self) -> (Option<String>, Option<String>) {
        let got = self.decide();
        (got.policy.map(|p| p.id.into()), got.rule.map(|r| r.id.into()))
    }
}

fn one_rule(conditions: RuleConditions) -> World {
    World::new(vec![policy("p", 1, &[])], vec![rule("p", "r", 1, conditions)])
}

/// Evaluates the only rule and says what the named condition answered.
fn answer(world: &World, condition: &str) -> bool {
    let got = world.decide();
    let asked = &got.explanation[0];
    let answered = asked.conditions.iter().find(|c| c.condition == condition).unwrap();
    assert_eq!(asked.matched, answered.result, "only {condition} is under test");
    assert_eq!(got.decision == Decision::Deny, !answered.result);
    answered.result
}

/// Who may come in from Norway, and nobody knows where the address is.
fn somewhere(include: &[&str], exclude: &[&str], access: Access, require_factor: bool) -> World {
    let mut world = one_rule(RuleConditions {
        network: NetworkCondition {
            connection: NetworkConnection::Zone,
            include: include.iter().map(|it| (*it).to_owned()).collect(),
            exclude: exclude.iter().map(|it| (*it).to_owned()).collect(),
        },
        ..RuleConditions::default()
    });
    let mut norway = zone("norway", ZoneUsage::Policy, "192.0.2.0/24");
    norway.dynamic = Some(DynamicZone::Dynamic {
        locations: Some(vec![ZoneLocation {
            country: "NO".to_owned(),
            region: None,
        }]),
        asns: Vec::new(),
        proxy_type: ProxyType::Unasked,
    });
    world.zones.push(norway);
    world.rules[0].action.access = access;
    world.rules[0].action.require_factor = require_factor;
    // Who meets no rule of the first policy is let in by the second, so that every answer can be told.
    world.policies.push(policy("last", 2, &[]));
    world.rules.push(rule("last", "rest", 1, RuleConditions::default()));
    world
}

/// What nobody knows lets nobody pass, and a denial that rests on it asks for a factor instead.
#[test]
fn people_are_chosen_by_name_and_by_group() {
    // The user is 00u1 in 00g1. Included users and groups add up, exclusion wins.
    type Case = ([&'static [&'static str]; 4], bool);
    let cases: [Case; 10] = [
        ([&[], &[], &[], &[]], true),
        ([&[], &["00u2"], &[], &[]], true),
        ([&[], &["00u2", "00u1"], &[], &[]], false),
        ([&["00u2"], &[], &[], &[]], false),
        ([&["00u1"], &[], &[], &[]], true),
        ([&[], &[], &["00g1"], &[]], true),
        ([&[], &[], &["00g2"], &[]], false),
        ([&["00u1"], &[], &["00g2"], &[]], true),
        ([&[], &[], &[], &["00g1"]], false),
        ([&["00u1"], &[], &["00g1"], &["00g9", "00g1"]], false),
    ];
    for ([included_users, excluded_users, included_groups, excluded_groups], want) in cases {
        let users = |ids: &[&str]| ids.iter().map(|id| UserId::new(*id)).collect();
        let groups = |ids: &[&str]| ids.iter().map(|id| GroupId::new(*id)).collect();
        let world = one_rule(RuleConditions {
            included_users: users(included_users),
            excluded_users: users(excluded_users),
            included_groups: groups(included_groups),
            excluded_groups: groups(excluded_groups),
            ..RuleConditions::default()
        });
        let got = answer(&world, "people");
        assert_eq!(
            got, want,
            "{included_users:?} {excluded_users:?} {included_groups:?} {excluded_groups:?}"
        );
    }
}

#[test]
fn applications_match_by_the_name_that_the_sign_in_gives() {
    for (include, exclude, application, want) in [
        (vec!["payroll"], vec![], Some("payroll"), true),
        (vec!["payroll", "vpn"], vec![], Some("vpn"), true),
        (vec!["payroll"], vec![], Some("Payroll"), false),
        (vec!["payroll"], vec![], None, false),
        (vec![], vec!["payroll"], Some("payroll"), false),
        (vec![], vec!["payroll"], None, true),
        (vec!["payroll"], vec!["payroll"], Some("payroll"), false),
    ] {
        let mut world = one_rule(RuleConditions {
            application: ApplicationCondition {
                include: include.iter().map(|it| (*it).to_owned()).collect(),
                exclude: exclude.iter().map(|it| (*it).to_owned()).collect(),
            },
            ..RuleConditions::default()
        });
        world.application = application;
        assert_eq!(
            answer(&world, "app"),
            want,
            "{application:?} in {include:?} not in {exclude:?}"
        );
    }
}

#[test]
fn a_device_is_known_when_the_user_has_shown_it() {
    for (asked, known, want) in [
        (true, Some(true), true),
        (true, Some(false), false),
        (true, None, false),
        (false, Some(true), false),
        (false, Some(false), true),
        (false, None, true),
    ] {
        let mut world = one_rule(RuleConditions {
            device_known: Some(asked),
            ..RuleConditions::default()
        });
        world.assessment.familiar.device = known;
        assert_eq!(answer(&world, "device"), want, "{asked} {known:?}");
    }
}

#[test]
fn scores_match_within_their_range() {
    for (least, most, score, want) in [
        (Some(40), None, 40, true),
        (Some(40), None, 39, false),
        (None, Some(69), 69, true),
        (None, Some(69), 70, false),
        (Some(40), Some(69), 50, true),
        (Some(0), Some(100), 100, true),
    ] {
        let mut world = one_rule(RuleConditions {
            score_range: ScoreRange { least, most },
            ..RuleConditions::default()
        });
        world.assessment.score = score;
        assert_eq!(answer(&world, "riskScore"), want, "{score} from {least:?} to {most:?}");
    }
}

#[test]
fn a_rule_that_only_watches_decides_nothing() {
    let mut world = World::new(
        vec![policy("p", 1, &[]), policy("q", 2, &[])],
        vec![
            rule("p", "watching", 1, RuleConditions::default()),
            rule(
                "p",
                "elsewhere",
                2,
                RuleConditions {
                    device_known: Some(true),
                    ..RuleConditions::default()
                },
            ),
            rule("q", "asking", 1, RuleConditions::default()),
            rule("q", "deciding", 2, RuleConditions::default()),
            rule("q", "never asked", 3, RuleConditions::default()),
        ],
    );
    for at in [0, 1, 2, 4] {
        world.rules[at].mode = RuleMode::Monitor;
    }
    world.rules[0].action.access = Access::Deny;
    world.rules[2].action.require_factor = true;
    let got = world.decide();
    assert_eq!((got.decision, got.rule.unwrap().id.as_str()), (Decision::Allow, "deciding"));
    let told: Vec<(&str, &str, Decision)> = got
        .monitored
        .iter()
        .map(|it| (it.policy.id.as_str(), it.rule.id.as_str(), it.decision))
        .collect();
    assert_eq!(
        told,
        [("p", "watching", Decision::Deny), ("q", "asking", Decision::Challenge)]
    );
    let modes: Vec<(&str, RuleMode, bool)> = got
        .explanation
        .iter()
        .map(|it| (it.id.as_str(), it.mode, it.matched))
        .collect();
    assert_eq!(
        modes,
        [
            ("watching", RuleMode::Monitor, true),
            ("elsewhere", RuleMode::Monitor, false),
            ("asking", RuleMode::Monitor, true),
            ("deciding", RuleMode::Enforce, true)
        ]
    );
    world.rules.truncate(1);
    assert_eq!(
        world.decide().decision,
        Decision::Deny,
        "a rule that watches allows nobody either"
    );
}

#[test]
fn networks_match_by_zone() {
    use NetworkConnection::{Anywhere, Zone};
    for (ip, connection, include, exclude, want) in [
        ("192.0.2.1", Anywhere, vec![], vec![], true),
        ("203.0.113.7", Zone, vec!["nzo1"], vec![], true),
        ("::ffff:203.0.113.7", Zone, vec!["nzo1"], vec![], true),
        ("2001:db8::15", Zone, vec!["nzo1", "nzo2"], vec![], true),
        ("192.0.2.1", Zone, vec!["nzo1"], vec![], false),
        ("203.0.113.7", Zone, vec!["ALL_ZONES"], vec![], true),
        ("192.0.2.1", Zone, vec!["ALL_ZONES"], vec![], false),
        ("192.0.2.1", Zone, vec![], vec!["ALL_ZONES"], true),
        ("203.0.113.7", Zone, vec![], vec!["ALL_ZONES"], false),
        ("203.0.113.7", Zone, vec!["ALL_ZONES"], vec!["nzo1"], false),
        ("2001:db8::15", Zone, vec!["ALL_ZONES"], vec!["nzo1"], true),
        ("203.0.113.7", Zone, vec!["nzoGone"], vec![], false),
        ("203.0.113.7", Zone, vec![], vec![], false),
    ] {
        let mut world = one_rule(RuleConditions {
            network: NetworkCondition {
                connection,
                include: include.iter().map(|z| (*z).to_owned()).collect(),
                exclude: exclude.iter().map(|z| (*z).to_owned()).collect(),
            },
            ..RuleConditions::default()
        });
        world.ip = ip;
        assert_eq!(answer(&world, "network"), want, "{ip} in {include:?} not in {exclude:?}");
    }
}

#[test]
fn inactive_zones_contain_nothing() {
    let mut world = one_rule(RuleConditions {
        network: NetworkCondition {
            connection: NetworkConnection::Zone,
            include: vec!["nzo1".to_owned()],
            exclude: Vec::new(),
        },
        ..RuleConditions::default()
    });
    world.zones[0].status = Status::Inactive;
    assert!(!answer(&world, "network"));
}

#[test]
fn only_http_and_our_own_passwords_come_in() {
    for (auth_type, want) in [
        (None, true),
        (Some("ANY"), true),
        (Some("RADIUS"), false),
        (Some("LDAP_INTERFACE"), false),
    ] {
        let world = one_rule(RuleConditions {
            auth_type: auth_type.map(str::to_owned),
            ..RuleConditions::default()
        });
        assert_eq!(answer(&world, "authContext"), want, "{auth_type:?}");
    }
    for (provider, want) in [
        (None, true),
        (Some("ANY"), true),
        (Some("OKTA"), true),
        (Some("SPECIFIC_IDP"), false),
    ] {
        let world = one_rule(RuleConditions {
            identity_provider: provider.map(str::to_owned),
            ..RuleConditions::default()
        });
        assert_eq!(answer(&world, "identityProvider"), want, "{provider:?}");
    }
}

#[test]
fn behaviours_match_unless_they_are_known_to_be_usual() {
    use BehaviorResult::{BadRequest, Negative, Positive, Unknown};
    for (asked, result, want) in [
        (vec![], Negative, true),
        (vec!["New IP"], Positive, true),
        (vec!["New IP"], Unknown, true),
        (vec!["New IP"], BadRequest, true),
        (vec!["New IP"], Negative, false),
        (vec!["new ip"], Negative, false),
        (vec!["bhv1"], Positive, true),
        (vec!["bhv1"], Negative, false),
        (vec!["bhv1", "bhv2"], Negative, true),
        (vec!["bhv3"], Positive, false),
        (vec!["bhv3", "bhv2"], Negative, true),
        (vec!["never defined"], Negative, true),
    ] {
        let mut world = one_rule(RuleConditions {
            behaviors: asked.iter().map(|b| (*b).to_owned()).collect(),
            ..RuleConditions::default()
        });
        world.behaviors[2].status = Status::Inactive;
        world.assessment = assessment(RiskLevel::Low, &[("bhv1", result), ("bhv2", Positive), ("bhv3", Positive)]);
        assert_eq!(answer(&world, "risk"), want, "{asked:?} {result:?}");
    }
}

#[test]
fn risk_scores_match_exactly() {
    use RiskLevel::{High, Low, Medium};
    for (asked, level, want) in [
        (None, High, true),
        (Some(RiskScoreLevel::Any), High, true),
        (Some(RiskScoreLevel::High), High, true),
        (Some(RiskScoreLevel::High), Medium, false),
        (Some(RiskScoreLevel::Medium), High, false),
        (Some(RiskScoreLevel::Medium), Medium, true),
        (Some(RiskScoreLevel::Low), Low, true),
        (Some(RiskScoreLevel::Low), Medium, false),
    ] {
        let mut world = one_rule(RuleConditions {
            risk_score: asked,
            ..RuleConditions::default()
        });
        world.assessment = assessment(level, &[]);
        assert_eq!(answer(&world, "riskScore"), want, "{asked:?} {level:?}");
    }
}

#[test]
fn the_first_policy_for_the_user_and_its_first_rule_decide() {
    let any = RuleConditions::default;
    let high = RuleConditions {
        risk_score: Some(RiskScoreLevel::High),
        ..any()
    };
    let mut world = World::new(
        vec![
            policy("last", 9, &[]),
            policy("mine", 2, &["00g1"]),
            policy("theirs", 1, &["00g2"]),
        ],
        vec![
            rule("mine", "second", 2, any()),
            rule("last", "other", 1, any()),
            rule("theirs", "foreign", 1, any()),
            rule("mine", "first", 1, high),
        ],
    );
    assert_eq!(world.matched(), (Some("mine".to_owned()), Some("second".to_owned())));
    assert_eq!(
        world
            .decide()
            .explanation
            .iter()
            .map(|r| (r.id.as_str(), r.matched))
            .collect::<Vec<_>>(),
        [("first", false), ("second", true)]
    );
    world.assessment = assessment(RiskLevel::High, &[]);
    assert_eq!(world.matched(), (Some("mine".to_owned()), Some("first".to_owned())));
    world.groups.clear();
    assert_eq!(world.matched(), (Some("last".to_owned()), Some("other".to_owned())));
}

#[test]
fn what_is_inactive_is_not_asked() {
    let mut world = World::new(
        vec![policy("a", 1, &[]), policy("b", 2, &[])],
        vec![
            rule("a", "a1", 1, RuleConditions::default()),
            rule("b", "b1", 1, RuleConditions::default()),
            rule("b", "b2", 2, RuleConditions::default()),
        ],
    );
    world.policies[0].status = Status::Inactive;
    world.rules[1].status = Status::Inactive;
    assert_eq!(world.matched(), (Some("b".to_owned()), Some("b2".to_owned())));
}

#[test]
fn no_policy_and_no_rule_deny() {
    let nothing = World::new(Vec::new(), Vec::new()).decide();
    assert_eq!((nothing.decision, nothing.policy), (Decision::Deny, None));
    let empty = World::new(vec![policy("p", 1, &[])], Vec::new()).decide();
    assert_eq!((empty.decision, empty.policy, empty.rule), (Decision::Deny, None, None));
}

/// A group's policy that only says what happens at HIGH does not lock the group out at LOW.
#[test]
fn a_policy_without_a_matching_rule_leaves_it_to_the_next() {
    let high = RuleConditions {
        risk_score: Some(RiskScoreLevel::High),
        ..RuleConditions::default()
    };
    let mut world = World::new(
        vec![policy("mine", 1, &["00g1"]), policy("default", 2, &[])],
        vec![
            rule("mine", "high", 1, high),
            rule("default", "all", 1, RuleConditions::default()),
        ],
    );
    assert_eq!(world.matched(), (Some("default".to_owned()), Some("all".to_owned())));
    world.assessment = assessment(RiskLevel::High, &[]);
    assert_eq!(world.matched(), (Some("mine".to_owned()), Some("high".to_owned())));
}

#[test]
fn the_action_makes_the_decision() {
    for (access, require_factor, want) in [
        (Access::Allow, false, Decision::Allow),
        (Access::Allow, true, Decision::Challenge),
        (Access::Deny, false, Decision::Deny),
        (Access::Deny, true, Decision::Deny),
    ] {
        let mut world = one_rule(RuleConditions::default());
        world.rules[0].action.access = access;
        world.rules[0].action.require_factor = require_factor;
        let got = world.decide();
        assert_eq!(got.decision, want);
        assert_eq!(got.action.as_ref(), Some(&world.rules[0].action));
    }
}

#[test]
fn only_active_blocklists_block() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let mut off = zone("nzo3", ZoneUsage::Blocklist, "198.51.100.0/24");
    off.status = Status::Inactive;
    let zones = [
        zone("nzo1", ZoneUsage::Policy, "192.0.2.0/24"),
        zone("nzo2", ZoneUsage::Blocklist, "203.0.113.0/24"),
        off,
    ];
    for (text, want) in [
        ("192.0.2.1", None),
        ("203.0.113.7", Some("nzo2")),
        ("::ffff:203.0.113.7", Some("nzo2")),
        ("198.51.100.2", None),
        ("2001:db8::1", None),
    ] {
        assert_eq!(
            blocking_zone(&zones, ip(text), &Place::default()).map(|z| z.id.as_str()),
            want,
            "{text}"
        );
    }
}
