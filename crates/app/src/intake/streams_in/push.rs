//! SETs of streams: pushed to a stream's own address (RFC 8935), or brought by a poll.

use std::sync::Arc;

use bytes::Bytes;
use watchfire_crypto::{digest::sha256_hex, mac::constant_time_eq};
use watchfire_model::{
    log::RequestOrigin,
    object::{DialectName, SecurityEventsProvider, StreamDelivery, StreamIn},
};
use watchfire_ssf::{ErrorCode, SetError, UnverifiedSet};

use crate::{
    App, Error,
    intake::security_events::{SetOutcome, SetVia},
};

/// What a transmitter sends to the address of a stream.
#[derive(Clone)]
pub struct PushedSet {
    /// The last part of the address.
    pub key: String,
    /// The value of `Authorization`.
    pub authorization: Option<Vec<u8>>,
    /// The media type, lower case and without parameters.
    pub media_type: Option<String>,
    /// The body.
    pub body: Bytes,
    /// From where.
    pub origin: RequestOrigin,
}

impl std::fmt::Debug for PushedSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushedSet")
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why a SET that was pushed is not taken.
#[derive(Debug)]
pub enum PushRefusal {
    /// No stream has this address.
    NotFound,
    /// The credential is missing or wrong (AMB-24).
    Unauthenticated,
    /// The content type is none that a strict profile takes (PUSH-04).
    MediaType,
    /// The SET is not in order.
    Set(SetError),
    /// Not now, or never by our fault.
    Failed(Error),
}

/// What became of a SET.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is durable.
    New,
    /// It had come before.
    Repeat,
    /// It never will be taken.
    Refused(SetError),
    /// Not now.
    NotNow(Error),
}

const SET_MEDIA_TYPE: &str = "application/secevent+jwt";
/// What others send it as (PUSH-04); any other type is taken as well, but by the strict profile.
const WRONG_KEY: SetError = SetError::new(
    ErrorCode::InvalidRequest,
    "The token's jti is not the one that it was sent under.",
);

impl App {
    /// Takes a SET at the address of its stream: when this returns, it is durable (PUSH-14).
    ///
    /// # Errors
    /// [`PushRefusal`].
    pub async fn accept_pushed_set(&self, pushed: PushedSet) -> Result<(), PushRefusal> {
        let directory = self.state.directory();
        let stream = directory.pushed_stream(&pushed.key).ok_or(PushRefusal::NotFound)?;
        let StreamDelivery::Push { credential_hash, .. } = &stream.delivery else {
            return Err(PushRefusal::NotFound);
        };
        let shown = pushed.authorization.as_deref().unwrap_or_default();
        if !constant_time_eq(sha256_hex(shown), credential_hash) {
            return Err(PushRefusal::Unauthenticated);
        }
        let provider = directory.security_events_provider(stream.provider_id.as_str());
        let provider = provider.ok_or(PushRefusal::NotFound)?;
        let is_strict = provider.profile.profile == DialectName::Interop;
        if is_strict && pushed.media_type.as_deref() != Some(SET_MEDIA_TYPE) {
            return Err(PushRefusal::MediaType);
        }
        match self.take(stream, provider, &pushed.body, pushed.origin).await {
            Taken::New | Taken::Repeat => Ok(()),
            Taken::Refused(error) => Err(PushRefusal::Set(error)),
            Taken::NotNow(error) => Err(PushRefusal::Failed(error)),
        }
    }

    /// Takes a SET that a poll has brought under `key`.
    pub(super) async fn take_polled(
        &self,
        stream: &StreamIn,
        provider: &Arc<SecurityEventsProvider>,
        key: &str,
        set: &[u8],
    ) -> Taken {
        // POLL-12: what is acknowledged by this name must be what has it.
        let named = UnverifiedSet::parse(set).map(|set| set.jws().unverified_claims());
        let is_named = match &named {
            Ok(Ok(claims)) => claims.get("jti").and_then(|jti| jti.as_str()) == Some(key),
            // Why it cannot be read is said by whoever takes it.
            Ok(Err(_)) | Err(_) => true,
        };
        if !is_named {
            return Taken::Refused(WRONG_KEY);
        }
        self.take(stream, provider, set, RequestOrigin::default()).await
    }

    async fn take(&self, stream: &StreamIn, provider: &Arc<SecurityEventsProvider>, set: &[u8], origin: RequestOrigin) -> Taken {
        let _ = provider;
        match self.receive_set(set, &SetVia::Stream(Arc::new(stream.clone())), origin).await {
            Ok(SetOutcome::Accepted) => Taken::New,
            Ok(SetOutcome::Duplicate) => Taken::Repeat,
            Err(Error::Set(refused)) => Taken::Refused(refused),
            Err(error) => Taken::NotNow(error),
        }
    }
}
