//! What has happened: the System Log, and what was received.

pub mod log;
pub mod receipts;
