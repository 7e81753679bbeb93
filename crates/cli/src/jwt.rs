//! `watchfire jwt`: sign a client assertion, look into a token, verify one.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use watchfire_app::Clock as _;
use watchfire_crypto::{
    jwk::{Algorithm, KeySet},
    jws::{Header, UnverifiedJws},
};

use crate::{
    command,
    key::{Assertion, read_private, token_endpoint},
    system::SystemClock,
    terminal::{Style, Terminal},
};

/// Work with JSON Web Tokens.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign a client assertion for the token endpoint
    Assertion(AssertionArguments),
    /// Show what is in a token, without verifying it
    Decode(DecodeArguments),
    /// Verify a token's signature and times against public keys
    Verify(VerifyArguments),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct AssertionArguments {
    /// Private key: JWK, what `keygen --json` printed, or PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Client id of the service app: `iss` and `sub`
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// Org URL; the audience is its token endpoint
    #[arg(long, env = "WATCHFIRE_URL")]
    url: String,
    /// Another audience than the token endpoint
    #[arg(long, value_name = "AUD")]
    audience: Option<String>,
    /// Seconds until it expires; servers refuse more than 3600
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    expires_in: u32,
    /// Leave `jti` out, so that it can be used more than once
    #[arg(long)]
    no_jti: bool,
    /// Key id in the header instead of the key's own
    #[arg(long)]
    kid: Option<String>,
    /// Leave `kid` out of the header
    #[arg(long, conflicts_with = "kid")]
    no_kid: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct DecodeArguments {
    /// The token; without it, or with -, from standard input
    token: Option<String>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyArguments {
    /// The token; without it, or with -, from standard input
    token: Option<String>,
    /// File with a JWK set
    #[arg(long, value_name = "FILE", required_unless_present = "jwk", conflicts_with = "jwk")]
    jwks: Option<PathBuf>,
    /// File with one public JWK
    #[arg(long, value_name = "FILE")]
    jwk: Option<PathBuf>,
    /// Audience that must be in `aud`
    #[arg(long)]
    aud: Option<String>,
    /// Issuer that `iss` must be
    #[arg(long)]
    iss: Option<String>,
    /// Seconds that the clocks may differ
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    leeway: u32,
}

/// Runs one of the commands.
///
/// # Errors
/// When a file cannot be read or a token is none. A token that is not valid is no error, but
/// [`command::FAILED`].
pub(crate) fn run(command: &Command, terminal: &Terminal) -> Result<ExitCode> {
    match command {
        Command::Assertion(arguments) => assertion(arguments, terminal),
        Command::Decode(arguments) => decode(arguments, terminal),
        Command::Verify(arguments) => verify(arguments, terminal),
    }
}

fn assertion(arguments: &AssertionArguments, terminal: &Terminal) -> Result<ExitCode> {
    let mut key = read_private(&arguments.key)?;
    if arguments.no_kid || arguments.kid.is_some() {
        key = key.with_kid(arguments.kid.clone());
    }
    let endpoint = token_endpoint(&arguments.url);
    let assertion = Assertion {
        client_id: &arguments.client_id,
        audience: arguments.audience.as_deref().unwrap_or(&endpoint),
        now: SystemClock.now().as_seconds(),
        expires_in: i64::from(arguments.expires_in),
        with_jti: !arguments.no_jti,
    };
    let token = assertion.sign(&key)?;
    if terminal.json() {
        let shown = shown(&UnverifiedJws::parse(&token)?)?;
        terminal.print_json(&json!({"assertion": token, "header": shown.header, "claims": shown.claims}))?;
    } else {
        terminal.print(&token)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn decode(arguments: &DecodeArguments, terminal: &Terminal) -> Result<ExitCode> {
    let token = read_token(arguments.token.as_deref())?;
    let shown = shown(&UnverifiedJws::parse(&token)?)?;
    if terminal.json() {
        terminal.print_json(&json!({"verified": false, "header": shown.header, "claims": shown.claims}))?;
    } else {
        let warning = terminal.paint(Style::Warning, "UNVERIFIED: anybody can have written this");
        terminal.print(&format!("{warning}\n\n{}", shown.text(terminal)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(arguments: &VerifyArguments, terminal: &Terminal) -> Result<ExitCode> {
    let keys = read_keys(arguments)?;
    let token = read_token(arguments.token.as_deref())?;
    let checks = Checks {
        now: SystemClock.now().as_seconds(),
        leeway: i64::from(arguments.leeway),
        aud: arguments.aud.as_deref(),
        iss: arguments.iss.as_deref(),
    };
    let verdict = checks.verify(&token, &keys);
    if terminal.json() {
        let answer = match &verdict {
            Ok(shown) => json!({"verified": true, "header": shown.header, "claims": shown.claims}),
            Err(reason) => json!({"verified": false, "reason": reason}),
        };
        terminal.print_json(&answer)?;
    } else {
        match &verdict {
            Ok(shown) => terminal.print(&format!(
                "{}\n\n{}",
                terminal.paint(Style::Good, "verified"),
                shown.text(terminal)
            ))?,
            Err(reason) => terminal.print(&format!("{}: {reason}", terminal.paint(Style::Bad, "not valid")))?,
        }
    }
    Ok(if verdict.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(command::FAILED)
    })
}

/// What a token must be beside signed.
struct Checks<'a> {
    now: i64,
    leeway: i64,
    aud: Option<&'a str>,
    iss: Option<&'a str>,
}

impl Checks<'_> {
    fn verify(&self, token: &str, keys: &KeySet) -> Result<Shown, String> {
        let jws = UnverifiedJws::parse(token).map_err(|error| error.to_string())?;
        let verified = jws.verify(keys).map_err(|error| match std::error::Error::source(&error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        })?;
        let claims = verified.claims().map_err(|error| error.to_string())?;
        self.check(&claims)?;
        Ok(Shown::new(verified.header(), claims))
    }

    fn check(&self, claims: &Map<String, Value>) -> Result<(), String> {
        if let Some(exp) = time(claims, "exp")?
            && exp.saturating_add(self.leeway) <= self.now
        {
            return Err(format!("it expired {} seconds ago", self.now - exp));
        }
        for name in ["nbf", "iat"] {
            if time(claims, name)?.is_some_and(|from| from.saturating_sub(self.leeway) > self.now) {
                return Err(format!("its {name} is in the future"));
            }
        }
        let holds = |name: &str, wanted: &str| match claims.get(name) {
            Some(Value::String(text)) => text == wanted,
            Some(Value::Array(items)) if name == "aud" => items.iter().any(|item| item == wanted),
            _ => false,
        };
        for (name, wanted) in [("aud", self.aud), ("iss", self.iss)] {
            if wanted.is_some_and(|wanted| !holds(name, wanted)) {
                let found = claims.get(name).unwrap_or(&Value::Null);
                return Err(format!("its {name} is {found}"));
            }
        }
        Ok(())
    }
}

fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, String> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_i64()
            .map(Some)
            .ok_or_else(|| format!("its {name} is no number of seconds")),
    }
}

/// A token's parts, for people and programs.
struct Shown {
    header: Value,
    claims: Value,
}

impl Shown {
    fn new(header: &Header, claims: Map<String, Value>) -> Self {
        Self {
            header: Value::Object(header.members().clone()),
            claims: Value::Object(claims),
        }
    }

    fn text(&self, terminal: &Terminal) -> String {
        let heading = |title: &str| terminal.paint(Style::Heading, title);
        format!(
            "{}\n{:#}\n{}\n{:#}",
            heading("Header"),
            self.header,
            heading("Claims"),
            self.claims
        )
    }
}

fn shown(jws: &UnverifiedJws) -> Result<Shown> {
    Ok(Shown::new(jws.header(), jws.unverified_claims()?))
}

/// Quotes around a pasted token are a mistake that the guides warn of; here they do no harm.
fn read_token(argument: Option<&str>) -> Result<String> {
    let text = match argument {
        Some(token) if token != "-" => token.to_owned(),
        _ => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("cannot read the token from standard input")?;
            text
        }
    };
    Ok(text.trim().trim_matches('"').to_owned())
}

fn read_keys(arguments: &VerifyArguments) -> Result<KeySet> {
    let read = |path: &Path| -> Result<Value> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
    };
    let (keys, path) = match (&arguments.jwks, &arguments.jwk) {
        (Some(path), _) => (
            KeySet::parse(&read(path)?, Algorithm::ALL).with_context(|| path.display().to_string())?,
            path,
        ),
        (None, Some(path)) => (KeySet::from_jwks([&read(path)?], Algorithm::ALL), path),
        (None, None) => return Err(command::Misuse("name the keys with --jwks or --jwk".to_owned()).into()),
    };
    if let (true, Some(rejected)) = (keys.is_empty(), keys.rejected().first()) {
        return Err(anyhow::Error::new(rejected.reason.clone()).context(format!("{} has no usable key", path.display())));
    }
    Ok(keys)
}
