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
    assert!(profile.to_bytes().len() < 1_024, "{}", profile.to_bytes().len());
    assert_eq!(Profile::from_bytes(&profile.to_bytes()), Ok(profile));
}

#[test]
fn an_ordinary_profile_takes_a_hundred_and_twenty_bytes() {
    let mut profile = Profile::default();
    (0..20).for_each(|second| {
        profile.apply(&Delta {
            fix: None,
            named: Vec::new(),
            ..delta(second, 1)
        })
    });
    assert!(profile.to_bytes().len() <= 121, "{}", profile.to_bytes().len());
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
    let later = [&[3], bytes.get(1..).unwrap()].concat();
    assert_eq!(Profile::from_bytes(&later), Err(ProfileError::UnknownVersion(3)));
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

/// What was written before stays known: two values, a place and a state, as the first form has them.
#[test]
fn the_first_stored_form_is_read() {
    let mut profile = Profile::default();
    (0..3).for_each(|second| profile.apply(&delta(second, 1)));
    let mut former = vec![1];
    former.extend(profile.to_bytes().get(1..49).unwrap());
    former.extend([2, 1, 1]);
    for (level, key) in [(Level::Network, 1_u64), (Level::Country, 1)] {
        former.extend(key.to_le_bytes().get(..6).unwrap());
        former.push(level.number());
        former.extend(3.0_f32.to_le_bytes());
        former.extend(3_u32.to_le_bytes());
    }
    former.extend(20_000_i32.to_le_bytes());
    former.extend(0_i32.to_le_bytes());
    former.extend(1_u16.to_le_bytes());
    former.extend(3_u32.to_le_bytes());
    former.extend(2_u64.to_le_bytes().get(..6).unwrap());
    former.extend(3_u32.to_le_bytes());
    let read = Profile::from_bytes(&former).unwrap();
    assert_eq!((read.successes(), read.len()), (3, 2));
    for level in [Level::Country, Level::Network] {
        assert_eq!(
            read.entry(level, Key::from_bits(1)).map(|it| (it.weight, it.nth)),
            Some((3.0, 3))
        );
    }
    assert_eq!((read.places.len(), read.named.len()), (1, 1));
    assert_eq!(read.places, profile.places.get(2..).unwrap());
}

/// Else "not me" would not find what was there before.
#[test]
fn whatever_was_learnt_is_read_as_it_was() {
    let mut profile = Profile::default();
    for second in 0..600 {
        profile.apply(&delta(second * 37, 13 + second % 5));
        let read = Profile::from_bytes(&profile.to_bytes());
        assert_eq!(read.as_ref(), Ok(&profile), "{second}");
        if second % 7 == 0 {
            profile.remove(&delta(second * 37, 13 + second % 5));
            assert_eq!(Profile::from_bytes(&profile.to_bytes()).as_ref(), Ok(&profile), "{second}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Profile::from_bytes(&[&[1], bytes.as_slice()].concat());
        if let Ok(profile) = Profile::from_bytes(&[&[2], bytes.as_slice()].concat()) {
            let _ = Profile::from_bytes(&profile.to_bytes());
        }
    }
}
