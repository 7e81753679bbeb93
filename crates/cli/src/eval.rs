//! `watchfire eval`: how well a scorer tells attackers from users, on a file of sign-ins.

mod reader;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use watchfire_engine::evaluation::{Evaluation, KindReport, Model, Report, curves, reliability};

use self::reader::SignIns;
use crate::{
    command::Misuse,
    terminal::{Style, Terminal},
};

/// Measure a scorer on a file of sign-ins: attacks are scored, never learnt.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// File with named columns, in the order of time: timestamp, user_id, ip and, where known, country, asn, user_agent, browser, os, device_type, success, label; or the RBA data set
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,
    /// Scorer (repeatable; several are measured in one pass)
    #[arg(long, value_enum, default_values_t = [Name::Watchfire])]
    model: Vec<Name>,
    /// Write report.json and plots (SVG) into this directory
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Ours
    Watchfire,
    /// Freeman et al. 2016, as its public reference implementation computes it
    Freeman,
    /// Naive Bayes with a flat Dirichlet prior of weight 5
    Dirichlet,
    /// How many of five things are new
    Booleans,
    /// A list of addresses alone
    IpList,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.model().as_str())
    }
}

impl Name {
    const fn model(self) -> Model {
        match self {
            Self::Watchfire => Model::Watchfire,
            Self::Freeman => Model::Freeman,
            Self::Dirichlet => Model::Dirichlet,
            Self::Booleans => Model::Booleans,
            Self::IpList => Model::IpList,
        }
    }
}

/// Reads the file once and reports.
///
/// # Errors
/// When the file cannot be read, has no usable header or no usable row.
pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<()> {
    let mut runs: Vec<Evaluation> = arguments.model.iter().map(|name| Evaluation::new(name.model())).collect();
    let mut sign_ins = SignIns::open(&arguments.csv)?;
    sign_ins.each(|row| {
        for run in &mut runs {
            run.take(row, &cpu_nanoseconds);
        }
    })?;
    if sign_ins.read() == 0 {
        return Err(Misuse(format!("{} has no row that can be used", arguments.csv.display())).into());
    }
    let reports: Vec<Report> = runs.into_iter().map(Evaluation::report).collect();
    if let Some(directory) = &arguments.report {
        write(directory, &reports)?;
    }
    print(&reports, &sign_ins, terminal)
}

/// What this thread has computed so far: other processes do not count.
fn cpu_nanoseconds() -> u64 {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (spent.tv_sec, spent.tv_nsec);
    u64::try_from(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)).unwrap_or(0)
}

fn print(reports: &[Report], sign_ins: &SignIns, terminal: &Terminal) -> Result<()> {
    if terminal.json() {
        let mut all: Vec<Value> = reports.iter().map(Report::json).collect();
        let one = if all.len() == 1 { all.pop() } else { None };
        terminal.print_json(&one.unwrap_or(Value::Array(all)))?;
        return Ok(());
    }
    for report in reports {
        terminal.print(&terminal.paint(Style::Heading, title(report)))?;
        terminal.print_list(&report.kinds.iter().map(of_kind).collect::<Vec<_>>(), COLUMNS)?;
        if matches!(report.model, Model::Watchfire | Model::Freeman | Model::Dirichlet) {
            terminal.print(&terminal.paint(Style::Faint, "reliability: scores in nats, all attacks together"))?;
            terminal.print_list(&bins(report), BIN_COLUMNS)?;
        }
    }
    for (error, count) in sign_ins.skipped() {
        terminal.print(&terminal.paint(Style::Warning, format!("{count} rows skipped, the first because {error}")))?;
    }
    Ok(())
}

const COLUMNS: &[(&str, &str)] = &[
    ("ATTACKER", "/kind"),
    ("N", "/n"),
    ("AUC", "/auc"),
    ("TPR@1%", "/1"),
    ("TPR@2%", "/2"),
    ("TPR@5%", "/5"),
    ("TPR@10%", "/10"),
    ("CHALLENGED@TPR.98", "/challenged"),
];

const BIN_COLUMNS: &[(&str, &str)] = &[
    ("FROM", "/from"),
    ("TO", "/to"),
    ("HONEST", "/honest"),
    ("SHARE", "/share"),
    ("ATTACKS", "/attacks"),
    ("OBSERVED", "/observed"),
];

fn title(report: &Report) -> String {
    let (p50, p99) = report.microseconds;
    format!(
        "{}: {} rows, {} scored ({} honest), {} on accounts without history; {p50:.1} µs a score, 99 % within {p99:.1} µs",
        report.model.as_str(),
        report.rows,
        report.scored,
        report.honest,
        report.first,
    )
}

fn of_kind((kind, report): (&String, &KindReport)) -> Value {
    let Some(rates) = &report.rates else {
        return json!({ "kind": kind, "n": report.n });
    };
    let [one, two, five, ten] = rates.tpr.map(|rate| format!("{rate:.3}"));
    json!({
        "kind": kind,
        "n": report.n,
        "auc": format!("{:.4}", rates.auc),
        "1": one,
        "2": two,
        "5": five,
        "10": ten,
        "challenged": format!("{:.4}", rates.challenge_rate_at_tpr_98),
    })
}

fn bins(report: &Report) -> Vec<Value> {
    let bins = report.reliability.iter().map(|bin| {
        json!({
            "from": bin.from.to_string(),
            "to": bin.to.to_string(),
            "honest": bin.honest,
            "share": format!("{:.4}", bin.honest_share(report)),
            "attacks": bin.attacks,
            "observed": bin.observed.map(|nats| format!("{nats:+.2}")),
        })
    });
    bins.collect()
}

fn write(directory: &Path, reports: &[Report]) -> Result<()> {
    let failed = || format!("cannot write into {}", directory.display());
    fs::create_dir_all(directory).with_context(failed)?;
    let all: Vec<Value> = reports
        .iter()
        .map(|report| json!({ "figures": report.json(), "reliability": bins(report) }))
        .collect();
    fs::write(directory.join("report.json"), format!("{:#}\n", Value::Array(all))).with_context(failed)?;
    for report in reports {
        let name = report.model.as_str();
        fs::write(directory.join(format!("{name}-curves.svg")), curves(report)).with_context(failed)?;
        fs::write(directory.join(format!("{name}-reliability.svg")), reliability(report)).with_context(failed)?;
    }
    Ok(())
}
