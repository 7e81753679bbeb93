//! How far the files go, for somebody who looks at them while another process writes them.

use std::{
    io::{self, ErrorKind},
    path::Path,
};

use super::{
    Applied,
    group::{self, BLOCK, SegmentHead},
    recovery::{next_group, segments},
};
use crate::{disk::Disk, journal::Seq};

/// The last decision that is whole in the files: everything that was acknowledged before this was called is not behind it.
/// `None` when there is none. What is missing in between is for a start to find.
///
/// # Errors
/// When a file cannot be read.
pub fn tail(disk: &dyn Disk, folder: &Path) -> io::Result<Option<Applied>> {
    let mut last = None;
    for path in segments(disk, folder)? {
        match disk.read(&path) {
            Ok(file) => last = last.max(last_of(&file)),
            // The index has all of it.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(last)
}

fn last_of(file: &[u8]) -> Option<Applied> {
    let head = SegmentHead::read(file)?;
    let (mut next, mut previous) = (head.first_seq, head.previous);
    let mut at = usize::try_from(BLOCK).unwrap_or(usize::MAX);
    let mut last = None;
    while let Some(group) = next_group(&head, file.get(at..), next, &previous) {
        next = next.saturating_add(Seq::from(group.head.count));
        previous = group.digest;
        at = at.saturating_add(usize::try_from(group::size(group.body.len())).unwrap_or(usize::MAX));
        last = Some(Applied {
            epoch: head.epoch,
            seq: next.saturating_sub(1),
        });
    }
    last
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use watchfire_model::row::{Decision, DedupeKey};

    use super::*;
    use crate::{
        disk::RealDisk,
        segments::{Encoded, SegmentLog, SegmentSizes},
    };

    fn group(decisions: u8) -> Encoded {
        let mut encoded = Encoded::default();
        for number in 0..decisions {
            let mut decision = Decision::new();
            decision.remember(DedupeKey([number; 16]), watchfire_model::time::Timestamp::default());
            encoded.push(&decision).unwrap();
        }
        encoded
    }

    #[test]
    fn the_end_is_the_last_whole_group_in_whatever_file() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("journal");
        assert_eq!(tail(&RealDisk, &folder).unwrap(), None);
        let sizes = SegmentSizes {
            first: 3 * BLOCK,
            most: 3 * BLOCK,
        };
        let mut log = SegmentLog::begin(Arc::new(RealDisk), &folder, 7, sizes).unwrap();
        assert_eq!(tail(&RealDisk, &folder).unwrap(), None);
        for seq in [2, 4, 6, 8, 10] {
            log.append(&group(2)).unwrap();
            assert_eq!(tail(&RealDisk, &folder).unwrap(), Some(Applied { epoch: 7, seq }));
        }
        log.retire(6).unwrap();
        assert_eq!(tail(&RealDisk, &folder).unwrap(), Some(Applied { epoch: 7, seq: 10 }));
    }
}
