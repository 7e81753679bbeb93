//! Decay, levels, scores, transitions, and the policy.

use std::time::Duration;

use proptest::prelude::*;
use watchfire_model::{
    id::{EntityRiskPolicyId, EntityRiskRuleId, GroupId, SecurityEventsProviderId, UserId},
    object::{
        CauseSource, Detection, DetectionCondition, EntityRiskAction, EntityRiskConditions, EntityRiskRule, LogoutSelection,
        Status,
    },
};

use super::*;

const T0: Timestamp = Timestamp::from_seconds(1_800_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn cause(kind: CauseKind, millinats: i32, half_life: Option<Duration>) -> Cause {
    Cause {
        kind,
        source: CauseSource::Provider {
            id: SecurityEventsProviderId::new("sse1"),
            issuer: "https://idp.example".to_owned(),
        },
        millinats,
        half_life,
        since: T0,
        reason: None,
        receipt: None,
        transaction: None,
        step_ups: 0,
    }
}

#[test]
fn half_is_left_after_each_half_life() {
    let stated = cause(CauseKind::UserRisk, 4_000, Some(7 * DAY));
    for (age, left) in [
        (Duration::ZERO, 4_000),
        (7 * DAY, 2_000),
        (14 * DAY, 1_000),
        (21 * DAY, 500),
        // 4000 * 2^(-1/7) = 3622.8…, cut off.
        (DAY, 3_622),
    ] {
        assert_eq!(strength(&stated, T0.plus(age)), left, "{age:?}");
    }
    assert_eq!(strength(&stated, T0.minus(DAY)), 4_000, "a clock that is ahead");
    assert_eq!(strength(&cause(CauseKind::SignIn, 900, None), T0.plus(3_650 * DAY)), 900);
    assert_eq!(
        strength(&cause(CauseKind::SignIn, 900, Some(Duration::ZERO)), T0.plus(DAY)),
        0
    );
}

/// ssf.md annex B: >= 3.5 HIGH, >= 1.5 MEDIUM, > 0 LOW.
#[test]
fn the_level_is_that_of_the_strongest_cause() {
    for (strengths, want) in [
        (&[][..], None),
        (&[49], None),
        (&[50], Some(RiskLevel::Low)),
        (&[1_499, 800], Some(RiskLevel::Low)),
        (&[1_500], Some(RiskLevel::Medium)),
        (&[3_499, 3_499], Some(RiskLevel::Medium)),
        (&[800, 3_500], Some(RiskLevel::High)),
    ] {
        let causes: Vec<Cause> = strengths.iter().map(|s| cause(CauseKind::UserRisk, *s, Some(DAY))).collect();
        assert_eq!(level(&causes, T0), want, "{strengths:?}");
    }
}

#[test]
fn an_administrators_low_is_a_level_until_something_worse_is_said() {
    let low = cause(CauseKind::AdminOverride, -1_000, None);
    assert_eq!(level(std::slice::from_ref(&low), T0), Some(RiskLevel::Low));
    assert_eq!(score(std::slice::from_ref(&low), T0), -1_000);
    assert_eq!(next_transition(std::slice::from_ref(&low), T0), None);
    let stated = cause(CauseKind::UserRisk, 4_000, Some(7 * DAY));
    assert_eq!(
        level(&[low.clone(), stated.clone()], T0),
        Some(RiskLevel::High),
        "stated is taken as stated"
    );
    assert_eq!(score(&[low, stated], T0), 3_000);
}

/// risk-engine.md 5.7: the strongest and half of the second, at most +5.
#[test]
fn the_second_cause_counts_half_and_the_sum_is_capped() {
    let all = |strengths: &[i32]| -> Vec<Cause> { strengths.iter().map(|s| cause(CauseKind::UserRisk, *s, None)).collect() };
    assert_eq!(score(&all(&[]), T0), 0);
    assert_eq!(score(&all(&[800]), T0), 800);
    assert_eq!(score(&all(&[1_500, 2_000, 800]), T0), 2_750);
    assert_eq!(score(&all(&[4_000, 4_000]), T0), 5_000);
}

/// ssf.md annex B: several SETs with one `txn` count once.
#[test]
fn causes_of_one_transaction_are_one() {
    let of = |txn: Option<&str>, issuer: &str, millinats| Cause {
        transaction: txn.map(str::to_owned),
        source: CauseSource::Provider {
            id: SecurityEventsProviderId::new(issuer),
            issuer: issuer.to_owned(),
        },
        ..cause(CauseKind::UserRisk, millinats, None)
    };
    assert_eq!(score(&[of(Some("t"), "a", 2_000), of(Some("t"), "a", 1_000)], T0), 2_000);
    assert_eq!(score(&[of(Some("t"), "a", 2_000), of(Some("u"), "a", 1_000)], T0), 2_500);
    assert_eq!(
        score(&[of(Some("t"), "a", 2_000), of(Some("t"), "b", 1_000)], T0),
        2_500,
        "one sender cannot hide another's word behind its own transaction"
    );
    assert_eq!(score(&[of(None, "a", 2_000), of(None, "a", 1_000)], T0), 2_500);
}

#[test]
fn an_explanation_names_what_counts_and_what_would_end_it() {
    let causes = [
        cause(CauseKind::CredentialChange, 49, None),
        cause(CauseKind::UserRisk, 4_000, Some(7 * DAY)),
        cause(CauseKind::SessionRevoked, 1_500, Some(DAY)),
    ];
    let explained = explain(&causes, T0);
    let kinds: Vec<_> = explained
        .causes
        .iter()
        .map(|it| (it.cause.kind, it.millinats_now, it.counts))
        .collect();
    assert_eq!(
        kinds,
        [
            (CauseKind::UserRisk, 4_000, true),
            (CauseKind::SessionRevoked, 1_500, true),
            (CauseKind::CredentialChange, 49, false)
        ]
    );
    assert_eq!(explained.causes[0].cleared_by[0], Remedy::SameProvider);
    assert!(explained.causes[1].cleared_by.contains(&Remedy::SecondFactor));
    assert_eq!((explained.level, explained.score_millinats), (Some(RiskLevel::High), 4_750));
    // 7 d * log2(4 / 3.5)
    let hours = explained.next_transition.map(|at| at.since(T0).as_secs() / 3_600);
    assert_eq!(hours, Some(32));
}

#[test]
fn an_administrator_can_end_every_cause() {
    for kind in CauseKind::ALL {
        for millinats in [800, 4_000] {
            assert!(
                remedies(&cause(kind, millinats, None)).contains(&Remedy::Administrator),
                "{kind:?}"
            );
        }
        assert_eq!(CauseKind::parse(kind.as_str()), Some(kind));
        assert_eq!(serde_json::to_value(kind).expect("a name"), kind.as_str());
    }
}

proptest! {
    #[test]
    fn nothing_grows_with_time(millinats in -5_000..10_000_i32, half_life in 1..400_000_u64, ages in proptest::array::uniform2(0..40_000_000_u64)) {
        let fading = cause(CauseKind::UserRisk, millinats, Some(Duration::from_secs(half_life)));
        let left = |age: u64| strength(&fading, T0.plus(Duration::from_secs(age)));
        let (early, late) = (left(ages[0].min(ages[1])), left(ages[0].max(ages[1])));
        prop_assert!(late.abs() <= early.abs());
        prop_assert!(early.signum() * millinats.signum() >= 0);
    }

    #[test]
    fn the_score_stays_within_its_cap(strengths in proptest::collection::vec(-1_000..20_000_i32, 0..6)) {
        let causes: Vec<Cause> = strengths.iter().map(|s| cause(CauseKind::UserRisk, *s, Some(DAY))).collect();
        let strongest = strengths.iter().copied().max().unwrap_or(0).max(0);
        let score = score(&causes, T0);
        prop_assert!(score <= MAX_SCORE_MILLINATS);
        prop_assert!(score >= -6_000);
        if strengths.iter().all(|s| *s >= 0) && strongest >= LEAST_MILLINATS {
            prop_assert!(score >= strongest.min(MAX_SCORE_MILLINATS));
        }
    }

    #[test]
    fn a_level_changes_at_its_transition_and_not_before(
        causes in proptest::collection::vec((50..6_000_i32, 1..2_000_000_u64), 1..5),
        age in 0..2_000_000_u64,
    ) {
        let causes: Vec<Cause> = causes
            .into_iter()
            .map(|(millinats, half_life)| cause(CauseKind::UserRisk, millinats, Some(Duration::from_secs(half_life))))
            .collect();
        let now = T0.plus(Duration::from_secs(age));
        let current = level(&causes, now);
        match next_transition(&causes, now) {
            None => prop_assert_eq!(current, None),
            Some(at) => {
                prop_assert!(at > now);
                prop_assert_eq!(level(&causes, at.minus(Duration::from_micros(1))), current);
                prop_assert!(level(&causes, at) < current);
            }
        }
    }
}

fn rule(name: &str, priority: u32, conditions: EntityRiskConditions) -> EntityRiskRule {
    EntityRiskRule {
        id: EntityRiskRuleId::new(format!("rul{name}")),
        policy_id: EntityRiskPolicyId::new("rst1"),
        name: name.to_owned(),
        status: Status::Active,
        priority,
        system: false,
        conditions,
        actions: vec![EntityRiskAction::TerminateAllSessions {
            universal_logout: LogoutSelection::None,
        }],
        created: T0,
        last_updated: T0,
        last_updated_by: None,
    }
}

fn met(rules: &[EntityRiskRule], level: RiskLevel, detection: Detection) -> Option<String> {
    let rules: Vec<&EntityRiskRule> = rules.iter().collect();
    let subject = Subject {
        user: &UserId::new("00u1"),
        groups: &[GroupId::new("00g1")],
        level,
        detection,
    };
    evaluate(&rules, &subject).rule.map(|rule| rule.name.clone())
}

#[test]
fn the_first_active_rule_whose_conditions_hold_decides() {
    let high = EntityRiskConditions {
        level: Some(RiskLevel::High),
        ..EntityRiskConditions::default()
    };
    let catch_all = EntityRiskRule {
        system: true,
        ..rule("all", 99, EntityRiskConditions::default())
    };
    let mut rules = vec![catch_all, rule("second", 2, high.clone()), rule("first", 1, high)];
    let detection = Detection::AdminReportedUserRisk;
    assert_eq!(met(&rules, RiskLevel::High, detection).as_deref(), Some("first"));
    assert_eq!(met(&rules, RiskLevel::Medium, detection).as_deref(), Some("all"));
    rules[2].status = Status::Inactive;
    assert_eq!(met(&rules, RiskLevel::High, detection).as_deref(), Some("second"));
    assert_eq!(met(&[], RiskLevel::High, detection), None);
}

#[test]
fn conditions_ask_for_people_and_detections() {
    let user = |id: &str| vec![UserId::new(id)];
    let group = |id: &str| vec![GroupId::new(id)];
    let none = EntityRiskConditions::default;
    let provider = Detection::SecurityEventsProviderReportedRisk;
    let only = |include: Vec<Detection>, exclude: Vec<Detection>| EntityRiskConditions {
        detections: DetectionCondition { include, exclude },
        ..none()
    };
    for (conditions, want) in [
        (none(), true),
        (
            EntityRiskConditions {
                included_users: user("00u1"),
                ..none()
            },
            true,
        ),
        (
            EntityRiskConditions {
                included_users: user("00u2"),
                ..none()
            },
            false,
        ),
        (
            EntityRiskConditions {
                included_groups: group("00g1"),
                ..none()
            },
            true,
        ),
        (
            EntityRiskConditions {
                included_users: user("00u2"),
                included_groups: group("00g1"),
                ..none()
            },
            true,
        ),
        (
            EntityRiskConditions {
                excluded_users: user("00u1"),
                ..none()
            },
            false,
        ),
        (
            EntityRiskConditions {
                included_users: user("00u1"),
                excluded_groups: group("00g1"),
                ..none()
            },
            false,
        ),
        (only(vec![provider], vec![]), true),
        (only(vec![Detection::BruteForceAttack], vec![]), false),
        (only(vec![], vec![provider]), false),
        (only(vec![], vec![Detection::BruteForceAttack]), true),
    ] {
        let rules = [rule("r", 1, conditions.clone())];
        assert_eq!(met(&rules, RiskLevel::Low, provider).is_some(), want, "{conditions:?}");
    }
}

#[test]
fn each_condition_is_explained() {
    let conditions = EntityRiskConditions {
        level: Some(RiskLevel::High),
        excluded_users: vec![UserId::new("00u9")],
        ..EntityRiskConditions::default()
    };
    let rule = rule("r", 1, conditions);
    let subject = Subject {
        user: &UserId::new("00u1"),
        groups: &[],
        level: RiskLevel::Low,
        detection: Detection::SuspiciousAppAccess,
    };
    let explanation = evaluate(&[&rule], &subject).explanation;
    let asked: Vec<_> = explanation[0]
        .conditions
        .iter()
        .map(|it| (it.condition, it.asks.as_str(), it.got.as_str(), it.result))
        .collect();
    assert_eq!(
        asked,
        [
            ("people", "everyone, not 00u9", "00u1", true),
            ("entityRisk", "HIGH", "LOW", false),
            ("riskDetectionTypes", "ANY", "SUSPICIOUS_APP_ACCESS", true)
        ]
    );
    assert!(!explanation[0].matched);
}
