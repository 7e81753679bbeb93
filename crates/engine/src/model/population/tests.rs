//! Statistics are bounded, and concentrations learn the rate of the new.

use std::time::Duration;

use super::*;
use crate::model::{Micro, Node, Novelty};

fn shown(second: u64, levels: &[(Level, u64, u64)]) -> Delta {
    let node = |(level, key, parent): &(Level, u64, u64)| Node {
        level: *level,
        key: Key::from_bits(*key),
        parent: Key::from_bits(*parent),
    };
    Delta {
        at: Timestamp::from_seconds(1_600_000_000).plus(Duration::from_secs(second)),
        nth: 1,
        nodes: levels.iter().map(node).collect(),
        novelty: Vec::new(),
        fix: None,
        named: Vec::new(),
    }
}

#[test]
fn a_full_table_forgets_the_rare_and_keeps_the_frequent() {
    let mut population = Population {
        capacity: Capacity(0.5),
        ..Population::default()
    };
    for second in 0..2_000 {
        population.apply(&shown(second, &[(Level::Country, 7, 0)]));
        population.apply(&shown(second, &[(Level::Country, 1_000 + second, 0)]));
        assert!(population.len() <= 257);
    }
    let now = Timestamp::from_seconds(1_600_002_000);
    let to_counts = population.to_counts(now);
    let frequent = population.frequency(Level::Country, Key::from_bits(7), (None, Key::ROOT), to_counts);
    assert!((frequent.of_value - 2_000.0).abs() < 3.0);
    assert!((frequent.of_parent - 4_000.0).abs() < 6.0);
}

#[test]
fn children_are_counted_and_months_halve_counts() {
    let mut population = Population::default();
    for second in 0..3 {
        let network = 10 + second;
        population.apply(&shown(second, &[(Level::Country, 1, 0), (Level::Network, network, 1)]));
    }
    let at = |days: i64| Timestamp::from_seconds(1_600_000_000 + days * 86_400);
    let above = (Some(Level::Country), Key::from_bits(1));
    let now = population.frequency(Level::Network, Key::from_bits(10), above, population.to_counts(at(0)));
    assert_eq!(now.children_of_parent, 3);
    let later = population.frequency(Level::Network, Key::from_bits(10), above, population.to_counts(at(30)));
    assert!((later.of_parent / now.of_parent - 0.5).abs() < 1e-4);
    let years = shown(86_400 * 900, &[(Level::Country, 1, 0)]);
    population.apply(&years);
    let after = population.frequency(
        Level::Country,
        Key::from_bits(1),
        (None, Key::ROOT),
        population.to_counts(years.at),
    );
    assert!((after.of_value - 1.0).abs() < 1e-3);
}

#[test]
fn a_concentration_finds_the_share_of_the_new() {
    // After ten sign-ins, every fifth shows something new: b / (10 + b) = 0.2.
    let mut population = Population::default();
    for step in 0..40_000_u64 {
        let b = population.concentration(Level::Network).b();
        let novelty = Novelty {
            level: Level::Network,
            new: step % 5 == 0,
            expected: Micro::from_real(b / (10.0 + b)),
        };
        population.apply(&Delta {
            novelty: vec![novelty],
            ..shown(step, &[])
        });
    }
    let found = population.concentration(Level::Network).b();
    assert!((found / 2.5 - 1.0).abs() < 0.15, "{found}");
}

#[test]
fn one_tenant_s_thousand_and_first_sign_in_moves_no_concentration_by_much() {
    let mut concentration = Concentration {
        ln_b: 0,
        learnt_from: 1_000,
    };
    concentration.learn(true, 0.0);
    assert!(concentration.b() < 1.02);
}

fn accepted(second: u64, network: u64) -> Delta {
    let novelty = Novelty {
        level: Level::Network,
        new: network.is_multiple_of(3),
        expected: Micro::from_real(0.1),
    };
    Delta {
        novelty: vec![novelty],
        ..shown(
            second,
            &[(Level::Country, 1, 0), (Level::Network, network, 1), (Level::Kind, 5, 0)],
        )
    }
}

#[test]
fn what_is_taken_out_again_leaves_what_was_there_before() {
    let mut population = Population::default();
    assert_eq!(population.to_bytes(), Population::default().to_bytes());
    for second in 0..50 {
        population.apply(&accepted(second * 100_000, second % 7));
        let before = population.to_bytes();
        let stranger = accepted(second * 100_000, 1_000 + second);
        population.apply(&stranger);
        assert_ne!(population.to_bytes(), before);
        population.remove(&stranger);
        assert_eq!(population.to_bytes(), before);
    }
    let mut one = Population::default();
    one.apply(&accepted(0, 1));
    one.remove(&accepted(0, 1));
    assert_eq!(one, Population::default());
}

#[test]
fn the_stored_form_is_read_back_or_refused() {
    let mut population = Population::default();
    for second in 0..200 {
        population.apply(&accepted(second * 1_000, second % 17));
    }
    let bytes = population.to_bytes();
    assert_eq!(Population::from_bytes(&bytes), Ok(population));
    assert_eq!(
        Population::from_bytes(&bytes[..bytes.len() - 1]),
        Err(PopulationError::WrongLength)
    );
    assert_eq!(Population::from_bytes(&[9]), Err(PopulationError::UnknownVersion(9)));
    assert_eq!(Population::from_bytes(&[]), Err(PopulationError::WrongLength));
}

#[test]
fn what_is_cut_out_around_an_attempt_gives_the_same_numbers() {
    use crate::model::{Attempt, HashKey, Place};
    let secret = HashKey::new([3; 16]);
    let attempt = |address: [u8; 4]| Attempt {
        at: Timestamp::from_seconds(1_600_000_000),
        address: address.into(),
        place: Place::default(),
        device: crate::user_agent::Device::parse("curl/8.0"),
        user_agent: "curl/8.0".to_owned(),
        token: None,
    };
    let mut population = Population::default();
    for last in 0..40 {
        let nodes = Path::of(&attempt([192, 0, last % 3, last]), &secret).nodes;
        population.apply(&Delta {
            nodes,
            ..shown(u64::from(last), &[])
        });
    }
    let path = Path::of(&attempt([192, 0, 2, 5]), &secret);
    let cut = population.around(&path);
    assert!(cut.len() <= path.nodes.len() && cut.len() < population.len());
    for node in &path.nodes {
        let of = |from: &Population| from.frequency(node.level, node.key, (parent_of(node.level), node.parent), 1.0);
        assert_eq!(of(&cut), of(&population), "{node:?}");
    }
}
