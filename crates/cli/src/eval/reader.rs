//! A file of sign-ins, one record in memory at a time.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    mem::{Discriminant, discriminant},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use watchfire_engine::evaluation::{Columns, Row, RowError, fields};

use crate::command::Misuse;

/// Longer records are skipped.
const LONGEST_RECORD: usize = 4 << 20;
/// Records between two looks at the progress bar.
const TICK: u64 = 4_096;

/// The rows of a file.
#[derive(Debug)]
pub(super) struct SignIns {
    path: PathBuf,
    source: BufReader<File>,
    columns: Columns,
    bar: ProgressBar,
    read: u64,
    too_long: u64,
    skipped: Vec<(Discriminant<RowError>, RowError, u64)>,
}

impl SignIns {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// When it cannot be read or its header lacks a column that is needed.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot read {}", path.display());
        let file = File::open(path).with_context(cannot)?;
        let length = file.metadata().with_context(cannot)?.len();
        let mut source = BufReader::with_capacity(1 << 20, file);
        let header = match next_record(&mut source).with_context(cannot)? {
            Some(Record::Text(header)) => header,
            Some(Record::TooLong) | None => String::new(),
        };
        let names = fields(&header);
        let columns =
            Columns::find(names.iter().map(AsRef::as_ref)).map_err(|error| Misuse(format!("{}: {error}", path.display())))?;
        let bar = ProgressBar::new(length);
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent} %") {
            bar.set_style(style);
        }
        Ok(Self {
            path: path.to_owned(),
            source,
            columns,
            bar,
            read: 0,
            too_long: 0,
            skipped: Vec::new(),
        })
    }

    /// Hands over every row that can be used.
    ///
    /// # Errors
    /// When the file cannot be read further.
    pub(super) fn each(&mut self, mut take: impl FnMut(&Row<'_>)) -> Result<()> {
        let mut records = 0_u64;
        let mut bytes = 0_u64;
        while let Some(record) = next_record(&mut self.source).with_context(|| format!("cannot read {}", self.path.display()))? {
            records += 1;
            let Record::Text(record) = record else {
                self.too_long += 1;
                continue;
            };
            bytes += u64::try_from(record.len()).unwrap_or(0) + 1;
            if records.is_multiple_of(TICK) {
                self.bar.set_position(bytes);
            }
            if record.is_empty() {
                continue;
            }
            match self.columns.row(&fields(&record)) {
                Ok(row) => {
                    self.read += 1;
                    take(&row);
                }
                Err(error) => self.skip(error),
            }
        }
        self.bar.finish_and_clear();
        Ok(())
    }

    /// Rows that could be used.
    pub(super) const fn read(&self) -> u64 {
        self.read
    }

    /// Rows that could not: why, for the first of each kind, and how many.
    pub(super) fn skipped(&self) -> BTreeMap<String, u64> {
        let mut skipped: BTreeMap<String, u64> = self
            .skipped
            .iter()
            .map(|(_, error, count)| (error.to_string(), *count))
            .collect();
        if self.too_long > 0 {
            skipped.insert(format!("it is longer than {LONGEST_RECORD} bytes"), self.too_long);
        }
        skipped
    }

    fn skip(&mut self, error: RowError) {
        let kind = discriminant(&error);
        match self.skipped.iter_mut().find(|(known, ..)| *known == kind) {
            Some((_, _, count)) => *count += 1,
            None => self.skipped.push((kind, error, 1)),
        }
    }
}

enum Record {
    Text(String),
    TooLong,
}

/// The next record without its line end; a quoted field may hold line ends.
fn next_record(source: &mut impl BufRead) -> io::Result<Option<Record>> {
    let mut bytes = Vec::new();
    let mut quotes = 0;
    loop {
        let from = bytes.len();
        let room = LONGEST_RECORD.saturating_sub(from) + 1;
        let limit = u64::try_from(room).unwrap_or(u64::MAX);
        source.by_ref().take(limit).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let line = bytes.get(from..).unwrap_or_default();
        let ended = line.last() == Some(&b'\n');
        if bytes.len() > LONGEST_RECORD {
            if !ended {
                skip_line(source)?;
            }
            return Ok(Some(Record::TooLong));
        }
        quotes += line.iter().filter(|byte| **byte == b'"').count();
        if ended && quotes % 2 == 1 {
            continue;
        }
        let text = String::from_utf8_lossy(&bytes);
        return Ok(Some(Record::Text(text.trim_end_matches(['\n', '\r']).to_owned())));
    }
}

fn skip_line(source: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = source.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let line_end = buffer.iter().position(|byte| *byte == b'\n');
        let used = line_end.map_or(buffer.len(), |at| at + 1);
        source.consume(used);
        if line_end.is_some() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &[u8]) -> Vec<Option<String>> {
        let mut source = text;
        let mut found = Vec::new();
        while let Some(record) = next_record(&mut source).unwrap() {
            found.push(match record {
                Record::Text(text) => Some(text),
                Record::TooLong => None,
            });
        }
        found
    }

    #[test]
    fn records_end_at_line_ends_outside_quotes() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(records(b"a,b\r\nc\n"), [some("a,b"), some("c")]);
        assert_eq!(records(b"a,\"b\nc\"\nd"), [some("a,\"b\nc\""), some("d")]);
        assert_eq!(records(b"\n\xff\n"), [some(""), some("\u{fffd}")]);
        assert_eq!(records(b"a,\"never closed\nb"), [some("a,\"never closed\nb")]);
    }

    #[test]
    fn a_line_without_end_needs_no_memory_without_end() {
        let mut text = vec![b'x'; LONGEST_RECORD + 10];
        text.extend(b"\nnext\n");
        assert_eq!(records(&text), [None, Some("next".to_owned())]);
    }
}
