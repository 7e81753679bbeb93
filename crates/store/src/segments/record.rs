//! A decision as bytes: its rows one after the other, each a tag and its fields, lengths in front.
//! Objects and events are in the form in which the index stores them.

use std::sync::Arc;

use watchfire_model::{
    id::{ReceiptId, RiskProviderId, SecurityEventsProviderId},
    object::{Kind, Object},
    row::{Decision, DedupeKey, Receipt, Received, Row},
    time::Timestamp,
};

const PUT: u8 = 1;
const DELETE: u8 = 2;
const DEDUPE: u8 = 3;
const RISK_EVENTS: u8 = 4;
const SECURITY_EVENTS: u8 = 5;
const LOG: u8 = 6;

/// The bytes are not those of a decision, or the decision cannot be written as bytes.
#[derive(Debug, thiserror::Error)]
#[error("a decision cannot be read or written")]
pub struct BadRecord;

impl From<serde_json::Error> for BadRecord {
    fn from(_: serde_json::Error) -> Self {
        Self
    }
}

/// Appends the bytes of `decision`.
pub(super) fn write(decision: &Decision, into: &mut Vec<u8>) -> Result<(), BadRecord> {
    number(decision.rows.len(), into)?;
    decision.rows.iter().try_for_each(|row| write_row(row, into))
}

/// Takes a decision from the front of `bytes`.
pub(super) fn read(bytes: &mut &[u8]) -> Result<Decision, BadRecord> {
    let rows = take_number(bytes)?;
    let rows = (0..rows).map(|_| read_row(bytes)).collect::<Result<_, _>>()?;
    Ok(Decision { rows })
}

fn write_row(row: &Row, into: &mut Vec<u8>) -> Result<(), BadRecord> {
    match row {
        Row::Put(object) => {
            into.push(PUT);
            text(object.kind().as_str(), into)?;
            text(&object.to_document()?, into)
        }
        Row::Delete { kind, id } => {
            into.push(DELETE);
            text(kind.as_str(), into)?;
            text(id, into)
        }
        Row::Dedupe { key, expires_at } => {
            into.push(DEDUPE);
            into.extend_from_slice(&key.0);
            time(*expires_at, into);
            Ok(())
        }
        Row::Receipt(receipt) => write_receipt(receipt, into),
        Row::Log(event) => {
            into.push(LOG);
            text(&serde_json::to_string(event)?, into)
        }
    }
}

fn write_receipt(receipt: &Receipt, into: &mut Vec<u8>) -> Result<(), BadRecord> {
    let note = match &receipt.content {
        Received::RiskEvents { .. } => {
            into.push(RISK_EVENTS);
            None
        }
        Received::SecurityEvents { note, .. } => {
            into.push(SECURITY_EVENTS);
            Some(serde_json::to_string(note)?)
        }
    };
    text(receipt.id.as_str(), into)?;
    text(receipt.content.provider(), into)?;
    text(&receipt.body, into)?;
    time(receipt.received_at, into);
    time(receipt.expires_at, into);
    note.map_or(Ok(()), |note| text(&note, into))
}

fn read_row(bytes: &mut &[u8]) -> Result<Row, BadRecord> {
    let [tag] = take::<1>(bytes)?;
    Ok(match tag {
        PUT => {
            let kind = take_kind(bytes)?;
            Row::Put(Object::from_document(kind, take_text(bytes)?)?)
        }
        DELETE => Row::Delete {
            kind: take_kind(bytes)?,
            id: take_text(bytes)?.to_owned(),
        },
        DEDUPE => Row::Dedupe {
            key: DedupeKey(take(bytes)?),
            expires_at: take_time(bytes)?,
        },
        RISK_EVENTS | SECURITY_EVENTS => Row::Receipt(read_receipt(tag, bytes)?),
        LOG => Row::Log(serde_json::from_str(take_text(bytes)?)?),
        _ => return Err(BadRecord),
    })
}

fn read_receipt(tag: u8, bytes: &mut &[u8]) -> Result<Receipt, BadRecord> {
    let id = ReceiptId::new(take_text(bytes)?);
    let provider = take_text(bytes)?;
    let body = Arc::from(take_text(bytes)?);
    let (received_at, expires_at) = (take_time(bytes)?, take_time(bytes)?);
    let content = if tag == RISK_EVENTS {
        Received::RiskEvents {
            provider: RiskProviderId::new(provider),
            // They follow from the body, and the index does not store them.
            signals: Arc::default(),
        }
    } else {
        Received::SecurityEvents {
            provider: SecurityEventsProviderId::new(provider),
            note: serde_json::from_str(take_text(bytes)?)?,
        }
    };
    Ok(Receipt {
        id,
        content,
        body,
        received_at,
        expires_at,
    })
}

fn number(number: usize, into: &mut Vec<u8>) -> Result<(), BadRecord> {
    let number = u32::try_from(number).map_err(|_| BadRecord)?;
    into.extend_from_slice(&number.to_le_bytes());
    Ok(())
}

fn text(text: &str, into: &mut Vec<u8>) -> Result<(), BadRecord> {
    number(text.len(), into)?;
    into.extend_from_slice(text.as_bytes());
    Ok(())
}

fn time(at: Timestamp, into: &mut Vec<u8>) {
    into.extend_from_slice(&at.as_micros().to_le_bytes());
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], BadRecord> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(BadRecord)?;
    *bytes = rest;
    Ok(*taken)
}

fn take_number(bytes: &mut &[u8]) -> Result<usize, BadRecord> {
    usize::try_from(u32::from_le_bytes(take(bytes)?)).map_err(|_| BadRecord)
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, BadRecord> {
    let length = take_number(bytes)?;
    let (text, rest) = bytes.split_at_checked(length).ok_or(BadRecord)?;
    *bytes = rest;
    std::str::from_utf8(text).map_err(|_| BadRecord)
}

fn take_time(bytes: &mut &[u8]) -> Result<Timestamp, BadRecord> {
    take(bytes).map(|micros| Timestamp::from_micros(i64::from_le_bytes(micros)))
}

fn take_kind(bytes: &mut &[u8]) -> Result<Kind, BadRecord> {
    let name = take_text(bytes)?;
    Kind::ALL.iter().copied().find(|kind| kind.as_str() == name).ok_or(BadRecord)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use watchfire_model::{
        id::{GroupId, OrgId, UserId},
        log::{Actor, EventType, LogEvent},
        object::Membership,
        row::SetNote,
    };

    use super::*;

    fn receipt(content: Received) -> Row {
        Row::Receipt(Receipt {
            id: ReceiptId::new("rcp1"),
            content,
            body: Arc::from("{\"é\": \"\\u0000\"}"),
            received_at: Timestamp::from_micros(1),
            expires_at: Timestamp::from_micros(i64::MAX),
        })
    }

    fn one_of_each() -> Decision {
        let mut decision = Decision::new();
        decision.put(Membership {
            user_id: UserId::new("00u1"),
            group_id: GroupId::new("00g1"),
            created: Timestamp::from_seconds(5),
        });
        decision.delete(Kind::User, "00u2");
        decision.remember(DedupeKey([7; 16]), Timestamp::from_micros(-1));
        decision.rows.push(receipt(Received::RiskEvents {
            provider: RiskProviderId::new("rkp1"),
            signals: Arc::default(),
        }));
        decision.rows.push(receipt(Received::SecurityEvents {
            provider: SecurityEventsProviderId::new("sse1"),
            note: Box::new(SetNote {
                jti: "j".to_owned(),
                ..SetNote::default()
            }),
        }));
        decision.log(LogEvent::new(EventType::OAuthKeyRollover, Actor::system(&OrgId::new("00o1"))));
        decision
    }

    fn bytes_of(decision: &Decision) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(decision, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn every_kind_of_row_is_read_as_it_was_written() {
        for decision in [Decision::new(), one_of_each()] {
            let bytes = bytes_of(&decision);
            let mut rest = bytes.as_slice();
            assert_eq!(read(&mut rest).unwrap(), decision);
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn a_record_that_ends_too_early_is_refused() {
        let bytes = bytes_of(&one_of_each());
        for end in 0..bytes.len() {
            assert!(read(&mut bytes.get(..end).unwrap()).is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_are_nothing_panics(bytes: Vec<u8>) {
            let _ = read(&mut bytes.as_slice());
        }
    }
}
