//! What the operator decides and use cases look at.

use std::time::Duration;

use watchfire_domain::entity_risk::GuardLimits;
use watchfire_egress::OutboundAllow;

use crate::{
    App, Result,
    access::Principal,
    geo::GeoSettings,
    identity::{LockoutLimits, SignInLimits, administrators::ConsoleLimits},
    insight::{log_streams::LogStreamLimits, simulations::SimulationLimits},
    intake::{
        event_keys::EventKeyLimits, security_events::SetLimits, streams_in::StreamLimits, transmitter_metadata::MetadataLimits,
    },
    response::delivery::DeliveryLimits,
    sequencer::SequencerLimits,
    state::SignalLimits,
};

/// Settings of the use cases. The command line, the environment and the file are the `cli`'s.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The org URL without a slash at its end: issuer, audience, the root of every link.
    pub org_url: String,
    /// Whether this is a laptop: other spellings of the local org URL are taken in an `aud`.
    pub dev: bool,
    /// Risk calls a minute and provider; 0 is no limit (okta.md 13, row 1).
    pub risk_calls_per_minute: u32,
    /// Management calls a minute and credential; 0 is no limit.
    pub api_calls_per_minute: u32,
    /// Calls of the System Log a minute and credential; 0 is no limit (okta.md 8: a bucket of its own).
    pub log_calls_per_minute: u32,
    /// Sign-in attempts a second and user name; 0 is no limit.
    pub logins_per_second: u32,
    /// Calls a second and credential that ask about a sign-in or tell its outcome; 0 is no limit. They have a
    /// bucket of their own: everybody's sign-ins come under one credential of their identity provider.
    pub sign_in_calls_per_second: u32,
    /// Token requests a second, client and address; 0 is no limit (okta.md 1.3.4).
    pub token_calls_per_second: u32,
    /// How long a key signs before the next one does; `None` never rotates by itself (okta.md 1.6).
    pub signing_key_lifetime: Option<Duration>,
    /// Addresses that are not public and may be reached all the same.
    pub outbound_allow: Vec<OutboundAllow>,
    /// How far a client's clock may be off (okta.md 1.3.2).
    pub clock_skew: Duration,
    /// Limits of the sequencer.
    pub sequencer: SequencerLimits,
    /// Limits of the table of addresses.
    pub signals: SignalLimits,
    /// Passwords that are hashed at one time; each takes 19 MiB.
    pub password_hashes: usize,
    /// When failures in a row lock an account.
    pub lockout: LockoutLimits,
    /// What is decided about the risk of sign-ins.
    pub sign_ins: SignInLimits,
    /// Limits of what is done outside.
    pub delivery: DeliveryLimits,
    /// Whether whoever wrote a rule may approve what it asks for (architecture section 8 says no; an
    /// organisation with one administrator has nobody else).
    pub author_may_approve: bool,
    /// How incoming streams are tended.
    pub streams: StreamLimits,
    /// How the keys of security events providers are fetched.
    pub event_keys: EventKeyLimits,
    /// How transmitters' metadata is fetched.
    pub metadata: MetadataLimits,
    /// What receiving Security Event Tokens may cost.
    pub sets: SetLimits,
    /// What rules of the entity risk policy may do by themselves.
    pub guard: GuardLimits,
    /// How streams of the log work.
    pub log_streams: LogStreamLimits,
    /// What simulations may cost.
    pub simulations: SimulationLimits,
    /// The data sets of addresses.
    pub geo: GeoSettings,
    /// Times and tries of the Admin Console.
    pub console: ConsoleLimits,
    /// Every setting as the operator has made it, for people: what the command line knows and this does not.
    pub effective: Vec<EffectiveSetting>,
}

/// A setting with its value and where that is from; secrets are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveSetting {
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub help: &'static str,
    /// Its values; none where nothing is set.
    pub values: Vec<String>,
    /// The flag, variable or file that has it, or `default`.
    pub origin: String,
}

/// The scope that reads the settings.
pub const READ: &str = "watchfire.read";

impl App {
    /// Every setting with its value, in the order of the reference.
    ///
    /// # Errors
    /// Without the scope.
    pub fn effective_settings(&self, caller: &Principal) -> Result<Vec<EffectiveSetting>> {
        caller.require(READ)?;
        Ok(self.settings.effective.clone())
    }
}

impl Settings {
    /// The defaults for an installation at `org_url`.
    pub fn new(org_url: impl Into<String>) -> Self {
        Self {
            org_url: org_url.into().trim_end_matches('/').to_owned(),
            dev: false,
            risk_calls_per_minute: 3,
            api_calls_per_minute: 1_200,
            log_calls_per_minute: 120,
            logins_per_second: 4,
            sign_in_calls_per_second: 2_000,
            token_calls_per_second: 4,
            signing_key_lifetime: Some(Duration::from_secs(90 * 24 * 3_600)),
            outbound_allow: Vec::new(),
            clock_skew: Duration::from_secs(60),
            sequencer: SequencerLimits::default(),
            signals: SignalLimits::default(),
            password_hashes: 2,
            lockout: LockoutLimits::default(),
            sign_ins: SignInLimits::default(),
            delivery: DeliveryLimits::default(),
            author_may_approve: false,
            streams: StreamLimits::default(),
            event_keys: EventKeyLimits::default(),
            metadata: MetadataLimits::default(),
            sets: SetLimits::default(),
            guard: GuardLimits::default(),
            log_streams: LogStreamLimits::default(),
            simulations: SimulationLimits::default(),
            geo: GeoSettings::default(),
            console: ConsoleLimits::default(),
            effective: Vec::new(),
        }
    }
}
