//! `watchfire serve`: from settings to a running server and back down again.

use std::{
    fs,
    io::{IsTerminal as _, Write as _},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use watchfire_app::{Parts, Settings, Started, Vault, sequencer::Ended};
use watchfire_http::{Edge, Limits, Site, links::Links, listener};
use watchfire_store::{settings::Settings as StoreSettings, sqlite};

use crate::{
    command, key_file,
    system::{SystemClock, SystemEntropy},
};

/// The flags of `serve`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, env = "WATCHFIRE_LISTEN", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Folder of the embedded store.
    #[arg(long, env = "WATCHFIRE_DATA_DIR", default_value = "data")]
    pub(crate) data_dir: PathBuf,
    /// File with the key under which secrets are sealed; made if it is not there.
    #[arg(long, env = "WATCHFIRE_KEY_FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// The org URL: issuer, audiences and links are made from it.
    #[arg(long, env = "WATCHFIRE_PUBLIC_URL")]
    pub(crate) public_url: Option<String>,
    /// For a laptop: outbound http and loopback addresses are allowed.
    #[arg(long, env = "WATCHFIRE_DEV")]
    pub(crate) dev: bool,
    /// Proxies that are believed about whom they speak for.
    #[arg(long, env = "WATCHFIRE_TRUSTED_PROXY", value_delimiter = ',')]
    pub(crate) trusted_proxy: Vec<ipnet::IpNet>,
    /// Risk calls a minute and provider; 0 is no limit.
    #[arg(long, env = "WATCHFIRE_RISK_CALLS_PER_MINUTE", default_value_t = 3)]
    pub(crate) risk_calls_per_minute: u32,
    /// Management calls a minute and credential; 0 is no limit.
    #[arg(long, env = "WATCHFIRE_API_CALLS_PER_MINUTE", default_value_t = 1200)]
    pub(crate) api_calls_per_minute: u32,
    /// Sign-in attempts a second and user name; 0 is no limit.
    #[arg(long, env = "WATCHFIRE_LOGINS_PER_SECOND", default_value_t = 4)]
    pub(crate) logins_per_second: u32,
    /// The first administrator's token; made and shown once when absent.
    #[arg(long = "admin-token", env = "WATCHFIRE_ADMIN_TOKEN", hide = true, hide_env_values = true)]
    pub(crate) admin_token: Option<String>,
}

/// Runs until a signal or a failed sync.
///
/// # Errors
/// When it cannot start.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    start_logging();
    let stop = CancellationToken::new();
    let server = Server::start(&arguments, stop.clone()).await?;
    server.announce(&arguments)?;
    tokio::spawn(stop_on_signal(stop.clone()));
    server.run(stop).await
}

/// A server that is bound and whose store is open.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) org_url: String,
    started: Started,
    listener: TcpListener,
    site: Site,
    sequencer_stop: CancellationToken,
}

impl Server {
    /// Opens the store, binds the address and starts the sequencer.
    ///
    /// # Errors
    /// When any of the three fails, or the settings contradict each other.
    pub(crate) async fn start(arguments: &Arguments, stop: CancellationToken) -> Result<Self> {
        if arguments.admin_token.as_ref().is_some_and(|token| token.chars().count() < 8) {
            bail!("WATCHFIRE_ADMIN_TOKEN must have 8 characters or more");
        }
        let listener = TcpListener::bind(arguments.listen)
            .await
            .with_context(|| format!("cannot listen on {}", arguments.listen))?;
        let org_url = org_url(arguments, listener.local_addr()?)?;
        let settings = Settings {
            dev: arguments.dev,
            risk_calls_per_minute: arguments.risk_calls_per_minute,
            api_calls_per_minute: arguments.api_calls_per_minute,
            logins_per_second: arguments.logins_per_second,
            ..Settings::new(&org_url)
        };
        // The sequencer outlives the listener: what is in flight may still give commands.
        let sequencer_stop = CancellationToken::new();
        let started = start_app(arguments, settings, sequencer_stop.clone()).await?;
        let edge = Edge {
            links: Links::new(&org_url),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            trusted_proxies: arguments.trusted_proxy.clone(),
            tls: false,
            limits: Limits {
                api_calls_per_minute: arguments.api_calls_per_minute,
                ..Limits::default()
            },
        };
        let site = Site::new(Arc::new(edge), watchfire_http::router(started.app.clone()));
        let _ = stop;
        Ok(Self {
            org_url,
            started,
            listener,
            site,
            sequencer_stop,
        })
    }

    fn announce(&self, arguments: &Arguments) -> Result<()> {
        let mut out = std::io::stdout();
        writeln!(
            out,
            "Watchfire listens on http://{} as {}",
            self.listener.local_addr()?,
            self.org_url
        )?;
        if let (Some(token), None) = (&self.started.first_token, &arguments.admin_token) {
            if out.is_terminal() {
                writeln!(out, "First administrator's API token, shown once: {token}")?;
            } else {
                let path = arguments.data_dir.join("admin-token");
                write_secret(&path, token)?;
                writeln!(out, "First administrator's API token: in {}", path.display())?;
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
            site,
            sequencer_stop,
            ..
        } = self;
        let mut sequencer = started.sequencer;
        let serving = listener::serve(listener, None, site, listener::ListenerLimits::default(), stop.clone());
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
                tracing::error!(error = %error, "a sync failed: what was acknowledged is safe; start again");
                Ok(ExitCode::from(command::SYNC_UNKNOWN))
            }
        }
    }
}

async fn start_app(arguments: &Arguments, settings: Settings, stop: CancellationToken) -> Result<Started> {
    let key_path = arguments.key_file.clone().map_or_else(key_file::default_path, Ok)?;
    let vault = Vault::new(&key_file::read_or_make(&key_path)?)?;
    fs::create_dir_all(&arguments.data_dir)
        .with_context(|| format!("cannot make the data directory {}", arguments.data_dir.display()))?;
    let clock = Arc::new(SystemClock);
    let now = watchfire_app::Clock::now(&*clock);
    let store = sqlite::open(&arguments.data_dir, &StoreSettings::default(), now)
        .await
        .with_context(|| format!("cannot open the store in {}", arguments.data_dir.display()))?;
    let parts = Parts {
        last_decision: store.journal.last_published(),
        journal: store.journal,
        index: Arc::new(store.reader),
        epoch: store.epoch,
        clock,
        entropy: Arc::new(SystemEntropy),
        vault,
        settings,
        first_token: arguments.admin_token.clone(),
    };
    watchfire_app::start(parts, stop)
        .await
        .context("cannot start; was the store made with another key file?")
}

fn org_url(arguments: &Arguments, bound: SocketAddr) -> Result<String> {
    if let Some(url) = &arguments.public_url {
        let url = url.trim_end_matches('/');
        let parsed: url::Url = url.parse().with_context(|| format!("--public-url {url} is no URL"))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.path() != "/" || parsed.query().is_some() {
            bail!("--public-url must be http(s)://host[:port] and nothing behind it");
        }
        return Ok(url.to_owned());
    }
    if bound.ip().is_unspecified() && !arguments.dev {
        bail!("--listen {bound} is every address: say with --public-url under which one this server is known");
    }
    Ok(format!("http://{bound}"))
}

fn write_secret(path: &Path, secret: &str) -> Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    Ok(())
}

fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("WATCHFIRE_LOG").unwrap_or_else(|_| "info".into());
    let format = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    // A second start in one process (the demo) keeps the first.
    let _ = format.try_init();
}

async fn stop_on_signal(stop: CancellationToken) {
    let terminate = async {
        if let Ok(mut signal) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            signal.recv().await;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
    stop.cancel();
}
