//! The use cases, the sequencer and the hot state.
//!
//! A use case checks that its caller may, reads what it needs, gives a command to the sequencer and
//! returns typed values. It knows nothing of HTTP; `http` turns requests into calls and answers into
//! bytes.
//!
//! | module | holds |
//! |---|---|
//! | [`identity`] | clients, tokens, users, sign-in |
//! | [`intake`] | what providers send |
//! | [`insight`] | the System Log |
//! | [`response`] | policies, rules, zones |
//! | [`sequencer`] | the one order of everything that changes state |
//! | [`state`] | what is kept in memory, published after each sync |
//! | [`geo`] | where addresses are |
//! | [`restore`], [`sealed`] | a store that comes from a backup; the secrets in it |
//! | [`access`] | who calls, and what it may do |
//! | [`start`](mod@start) | from an open store to a running application |

pub mod access;
mod catalogue;
mod client_credential;
pub mod clock;
mod duty;
pub mod entropy;
pub mod error;
pub mod geo;
pub mod identity;
pub mod ids;
pub mod insight;
pub mod intake;
pub mod json;
mod kept;
pub mod metrics;
pub mod rate;
pub mod reads;
pub mod response;
pub mod restore;
pub mod sealed;
pub mod sequencer;
pub mod settings;
pub mod start;
pub mod state;
pub mod vault;

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use watchfire_crypto::{digest::sha256_hex, mac::HmacSha256};
use watchfire_domain::notice::{NoteTurnedAway, TurnedAway};
use watchfire_egress::{Egress, JwksCache, Policy, jwks::JwksLimits};
use watchfire_model::log::RequestOrigin;
use watchfire_oauth::dpop::Nonces;
use watchfire_store::{cluster::Cluster, index::Index};

use self::{
    access::Principal,
    geo::Geo,
    identity::{
        Failures, client_keys::ClientKeys, console::CodeTries, oidc::Oidc, passwords::Passwords, signing_keys::SigningKeys,
    },
    insight::{log_tail::OpenTails, overview::Tallies, simulations::Simulations},
    intake::{
        event_keys::EventKeys, streams_in::StreamsIn, transmitter_metadata::MetadataSchedule,
        verification_turns::VerificationTurns,
    },
    kept::Kept,
    rate::{RateLimit, RateLimiter, RateWindow, shared::SharedCounts},
    sequencer::Commands,
    state::State,
};
pub use watchfire_oauth::openid;

pub use self::{
    clock::Clock,
    entropy::Entropy,
    error::{Challenge, Error, Result},
    settings::Settings,
    start::{Parts, Started, start},
    vault::Vault,
};

/// The application: every use case is a method. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    inner: Arc<Inner>,
}

/// What the use cases work with.
#[derive(Debug)]
pub struct Inner {
    commands: Commands,
    index: Arc<dyn Index>,
    state: Arc<State>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    vault: Vault,
    settings: Settings,
    signing_keys: ArcSwapOption<SigningKeys>,
    risk_calls: RateLimiter,
    api_calls: RateLimiter,
    log_calls: RateLimiter,
    sign_in_calls: RateLimiter,
    token_calls: RateLimiter,
    /// Tokens that come from where they may not: written down once a minute each.
    misplaced_tokens: RateLimiter,
    set_calls: RateLimiter,
    issuer_calls: RateLimiter,
    egress: Egress,
    client_keys: ClientKeys,
    event_keys: EventKeys,
    verification_turns: VerificationTurns,
    metadata_schedule: MetadataSchedule,
    nonces: Nonces,
    logins: RateLimiter,
    console_logins: RateLimiter,
    console_sign_ins: RateLimiter,
    console_callbacks: RateLimiter,
    oidc: Oidc,
    /// What a browser was sent away with, until it comes back.
    kept: Kept,
    code_tries: CodeTries,
    failures: Failures,
    passwords: Passwords,
    streams: StreamsIn,
    geo: Geo,
    simulations: Simulations,
    tallies: Tallies,
    tails: Arc<OpenTails>,
}

/// What an application is given from outside, beside its store.
struct Given {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    vault: Vault,
    settings: Settings,
    /// What it shares with other nodes, where there can be any.
    cluster: Option<Arc<dyn Cluster>>,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl App {
    fn new(commands: Commands, index: Arc<dyn Index>, state: Arc<State>, given: Given) -> Result<Self> {
        let Given {
            clock,
            entropy,
            vault,
            settings,
            cluster,
        } = given;
        let counts = cluster.clone().map(SharedCounts::start);
        let limiter = |name, limit| RateLimiter::new(limit).together(counts.as_ref(), name);
        let risk_calls = limiter("risk_calls", RateLimit::per_minute(settings.risk_calls_per_minute));
        let api_calls = limiter("api_calls", RateLimit::per_minute(settings.api_calls_per_minute));
        let log_calls = limiter("log_calls", RateLimit::per_minute(settings.log_calls_per_minute));
        let sign_in_calls = limiter("sign_in_calls", RateLimit::per_second(settings.sign_in_calls_per_second));
        let token_calls = limiter("token_calls", RateLimit::per_second(settings.token_calls_per_second));
        let set_calls = limiter("set_calls", RateLimit::per_second(settings.sets.calls_per_address));
        let issuer_calls = limiter("issuer_calls", RateLimit::per_second(settings.sets.calls_per_issuer));
        let egress = Egress::new(Policy {
            allow: settings.outbound_allow.clone(),
            dev: settings.dev,
        });
        let client_keys = ClientKeys::new(JwksCache::new(egress.clone(), JwksLimits::default()));
        let event_keys = EventKeys::new(egress.clone(), settings.event_keys);
        let verification_turns = VerificationTurns::new(settings.sets.verifications);
        let nonces = Nonces::new(HmacSha256::new(vault.nonce_key()));
        let logins = limiter("logins", RateLimit::per_second(settings.logins_per_second));
        // A window of its own: calls of `authn`, which need no credential, use up nobody's way to the console.
        let console_logins = limiter("console_logins", RateLimit::per_second(settings.logins_per_second));
        let console_sign_ins = limiter(
            "console_sign_ins",
            RateLimit::per_minute(settings.console.sign_ins_per_minute),
        );
        let console_callbacks = limiter(
            "console_callbacks",
            RateLimit::per_minute(settings.console.sign_ins_per_minute),
        );
        let oidc = Oidc::new(egress.clone(), settings.console.provider);
        let failures = Failures::new(settings.lockout, counts.clone());
        let passwords = Passwords::new(settings.password_hashes, &*entropy)?;
        let geo = Geo::new(settings.geo.clone());
        let signing_keys = ArcSwapOption::empty();
        let inner = Inner {
            commands,
            index,
            state,
            clock,
            entropy,
            vault,
            settings,
            signing_keys,
            risk_calls,
            api_calls,
            log_calls,
            sign_in_calls,
            token_calls,
            misplaced_tokens: RateLimiter::new(RateLimit::per_minute(1)),
            set_calls,
            issuer_calls,
            egress,
            client_keys,
            event_keys,
            verification_turns,
            metadata_schedule: MetadataSchedule::default(),
            nonces,
            logins,
            console_logins,
            console_sign_ins,
            console_callbacks,
            oidc,
            kept: Kept::new(cluster),
            code_tries: CodeTries::new(counts),
            failures,
            passwords,
            streams: StreamsIn::default(),
            geo,
            simulations: Simulations::default(),
            tallies: Tallies::default(),
            tails: Arc::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What the operator decided.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// The hot state.
    pub fn state(&self) -> &State {
        &self.inner.state
    }

    /// Writes down that calls were turned away, once a window, without making anybody wait (okta.md 8.6).
    pub fn note_rate_limit(&self, window: Option<&RateWindow>, of: &str, caller: &Principal, origin: &RequestOrigin) {
        let Some(window) = window.filter(|window| window.is_first_refused) else {
            return;
        };
        self.note_turned_away(NoteTurnedAway {
            why: TurnedAway::TooManyCalls {
                of: of.to_owned(),
                limit: window.limit,
            },
            actor: caller.actor.clone(),
            origin: origin.clone(),
        });
    }

    pub(crate) fn note_turned_away(&self, command: NoteTurnedAway) {
        let commands = self.commands.clone();
        tokio::spawn(async move {
            if let Err(error) = commands.run(command).await {
                tracing::debug!(error = %error, "a call that was turned away was not written down");
            }
        });
    }

    /// Counts a management call of `caller` (okta.md 11.5).
    pub async fn count_api_call(&self, caller: &Principal) -> Option<RateWindow> {
        self.api_calls.count(caller.rate_key(), self.clock.now()).await
    }

    /// Counts a call of `caller` that asks about a sign-in or tells its outcome.
    pub async fn count_sign_in_call(&self, caller: &Principal) -> Option<RateWindow> {
        self.sign_in_calls.count(caller.rate_key(), self.clock.now()).await
    }

    /// Counts an answer over HTTP.
    pub fn count_answer(&self, method: &str, status: u16, seconds: f64) {
        self.commands.metrics().answered(method, status, seconds);
    }

    /// Every metric in Prometheus' text format.
    pub fn metrics_text(&self) -> String {
        let metrics = self.commands.metrics();
        for (kind, age) in self.geo.ages(self.clock.now()) {
            metrics.geo_data(kind.as_str(), age);
        }
        metrics.behind(self.commands.behind());
        metrics.lag(self.commands.lag().unwrap_or_default());
        metrics.print(self.state.signals().len(), self.commands.queued(), self.state.outbox().len())
    }

    /// Decisions that were acknowledged and that reads of the index do not see yet.
    pub fn decisions_behind(&self) -> u64 {
        self.commands.behind()
    }

    /// Whether the store answers, and this node knows what other nodes have decided (`/readyz`).
    ///
    /// # Errors
    /// When either is not so.
    pub async fn ready(&self) -> Result<()> {
        self.demand_freshness()?;
        Ok(self.index.ping().await?)
    }

    /// How much of what other nodes have decided may be missing here, in time; nothing where there are none.
    pub fn node_lag(&self) -> Option<Duration> {
        self.commands.lag()
    }

    /// Refuses on a node that has not seen for too long what others have decided.
    pub(crate) fn demand_freshness(&self) -> Result<()> {
        if self.commands.is_stale() {
            return Err(self.commands.unavailable());
        }
        Ok(())
    }
}

/// The SHA-256 of `bytes`, lower-case hexadecimal: addresses of files are made from it.
pub fn checksum(bytes: &[u8]) -> String {
    sha256_hex(bytes)
}
