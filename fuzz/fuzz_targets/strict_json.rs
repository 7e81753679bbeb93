//! What the strict reader takes, every reader takes, with the same meaning.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use watchfire_crypto::strict_json::{self, Limits};

fuzz_target!(|data: &[u8]| {
    let Ok(value) = strict_json::parse(data, &Limits::JWT) else {
        return;
    };
    let lenient: Value = serde_json::from_slice(data).expect("strict is a part of lenient");
    assert_eq!(lenient, value);
    let again = strict_json::parse(value.to_string().as_bytes(), &Limits::BODY).expect("what is written can be read");
    assert_eq!(again, value);
});
