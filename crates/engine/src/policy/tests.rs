use watchfire_model::{
    object::{RiskScoreLevel, RuleConditions, ZoneEntry},
    signal::RiskLevel,
    time::Timestamp,
};

use super::*;
use crate::assessment::{Behavior, BehaviorName, BehaviorResult};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

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
        created: NOW,
        last_updated: NOW,
    }
}

fn assessment(level: RiskLevel, behaviors: &[(BehaviorName, BehaviorResult)]) -> Assessment {
    Assessment {
        score: 0,
        level,
        reasons: Vec::new(),
        factors: Vec::new(),
        behaviors: behaviors
            .iter()
            .map(|(name, result)| Behavior {
                name: *name,
                result: *result,
            })
            .collect(),
        partner_risk: Vec::new(),
        counterfactual: None,
        threat_suspected: false,
    }
}

struct World {
    policies: Vec<Policy>,
    rules: Vec<Rule>,
    zones: Vec<Zone>,
    groups: Vec<GroupId>,
    ip: &'static str,
    assessment: Assessment,
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
            groups: vec![GroupId::new("00g1")],
            ip: "203.0.113.7",
            assessment: assessment(RiskLevel::Low, &[]),
        }
    }

    fn decide(&self) -> Evaluation {
        let set = PolicySet {
            policies: self.policies.iter().collect(),
            rules: self.rules.iter().collect(),
            zones: self.zones.iter().collect(),
        };
        let user = UserId::new("00u1");
        let sign_in = SignIn {
            user: &user,
            groups: &self.groups,
            ip: self.ip.parse().unwrap(),
            assessment: &self.assessment,
        };
        evaluate(&set, &sign_in)
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

#[test]
fn excluded_users_do_not_match() {
    for (excluded, want) in [(vec![], true), (vec!["00u2"], true), (vec!["00u2", "00u1"], false)] {
        let world = one_rule(RuleConditions {
            excluded_users: excluded.iter().map(|u| UserId::new(*u)).collect(),
            ..RuleConditions::default()
        });
        assert_eq!(answer(&world, "people"), want, "{excluded:?}");
    }
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
        (vec!["New IP", "New Device"], Negative, true),
    ] {
        let mut world = one_rule(RuleConditions {
            behaviors: asked.iter().map(|b| (*b).to_owned()).collect(),
            ..RuleConditions::default()
        });
        world.assessment = assessment(
            RiskLevel::Low,
            &[(BehaviorName::NewIp, result), (BehaviorName::NewDevice, Positive)],
        );
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
        assert_eq!(blocking_zone(&zones, ip(text)).map(|z| z.id.as_str()), want, "{text}");
    }
}
