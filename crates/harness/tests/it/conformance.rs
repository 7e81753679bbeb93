//! Every store that there is, through the one suite.

use std::time::Duration;

use watchfire_harness::{
    backend::{Behind, Sqlite},
    delayed::ApplyDelay,
    store_conformance,
};

store_conformance!(sqlite_inline, Sqlite::Inline);
store_conformance!(sqlite_segments, Sqlite::Segments);
store_conformance!(applied_at_once, Behind::default());
store_conformance!(applied_behind, Behind::new(ApplyDelay::of(Duration::from_millis(20))));
