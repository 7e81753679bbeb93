//! `watchfire bench`: what measurements and trials need beforehand.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use watchfire_app::Clock as _;
use watchfire_engine::generate::log::{LogDecisions, LogParameters, PROVIDERS, Persona, persona};
use watchfire_model::{
    id::{ClientId, RiskProviderId, UserId},
    object::{ProviderAction, RiskProvider, User, UserStatus},
    row::Decision,
    time::Timestamp,
};
use watchfire_store::{
    bulk,
    disk::{self, RealDisk},
    sqlite,
};

use crate::{
    config::{Config, flags::Flags},
    key_file,
    system::SystemClock,
    terminal::Terminal,
};

/// Prepare measurements.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Fill a new data directory with an invented System Log, for a server to be tried or measured on
    Seed(Seed),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Seed {
    /// Events of the System Log: every type, signals and sign-ins above all
    #[arg(default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    events: u64,
    /// Users that they are about; they are made too
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    users: u32,
    /// Days that they are spread over; the last event is of now
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=90))]
    days: u64,
    /// Everything random follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The server's configuration file
    #[arg(long, value_name = "FILE", env = "WATCHFIRE_CONFIG")]
    config: Option<PathBuf>,
    /// The server's data directory [env: WATCHFIRE_DATA_DIR] [default: ./data]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// The server's key file, which is made where there is none [env: WATCHFIRE_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
}

/// Runs one of the commands.
///
/// # Errors
/// When the data directory has a log already, or cannot be written.
pub(crate) async fn run(command: &Command, terminal: &Terminal) -> Result<()> {
    match command {
        Command::Seed(arguments) => seed(arguments, terminal).await,
    }
}

async fn seed(arguments: &Seed, terminal: &Terminal) -> Result<()> {
    let config = Config::load(&arguments.flags())?;
    if config.postgres.is_some() {
        bail!("the settings name a PostgreSQL database, and this fills a data directory: leave --database out");
    }
    let folder = &config.data_dir;
    // The server will not start on a store whose key file is not there.
    let key_path = config.key_file.clone().map_or_else(key_file::default_path, Ok)?;
    key_file::read_or_make(&key_path, config.key_secret.as_ref())?;
    disk::make_folder(&RealDisk, folder).with_context(|| format!("cannot make the data directory {}", folder.display()))?;
    let now = SystemClock.now();
    let store = sqlite::open(folder, &bulk::settings(&config.store), now)
        .await
        .with_context(|| format!("cannot open the store in {}", folder.display()))?;
    let mut journal = store.journal;
    if store.last_published > Timestamp::default() {
        bail!(
            "there is a log in {} already, and no event may be older than its last: take a new folder",
            folder.display()
        );
    }
    let progress = progress(arguments.events.saturating_add(u64::from(arguments.users)))?;
    let begun = Instant::now();
    let written = bulk::write(&mut journal, arguments.decisions(now), |written| {
        progress.set_position(written)
    })
    .await;
    progress.finish_and_clear();
    written.context("the log is not whole: remove the data directory and try again")?;
    let seconds = begun.elapsed().as_secs_f64();
    if terminal.json() {
        let done = json!({"events": arguments.events, "users": arguments.users, "seed": arguments.seed, "seconds": seconds});
        terminal.print_json(&done)?;
    } else {
        let folder = folder.display();
        terminal.print(&format!(
            "{} events about {} users are in {folder}, in {seconds:.0} s. Start the server on it: watchfire serve --data-dir {folder}",
            arguments.events, arguments.users
        ))?;
    }
    Ok(())
}

impl Seed {
    fn flags(&self) -> Flags {
        let given = [("data-dir", &self.data_dir), ("key-file", &self.key_file)];
        let given = given
            .into_iter()
            .filter_map(|(name, value)| Some((name, vec![value.clone()?])));
        Flags {
            file: self.config.clone(),
            values: given.collect(),
        }
    }

    /// The providers and the users, then the log.
    fn decisions(&self, now: Timestamp) -> impl Iterator<Item = Decision> + Send + 'static {
        let from = now.minus(Duration::from_secs(self.days.saturating_mul(24 * 3_600)));
        let log = LogDecisions::new(LogParameters {
            seed: self.seed,
            events: self.events,
            users: self.users,
            from,
            until: now,
        });
        let users = (0..u64::from(self.users)).map(move |number| user(&persona(number), from));
        std::iter::once(providers(from)).chain(users).chain(log)
    }
}

fn providers(at: Timestamp) -> Decision {
    let mut decision = Decision::new();
    for (id, name) in PROVIDERS {
        decision.put(RiskProvider {
            id: RiskProviderId::new(id),
            name: name.to_owned(),
            // An app of its own that is gone: calls with an API token are the default provider's.
            client_id: Some(ClientId::new(id.replace(RiskProviderId::PREFIX, ClientId::PREFIX))),
            action: ProviderAction::EnforceAndLog,
            created: at,
            last_updated: at,
        });
    }
    decision
}

fn user(persona: &Persona, at: Timestamp) -> Decision {
    let profile = json!({
        "login": persona.login,
        "email": persona.login,
        "firstName": persona.first_name,
        "lastName": persona.last_name,
    });
    let mut decision = Decision::new();
    decision.put(User {
        id: UserId::new(&persona.id),
        login: persona.login.clone(),
        profile: profile.as_object().cloned().unwrap_or_default(),
        status: UserStatus::Active,
        password_hash: None,
        administrator: false,
        created: at,
        activated: Some(at),
        status_changed: Some(at),
        last_login: None,
        last_updated: at,
        password_changed: None,
    });
    decision
}

fn progress(length: u64) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:32} {human_pos} of {human_len}, {per_sec}, {eta} to go")?;
    Ok(ProgressBar::new(length).with_style(style))
}
