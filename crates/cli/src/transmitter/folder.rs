//! A transmitter's folder: its private keys, its JWK set, its metadata.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use watchfire_crypto::{
    jwk::KeyType,
    signing::{NewKey, PrivateKey},
};

use crate::{key::read_private, keygen::KeyPair};

/// The key that signs; its owner's alone.
const SIGNING_KEY: &str = "private.json";
/// The key that will sign after the next rotation.
const NEXT_KEY: &str = "next.private.json";
const KEY_SET: &str = "jwks.json";
const METADATA: &str = "ssf-configuration";

const PUBLIC: u32 = 0o644;
const PRIVATE: u32 = 0o600;

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

/// What the metadata says of the vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) issuer: String,
    pub(crate) jwks_uri: String,
}

/// The keys after a rotation, by their `kid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rotation {
    pub(crate) signs: String,
    pub(crate) published: Vec<String>,
}

impl Metadata {
    /// The document (ssf.md 5.1): the guide's two members, and how this vendor delivers.
    pub(crate) fn document(&self) -> Value {
        json!({
            "issuer": self.issuer,
            "jwks_uri": self.jwks_uri,
            "spec_version": "1_0",
            "delivery_methods_supported": ["urn:ietf:rfc:8935"],
        })
    }

    fn read(document: &Value) -> Option<Self> {
        let text = |member: &str| document.get(member).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            issuer: text("issuer")?,
            jwks_uri: text("jwks_uri")?,
        })
    }
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Where the key set is.
    pub(crate) fn key_set(&self) -> PathBuf {
        self.file(KEY_SET)
    }

    /// Makes the folder with a key and, where they are known already, the metadata. Gives what it wrote.
    ///
    /// # Errors
    /// When there is a transmitter already, or a file cannot be written.
    pub(crate) fn make(&self, pair: &KeyPair, metadata: Option<&Metadata>, force: bool) -> Result<Vec<PathBuf>> {
        if !force && self.file(SIGNING_KEY).exists() {
            bail!("there is a transmitter in {}; --force replaces its keys", self.path.display());
        }
        // The private key of a vendor is in it.
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        made.with_context(|| format!("cannot make the folder {}", self.path.display()))?;
        for stale in [NEXT_KEY, METADATA] {
            remove(&self.file(stale))?;
        }
        write(&self.file(SIGNING_KEY), &pair.key.to_private_jwk()?, PRIVATE)?;
        write(&self.key_set(), &pair.jwks(), PUBLIC)?;
        let mut files = vec![self.file(SIGNING_KEY), self.key_set()];
        if let Some(metadata) = metadata {
            self.write_metadata(metadata)?;
            files.push(self.file(METADATA));
        }
        Ok(files)
    }

    /// Writes the metadata.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write_metadata(&self, metadata: &Metadata) -> Result<()> {
        write(&self.file(METADATA), &metadata.document(), PUBLIC)
    }

    /// The metadata, once an issuer is known.
    ///
    /// # Errors
    /// When the file is there and is not what it should be.
    pub(crate) fn metadata(&self) -> Result<Option<Metadata>> {
        let path = self.file(METADATA);
        if !path.exists() {
            return Ok(None);
        }
        let metadata = Metadata::read(&read(&path)?);
        let metadata = metadata.with_context(|| format!("{} names no issuer and jwks_uri", path.display()))?;
        Ok(Some(metadata))
    }

    /// The key that signs.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn signing_key(&self) -> Result<PrivateKey> {
        let path = self.file(SIGNING_KEY);
        if !path.exists() {
            bail!(
                "there is no transmitter in {}: make one by `watchfire transmitter init`",
                self.path.display()
            );
        }
        read_private(&path)
    }

    /// Publishes a key that may be new, and signs with it unless it is only to be prepared (JWT-07).
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub(crate) fn rotate(&self, prepare: bool) -> Result<Rotation> {
        let current = self.signing_key()?;
        let prepared = self.file(NEXT_KEY);
        if prepare && prepared.exists() {
            bail!("a key is prepared already; `watchfire transmitter rotate` signs with it");
        }
        let next = if prepared.exists() {
            read_private(&prepared)?
        } else {
            KeyPair::generate(same_kind(&current), None)?.key
        };
        // Published before anything is signed with it: a crash in between harms nobody.
        let published = self.publish(next.public_jwk())?;
        let target = if prepare { NEXT_KEY } else { SIGNING_KEY };
        write(&self.file(target), &next.to_private_jwk()?, PRIVATE)?;
        if !prepare {
            remove(&prepared)?;
        }
        let signs = if prepare { kid(&current) } else { kid(&next) };
        Ok(Rotation { signs, published })
    }

    /// Takes the keys out of the set that sign no longer.
    ///
    /// # Errors
    /// As [`Folder::rotate`].
    pub(crate) fn retire(&self) -> Result<Rotation> {
        let signs = kid(&self.signing_key()?);
        let prepared = self.file(NEXT_KEY);
        let mut kept = vec![signs.clone()];
        if prepared.exists() {
            kept.push(kid(&read_private(&prepared)?));
        }
        let mut keys = self.published()?;
        keys.retain(|key| kept.iter().any(|kid| key.get("kid").and_then(Value::as_str) == Some(kid)));
        let published = kids(&keys);
        write(&self.key_set(), &json!({ "keys": keys }), PUBLIC)?;
        Ok(Rotation { signs, published })
    }

    fn publish(&self, key: Value) -> Result<Vec<String>> {
        let mut keys = self.published()?;
        if !keys.contains(&key) {
            keys.push(key);
        }
        let published = kids(&keys);
        write(&self.key_set(), &json!({ "keys": keys }), PUBLIC)?;
        Ok(published)
    }

    fn published(&self) -> Result<Vec<Value>> {
        let set = read(&self.key_set())?;
        let keys = set.get("keys").and_then(Value::as_array).cloned();
        keys.with_context(|| format!("{} is no JWK set", self.key_set().display()))
    }
}

fn same_kind(key: &PrivateKey) -> NewKey {
    match key.key_type() {
        KeyType::Ec(curve) => NewKey::Ec(curve),
        _ => NewKey::Rsa2048,
    }
}

fn kid(key: &PrivateKey) -> String {
    key.kid().unwrap_or(key.thumbprint()).to_owned()
}

fn kids(keys: &[Value]) -> Vec<String> {
    let kids = keys.iter().filter_map(|key| key.get("kid")?.as_str());
    kids.map(str::to_owned).collect()
}

fn read(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

/// Writes beside the file and renames, so that whoever serves it never reads a part.
fn write(path: &Path, content: &Value, mode: u32) -> Result<()> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    let written = || -> Result<()> {
        remove(&fresh)?;
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&fresh)?;
        file.write_all(format!("{content:#}\n").as_bytes())?;
        file.sync_all()?;
        Ok(fs::rename(&fresh, path)?)
    };
    written().with_context(|| format!("cannot write {}", path.display()))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
