//! The generator's marginals against the published ones, and its promises.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn world(seed: u64, users: u32) -> Vec<SignIn> {
    generate(Parameters {
        seed,
        users,
        world: World::Settled,
    })
}

#[test]
fn the_same_seed_is_the_same_file() {
    let csv = |seed| -> Vec<String> { (0..).zip(world(seed, 60)).map(|(index, row)| row.csv(index)).collect() };
    assert_eq!(csv(1), csv(1));
    assert_ne!(csv(1), csv(2));
}

#[test]
fn rows_are_in_the_order_of_time_and_have_twelve_columns() {
    let rows = world(3, 300);
    assert!(rows.is_sorted_by_key(|row| row.at));
    for row in &rows {
        let line = row.csv(0);
        // The header is quoted: its commas do not count.
        let outside: String = line.split('"').step_by(2).collect();
        assert_eq!(outside.matches(',').count(), HEADER.matches(',').count(), "{line}");
    }
}

/// Else figures on the one would say nothing that figures on the other do not.
#[test]
fn the_roving_world_is_another_world() {
    let roving = generate(Parameters {
        seed: 5,
        users: 300,
        world: World::Roving,
    });
    let settled = world(5, 3_000);
    for rows in [&roving, &settled] {
        assert!(rows.is_sorted_by_key(|row| row.at));
    }
    let country = |rows: &[SignIn]| seen_before(rows, |row| row.country.to_owned());
    assert!(
        country(&roving) < 0.97 && country(&settled) > 0.98,
        "{} {}",
        country(&roving),
        country(&settled)
    );
    let network = |rows: &[SignIn]| seen_before(rows, |row| row.asn.to_string());
    assert!(
        network(&roving) < network(&settled) - 0.02,
        "{} {}",
        network(&roving),
        network(&settled)
    );
    let at_home = |rows: &[SignIn]| {
        let honest = rows.iter().filter(|row| row.label == Label::Legit);
        let (all, norwegian) = honest.fold((0.0, 0.0), |(all, norwegian), row| {
            (all + 1.0, norwegian + f64::from(u8::from(row.country == "NO")))
        });
        norwegian / all
    };
    assert!(at_home(&roving) < 0.3 && at_home(&settled) > 0.5);
}

/// Of repeat sign-ins, those whose value had been seen of this user before.
fn seen_before(rows: &[SignIn], value: impl Fn(&SignIn) -> String) -> f64 {
    let mut seen: BTreeMap<Name, BTreeSet<String>> = BTreeMap::new();
    let (mut repeats, mut known) = (0_u32, 0_u32);
    for row in rows.iter().filter(|row| row.label == Label::Legit && row.success) {
        let values = seen.entry(row.name).or_default();
        if !values.is_empty() {
            repeats += 1;
            known += u32::from(values.contains(&value(row)));
        }
        values.insert(value(row));
    }
    f64::from(known) / f64::from(repeats)
}

#[test]
fn the_marginals_are_near_the_published_ones() {
    let rows = world(TUNING_SEEDS[0], 4_000);
    let near = |found: f64, published: f64, within: f64, what: &str| {
        assert!(
            (found - published).abs() <= within,
            "{what}: {found:.3}, published {published}"
        );
    };
    let address = |row: &SignIn| match row.ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("{:x}", v6.to_bits() >> 64),
    };
    near(seen_before(&rows, address), 0.60, 0.03, "address");
    near(seen_before(&rows, |row| row.asn.to_string()), 0.91, 0.02, "network");
    near(seen_before(&rows, |row| row.country.to_owned()), 0.992, 0.004, "country");
    near(seen_before(&rows, |row| row.device().0), 0.665, 0.06, "browser and version");
    near(seen_before(&rows, |row| row.device().1), 0.807, 0.04, "system and version");
    near(
        seen_before(&rows, |row| row.device().2.to_owned()),
        0.931,
        0.02,
        "kind of device",
    );

    let mut depth: BTreeMap<Name, u32> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.label == Label::Legit && row.success) {
        *depth.entry(row.name).or_default() += 1;
    }
    let mut depths: Vec<u32> = depth.into_values().collect();
    depths.sort_unstable();
    assert_eq!(depths[depths.len() / 2], 2, "median of sign-ins");
    near(f64::from(depths[depths.len() * 9 / 10]), 9.0, 1.0, "90 % of sign-ins");
    let single = depths.iter().filter(|depth| **depth == 1).count();
    near(length(single) / length(depths.len()), 0.398, 0.03, "seen once");
}

#[test]
fn every_attacker_and_every_honest_edge_case_is_there() {
    let rows = world(5, 1_500);
    let labels: BTreeSet<Label> = rows.iter().map(|row| row.label).collect();
    assert_eq!(labels.len(), 7);
    let circumstances: BTreeSet<Circumstance> = rows.iter().filter_map(|row| row.circumstance).collect();
    assert_eq!(circumstances.len(), 5);
    assert!(rows.iter().all(|row| row.label == Label::Legit || row.circumstance.is_none()));
    assert!(
        rows.iter().any(|row| row.label == Label::Legit && !row.success),
        "mistyped passwords"
    );
    assert!(rows.iter().any(|row| row.ip.is_ipv6()));
}

fn length(count: usize) -> f64 {
    crate::number::length(count)
}
