//! The key file: 32 random bytes outside the database, under which secrets are sealed; plain, or encrypted itself.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use watchfire_crypto::{
    base64url,
    key_wrap::{KeySecret, WrappedKey},
    random,
};
use watchfire_store::disk::{Disk as _, RealDisk, write_new};
use zeroize::Zeroizing;

/// Where the key file is when nobody says: in the user's configuration folder, not in the data
/// directory, so that a copy of the data does not open the secrets in it.
///
/// # Errors
/// When the user has no home: then `--key-file` must be given.
pub(crate) fn default_path() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    folder
        .map(|folder| folder.join("watchfire").join("key"))
        .context("there is no home folder: name the key file with --key-file")
}

/// Reads the key at `path`, or makes it there, at once or not at all, readable by its owner alone. With a secret, what is
/// made is encrypted under it.
///
/// # Errors
/// When the file is not a key, is readable by others, does not open with `secret`, or cannot be made.
pub(crate) fn read_or_make(path: &Path, secret: Option<&KeySecret>) -> Result<Zeroizing<[u8; 32]>> {
    if path.exists() {
        read(path, secret)
    } else {
        make(path, secret)
    }
}

/// Reads the key at `path`.
///
/// # Errors
/// When there is none, when it is not a key, is readable by others, or does not open with `secret`.
pub(crate) fn read(path: &Path, secret: Option<&KeySecret>) -> Result<Zeroizing<[u8; 32]>> {
    match stored(path)? {
        StoredKey::Plain(key) => Ok(key),
        StoredKey::Encrypted(wrapped) => {
            let secret = secret.with_context(|| {
                let variable = match wrapped.method() {
                    "passphrase" => "WATCHFIRE_KEY_PASSPHRASE",
                    _ => "WATCHFIRE_KEY_ENCRYPTION_KEY",
                };
                format!(
                    "the key file {} is encrypted under a {}: give it in {variable}, or in a file that {variable}_FILE names",
                    path.display(),
                    wrapped.method()
                )
            })?;
            let opened = wrapped.unwrap_with(secret);
            opened.with_context(|| format!("the key file {} cannot be opened", path.display()))
        }
    }
}

/// What a key file holds.
pub(crate) enum StoredKey {
    /// The key as it is.
    Plain(Zeroizing<[u8; 32]>),
    /// The key under something else.
    Encrypted(WrappedKey),
}

/// Reads the file at `path` as it is.
///
/// # Errors
/// When there is none, when it is not a key file, or is readable by others.
pub(crate) fn stored(path: &Path) -> Result<StoredKey> {
    let text = fs::read_to_string(path).map(Zeroizing::new);
    let text = text.with_context(|| format!("cannot read the key file {}", path.display()))?;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("the key file {} can be read by others: run chmod 600 on it", path.display());
    }
    if WrappedKey::is_one(&text) {
        let wrapped = WrappedKey::parse(&text).with_context(|| format!("{} is not a key file", path.display()))?;
        return Ok(StoredKey::Encrypted(wrapped));
    }
    let bytes = base64url::decode(text.trim()).ok().map(Zeroizing::new);
    let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    key.map(|key| StoredKey::Plain(Zeroizing::new(key)))
        .with_context(|| format!("{} is not a key file: it must hold 32 bytes as base64url", path.display()))
}

/// The text of a file with the key, encrypted under `secret` where there is one.
///
/// # Errors
/// When there is no randomness or no memory.
pub(crate) fn text_of(key: &[u8; 32], secret: Option<&KeySecret>) -> Result<Zeroizing<String>> {
    Ok(Zeroizing::new(match secret {
        None => format!("{}\n", base64url::encode(key)),
        Some(secret) => WrappedKey::wrap(key, secret)?.to_text()?,
    }))
}

/// Puts other text into the place of a key file, at once or not at all.
///
/// # Errors
/// When it cannot be written; then the old one is there.
pub(crate) fn replace(path: &Path, text: &str) -> Result<()> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".replacing");
    let fresh = PathBuf::from(fresh);
    let replaced = || -> std::io::Result<()> {
        match RealDisk.remove(&fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        write_new(&RealDisk, &fresh, text.as_bytes())?;
        fs::rename(&fresh, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        RealDisk.sync_folder(folder.unwrap_or_else(|| Path::new(".")))
    };
    replaced().with_context(|| format!("cannot write the key file {}", path.display()))
}

fn make(path: &Path, secret: Option<&KeySecret>) -> Result<Zeroizing<[u8; 32]>> {
    let key: Zeroizing<[u8; 32]> = Zeroizing::new(random::bytes()?);
    match write_new(&RealDisk, path, text_of(&key, secret)?.as_bytes()) {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(path, secret),
        Err(error) => Err(error).with_context(|| format!("cannot make the key file {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_for_its_owner() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("deeper").join("key");
        let key = read_or_make(&path, None)?;
        assert_eq!(read_or_make(&path, None)?, key);
        assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(folder.path().join("deeper"))?.count(),
            1,
            "nothing is left beside it"
        );
        Ok(())
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("key");
        read_or_make(&path, None)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
        assert!(read_or_make(&path, None).unwrap_err().to_string().contains("chmod 600"));
        Ok(())
    }

    #[test]
    fn a_key_that_is_made_with_a_secret_is_encrypted_under_it() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("key");
        let secret = KeySecret::key([3; 32]);
        let key = read_or_make(&path, Some(&secret))?;
        assert_eq!(read(&path, Some(&secret))?, key);
        let without = format!("{:#}", read(&path, None).unwrap_err());
        assert!(without.contains("WATCHFIRE_KEY_ENCRYPTION_KEY_FILE"), "{without}");
        replace(&path, &text_of(&key, None)?)?;
        assert_eq!(read(&path, None)?, key);
        assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        Ok(())
    }

    #[test]
    fn what_is_no_key_is_refused() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("key");
        fs::write(&path, "short")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        assert!(
            read_or_make(&path, None)
                .unwrap_err()
                .to_string()
                .contains("is not a key file")
        );
        Ok(())
    }
}
