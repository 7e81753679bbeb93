//! Every store that there is, through the one suite.

use std::time::Duration;

use watchfire_harness::{
    backend::{Behind, Inline},
    delayed::ApplyDelay,
    store_conformance,
};

store_conformance!(sqlite_inline, Inline);
store_conformance!(applied_at_once, Behind::default());
store_conformance!(applied_behind, Behind::new(ApplyDelay::of(Duration::from_millis(20))));
