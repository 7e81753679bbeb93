//! What a start finds in the files of the starts before it.

use std::{
    io,
    path::{Path, PathBuf},
};

use watchfire_model::row::Decision;

use super::{
    Applied, BadRecord,
    group::{BLOCK, Digest, Found, GroupHead, SegmentHead},
    record,
};
use crate::{disk::Disk, journal::Seq};

/// Why the files cannot be read. Nothing is repaired unasked: what was acknowledged may be in there.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The disk failed.
    #[error("the journal cannot be read")]
    Io(#[from] io::Error),
    /// A group is damaged, and a whole one follows it: this is no power cut.
    #[error("{path}: damaged at byte {at}, and there is more behind it")]
    Middle {
        /// The file.
        path: PathBuf,
        /// Where.
        at: u64,
    },
    /// Decisions between the index and the first one here, or between two files, are gone.
    #[error("{path}: begins with decision {found} where {wanted} should be")]
    Gap {
        /// The file.
        path: PathBuf,
        /// What should come next.
        wanted: Seq,
        /// What comes.
        found: Seq,
    },
    /// The first block is not that of a segment, and there is something behind it.
    #[error("{path}: has lost its head")]
    Headless {
        /// The file.
        path: PathBuf,
    },
    /// A whole group holds what is no decision: it was written by a newer version.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: BadRecord,
    },
}

/// The decisions that the index does not have, group by group in their order. When they are applied the files may go:
/// [`remove`].
///
/// A bad end is a group whose sync has not returned: nobody was told that it is there.
///
/// # Errors
/// [`Damage`].
pub fn recover(disk: &dyn Disk, folder: &Path, applied: Applied) -> Result<Vec<Recovered>, Damage> {
    let mut walk = Walk { applied, before: None };
    let mut found = Vec::new();
    for path in segments(disk, folder)? {
        let file = disk.read(&path)?;
        walk.segment(&path, &file, &mut found)?;
    }
    Ok(found)
}

/// Removes the files of earlier starts, all of whose decisions are in the index, which has been synced.
///
/// # Errors
/// When one cannot be removed.
pub fn remove(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    for path in segments(disk, folder)? {
        disk.remove(&path)?;
    }
    Ok(())
}

/// A group that the index does not have.
#[derive(Debug)]
pub struct Recovered {
    /// Its decisions.
    pub decisions: Vec<Decision>,
    /// The number of the last one.
    pub last: Applied,
}

pub(super) fn segments(disk: &dyn Disk, folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = match disk.list(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        listed => listed?,
    };
    paths.retain(|path| path.extension().is_some_and(|it| it == "segment"));
    paths.sort_unstable();
    Ok(paths)
}

struct Walk {
    applied: Applied,
    /// Where the segment before ended: its epoch, the number that comes next, the digest of its last group.
    before: Option<(u64, Seq, Digest)>,
}

impl Walk {
    fn segment(&mut self, path: &Path, file: &[u8], into: &mut Vec<Recovered>) -> Result<(), Damage> {
        let block = usize::try_from(BLOCK).unwrap_or(usize::MAX);
        let Some(head) = SegmentHead::read(file) else {
            // Groups come after the sync of the head.
            let groups = file.get(block..).unwrap_or_default();
            return if groups.iter().all(|byte| *byte == 0) {
                Ok(())
            } else {
                Err(Damage::Headless { path: path.to_owned() })
            };
        };
        let (mut next, mut previous) = (head.first_seq, head.previous);
        let mut at = block;
        let mut first = true;
        while let Some(group) = next_group(&head, file.get(at..), next, &previous) {
            if std::mem::take(&mut first) {
                self.follows(path, &head)?;
            }
            next = next.saturating_add(Seq::from(group.head.count));
            previous = group.digest;
            self.take(path, &group, next.saturating_sub(1), into)?;
            at = at.saturating_add(usize::try_from(super::group::size(group.body.len())).unwrap_or(usize::MAX));
        }
        let behind = file.get(at..).unwrap_or_default().chunks(block).enumerate().skip(1);
        for (blocks, _) in behind {
            let from = at.saturating_add(blocks.saturating_mul(block));
            let found = GroupHead::read(&head.salt, file.get(from..).unwrap_or_default());
            if found.is_some_and(|group| group.head.first_seq >= next) {
                return Err(Damage::Middle {
                    path: path.to_owned(),
                    at: u64::try_from(at).unwrap_or(u64::MAX),
                });
            }
        }
        if !first {
            self.before = Some((head.epoch, next, previous));
        }
        Ok(())
    }

    /// That nothing is missing before the segment's first group.
    fn follows(&self, path: &Path, head: &SegmentHead) -> Result<(), Damage> {
        let unapplied = if head.epoch == self.applied.epoch {
            self.applied.seq.saturating_add(1)
        } else {
            1
        };
        // Of files that were removed because the index has them, a power cut may bring back any.
        if head.epoch < self.applied.epoch || head.first_seq <= unapplied {
            return Ok(());
        }
        let (wanted, follows) = match self.before {
            Some((epoch, next, previous)) if epoch == head.epoch => (next, next == head.first_seq && previous == head.previous),
            _ => (unapplied, false),
        };
        follows.then_some(()).ok_or_else(|| Damage::Gap {
            path: path.to_owned(),
            wanted,
            found: head.first_seq,
        })
    }

    fn take(&self, path: &Path, group: &Found<'_>, last: Seq, into: &mut Vec<Recovered>) -> Result<(), Damage> {
        let epoch = group.head.epoch;
        if (Applied { epoch, seq: last }) <= self.applied {
            return Ok(());
        }
        let unreadable = |source| Damage::Unreadable {
            path: path.to_owned(),
            source,
        };
        let mut body = group.body;
        let mut decisions = Vec::new();
        for seq in group.head.first_seq..=last {
            let decision = record::read(&mut body).map_err(unreadable)?;
            if (Applied { epoch, seq }) > self.applied {
                decisions.push(decision);
            }
        }
        into.push(Recovered {
            decisions,
            last: Applied { epoch, seq: last },
        });
        Ok(())
    }
}

/// The group that comes next, if it is whole.
pub(super) fn next_group<'a>(head: &SegmentHead, bytes: Option<&'a [u8]>, next: Seq, previous: &Digest) -> Option<Found<'a>> {
    let group = GroupHead::read(&head.salt, bytes?)?;
    let follows = group.head.epoch == head.epoch && group.head.first_seq == next && group.head.previous == *previous;
    follows.then_some(group)
}
