//! Rows as bytes: each value a tag and what it is, lengths in front.

use watchfire_model::object::{Kind, Object};

use super::{ArchiveError, table::Table};
use crate::StoreError;

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const TEXT: u8 = 2;
const BYTES: u8 = 3;

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    /// The number; `None` of what is none.
    pub(crate) const fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The text; `None` of what is none.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes; `None` of what are none.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Rows of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub(crate) table: Table,
    pub(crate) count: u32,
    pub(crate) bytes: Vec<u8>,
}

/// Rows of a batch at the most.
const MOST_ROWS: u32 = 4_096;
/// Bytes from which on a batch is full.
const FULL: usize = 1 << 20;

impl Batch {
    pub(crate) const fn new(table: Table) -> Self {
        Self {
            table,
            count: 0,
            bytes: Vec::new(),
        }
    }

    /// How many rows it has.
    pub const fn rows(&self) -> u32 {
        self.count
    }

    /// Its objects of the wanted kinds; none when it is of another table.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when one of them cannot be read.
    pub fn objects(&self, wanted: impl Fn(Kind) -> bool) -> Result<Vec<Object>, StoreError> {
        let mut objects = Vec::new();
        if self.table != Table::Objects {
            return Ok(objects);
        }
        for row in self.read().unwrap_or_default() {
            let at = |name: &str| {
                let column = Table::Objects.columns().iter().position(|column| column.name() == name);
                column
                    .and_then(|column| row.get(column))
                    .and_then(Value::text)
                    .unwrap_or_default()
            };
            let kind = Kind::ALL.iter().copied().find(|kind| kind.as_str() == at("kind"));
            if kind.is_some_and(|kind| !wanted(kind)) {
                continue;
            }
            let object = kind.and_then(|kind| Object::from_document(kind, at("document")).ok());
            objects.push(object.ok_or_else(|| StoreError::Corrupt {
                table: "objects",
                column: "document",
                id: at("id").to_owned(),
            })?);
        }
        Ok(objects)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.count >= MOST_ROWS || self.bytes.len() >= FULL
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: &[Value]) -> Result<(), ArchiveError> {
        row.iter().try_for_each(|value| write(value, &mut self.bytes))?;
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    /// The rows; `None` when the bytes are not rows of the table.
    pub(crate) fn read(&self) -> Option<Vec<Vec<Value>>> {
        let mut rest = self.bytes.as_slice();
        let rows = (0..self.count)
            .map(|_| (0..self.table.width()).map(|_| take(&mut rest)).collect())
            .collect::<Option<Vec<Vec<Value>>>>()?;
        rest.is_empty().then_some(rows)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes.len().saturating_add(5));
        bytes.push(self.table.code());
        bytes.extend_from_slice(&self.count.to_le_bytes());
        bytes.extend_from_slice(&self.bytes);
        bytes
    }

    pub(super) fn decode(payload: &[u8]) -> Option<Self> {
        let (code, rest) = payload.split_first()?;
        let (count, rest) = rest.split_first_chunk()?;
        let batch = Self {
            table: Table::of_code(*code)?,
            count: u32::from_le_bytes(*count),
            bytes: rest.to_vec(),
        };
        batch.read().map(|_| batch)
    }
}

fn write(value: &Value, into: &mut Vec<u8>) -> Result<(), ArchiveError> {
    match value {
        Value::Null => into.push(NULL),
        Value::Integer(number) => {
            into.push(INTEGER);
            into.extend_from_slice(&number.to_le_bytes());
        }
        Value::Text(text) => write_bytes(TEXT, text.as_bytes(), into)?,
        Value::Bytes(bytes) => write_bytes(BYTES, bytes, into)?,
    }
    Ok(())
}

fn write_bytes(tag: u8, bytes: &[u8], into: &mut Vec<u8>) -> Result<(), ArchiveError> {
    let too_long = |_| ArchiveError::Io(std::io::ErrorKind::InvalidData.into());
    let length = u32::try_from(bytes.len()).map_err(too_long)?;
    into.push(tag);
    into.extend_from_slice(&length.to_le_bytes());
    into.extend_from_slice(bytes);
    Ok(())
}

fn take(bytes: &mut &[u8]) -> Option<Value> {
    let (tag, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(match *tag {
        NULL => Value::Null,
        INTEGER => {
            let (number, rest) = bytes.split_first_chunk()?;
            *bytes = rest;
            Value::Integer(i64::from_le_bytes(*number))
        }
        TEXT => Value::Text(String::from_utf8(take_bytes(bytes)?.to_vec()).ok()?),
        BYTES => Value::Bytes(take_bytes(bytes)?.to_vec()),
        _ => return None,
    })
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (taken, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            any::<String>().prop_map(Value::Text),
            any::<Vec<u8>>().prop_map(Value::Bytes),
        ]
    }

    proptest! {
        #[test]
        fn rows_are_read_as_they_were_written(rows in proptest::collection::vec((any_value(), any_value(), any_value()), 0..20)) {
            let rows: Vec<Vec<Value>> = rows.into_iter().map(|(a, b, c)| vec![a, b, c]).collect();
            let mut batch = Batch::new(Table::Dedupe);
            for row in &rows {
                batch.push(row).unwrap();
            }
            let decoded = Batch::decode(&batch.encode()).unwrap();
            prop_assert_eq!(decoded.read().unwrap(), rows);
            for end in 0..batch.encode().len() {
                prop_assert!(Batch::decode(&batch.encode()[..end]).is_none());
            }
        }

        #[test]
        fn whatever_the_bytes_are_nothing_panics(bytes: Vec<u8>) {
            let _ = Batch::decode(&bytes);
        }
    }
}
