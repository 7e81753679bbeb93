//! The folder of data files: one for each kind, put there whole or not at all.

use std::{
    fs, io,
    io::Read as _,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::{DataFile, GeoError, Kind};

/// `geo` in the data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

/// By what a changed file is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    modified: (i64, i64),
    length: u64,
    inode: u64,
}

impl Folder {
    /// The folder in this data directory.
    pub fn of(data_dir: &Path) -> Self {
        Self::at(data_dir.join("geo"))
    }

    /// This folder.
    pub const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file of a kind is.
    pub fn file(&self, kind: Kind) -> PathBuf {
        self.path.join(format!("{}.mmdb", kind.as_str()))
    }

    /// By what the file of a kind is known now; `None` when there is none.
    ///
    /// # Errors
    /// When the folder cannot be looked at.
    pub fn stamp(&self, kind: Kind) -> io::Result<Option<Stamp>> {
        match fs::metadata(self.file(kind)) {
            Ok(metadata) => Ok(Some(Stamp {
                modified: (metadata.mtime(), metadata.mtime_nsec()),
                length: metadata.len(),
                inode: metadata.ino(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the file of a kind; `None` when there is none.
    ///
    /// # Errors
    /// [`GeoError`].
    pub fn open(&self, kind: Kind, max_bytes: u64) -> Result<Option<DataFile>, GeoError> {
        match read(&self.file(kind), max_bytes) {
            Ok(bytes) => DataFile::open(bytes).map(Some),
            Err(GeoError::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts `bytes` in the place of the file of a kind, at once or not at all. A server that looks at the
    /// folder sees the old file or the new one.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn put(&self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        let fresh = self.path.join(format!(".{}.mmdb.{}", kind.as_str(), std::process::id()));
        let written = write(&fresh, bytes).and_then(|()| fs::rename(&fresh, self.file(kind)));
        if written.is_err() {
            // What stopped the writing is worth more than what stops the cleaning.
            let _ = fs::remove_file(&fresh);
        }
        written?;
        fs::File::open(&self.path)?.sync_all()
    }

    /// Takes the file of a kind away; tells whether there was one.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn remove(&self, kind: Kind) -> io::Result<bool> {
        match fs::remove_file(self.file(kind)) {
            Ok(()) => fs::File::open(&self.path)?.sync_all().map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Reads a file of so many bytes at the most.
///
/// # Errors
/// [`GeoError::Unreadable`], [`GeoError::TooLarge`].
pub fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, GeoError> {
    let file = fs::File::open(path).map_err(GeoError::Unreadable)?;
    let mut bytes = Vec::new();
    let mut limited = file.take(max_bytes.saturating_add(1));
    let length = limited.read_to_end(&mut bytes).map_err(GeoError::Unreadable)?;
    if u64::try_from(length).is_ok_and(|length| length > max_bytes) {
        return Err(GeoError::TooLarge { limit: max_bytes });
    }
    Ok(bytes)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
