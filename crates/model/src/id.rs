//! Prefixed ids (okta.md 11.7): twenty characters, `[0-9A-Za-z]`, a three-character prefix that tells
//! a person what the id names.

use std::{borrow::Borrow, fmt};

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Makes the ids of one decision.
///
/// The implementation derives them from (epoch, sequence number, ordinal) under a key, so that a
/// replay gives the same ids and nobody outside can guess the next one (architecture section 6).
pub trait IdSource {
    /// The next id with `prefix`, twenty characters in all.
    fn next_id(&mut self, prefix: &str) -> String;
    /// The next RFC 9562 UUID in text form, for log events.
    fn next_uuid(&mut self) -> String;
}

/// Digits in the order of their bytes, so that ids made of them sort as numbers do.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Digits of a time in an id: microseconds for four centuries.
const TIME_DIGITS: u32 = 9;

impl SignInId {
    /// Makes a fresh id of a sign-in at `at`: behind those before it in byte order.
    pub fn at(ids: &mut dyn IdSource, at: Timestamp) -> Self {
        Self(ids.next_id(Self::first_at(at).as_str()))
    }

    /// What the ids of sign-ins at `at` begin with: it sorts before all of them, and behind all earlier
    /// ones. It names no sign-in itself.
    pub fn first_at(at: Timestamp) -> Self {
        Self(timed(Self::PREFIX, at))
    }
}

impl FeedbackId {
    /// Makes a fresh id of feedback given at `at`: behind those before it in byte order.
    pub fn at(ids: &mut dyn IdSource, at: Timestamp) -> Self {
        Self(ids.next_id(&timed(Self::PREFIX, at)))
    }
}

fn timed(prefix: &str, at: Timestamp) -> String {
    let micros = u64::try_from(at.as_micros()).unwrap_or(0).min(62_u64.pow(TIME_DIGITS) - 1);
    let digit = |place: u32| usize::try_from(micros / 62_u64.pow(place) % 62).unwrap_or(0);
    let digits = (0..TIME_DIGITS).rev().filter_map(|place| DIGITS.get(digit(place)));
    prefix.chars().chain(digits.map(|&it| char::from(it))).collect()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// What ids of this type begin with.
            pub const PREFIX: &'static str = $prefix;

            /// Takes an id as a client or the store gave it. It names nothing until it is looked up.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// Makes a fresh id.
            pub fn generate(ids: &mut dyn IdSource) -> Self {
                Self(ids.next_id(Self::PREFIX))
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )*};
}

ids! {
    /// The organisation.
    OrgId = "00o";
    /// An OAuth client, which is its app's id too (okta.md 1.2.1).
    ClientId = "0oa";
    /// A scope grant (okta.md 2.2).
    GrantId = "oag";
    /// A risk provider (okta.md 3.1).
    RiskProviderId = "rkp";
    /// A user, administrators included (okta.md 10.1).
    UserId = "00u";
    /// A group (okta.md 10.1).
    GroupId = "00g";
    /// An administrator's API token; not its secret (okta.md 10.6).
    ApiTokenId = "00T";
    /// A sign-on policy (okta.md 9.3).
    PolicyId = "00p";
    /// A rule of a sign-on policy (okta.md 9.3).
    RuleId = "0pr";
    /// A network zone (okta.md 10.2).
    ZoneId = "nzo";
    /// A behaviour that rules may name (okta.md 10.3).
    BehaviorId = "bhv";
    /// A second factor of a user (okta.md 10.1).
    FactorId = "ost";
    /// A session (okta.md 9.1).
    SessionId = "102";
    /// A public key of a client inside its app object (okta.md 2.1).
    ClientKeyId = "pks";
    /// The receipt of something that a provider sent.
    ReceiptId = "rcp";
    /// The pending state of a sign-in that waits for its second factor.
    AuthnTransactionId = "atx";
    /// A one-time session token, before it is exchanged (okta.md 9.1).
    SessionTokenId = "stk";
    /// A security events provider (okta.md 5.1).
    SecurityEventsProviderId = "sse";
    /// A stream of ours at a transmitter (ssf.md 5.2); not the `stream_id` that the transmitter gave it.
    StreamInId = "sin";
    /// A device that somebody has spoken about.
    DeviceId = "guo";
    /// A sign-in that was assessed: [`SignInId::at`] makes ids that sort by time.
    SignInId = "sgn";
    /// What somebody has said of a finding: [`FeedbackId::at`] makes ids that sort by time.
    FeedbackId = "fbk";
    /// The entity risk policy (okta.md 9.4).
    EntityRiskPolicyId = "rst";
    /// A rule of the entity risk policy (okta.md 9.4).
    EntityRiskRuleId = "rul";
    /// An event hook (okta.md 10.4).
    EventHookId = "who";
    /// A search of the System Log that an administrator keeps.
    SavedSearchId = "svs";
    /// Who an administrator is at an OpenID provider.
    AdministratorLinkId = "adl";
    /// A passkey of an administrator.
    PasskeyId = "pky";
    /// A stream of the System Log to somewhere else.
    LogStreamId = "lgs";
    /// Something that is to be done outside, or waits for an approval: a row of the outbox.
    ActionId = "act";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_ins_sort_by_time() {
        let at = |micros: i64| SignInId::first_at(Timestamp::from_micros(micros));
        let times = [i64::MIN, 0, 1, 61, 62, 1_800_000_000_000_000, 1_800_000_000_000_001, i64::MAX];
        let ids: Vec<SignInId> = times.map(at).into();
        assert!(ids.windows(2).all(|pair| pair[0] <= pair[1]), "{ids:?}");
        assert!(ids.iter().all(|id| id.as_str().len() == 12 && id.as_str().starts_with("sgn")));
        assert!(at(61) < at(62) && at(1_800_000_000_000_000) < at(1_800_000_000_000_001));
    }
}
