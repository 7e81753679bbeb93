//! A disk in memory that does to what was not synced whatever a disk may do at a power cut: forgets it,
//! keeps the later without the earlier, keeps a part. It fails syncs and fills up when told to.
//!
//! What a sync has failed for stays in doubt for ever: a later sync that succeeds does not save it, as the
//! page cache of a real system has given it up.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use watchfire_store::disk::{Disk, DiskFile};

use crate::entropy::SeededEntropy;

/// The disk. Clones are one disk.
#[derive(Clone, Debug)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    files: Vec<File>,
    folders: BTreeMap<PathBuf, Folder>,
    random: SeededEntropy,
    /// Counts power cuts: a file that was open then is no longer.
    life: u64,
    fail_syncs: bool,
    room: Option<usize>,
    /// Calls that still work before the power goes.
    calls_left: Option<u64>,
}

#[derive(Debug, Default)]
struct File {
    safe: Vec<u8>,
    writes: Vec<Write>,
}

#[derive(Debug)]
struct Write {
    offset: usize,
    bytes: Vec<u8>,
    /// A sync has failed for it.
    doubtful: bool,
}

/// A name is a file (its number) or a folder (`None`).
type Entry = Option<usize>;

#[derive(Debug, Default)]
struct Folder {
    safe: BTreeMap<PathBuf, Entry>,
    now: BTreeMap<PathBuf, Entry>,
    changes: Vec<(PathBuf, Option<Entry>)>,
}

impl SimDisk {
    /// An empty disk with the root folder `/`; `seed` decides what a power cut does.
    pub fn new(seed: u64) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                files: Vec::new(),
                folders: BTreeMap::from([(PathBuf::from("/"), Folder::default())]),
                random: SeededEntropy::new(seed),
                life: 0,
                fail_syncs: false,
                room: None,
                calls_left: None,
            })),
        }
    }

    /// Lets syncs fail.
    pub fn fail_syncs(&self, fail: bool) {
        self.state.lock().fail_syncs = fail;
    }

    /// Leaves room for so many bytes more; `None` is room without end.
    pub fn leave_room(&self, bytes: Option<usize>) {
        self.state.lock().room = bytes;
    }

    /// Lets so many calls work; every later one fails, until [`cut_power`](Self::cut_power).
    pub fn fail_after(&self, calls: u64) {
        self.state.lock().calls_left = Some(calls);
    }

    /// Cuts the power and switches it on again: of what was not synced, chance decides.
    pub fn cut_power(&self) {
        let mut state = self.state.lock();
        let State {
            files, folders, random, ..
        } = &mut *state;
        files.iter_mut().for_each(|file| file.cut(random));
        folders.values_mut().for_each(|folder| folder.cut(random));
        state.life += 1;
        (state.fail_syncs, state.room, state.calls_left) = (false, None, None);
    }
}

impl State {
    fn spend_call(&mut self) -> io::Result<()> {
        match &mut self.calls_left {
            Some(0) => Err(io::Error::other("the power is gone")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn folder(&mut self, path: &Path) -> io::Result<&mut Folder> {
        if !self.is_reached(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.folders.get_mut(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Whether every name on the way to the folder is there.
    fn is_reached(&self, folder: &Path) -> bool {
        folder.parent().is_none_or(|above| {
            let entered = self.folders.get(above).is_some_and(|it| it.now.get(folder) == Some(&None));
            entered && self.is_reached(above)
        })
    }

    fn entry(&mut self, path: &Path) -> io::Result<Option<Entry>> {
        let folder = self.folder(parent(path)?)?;
        Ok(folder.now.get(path).copied())
    }

    fn file(&mut self, path: &Path) -> io::Result<usize> {
        self.entry(path)?.flatten().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn enter(&mut self, path: &Path, entry: Entry) -> io::Result<()> {
        if self.entry(path)?.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.folder(parent(path)?)?.change(path, Some(entry));
        Ok(())
    }

    fn open(&mut self, file: usize, life: u64) -> io::Result<&mut File> {
        self.spend_call()?;
        let stale = life != self.life;
        let found = self.files.get_mut(file).filter(|_| !stale);
        found.ok_or_else(|| io::Error::other("the file was open when the power went"))
    }
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

impl File {
    fn content(&self) -> Vec<u8> {
        let mut content = self.safe.clone();
        self.writes
            .iter()
            .for_each(|write| write.apply(&mut content, write.bytes.len()));
        content
    }

    fn sync(&mut self) {
        let (doubtful, good): (Vec<_>, Vec<_>) = std::mem::take(&mut self.writes).into_iter().partition(|w| w.doubtful);
        good.iter().for_each(|write| write.apply(&mut self.safe, write.bytes.len()));
        self.writes = doubtful;
    }

    /// Each write is kept, lost or torn for itself: so the later may be there without the earlier.
    fn cut(&mut self, random: &SeededEntropy) {
        for write in std::mem::take(&mut self.writes) {
            let length = write.bytes.len();
            let kept = match random.below(3) {
                0 => 0,
                1 => length,
                _ => usize::try_from(random.below(u64::try_from(length).unwrap_or(0))).unwrap_or(0),
            };
            write.apply(&mut self.safe, kept);
        }
    }
}

impl Write {
    /// Puts the first `kept` bytes into `content`.
    fn apply(&self, content: &mut Vec<u8>, kept: usize) {
        let kept = self.bytes.iter().take(kept);
        let end = self.offset + kept.len();
        if kept.len() > 0 && content.len() < end {
            content.resize(end, 0);
        }
        content
            .iter_mut()
            .skip(self.offset)
            .zip(kept)
            .for_each(|(to, from)| *to = *from);
    }
}

impl Folder {
    fn change(&mut self, path: &Path, entry: Option<Entry>) {
        apply(&mut self.now, path, entry);
        self.changes.push((path.to_owned(), entry));
    }

    fn sync(&mut self) {
        self.safe = self.now.clone();
        self.changes.clear();
    }

    fn cut(&mut self, random: &SeededEntropy) {
        for (path, entry) in std::mem::take(&mut self.changes) {
            if random.below(2) == 1 {
                apply(&mut self.safe, &path, entry);
            }
        }
        self.now = self.safe.clone();
    }
}

fn apply(names: &mut BTreeMap<PathBuf, Entry>, path: &Path, entry: Option<Entry>) {
    match entry {
        Some(entry) => {
            names.insert(path.to_owned(), entry);
        }
        None => {
            names.remove(path);
        }
    }
}

impl Disk for SimDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut state = self.state.lock();
        state.spend_call()?;
        let file = state.file(path)?;
        Ok(state.files.get(file).map(File::content).unwrap_or_default())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut state = self.state.lock();
        state.spend_call()?;
        Ok(state.folder(folder)?.now.keys().cloned().collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state.lock();
        state.spend_call()?;
        let file = state.files.len();
        state.enter(path, Some(file))?;
        state.files.push(File::default());
        Ok(Box::new(Open {
            disk: self.clone(),
            file,
            life: state.life,
        }))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.spend_call()?;
        let file = state.file(from)?;
        state.enter(to, Some(file))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.spend_call()?;
        state.file(path)?;
        state.folder(parent(path)?)?.change(path, None);
        Ok(())
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.spend_call()?;
        // The root has no folder above it.
        if path.parent().is_none() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.enter(path, None)?;
        state.folders.insert(path.to_owned(), Folder::default());
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.spend_call()?;
        if state.fail_syncs {
            return Err(io::Error::other("the sync failed"));
        }
        state.folder(path)?.sync();
        Ok(())
    }
}

/// An open file of the disk.
#[derive(Debug)]
struct Open {
    disk: SimDisk,
    file: usize,
    life: u64,
}

impl DiskFile for Open {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let fitting = state.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        let file = state.open(self.file, self.life)?;
        file.writes.push(Write {
            offset,
            bytes: bytes.iter().take(fitting).copied().collect(),
            doubtful: false,
        });
        if let Some(room) = &mut state.room {
            *room -= fitting;
        }
        if fitting < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        let fails = state.fail_syncs;
        let file = state.open(self.file, self.life)?;
        if fails {
            file.writes.iter_mut().for_each(|write| write.doubtful = true);
            return Err(io::Error::other("the sync failed"));
        }
        file.sync();
        Ok(())
    }
}
