//! Filters of the System Log: what is read is printed as a filter that can be read, and judges any object.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use watchfire_model::{
    filter::{Filter, MAX_FILTER_BYTES},
    log::SYSTEM_LOG,
};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (text, object) = text.split_once('\n').unwrap_or((text, "{}"));
    let Ok(filter) = Filter::parse(text, &SYSTEM_LOG) else {
        return;
    };
    if let Ok(object) = serde_json::from_str::<Value>(object) {
        filter.matches(&object);
    }
    let printed = filter.to_string();
    if printed.len() <= MAX_FILTER_BYTES {
        // not compared: numbers with a fraction are read to the last bit but one
        Filter::parse(&printed, &SYSTEM_LOG).expect("what is printed can be read");
    }
});
