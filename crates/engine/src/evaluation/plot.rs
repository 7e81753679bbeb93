//! Plots of a report, as SVG that we write ourselves.

use std::fmt::Write as _;

use super::Report;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 52.0;
const TOP: f64 = 40.0;
const RIGHT: f64 = 170.0;
/// The least challenge rate that is drawn: one in a thousand.
const LEAST_RATE: f64 = 0.001;
/// Colours that people with any colour vision tell apart (Okabe and Ito).
const COLOURS: [&str; 8] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999",
];

/// A plane and the way from values to points of it.
struct Plane {
    svg: String,
    x: (f64, f64),
    y: (f64, f64),
}

/// Detection against challenge rate, one curve for each kind of attacker, the challenge rate on a
/// logarithmic scale.
pub fn curves(report: &Report) -> String {
    let title = format!(
        "{}: attacks challenged against honest sign-ins challenged",
        report.model.as_str()
    );
    let log = |rate: f64| libm::log10(rate.max(LEAST_RATE));
    let mut plane = Plane::new(&title, (-3.0, 0.0), (0.0, 1.0));
    for (rate, label) in [
        (0.001, "0.1 %"),
        (0.01, "1 %"),
        (0.02, "2 %"),
        (0.05, "5 %"),
        (0.1, "10 %"),
        (1.0, "100 %"),
    ] {
        plane.mark_x(log(rate), label);
    }
    for tenths in 0..=10_u8 {
        let rate = f64::from(tenths) / 10.0;
        plane.mark_y(rate, &format!("{rate:.1}"));
    }
    plane.name_axes("honest sign-ins challenged", "attacks challenged");
    for (at, (kind, found)) in report.kinds.iter().enumerate() {
        let points = found
            .curve
            .iter()
            .filter(|(x, _)| *x >= LEAST_RATE)
            .map(|(x, y)| (log(*x), *y));
        plane.line(&points.collect::<Vec<_>>(), colour(at));
        plane.legend(at, kind);
    }
    plane.done()
}

/// What was observed against what was said, for scores that are logarithms of likelihood ratios.
pub fn reliability(report: &Report) -> String {
    let title = format!("{}: evidence said and observed, all attacks", report.model.as_str());
    let mut plane = Plane::new(&title, (-13.0, 9.0), (-8.0, 9.0));
    for nats in (-12..=8_i8).step_by(4) {
        plane.mark_x(f64::from(nats), &nats.to_string());
    }
    for nats in (-8..=8_i8).step_by(4) {
        plane.mark_y(f64::from(nats), &nats.to_string());
    }
    plane.name_axes("score (nats)", "observed ln likelihood ratio");
    plane.line(&[(-8.0, -8.0), (9.0, 9.0)], "#cccccc");
    let middle = |from: f64, to: f64| match (from.is_finite(), to.is_finite()) {
        (true, true) => f64::midpoint(from, to),
        (true, false) => from + 0.5,
        _ => to - 0.5,
    };
    let points = report
        .reliability
        .iter()
        .filter_map(|bin| Some((middle(bin.from, bin.to), bin.observed?)));
    let points: Vec<_> = points.collect();
    plane.line(&points, colour(0));
    plane.dots(&points, colour(0));
    plane.done()
}

fn colour(at: usize) -> &'static str {
    COLOURS.get(at % COLOURS.len()).copied().unwrap_or("#000000")
}

/// Text for XML: kinds come from the file.
fn escaped(text: &str) -> String {
    let bounded: String = text.chars().filter(|c| !c.is_control()).take(24).collect();
    bounded
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

impl Plane {
    fn new(title: &str, x: (f64, f64), y: (f64, f64)) -> Self {
        let mut plane = Self {
            svg: String::new(),
            x,
            y,
        };
        plane.push(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>"
        ));
        plane.text((LEFT, 22.0), "start", title);
        let (width, height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
        plane.push(&format!(
            "<rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#444444\"/>"
        ));
        plane
    }

    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let part = |value: f64, (low, high): (f64, f64)| ((value - low) / (high - low)).clamp(0.0, 1.0);
        (
            LEFT + part(x, self.x) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - part(y, self.y) * (HEIGHT - TOP - BOTTOM),
        )
    }

    fn mark_x(&mut self, value: f64, label: &str) {
        let (x, y) = self.at((value, self.y.0));
        self.push(&format!("<path d=\"M{x:.1} {y:.1}V{TOP}\" stroke=\"#eeeeee\"/>"));
        self.text((x, y + 16.0), "middle", label);
    }

    fn mark_y(&mut self, value: f64, label: &str) {
        let (x, y) = self.at((self.x.0, value));
        self.push(&format!("<path d=\"M{x:.1} {y:.1}H{}\" stroke=\"#eeeeee\"/>", WIDTH - RIGHT));
        self.text((x - 6.0, y + 4.0), "end", label);
    }

    fn name_axes(&mut self, x: &str, y: &str) {
        self.text((f64::midpoint(LEFT, WIDTH - RIGHT), HEIGHT - 14.0), "middle", x);
        let middle = f64::midpoint(TOP, HEIGHT - BOTTOM);
        self.push(&format!(
            "<text transform=\"translate(16 {middle}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            escaped(y)
        ));
    }

    fn line(&mut self, points: &[(f64, f64)], colour: &str) {
        let mut path = String::new();
        for (at, point) in points.iter().enumerate() {
            let (x, y) = self.at(*point);
            // Writing to a string cannot fail.
            let _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { "M" } else { "L" });
        }
        self.push(&format!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\"/>"
        ));
    }

    fn dots(&mut self, points: &[(f64, f64)], colour: &str) {
        for point in points {
            let (x, y) = self.at(*point);
            self.push(&format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"));
        }
    }

    fn legend(&mut self, at: usize, name: &str) {
        let (x, y) = (WIDTH - RIGHT + 14.0, TOP + 12.0 + 18.0 * crate::number::length(at));
        self.push(&format!(
            "<path d=\"M{x} {y}h18\" stroke=\"{}\" stroke-width=\"3\"/>",
            colour(at)
        ));
        self.text((x + 24.0, y + 4.0), "start", name);
    }

    fn text(&mut self, (x, y): (f64, f64), anchor: &str, text: &str) {
        let text: String = text.split(' ').map(escaped).collect::<Vec<_>>().join(" ");
        self.push(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    fn push(&mut self, line: &str) {
        self.svg.push_str(line);
        self.svg.push('\n');
    }

    fn done(mut self) -> String {
        self.push("</svg>");
        self.svg
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{Evaluation, Model};

    #[test]
    fn an_empty_report_is_drawn_and_names_are_no_markup() {
        let report = Evaluation::new(Model::Watchfire).report();
        assert!(curves(&report).ends_with("</svg>\n"));
        assert!(reliability(&report).contains("observed"));
        assert_eq!(escaped("<script>\u{7}"), "&lt;script&gt;");
    }
}
