//! The key file: 32 random bytes outside the database, under which secrets are sealed.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use watchfire_crypto::{base64url, random};
use watchfire_store::disk::{RealDisk, write_new};

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

/// Reads the key at `path`, or makes it there, at once or not at all, readable by its owner alone.
///
/// # Errors
/// When the file is not a key, is readable by others, or cannot be made.
pub(crate) fn read_or_make(path: &Path) -> Result<[u8; 32]> {
    match fs::read_to_string(path) {
        Ok(text) => read(path, text.trim()),
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        Err(error) => Err(error).with_context(|| format!("cannot read the key file {}", path.display())),
    }
}

fn read(path: &Path, text: &str) -> Result<[u8; 32]> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("the key file {} can be read by others: run chmod 600 on it", path.display());
    }
    let bytes = base64url::decode(text)
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.with_context(|| format!("{} is not a key file: it must hold 32 bytes as base64url", path.display()))
}

fn make(path: &Path) -> Result<[u8; 32]> {
    let key: [u8; 32] = random::bytes()?;
    let line = format!("{}\n", base64url::encode(key));
    match write_new(&RealDisk, path, line.as_bytes()) {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read_or_make(path),
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
        let key = read_or_make(&path)?;
        assert_eq!(read_or_make(&path)?, key);
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
        read_or_make(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
        assert!(read_or_make(&path).unwrap_err().to_string().contains("chmod 600"));
        Ok(())
    }

    #[test]
    fn what_is_no_key_is_refused() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("key");
        fs::write(&path, "short")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        assert!(read_or_make(&path).unwrap_err().to_string().contains("is not a key file"));
        Ok(())
    }
}
