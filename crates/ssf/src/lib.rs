//! Shared Signals: Security Event Tokens, their subjects, the catalogue of events, the dialects that
//! senders speak, and the state of streams (ssf.md). Pure: keys, time and settings come in as
//! parameters.
//!
//! | module | holds |
//! |---|---|
//! | [`set`] | a token from bytes to [`set::VerifiedSet`]: the order of ssf.md 1.5 |
//! | [`builder`] | claims of our own making |
//! | [`catalogue`] | the names of event types |
//! | [`event`] | the 27 typed payloads, unknown types |
//! | [`subject`] | subject identifiers, complex subjects, what they name |
//! | [`stream`] | a stream as its receiver sees it: configuration, polls, what answers mean |
//! | [`metadata`] | a transmitter's configuration document |
//! | [`dialect`] | what each profile tolerates, as data |
//! | [`normalisation`] | names for what was tolerated |
//! | [`error`] | `err` and `description` |

#![deny(missing_docs)]

pub mod builder;
pub mod catalogue;
pub mod dialect;
pub mod error;
pub mod event;
pub mod metadata;
pub mod normalisation;
mod numeric_date;
pub mod set;
pub mod stream;
pub mod subject;

pub use self::{
    catalogue::EventKind,
    dialect::Dialect,
    error::{ErrorCode, SetError},
    event::{Payload, SecurityEvent},
    metadata::TransmitterMetadata,
    normalisation::Normalisation,
    set::{Expected, UnverifiedSet, VerifiedSet, VerifyFailure},
    subject::{ComplexSubject, SimpleSubject, Subject},
};
