//! What a rule asks and nobody knows, and expressions that fail.

use super::*;

#[test]
fn what_nobody_knows_errs_towards_a_challenge() {
    use Decision::{Allow, Challenge, Deny};
    let in_norway: (&[&str], &[&str]) = (&["norway"], &[]);
    let not_in_norway: (&[&str], &[&str]) = (&[], &["norway"]);
    for ((include, exclude), access, require_factor, country, want) in [
        (in_norway, Access::Allow, false, Some("NO"), ("r", Allow)),
        (in_norway, Access::Allow, false, Some("SE"), ("rest", Allow)),
        (in_norway, Access::Allow, false, None, ("rest", Allow)),
        (in_norway, Access::Allow, true, None, ("r", Challenge)),
        (in_norway, Access::Deny, false, Some("NO"), ("r", Deny)),
        (in_norway, Access::Deny, false, None, ("r", Challenge)),
        (not_in_norway, Access::Allow, false, None, ("rest", Allow)),
        (not_in_norway, Access::Deny, false, Some("SE"), ("r", Deny)),
        (not_in_norway, Access::Deny, false, Some("NO"), ("rest", Allow)),
        (not_in_norway, Access::Deny, false, None, ("r", Challenge)),
    ] {
        let mut world = somewhere(include, exclude, access, require_factor);
        world.place.country = country.map(str::to_owned);
        let got = world.decide();
        assert_eq!(
            (got.rule.unwrap().id.as_str(), got.decision),
            want,
            "{include:?} {exclude:?} {access:?} {country:?}"
        );
        let network = got.explanation[0]
            .conditions
            .iter()
            .find(|it| it.condition == "network")
            .unwrap();
        assert_eq!(network.unknown, country.is_none());
    }
}

#[test]
fn an_expression_that_fails_lets_nobody_pass() {
    use Decision::{Allow, Challenge, Deny};
    for (source, access, require_factor, want) in [
        ("security.risk.level == 'LOW'", Access::Deny, false, ("r", Deny)),
        ("security.risk.level == 'HIGH'", Access::Deny, false, ("rest", Allow)),
        ("1 / security.risk.score == 1", Access::Allow, false, ("rest", Allow)),
        ("1 / security.risk.score == 1", Access::Allow, true, ("r", Challenge)),
        ("1 / security.risk.score == 1", Access::Deny, false, ("r", Challenge)),
    ] {
        let mut world = somewhere(&[], &[], access, require_factor);
        world.rules[0].conditions.network = NetworkCondition::default();
        world.rules[0].conditions.expression = Some(source.to_owned());
        let got = world.decide();
        assert_eq!((got.rule.unwrap().id.as_str(), got.decision), want, "{source} {access:?}");
        let asked = got.explanation[0].conditions.last().unwrap();
        assert_eq!((asked.condition, asked.asks.as_str()), ("elCondition", source));
    }
}

#[test]
fn expressions_look_at_everything_that_conditions_do() {
    let mut world = one_rule(RuleConditions {
        expression: Some(
            "security.risk.level == 'MEDIUM' && security.risk.score == 55 && security.behaviors == ['behaviour bhv2'] && user.id == '00u1' \
             && user.groups == ['00g1'] && device.known && request.ip == '203.0.113.7' && request.country == 'NO' \
             && request.region == 'NO-03' && request.asn == 2119 && app == 'payroll'"
                .to_owned(),
        ),
        ..RuleConditions::default()
    });
    world.assessment = assessment(
        RiskLevel::Medium,
        &[("bhv1", BehaviorResult::Negative), ("bhv2", BehaviorResult::Unknown)],
    );
    world.assessment.score = 55;
    world.assessment.familiar.device = Some(true);
    world.application = Some("payroll");
    world.place = Place {
        country: Some("NO".to_owned()),
        region: Some("NO-03".to_owned()),
        asn: Some(2_119),
        ..Place::default()
    };
    assert!(answer(&world, "elCondition"));
}
