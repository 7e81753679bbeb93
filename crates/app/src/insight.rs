//! What has happened: the System Log.

pub mod log;
