//! Subjects: the canonical form of one is its own.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_crypto::strict_json::{self, Limits};
use watchfire_ssf::Subject;

fuzz_target!(|data: &[u8]| {
    let Ok(value) = strict_json::parse(data, &Limits::JWT) else {
        return;
    };
    let Ok((subject, _)) = Subject::read(&value) else { return };
    let (again, _) = Subject::read(&subject.to_json()).expect("what is written can be read");
    assert_eq!(again, subject);
});
