//! `watchfire`: the server and the tools around it.

mod action;
mod admin;
mod api;
mod app;
mod backup;
mod bench;
mod command;
mod config;
mod data;
mod demo;
mod doctor;
mod eval;
mod event_provider;
mod explain;
mod feedback;
mod generate_signins;
mod jwt;
mod key;
mod key_file;
mod key_protection;
mod keygen;
mod log;
mod migrate;
mod policy;
mod provider;
mod reference;
mod restore;
mod serve;
mod set;
mod simulate;
mod store_place;
mod stream;
mod system;
mod terminal;
mod token;
mod transmitter;
mod user;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use self::terminal::Terminal;

/// ADR 0021.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A self-hosted hub for risk signals, wire-compatible with Okta.
#[derive(Debug, Parser)]
#[command(name = "watchfire", version, about, propagate_version = true)]
struct Cli {
    /// Print JSON for programs.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(config::flags::Flags),
    /// Show the effective settings and where each is from; secrets are masked
    Config(config::show::Arguments),
    /// Make a key pair for a provider
    Keygen(keygen::Arguments),
    /// Work with JSON Web Tokens
    #[command(subcommand)]
    Jwt(jwt::Command),
    /// Service apps and what they are granted
    #[command(subcommand)]
    App(app::Command),
    /// Risk providers, and sending risk events as one
    #[command(subcommand)]
    Provider(provider::Command),
    /// Security events providers: vendors whose Security Event Tokens are taken
    #[command(subcommand)]
    EventProvider(event_provider::Command),
    /// The vendor's side: a key pair, the documents that receivers look for, and a process that serves them
    #[command(subcommand)]
    Transmitter(transmitter::Command),
    /// Security Event Tokens: make, sign, send, look into
    #[command(subcommand)]
    Set(set::Command),
    /// Incoming streams: made at transmitters with a stream API, verified, watched
    #[command(subcommand)]
    Stream(stream::Command),
    /// API tokens of administrators
    #[command(subcommand)]
    Token(token::Command),
    /// Administrators of the Admin Console: invitations and roles
    #[command(subcommand)]
    Admin(admin::Command),
    /// Users and their second factor
    #[command(subcommand)]
    User(user::Command),
    /// Sign-on policies, and the rule that makes risk count
    #[command(subcommand)]
    Policy(policy::Command),
    /// What rules want done: approvals, dead letters
    #[command(subcommand)]
    Action(action::Command),
    /// Files that say where addresses are: countries, cities, networks
    #[command(subcommand)]
    Data(data::Command),
    /// Read the System Log
    Log(log::Arguments),
    /// Say why a sign-in was judged as it was, and compute it again from the recorded numbers
    Explain(explain::Arguments),
    /// Say what findings turned out to be, and see what that has taught
    #[command(subcommand)]
    Feedback(feedback::Command),
    /// Check a running installation and say what to do about each fault
    Doctor(doctor::Arguments),
    /// Write everything that the store keeps into one file, while the server runs
    Backup(backup::Arguments),
    /// Make a store out of a backup, or check one
    Restore(restore::Arguments),
    /// Move an installation from one store to another
    Migrate(migrate::Arguments),
    /// The key file: what it is encrypted under
    #[command(subcommand)]
    Key(key_protection::Command),
    /// Play the whole guide on a temporary server, and leave it up
    Demo(demo::Arguments),
    /// Try policies, thresholds and providers out on recorded sign-ins
    Simulate(simulate::Arguments),
    /// Measure a scorer on a file of sign-ins
    Eval(eval::Arguments),
    /// Generate a file of sign-ins, honest and hostile, out of a seed
    GenerateSignins(generate_signins::Arguments),
    /// Prepare measurements: fill a data directory with an invented log
    #[command(subcommand)]
    Bench(bench::Command),
    /// Print the OpenAPI document of everything that is served
    Openapi,
    /// Print the reference of all commands (Markdown)
    #[command(hide = true)]
    CliReference,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let terminal = Terminal::new(cli.json);
    match run(cli.command, &terminal).await {
        Ok(code) => code,
        Err(error) if command::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("watchfire: {error:#}");
            command::exit_code(&error)
        }
    }
}

async fn run(command: Command, terminal: &Terminal) -> Result<ExitCode> {
    match command {
        Command::Serve(flags) => return serve::run(&flags).await,
        Command::Config(arguments) => return config::show::run(&arguments, terminal),
        Command::Keygen(arguments) => keygen::run(&arguments, terminal)?,
        Command::Jwt(command) => return jwt::run(&command, terminal),
        Command::App(command) => app::run(&command, terminal).await?,
        Command::Provider(command) => provider::run(&command, terminal).await?,
        Command::EventProvider(command) => event_provider::run(&command, terminal).await?,
        Command::Transmitter(command) => transmitter::run(&command, terminal).await?,
        Command::Set(command) => return set::run(&command, terminal).await,
        Command::Stream(command) => stream::run(&command, terminal).await?,
        Command::Token(command) => token::run(&command, terminal).await?,
        Command::Admin(command) => admin::run(&command, terminal).await?,
        Command::User(command) => user::run(&command, terminal).await?,
        Command::Policy(command) => policy::run(&command, terminal).await?,
        Command::Action(command) => action::run(&command, terminal).await?,
        Command::Data(command) => data::run(&command, terminal)?,
        Command::Explain(arguments) => explain::run(&arguments, terminal).await?,
        Command::Feedback(command) => feedback::run(&command, terminal).await?,
        Command::Log(arguments) => log::run(&arguments, terminal).await?,
        Command::Doctor(arguments) => return doctor::run(&arguments, terminal).await,
        Command::Backup(arguments) => backup::run(&arguments, terminal).await?,
        Command::Restore(arguments) => restore::run(&arguments, terminal).await?,
        Command::Migrate(arguments) => migrate::run(&arguments, terminal).await?,
        Command::Key(command) => key_protection::run(&command, terminal)?,
        Command::Demo(arguments) => return demo::run(&arguments, terminal).await,
        Command::Simulate(arguments) => simulate::run(&arguments, terminal).await?,
        Command::Eval(arguments) => eval::run(&arguments, terminal)?,
        Command::GenerateSignins(arguments) => generate_signins::run(&arguments, terminal)?,
        Command::Bench(command) => bench::run(&command, terminal).await?,
        Command::Openapi => terminal.print(&watchfire_http::document()?)?,
        Command::CliReference => terminal.print(&reference::markdown::<Cli>())?,
    }
    Ok(ExitCode::SUCCESS)
}
