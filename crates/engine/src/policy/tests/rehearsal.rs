//! Sign-ins that are only imagined.

use super::*;

fn open() -> Scenario<'static> {
    Scenario {
        user: None,
        groups: &[],
        whereabouts: Whereabouts::Open,
        application: None,
        level: None,
        score: None,
        behaviors: None,
        device_known: None,
    }
}

fn status_of(conditions: RuleConditions, scenario: &Scenario<'_>) -> Match {
    let world = one_rule(conditions);
    rehearse(&world.set(), scenario)[0].rules[0].status
}

#[test]
fn what_is_left_open_is_undefined_only_where_a_rule_asks_for_it() {
    let conditions = RuleConditions::default;
    let user = UserId::new("00u1");
    let (nobody, named) = (
        open(),
        Scenario {
            user: Some(&user),
            ..open()
        },
    );
    let in_zone = |id: &str| RuleConditions {
        network: NetworkCondition {
            connection: NetworkConnection::Zone,
            include: vec![id.to_owned()],
            exclude: Vec::new(),
        },
        ..conditions()
    };
    let at = |level| RuleConditions {
        risk_score: Some(level),
        ..conditions()
    };
    let zones = [ZoneId::new("nzo1")];
    let inside = Scenario {
        whereabouts: Whereabouts::Zones(&zones),
        ..open()
    };
    let low = Scenario {
        level: Some(RiskLevel::Low),
        ..open()
    };
    let expression = |source: &str| RuleConditions {
        expression: Some(source.to_owned()),
        ..conditions()
    };
    let for_user = RuleConditions {
        included_users: vec![UserId::new("00u1")],
        ..conditions()
    };
    let scored = RuleConditions {
        score_range: ScoreRange {
            least: Some(40),
            most: None,
        },
        ..conditions()
    };
    let noticed = RuleConditions {
        behaviors: vec!["bhv1".to_owned()],
        ..conditions()
    };
    let known = RuleConditions {
        device_known: Some(true),
        ..conditions()
    };
    for (at_line, conditions, scenario, want) in [
        (line!(), conditions(), nobody, Match::Match),
        (line!(), in_zone("nzo1"), nobody, Match::Undefined),
        (line!(), in_zone("nzo1"), inside, Match::Match),
        (line!(), in_zone("nzo2"), inside, Match::NotMatch),
        (line!(), at(RiskScoreLevel::High), nobody, Match::Undefined),
        (line!(), at(RiskScoreLevel::High), low, Match::NotMatch),
        (line!(), at(RiskScoreLevel::Low), low, Match::Match),
        (line!(), at(RiskScoreLevel::Any), nobody, Match::Match),
        (line!(), scored, low, Match::Undefined),
        (line!(), noticed, nobody, Match::Undefined),
        (line!(), known.clone(), nobody, Match::Undefined),
        (
            line!(),
            known,
            Scenario {
                device_known: Some(true),
                ..open()
            },
            Match::Match,
        ),
        (line!(), for_user.clone(), nobody, Match::Undefined),
        (line!(), for_user, named, Match::Match),
        (line!(), expression("security.risk.level == 'LOW'"), nobody, Match::Undefined),
        (line!(), expression("security.risk.level == 'LOW'"), low, Match::Match),
        (line!(), expression("request.country == 'NO'"), inside, Match::Undefined),
        (line!(), expression("app == ''"), nobody, Match::Match),
    ] {
        assert_eq!(status_of(conditions, &scenario), want, "line {at_line}");
    }
}

#[test]
fn what_is_known_not_to_hold_outweighs_what_is_open() {
    let conditions = RuleConditions {
        risk_score: Some(RiskScoreLevel::High),
        device_known: Some(true),
        ..RuleConditions::default()
    };
    let low = Scenario {
        level: Some(RiskLevel::Low),
        ..open()
    };
    assert_eq!(status_of(conditions, &low), Match::NotMatch);
}

#[test]
fn rules_are_asked_up_to_the_one_that_decides_for_certain() {
    let at = |level| RuleConditions {
        risk_score: Some(level),
        ..RuleConditions::default()
    };
    let watching = Rule {
        mode: RuleMode::Monitor,
        ..rule("a", "r0", 1, RuleConditions::default())
    };
    let policies = vec![policy("a", 1, &["00g1"]), policy("b", 2, &["00g2"]), policy("c", 3, &[])];
    let rules = vec![
        watching,
        rule("a", "r1", 2, at(RiskScoreLevel::High)),
        rule("b", "r2", 1, RuleConditions::default()),
        rule("c", "r3", 1, RuleConditions::default()),
        rule("c", "r4", 2, RuleConditions::default()),
    ];
    let world = World::new(policies, rules);
    let groups = [GroupId::new("00g1")];
    let asked = rehearse(
        &world.set(),
        &Scenario {
            groups: &groups,
            ..open()
        },
    );
    let said: Vec<(&str, Match, Vec<&str>)> = asked
        .iter()
        .map(|it| {
            (
                it.policy.id.as_str(),
                it.status,
                it.rules.iter().map(|rule| rule.asked.id.as_str()).collect(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("a", Match::Undefined, vec!["r0", "r1"]),
            ("b", Match::NotMatch, vec![]),
            ("c", Match::Match, vec!["r3"]),
        ]
    );
}

/// One way to decide, and not two.
#[test]
fn a_sign_in_without_anything_open_meets_the_rule_that_decides_it() {
    for level in [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High] {
        let at = |level| RuleConditions {
            risk_score: Some(level),
            ..RuleConditions::default()
        };
        let rules = vec![
            rule("a", "r1", 1, at(RiskScoreLevel::High)),
            rule("a", "r2", 2, at(RiskScoreLevel::Medium)),
            rule("a", "r3", 3, RuleConditions::default()),
        ];
        let mut world = World::new(vec![policy("a", 1, &[])], rules);
        world.assessment = assessment(level, &[]);
        let user = UserId::new("00u1");
        let scenario = Scenario::of(&SignIn {
            user: &user,
            groups: &world.groups,
            ip: world.ip.parse().unwrap(),
            place: &world.place,
            application: None,
            assessment: &world.assessment,
        });
        let decided = world.decide();
        let asked = rehearse(&world.set(), &scenario);
        let last = asked[0].rules.last().unwrap();
        assert_eq!(
            (Some(&last.asked.id), last.status),
            (decided.rule.as_ref().map(|it| &it.id), Match::Match)
        );
        assert_eq!(
            asked[0].rules.iter().map(|it| it.asked.clone()).collect::<Vec<_>>(),
            decided.explanation
        );
    }
}
