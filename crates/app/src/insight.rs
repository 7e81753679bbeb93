//! What has happened: the System Log, what was received, and who signed in.

pub mod log;
pub mod receipts;
pub mod sign_ins;
