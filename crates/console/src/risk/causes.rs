//! What speaks against somebody, as rows with a picture of how it fades.

use std::time::Duration;

use watchfire_app::identity::entity_risk::{CauseExplanation, Explanation};
use watchfire_model::{
    object::{CauseKind, CauseSource},
    time::Timestamp,
};

use super::{nats, words};
use crate::system_log::shown;

/// Below this a cause no longer counts, in millinats.
const LEAST: f64 = 50.0;
/// Half-lives that the picture covers.
const HALF_LIVES: u32 = 4;
/// The picture's units.
const WIDTH: f64 = 160.0;
const HEIGHT: f64 = 40.0;
const POINTS: u32 = 16;
/// The tallest strength that a picture shows, in nats.
const TALLEST: f64 = 5.0;

/// A row.
#[derive(Debug)]
pub(super) struct CauseRow {
    pub(super) kind: &'static str,
    pub(super) title: &'static str,
    pub(super) source: String,
    pub(super) reason: String,
    pub(super) since: String,
    pub(super) strength: String,
    pub(super) strength_now: String,
    pub(super) counts: bool,
    /// In which time half of it goes; empty for what stays.
    pub(super) half_life: String,
    /// From when it no longer counts; empty for what stays.
    pub(super) until: String,
    pub(super) cleared_by: Vec<&'static str>,
    pub(super) curve: Curve,
}

/// The strength over time.
#[derive(Debug)]
pub(super) struct Curve {
    /// `x,y x,y …`
    pub(super) points: String,
    /// Where it is now.
    pub(super) x: String,
    pub(super) y: String,
    /// Where MEDIUM and HIGH begin.
    pub(super) medium: String,
    pub(super) high: String,
}

pub(super) fn rows(explanation: &Explanation<'_>, now: Timestamp) -> Vec<CauseRow> {
    explanation.causes.iter().map(|it| row(it, now)).collect()
}

fn row(it: &CauseExplanation<'_>, now: Timestamp) -> CauseRow {
    let cause = it.cause;
    CauseRow {
        kind: cause.kind.as_str(),
        title: words::cause(cause.kind),
        source: source(&cause.source, cause.kind),
        reason: shown(cause.reason.as_deref().unwrap_or_default()),
        since: cause.since.to_string(),
        strength: nats(cause.millinats),
        strength_now: nats(it.millinats_now),
        counts: it.counts,
        half_life: cause.half_life.map(words::length).unwrap_or_default(),
        until: cause
            .half_life
            .and_then(|half_life| faded_at(cause.since, cause.millinats, half_life))
            .map(|at| at.to_string())
            .unwrap_or_default(),
        cleared_by: it.cleared_by.iter().map(|remedy| words::remedy(*remedy)).collect(),
        curve: Curve::new(cause.millinats, cause.half_life, now.since(cause.since)),
    }
}

fn source(source: &CauseSource, kind: CauseKind) -> String {
    match source {
        CauseSource::Provider { issuer, .. } => shown(issuer),
        CauseSource::Administrator => "An administrator".to_owned(),
        CauseSource::Engine if kind == CauseKind::NotMe => "The user".to_owned(),
        CauseSource::Engine => "The risk engine".to_owned(),
    }
}

/// When less than the least is left.
fn faded_at(since: Timestamp, millinats: i32, half_life: Duration) -> Option<Timestamp> {
    let halvings = (f64::from(millinats) / LEAST).log2();
    let seconds = half_life.as_secs_f64() * halvings;
    Duration::try_from_secs_f64(seconds).ok().map(|after| since.plus(after))
}

impl Curve {
    fn new(millinats: i32, half_life: Option<Duration>, age: Duration) -> Self {
        let strength = f64::from(millinats) / 1_000.0;
        let span = f64::from(HALF_LIVES);
        let at = |halvings: f64| match half_life {
            Some(_) => strength * (-halvings).exp2(),
            None => strength,
        };
        let points = (0..=POINTS).map(|point| {
            let halvings = f64::from(point) / f64::from(POINTS) * span;
            format!("{:.1},{:.1}", x(halvings / span), y(at(halvings)))
        });
        let past = half_life.map_or(0.0, |half_life| age.as_secs_f64() / half_life.as_secs_f64().max(1.0));
        let past = past.min(span);
        Self {
            points: points.collect::<Vec<_>>().join(" "),
            x: format!("{:.1}", x(past / span)),
            y: format!("{:.1}", y(at(past))),
            medium: format!("{:.1}", y(1.5)),
            high: format!("{:.1}", y(3.5)),
        }
    }
}

fn x(share: f64) -> f64 {
    3.0 + share * (WIDTH - 6.0)
}

fn y(nats: f64) -> f64 {
    HEIGHT - 3.0 - (nats.clamp(0.0, TALLEST) / TALLEST) * (HEIGHT - 6.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_fades_says_when_it_is_gone_and_one_that_stays_does_not() {
        let day = Duration::from_secs(86_400);
        let since = Timestamp::from_seconds(0);
        assert_eq!(faded_at(since, 200, day), Some(Timestamp::from_seconds(2 * 86_400)));
        let fades = Curve::new(4_000, Some(day), day);
        let stays = Curve::new(4_000, None, day);
        assert!(fades.points.starts_with("3.0,9.8 "), "{}", fades.points);
        assert!(fades.points.ends_with("157.0,35.3"), "{}", fades.points);
        assert_eq!((fades.x.as_str(), fades.y.as_str()), ("41.5", "23.4"));
        assert!(stays.points.ends_with("157.0,9.8"), "{}", stays.points);
    }
}
