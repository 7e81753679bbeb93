//! The body of a request, before anybody asks whose token it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_crypto::jwk::KeySet;
use watchfire_model::{object::DialectName, time::Timestamp};
use watchfire_ssf::{Dialect, Expected, UnverifiedSet, set::ClockSkew};

fuzz_target!(|body: &[u8]| {
    let Ok(set) = UnverifiedSet::parse(body) else { return };
    assert!(!set.issuer().is_empty());
    for dialect in DialectName::ALL {
        let expected = Expected {
            dialect: Dialect::named(dialect),
            issuer: set.issuer(),
            audiences: &[],
            now: Timestamp::from_seconds(1_787_927_300),
            skew: ClockSkew::default(),
        };
        assert!(set.verify(&KeySet::default(), &expected).is_err());
    }
});
