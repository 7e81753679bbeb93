//! What a score is made of, as rows whose bars follow each other: each begins where the one before it ended.

use serde_json::Value;

use super::words;
use crate::system_log::shown;

/// The width of the picture in its units.
const WIDTH: f64 = 300.0;

/// A contribution.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) value: String,
    /// How often it had been seen before.
    pub(super) seen: String,
    pub(super) nats: String,
    pub(super) points: String,
    pub(super) source: String,
    /// `None` for a rule, which is no evidence.
    pub(super) bar: Option<Bar>,
}

/// Where a bar is.
#[derive(Debug, PartialEq)]
pub(super) struct Bar {
    pub(super) x: String,
    pub(super) width: String,
    /// Where nothing speaks for or against anybody.
    pub(super) zero: String,
    pub(super) is_against: bool,
}

/// The rows of `factors` as the API has them, the strongest first, then the rules.
pub(super) fn steps(factors: &[Value]) -> Vec<Step> {
    let nats: Vec<Option<f64>> = factors.iter().map(|factor| factor.get("nats")?.as_f64()).collect();
    let mut at = 0.0;
    let mut spans = Vec::with_capacity(nats.len());
    for nats in &nats {
        let from = at;
        at += nats.unwrap_or(0.0);
        spans.push((from, at));
    }
    let least = spans.iter().map(|(_, to)| *to).fold(0.0, f64::min);
    let most = spans.iter().map(|(_, to)| *to).fold(0.0, f64::max);
    let scale = Scale {
        least,
        length: (most - least).max(1.0),
    };
    let rows = factors.iter().zip(nats).zip(spans);
    let (evidence, rules): (Vec<_>, Vec<_>) = rows
        .map(|((factor, nats), span)| step(factor, nats, scale.bar(span)))
        .partition(|step| step.bar.is_some());
    evidence.into_iter().chain(rules).collect()
}

struct Scale {
    least: f64,
    length: f64,
}

impl Scale {
    fn x(&self, nats: f64) -> f64 {
        (nats - self.least) / self.length * WIDTH
    }

    fn bar(&self, (from, to): (f64, f64)) -> Bar {
        let (left, right) = (self.x(from.min(to)), self.x(from.max(to)));
        Bar {
            x: format!("{left:.1}"),
            // What weighs little is still seen.
            width: format!("{:.1}", (right - left).max(1.5)),
            zero: format!("{:.1}", self.x(0.0)),
            is_against: to >= from,
        }
    }
}

fn step(factor: &Value, nats: Option<f64>, bar: Bar) -> Step {
    let text = |name: &str| factor.get(name).and_then(Value::as_str).unwrap_or_default();
    let source = factor.get("source");
    let of_source = |name: &str| source.and_then(|source| source.get(name)).and_then(Value::as_str);
    Step {
        name: words::factor(text("factor")).to_owned(),
        value: shown(text("value")),
        seen: text("seen").to_owned(),
        nats: nats.map(|nats| format!("{nats:+.2}")).unwrap_or_default(),
        points: factor
            .get("points")
            .and_then(Value::as_i64)
            .map(|points| format!("{points:+}"))
            .unwrap_or_default(),
        source: match of_source("name") {
            Some(name) => shown(name),
            None => words::source(of_source("type").unwrap_or_default()).to_owned(),
        },
        bar: nats.map(|_| bar),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_bar_begins_where_the_one_before_it_ended() {
        let factor =
            |nats: f64| json!({"factor": "ip", "value": "192.0.2.1", "nats": nats, "points": 5, "source": {"type": "history"}});
        let rule = json!({"factor": "cold_start", "value": "0 sign-ins", "points": 40, "source": {"type": "history"}});
        let steps = steps(&[factor(4.0), rule, factor(-1.0), factor(3.0)]);
        let bars: Vec<(&str, &str, bool)> = steps
            .iter()
            .filter_map(|step| step.bar.as_ref())
            .map(|bar| (bar.x.as_str(), bar.width.as_str(), bar.is_against))
            .collect();
        assert_eq!(
            bars,
            [("0.0", "200.0", true), ("150.0", "50.0", false), ("150.0", "150.0", true)]
        );
        let rule = steps.last().unwrap();
        assert_eq!(
            (rule.bar.as_ref(), rule.nats.as_str(), rule.points.as_str()),
            (None, "", "+40")
        );
        assert_eq!(steps[0].nats, "+4.00");
        assert!(super::steps(&[]).is_empty());
    }

    #[test]
    fn what_speaks_for_the_user_goes_to_the_left_of_nothing() {
        let steps =
            steps(&[json!({"factor": "network", "value": "AS1", "nats": -2.0, "points": -3, "source": {"type": "history"}})]);
        let bar = steps[0].bar.as_ref().unwrap();
        assert_eq!(
            (bar.x.as_str(), bar.width.as_str(), bar.zero.as_str(), bar.is_against),
            ("0.0", "300.0", "300.0", false)
        );
    }
}
