//! What happened to the files of one folder, in order, and what shall go wrong with them.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Bytes were given to the file.
    Write,
    /// A sync was begun.
    SyncBegun,
    /// A sync has returned, and what was written before it is safe.
    Synced,
    /// A sync has failed.
    SyncFailed,
    /// Something outside the store: a test's own note.
    Note(&'static str),
}

/// One event, in the order of all events of its folder.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What.
    pub event: Event,
    /// The file's name; empty for a note.
    pub file: String,
    /// When it was over.
    pub at: Instant,
}

impl Entry {
    /// Whether it is about the write-ahead log.
    pub fn is_wal(&self) -> bool {
        self.file.ends_with("-wal")
    }
}

/// The events of one folder, and its faults. The test and the VFS share it.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    entries: Mutex<Vec<Entry>>,
    wal_syncs_begun: watch::Sender<usize>,
    fail_syncs: AtomicBool,
    full: AtomicBool,
    held: Mutex<bool>,
    released: Condvar,
}

impl Recorder {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            entries: Mutex::default(),
            wal_syncs_begun: watch::Sender::new(0),
            fail_syncs: AtomicBool::new(false),
            full: AtomicBool::new(false),
            held: Mutex::new(false),
            released: Condvar::new(),
        }
    }

    pub(super) fn is_of(&self, file: &Path) -> bool {
        file.starts_with(&self.folder)
    }

    /// Notes something outside the store, so that its place among writes and syncs is known.
    pub fn note(&self, what: &'static str) {
        self.push(Event::Note(what), "");
    }

    /// Everything that has happened, in order.
    pub fn entries(&self) -> Vec<Entry> {
        self.entries.lock().clone()
    }

    /// Forgets what has happened.
    pub fn clear(&self) {
        self.entries.lock().clear();
    }

    /// How many syncs of the write-ahead log have returned.
    pub fn wal_syncs(&self) -> usize {
        let entries = self.entries.lock();
        entries.iter().filter(|e| e.is_wal() && e.event == Event::Synced).count()
    }

    /// From now on a sync fails, as the file system would have it.
    pub fn fail_syncs(&self, fail: bool) {
        self.fail_syncs.store(fail, Ordering::SeqCst);
    }

    /// From now on there is no room for a write.
    pub fn fill_up(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// Stops every sync of the write-ahead log on its way to the disk.
    pub fn hold_syncs(self: &Arc<Self>) -> HeldSyncs {
        *self.held.lock() = true;
        HeldSyncs {
            recorder: Arc::clone(self),
        }
    }

    /// Counts the syncs of the write-ahead log that were begun; changes are seen by who waits.
    pub fn wal_syncs_begun(&self) -> watch::Receiver<usize> {
        self.wal_syncs_begun.subscribe()
    }

    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::SeqCst)
    }

    pub(super) fn wrote(&self, file: &str) {
        self.push(Event::Write, file);
    }

    /// Notes the beginning of a sync, waits while syncs are held, and says whether it shall fail.
    pub(super) fn begin_sync(&self, file: &str) -> bool {
        self.push(Event::SyncBegun, file);
        if file.ends_with("-wal") {
            self.wal_syncs_begun.send_modify(|count| *count += 1);
            let mut held = self.held.lock();
            while *held {
                self.released.wait(&mut held);
            }
        }
        self.fail_syncs.load(Ordering::SeqCst)
    }

    pub(super) fn end_sync(&self, file: &str, done: bool) {
        self.push(if done { Event::Synced } else { Event::SyncFailed }, file);
    }

    fn push(&self, event: Event, file: &str) {
        self.entries.lock().push(Entry {
            event,
            file: file.to_owned(),
            at: Instant::now(),
        });
    }
}

/// Syncs are held as long as this lives, so that a test that fails does not hang.
#[derive(Debug)]
pub struct HeldSyncs {
    recorder: Arc<Recorder>,
}

impl Drop for HeldSyncs {
    fn drop(&mut self) {
        *self.recorder.held.lock() = false;
        self.recorder.released.notify_all();
    }
}
