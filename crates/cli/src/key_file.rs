//! The key file: 32 random bytes outside the database, under which secrets are sealed.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use watchfire_crypto::{base64url, random};

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
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let key: [u8; 32] = random::bytes()?;
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    writeln!(file, "{}", base64url::encode(key))?;
    file.sync_all()?;
    // A link fails where a rename would replace a key that another process has made meanwhile.
    let linked = fs::hard_link(&fresh, path);
    fs::remove_file(&fresh)?;
    fs::File::open(folder)?.sync_all()?;
    match linked {
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
