//! The bytes of a segment's head and of a group.

use watchfire_crypto::digest::sha256_of;

use crate::journal::Seq;

/// Groups begin at multiples of this many bytes, and only there is one looked for.
pub(super) const BLOCK: u64 = 4_096;

pub(super) type Digest = [u8; 32];
pub(super) type Salt = [u8; 16];

const SEGMENT: &[u8; 8] = b"WFseg\x01\0\0";
const GROUP: &[u8; 8] = b"WFgrp\x01\0\0";
/// Tag, epoch, first sequence number, count, length, digest before, digest.
const GROUP_HEAD: usize = 8 + 8 + 8 + 4 + 4 + 32 + 32;

/// What the first block of a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHead {
    pub(super) number: u64,
    pub(super) epoch: u64,
    /// Of its first group.
    pub(super) first_seq: Seq,
    pub(super) salt: Salt,
    /// Of the last group of the segment before.
    pub(super) previous: Digest,
}

impl SegmentHead {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = SEGMENT.to_vec();
        for number in [self.number, self.epoch, self.first_seq] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.salt);
        bytes.extend_from_slice(&self.previous);
        bytes.extend_from_slice(&sha256_of(&[&bytes]));
        bytes
    }

    /// Reads the head at the front of a file; `None` when there is none, or not a whole one.
    pub(super) fn read(file: &[u8]) -> Option<Self> {
        let mut rest = file.strip_prefix(SEGMENT)?;
        let head = Self {
            number: take_u64(&mut rest)?,
            epoch: take_u64(&mut rest)?,
            first_seq: take_u64(&mut rest)?,
            salt: take(&mut rest)?,
            previous: take(&mut rest)?,
        };
        // The digest is in it.
        file.starts_with(&head.to_bytes()).then_some(head)
    }
}

/// What a group says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupHead {
    pub(super) epoch: u64,
    pub(super) first_seq: Seq,
    pub(super) count: u32,
    /// Of the group before.
    pub(super) previous: Digest,
}

/// A group that was found whole.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) head: GroupHead,
    pub(super) body: &'a [u8],
    pub(super) digest: Digest,
}

/// Bytes that a group with so many bytes of decisions takes in the file.
pub(super) fn size(body: usize) -> u64 {
    let bytes = GROUP_HEAD.saturating_add(body);
    u64::try_from(bytes).unwrap_or(u64::MAX).next_multiple_of(BLOCK)
}

impl GroupHead {
    fn fields(&self, length: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(GROUP_HEAD);
        bytes.extend_from_slice(GROUP);
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.first_seq.to_le_bytes());
        bytes.extend_from_slice(&self.count.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&self.previous);
        bytes
    }

    /// Puts the group into `buffer`, whole blocks; gives its digest.
    pub(super) fn write(&self, salt: &Salt, body: &[u8], buffer: &mut Vec<u8>) -> Digest {
        let fields = self.fields(u32::try_from(body.len()).unwrap_or(u32::MAX));
        let digest = sha256_of(&[salt, &fields, body]);
        buffer.clear();
        buffer.extend_from_slice(&fields);
        buffer.extend_from_slice(&digest);
        buffer.extend_from_slice(body);
        buffer.resize(usize::try_from(size(body.len())).unwrap_or(usize::MAX), 0);
        digest
    }

    /// Reads the group at the front of `bytes`; `None` when there is no whole one of this segment.
    pub(super) fn read<'a>(salt: &Salt, bytes: &'a [u8]) -> Option<Found<'a>> {
        let mut rest = bytes.strip_prefix(GROUP)?;
        let (epoch, first_seq) = (take_u64(&mut rest)?, take_u64(&mut rest)?);
        let (count, length) = (u32::from_le_bytes(take(&mut rest)?), u32::from_le_bytes(take(&mut rest)?));
        let head = Self {
            epoch,
            first_seq,
            count,
            previous: take(&mut rest)?,
        };
        let digest: Digest = take(&mut rest)?;
        let body = rest.get(..usize::try_from(length).ok()?)?;
        (sha256_of(&[salt, &head.fields(length), body]) == digest).then_some(Found { head, body, digest })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    take(bytes).map(u64::from_le_bytes)
}
