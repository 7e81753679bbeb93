//! The names of event types: the 27 that have a payload of their own, other names of them, and names
//! that are known and have no effect (ssf.md 3).

/// An event type with a payload of its own, in the order of ssf.md annex B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the specifications' own")]
pub enum EventKind {
    Verification,
    StreamUpdated,
    SessionRevoked,
    TokenClaimsChange,
    CredentialChange,
    AssuranceLevelChange,
    DeviceComplianceChange,
    SessionEstablished,
    SessionPresented,
    RiskLevelChange,
    AccountCredentialChangeRequired,
    AccountPurged,
    AccountDisabled,
    AccountEnabled,
    IdentifierChanged,
    IdentifierRecycled,
    CredentialCompromise,
    OptIn,
    OptOutInitiated,
    OptOutCancelled,
    OptOutEffective,
    RecoveryActivated,
    RecoveryInformationChanged,
    SessionsRevoked,
    UserRiskChange,
    DeviceRiskChange,
    IpChange,
}

/// What is known of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// The name of a type.
    Type(EventKind),
    /// Another name of it (EVT-50).
    Alias(EventKind),
    /// Known, and without effect (ssf.md 3.5, 3.6).
    Recognised,
    /// Not known.
    Unknown,
}

impl EventKind {
    /// Every type, in the order of ssf.md annex B.
    pub const ALL: [Self; 27] = [
        Self::Verification,
        Self::StreamUpdated,
        Self::SessionRevoked,
        Self::TokenClaimsChange,
        Self::CredentialChange,
        Self::AssuranceLevelChange,
        Self::DeviceComplianceChange,
        Self::SessionEstablished,
        Self::SessionPresented,
        Self::RiskLevelChange,
        Self::AccountCredentialChangeRequired,
        Self::AccountPurged,
        Self::AccountDisabled,
        Self::AccountEnabled,
        Self::IdentifierChanged,
        Self::IdentifierRecycled,
        Self::CredentialCompromise,
        Self::OptIn,
        Self::OptOutInitiated,
        Self::OptOutCancelled,
        Self::OptOutEffective,
        Self::RecoveryActivated,
        Self::RecoveryInformationChanged,
        Self::SessionsRevoked,
        Self::UserRiskChange,
        Self::DeviceRiskChange,
        Self::IpChange,
    ];

    /// Its URI.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Verification => "https://schemas.openid.net/secevent/ssf/event-type/verification",
            Self::StreamUpdated => "https://schemas.openid.net/secevent/ssf/event-type/stream-updated",
            Self::SessionRevoked => "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
            Self::TokenClaimsChange => "https://schemas.openid.net/secevent/caep/event-type/token-claims-change",
            Self::CredentialChange => "https://schemas.openid.net/secevent/caep/event-type/credential-change",
            Self::AssuranceLevelChange => "https://schemas.openid.net/secevent/caep/event-type/assurance-level-change",
            Self::DeviceComplianceChange => "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change",
            Self::SessionEstablished => "https://schemas.openid.net/secevent/caep/event-type/session-established",
            Self::SessionPresented => "https://schemas.openid.net/secevent/caep/event-type/session-presented",
            Self::RiskLevelChange => "https://schemas.openid.net/secevent/caep/event-type/risk-level-change",
            Self::AccountCredentialChangeRequired => {
                "https://schemas.openid.net/secevent/risc/event-type/account-credential-change-required"
            }
            Self::AccountPurged => "https://schemas.openid.net/secevent/risc/event-type/account-purged",
            Self::AccountDisabled => "https://schemas.openid.net/secevent/risc/event-type/account-disabled",
            Self::AccountEnabled => "https://schemas.openid.net/secevent/risc/event-type/account-enabled",
            Self::IdentifierChanged => "https://schemas.openid.net/secevent/risc/event-type/identifier-changed",
            Self::IdentifierRecycled => "https://schemas.openid.net/secevent/risc/event-type/identifier-recycled",
            Self::CredentialCompromise => "https://schemas.openid.net/secevent/risc/event-type/credential-compromise",
            Self::OptIn => "https://schemas.openid.net/secevent/risc/event-type/opt-in",
            Self::OptOutInitiated => "https://schemas.openid.net/secevent/risc/event-type/opt-out-initiated",
            Self::OptOutCancelled => "https://schemas.openid.net/secevent/risc/event-type/opt-out-cancelled",
            Self::OptOutEffective => "https://schemas.openid.net/secevent/risc/event-type/opt-out-effective",
            Self::RecoveryActivated => "https://schemas.openid.net/secevent/risc/event-type/recovery-activated",
            Self::RecoveryInformationChanged => {
                "https://schemas.openid.net/secevent/risc/event-type/recovery-information-changed"
            }
            Self::SessionsRevoked => "https://schemas.openid.net/secevent/risc/event-type/sessions-revoked",
            Self::UserRiskChange => "https://schemas.okta.com/secevent/okta/event-type/user-risk-change",
            Self::DeviceRiskChange => "https://schemas.okta.com/secevent/okta/event-type/device-risk-change",
            Self::IpChange => "https://schemas.okta.com/secevent/okta/event-type/ip-change",
        }
    }

    /// The last part of its URI: `session-revoked`.
    pub fn name(self) -> &'static str {
        self.uri().rsplit('/').next().unwrap_or_default()
    }

    /// The type of this name; the name as the command line has it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it is one of the three of Okta's own (ssf.md 3.4).
    pub const fn is_oktas(self) -> bool {
        matches!(self, Self::UserRiskChange | Self::DeviceRiskChange | Self::IpChange)
    }

    /// Whether it is about the stream and not about anybody (ssf.md 3.1).
    pub const fn is_of_stream(self) -> bool {
        matches!(self, Self::Verification | Self::StreamUpdated)
    }

    /// Whether it is one of the six that Okta's receiver documents (okta.md 6.3).
    pub const fn is_documented_by_okta(self) -> bool {
        self.is_oktas()
            || matches!(
                self,
                Self::SessionRevoked | Self::DeviceComplianceChange | Self::IdentifierChanged
            )
    }
}

/// What is known of this name; compared to the letter (SET-31).
pub fn named(uri: &str) -> Named {
    if let Some(kind) = EventKind::ALL.into_iter().find(|kind| kind.uri() == uri) {
        return Named::Type(kind);
    }
    if let Some((_, kind)) = ALIASES.iter().find(|(alias, _)| *alias == uri) {
        return Named::Alias(*kind);
    }
    if RECOGNISED.contains(&uri) {
        return Named::Recognised;
    }
    Named::Unknown
}

/// Other names of types (ssf.md 3.6, okta.md 6.3).
pub const ALIASES: [(&str, EventKind); 6] = [
    (
        "https://schemas.openid.net/secevent/risc/event-type/verification",
        EventKind::Verification,
    ),
    (
        "https://schemas.openid.net/secevent/sse/event-type/verification",
        EventKind::Verification,
    ),
    (
        "https://schemas.openid.net/secevent/sse/event-type/stream-updated",
        EventKind::StreamUpdated,
    ),
    (
        "https://schemas.openid.net/secevent/okta/event-type/user-risk-change",
        EventKind::UserRiskChange,
    ),
    (
        "https://schemas.openid.net/secevent/okta/event-type/device-risk-change",
        EventKind::DeviceRiskChange,
    ),
    (
        "https://schemas.openid.net/secevent/okta/event-type/ip-change",
        EventKind::IpChange,
    ),
];

/// Names that are known and have no effect: SCIM's (RFC 9967) and the unfinished OAuth draft's.
pub const RECOGNISED: [&str; 18] = [
    "urn:ietf:params:scim:event:feed:add",
    "urn:ietf:params:scim:event:feed:remove",
    "urn:ietf:params:scim:event:prov:create:notice",
    "urn:ietf:params:scim:event:prov:create:full",
    "urn:ietf:params:scim:event:prov:patch:notice",
    "urn:ietf:params:scim:event:prov:patch:full",
    "urn:ietf:params:scim:event:prov:put:notice",
    "urn:ietf:params:scim:event:prov:put:full",
    "urn:ietf:params:scim:event:prov:delete",
    "urn:ietf:params:scim:event:prov:activate",
    "urn:ietf:params:scim:event:prov:deactivate",
    "urn:ietf:params:scim:event:misc:asyncresp",
    "https://schemas.openid.net/secevent/oauth/event-type/token-issued",
    "https://schemas.openid.net/secevent/oauth/event-type/token-revoked",
    "https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked",
    "https://schemas.openid.net/secevent/oauth/event-type/client-disabled",
    "https://schemas.openid.net/secevent/oauth/event-type/client-enabled",
    "https://schemas.openid.net/secevent/oauth/event-type/client-credential-changed",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// ssf.md 3.7
    #[test]
    fn there_are_27_types_each_with_its_name() {
        let names: BTreeSet<_> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), 27);
        for kind in EventKind::ALL {
            assert_eq!(named(kind.uri()), Named::Type(kind));
            assert_eq!(EventKind::from_name(kind.name()), Some(kind));
        }
        let of = |family: &str| EventKind::ALL.iter().filter(|kind| kind.uri().contains(family)).count();
        assert_eq!((of("/ssf/"), of("/caep/"), of("/risc/"), of("/okta/")), (2, 8, 14, 3));
    }

    /// EVT-40, EVT-50
    #[test]
    fn other_names_are_known_and_nothing_else_is() {
        for (alias, kind) in ALIASES {
            assert_eq!(named(alias), Named::Alias(kind), "{alias}");
        }
        let scim = RECOGNISED.iter().filter(|name| name.starts_with("urn:ietf:params:scim:"));
        assert_eq!(scim.count(), 12);
        for name in RECOGNISED {
            assert_eq!(named(name), Named::Recognised, "{name}");
        }
        for name in [
            "",
            "session-revoked",
            "HTTPS://schemas.openid.net/secevent/caep/event-type/session-revoked",
            "https://schemas.openid.net/secevent/caep/event-type/session-revoked/",
            "https://schemas.openid.net/secevent/caep/event-type/Session-Revoked",
        ] {
            assert_eq!(named(name), Named::Unknown, "{name}");
        }
    }
}
