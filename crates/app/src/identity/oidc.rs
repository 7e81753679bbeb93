//! Signing in to the Admin Console at the team's own OpenID provider (ADR 0018).
//!
//! | module | holds |
//! |---|---|
//! | [`settings`] | what a super administrator sets |
//! | [`provider`] | the provider: its metadata, its keys, its tokens |
//! | [`attempts`] | sign-ins that are under way |
//! | [`flow`] | from the button to a session |
//! | [`failure`] | why there is none |

mod attempts;
pub mod failure;
pub mod flow;
mod provider;
pub mod settings;

pub(crate) use self::provider::SEALED_FOR;
pub use self::{
    failure::{OidcFailure, OidcRefusal},
    flow::{BegunOidc, FinishedOidc},
    settings::{NewConsoleSignIn, NewOidcAuthentication, NewOidcProvider},
};

use std::time::Duration;

use watchfire_egress::{Egress, FetchLimits, JwksCache, Purpose, jwks::JwksLimits};

use self::provider::KnownMetadata;

/// What is kept in memory; nobody misses it after a restart but who is just signing in.
#[derive(Debug)]
pub(crate) struct Oidc {
    metadata: KnownMetadata,
    keys: JwksCache,
}

impl Oidc {
    pub(crate) fn new(egress: Egress, call: Duration) -> Self {
        let limits = JwksLimits {
            purpose: Purpose::Oidc,
            fetch: FetchLimits {
                total: call,
                ..FetchLimits::JWKS
            },
            empty_replaces: true,
            max_owners: 4,
            ..JwksLimits::default()
        };
        Self {
            metadata: KnownMetadata::default(),
            keys: JwksCache::new(egress, limits),
        }
    }
}
