//! Files of our own, behind a seam, so that a simulated disk can forget what was not synced
//! (architecture section 6). SQLite's files are SQLite's.

use std::{
    fmt::Debug,
    fs, io,
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// A disk. Its errors are those of the file system.
pub trait Disk: Debug + Send + Sync {
    /// The whole content of a file.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The files and folders in a folder.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is no such folder.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;

    /// Makes an empty file that only its owner can read.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when there is one.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file a second name.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when the name is taken.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a name away.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder that only its owner can enter; the folder above it is there.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when there is one.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder survive a power cut. Content is synced by [`DiskFile::sync`].
    ///
    /// # Errors
    /// After one, nobody knows what would survive.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: Debug + Send {
    /// Writes `bytes` at `offset`, counted in bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] when there is no room; a part may have been written.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes what was written survive a power cut.
    ///
    /// # Errors
    /// After one, nobody knows what would survive; trying again does not help.
    fn sync(&mut self) -> io::Result<()>;
}

/// Makes the file `path` with `content`, at once or not at all, for its owner alone: when this returns,
/// it survives a power cut, and at no time is there a part of it under this name.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when there is one, which stays as it is.
pub fn write_new(disk: &dyn Disk, path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    make_folder(disk, &folder)?;
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(format!(".{}.new", std::process::id()));
    let fresh = PathBuf::from(fresh);
    let written = write_whole(disk, &fresh, content);
    // A link fails where a rename would replace what another process has made meanwhile.
    let linked = written.and_then(|()| disk.link(&fresh, path));
    let removed = disk.remove(&fresh);
    linked.and(removed)?;
    disk.sync_folder(&folder)
}

fn write_whole(disk: &dyn Disk, path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = match disk.create(path) {
        // Left by a process that ended in the middle and had our number.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.remove(path)?;
            disk.create(path)?
        }
        created => created?,
    };
    file.write_at(0, content)?;
    file.sync()
}

/// Makes `folder` and what is missing above it, for their owner alone; each new name survives a power cut.
///
/// # Errors
/// When one of them cannot be made or synced.
pub fn make_folder(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    match disk.create_folder(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder.parent().is_some() => {
            make_folder(disk, &folder_of(folder))?;
            disk.create_folder(folder)?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made?,
    }
    disk.sync_folder(&folder_of(folder))
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The machine's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Box::new(file))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }
}

/// The machine's file system, for files that are made to be read by others: the group may read them.
#[derive(Clone, Copy, Debug, Default)]
pub struct SharedDisk;

impl Disk for SharedDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        RealDisk.read(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        RealDisk.list(folder)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o640).open(path)?;
        Ok(Box::new(file))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o750).create(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_folder(path)
    }
}

impl DiskFile for fs::File {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_made_once_and_for_its_owner_alone() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("deep").join("deeper").join("key");
        write_new(&RealDisk, &path, b"secret")?;
        let again = write_new(&RealDisk, &path, b"other");
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(RealDisk.read(&path)?, b"secret");
        let above = path.parent().unwrap();
        assert_eq!(fs::read_dir(above)?.count(), 1, "nothing is left beside it");
        assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(above)?.permissions().mode() & 0o777, 0o700);
        Ok(())
    }
}
