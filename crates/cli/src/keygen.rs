//! `watchfire keygen`: what mkjwk.org does in the guides, without sending a private key anywhere.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use watchfire_crypto::{
    jwk::Curve,
    signing::{NewKey, PrivateKey},
};

use crate::{
    command::Misuse,
    terminal::{Style, Terminal},
};

/// Make a key pair for a provider.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Kind of key
    #[arg(long = "type", value_enum, default_value_t = Kind::Rsa)]
    kind: Kind,
    /// Bits of an RSA key: 2048, 3072 or 4096
    #[arg(long, value_name = "BITS", conflicts_with = "curve")]
    size: Option<u32>,
    /// Curve of an EC key: P-256
    #[arg(long, value_name = "CURVE", value_parser = ["P-256"])]
    curve: Option<String>,
    /// Key id; without it, the key's RFC 7638 thumbprint
    #[arg(long)]
    kid: Option<String>,
    /// Write BASE.public.json, BASE.private.json, BASE.private.pem and BASE.jwks.json instead of printing the private key
    #[arg(long, value_name = "BASE")]
    out: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long, requires = "out")]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// RS256
    Rsa,
    /// ES256
    Ec,
}

const TICK: Duration = Duration::from_millis(100);

/// Makes the key and prints or writes it.
///
/// # Errors
/// When the arguments do not go together, or a file is there already.
pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<()> {
    let kind = new_key(arguments)?;
    // A long RSA key takes seconds. Nothing is drawn where standard error is no terminal.
    let spinner = ProgressBar::new_spinner().with_message("making the key");
    spinner.enable_steady_tick(TICK);
    let pair = KeyPair::generate(kind, arguments.kid.clone());
    spinner.finish_and_clear();
    let pair = pair?;
    match &arguments.out {
        None if terminal.json() => terminal.print_json(&pair.json())?,
        None => terminal.print(&pair.text(terminal))?,
        Some(base) => {
            let files = pair.write(base, arguments.force)?;
            if terminal.json() {
                terminal.print_json(&json!({"publicKey": pair.public, "jwks": pair.jwks(), "files": files}))?;
            } else {
                let names = files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
                let heading = terminal.paint(Style::Heading, "Public key");
                terminal.print(&format!("{heading}\n{:#}\n\nwrote {}", pair.public, names.join(", ")))?;
            }
        }
    }
    Ok(())
}

fn new_key(arguments: &Arguments) -> Result<NewKey, Misuse> {
    match (arguments.kind, arguments.size, &arguments.curve) {
        (Kind::Rsa, None | Some(2048), None) => Ok(NewKey::Rsa2048),
        (Kind::Rsa, Some(3072), None) => Ok(NewKey::Rsa3072),
        (Kind::Rsa, Some(4096), None) => Ok(NewKey::Rsa4096),
        (Kind::Rsa, Some(size), None) => Err(Misuse(format!("--size {size}: an RSA key here has 2048, 3072 or 4096 bits"))),
        (Kind::Rsa, _, Some(_)) => Err(Misuse("--curve is for --type ec".to_owned())),
        (Kind::Ec, None, _) => Ok(NewKey::Ec(Curve::P256)),
        (Kind::Ec, Some(_), _) => Err(Misuse("--size is for --type rsa".to_owned())),
    }
}

/// A key in the three forms of mkjwk.org.
#[derive(Debug)]
pub(crate) struct KeyPair {
    /// The key itself.
    pub(crate) key: PrivateKey,
    /// Its public JWK, as the guides paste it.
    pub(crate) public: Value,
}

impl KeyPair {
    /// Makes a key; its `kid` is its thumbprint unless another is given.
    ///
    /// # Errors
    /// When the cryptography fails.
    pub(crate) fn generate(kind: NewKey, kid: Option<String>) -> Result<Self> {
        let key = PrivateKey::generate(kind)?;
        let key = if kid.is_some() { key.with_kid(kid) } else { key };
        let public = key.public_jwk();
        Ok(Self { key, public })
    }

    /// The key set that a client is registered with.
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [self.public] })
    }

    fn private(&self) -> Value {
        // A key that was just made can always be written down.
        self.key.to_private_jwk().unwrap_or_default()
    }

    fn json(&self) -> Value {
        json!({"publicKey": self.public, "keyPair": self.private(), "jwks": self.jwks()})
    }

    fn text(&self, terminal: &Terminal) -> String {
        let section = |title: &str, value: &Value| format!("{}\n{value:#}\n", terminal.paint(Style::Heading, title));
        let parts = [
            section("Public and private key pair (keep it)", &self.private()),
            section("Public key set", &self.jwks()),
            section("Public key", &self.public),
        ];
        parts.join("\n")
    }

    /// Writes the four files, or none of them if one is there already.
    fn write(&self, base: &Path, force: bool) -> Result<Vec<PathBuf>> {
        let name = |ending: &str| {
            let mut name = base.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        let pretty = |value: &Value| format!("{value:#}\n");
        let files = [
            (name(".public.json"), pretty(&self.public), PUBLIC),
            (name(".jwks.json"), pretty(&self.jwks()), PUBLIC),
            (name(".private.json"), pretty(&self.private()), PRIVATE),
            (name(".private.pem"), self.key.to_pem().to_string(), PRIVATE),
        ];
        let existing = files.iter().find(|(path, ..)| !force && path.exists());
        if let Some((path, ..)) = existing {
            bail!("{} is there already; --force replaces it", path.display());
        }
        for (path, text, mode) in &files {
            write_file(path, text, *mode, force).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(files.into_iter().map(|(path, ..)| path).collect())
    }
}

const PUBLIC: u32 = 0o644;
const PRIVATE: u32 = 0o600;

fn write_file(path: &Path, text: &str, mode: u32, replace: bool) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    options
        .write(true)
        .mode(mode)
        .truncate(replace)
        .create_new(!replace)
        .create(replace);
    let mut file = options.open(path)?;
    // A file that is replaced keeps its mode otherwise, and it may be readable by all.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}
