//! `watchfire transmitter`: what a vendor needs before a receiver can know it (guide "Prepare the
//! environment"): a key pair, a JWK set, an `ssf-configuration`, and somebody who serves the two.

pub(crate) mod folder;
mod serve;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use watchfire_crypto::{jwk::Curve, signing::NewKey};

use self::folder::{Folder, Metadata, Rotation};
use crate::{
    command::Misuse,
    keygen::KeyPair,
    terminal::{Style, Terminal},
};

/// The folder when nobody says.
pub(crate) const DEFAULT_FOLDER: &str = "transmitter";

/// The vendor's side.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key pair, its JWK set and an ssf-configuration in a folder
    Init(Init),
    /// Serve the JWK set and the ssf-configuration until SIGTERM
    Serve(serve::Arguments),
    /// Sign with a new key; the old one stays published, for what was signed with it
    Rotate(Rotate),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Init {
    /// Folder to make
    #[arg(long, value_name = "DIR", default_value = DEFAULT_FOLDER)]
    dir: PathBuf,
    /// Issuer: what `iss` of your tokens says; without it, the URL at which `transmitter serve` first listens
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Where receivers fetch the JWK set; without it, /jwks.json below the issuer
    #[arg(long, value_name = "URL", requires = "issuer")]
    jwks_uri: Option<String>,
    /// Algorithm that the key signs with
    #[arg(long, value_enum, ignore_case = true, default_value_t = Algorithm::Rs256)]
    alg: Algorithm,
    /// Replace a transmitter that is there
    #[arg(long)]
    force: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Rotate {
    /// The transmitter's folder
    #[arg(long, value_name = "DIR", default_value = DEFAULT_FOLDER)]
    dir: PathBuf,
    /// Only publish the new key; the next `rotate`, a day later, signs with it
    #[arg(long, conflicts_with = "retire")]
    prepare: bool,
    /// Make no key, but take those that sign no longer out of the JWK set
    #[arg(long)]
    retire: bool,
}

/// What Okta's receiver and the standard's take (SET-03, SET-04).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Algorithm {
    /// RSA with 2048 bits
    Rs256,
    /// P-256; not all receivers take it
    Es256,
}

impl Algorithm {
    const fn new_key(self) -> NewKey {
        match self {
            Self::Rs256 => NewKey::Rsa2048,
            Self::Es256 => NewKey::Ec(Curve::P256),
        }
    }
}

/// Runs one of the commands.
///
/// # Errors
/// When a file cannot be read or written, or the address is taken.
pub(crate) async fn run(command: &Command, terminal: &Terminal) -> Result<()> {
    match command {
        Command::Init(arguments) => init(arguments, terminal),
        Command::Serve(arguments) => serve::run(arguments, terminal).await,
        Command::Rotate(arguments) => rotate(arguments, terminal),
    }
}

fn init(arguments: &Init, terminal: &Terminal) -> Result<()> {
    let metadata = arguments.issuer.as_deref().map(|issuer| {
        let jwks_uri = arguments.jwks_uri.clone();
        Metadata {
            issuer: issuer.to_owned(),
            jwks_uri: jwks_uri.unwrap_or_else(|| format!("{}/jwks.json", issuer.trim_end_matches('/'))),
        }
    });
    if let Some(metadata) = &metadata {
        check(metadata)?;
    }
    let pair = KeyPair::generate(arguments.alg.new_key(), None)?;
    let folder = Folder::new(&arguments.dir);
    let files = folder.make(&pair, metadata.as_ref(), arguments.force)?;
    let issuer = metadata.map(|metadata| metadata.issuer);
    if terminal.json() {
        return Ok(terminal.print_json(&json!({
            "issuer": issuer, "kid": pair.key.kid(), "alg": pair.key.algorithm().as_str(), "files": files,
        }))?);
    }
    let names: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    let issuer = issuer.unwrap_or_else(|| "the URL at which `watchfire transmitter serve` will listen".to_owned());
    let made = terminal.paint(Style::Good, "made a transmitter");
    terminal.print(&format!(
        "{made}\nissuer  {issuer}\nkey     {}\nwrote   {}",
        pair.key.kid().unwrap_or_default(),
        names.join(", ")
    ))?;
    Ok(())
}

/// Okta takes any string of up to 700 characters as an issuer, and URLs of up to 1000 (okta.md 5.1).
fn check(metadata: &Metadata) -> Result<(), Misuse> {
    if metadata.issuer.is_empty() || metadata.issuer.chars().count() > 700 {
        return Err(Misuse("--issuer: an issuer has 1 to 700 characters".to_owned()));
    }
    let url = url::Url::parse(&metadata.jwks_uri).ok();
    let usable = url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && metadata.jwks_uri.len() <= 1000);
    if usable {
        return Ok(());
    }
    Err(Misuse(format!(
        "'{}' is no URL for a JWK set: the issuer is not one either, or say --jwks-uri https://…",
        metadata.jwks_uri
    )))
}

fn rotate(arguments: &Rotate, terminal: &Terminal) -> Result<()> {
    let folder = Folder::new(&arguments.dir);
    let rotation = if arguments.retire {
        folder.retire()?
    } else {
        folder.rotate(arguments.prepare)?
    };
    let Rotation { signs, published } = rotation;
    if terminal.json() {
        return Ok(terminal.print_json(&json!({"kid": signs, "published": published}))?);
    }
    let others: Vec<&str> = published.iter().filter(|kid| **kid != signs).map(String::as_str).collect();
    let others = if others.is_empty() { "-".to_owned() } else { others.join(" ") };
    terminal.print(&format!("signs with      {signs}\nalso published  {others}"))?;
    Ok(())
}
