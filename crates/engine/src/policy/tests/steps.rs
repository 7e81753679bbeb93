//! What the expressions of all rules together may take.

use super::*;
use crate::policy::expression::Expression;

const COSTLY: &str = "user.groups.exists(g, g == '00gNobody')";

fn with_expression(id: &str, priority: u32, source: &str, require_factor: bool) -> Rule {
    let conditions = RuleConditions {
        expression: Some(source.to_owned()),
        ..RuleConditions::default()
    };
    let action = SignOnAction {
        require_factor,
        ..SignOnAction::default()
    };
    Rule {
        action,
        ..rule("p", id, priority, conditions)
    }
}

/// A hundred rules that are cheap enough each must not keep everybody else waiting together.
#[test]
fn all_expressions_of_one_evaluation_together_are_bounded() {
    let cost = Expression::compile(COSTLY).unwrap().steps();
    let mut rules: Vec<Rule> = (1..=100)
        .map(|n| with_expression(&format!("r{n:03}"), n, COSTLY, false))
        .collect();
    rules.push(with_expression("last", 101, "true", true));
    let mut world = World::new(vec![policy("p", 1, &[])], rules);
    world.expression_steps = cost * 10 + 3;
    let decided = world.decide();
    let unknown = |it: &RuleExplanation| it.conditions.iter().any(|condition| condition.unknown);
    let asked: Vec<bool> = decided.explanation.iter().map(unknown).collect();
    assert_eq!(asked.iter().position(|is_unknown| *is_unknown), Some(10));
    assert_eq!(asked.iter().filter(|is_unknown| **is_unknown).count(), 90);
    // The last one is cheap: what is left is enough for it.
    assert_eq!(
        (decided.decision, decided.rule.unwrap().id.as_str()),
        (Decision::Challenge, "last")
    );
    world.expression_steps = 0;
    let decided = world.decide();
    assert_eq!(
        decided.decision,
        Decision::Challenge,
        "a rule that challenges takes what is not known for true"
    );
}

/// Else the same sign-in would be decided otherwise when it is replayed.
#[test]
fn the_bound_is_kept_with_the_policies_of_the_time() {
    let mut world = one_rule(RuleConditions::default());
    let first = world.set().snapshot(&world.set().revision(), NOW);
    assert_eq!(PolicySet::of(&first).expression_steps, 50_000);
    world.expression_steps = 7;
    assert_ne!(first.revision, world.set().revision());
}
