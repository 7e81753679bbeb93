//! A profile is bounded, and its stored form is read or refused.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::Node;

fn delta(second: u64, values: u64) -> Delta {
    let node = |level: Level| Node {
        level,
        key: Key::from_bits(second % values + 1),
        parent: Key::ROOT,
    };
    Delta {
        at: Timestamp::from_seconds(1_600_000_000).plus(Duration::from_secs(second * 600)),
        nth: 1,
        nodes: Level::ALL.map(node).into(),
        novelty: Vec::new(),
        fix: Some(Fix {
            latitude: i32::try_from(second % 90).unwrap() * 10_000,
            longitude: 0,
            radius: 1,
        }),
        named: vec![Key::from_bits(second)],
    }
}

#[test]
fn a_profile_stays_small_however_much_happens() {
    let mut profile = Profile::default();
    for second in 0..5_000 {
        profile.apply(&delta(second, 1_000));
    }
    assert_eq!(profile.successes(), 5_000);
    assert_eq!(
        profile.len(),
        Level::ALL.into_iter().map(Level::most_in_a_profile).sum::<usize>()
    );
    assert!(profile.to_bytes().len() <= 2_500, "{}", profile.to_bytes().len());
}

#[test]
fn an_ordinary_profile_takes_two_hundred_bytes() {
    let mut profile = Profile::default();
    (0..20).for_each(|second| {
        profile.apply(&Delta {
            fix: None,
            named: Vec::new(),
            ..delta(second, 1)
        })
    });
    assert!(profile.to_bytes().len() <= 215, "{}", profile.to_bytes().len());
}

#[test]
fn the_lightest_value_makes_room() {
    let mut profile = Profile::default();
    for _ in 0..5 {
        profile.apply(&delta(1, 100));
    }
    for second in 2..60 {
        profile.apply(&delta(second, 100));
    }
    assert!(profile.entry(Level::Kind, Key::from_bits(2)).is_some(), "the usual one stays");
    assert!(profile.entry(Level::Kind, Key::from_bits(3)).is_none());
}

#[test]
fn half_a_year_without_it_and_a_value_shown_once_fades() {
    let mut profile = Profile::default();
    profile.apply(&delta(0, 1_000));
    let year = 365 * 86_400 / 600;
    profile.apply(&delta(year * 2, 1_000));
    assert!(profile.entry(Level::Country, Key::from_bits(1)).is_none());
}

#[test]
fn bytes_of_another_version_or_of_none_are_refused() {
    let mut profile = Profile::default();
    (0..9).for_each(|second| profile.apply(&delta(second, 4)));
    let bytes = profile.to_bytes();
    assert_eq!(Profile::from_bytes(&bytes), Ok(profile));
    let later = [&[2], bytes.get(1..).unwrap()].concat();
    assert_eq!(Profile::from_bytes(&later), Err(ProfileError::UnknownVersion(2)));
    assert_eq!(
        Profile::from_bytes(bytes.get(..bytes.len() - 1).unwrap()),
        Err(ProfileError::WrongLength)
    );
    assert_eq!(
        Profile::from_bytes(&[bytes, vec![0]].concat()),
        Err(ProfileError::WrongLength)
    );
    assert_eq!(Profile::from_bytes(&[]), Err(ProfileError::WrongLength));
}

proptest! {
    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Profile::from_bytes(&[&[1], bytes.as_slice()].concat());
    }
}
