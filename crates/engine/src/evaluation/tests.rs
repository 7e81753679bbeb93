//! What is scored, what is learnt, and the shape of the figures.

use std::borrow::Cow;

use super::*;
use crate::generate::{self, Circumstance, HEADER, Label, Parameters, SignIn, TUNING_SEEDS};

fn run(model: Model, header: &str, lines: &[String]) -> Evaluation {
    let names = fields(header);
    let columns = Columns::find(names.iter().map(AsRef::as_ref)).unwrap();
    let mut evaluation = Evaluation::new(model);
    for line in lines {
        let fields: Vec<Cow<'_, str>> = fields(line);
        evaluation.take(&columns.row(&fields).unwrap(), &|| 0);
    }
    evaluation
}

fn world(users: u32) -> (Vec<SignIn>, Vec<String>) {
    let rows = generate::generate(Parameters {
        seed: TUNING_SEEDS[1],
        users,
        world: generate::World::Settled,
    });
    let lines = rows.iter().enumerate().map(|(index, row)| row.csv(index)).collect();
    (rows, lines)
}

/// The figures to reach, on a small world and a tuning seed: a guard, not the claim.
#[test]
fn the_model_reaches_its_figures_and_beats_every_baseline() {
    let (_, lines) = world(2_500);
    let report = |model| run(model, HEADER, &lines).report();
    let ours = report(Model::Watchfire);
    let rates = |report: &Report, kind: &str| report.kinds[kind].rates.unwrap();
    assert!(rates(&ours, "naive").tpr[0] >= 0.95);
    assert!(rates(&ours, "naive").challenge_rate_at_tpr_98 <= 0.03);
    assert!(rates(&ours, "vpn").tpr[1] >= 0.60);
    assert!(rates(&ours, "targeted").tpr[2] >= 0.65);
    for baseline in [Model::Freeman, Model::Dirichlet, Model::Booleans, Model::IpList] {
        let theirs = report(baseline);
        for kind in ["naive", "vpn", "targeted", "very_targeted", "takeover_like"] {
            let (ours, theirs) = (rates(&ours, kind).auc, rates(&theirs, kind).auc);
            assert!(ours > theirs, "{kind} {}: {ours} {theirs}", baseline.as_str());
        }
    }
}

#[test]
fn attacks_are_scored_and_never_learnt() {
    let (rows, lines) = world(400);
    let honest: Vec<String> = rows
        .iter()
        .zip(&lines)
        .filter(|(row, _)| row.label == Label::Legit)
        .map(|(_, line)| line.clone())
        .collect();
    // Attacks with the right password leave no trace in any scorer that knows no labels.
    let without_stuffing: Vec<String> = rows
        .iter()
        .zip(&lines)
        .filter(|(row, _)| row.label != Label::Stuffing)
        .map(|(_, line)| line.clone())
        .collect();
    for model in [Model::Watchfire, Model::Freeman, Model::Dirichlet, Model::Booleans] {
        let alone = run(model, HEADER, &honest);
        let attacked = run(model, HEADER, &without_stuffing);
        assert_eq!(alone.honest.values(), attacked.honest.values(), "{}", model.as_str());
    }
}

#[test]
fn the_json_has_the_promised_shape() {
    let header = "index,timestamp,user_id,ip,country,asn,user_agent,browser,os,device_type,success,label";
    let line = |index: u32, ip: &str, success: u8, label: &str| {
        format!(
            "{index},2024-01-0{}T08:00:00Z,ada,{ip},NO,1,UA,Chrome 1,Windows 10,desktop,{success},{label}",
            index + 1
        )
    };
    let lines = [
        line(0, "192.0.2.1", 1, "legit"),
        line(1, "192.0.2.1", 1, "legit"),
        line(2, "192.0.2.1", 0, "legit"),
        line(3, "198.51.100.1", 1, "naive"),
    ];
    let report = run(Model::Watchfire, header, &lines).report();
    assert_eq!(
        report.json().to_string(),
        concat!(
            r#"{"model":"watchfire","rows":4,"scored":2,"first":1,"kinds":{"naive":{"n":1,"auc":1.0,"#,
            r#""tpr":{"0.01":1.0,"0.02":1.0,"0.05":1.0,"0.10":1.0},"challenge_rate_at_tpr_98":0.0}},"#,
            r#""cpu_us_per_score":{"p50":0.0,"p99":0.0}}"#
        )
    );
}

#[test]
fn without_attacks_or_users_there_is_a_report_all_the_same() {
    let empty = Evaluation::new(Model::Freeman).report();
    assert_eq!((empty.rows, empty.scored, empty.kinds.len()), (0, 0, 0));
    let lines = ["0,ada,192.0.2.1,naive".to_owned()];
    let report = run(Model::Watchfire, "timestamp,user_id,ip,label", &lines).report();
    assert_eq!((report.rows, report.scored, report.first), (1, 0, 1));
}

/// NAT offices, journeys, VPN users and new phones are honest: a challenge now and then, seldom HIGH.
#[test]
fn honest_edge_cases_are_seldom_high() {
    let (rows, lines) = world(2_500);
    let mut run = Evaluation::new(Model::Watchfire);
    let names = fields(HEADER);
    let columns = Columns::find(names.iter().map(AsRef::as_ref)).unwrap();
    let mut high: BTreeMap<Circumstance, (u32, u32)> = BTreeMap::new();
    for (row, line) in rows.iter().zip(&lines) {
        let before = run.honest.seen();
        run.take(&columns.row(&fields(line)).unwrap(), &|| 0);
        let (Some(circumstance), true) = (row.circumstance, run.honest.seen() > before) else {
            continue;
        };
        let evidence = run.honest.values().last().copied().unwrap();
        let (all, above) = high.entry(circumstance).or_default();
        *all += 1;
        *above += u32::from(crate::model::score(evidence.into()) >= 70);
    }
    let share = |circumstance| {
        high.get(&circumstance)
            .map_or(0.0, |(all, above)| f64::from(*above) / f64::from(*all))
    };
    assert!(share(Circumstance::Office) < 0.02, "{high:?}");
    assert!(share(Circumstance::NewDevice) < 0.05, "{high:?}");
    assert!(share(Circumstance::VpnUser) < 0.10, "{high:?}");
    // Whoever is abroad at the second sign-in of all looks like everybody who is not the user.
    assert!(share(Circumstance::FrequentTraveller) < 0.35, "{high:?}");
}
