//! The keys that clients' assertions are verified with, parsed once (okta.md 1.3.2).

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use watchfire_crypto::jwk::{Algorithm, KeySet};
use watchfire_egress::{JwksCache, JwksError, JwksSource};
use watchfire_model::{
    id::ClientId,
    object::{Client, KeySource},
    time::Timestamp,
};
use watchfire_oauth::{
    assertion::{AssertionError, Expected, UnverifiedAssertion, VerifiedAssertion},
    client_keys,
};

use crate::App;

/// How many clients' inline keys are kept parsed; past it, all are parsed again.
const MAX_PARSED: usize = 10_000;

/// Parsed keys by client.
#[derive(Debug)]
pub(crate) struct ClientKeys {
    inline: Mutex<HashMap<ClientId, Parsed>>,
    fetched: JwksCache,
}

/// Keys with the client that they are of: one that was replaced is another allocation.
#[derive(Debug)]
struct Parsed {
    client: Arc<Client>,
    keys: Arc<KeySet>,
}

impl ClientKeys {
    pub(crate) fn new(fetched: JwksCache) -> Self {
        Self {
            inline: Mutex::default(),
            fetched,
        }
    }

    /// Forgets what belongs to a client whose registration has changed or is gone.
    pub(crate) fn forget(&self, client: &ClientId) {
        self.inline.lock().remove(client);
        self.fetched.forget(client.as_str());
    }

    fn inline(&self, client: &Arc<Client>, keys: &[serde_json::Value]) -> Arc<KeySet> {
        if let Some(known) = self.inline.lock().get(&client.id)
            && Arc::ptr_eq(&known.client, client)
        {
            return Arc::clone(&known.keys);
        }
        let keys = Arc::new(client_keys::registered(keys));
        let mut inline = self.inline.lock();
        if inline.len() >= MAX_PARSED {
            inline.clear();
        }
        let parsed = Parsed {
            client: Arc::clone(client),
            keys: Arc::clone(&keys),
        };
        inline.insert(client.id.clone(), parsed);
        keys
    }

    /// Verifies with the keys at the client's `jwks_uri`, fetched anew once if they do not fit.
    async fn verify_fetched(
        &self,
        uri: &str,
        assertion: &UnverifiedAssertion,
        expected: &Expected<'_>,
    ) -> Result<VerifiedAssertion, AssertionError> {
        let source = JwksSource {
            owner: expected.client_id.as_str(),
            url: uri,
            algorithms: Algorithm::OKTA,
            unique_kids: true,
        };
        let known = self
            .fetched
            .keys(&source, expected.now)
            .await
            .map_err(|error| unavailable(&error))?;
        let verified = assertion.verify(&known.keys, expected);
        if !matches!(verified, Err(AssertionError::UnknownKid | AssertionError::Signature)) {
            return verified;
        }
        match self.fetched.newer(&source, &known, expected.now).await {
            Some(newer) => assertion.verify(&newer.keys, expected),
            None => verified,
        }
    }
}

impl App {
    /// Verifies an assertion that claims to be from `client` for one of `audiences`.
    pub(super) async fn verify_assertion(
        &self,
        client: &Arc<Client>,
        assertion: &UnverifiedAssertion,
        audiences: &[String],
        now: Timestamp,
    ) -> Result<VerifiedAssertion, AssertionError> {
        let source = client.metadata.keys.as_ref().ok_or(AssertionError::NoKeys)?;
        let expected = Expected {
            client_id: &client.id,
            audiences,
            jwks_uri: match source {
                KeySource::Jwks(_) => None,
                KeySource::JwksUri(uri) => Some(uri),
            },
            now,
            skew: self.settings.clock_skew,
        };
        match source {
            KeySource::Jwks(keys) => assertion.verify(&self.client_keys.inline(client, keys), &expected),
            KeySource::JwksUri(uri) => self.client_keys.verify_fetched(uri, assertion, &expected).await,
        }
    }
}

fn unavailable(error: &JwksError) -> AssertionError {
    match error {
        JwksError::Fetch(_) | JwksError::Invalid(_) => AssertionError::JwksUriFailed,
        JwksError::Empty => AssertionError::JwksUriEmpty,
        JwksError::DuplicateKid => AssertionError::JwksUriRepeatsKid,
    }
}
