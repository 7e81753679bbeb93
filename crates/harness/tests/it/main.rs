//! What the harness proves of the house: stores, durability, faults.

mod archives;
mod behind;
mod conformance;
mod corpus;
mod disk;
mod durability;
mod exactly_once;
mod faults;
mod large_log;
mod line_files;
mod segments;
mod segments_durability;
