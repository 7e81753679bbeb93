//! Taking Security Event Tokens (okta.md 6, ssf.md 1.5).

use std::{net::IpAddr, sync::Arc};

use serde_json::Value;
use watchfire_crypto::jwk::KeySet;
pub use watchfire_domain::security_event::SetOutcome;
use watchfire_domain::security_event::{AcceptSet, SetKeys};
use watchfire_model::{
    log::RequestOrigin,
    object::{SecurityEventsProvider, Status, StreamIn},
    row::DedupeKey,
};
pub use watchfire_ssf::set::ClockSkew;
use watchfire_ssf::{Dialect, Expected, SetError, UnverifiedSet, VerifiedSet, VerifyFailure};

use super::{event_keys::NoEventKeys, risk_events::dedupe_key};
use crate::{App, Error, Result};

/// What receiving may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetLimits {
    /// Bytes of a body (JWT-08).
    pub max_bytes: usize,
    /// Calls a second and address; 0 is no limit.
    pub calls_per_address: u32,
    /// Calls a second, issuer and address; 0 is no limit.
    pub calls_per_issuer: u32,
    /// How far senders' clocks may be off.
    pub skew: ClockSkew,
    /// Signatures of one provider's tokens that are checked at one time: who floods us with bad ones gets
    /// no more of the processor than this.
    pub verifications: usize,
}

impl Default for SetLimits {
    fn default() -> Self {
        Self {
            max_bytes: 64 * 1024,
            calls_per_address: 4_000,
            calls_per_issuer: 2_000,
            skew: ClockSkew::default(),
            verifications: 2,
        }
    }
}

/// The way by which a token came.
#[derive(Clone, Debug)]
pub enum SetVia {
    /// The endpoint that all providers share: whose it is, its issuer says.
    Endpoint,
    /// A stream of ours: its provider and its audience are fixed (ssf.md 1.5 step 3, AMB-40).
    Stream(Arc<StreamIn>),
}

impl App {
    /// Counts a call from this address; refused ones count too.
    ///
    /// # Errors
    /// [`Error::RateLimited`] past the limit.
    pub async fn count_set_call(&self, from: IpAddr) -> Result<()> {
        match self.set_calls.count(from, self.clock.now()).await {
            Some(window) if !window.allowed => Err(Error::RateLimited),
            _ => Ok(()),
        }
    }

    /// Takes the token in `body`, in any form of clients.md 9: when this returns, it is durable, with all
    /// that follows from it.
    ///
    /// # Errors
    /// [`Error::Set`] with what the sender is told, and nothing stored; [`Error::RateLimited`] and
    /// [`Error::Unavailable`] when it may come again.
    pub async fn receive_set(&self, body: &[u8], via: &SetVia, origin: RequestOrigin) -> Result<SetOutcome> {
        let read = UnverifiedSet::parse_within(body, self.settings.sets.max_bytes).map_err(Error::Set);
        let known = read.and_then(|set| Ok((self.set_provider(&set, via)?, set)));
        let (provider, taken) = match known {
            Ok((provider, set)) => {
                let taken = self.take_set(&provider, &set, via, origin).await;
                (provider.id.to_string(), taken)
            }
            Err(error) => (NOBODY.to_owned(), Err(error)),
        };
        let metrics = self.commands.metrics();
        match &taken {
            Ok(SetOutcome::Accepted) => metrics.took_set(provider, "accepted"),
            Ok(SetOutcome::Duplicate) => metrics.took_set(provider, "duplicate"),
            Err(error) => metrics.refused_set(provider, err_of(error)),
        }
        taken
    }

    async fn take_set(
        &self,
        provider: &SecurityEventsProvider,
        unverified: &UnverifiedSet,
        via: &SetVia,
        origin: RequestOrigin,
    ) -> Result<SetOutcome> {
        self.count_set(provider, &origin).await?;
        let set = self.verify_set(unverified, provider, via).await?;
        let directory = self.state.directory();
        let command = AcceptSet {
            provider: provider.id.clone(),
            keys: set_keys(&set),
            set: Arc::new(set),
            body: unverified.jws().to_compact().into(),
            stream: match via {
                SetVia::Endpoint => None,
                SetVia::Stream(stream) => Some(stream.id.clone()),
            },
            streams: match via {
                SetVia::Endpoint => directory.streams_of(&provider.id).map(|stream| stream.id.clone()).collect(),
                SetVia::Stream(_) => Vec::new(),
            },
            org_urls: self.org_urls().into(),
            guard: self.settings.guard,
            origin,
        };
        self.commands.run(command).await
    }

    fn set_provider(&self, set: &UnverifiedSet, via: &SetVia) -> Result<Arc<SecurityEventsProvider>> {
        let directory = self.state.directory();
        let found = match via {
            SetVia::Endpoint => directory.security_events_provider_of(set.issuer()),
            SetVia::Stream(stream) => directory.security_events_provider(stream.provider_id.as_str()),
        };
        found
            .filter(|provider| provider.status == Status::Active && provider.issuer == set.issuer())
            .cloned()
            .ok_or_else(|| Error::Set(SetError::unknown_issuer()))
    }

    /// Counted before the signature is looked at, by issuer and address: nobody uses up a vendor's calls
    /// by writing its name on tokens, and no vendor uses up those of others behind the same address.
    async fn count_set(&self, provider: &SecurityEventsProvider, origin: &RequestOrigin) -> Result<()> {
        let key = (provider.id.as_str(), origin.client.ip_address);
        match self.issuer_calls.count(key, self.clock.now()).await {
            Some(window) if !window.allowed => Err(Error::RateLimited),
            _ => Ok(()),
        }
    }

    async fn verify_set(&self, set: &UnverifiedSet, provider: &SecurityEventsProvider, via: &SetVia) -> Result<VerifiedSet> {
        let (ours, named);
        let audiences = match via {
            SetVia::Stream(stream) if !stream.audience.is_empty() => &stream.audience,
            // AMB-23: it may come before the transmitter has told us what `aud` is. That it is for this
            // stream, its address and its credential say until then.
            SetVia::Stream(stream) if stream.remote_id.is_none() => {
                named = named_audiences(set);
                &named
            }
            SetVia::Stream(_) | SetVia::Endpoint => {
                ours = self.org_urls();
                &ours
            }
        };
        let expected = Expected {
            dialect: Dialect::named(provider.profile.profile),
            issuer: &provider.issuer,
            audiences,
            now: self.clock.now(),
            skew: self.settings.sets.skew,
        };
        let known = self
            .event_keys(provider)
            .await
            .map_err(|error| self.no_keys(provider, via, &error))?;
        let failure = match self.verify_in_turn(set, provider, known.keys(), &expected).await {
            Ok(set) => return Ok(set),
            Err(failure) => failure,
        };
        if failure.needs_newer_keys()
            && let Some(newer) = self.newer_event_keys(provider, &known).await
        {
            let verified = self.verify_in_turn(set, provider, newer.keys(), &expected).await;
            return verified.map_err(refused);
        }
        Err(refused(failure))
    }

    async fn verify_in_turn(
        &self,
        set: &UnverifiedSet,
        provider: &SecurityEventsProvider,
        keys: &KeySet,
        expected: &Expected<'_>,
    ) -> Result<VerifiedSet, VerifyFailure> {
        let _turn = self.verification_turns.take(&provider.id).await;
        set.verify(keys, expected)
    }

    /// A vendor whose keys cannot be had is told so (okta.md 6.5). One with a stream comes again: what a
    /// poll refuses is gone for good (POLL-02). So does one of whose tokens too many wait already: that is
    /// no fault of ours, and the keys may be there in a moment (PUSH-12).
    fn no_keys(&self, provider: &SecurityEventsProvider, via: &SetVia, error: &NoEventKeys) -> Error {
        if matches!(error, NoEventKeys::Unavailable(_)) {
            tracing::warn!(provider = provider.id.as_str(), error = %error, "no keys to verify a SET with");
        }
        match (error, via) {
            (NoEventKeys::Unavailable(_), SetVia::Endpoint) => Error::Set(SetError::no_key()),
            (NoEventKeys::Unavailable(_), SetVia::Stream(_)) => Error::Unavailable {
                retry_after: self.settings.sequencer.retry_after,
            },
            (NoEventKeys::Busy, _) => Error::RateLimited,
        }
    }
}

/// Whose a token is that names no provider that is known.
const NOBODY: &str = "none";

/// What the metric calls it.
const fn err_of(error: &Error) -> &'static str {
    match error {
        Error::Set(refused) => refused.code.as_str(),
        Error::RateLimited => "rate_limited",
        Error::Unavailable { .. } => "temporarily_unavailable",
        _ => "server_error",
    }
}

/// `aud` as the token has it.
fn named_audiences(set: &UnverifiedSet) -> Vec<String> {
    let claims = set.jws().unverified_claims().unwrap_or_default();
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn refused(failure: VerifyFailure) -> Error {
    Error::Set(failure.into_error())
}

/// SET-22: by issuer, so that one provider's tokens never stand in the way of another's, and so that what
/// was received is remembered past the provider's removal.
fn set_keys(set: &VerifiedSet) -> SetKeys {
    let key = |space: &str, value: &str| -> DedupeKey { dedupe_key(space, &set.issuer, &memory_of(value)) };
    let content = watchfire_crypto::digest::hex(set.digest);
    SetKeys {
        jti: key("set", &set.jti),
        content: key("set content", &format!("{}\0{content}", set.jti)),
        conflict: key("set conflict", &set.jti),
    }
}

/// What a key is made of.
#[cfg(not(feature = "sabotage-no-dedupe"))]
const fn memory_of(value: &str) -> std::borrow::Cow<'_, str> {
    std::borrow::Cow::Borrowed(value)
}

/// The defect: nothing is remembered.
#[cfg(feature = "sabotage-no-dedupe")]
fn memory_of(value: &str) -> std::borrow::Cow<'_, str> {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    std::borrow::Cow::Owned(format!("{value} {count}"))
}
