//! The one table of settings. The flags, the environment's names, the keys of the file, the
//! reference and `watchfire config` are all made from it.

mod log_streams;
mod shared_signals;
mod sign_ins;
mod store;

/// What a setting is about; the reference has a section for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Where the server listens and what it is called.
    Server,
    /// What it keeps and where.
    Storage,
    /// Whom it may call.
    Outbound,
    /// Signing in to the Admin Console.
    Console,
    /// What it says.
    Logging,
    /// Limits that people turn.
    Rates,
    /// All other limits.
    Limits,
}

impl Section {
    pub(crate) const ALL: [Self; 7] = [
        Self::Server,
        Self::Storage,
        Self::Outbound,
        Self::Console,
        Self::Logging,
        Self::Rates,
        Self::Limits,
    ];

    /// Above the section's flags in the help.
    pub(crate) const fn heading(self) -> &'static str {
        match self {
            Self::Server => "Settings: Server",
            Self::Storage => "Settings: Storage",
            Self::Outbound => "Settings: Outbound calls",
            Self::Console => "Settings: Admin Console",
            Self::Logging => "Settings: Logging",
            Self::Rates => "Settings: Rate limits",
            Self::Limits => "Settings: Limits",
        }
    }

    /// Above the section in the reference.
    pub(crate) fn title(self) -> &'static str {
        self.heading().trim_start_matches("Settings: ")
    }
}

/// What may be shown of a setting, and where it may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// Everybody may see it.
    Public,
    /// A URL in which a password may stand.
    Url,
    /// Nobody may see it, and it has neither a flag (other users read them in the list of processes)
    /// nor a key in the file.
    Secret,
}

/// How often a setting may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arity {
    /// `true` or `false`; the flag alone is `true`.
    Switch,
    /// One value.
    One,
    /// A list: the flag is repeated, the environment has commas, the file a list.
    Many,
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Flag and key in the file; the environment's name is `WATCHFIRE_` and this in capitals.
    pub(crate) name: &'static str,
    pub(crate) section: Section,
    pub(crate) arity: Arity,
    pub(crate) secrecy: Secrecy,
    /// What the value looks like.
    pub(crate) form: &'static str,
    pub(crate) default: Option<&'static str>,
    /// What the reference says of the default where there is no value to print.
    pub(crate) without: &'static str,
    pub(crate) help: &'static str,
}

impl Setting {
    /// Its name in the environment.
    pub(crate) fn variable(&self) -> String {
        format!("WATCHFIRE_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    const fn one(section: Section, name: &'static str, form: &'static str, default: &'static str, help: &'static str) -> Self {
        Self {
            default: Some(default),
            ..Self::optional(section, name, form, "", help)
        }
    }

    const fn optional(
        section: Section,
        name: &'static str,
        form: &'static str,
        without: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            name,
            section,
            arity: Arity::One,
            secrecy: Secrecy::Public,
            form,
            default: None,
            without,
            help,
        }
    }

    const fn many(section: Section, name: &'static str, form: &'static str, help: &'static str) -> Self {
        Self {
            arity: Arity::Many,
            ..Self::optional(section, name, form, "none", help)
        }
    }

    const fn switch(section: Section, name: &'static str, help: &'static str) -> Self {
        Self {
            arity: Arity::Switch,
            ..Self::one(section, name, "true|false", "false", help)
        }
    }

    const fn limit(name: &'static str, form: &'static str, default: &'static str, help: &'static str) -> Self {
        Self::one(Section::Limits, name, form, default, help)
    }
}

/// The setting called `name`.
pub(crate) fn find(name: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.name == name)
}

/// Every setting, in the order of the reference.
pub(crate) fn settings() -> impl Iterator<Item = &'static Setting> {
    SETTINGS
        .iter()
        .chain(store::SETTINGS)
        .chain(shared_signals::SETTINGS)
        .chain(sign_ins::SETTINGS)
        .chain(log_streams::SETTINGS)
}

use Section::{Console, Logging, Outbound, Rates, Server, Storage};

const SETTINGS: &[Setting] = &[
    Setting::one(
        Server,
        "listen",
        "ADDR:PORT",
        "127.0.0.1:8080",
        "Address and port to serve on; port 0 takes a free one",
    ),
    Setting::optional(
        Server,
        "admin-listen",
        "ADDR:PORT",
        "not served apart",
        "Address and port for /metrics, /healthz and /readyz without a token",
    ),
    Setting::optional(
        Server,
        "public-url",
        "URL",
        "the bound address over http (https with `tls-cert`)",
        "The org URL: issuer, audiences and links are made from it. A wildcard address needs it, outside --dev",
    ),
    Setting::switch(
        Server,
        "dev",
        "For a laptop: outbound http and loopback addresses are allowed, every spelling of the local org URL counts as it",
    ),
    Setting::optional(
        Server,
        "tls-cert",
        "FILE",
        "no TLS",
        "Certificate chain (PEM) for serving https; needs tls-key",
    ),
    Setting::optional(Server, "tls-key", "FILE", "no TLS", "Private key (PEM) of tls-cert"),
    Setting::many(
        Server,
        "trusted-proxy",
        "CIDR",
        "Proxies whose X-Forwarded-For and Forwarded are believed, also in --dev",
    ),
    Setting {
        secrecy: Secrecy::Secret,
        ..Setting::optional(
            Server,
            "admin-token",
            "TOKEN",
            "made at the first start and shown once",
            "The first administrator's API token, of 8 characters or more; looked at on the first start only",
        )
    },
    Setting::one(Storage, "data-dir", "FOLDER", "./data", "Where the embedded store is"),
    Setting {
        secrecy: Secrecy::Url,
        ..Setting::optional(
            Storage,
            "database",
            "URL",
            "SQLite in `data-dir`",
            "The database: sqlite:FOLDER or postgres://USER:PASSWORD@HOST/DATABASE (15 or later; sslmode and the like as usual)",
        )
    },
    Setting::optional(
        Storage,
        "key-file",
        "FILE",
        "`watchfire/key` in the user's configuration folder",
        "The key under which secrets are sealed; made on the first start, and no part of the data",
    ),
    Setting {
        secrecy: Secrecy::Secret,
        ..Setting::optional(
            Storage,
            "key-passphrase",
            "TEXT",
            "the key file is not under one",
            "The passphrase that the key file is encrypted under; a new key file is encrypted under it",
        )
    },
    Setting {
        secrecy: Secrecy::Secret,
        ..Setting::optional(
            Storage,
            "key-encryption-key",
            "BASE64",
            "the key file is not under one",
            "The 32 bytes that the key file is encrypted under, instead of a passphrase; a new key file is encrypted under them",
        )
    },
    Setting::many(
        Outbound,
        "outbound-allow",
        "PURPOSE=CIDR",
        "Addresses that outbound calls may reach although they are private: PURPOSE is jwks, streams, push, hooks, logout, oidc, \
         feeds or logs",
    ),
    Setting::one(
        Outbound,
        "action-retry-horizon",
        "TIME",
        "24h",
        "How long a webhook or a logout call is tried again before it is a dead letter",
    ),
    Setting::one(
        Outbound,
        "action-timeout",
        "TIME",
        "10s",
        "Time of one call to a webhook or a logout endpoint; an event hook has three seconds",
    ),
    Setting::switch(
        Outbound,
        "author-may-approve",
        "Whoever changed a rule last may approve the actions that it asks for: for an organisation of one administrator",
    ),
    Setting::one(
        Console,
        "console-idle-timeout",
        "TIME",
        "30m",
        "A session in the Admin Console that is not used for so long ends",
    ),
    Setting::one(
        Console,
        "console-session-lifetime",
        "TIME",
        "12h",
        "A session in the Admin Console ends after so long in any case",
    ),
    Setting::one(
        Console,
        "invitation-lifetime",
        "TIME",
        "72h",
        "How long an administrator's invitation works",
    ),
    Setting::one(
        Console,
        "console-sign-ins-per-minute",
        "N",
        "20",
        "Attempts to sign in to the Admin Console per minute and address; 0 is no limit",
    ),
    Setting::one(
        Console,
        "console-code-tries",
        "N",
        "5",
        "Wrong codes in a row after which an administrator has to wait; 0 is no limit",
    ),
    Setting::one(Console, "console-code-pause", "TIME", "15m", "How long that is"),
    Setting::one(
        Console,
        "console-live-tails",
        "N",
        "100",
        "Live tails of the System Log at one time; past it, and where it is 0, the page asks every two seconds instead",
    ),
    Setting::one(
        Console,
        "console-live-tails-each",
        "N",
        "3",
        "Of them, those of one administrator: a browser has six connections to a server without HTTP/2",
    ),
    Setting::one(
        Console,
        "console-live-tail-heartbeat",
        "TIME",
        "15s",
        "After so long without an event a live tail sends something, so that nobody in between takes it for dead",
    ),
    Setting::one(
        Logging,
        "log",
        "FILTER",
        "info",
        "What is logged: a level, or levels by module as in info,watchfire_http=debug",
    ),
    Setting::one(
        Logging,
        "log-format",
        "auto|text|json",
        "auto",
        "How it is logged: auto is text on a terminal and JSON lines elsewhere",
    ),
    Setting::one(
        Rates,
        "risk-calls-per-minute",
        "N",
        "3",
        "Risk calls per minute and provider; 0 is no limit",
    ),
    Setting::one(
        Rates,
        "api-calls-per-minute",
        "N",
        "1200",
        "Management calls per minute and credential; 0 is no limit",
    ),
    Setting::one(
        Rates,
        "logins-per-second",
        "N",
        "4",
        "Sign-in attempts per second and user name; 0 is no limit",
    ),
    Setting::one(
        Rates,
        "sign-in-calls-per-second",
        "N",
        "2000",
        "Sign-ins asked about and outcomes told, per second and credential; 0 is no limit",
    ),
    Setting::one(
        Rates,
        "log-calls-per-minute",
        "N",
        "120",
        "System Log calls per minute and credential; 0 is no limit",
    ),
    Setting::one(
        Rates,
        "token-calls-per-second",
        "N",
        "4",
        "Token requests per second and client; 0 is no limit",
    ),
    Setting::one(
        Rates,
        "set-calls-per-second",
        "N",
        "4000",
        "Security Event Tokens per second and client address; 0 is no limit",
    ),
    Setting::one(
        Rates,
        "set-issuer-calls-per-second",
        "N",
        "2000",
        "Security Event Tokens per second, provider and client address; 0 is no limit",
    ),
    Setting::limit(
        "entity-action-cooldown",
        "TIME",
        "5m",
        "A rule of the entity risk policy acts on the same user once in this time",
    ),
    Setting::limit(
        "provider-reach-cap",
        "N",
        "20",
        "Users on whom one provider's signals may cause actions in the window; beyond that an administrator is asked",
    ),
    Setting::limit("provider-reach-window", "TIME", "1h", "The window of that cap"),
    Setting::limit(
        "max-connections",
        "N",
        "4096",
        "Connections that are open at one time; for a further one, one that waits for its client makes way",
    ),
    Setting::limit(
        "max-header-size",
        "SIZE",
        "64KiB",
        "Longest request line and headers together; 8KiB at the least",
    ),
    Setting::limit("handshake-timeout", "TIME", "5s", "Time that a TLS handshake may take"),
    Setting::limit(
        "header-timeout",
        "TIME",
        "15s",
        "Time in which a request's headers must have arrived, idle time included",
    ),
    Setting::limit(
        "write-timeout",
        "TIME",
        "30s",
        "A client that takes nothing of its answer for so long is given up",
    ),
    Setting::limit(
        "max-body-memory",
        "SIZE",
        "64MiB",
        "What the request bodies beyond 16KiB each take together; past it the answer is 503",
    ),
    Setting::limit(
        "max-body-size",
        "SIZE",
        "1MiB",
        "Longest request body; a longer one is answered 413",
    ),
    Setting::limit(
        "body-timeout",
        "TIME",
        "20s",
        "Time in which a request's body must have arrived; then the answer is 408",
    ),
    Setting::limit("max-set-size", "SIZE", "64KiB", "Longest Security Event Token"),
    Setting::limit("max-parameters", "N", "64", "Parameters in a query or a form"),
    Setting::limit(
        "handler-timeout",
        "TIME",
        "60s",
        "Time in which a request must be answered; then the answer is 503",
    ),
    Setting::limit(
        "shutdown-deadline",
        "TIME",
        "7s",
        "Time that requests in flight have to end after SIGTERM; 9s at the most",
    ),
    Setting::limit("clock-skew", "TIME", "60s", "How far the clocks of clients may be off"),
    Setting::limit(
        "command-queue",
        "N",
        "4096",
        "Changes that may wait for their turn; past it the answer is 503",
    ),
    Setting::limit("command-group", "N", "256", "Changes that share one sync at the most"),
    Setting::limit(
        "retry-after",
        "TIME",
        "1s",
        "What a caller is told to wait who is answered 503",
    ),
    Setting::limit("purge-interval", "TIME", "60s", "How often what has expired is removed"),
    Setting::limit(
        "purge-again",
        "TIME",
        "100ms",
        "How soon the removal goes on that left something behind",
    ),
    Setting::limit(
        "live-signals",
        "N",
        "2000000",
        "Risk signals that count at one time; past it risk calls are answered 503",
    ),
    Setting::limit(
        "password-hashes",
        "N",
        "2",
        "Passwords that are hashed at one time; each takes 19 MiB",
    ),
    Setting::limit(
        "event-keys-timeout",
        "TIME",
        "10s",
        "Time that the key set of a security events provider may take to be fetched",
    ),
    Setting::limit(
        "event-keys-pause",
        "TIME",
        "30s",
        "Time between two fetches of a provider's keys for a key id that is not known",
    ),
    Setting::limit(
        "event-keys-patience",
        "TIME",
        "1s",
        "How long a token waits for keys that are being fetched again before those known are used",
    ),
    Setting::limit(
        "event-keys-waiting",
        "N",
        "256",
        "Tokens that wait for the keys of one provider at one time; past it the answer is 429",
    ),
    Setting::limit(
        "metadata-timeout",
        "TIME",
        "10s",
        "Time that a transmitter's metadata may take to be fetched",
    ),
    Setting::limit(
        "metadata-refresh",
        "TIME",
        "1d",
        "How often the metadata of security events providers is read again; 0s is never",
    ),
    Setting::limit(
        "action-calls",
        "N",
        "64",
        "Calls of actions at one time, to all targets together",
    ),
    Setting::limit(
        "action-calls-per-target",
        "N",
        "4",
        "Calls of actions to one target at one time; one that fails gets one",
    ),
    Setting::limit(
        "action-queue-per-target",
        "N",
        "1000",
        "Actions of one target that are kept in memory; the store has all",
    ),
    Setting::limit(
        "action-drain",
        "TIME",
        "500ms",
        "How long the end of the process waits for calls that are under way; those that are left are made again",
    ),
    Setting::limit(
        "geo-check-interval",
        "TIME",
        "5s",
        "How often the server looks whether the files of geo data have changed",
    ),
    Setting::limit(
        "geo-stale-after",
        "TIME",
        "30d",
        "Age from which on geo data is called stale: it is used, and the operator is told",
    ),
    Setting::limit(
        "geo-doubtful-after",
        "TIME",
        "180d",
        "Age from which on coordinates of geo data are taken for no better than a country's",
    ),
    Setting::limit("geo-max-file-size", "SIZE", "1GiB", "The largest file of geo data"),
];
