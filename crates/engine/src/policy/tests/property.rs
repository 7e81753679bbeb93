//! Whatever the rules: the first one that matches decides.

use proptest::prelude::*;

use super::*;

fn conditions() -> impl Strategy<Value = RuleConditions> {
    let level = prop::option::of(prop::sample::select(vec![
        RiskScoreLevel::Any,
        RiskScoreLevel::Low,
        RiskScoreLevel::High,
    ]));
    let zones = prop::collection::vec(prop::sample::select(vec!["nzo1", "norway", ALL_ZONES, "gone"]), 0..3);
    let expression = prop::option::of(prop::sample::select(vec![
        "device.known",
        "security.risk.score > 50",
        "1 / security.risk.score > 0",
        "no expression",
    ]));
    (level, zones.clone(), zones, prop::option::of(any::<bool>()), expression).prop_map(
        |(risk_score, include, exclude, device_known, expression)| RuleConditions {
            risk_score,
            network: NetworkCondition {
                connection: if include.is_empty() && exclude.is_empty() {
                    NetworkConnection::Anywhere
                } else {
                    NetworkConnection::Zone
                },
                include: include.into_iter().map(str::to_owned).collect(),
                exclude: exclude.into_iter().map(str::to_owned).collect(),
            },
            device_known,
            expression: expression.map(str::to_owned),
            ..RuleConditions::default()
        },
    )
}

fn any_rule() -> impl Strategy<Value = (RuleConditions, u32, bool, bool, bool)> {
    (conditions(), 1_u32..6, any::<bool>(), any::<bool>(), any::<bool>())
}

proptest! {
    /// Every sign-in gets one decision, of the first rule by priority that matched and that decides, and
    /// everything before it is explained. What is not known never allows.
    #[test]
    fn the_first_rule_that_matches_decides(
        rules in prop::collection::vec(any_rule(), 0..8),
        score in 0_u8..=100,
        device in prop::option::of(any::<bool>()),
        country in prop::option::of(prop::sample::select(vec!["NO", "SE"])),
    ) {
        let mut world = somewhere(&[], &[], Access::Allow, false);
        world.rules.clear();
        for (n, (conditions, priority, denies, challenges, watches)) in rules.into_iter().enumerate() {
            let mut rule = rule("p", &format!("r{n}"), priority, conditions);
            rule.action.access = if denies { Access::Deny } else { Access::Allow };
            rule.action.require_factor = challenges;
            rule.mode = if watches { RuleMode::Monitor } else { RuleMode::Enforce };
            world.rules.push(rule);
        }
        world.assessment.score = score;
        world.assessment.familiar.device = device;
        world.place.country = country.map(str::to_owned);
        let got = world.decide();
        prop_assert_eq!(&got, &world.decide());

        let mut in_order: Vec<&Rule> = world.rules.iter().collect();
        in_order.sort_by_key(|rule| (rule.priority, &rule.id));
        let asked: Vec<&RuleId> = got.explanation.iter().map(|it| &it.id).collect();
        prop_assert!(in_order.iter().take(asked.len()).map(|rule| &rule.id).eq(asked.iter().copied()));
        let decides = |it: &RuleExplanation| it.matched && it.mode == RuleMode::Enforce;
        let first = got.explanation.iter().position(decides);
        prop_assert_eq!(first.map(|at| at + 1), got.rule.as_ref().map(|_| got.explanation.len()));
        match &got.rule {
            None => {
                prop_assert_eq!(got.decision, Decision::Deny);
                prop_assert_eq!(got.explanation.len(), world.rules.len());
            }
            Some(rule) => prop_assert_eq!(&rule.id, &got.explanation.last().unwrap().id),
        }
        let rests_on_the_unknown = got.explanation.last().is_some_and(|it| it.conditions.iter().any(|c| c.unknown));
        if got.rule.is_some() && rests_on_the_unknown {
            prop_assert_eq!(got.decision, Decision::Challenge);
        }
        for condition in got.explanation.iter().flat_map(|it| &it.conditions) {
            prop_assert!(!condition.asks.is_empty() && !condition.got.is_empty(), "{:?}", condition);
        }
    }
}
