//! The machine's disk, watched: syncs of files are counted, held up and failed, and it fills up, when told to.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;
use watchfire_store::disk::{Disk, DiskFile, RealDisk};

/// The disk. Clones are one disk.
#[derive(Clone, Debug)]
pub struct WatchedDisk {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    orders: Mutex<Orders>,
    changed: Condvar,
    syncs_begun: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Orders {
    hold_syncs: bool,
    fail_syncs: bool,
    full: bool,
}

impl Default for WatchedDisk {
    fn default() -> Self {
        Self {
            state: Arc::new(State {
                orders: Mutex::default(),
                changed: Condvar::new(),
                syncs_begun: watch::Sender::new(0),
            }),
        }
    }
}

impl WatchedDisk {
    /// How many syncs of files have begun.
    pub fn syncs_begun(&self) -> watch::Receiver<u64> {
        self.state.syncs_begun.subscribe()
    }

    /// Holds up syncs, those under way included, for as long as the answer lives.
    #[must_use]
    pub fn hold_syncs(&self) -> Held {
        self.state.orders.lock().hold_syncs = true;
        Held(Arc::clone(&self.state))
    }

    /// Lets syncs fail.
    pub fn fail_syncs(&self, fail: bool) {
        self.state.orders.lock().fail_syncs = fail;
    }

    /// Refuses writes.
    pub fn fill_up(&self, full: bool) {
        self.state.orders.lock().full = full;
    }
}

/// Syncs are held up until this is dropped: a test that fails may not leave a thread that waits for ever.
#[derive(Debug)]
pub struct Held(Arc<State>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.orders.lock().hold_syncs = false;
        self.0.changed.notify_all();
    }
}

impl Disk for WatchedDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        RealDisk.read(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        RealDisk.list(folder)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(Watched {
            file: RealDisk.create(path)?,
            state: Arc::clone(&self.state),
        }))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_folder(path)
    }
}

#[derive(Debug)]
struct Watched {
    file: Box<dyn DiskFile>,
    state: Arc<State>,
}

impl DiskFile for Watched {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.state.orders.lock().full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write_at(offset, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.state.syncs_begun.send_modify(|begun| *begun += 1);
        let mut orders = self.state.orders.lock();
        self.state.changed.wait_while(&mut orders, |orders| orders.hold_syncs);
        if orders.fail_syncs {
            return Err(io::Error::other("the sync failed"));
        }
        drop(orders);
        self.file.sync()
    }
}
