//! Counts over time as stacked bars, each of which leads to its time in the log.

use watchfire_app::{insight::overview::Overview, state::HOUR};

use crate::{fields::address, system_log};

/// Bars at the most.
const BARS: usize = 28;
/// Height of the tallest bar in the picture's units.
const HEIGHT: u64 = 60;
/// Width of a bar with the gap behind it.
const STEP: usize = 10;

/// One kind of thing that is counted.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) label: &'static str,
    pub(super) tone: &'static str,
    pub(super) link: String,
    /// An entry an hour.
    pub(super) counts: Vec<u64>,
}

/// The picture.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) total: u64,
    pub(super) legend: Vec<Legend>,
    pub(super) bars: Vec<Bar>,
    pub(super) width: usize,
    pub(super) from: String,
    pub(super) to: String,
}

#[derive(Debug)]
pub(super) struct Legend {
    pub(super) label: &'static str,
    pub(super) tone: &'static str,
    pub(super) total: u64,
    pub(super) link: String,
}

/// What was counted between two times.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) x: usize,
    pub(super) title: String,
    pub(super) link: String,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) tone: &'static str,
    pub(super) y: u64,
    pub(super) height: u64,
}

impl Chart {
    pub(super) fn new(title: String, filter: &str, overview: &Overview, series: Vec<Series>) -> Self {
        let hours_a_bar = overview.hours.div_ceil(BARS).max(1);
        let count = overview.hours.div_ceil(hours_a_bar);
        let sums: Vec<Vec<u64>> = (0..count)
            .map(|bar| series.iter().map(|one| sum(&one.counts, bar, hours_a_bar)).collect())
            .collect();
        let most = sums.iter().map(|sums| sums.iter().sum::<u64>()).max().unwrap_or(0).max(1);
        let length = HOUR.saturating_mul(u32::try_from(hours_a_bar).unwrap_or(1));
        let bars = sums.iter().enumerate().map(|(bar, sums)| {
            let from = overview.since.plus(length.saturating_mul(u32::try_from(bar).unwrap_or(0)));
            let to = from.plus(length).to_string();
            let told: Vec<String> = series
                .iter()
                .zip(sums)
                .filter(|(_, count)| **count > 0)
                .map(|(one, count)| format!("{count} {}", one.label))
                .collect();
            let told = if told.is_empty() {
                "nothing".to_owned()
            } else {
                told.join(", ")
            };
            Bar {
                x: bar.saturating_mul(STEP),
                title: format!("{told} from {from}"),
                link: address(
                    system_log::PATH,
                    &[
                        ("filter", filter),
                        ("since", from.to_string().as_str()),
                        ("until", to.as_str()),
                    ],
                ),
                parts: parts(&series, sums, most),
            }
        });
        Self {
            title,
            bars: bars.collect(),
            width: count.saturating_mul(STEP),
            total: sums.iter().flatten().sum(),
            from: overview.since.to_string(),
            to: overview.until.to_string(),
            legend: series
                .into_iter()
                .map(|one| Legend {
                    label: one.label,
                    tone: one.tone,
                    total: one.counts.iter().sum(),
                    link: one.link,
                })
                .collect(),
        }
    }
}

fn sum(counts: &[u64], bar: usize, hours: usize) -> u64 {
    counts.iter().skip(bar.saturating_mul(hours)).take(hours).sum()
}

/// One above the other, the first at the bottom; what is little is still seen.
fn parts(series: &[Series], sums: &[u64], most: u64) -> Vec<Part> {
    let mut below = 0_u64;
    let mut parts = Vec::new();
    for (one, count) in series.iter().zip(sums).filter(|(_, count)| **count > 0) {
        let room = HEIGHT.saturating_sub(below);
        let height = count.saturating_mul(HEIGHT).div_ceil(most).min(room);
        below = below.saturating_add(height);
        parts.push(Part {
            tone: one.tone,
            y: HEIGHT.saturating_sub(below),
            height,
        });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(tone: &'static str) -> Series {
        Series {
            label: tone,
            tone,
            link: String::new(),
            counts: Vec::new(),
        }
    }

    #[test]
    fn parts_stand_on_each_other_and_never_above_the_top() {
        let series = [series("good"), series("warn"), series("bad")];
        let parts = parts(&series, &[1, 0, 999], 1_000);
        assert_eq!(
            parts,
            [
                Part {
                    tone: "good",
                    y: 59,
                    height: 1
                },
                Part {
                    tone: "bad",
                    y: 0,
                    height: 59
                },
            ]
        );
    }

    #[test]
    fn hours_are_added_up_to_bars() {
        assert_eq!(sum(&[1, 2, 3, 4, 5], 1, 2), 7);
        assert_eq!(sum(&[1, 2, 3, 4, 5], 2, 2), 5);
        assert_eq!(sum(&[], 2, 2), 0);
    }
}
