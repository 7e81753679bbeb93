//! SETs of streams: pushed to a stream's own address (RFC 8935), or brought by a poll.

use std::sync::Arc;

use bytes::Bytes;
use watchfire_crypto::{digest::sha256_hex, mac::constant_time_eq};
use watchfire_model::{
    log::RequestOrigin,
    object::{DialectName, StreamDelivery, StreamIn},
};
use watchfire_ssf::{ErrorCode, SetError, UnverifiedSet};

use crate::{
    App, Error, Result,
    intake::security_events::{SetOutcome, SetVia},
};

/// What a transmitter sends to the address of a stream.
#[derive(Clone, Debug)]
pub struct PushedSet {
    /// The media type, lower case and without parameters.
    pub media_type: Option<String>,
    /// The body.
    pub body: Bytes,
    /// From where.
    pub origin: RequestOrigin,
}

/// What became of a SET that a poll has brought.
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
const WRONG_KEY: SetError = SetError::new(
    ErrorCode::InvalidRequest,
    "The token's jti is not the one that it was sent under.",
);

impl App {
    /// The stream with this address, if `authorization` is the value that its transmitter was given
    /// (PUSH-06, AMB-24).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::AuthenticationFailed`].
    pub fn pushed_stream(&self, key: &str, authorization: Option<&[u8]>) -> Result<Arc<StreamIn>> {
        let directory = self.state.directory();
        // The address is a secret of its own and not repeated.
        let not_found = || Error::not_found("", "StreamIn");
        let stream = directory.pushed_stream(key).ok_or_else(not_found)?;
        let StreamDelivery::Push { credential_hash, .. } = &stream.delivery else {
            return Err(not_found());
        };
        if !constant_time_eq(sha256_hex(authorization.unwrap_or_default()), credential_hash) {
            return Err(Error::AuthenticationFailed);
        }
        Ok(Arc::clone(stream))
    }

    /// Takes a SET at the address of its stream: when this returns, it is durable (PUSH-14).
    ///
    /// # Errors
    /// As for every SET; 415 for a content type that a strict profile does not take (PUSH-04).
    pub async fn accept_pushed_set(&self, stream: &Arc<StreamIn>, pushed: PushedSet) -> Result<SetOutcome> {
        let directory = self.state.directory();
        let provider = directory.security_events_provider(stream.provider_id.as_str());
        let is_strict = provider.is_some_and(|provider| provider.profile.profile == DialectName::Interop);
        if is_strict && pushed.media_type.as_deref() != Some(SET_MEDIA_TYPE) {
            return Err(Error::Catalogued {
                status: 415,
                code: "E0000012",
                summary: "The content type must be application/secevent+jwt".to_owned(),
                causes: Vec::new(),
            });
        }
        let mut origin = pushed.origin;
        // The address lets in whoever knows it, and a credential: it is not for the System Log.
        origin.request_uri = format!("{}{}", StreamIn::PUSH_PREFIX, stream.id);
        origin.url.clone_from(&origin.request_uri);
        self.receive_set(&pushed.body, &SetVia::Stream(Arc::clone(stream)), origin)
            .await
    }

    /// Takes a SET that a poll has brought under `key`.
    pub(super) async fn take_polled(&self, stream: &Arc<StreamIn>, key: &str, set: &[u8]) -> Taken {
        // POLL-12: what is acknowledged by this name must be what has it.
        let claims = UnverifiedSet::parse(set).map(|set| set.jws().unverified_claims());
        // Why it cannot be read is said by whoever takes it.
        if let Ok(Ok(claims)) = claims
            && claims.get("jti").and_then(|jti| jti.as_str()) != Some(key)
        {
            return Taken::Refused(WRONG_KEY);
        }
        let via = SetVia::Stream(Arc::clone(stream));
        match self.receive_set(set, &via, RequestOrigin::default()).await {
            Ok(SetOutcome::Accepted) => Taken::New,
            Ok(SetOutcome::Duplicate) => Taken::Repeat,
            Err(Error::Set(error)) => Taken::Refused(error),
            Err(error) => Taken::NotNow(error),
        }
    }
}
