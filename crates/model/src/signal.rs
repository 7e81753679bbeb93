//! Risk signals about addresses (okta.md 4).

use std::{net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    id::{ReceiptId, RiskProviderId},
    time::Timestamp,
};

/// How risky something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RiskLevel {
    /// Nothing speaks against it.
    Low,
    /// Worth a second look.
    Medium,
    /// Treat it as an attack until shown otherwise.
    High,
}

impl RiskLevel {
    /// The level as it goes over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }

    /// Reads the upper-case word; nothing else is a level (okta.md 4.1).
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "LOW" => Some(Self::Low),
            "MEDIUM" => Some(Self::Medium),
            "HIGH" => Some(Self::High),
            _ => None,
        }
    }
}

/// What one provider says about one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpSignal {
    /// The address; IPv4-mapped IPv6 is held as IPv4 (okta.md 4.3).
    pub ip: IpAddr,
    /// The provider's word.
    pub level: RiskLevel,
    /// The provider's reason, ≤ 512 characters of `[a-zA-Z0-9 .\-_]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the provider saw it, as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Timestamp>,
    /// From then on it no longer counts.
    pub expires_at: Timestamp,
}

/// A signal that may count at a sign-in, with who said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSignal {
    /// Who said it.
    pub provider: RiskProviderId,
    /// With what: feedback on it is feedback on this. One of all signals that came together.
    pub receipt: Arc<ReceiptId>,
    /// When we accepted it.
    pub received_at: Timestamp,
    /// What was said.
    pub signal: IpSignal,
}

/// An address as a client wrote it, in its one canonical form: IPv4-mapped IPv6 becomes IPv4, the
/// rest is RFC 5952 when printed. CIDR, zone ids, ports and blanks are refused (okta.md 4.3).
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_take_one_form() {
        for (text, want) in [
            ("6.7.6.7", Some("6.7.6.7")),
            ("::ffff:1.2.3.4", Some("1.2.3.4")),
            ("2001:0DB8:0:0:0:0:0:0015", Some("2001:db8::15")),
            ("10.0.0.1", Some("10.0.0.1")),
            ("", None),
            (" 1.2.3.4", None),
            ("1.2.3.4/32", None),
            ("fe80::1%eth0", None),
            ("01.2.3.4", None),
            ("[::1]", None),
        ] {
            assert_eq!(parse_ip(text).map(|ip| ip.to_string()).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn levels_are_upper_case_only() {
        assert_eq!(RiskLevel::parse("HIGH"), Some(RiskLevel::High));
        assert_eq!(RiskLevel::parse("high"), None);
        assert!(RiskLevel::Low < RiskLevel::Medium && RiskLevel::Medium < RiskLevel::High);
    }
}
