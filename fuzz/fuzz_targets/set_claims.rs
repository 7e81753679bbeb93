//! Claims behind a signature that somebody has checked: the first byte chooses the dialect.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_model::{object::DialectName, time::Timestamp};
use watchfire_ssf::{Dialect, Expected, set::{ClockSkew, read_claims}};

fuzz_target!(|data: &[u8]| {
    let Some((choice, payload)) = data.split_first() else { return };
    let dialects = DialectName::ALL;
    let dialect = dialects[usize::from(*choice) % dialects.len()];
    let audiences = ["https://org.example".to_owned()];
    let expected = Expected {
        dialect: Dialect::named(dialect),
        issuer: "https://transmitter.acme.example",
        audiences: &audiences,
        now: Timestamp::from_seconds(1_787_927_300),
        skew: ClockSkew::default(),
    };
    match read_claims(payload, &expected) {
        Ok(set) => {
            assert!(!set.jti.is_empty() && set.jti.chars().count() <= 256);
            assert!(!set.events.is_empty());
            assert!(!set.issued_at.to_string().is_empty());
            for event in &set.events {
                assert!(event.occurred_at.is_none_or(|at| !at.to_string().is_empty()));
                for (kind, member) in event.members() {
                    let identifiers = member.identifiers(kind, expected.issuer);
                    assert!(identifiers.iter().all(|it| it.members().all(|text| !text.is_empty())));
                }
            }
        }
        Err(error) => assert!(error.description.is_ascii() && error.description.len() < 200),
    }
});
