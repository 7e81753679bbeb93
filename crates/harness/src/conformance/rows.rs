//! What the cases write.

use std::net::{IpAddr, Ipv4Addr};

use watchfire_model::{
    id::{GroupId, OrgId, ReceiptId, RiskProviderId, SecurityEventsProviderId, UserId},
    log::{Actor, EventType, LogEvent},
    object::{Membership, ProviderAction, RevokedToken, RiskProvider},
    row::{Decision, DedupeKey, EventNote, Handling, Receipt, Received, Row, SetNote},
    signal::{IpSignal, RiskLevel},
    time::Timestamp,
};

use super::at;

/// A provider: unique by name.
pub(super) fn provider(id: &str, name: &str) -> RiskProvider {
    RiskProvider {
        id: RiskProviderId::new(id),
        name: name.to_owned(),
        client_id: None,
        action: ProviderAction::LogOnly,
        created: at(0),
        last_updated: at(0),
    }
}

/// A membership: it has a parent.
pub(super) fn membership(user: &str, group: &str) -> Membership {
    Membership {
        group_id: GroupId::new(group),
        user_id: UserId::new(user),
        created: at(0),
    }
}

/// A revoked token: it expires.
pub(super) fn revoked(jti: &str, expires_at: Timestamp) -> RevokedToken {
    RevokedToken {
        jti: jti.to_owned(),
        expires_at,
    }
}

/// A decision that puts one object.
pub(super) fn put(object: impl Into<watchfire_model::object::Object>) -> Decision {
    let mut decision = Decision::new();
    decision.put(object);
    decision
}

/// A decision that remembers one key for an hour.
pub(super) fn remember(n: u8) -> Decision {
    remember_until(n, at(3_600))
}

/// A decision that remembers one key until `expires_at`.
pub(super) fn remember_until(n: u8, expires_at: Timestamp) -> Decision {
    let mut decision = Decision::new();
    decision.remember(key(n), expires_at);
    decision
}

/// A key like no other `n`'s.
pub(super) fn key(n: u8) -> DedupeKey {
    DedupeKey([n; 16])
}

/// A receipt of one address.
pub(super) fn receipt(id: &str, received_at: Timestamp, expires_at: Timestamp) -> Receipt {
    let signal = IpSignal {
        ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        level: RiskLevel::High,
        message: None,
        observed_at: None,
        expires_at,
    };
    Receipt {
        id: ReceiptId::new(id),
        content: Received::RiskEvents {
            provider: RiskProviderId::new("rkpA"),
            signals: [signal].into(),
        },
        body: r#"[{"subjects":[{"ip":"192.0.2.1","riskLevel":"HIGH"}]}]"#.into(),
        received_at,
        expires_at,
    }
}

/// The receipt of a SET with one event.
pub(super) fn set_receipt(id: &str, provider: &str, received_at: Timestamp, handling: Handling) -> Receipt {
    let note = SetNote {
        issuer: "https://acme.example".to_owned(),
        // Nobody filters by what a sender writes.
        jti: r#"","handling":"opted_out","#.to_owned(),
        events: vec![EventNote {
            uri: "https://acme.example/event".to_owned(),
            handling,
            entities: Vec::new(),
        }],
        ..SetNote::default()
    };
    Receipt {
        id: ReceiptId::new(id),
        content: Received::SecurityEvents {
            provider: SecurityEventsProviderId::new(provider),
            note: Box::new(note),
        },
        body: "a.b.c".into(),
        received_at,
        expires_at: received_at,
    }
}

/// One of each: what a command may write.
pub fn one_of_each(n: u8) -> Decision {
    let mut decision = Decision::new();
    decision.remember(key(n), at(3_600));
    decision
        .rows
        .push(Row::Receipt(receipt(&format!("rcp{n}"), at(0), at(3_600))));
    decision.put(provider(&format!("rkp{n}"), &format!("Provider {n}")));
    let mut event = LogEvent::new(EventType::SecurityRiskSignalConsume, Actor::system(&OrgId::new("00o1")));
    event.stamp(format!("00000000-0000-8000-8000-0000000000{n:02x}"), at(0));
    decision.log(event);
    decision
}
