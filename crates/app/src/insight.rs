//! What has happened: the System Log, what was received, who signed in, and what would have become of it.

pub mod addresses;
pub mod entities_at_risk;
pub mod feedback;
pub mod log;
pub mod log_streams;
pub mod log_tail;
pub mod ocsf;
pub mod overview;
pub mod receipts;
pub mod risk_settings;
pub mod saved_searches;
pub mod sign_ins;
pub mod simulations;
