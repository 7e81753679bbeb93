//! `watchfire serve`: from settings to a running server and back down again.

use std::{
    fs,
    io::{ErrorKind, IsTerminal as _, Write as _},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use watchfire_app::{Clock as _, Parts, Started, Vault, sequencer::Ended};
use watchfire_http::{
    Edge, Site,
    links::Links,
    listener::{self, ListenerLimits, tls},
};
use watchfire_model::time::Timestamp;
use watchfire_store::{
    cluster::Nodes,
    disk::{self, Disk as _, RealDisk},
    index::Index,
    journal::Journal,
    postgres, sqlite,
};
use zeroize::Zeroizing;

use crate::{
    command,
    config::{Config, ConfigError, TlsFiles, flags::Flags, value::LogFormat},
    key_file,
    system::{SystemClock, SystemEntropy},
};

/// Runs until a signal or a failed sync.
///
/// # Errors
/// When it cannot start.
pub(crate) async fn run(flags: &Flags) -> Result<ExitCode> {
    let config = Config::load(flags)?;
    start_logging(&config)?;
    // Before anybody can know that there is a process to be stopped: unheard, a signal would kill it.
    let mut signals = StopSignals::listen()?;
    let server = tokio::select! {
        server = Server::start(&config) => server?,
        () = signals.requested() => return Ok(ExitCode::SUCCESS),
    };
    server.announce(&config)?;
    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move {
            signals.requested().await;
            stop.cancel();
        }
    });
    server.run(stop).await
}

/// A server that is bound and whose store is open.
pub(crate) struct Server {
    pub(crate) org_url: String,
    started: Started,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    limits: ListenerLimits,
    site: Site,
    /// What serves metrics to whoever can reach it.
    admin: Option<(TcpListener, Site)>,
    sequencer_stop: CancellationToken,
}

impl Server {
    /// Opens the store, binds the address and starts the sequencer.
    ///
    /// # Errors
    /// When any of the three fails, or the settings contradict each other.
    pub(crate) async fn start(config: &Config) -> Result<Self> {
        let tls = config.tls.as_ref().map(tls_acceptor).transpose()?;
        // A node that waits for its turn on the database answers nobody.
        let store = OpenStore::of(config).await?;
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        let org_url = config.org_url(listener.local_addr()?);
        // The sequencer outlives the listener: what is in flight may still give commands.
        let sequencer_stop = CancellationToken::new();
        let started = start_app(config, store, &org_url, sequencer_stop.clone()).await?;
        let admin = match config.admin_listen {
            None => None,
            Some(address) => Some(
                TcpListener::bind(address)
                    .await
                    .with_context(|| format!("cannot listen on {address}"))?,
            ),
        };
        let edge = Arc::new(Edge {
            links: Links::new(&org_url),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            trusted_proxies: config.trusted_proxies.clone(),
            tls: tls.is_some(),
            limits: config.edge,
        });
        let admin = admin.map(|listener| {
            let site = Site::new(Arc::clone(&edge), watchfire_http::admin_router(started.app.clone()));
            (listener, site)
        });
        let api = watchfire_http::router(started.app.clone());
        let console = watchfire_console::router(started.app.clone());
        let pages = watchfire_http::pages(started.app.clone(), Arc::clone(&edge), api.clone(), console);
        let site = Site::new(edge, api.merge(pages));
        Ok(Self {
            org_url,
            started,
            listener,
            tls,
            limits: config.listener,
            site,
            admin,
            sequencer_stop,
        })
    }

    fn announce(&self, config: &Config) -> Result<()> {
        let mut out = std::io::stdout();
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let bound = self.listener.local_addr()?;
        writeln!(out, "Watchfire listens on {scheme}://{bound} as {}", self.org_url)?;
        if let Some((listener, _)) = &self.admin {
            writeln!(out, "Metrics: http://{}/metrics", listener.local_addr()?)?;
        }
        if config.dev {
            tracing::warn!("--dev: outbound http and loopback addresses are allowed; this is no way to run in production");
        }
        if let (Some(token), None) = (&self.started.first_token, &config.admin_token) {
            if out.is_terminal() {
                writeln!(out, "First administrator's API token, shown once: {token}")?;
            } else {
                let path = config.data_dir.join("admin-token");
                write_secret(&path, token)?;
                writeln!(out, "First administrator's API token: in {}", path.display())?;
            }
        }
        if let Some(token) = &self.started.first_invitation {
            let link = format!("{}/admin/invitations/{token}", self.org_url);
            if out.is_terminal() {
                writeln!(out, "Admin Console, first administrator (the link works once): {link}")?;
            } else {
                let path = config.data_dir.join("admin-invitation");
                write_secret(&path, &link)?;
                writeln!(out, "Admin Console, first administrator: the link is in {}", path.display())?;
            }
        }
        out.flush()?;
        Ok(())
    }

    /// Serves until `stop`, finishes what is in flight, then ends the sequencer.
    ///
    /// # Errors
    /// When the sequencer panicked.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<ExitCode> {
        let Self {
            started,
            listener,
            tls,
            limits,
            site,
            admin,
            sequencer_stop,
            ..
        } = self;
        let mut sequencer = started.sequencer;
        if let Some((listener, site)) = admin {
            tokio::spawn(listener::serve(listener, None, site, limits, stop.clone()));
        }
        let serving = listener::serve(listener, tls, site, limits, stop.clone());
        let mut serving = std::pin::pin!(serving);
        let ended = tokio::select! {
            drained = &mut serving => {
                tracing::info!(cut = drained.cut, "stopped listening");
                sequencer_stop.cancel();
                sequencer.await?
            }
            ended = &mut sequencer => ended?,
        };
        match ended {
            Ended::Stopped => Ok(ExitCode::SUCCESS),
            Ended::SyncUnknown(error) => {
                let error = anyhow::Error::from(error);
                tracing::error!(error = %format!("{error:#}"), "a sync failed: what was acknowledged is safe; start again");
                Ok(ExitCode::from(command::SYNC_UNKNOWN))
            }
        }
    }
}

/// The store that the settings name, and the vault for its secrets.
struct OpenStore {
    journal: Box<dyn Journal>,
    index: Arc<dyn Index>,
    nodes: Option<Nodes>,
    epoch: u64,
    last_decision: Timestamp,
    vault: Vault,
}

impl OpenStore {
    async fn of(config: &Config) -> Result<Self> {
        let key_path = config.key_file.clone().map_or_else(key_file::default_path, Ok)?;
        let data_dir = &config.data_dir;
        if data_dir.join(sqlite::FILE_NAME).exists() && !key_path.exists() {
            bail!(
                "the store in {} was made with a key file, and {} is not there",
                data_dir.display(),
                key_path.display()
            );
        }
        let key = key_file::read_or_make(&key_path, config.key_secret.as_ref())?;
        let vault = Vault::new(&key)?;
        disk::make_folder(&RealDisk, data_dir)
            .with_context(|| format!("cannot make the data directory {}", data_dir.display()))?;
        match &config.postgres {
            None => Self::sqlite(config, vault).await,
            Some(url) => Self::postgres(config, url, vault).await,
        }
    }

    async fn sqlite(config: &Config, vault: Vault) -> Result<Self> {
        let store = sqlite::open(&config.data_dir, &config.store, SystemClock.now())
            .await
            .with_context(|| format!("cannot open the store in {}", config.data_dir.display()))?;
        Ok(Self {
            last_decision: store.last_published,
            journal: store.journal,
            index: Arc::new(store.reader),
            nodes: None,
            epoch: store.epoch,
            vault,
        })
    }

    async fn postgres(config: &Config, url: &SecretString, vault: Vault) -> Result<Self> {
        let store = postgres::open(url.expose_secret(), &config.store, SystemClock.now())
            .await
            .context("cannot open the store on PostgreSQL")?;
        Ok(Self {
            last_decision: store.journal.last_published(),
            journal: Box::new(store.journal),
            index: Arc::new(store.reader),
            nodes: Some(store.nodes),
            epoch: store.epoch,
            vault,
        })
    }
}

async fn start_app(config: &Config, store: OpenStore, org_url: &str, stop: CancellationToken) -> Result<Started> {
    let parts = Parts {
        last_decision: store.last_decision,
        journal: store.journal,
        index: store.index,
        nodes: store.nodes,
        epoch: store.epoch,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        vault: store.vault,
        settings: config.settings(org_url),
        first_token: config.exposed_admin_token(),
    };
    watchfire_app::start(parts, stop)
        .await
        .context("cannot start; was the store made with another key file?")
}

fn tls_acceptor(files: &TlsFiles) -> Result<TlsAcceptor> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let (certificates, key) = (read(&files.cert)?, Zeroizing::new(read(&files.key)?));
    let pem = tls::TlsPem {
        certificates: &certificates,
        key: &key,
    };
    tls::acceptor(pem).with_context(|| format!("{} and {}", files.cert.display(), files.key.display()))
}

fn write_secret(path: &Path, secret: &str) -> Result<()> {
    // One that is there is of another store, and perhaps not for its owner alone.
    match RealDisk.remove(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => disk::write_new(&RealDisk, path, format!("{secret}\n").as_bytes()),
    }
    .with_context(|| format!("cannot write {}", path.display()))
}

/// Logs go to standard error; standard output is for answers.
pub(crate) fn start_logging(config: &Config) -> Result<()> {
    let filter = EnvFilter::try_new(&config.log).map_err(|error| ConfigError::Contradiction(format!("log: {error}")))?;
    let is_terminal = std::io::stderr().is_terminal();
    let format = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal);
    // A second start in one process (the demo) keeps the first.
    let _ = match (config.log_format, is_terminal) {
        (LogFormat::Json, _) | (LogFormat::Auto, false) => format.json().flatten_event(true).try_init(),
        (LogFormat::Text, _) | (LogFormat::Auto, true) => format.with_target(false).try_init(),
    };
    Ok(())
}

/// SIGTERM and Ctrl-C, heard from the moment on at which this is made.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system gives no handler.
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for either.
    pub(crate) async fn requested(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
