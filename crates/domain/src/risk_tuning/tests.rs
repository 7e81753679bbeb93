use watchfire_model::object::ThresholdTuning;

use super::*;
use crate::testing::{NOW, decide};

fn slice(learn: bool) -> Slice {
    let mut slice = Slice::default();
    slice.insert(
        RiskTuning {
            thresholds: ThresholdTuning {
                learn,
                ..ThresholdTuning::default()
            },
            ..RiskTuning::default()
        }
        .into(),
    );
    slice
}

fn fit(slice: &Slice, day: i64) -> Option<ThresholdLearning> {
    let command = FitThresholds {
        day: EvidenceDay {
            day,
            bins: [(-50, 1_000)].into(),
        },
        set: Settings::default(),
    };
    decide(&command, slice).outcome.unwrap()
}

/// A keeper that was away must not move them several steps at once.
#[test]
fn only_the_day_before_is_learnt_and_only_once() {
    let yesterday = day_of(NOW) - 1;
    let mut slice_of = slice(true);
    for other in [yesterday - 1, yesterday + 1, yesterday + 2] {
        assert_eq!(fit(&slice_of, other), None);
    }
    let learnt = fit(&slice_of, yesterday).unwrap();
    slice_of.insert(learnt.into());
    assert_eq!(fit(&slice_of, yesterday), None);
    assert_eq!(fit(&slice(false), yesterday), None);
}
