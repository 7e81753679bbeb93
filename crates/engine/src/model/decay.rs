//! Forward decay: weights grow with the time at which they are given, so that a read needs one
//! multiplication whatever the number of sign-ins (Cormode et al., 2009).

use std::time::Duration;

use watchfire_model::time::Timestamp;

use crate::number::real;

const DAY: Duration = Duration::from_secs(86_400);
/// Half of what a user did so long ago is forgotten.
pub(crate) const USER_HALF_LIFE: Duration = DAY.saturating_mul(90);
/// Half of what the population did so long ago is forgotten.
pub(crate) const POPULATION_HALF_LIFE: Duration = DAY.saturating_mul(30);
/// A landmark this many half-lives back is moved.
const MOST_HALF_LIVES: f64 = 16.0;

/// The point in time at which a weight of one is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Landmark(pub(crate) Timestamp);

impl Landmark {
    /// The weight of something that happens at `at`.
    pub(crate) fn weight(self, at: Timestamp, half_life: Duration) -> f64 {
        libm::exp2(self.half_lives(at, half_life).clamp(-60.0, 60.0))
    }

    /// By what weights are multiplied to be counts at `now`.
    pub(crate) fn to_counts(self, now: Timestamp, half_life: Duration) -> f64 {
        libm::exp2((-self.half_lives(now, half_life)).min(60.0))
    }

    /// The landmark for a weight at `at`, and by what older weights are multiplied for it, when this
    /// one is too far back.
    pub(crate) fn moved(self, at: Timestamp, half_life: Duration) -> Option<(Self, f64)> {
        let behind = self.half_lives(at, half_life);
        (behind > MOST_HALF_LIVES).then(|| (Self(at), libm::exp2(-behind)))
    }

    fn half_lives(self, at: Timestamp, half_life: Duration) -> f64 {
        let micros = |duration: Duration| real(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        (micros(at.since(self.0)) - micros(self.0.since(at))) / micros(half_life)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: i64) -> Timestamp {
        Timestamp::from_seconds(days * 86_400)
    }

    #[test]
    fn a_half_life_later_it_is_half_and_a_moved_landmark_changes_nothing() {
        let landmark = Landmark(days(100));
        let weight = landmark.weight(days(130), USER_HALF_LIFE);
        let count = |landmark: Landmark, weight: f64, at| weight * landmark.to_counts(at, USER_HALF_LIFE);
        assert!((count(landmark, weight, days(130)) - 1.0).abs() < 1e-12);
        assert!((count(landmark, weight, days(220)) - 0.5).abs() < 1e-12);

        let (moved, factor) = landmark.moved(days(2_000), USER_HALF_LIFE).unwrap();
        let (before, after) = (
            count(landmark, weight, days(2_000)),
            count(moved, weight * factor, days(2_000)),
        );
        assert!((before - after).abs() < 1e-12 * before);
        assert_eq!(landmark.moved(days(101), USER_HALF_LIFE), None);
    }

    #[test]
    fn absurd_times_give_numbers() {
        for (landmark, at) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, i64::MAX), (0, i64::MIN)] {
            let landmark = Landmark(Timestamp::from_micros(landmark));
            let at = Timestamp::from_micros(at);
            assert!(landmark.weight(at, USER_HALF_LIFE).is_finite());
            assert!(landmark.to_counts(at, USER_HALF_LIFE).is_finite());
        }
    }
}
