//! Pieces as a file.
//!
//! ```text
//! magic
//! block: kind (1), length (4), digest over the block before it and all of this (32), payload
//! …
//! ```
//!
//! A block that was changed, taken out, put elsewhere or cut off is found at that block; the last one is the footer, so
//! that a file which ends too early is told from one that is whole.

use std::io::{self, ErrorKind, Read, Write};

use watchfire_crypto::digest::sha256_of;

use super::{
    ArchiveError, Piece,
    piece::{Footer, Header, Sums},
    row::Batch,
};

const MAGIC: &[u8; 16] = b"WatchfireArchive";
const HEADER: u8 = b'H';
const BATCH: u8 = b'B';
const FOOTER: u8 = b'F';
/// A block is not longer: one row may be long, and no row is as long as this.
const MOST_BYTES: u32 = 1 << 30;

type Digest = [u8; 32];

/// Writes an archive.
#[derive(Debug)]
pub struct ArchiveWriter<W> {
    out: W,
    previous: Digest,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins one.
    ///
    /// # Errors
    /// When `out` takes nothing.
    pub fn begin(mut out: W) -> Result<Self, ArchiveError> {
        out.write_all(MAGIC).map_err(ArchiveError::Io)?;
        Ok(Self {
            out,
            previous: sha256_of(&[MAGIC]),
        })
    }

    /// Writes the next piece.
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn write(&mut self, piece: &Piece) -> Result<(), ArchiveError> {
        let as_json = |error: serde_json::Error| ArchiveError::Io(io::Error::other(error));
        let (kind, payload) = match piece {
            Piece::Header(header) => (HEADER, serde_json::to_vec(header).map_err(as_json)?),
            Piece::Batch(batch) => (BATCH, batch.encode()),
            Piece::Footer(footer) => (FOOTER, serde_json::to_vec(footer).map_err(as_json)?),
        };
        let length = u32::try_from(payload.len()).ok().filter(|length| *length <= MOST_BYTES);
        let length = length.ok_or_else(|| ArchiveError::Io(ErrorKind::InvalidData.into()))?;
        self.previous = digest(&self.previous, kind, length, &payload);
        let mut head = vec![kind];
        head.extend_from_slice(&length.to_le_bytes());
        head.extend_from_slice(&self.previous);
        let written = self.out.write_all(&head).and_then(|()| self.out.write_all(&payload));
        written.map_err(ArchiveError::Io)
    }

    /// Gives back where it was written to.
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn end(mut self) -> Result<W, ArchiveError> {
        self.out.flush().map_err(ArchiveError::Io)?;
        Ok(self.out)
    }
}

/// Reads an archive and checks it on the way.
#[derive(Debug)]
pub struct ArchiveReader<R> {
    input: R,
    previous: Digest,
    block: u64,
    sums: Sums,
    ended: bool,
}

impl<R: Read> ArchiveReader<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// [`ArchiveError::NotAnArchive`].
    pub fn begin(mut input: R) -> Result<Self, ArchiveError> {
        let mut magic = [0; MAGIC.len()];
        match input.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC => {}
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(ArchiveError::Io(error)),
            _ => return Err(ArchiveError::NotAnArchive),
        }
        Ok(Self {
            input,
            previous: sha256_of(&[MAGIC]),
            block: 0,
            sums: Sums::default(),
            ended: false,
        })
    }

    /// The next piece: the header first, the footer last, and then none.
    ///
    /// # Errors
    /// [`ArchiveError`]: when this piece is not what was written.
    pub fn read(&mut self) -> Result<Option<Piece>, ArchiveError> {
        if self.ended {
            return Ok(None);
        }
        let (kind, payload) = self.block()?;
        let damaged = ArchiveError::Damaged { block: self.block };
        let piece = match kind {
            HEADER if self.block == 0 => Piece::Header(header(&payload, damaged)?),
            BATCH if self.block > 0 => {
                let batch = Batch::decode(&payload).ok_or(damaged)?;
                self.sums.take(&batch);
                Piece::Batch(batch)
            }
            FOOTER if self.block > 0 => Piece::Footer(self.footer(&payload, damaged)?),
            _ => return Err(damaged),
        };
        self.block = self.block.saturating_add(1);
        Ok(Some(piece))
    }

    fn block(&mut self) -> Result<(u8, Vec<u8>), ArchiveError> {
        let truncated = ArchiveError::Truncated { block: self.block };
        let [kind, length @ ..] = self.exactly::<5>()?;
        let length = u32::from_le_bytes(length);
        let expected: Digest = self.exactly()?;
        if length > MOST_BYTES {
            return Err(ArchiveError::Damaged { block: self.block });
        }
        let mut payload = Vec::new();
        // Memory is taken as bytes come: the length may be anything.
        let read = self.input.by_ref().take(u64::from(length)).read_to_end(&mut payload);
        read.map_err(ArchiveError::Io)?;
        if u32::try_from(payload.len()) != Ok(length) {
            return Err(truncated);
        }
        if digest(&self.previous, kind, length, &payload) != expected {
            return Err(ArchiveError::Damaged { block: self.block });
        }
        self.previous = expected;
        Ok((kind, payload))
    }

    fn exactly<const N: usize>(&mut self) -> Result<[u8; N], ArchiveError> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => ArchiveError::Truncated { block: self.block },
            _ => ArchiveError::Io(error),
        })?;
        Ok(bytes)
    }

    fn footer(&mut self, payload: &[u8], damaged: ArchiveError) -> Result<Footer, ArchiveError> {
        let footer: Footer = serde_json::from_slice(payload).map_err(|_| damaged)?;
        let found = self.sums.footer();
        if let Some(table) = footer.difference(&found) {
            return Err(ArchiveError::Totals { table });
        }
        let mut behind = [0];
        match self.input.read(&mut behind) {
            Ok(0) => {}
            Ok(_) => return Err(ArchiveError::Trailing),
            Err(error) => return Err(ArchiveError::Io(error)),
        }
        self.ended = true;
        Ok(footer)
    }
}

fn header(payload: &[u8], damaged: ArchiveError) -> Result<Header, ArchiveError> {
    /// What every format has.
    #[derive(serde::Deserialize)]
    struct AnyHeader {
        format: u32,
    }
    let any: AnyHeader = serde_json::from_slice(payload).map_err(|_| ArchiveError::NotAnArchive)?;
    if any.format != Header::current_format() {
        return Err(ArchiveError::Format { found: any.format });
    }
    let header: Header = serde_json::from_slice(payload).map_err(|_| damaged)?;
    header.check()?;
    Ok(header)
}

fn digest(previous: &Digest, kind: u8, length: u32, payload: &[u8]) -> Digest {
    sha256_of(&[previous, &[kind], &length.to_le_bytes(), payload])
}

#[cfg(test)]
mod tests {
    use watchfire_model::time::Timestamp;

    use super::*;
    use crate::archive::{Table, Value};

    fn small_header() -> Header {
        Header {
            format: Header::current_format(),
            version: "0.1.0".to_owned(),
            made: Timestamp::from_seconds(1),
            store: "sqlite".to_owned(),
            epoch: 3,
            key: None,
            rows: 2,
            tables: Header::own_tables(),
        }
    }

    fn batch(hash: u8) -> Batch {
        let mut batch = Batch::new(Table::Dedupe);
        let row = [Value::Integer(1), Value::Bytes(vec![hash; 16]), Value::Integer(5)];
        batch.push(&row).unwrap();
        batch
    }

    fn pieces() -> Vec<Piece> {
        let mut sums = Sums::default();
        let batches = [batch(1), batch(2)];
        batches.iter().for_each(|batch| sums.take(batch));
        let mut pieces = vec![Piece::Header(small_header())];
        pieces.extend(batches.map(Piece::Batch));
        pieces.push(Piece::Footer(sums.footer()));
        pieces
    }

    fn archive(pieces: &[Piece]) -> Vec<u8> {
        let mut writer = ArchiveWriter::begin(Vec::new()).unwrap();
        pieces.iter().for_each(|piece| writer.write(piece).unwrap());
        writer.end().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<Piece>, ArchiveError> {
        let mut reader = ArchiveReader::begin(bytes)?;
        let mut pieces = Vec::new();
        while let Some(piece) = reader.read()? {
            pieces.push(piece);
        }
        Ok(pieces)
    }

    #[test]
    fn an_archive_is_read_as_it_was_written() {
        assert_eq!(read(&archive(&pieces())).unwrap(), pieces());
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_found() {
        let whole = archive(&pieces());
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x20;
            let error = read(&changed).unwrap_err();
            let told = matches!(
                error,
                ArchiveError::NotAnArchive | ArchiveError::Damaged { .. } | ArchiveError::Truncated { .. }
            );
            assert!(told, "byte {at}: {error:?}");
            let error = read(&whole[..at]).unwrap_err();
            let told = matches!(error, ArchiveError::NotAnArchive | ArchiveError::Truncated { .. });
            assert!(told, "cut at {at}: {error:?}");
        }
    }

    #[test]
    fn what_is_wrong_as_a_whole_is_said() {
        let all = pieces();
        let behind = [archive(&all), vec![0]].concat();
        let other = |change: fn(&mut Header)| {
            let mut header = small_header();
            change(&mut header);
            let mut pieces = all.clone();
            pieces[0] = Piece::Header(header);
            archive(&pieces)
        };
        let cases: [(Vec<u8>, &str); 8] = [
            (
                b"PK\x03\x04 something else altogether".to_vec(),
                "this is no archive of Watchfire's",
            ),
            (Vec::new(), "this is no archive of Watchfire's"),
            (behind, "there is something behind the end of the archive"),
            (
                archive(&[all[0].clone(), all[1].clone(), all[3].clone()]),
                "the archive's rows of dedupe are not those that its end speaks of",
            ),
            (
                archive(&[all[0].clone(), all[2].clone(), all[1].clone(), all[3].clone()]),
                "the archive's rows of dedupe are not those that its end speaks of",
            ),
            (
                archive(&all[..3]),
                "the archive ends in the middle of block 3: it was cut off",
            ),
            (
                other(|header| header.format = 2),
                "the archive has format 2, and this version of Watchfire reads 1",
            ),
            (
                other(|header| header.tables.clear()),
                "the archive was made by Watchfire 0.1.0, whose tables are others: restore it with that version, and upgrade then",
            ),
        ];
        for (bytes, expected) in cases {
            assert_eq!(read(&bytes).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn blocks_do_not_come_from_another_archive() {
        let mut other = pieces();
        if let Piece::Header(header) = &mut other[0] {
            header.epoch = 4;
        }
        let (one, other) = (archive(&pieces()), archive(&other));
        // The same length, and a head of its own.
        let cut = one.len() / 2;
        let spliced = [&other[..cut], &one[cut..]].concat();
        assert!(matches!(read(&spliced), Err(ArchiveError::Damaged { .. })));
    }
}
