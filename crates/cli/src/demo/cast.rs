//! Who plays: a user, and a provider with its key.

use watchfire_crypto::signing::PrivateKey;

/// The person who signs in.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) login: String,
    pub(super) password: String,
    /// From where.
    pub(super) address: String,
    /// The secret of the second factor, base32.
    pub(super) totp_secret: String,
    /// The time step of the last code that was used.
    pub(super) factor_step: i64,
}

/// The risk provider and its service app.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) client_id: String,
    pub(super) key: PrivateKey,
}

/// Everybody, after the last line.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) user: User,
    pub(super) provider: Provider,
}
