//! The words that every other crate speaks: ids, time, objects, signals, log events, and the rows
//! that the store writes.
//!
//! Nothing here reads a clock, makes a random byte or touches a file (architecture invariant 4).
//!
//! | module | holds |
//! |---|---|
//! | [`time`] | microsecond UTC instants, RFC 3339 in and out |
//! | [`id`] | prefixed ids and the source that makes them |
//! | [`entity`] | users, devices, sessions, and the identifiers that name them |
//! | [`object`] | what an administrator keeps: clients, grants, providers, users, policies, tokens |
//! | [`row`] | what a decision writes |
//! | [`slice`] | what a decision is made on |
//! | [`signal`] | risk signals about addresses, as providers report them |
//! | [`log`] | System Log events, their wire form, and the queries for them |
//! | [`filter`] | SCIM filter expressions: parser, printer, evaluator |

#![deny(missing_docs)]

pub mod entity;
pub mod filter;
pub mod id;
pub mod log;
pub mod object;
pub mod row;
pub mod signal;
pub mod slice;
pub mod texts;
pub mod time;
