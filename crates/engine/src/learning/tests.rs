use proptest::prelude::*;
use watchfire_model::{
    object::{EvidenceDay, ProviderLabels, ProviderTuning, ThresholdLearning, ThresholdTuning},
    signal::RiskLevel,
    time::Timestamp,
};

use super::*;
use crate::model::{Settings, evidence_of, score};

const HIGH: RiskLevel = RiskLevel::High;
const ONE: u64 = 1_000;

fn day(day: i64) -> Timestamp {
    Timestamp::from_seconds(day * 86_400 + 40_000)
}

fn tuning() -> ProviderTuning {
    ProviderTuning::default()
}

fn now(labels: &ProviderLabels, at: i64) -> u32 {
    trust(&tuning(), Some(labels), HIGH, day(at))
}

#[test]
fn without_labels_the_trust_is_the_one_that_was_set() {
    for set in [0, 123_456, 400_000, 700_000, 1_000_000] {
        let tuning = ProviderTuning { trust: set, ..tuning() };
        for level in [RiskLevel::High, RiskLevel::Medium, RiskLevel::Low] {
            assert_eq!(trust(&tuning, None, level, day(100)), set);
            assert_eq!(target(&tuning, &ProviderLabels::default(), level), set, "{level:?}");
        }
    }
}

/// risk-engine.md 5.6: it says HIGH of everything, and is believed less from day to day.
#[test]
fn a_lying_provider_loses_its_trust_a_step_a_day() {
    let mut labels = ProviderLabels::default();
    let mut before = 700_000;
    for today in 100..110 {
        for _ in 0..50 {
            count(&mut labels, &tuning(), (Some(HIGH), false), ONE, day(today));
            let trust = now(&labels, today);
            assert!(before - trust <= DAILY_STEP, "day {today}: {before} to {trust}");
        }
        before = now(&labels, today);
    }
    assert_eq!(before, 0);
}

#[test]
fn a_provider_that_is_right_is_believed_more() {
    let mut labels = ProviderLabels::default();
    for today in 100..105 {
        count(&mut labels, &tuning(), (Some(HIGH), true), ONE, day(today));
        count(&mut labels, &tuning(), (None, false), ONE, day(today));
    }
    assert!(now(&labels, 105) > 850_000, "{}", now(&labels, 105));
}

/// One label moves it on, day by day, although nobody labels anything any more.
#[test]
fn it_moves_by_the_day_towards_what_labels_want() {
    let mut labels = ProviderLabels::default();
    for _ in 0..100 {
        count(&mut labels, &tuning(), (Some(HIGH), false), ONE, day(100));
    }
    let days: Vec<u32> = (100..109).map(|at| now(&labels, at)).collect();
    assert_eq!(days, [600_000, 500_000, 400_000, 300_000, 200_000, 100_000, 0, 0, 0]);
    // A clock that goes back gives no more than a day's step.
    assert_eq!(now(&labels, 50), 600_000);
}

#[test]
fn an_administrators_setting_wins_or_bounds_it() {
    let mut labels = ProviderLabels::default();
    for at in 0..500 {
        count(&mut labels, &tuning(), (Some(HIGH), false), ONE, day(100 + at / 50));
    }
    let fixed = ProviderTuning {
        learn: false,
        ..tuning()
    };
    assert_eq!(trust(&fixed, Some(&labels), HIGH, day(200)), 700_000);
    let bounded = ProviderTuning {
        least: 300_000,
        ..tuning()
    };
    assert_eq!(trust(&bounded, Some(&labels), HIGH, day(200)), 300_000);
    // Set anew, it begins there, whatever was learnt, and moves again from the next day on.
    let anew = ProviderTuning {
        trust: 900_000,
        ..tuning()
    };
    set_anew(&mut labels, day(200));
    assert_eq!(trust(&anew, Some(&labels), HIGH, day(200)), 800_000);
    assert_eq!(trust(&anew, Some(&labels), HIGH, day(201)), 700_000);
}

#[test]
fn a_label_that_is_taken_back_leaves_nothing() {
    let mut labels = ProviderLabels::default();
    for at in 0..7 {
        count(&mut labels, &tuning(), (Some(HIGH), at % 3 == 0), ONE, day(100 + at));
    }
    let (before, trusted) = (labels, now(&labels, 107));
    count(&mut labels, &tuning(), (Some(HIGH), true), ONE, day(107));
    assert_ne!(now(&labels, 107), trusted);
    uncount(&mut labels, &tuning(), (Some(HIGH), true), ONE, day(107));
    assert_eq!(now(&labels, 107), trusted);
    assert_eq!((labels.attacks, labels.honest), (before.attacks, before.honest));
    assert_eq!(labels.high.attacks, before.high.attacks);
}

proptest! {
    #[test]
    fn whatever_is_labelled_a_day_moves_it_one_step_and_stays_in_bounds(
        steps in prop::collection::vec((0_i64..40, any::<bool>(), 0_u8..4, any::<bool>(), 1_u64..2_000), 0..60),
        least in 0_u32..500_000, most in 700_000_u32..1_000_000,
    ) {
        let tuning = ProviderTuning { least, most, ..tuning() };
        let mut labels = ProviderLabels::default();
        let mut today = 100;
        let mut reached = tuning.trust;
        for (days, attack, level, back, weight) in steps {
            let level = [Some(HIGH), Some(RiskLevel::Medium), Some(RiskLevel::Low), None][usize::from(level)];
            today += days / 10;
            let yesterday = trust(&tuning, Some(&labels), HIGH, day(today - 1));
            let change = if back { uncount } else { count };
            change(&mut labels, &tuning, (level, attack), weight, day(today));
            let trusted = trust(&tuning, Some(&labels), HIGH, day(today));
            prop_assert!((least..=most).contains(&trusted));
            if days >= 10 {
                reached = yesterday;
            }
            prop_assert!(trusted.abs_diff(reached) <= DAILY_STEP, "{trusted} {reached}");
        }
    }

    #[test]
    fn any_evidence_has_its_bin(evidence in any::<f64>()) {
        prop_assert!((-200..=200).contains(&bin_of(evidence)));
    }
}

fn learning_thresholds() -> ThresholdTuning {
    ThresholdTuning {
        learn: true,
        ..ThresholdTuning::default()
    }
}

/// A thousand honest sign-ins, a tenth of them with this much evidence.
fn evidence(day: i64, high: f64) -> EvidenceDay {
    EvidenceDay {
        day,
        bins: [(bin_of(-5.0), 900), (bin_of(high), 100)].into(),
    }
}

#[test]
fn points_and_evidence_are_one_another() {
    for points in 1..=99 {
        assert_eq!(score(evidence_of(points)), points);
    }
}

#[test]
fn thresholds_move_half_a_nat_a_day_and_no_further_than_they_may() {
    let set = Settings::default();
    for (high, wanted) in [(9.0, (55, 85)), (-9.0, (25, 55))] {
        let mut learnt = ThresholdLearning::default();
        let (mut medium, mut days) = (1_335_i64, 0);
        for day in 100..160 {
            let next = fit(&learnt, evidence(day, high), &learning_thresholds(), &set);
            let now = next.medium.unwrap();
            assert!((now - medium).abs() <= STEP_MILLINATS, "{medium} to {now}");
            medium = now;
            days = next.days.len();
            learnt = next;
        }
        assert_eq!(days, 30);
        let now = in_effect(set, &learning_thresholds(), Some(&learnt));
        assert_eq!((now.medium, now.high), wanted);
        // Off, they are what the operator has set.
        assert_eq!(in_effect(set, &ThresholdTuning::default(), Some(&learnt)), set);
    }
}

#[test]
fn thresholds_go_where_the_wanted_share_lies_above() {
    let set = Settings::default();
    // 6 % are above 1, 2.5 % above 2 and half a percent above 4.
    let day = |day| EvidenceDay {
        day,
        bins: [(bin_of(-4.0), 940), (bin_of(1.0), 35), (bin_of(2.0), 20), (bin_of(4.0), 5)].into(),
    };
    let mut learnt = ThresholdLearning::default();
    for at in 100..104 {
        learnt = fit(&learnt, day(at), &learning_thresholds(), &set);
    }
    // With the next bin there would be too many.
    assert_eq!((learnt.medium, learnt.high), (Some(2_000), Some(4_000)));
}

#[test]
fn of_few_sign_ins_nothing_is_learnt() {
    let few = EvidenceDay {
        day: 100,
        bins: [(bin_of(8.0), 400)].into(),
    };
    let set = Settings::default();
    let learnt = fit(&ThresholdLearning::default(), few, &learning_thresholds(), &set);
    assert_eq!(in_effect(set, &learning_thresholds(), Some(&learnt)), set);
}
