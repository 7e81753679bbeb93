//! Configuration: flag before environment before file before default, all from one [`table`].

mod file;
pub(crate) mod flags;
pub(crate) mod key_secret;
pub(crate) mod layers;
mod log_streams;
pub(crate) mod reference;
mod shared_signals;
pub(crate) mod show;
mod sign_ins;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub(crate) mod value;

use std::{fmt::Display, net::SocketAddr, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use watchfire_app::{
    Settings as AppSettings,
    geo::{Folder, GeoSettings},
    identity::administrators::ConsoleLimits,
    insight::log_tail::TailLimits,
    intake::{event_keys::EventKeyLimits, transmitter_metadata::MetadataLimits},
    response::delivery::DeliveryLimits,
    sequencer::SequencerLimits,
    state::{OutboxLimits, SignalLimits},
};
use watchfire_crypto::key_wrap::KeySecret;
use watchfire_domain::entity_risk::GuardLimits;
use watchfire_http::{Limits as EdgeLimits, listener::ListenerLimits};
use watchfire_store::{disk::RealDisk, segments::SegmentSizes, settings::Settings as StoreSettings};

use self::{
    flags::Flags,
    layers::{Environment, Layers, Raw},
    value::{LogFormat, Network, Size, Time},
};

/// Why the configuration is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// A file that is named cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The configuration file is wrong at this place.
    #[error("{path}:{line}:{column}: {reason}")]
    File {
        path: PathBuf,
        line: usize,
        column: usize,
        reason: String,
    },
    /// The variable and its `…_FILE` are both set.
    #[error("{variable} and {variable}_FILE are both set: take one away")]
    Twice { variable: String },
    /// A value that the setting cannot have.
    #[error("{name} (from {origin}): {reason}")]
    Value {
        name: &'static str,
        origin: String,
        reason: String,
    },
    /// Two settings that contradict each other, or one that needs another.
    #[error("{0}")]
    Contradiction(String),
}

/// The settings of a server, read and checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) admin_listen: Option<SocketAddr>,
    /// Without a slash at its end.
    pub(crate) public_url: Option<String>,
    pub(crate) dev: bool,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) admin_token: Option<SecretString>,
    pub(crate) data_dir: PathBuf,
    /// The URL of the database, when it is not the embedded one: it may hold a password.
    pub(crate) postgres: Option<SecretString>,
    pub(crate) key_file: Option<PathBuf>,
    /// What the key file is encrypted under.
    pub(crate) key_secret: Option<KeySecret>,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
    /// With an org URL that [`Config::settings`] replaces.
    app: AppSettings,
    pub(crate) edge: EdgeLimits,
    pub(crate) listener: ListenerLimits,
    pub(crate) store: StoreSettings,
}

/// What the listener needs for https.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// `shutdown-deadline` at the most: the whole end must fit into ten seconds (architecture section 4).
const MAX_SHUTDOWN_SECONDS: u64 = 9;
/// `action-drain` at the most: it comes after the listener's end.
const MAX_DRAIN: Duration = Duration::from_millis(900);
/// Characters of an administrator's token at the least (architecture section 4).
const MIN_TOKEN_CHARS: usize = 8;

impl Config {
    /// Reads flags, environment and file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub(crate) fn load(flags: &Flags) -> Result<Self, ConfigError> {
        Self::load_in(flags, &|variable| std::env::var(variable).ok())
    }

    /// As [`Config::load`], with another environment.
    pub(crate) fn load_in(flags: &Flags, environment: Environment<'_>) -> Result<Self, ConfigError> {
        Self::read(&Layers::read(flags, environment)?)
    }

    /// Reads and checks the values of `layers`.
    pub(crate) fn read(layers: &Layers) -> Result<Self, ConfigError> {
        let values = Values(layers);
        if let Some(raw) = layers.get("database") {
            raw.values
                .first()
                .map_or(Ok(()), |url| check_database(url))
                .map_err(|reason| values.fault("database", reason))?;
        }
        let config = Self {
            listen: values.one("listen")?,
            admin_listen: values.optional("admin-listen")?,
            public_url: values.checked("public-url", org_url)?,
            dev: values.one("dev")?,
            tls: tls(values.optional("tls-cert")?, values.optional("tls-key")?)?,
            trusted_proxies: values.many("trusted-proxy")?.into_iter().map(|Network(net)| net).collect(),
            admin_token: values.checked("admin-token", admin_token)?,
            data_dir: values.data_dir()?,
            postgres: values.postgres()?,
            key_file: values.optional("key-file")?,
            key_secret: values.key_secret()?,
            log: values.one("log")?,
            log_format: values.one("log-format")?,
            app: values.app()?,
            edge: values.edge()?,
            listener: values.listener()?,
            store: values.store()?,
        };
        config.check()
    }

    /// The settings of the use cases of the installation at `org_url`.
    pub(crate) fn settings(&self, org_url: &str) -> AppSettings {
        AppSettings {
            org_url: org_url.to_owned(),
            ..self.app.clone()
        }
    }

    /// The org URL of a server that is bound to `bound`.
    pub(crate) fn org_url(&self, bound: SocketAddr) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        if bound.ip().is_unspecified() {
            return format!("{scheme}://localhost:{}", bound.port());
        }
        format!("{scheme}://{bound}")
    }

    fn check(self) -> Result<Self, ConfigError> {
        if self.listen.ip().is_unspecified() && self.public_url.is_none() && !self.dev {
            return Err(ConfigError::Contradiction(format!(
                "listen is {}, which is every address of this machine: say with --public-url (WATCHFIRE_PUBLIC_URL) under which \
                 URL clients reach it",
                self.listen
            )));
        }
        Ok(self)
    }
}

fn tls(cert: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>, ConfigError> {
    match (cert, key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
        _ => Err(ConfigError::Contradiction(
            "tls-cert and tls-key go together: give both or neither".to_owned(),
        )),
    }
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

fn check_database(url: &str) -> Result<(), String> {
    if is_postgres(url) {
        return Url::parse(url).map(|_| ()).map_err(|error| format!("is no URL: {error}"));
    }
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.trim_start_matches("//").is_empty() => Ok(()),
        _ => Err("must be sqlite: and a folder, or a URL that begins with postgres://".to_owned()),
    }
}

/// The org URL as it is written into issuers: `scheme://host[:port]`.
fn org_url(text: &str) -> Result<String, String> {
    const FORM: &str = "must be http(s)://host[:port] and nothing behind it";
    let url = Url::parse(text).map_err(|_| FORM.to_owned())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !bare || url.password().is_some() {
        return Err(FORM.to_owned());
    }
    if url
        .host_str()
        .is_some_and(|host| host.split('.').any(|label| label.ends_with("-admin")))
    {
        // The official SDKs refuse such a URL (clients.md 3), as the guides tell people to.
        return Err("must not be an admin URL: leave \"-admin\" out of the host".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn admin_token(text: &str) -> Result<SecretString, String> {
    if text.chars().count() < MIN_TOKEN_CHARS {
        return Err(format!("must have {MIN_TOKEN_CHARS} characters or more"));
    }
    if text
        .chars()
        .any(|character| character.is_control() || character.is_whitespace())
    {
        return Err("must not have blanks in it".to_owned());
    }
    Ok(SecretString::from(text))
}

impl Config {
    /// The first administrator's token, for the one place that stores its hash.
    pub(crate) fn exposed_admin_token(&self) -> Option<String> {
        self.admin_token.as_ref().map(|token| token.expose_secret().to_owned())
    }
}

/// Typed access to the layers.
struct Values<'a>(&'a Layers);

impl Values<'_> {
    fn fault(&self, name: &'static str, reason: impl Display) -> ConfigError {
        ConfigError::Value {
            name,
            origin: self.0.get(name).map_or_else(String::new, |raw| raw.origin.to_string()),
            reason: reason.to_string(),
        }
    }

    fn texts(&self, name: &'static str) -> &[String] {
        self.0.get(name).map_or(&[], |raw| &raw.values)
    }

    fn checked<T>(&self, name: &'static str, check: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, ConfigError> {
        // A flag that is repeated counts as its last occurrence.
        let text = self.texts(name).last();
        text.map(|text| check(text).map_err(|reason| self.fault(name, reason)))
            .transpose()
    }

    fn optional<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<Option<T>, ConfigError> {
        self.checked(name, |text| {
            text.parse()
                .map_err(|reason: T::Err| format!("'{text}' is not taken: {reason}"))
        })
    }

    fn one<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<T, ConfigError> {
        self.optional(name)?.ok_or_else(|| self.fault(name, "there is no value"))
    }

    fn many<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<Vec<T>, ConfigError> {
        let parse = |text: &String| {
            text.parse()
                .map_err(|reason| self.fault(name, format!("'{text}' is not taken: {reason}")))
        };
        self.texts(name).iter().map(parse).collect()
    }

    /// A time that would stop everything if it were zero.
    fn time(&self, name: &'static str) -> Result<Duration, ConfigError> {
        let time = self.time_or_zero(name)?;
        if time.is_zero() {
            return Err(self.fault(name, "must be more than zero"));
        }
        Ok(time)
    }

    fn time_or_zero(&self, name: &'static str) -> Result<Duration, ConfigError> {
        self.one::<Time>(name).map(|Time(time)| time)
    }

    fn size(&self, name: &'static str) -> Result<usize, ConfigError> {
        self.one::<Size>(name).map(|Size(size)| size)
    }

    fn bytes(&self, name: &'static str) -> Result<u64, ConfigError> {
        self.size(name).map(|size| u64::try_from(size).unwrap_or(u64::MAX))
    }

    /// A number that would stop everything if it were zero.
    fn positive<T: FromStr<Err: Display> + PartialEq + Default>(&self, name: &'static str) -> Result<T, ConfigError> {
        let number = self.one::<T>(name)?;
        if number == T::default() {
            return Err(self.fault(name, "must be 1 or more"));
        }
        Ok(number)
    }

    fn key_secret(&self) -> Result<Option<KeySecret>, ConfigError> {
        let passphrase = self.checked("key-passphrase", key_secret::passphrase)?;
        let key = self.checked("key-encryption-key", key_secret::key)?;
        if passphrase.is_some() && key.is_some() {
            return Err(ConfigError::Contradiction(
                "key-passphrase and key-encryption-key are both set: the key file is under one of them".to_owned(),
            ));
        }
        Ok(passphrase.or(key))
    }

    fn postgres(&self) -> Result<Option<SecretString>, ConfigError> {
        let url = self.texts("database").last();
        Ok(url.filter(|url| is_postgres(url)).map(|url| SecretString::from(url.clone())))
    }

    fn data_dir(&self) -> Result<PathBuf, ConfigError> {
        let named = self.texts("database").last().and_then(|url| url.strip_prefix("sqlite:"));
        match named {
            Some(path) => Ok(PathBuf::from(path.strip_prefix("//").unwrap_or(path))),
            None => self.one("data-dir"),
        }
    }

    fn app(&self) -> Result<AppSettings, ConfigError> {
        Ok(AppSettings {
            dev: self.one("dev")?,
            risk_calls_per_minute: self.one("risk-calls-per-minute")?,
            api_calls_per_minute: self.one("api-calls-per-minute")?,
            log_calls_per_minute: self.one("log-calls-per-minute")?,
            logins_per_second: self.one("logins-per-second")?,
            sign_in_calls_per_second: self.one("sign-in-calls-per-second")?,
            token_calls_per_second: self.one("token-calls-per-second")?,
            outbound_allow: self.many("outbound-allow")?,
            clock_skew: self.time_or_zero("clock-skew")?,
            sequencer: SequencerLimits {
                queue: self.positive("command-queue")?,
                group: self.positive("command-group")?,
                retry_after: self.time_or_zero("retry-after")?,
                purge_every: self.time("purge-interval")?,
                purge_again: self.time("purge-again")?,
                look_every: self.time("node-look-interval")?,
                stale_after: self.time("node-stale-after")?,
                index_wait: self.time_or_zero("index-wait")?,
            },
            signals: SignalLimits {
                live: self.positive("live-signals")?,
            },
            password_hashes: self.positive("password-hashes")?,
            event_keys: EventKeyLimits {
                fetch: self.time("event-keys-timeout")?,
                pause: self.time("event-keys-pause")?,
                patience: self.time_or_zero("event-keys-patience")?,
                waiting: self.positive("event-keys-waiting")?,
            },
            sets: self.sets()?,
            streams: self.streams()?,
            metadata: MetadataLimits {
                fetch: self.time("metadata-timeout")?,
                refresh: Some(self.time_or_zero("metadata-refresh")?).filter(|period| !period.is_zero()),
            },
            delivery: self.delivery()?,
            author_may_approve: self.one("author-may-approve")?,
            guard: GuardLimits {
                action_cooldown: self.time_or_zero("entity-action-cooldown")?,
                provider_reach_cap: self.one("provider-reach-cap")?,
                provider_reach_window: self.time("provider-reach-window")?,
            },
            geo: self.geo()?,
            sign_ins: self.sign_ins()?,
            log_streams: self.log_streams()?,
            simulations: self.simulations()?,
            console: ConsoleLimits {
                idle: self.time("console-idle-timeout")?,
                lifetime: self.time("console-session-lifetime")?,
                invitation: self.time("invitation-lifetime")?,
                sign_ins_per_minute: self.one("console-sign-ins-per-minute")?,
                code_tries: self.one("console-code-tries")?,
                code_pause: self.time("console-code-pause")?,
                tails: TailLimits {
                    all: self.one("console-live-tails")?,
                    each: self.one("console-live-tails-each")?,
                    heartbeat: self.time("console-live-tail-heartbeat")?,
                },
                ..ConsoleLimits::default()
            },
            effective: self.0.iter().map(Raw::effective).collect(),
            ..AppSettings::new("")
        })
    }

    fn geo(&self) -> Result<GeoSettings, ConfigError> {
        Ok(GeoSettings {
            folder: Some(Folder::of(&self.data_dir()?).path().to_owned()),
            check_every: self.time("geo-check-interval")?,
            stale_after: self.time("geo-stale-after")?,
            doubtful_after: self.time("geo-doubtful-after")?,
            max_bytes: u64::try_from(self.size("geo-max-file-size")?).unwrap_or(u64::MAX),
        })
    }

    fn delivery(&self) -> Result<DeliveryLimits, ConfigError> {
        let drain = self.time_or_zero("action-drain")?;
        if drain > MAX_DRAIN {
            return Err(self.fault(
                "action-drain",
                "must be 900ms or less, so that the whole end takes less than ten seconds",
            ));
        }
        Ok(DeliveryLimits {
            calls: self.positive("action-calls")?,
            timeout: self.time("action-timeout")?,
            horizon: self.time("action-retry-horizon")?,
            drain,
            hook_quota: self.hook_quota()?,
            outbox: OutboxLimits {
                queue_per_target: self.positive("action-queue-per-target")?,
                calls_per_target: self.positive("action-calls-per-target")?,
            },
            sole: true,
        })
    }

    fn edge(&self) -> Result<EdgeLimits, ConfigError> {
        Ok(EdgeLimits {
            max_body_bytes: self.size("max-body-size")?,
            max_body_memory: self.size("max-body-memory")?,
            body_timeout: self.time("body-timeout")?,
            handler_timeout: self.time("handler-timeout")?,
            max_parameters: self.positive("max-parameters")?,
            api_calls_per_minute: self.one("api-calls-per-minute")?,
        })
    }

    fn listener(&self) -> Result<ListenerLimits, ConfigError> {
        let shutdown_deadline = self.time("shutdown-deadline")?;
        if shutdown_deadline.as_secs() > MAX_SHUTDOWN_SECONDS {
            return Err(self.fault(
                "shutdown-deadline",
                "must be 9s or less, so that the whole end takes less than ten",
            ));
        }
        Ok(ListenerLimits {
            max_connections: self.positive("max-connections")?,
            max_header_bytes: self.size("max-header-size")?,
            handshake_timeout: self.time("handshake-timeout")?,
            header_timeout: self.time("header-timeout")?,
            write_timeout: self.time("write-timeout")?,
            shutdown_deadline,
        })
    }

    fn store(&self) -> Result<StoreSettings, ConfigError> {
        Ok(StoreSettings {
            readers: self.positive("store-readers")?,
            busy_timeout: self.time("store-busy-timeout")?,
            statement_timeout: self.time("store-statement-timeout")?,
            idle_in_group: self.time("node-turn-idle")?,
            node_timeout: self.time("node-timeout")?,
            kept_groups: self.positive("node-kept-groups")?,
            dedupe_partition_rows: self.positive("dedupe-partition-rows")?,
            log_partition_rows: self.positive("log-partition-rows")?,
            log_retention: self.time("log-retention")?,
            log_rows_looked_at: self.positive("log-rows-looked-at")?,
            log_rows_read_through: self.positive("log-rows-read-through")?,
            log_query_timeout: self.time("log-query-timeout")?,
            cached_answers: self.positive("store-cached-answers")?,
            cached_bytes: self.size("store-cached-bytes")?,
            page_cache_bytes: self.size("store-page-cache")?,
            write_ahead_bytes: self.size("store-write-ahead")?,
            journal: self.one("journal")?,
            segments: SegmentSizes {
                first: self.bytes("journal-first-segment-size")?,
                most: self.bytes("journal-segment-size")?,
            },
            backlog_bytes: self.size("journal-backlog-bytes")?,
            disk: Arc::new(RealDisk),
        })
    }
}
