//! A stream as its receiver sees it (ssf.md 4.2, 5): what is asked of a transmitter, what its answers
//! mean, and what is done next. Tolerant in what it reads (ssf.md 8), strict in what it sends (STRM-18).
//!
//! | module | holds |
//! |---|---|
//! | [`configuration`] | the stream configuration object and the status object |
//! | [`request`] | the bodies that we send |
//! | [`poll`] | polls and what they bring (RFC 8936) |
//! | [`reaction`] | from an operation and a status to what is done next |
//! | [`discovery`] | where metadata is, and whose it may be (META-06 to META-08) |

pub mod configuration;
pub mod discovery;
pub mod poll;
pub mod reaction;
pub mod request;

pub use self::{
    configuration::{RemoteDelivery, StatusObject, StreamConfiguration},
    poll::{PollRequest, PollResponse},
    reaction::{Operation, Reaction, reaction},
    request::{DeliveryRequest, StreamRequest},
};

/// How SETs come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryMethod {
    /// RFC 8935
    Push,
    /// RFC 8936
    Poll,
}

/// Which names the transmitter knows the methods by (DEL-02, AMB-06).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryNames {
    /// `urn:ietf:rfc:…`
    Rfc,
    /// Those of the RISC drafts.
    Risc,
}

impl DeliveryMethod {
    /// The method's URI.
    pub const fn uri(self, names: DeliveryNames) -> &'static str {
        match (self, names) {
            (Self::Push, DeliveryNames::Rfc) => "urn:ietf:rfc:8935",
            (Self::Poll, DeliveryNames::Rfc) => "urn:ietf:rfc:8936",
            (Self::Push, DeliveryNames::Risc) => "https://schemas.openid.net/secevent/risc/delivery-method/push",
            (Self::Poll, DeliveryNames::Risc) => "https://schemas.openid.net/secevent/risc/delivery-method/poll",
        }
    }

    /// Reads a URI of either kind.
    pub fn parse(uri: &str) -> Option<(Self, DeliveryNames)> {
        [DeliveryNames::Rfc, DeliveryNames::Risc].into_iter().find_map(|names| {
            let mut methods = [Self::Push, Self::Poll].into_iter();
            methods.find(|method| method.uri(names) == uri).map(|method| (method, names))
        })
    }
}

/// A document of the transmitter that says nothing that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Not an object, or not the members that it must have.
    #[error("the transmitter's answer is no stream: it has no stream_id")]
    NoStreamId,
    /// `status` is missing or none of the three words.
    #[error("the transmitter's answer has no status that is known")]
    NoStatus,
    /// Not the JSON that a poll is answered with.
    #[error("the transmitter's answer to a poll is not acceptable JSON")]
    NotAPollResponse,
}

#[cfg(test)]
mod tests;
