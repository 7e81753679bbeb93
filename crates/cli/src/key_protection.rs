//! `watchfire key`: what the key file is encrypted under.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use watchfire_crypto::{key_wrap::KeySecret, seal::SealingKey};
use zeroize::Zeroizing;

use crate::{
    command::Misuse,
    config::{Config, flags::Flags, key_secret},
    key_file::{self, StoredKey},
    terminal::Terminal,
};

/// The key file.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Say which key is in the file and what it is encrypted under
    Show(Place),
    /// Encrypt the file under WATCHFIRE_KEY_PASSPHRASE or WATCHFIRE_KEY_ENCRYPTION_KEY (or …_FILE)
    Encrypt(Place),
    /// Leave the key in the file as it is
    Decrypt(Place),
    /// Encrypt the file under WATCHFIRE_NEW_KEY_PASSPHRASE or WATCHFIRE_NEW_KEY_ENCRYPTION_KEY (or …_FILE) instead
    Rotate(Place),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Place {
    /// The server's configuration file
    #[arg(long, value_name = "FILE", env = "WATCHFIRE_CONFIG")]
    config: Option<PathBuf>,
    /// The server's key file [env: WATCHFIRE_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
}

impl Place {
    fn config(&self) -> Result<Config> {
        let key_file = self.key_file.iter().map(|path| ("key-file", vec![path.clone()]));
        Ok(Config::load(&Flags {
            file: self.config.clone(),
            values: key_file.collect(),
        })?)
    }
}

/// Runs one of the commands. The key itself stays what it is: what is sealed under it need not be sealed anew.
///
/// # Errors
/// When the file cannot be opened or written.
pub(crate) fn run(command: &Command, terminal: &Terminal) -> Result<()> {
    let (Command::Show(place) | Command::Encrypt(place) | Command::Decrypt(place) | Command::Rotate(place)) = command;
    let config = place.config()?;
    let path = config.key_file.clone().map_or_else(key_file::default_path, Ok)?;
    let secret = config.key_secret.as_ref();
    let stored = key_file::stored(&path)?;
    let is_encrypted = matches!(stored, StoredKey::Encrypted(_));
    let shown = path.display();
    let (done, under) = match command {
        Command::Show(_) => return show(&stored, &shown.to_string(), terminal),
        Command::Encrypt(_) if is_encrypted => bail!("{shown} is encrypted already; `watchfire key rotate` changes under what"),
        Command::Encrypt(_) => ("encrypted", Some(secret.ok_or_else(|| missing("WATCHFIRE_KEY"))?.clone())),
        _ if !is_encrypted => bail!("{shown} is not encrypted; `watchfire key encrypt` does that"),
        Command::Decrypt(_) => ("decrypted", None),
        Command::Rotate(_) => ("rotated", Some(new_secret()?)),
    };
    let key = key_file::read(&path, secret)?;
    key_file::replace(&path, &key_file::text_of(&key, under.as_ref())?)?;
    Ok(terminal.print_done(done, &shown.to_string())?)
}

fn show(stored: &StoredKey, path: &str, terminal: &Terminal) -> Result<()> {
    let (id, under) = match stored {
        StoredKey::Plain(key) => (SealingKey::new(key)?.id(), None),
        StoredKey::Encrypted(wrapped) => (wrapped.id().to_owned(), Some(wrapped.method())),
    };
    let shown = json!({"id": id, "file": path, "encryptedUnder": under});
    terminal.print_object(
        &shown,
        &[("Key", "/id"), ("File", "/file"), ("Encrypted under", "/encryptedUnder")],
    )?;
    Ok(())
}

fn missing(prefix: &str) -> Misuse {
    Misuse(format!(
        "give the passphrase in {prefix}_PASSPHRASE or a key in {prefix}_ENCRYPTION_KEY, or name a file with it in {prefix}_PASSPHRASE_FILE \
         or {prefix}_ENCRYPTION_KEY_FILE"
    ))
}

/// What the file is to be encrypted under from now on.
fn new_secret() -> Result<KeySecret> {
    const PREFIX: &str = "WATCHFIRE_NEW_KEY";
    let passphrase = variable(&format!("{PREFIX}_PASSPHRASE"))?;
    let key = variable(&format!("{PREFIX}_ENCRYPTION_KEY"))?;
    let secret = match (passphrase, key) {
        (Some(text), None) => key_secret::passphrase(&text),
        (None, Some(text)) => key_secret::key(&text),
        (None, None) => return Err(missing(PREFIX).into()),
        (Some(_), Some(_)) => Err("a passphrase and a key are both given: take one away".to_owned()),
    };
    secret.map_err(|reason| Misuse(format!("{PREFIX}_…: {reason}")).into())
}

/// A variable, or the content of the file that the variable with `_FILE` names.
fn variable(name: &str) -> Result<Option<Zeroizing<String>>> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(value) = set(name) {
        return Ok(Some(Zeroizing::new(value)));
    }
    let Some(path) = set(&format!("{name}_FILE")) else {
        return Ok(None);
    };
    let text = fs::read_to_string(&path).map(Zeroizing::new);
    let text = text.with_context(|| format!("cannot read {path}"))?;
    Ok(Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())))
}
