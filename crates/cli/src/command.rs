//! What the commands share: exit codes.

/// Something went wrong; the last line on standard error says what.
pub(crate) const FAILED: u8 = 1;
/// A sync failed: what was acknowledged is safe, what was not is unknown. Start again; the journal
/// decides (`EX_TEMPFAIL`).
pub(crate) const SYNC_UNKNOWN: u8 = 75;
