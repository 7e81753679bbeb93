//! Network zones (okta.md 10.2).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Keyed, Keys, Status, fold};
use crate::{id::ZoneId, time::Timestamp};

/// What a zone is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ZoneUsage {
    /// Named by policies.
    #[default]
    Policy,
    /// Addresses in it are refused before authentication.
    Blocklist,
}

/// One line of a zone's address list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value")]
pub enum ZoneEntry {
    /// A prefix.
    #[serde(rename = "CIDR")]
    Cidr(ipnet::IpNet),
    /// From the first to the last address, both included.
    #[serde(rename = "RANGE")]
    Range(IpAddr, IpAddr),
}

impl ZoneEntry {
    /// Whether `ip` is in it. Canonical addresses only.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match self {
            Self::Cidr(net) => net.contains(&ip),
            Self::Range(first, last) => first.is_ipv4() == ip.is_ipv4() && *first <= ip && ip <= *last,
        }
    }
}

/// A network zone: addresses, or what they have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Its id.
    pub id: ZoneId,
    /// Name, unique without regard to case.
    pub name: String,
    /// What it is for.
    pub usage: ZoneUsage,
    /// Inactive zones contain nothing.
    pub status: Status,
    /// One that the organisation came with.
    pub system: bool,
    /// Addresses of clients.
    #[serde(default)]
    pub gateways: Vec<ZoneEntry>,
    /// Addresses of proxies.
    #[serde(default)]
    pub proxies: Option<Vec<ZoneEntry>>,
    /// What the addresses of a dynamic zone have in common; an IP zone has none.
    #[serde(default)]
    pub dynamic: Option<DynamicZone>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

/// What the addresses of a zone have in common: all of what is said must be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DynamicZone {
    /// Okta's first ones.
    Dynamic {
        /// In one of these; none is everywhere.
        #[serde(default)]
        locations: Option<Vec<ZoneLocation>>,
        /// Numbers of autonomous systems, one of which it must be; none is every one.
        #[serde(default)]
        asns: Vec<u32>,
        /// Behind which sort of proxy.
        #[serde(default)]
        proxy_type: ProxyType,
    },
    /// Okta's enhanced ones.
    DynamicV2 {
        /// Places.
        #[serde(default)]
        locations: ZoneLists<ZoneLocation>,
        /// Numbers of autonomous systems.
        #[serde(default)]
        asns: ZoneLists<u32>,
        /// What an address is used for, in Okta's names.
        #[serde(default)]
        ip_service_categories: ZoneLists<String>,
    },
}

/// What must be so and what must not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneLists<T> {
    /// One of these; none is every one.
    pub include: Vec<T>,
    /// None of these.
    pub exclude: Vec<T>,
}

impl<T> Default for ZoneLists<T> {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
        }
    }
}

/// A country, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneLocation {
    /// ISO 3166-1.
    pub country: String,
    /// ISO 3166-2, such as `US-CA`; `None` is the whole country.
    #[serde(default)]
    pub region: Option<String>,
}

/// `proxyType` of a dynamic zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProxyType {
    /// Any address, behind a proxy or not.
    #[default]
    #[serde(rename = "")]
    Unasked,
    /// Behind a proxy.
    Any,
    /// Tor.
    Tor,
    /// An anonymiser that is not Tor.
    NotTorAnonymizer,
    /// What recorded traffic calls Tor too.
    TorAnonymizer,
}

impl ProxyType {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Unasked,
        Self::Any,
        Self::Tor,
        Self::NotTorAnonymizer,
        Self::TorAnonymizer,
    ];

    /// The type over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unasked => "",
            Self::Any => "Any",
            Self::Tor => "Tor",
            Self::NotTorAnonymizer => "NotTorAnonymizer",
            Self::TorAnonymizer => "TorAnonymizer",
        }
    }
}

impl Keyed for Zone {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            natural: Some(fold(&self.name)),
            ..Keys::default()
        }
    }
}
