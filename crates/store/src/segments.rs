//! The segment journal's files: groups of decisions, one after the other, each synced before the next is written
//! (architecture section 6, ADR 0020).
//!
//! ```text
//! journal/0000000000000001.segment
//!   0      header: number, epoch, first sequence number, salt, digest of the group before
//!   4096   group: epoch, first sequence number, count, length, digest of the group before, decisions, digest
//!   …      the next group, at the next multiple of 4096
//! ```
//!
//! A file is filled with zeros and synced, its name too, before its first group: an append changes content and
//! nothing else. Bodies are made by attackers; a group is known by a digest over the segment's random salt, so
//! that nobody can send one. All of the disk is behind [`Disk`].

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use watchfire_crypto::random;
use watchfire_model::row::Decision;

use crate::{
    disk::{Disk, DiskFile, make_folder},
    journal::Seq,
};

mod group;
mod record;
mod recovery;
mod tail;

use self::group::{BLOCK, Digest, GroupHead, Salt, SegmentHead};
pub use self::{
    record::BadRecord,
    recovery::{Damage, Recovered, recover, remove},
    tail::tail,
};

/// How far the index is: everything of this start up to this number, and everything of starts before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Applied {
    /// The start of the process.
    pub epoch: u64,
    /// The last decision of it.
    pub seq: Seq,
}

/// Sizes of the files, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct SegmentSizes {
    /// The first file of a start; each one after it is twice as large.
    pub first: u64,
    /// No file is larger, unless one group is.
    pub most: u64,
}

/// Why an append failed.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Before the sync: nothing happened.
    #[error("the journal's disk does not take more")]
    Unwritten(#[source] io::Error),
    /// By the sync: nobody knows what is on the disk.
    #[error("the outcome of a sync of the journal is unknown")]
    Unknown(#[source] io::Error),
}

/// Encoded decisions on their way into a group.
#[derive(Debug, Default)]
pub struct Encoded {
    bytes: Vec<u8>,
    count: u32,
}

impl Encoded {
    /// Adds a decision.
    ///
    /// # Errors
    /// When it cannot be written as bytes; nothing is added.
    pub fn push(&mut self, decision: &Decision) -> Result<(), BadRecord> {
        let before = self.bytes.len();
        record::write(decision, &mut self.bytes).inspect_err(|_| self.bytes.truncate(before))?;
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the decisions.
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The decisions, one after the other.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets all of them and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }
}

/// The decisions of a group, out of the bytes that [`Encoded`] made of them.
///
/// # Errors
/// When they are no decisions.
pub(crate) fn decode(mut bytes: &[u8]) -> Result<Vec<Decision>, BadRecord> {
    let mut decisions = Vec::new();
    while !bytes.is_empty() {
        decisions.push(record::read(&mut bytes)?);
    }
    Ok(decisions)
}

/// The files of one start of the process.
#[derive(Debug)]
pub struct SegmentLog {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    epoch: u64,
    sizes: SegmentSizes,
    next_size: u64,
    next_number: u64,
    next_seq: Seq,
    previous: Digest,
    segments: Vec<Segment>,
    /// The group as it goes to the disk.
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    salt: Salt,
    size: u64,
    /// Where the next group begins.
    end: u64,
    last_seq: Seq,
}

impl SegmentLog {
    /// Begins the files of start `epoch` in `folder`, which holds no file of another.
    ///
    /// # Errors
    /// When the first file cannot be made.
    pub fn begin(disk: Arc<dyn Disk>, folder: &Path, epoch: u64, sizes: SegmentSizes) -> io::Result<Self> {
        make_folder(&*disk, folder)?;
        let mut log = Self {
            disk,
            folder: folder.to_owned(),
            epoch,
            sizes,
            next_size: sizes.first,
            next_number: 1,
            next_seq: 1,
            previous: Digest::default(),
            segments: Vec::new(),
            buffer: Vec::new(),
        };
        log.begin_segment(BLOCK)?;
        Ok(log)
    }

    /// Writes decisions as one group and syncs it; gives the number of the last one.
    ///
    /// # Errors
    /// [`AppendError`].
    pub fn append(&mut self, decisions: &Encoded) -> Result<Seq, AppendError> {
        let head = GroupHead {
            epoch: self.epoch,
            first_seq: self.next_seq,
            count: decisions.count,
            previous: self.previous,
        };
        let room = group::size(decisions.len());
        if self.segments.last().is_none_or(|it| it.size.saturating_sub(it.end) < room) {
            self.begin_segment(room).map_err(AppendError::Unwritten)?;
        }
        let Some(segment) = self.segments.last_mut() else {
            return Err(AppendError::Unwritten(io::ErrorKind::NotFound.into()));
        };
        let digest = head.write(&segment.salt, &decisions.bytes, &mut self.buffer);
        segment
            .file
            .write_at(segment.end, &self.buffer)
            .map_err(AppendError::Unwritten)?;
        // The defect is for the durability proof: its test must fail with it.
        if !cfg!(feature = "sabotage-no-sync") {
            segment.file.sync().map_err(AppendError::Unknown)?;
        }
        segment.end = segment.end.saturating_add(room);
        self.previous = digest;
        self.next_seq = self.next_seq.saturating_add(Seq::from(decisions.count));
        segment.last_seq = self.next_seq.saturating_sub(1);
        Ok(segment.last_seq)
    }

    /// Removes files whose decisions are all in the index, which has been synced.
    ///
    /// # Errors
    /// When one cannot be removed; it is tried again the next time.
    pub fn retire(&mut self, applied: Seq) -> io::Result<()> {
        while let [oldest, _, ..] = self.segments.as_slice() {
            if oldest.last_seq > applied {
                break;
            }
            self.disk.remove(&oldest.path)?;
            self.segments.remove(0);
        }
        Ok(())
    }

    /// Makes the next file, with room for a group of `room` bytes.
    fn begin_segment(&mut self, room: u64) -> io::Result<()> {
        let salt = random::bytes().map_err(io::Error::other)?;
        let number = self.next_number;
        // A number is used once: what is left of a file that could not be made stays out of the way.
        self.next_number = self.next_number.saturating_add(1);
        let head = SegmentHead {
            number,
            epoch: self.epoch,
            first_seq: self.next_seq,
            salt,
            previous: self.previous,
        };
        let size = self.next_size.max(BLOCK.saturating_add(room)).next_multiple_of(BLOCK);
        let path = self.folder.join(segment_name(self.epoch, number));
        let file = self.make(&path, size, &head).inspect_err(|_| {
            let _ = self.disk.remove(&path);
        })?;
        self.segments.push(Segment {
            path,
            file,
            salt,
            size,
            end: BLOCK,
            last_seq: self.next_seq.saturating_sub(1),
        });
        self.next_size = self.next_size.saturating_mul(2).min(self.sizes.most);
        Ok(())
    }

    fn make(&self, path: &Path, size: u64, head: &SegmentHead) -> io::Result<Box<dyn DiskFile>> {
        let mut file = self.disk.create(path)?;
        let zeros = vec![0; ZEROS_AT_ONCE];
        let mut at = 0;
        while at < size {
            let left = usize::try_from(size.saturating_sub(at)).unwrap_or(usize::MAX);
            let piece = zeros.get(..left.min(zeros.len())).unwrap_or_default();
            file.write_at(at, piece)?;
            at = at.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        }
        file.sync()?;
        file.write_at(0, &head.to_bytes())?;
        file.sync()?;
        self.disk.sync_folder(&self.folder)?;
        Ok(file)
    }
}

/// Zeros that are written in one go.
const ZEROS_AT_ONCE: usize = 256 * 1_024;

/// Names sort as the segments follow each other.
fn segment_name(epoch: u64, number: u64) -> String {
    format!("{epoch:016x}-{number:016x}.segment")
}
