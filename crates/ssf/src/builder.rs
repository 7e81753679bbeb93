//! SETs of our own making: the claims as a transmitter has to write them (ssf.md 1.2, side T).

use serde_json::{Map, Value, json};
use watchfire_crypto::signing::{PrivateKey, SigningError};
use watchfire_model::{object::DialectName, time::Timestamp};

use crate::{
    catalogue::{EventKind, Named, named},
    dialect::Dialect,
    error::SetError,
    set::{ClockSkew, Expected, VerifiedSet, read_claims},
    subject::Subject,
};

/// A token that is to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSet {
    /// `iss` (SET-11)
    pub issuer: String,
    /// `aud`: one receiver (SET-13, SET-26).
    pub audience: Vec<String>,
    /// `jti`, unique for ever (SET-16).
    pub jti: String,
    /// `iat`; cut to whole seconds, never rounded up (SET-15).
    pub issued_at: Timestamp,
    /// `txn` (SET-21)
    pub txn: Option<String>,
    /// Whom it is about.
    pub subject: Subject,
    /// The type's URI (SET-31); one event, never more (SET-24).
    pub event_type: String,
    /// The members of the event; none is `{}` (SET-32).
    pub members: Map<String, Value>,
    /// Where the subject is written.
    pub placement: SubjectPlacement,
}

/// Where the subject is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubjectPlacement {
    /// In `sub_id` alone (SET-18).
    #[default]
    SubId,
    /// In `sub_id`, and a copy in the event (SET-34).
    Both,
    /// As Okta's receiver wants it: in the event, a complex one without `format`, and in `sub_id` too
    /// (EVT-31).
    Okta,
}

impl NewSet {
    /// The claims.
    pub fn claims(&self) -> Map<String, Value> {
        let audience = match self.audience.as_slice() {
            [one] => json!(one),
            several => json!(several),
        };
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), json!(self.issuer));
        claims.insert("jti".to_owned(), json!(self.jti));
        claims.insert("iat".to_owned(), json!(self.issued_at.as_seconds()));
        claims.insert("aud".to_owned(), audience);
        if let Some(txn) = &self.txn {
            claims.insert("txn".to_owned(), json!(txn));
        }
        claims.insert("sub_id".to_owned(), self.subject.to_json());
        claims.insert("events".to_owned(), json!({ self.event_type.as_str(): self.event() }));
        claims
    }

    /// What a receiver of this dialect makes of it: transmitters that keep to the rules are refused by
    /// nobody.
    ///
    /// # Errors
    /// What such a receiver answers.
    pub fn check(&self, dialect: DialectName) -> Result<VerifiedSet, SetError> {
        let payload = Value::Object(self.claims()).to_string();
        let expected = Expected {
            dialect: Dialect::named(dialect),
            issuer: &self.issuer,
            audiences: &self.audience,
            now: self.issued_at,
            skew: ClockSkew::default(),
        };
        read_claims(payload.as_bytes(), &expected)
    }

    fn event(&self) -> Map<String, Value> {
        let copy = match self.placement {
            SubjectPlacement::SubId => None,
            SubjectPlacement::Both => Some(self.subject.to_json()),
            SubjectPlacement::Okta => Some(without_format(&self.subject)),
        };
        let copy = copy.map(|subject| ("subject".to_owned(), subject));
        copy.into_iter().chain(self.members.clone()).collect()
    }
}

/// Signs claims as a SET: `typ`, `alg` and `kid` (SET-01, SET-05).
///
/// # Errors
/// [`SigningError`].
pub fn sign(claims: &Map<String, Value>, key: &PrivateKey) -> Result<String, SigningError> {
    let header = Map::from_iter([("typ".to_owned(), json!("secevent+jwt"))]);
    key.sign_compact(&header, Value::Object(claims.clone()).to_string().as_bytes())
}

/// The members that a receiver demands of this type, in the strictest dialect, with plausible values:
/// where the command line begins.
pub fn example(kind: EventKind, at: Timestamp) -> Map<String, Value> {
    let mut members = match specific(kind) {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    if !kind.is_of_stream() {
        members.insert("event_timestamp".to_owned(), json!(at.as_seconds()));
    }
    if matches!(kind, EventKind::SessionRevoked | EventKind::CredentialChange) || kind.is_oktas() {
        members.insert("reason_admin".to_owned(), json!({"en": "Sent by hand"}));
    }
    members
}

fn specific(kind: EventKind) -> Value {
    match kind {
        EventKind::StreamUpdated => json!({"status": "enabled"}),
        EventKind::TokenClaimsChange => json!({"claims": {"role": "guest"}}),
        EventKind::CredentialChange => json!({"credential_type": "password", "change_type": "update"}),
        EventKind::AssuranceLevelChange => {
            json!({"namespace": "NIST-AAL", "current_level": "nist-aal1", "previous_level": "nist-aal2",
                   "change_direction": "decrease"})
        }
        EventKind::DeviceComplianceChange => json!({"previous_status": "compliant", "current_status": "not-compliant"}),
        EventKind::RiskLevelChange => json!({"principal": "USER", "current_level": "HIGH", "previous_level": "LOW"}),
        EventKind::AccountDisabled => json!({"reason": "hijacking"}),
        EventKind::IdentifierChanged => json!({"new-value": "new.name@example.com"}),
        EventKind::CredentialCompromise => json!({"credential_type": "password"}),
        EventKind::UserRiskChange | EventKind::DeviceRiskChange => {
            json!({"current_level": "high", "previous_level": "low"})
        }
        EventKind::IpChange => json!({"current_ip_address": "198.51.100.7", "previous_ip_address": "192.0.2.44"}),
        _ => json!({}),
    }
}

/// Members that the specifications, and Okta for its own three, demand of a type (ssf.md 3).
pub const fn required_members(kind: EventKind) -> &'static [&'static str] {
    match kind {
        EventKind::StreamUpdated => &["status"],
        EventKind::TokenClaimsChange => &["claims"],
        EventKind::CredentialChange => &["credential_type", "change_type"],
        EventKind::AssuranceLevelChange => &["namespace", "current_level"],
        EventKind::DeviceComplianceChange => &["previous_status", "current_status"],
        EventKind::RiskLevelChange => &["principal", "current_level"],
        EventKind::CredentialCompromise => &["credential_type"],
        EventKind::UserRiskChange | EventKind::DeviceRiskChange => &["event_timestamp", "current_level", "previous_level"],
        EventKind::IpChange => &["event_timestamp", "current_ip_address", "previous_ip_address"],
        EventKind::Verification
        | EventKind::SessionRevoked
        | EventKind::SessionEstablished
        | EventKind::SessionPresented
        | EventKind::AccountCredentialChangeRequired
        | EventKind::AccountPurged
        | EventKind::AccountDisabled
        | EventKind::AccountEnabled
        | EventKind::IdentifierChanged
        | EventKind::IdentifierRecycled
        | EventKind::OptIn
        | EventKind::OptOutInitiated
        | EventKind::OptOutCancelled
        | EventKind::OptOutEffective
        | EventKind::RecoveryActivated
        | EventKind::RecoveryInformationChanged
        | EventKind::SessionsRevoked => &[],
    }
}

/// The type that a person means: its URI, or its short name.
pub fn event_type(text: &str) -> Option<String> {
    match named(text) {
        Named::Unknown => EventKind::from_name(text).map(|kind| kind.uri().to_owned()),
        _ => Some(text.to_owned()),
    }
}

/// Okta's form: members without a `format` around them; a simple subject is the user.
fn without_format(subject: &Subject) -> Value {
    match subject {
        Subject::Simple(simple) => json!({"user": simple.to_json()}),
        Subject::Complex(complex) => complex
            .members
            .iter()
            .map(|(name, it)| (name.clone(), it.to_json()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::{ComplexSubject, SimpleSubject};

    const NOW: Timestamp = Timestamp::from_micros(1_787_927_300_999_999);

    fn new_set(kind: EventKind, placement: SubjectPlacement) -> NewSet {
        let email = "jo.lin@example.com".to_owned();
        NewSet {
            issuer: "https://transmitter.example".to_owned(),
            audience: vec!["https://hub.example".to_owned()],
            jti: "set-1".to_owned(),
            issued_at: NOW,
            txn: Some("t-1".to_owned()),
            subject: Subject::Simple(SimpleSubject::Email { email }),
            event_type: kind.uri().to_owned(),
            members: example(kind, NOW),
            placement,
        }
    }

    /// SET-11 to SET-20, EVT-10: what we make needs nobody's tolerance, of any of the 27 types.
    #[test]
    fn every_type_is_taken_by_the_strictest_receiver_without_a_remark() {
        for kind in EventKind::ALL {
            let set = new_set(kind, SubjectPlacement::SubId);
            let read = set.check(DialectName::Interop).unwrap();
            assert_eq!(read.events[0].kind(), Some(kind));
            let remarks: Vec<_> = read
                .normalisations
                .iter()
                .filter(|it| it.as_str() != "bare_subject")
                .collect();
            assert!(remarks.is_empty(), "{kind:?}: {remarks:?}");
        }
    }

    /// EVT-31
    #[test]
    fn every_type_is_taken_by_oktas_receiver_in_its_form() {
        for kind in EventKind::ALL {
            let mut set = new_set(kind, SubjectPlacement::Okta);
            set.check(DialectName::Okta).unwrap();
            let id = "D-42".to_owned();
            let device = SimpleSubject::Opaque { id };
            let members = [("device".to_owned(), device)].into();
            set.subject = Subject::Complex(ComplexSubject { members });
            assert_eq!(
                set.claims()["events"][kind.uri()]["subject"],
                json!({"device": {"format": "opaque", "id": "D-42"}})
            );
        }
    }

    /// SET-15, SET-24
    #[test]
    fn the_claims_are_those_of_the_rules() {
        let claims = new_set(EventKind::AccountPurged, SubjectPlacement::Both).claims();
        let names: Vec<_> = claims.keys().map(String::as_str).collect();
        assert_eq!(names, ["iss", "jti", "iat", "aud", "txn", "sub_id", "events"]);
        assert_eq!(claims["iat"], json!(1_787_927_300));
        assert_eq!(claims["aud"], json!("https://hub.example"));
        assert_eq!(claims["events"][EventKind::AccountPurged.uri()]["subject"], claims["sub_id"]);
    }

    /// Each member that is demanded is missed: what the command line asks for is what receivers ask for.
    #[test]
    fn without_a_required_member_no_receiver_takes_it() {
        for kind in EventKind::ALL {
            for name in required_members(kind) {
                let mut set = new_set(kind, SubjectPlacement::SubId);
                assert!(set.members.remove(*name).is_some(), "{kind:?}: {name} is no example");
                assert!(set.check(DialectName::Standard).is_err(), "{kind:?} without {name}");
            }
        }
    }

    #[test]
    fn a_type_is_named_by_its_uri_or_by_its_last_part() {
        for name in ["session-revoked", EventKind::SessionRevoked.uri()] {
            assert_eq!(event_type(name).as_deref(), Some(EventKind::SessionRevoked.uri()));
        }
        assert_eq!(event_type("session"), None);
    }
}
