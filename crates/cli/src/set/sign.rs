//! `watchfire set sign`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use watchfire_app::Clock as _;
use watchfire_crypto::signing::PrivateKey;
use watchfire_ssf::builder;

use super::make::{add_missing, audience, read_claims};
use crate::{
    command::Misuse,
    key::read_private,
    system::SystemClock,
    terminal::Terminal,
    transmitter::{DEFAULT_FOLDER, folder::Folder},
};

#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// File with the claims; without it, or with -, standard input
    #[arg(value_name = "FILE")]
    claims: Option<String>,
    /// Folder of a transmitter: its key signs, and its issuer is `iss` where the claims have none
    #[arg(long, value_name = "DIR", default_value = DEFAULT_FOLDER, conflicts_with = "key")]
    transmitter: PathBuf,
    /// Private key instead: JWK, what `keygen --json` printed, or PEM
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Audience where the claims have none (repeatable)
    #[arg(long, value_name = "AUD")]
    audience: Vec<String>,
    /// Key id in the header instead of the key's own
    #[arg(long)]
    kid: Option<String>,
}

/// Signs the claims and prints the token.
pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<()> {
    let (key, issuer) = signer(arguments)?;
    let mut claims = read_claims(arguments.claims.as_deref().unwrap_or("-"))?;
    if let Some(issuer) = issuer {
        claims.entry("iss").or_insert_with(|| issuer.into());
    }
    if let Some(audience) = audience(&arguments.audience) {
        claims.entry("aud").or_insert(audience);
    }
    add_missing(&mut claims, SystemClock.now())?;
    for name in ["iss", "aud", "events"] {
        if !claims.contains_key(name) {
            return Err(Misuse(format!("the claims have no `{name}`: no receiver takes them{}", remedy(name))).into());
        }
    }
    let token = builder::sign(&claims, &key)?;
    if terminal.json() {
        terminal.print_json(&json!({"set": token, "kid": key.kid(), "claims": claims}))?;
    } else {
        terminal.print(&token)?;
    }
    Ok(())
}

fn remedy(name: &str) -> &'static str {
    match name {
        "iss" => " (`set make --issuer`, or a transmitter that has one)",
        "aud" => " (--audience: for an Okta-shaped receiver its org URL)",
        _ => "",
    }
}

fn signer(arguments: &Arguments) -> Result<(PrivateKey, Option<String>)> {
    let (key, issuer) = match &arguments.key {
        Some(path) => (read_private(path)?, None),
        None => of_transmitter(&arguments.transmitter)?,
    };
    let key = match (&arguments.kid, key.kid()) {
        (Some(kid), _) => key.with_kid(Some(kid.clone())),
        // Receivers find the key by its id (SET-05); keys from elsewhere may have none.
        (None, None) => {
            let kid = key.thumbprint().to_owned();
            key.with_kid(Some(kid))
        }
        (None, Some(_)) => key,
    };
    Ok((key, issuer))
}

fn of_transmitter(path: &Path) -> Result<(PrivateKey, Option<String>)> {
    let folder = Folder::new(path);
    let issuer = folder.metadata()?.map(|metadata| metadata.issuer);
    Ok((folder.signing_key()?, issuer))
}
