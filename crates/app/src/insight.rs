//! What has happened: the System Log, what was received, who signed in, and what would have become of it.

pub mod log;
pub mod receipts;
pub mod sign_ins;
pub mod simulations;
