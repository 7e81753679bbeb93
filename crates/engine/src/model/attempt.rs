//! An attempt as the model sees it: values at the levels of place and device.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use watchfire_model::time::Timestamp;

use super::{
    key::{HashKey, Key, siphash},
    level::Level,
};
use crate::{
    number::whole,
    user_agent::{Device, MAX_LENGTH},
};

/// Somebody tries to sign in.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// From which address.
    pub address: IpAddr,
    /// What is known of the address.
    pub place: Place,
    /// What the `User-Agent` says.
    pub device: Device,
    /// The `User-Agent` header itself.
    pub user_agent: String,
    /// The token that a trusted application sends for its device.
    pub token: Option<String>,
}

/// What data sets say of an address; all of it may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// ISO 3166-1 code of the country.
    pub country: Option<String>,
    /// First subdivision.
    pub state: Option<String>,
    /// Its ISO 3166-2 code, such as `US-CA`.
    pub region: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Autonomous system.
    pub asn: Option<u32>,
    /// Coordinates.
    pub fix: Option<Fix>,
    /// Whether the network is one of machines, VPN exits or relays and not of people; `None` where no data set
    /// says so or otherwise.
    pub hosting: Option<bool>,
}

/// Coordinates and how far off they may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// Ten-thousandths of a degree north.
    pub latitude: i32,
    /// Ten-thousandths of a degree east.
    pub longitude: i32,
    /// Kilometres of uncertainty.
    pub radius: u16,
}

/// A value at a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Which level.
    pub level: Level,
    /// The value, below its parents.
    pub key: Key,
    /// What it is below.
    pub parent: Key,
}

/// The values of an attempt at every level that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    pub(crate) nodes: Vec<Node>,
    pub(crate) state: Option<Key>,
    pub(crate) city: Option<Key>,
}

/// Numbers under the secret hash for values that are no levels.
const STATE: u8 = 64;
const CITY: u8 = 65;
const WINDOW: u8 = 66;

impl Path {
    /// The values of an attempt.
    pub fn of(attempt: &Attempt, secret: &HashKey) -> Self {
        let mut nodes = Vec::with_capacity(Level::ALL.len());
        let mut push = |level: Level, parent: Key, value: &[u8]| {
            let key = parent.below(secret, level.number(), value);
            nodes.push(Node { level, key, parent });
            key
        };
        let address = attempt.address.to_canonical();
        let place = &attempt.place;
        let country = push(Level::Country, Key::ROOT, cut(place.country.as_deref().unwrap_or("?")));
        let network = push(Level::Network, country, &network_of(address, place.asn));
        let prefix = push(Level::Prefix, network, &prefix_of(address));
        push(Level::Address, prefix, &host_of(address));
        if let Some(token) = &attempt.token {
            push(Level::Token, Key::ROOT, cut(token));
        }
        let device = &attempt.device;
        let kind = push(Level::Kind, Key::ROOT, device.kind.as_bytes());
        let system = push(Level::System, kind, device.system.as_bytes());
        let family = push(Level::Family, system, device.family.as_bytes());
        let browser = push(Level::Browser, family, device.browser.as_bytes());
        push(Level::Agent, browser, cut(&attempt.user_agent));
        let named = |tag: u8, name: &Option<String>| name.as_deref().map(|name| country.below(secret, tag, cut(name)));
        Self {
            state: named(STATE, &place.state),
            city: named(CITY, &place.city),
            nodes,
        }
    }
}

/// A number for an address in the short-term windows.
pub(crate) fn window_key(secret: &HashKey, part: &[u8]) -> u64 {
    siphash(secret.bytes(), &[&[WINDOW], part])
}

fn cut(text: &str) -> &[u8] {
    let bytes = text.as_bytes();
    bytes.get(..bytes.len().min(MAX_LENGTH)).unwrap_or_default()
}

/// The autonomous system; without one, the /16 or /32.
fn network_of(address: IpAddr, asn: Option<u32>) -> Vec<u8> {
    match (asn, address) {
        (Some(asn), _) => asn.to_be_bytes().to_vec(),
        (None, IpAddr::V4(v4)) => v4.octets().into_iter().take(2).collect(),
        (None, IpAddr::V6(v6)) => v6.octets().into_iter().take(4).chain([6]).collect(),
    }
}

/// The /24 or /48.
pub(crate) fn prefix_of(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().into_iter().take(3).collect(),
        IpAddr::V6(v6) => v6.octets().into_iter().take(6).collect(),
    }
}

/// The address; of IPv6 the /64, within which people's machines change their own.
pub(crate) fn host_of(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().into_iter().take(8).collect(),
    }
}

/// The network of so many bits around an address, for people.
pub(crate) fn shown_prefix(address: IpAddr, bits_of_v4: u8, bits_of_v6: u8) -> String {
    let bits = if address.is_ipv4() { bits_of_v4 } else { bits_of_v6 };
    match ipnet::IpNet::new(address, bits) {
        Ok(net) if bits < net.max_prefix_len() => net.trunc().to_string(),
        _ => address.to_string(),
    }
}

impl Fix {
    /// A place in degrees; `None` when there is no such place on the globe.
    pub fn of_degrees(latitude: f64, longitude: f64, radius: u16) -> Option<Self> {
        let there_is = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        there_is.then(|| Self {
            latitude: ten_thousandths(latitude),
            longitude: ten_thousandths(longitude),
            radius,
        })
    }

    /// Degrees north and east.
    pub fn degrees(self) -> (f64, f64) {
        (f64::from(self.latitude) / 10_000.0, f64::from(self.longitude) / 10_000.0)
    }

    /// Kilometres to another point along the earth's surface.
    pub fn distance_km(self, other: Self) -> f64 {
        let radians = |ten_thousandths: i32| f64::from(ten_thousandths) / 10_000.0 * std::f64::consts::PI / 180.0;
        let (lat1, lat2) = (radians(self.latitude), radians(other.latitude));
        let half_dlat = (lat2 - lat1) / 2.0;
        let half_dlon = (radians(other.longitude) - radians(self.longitude)) / 2.0;
        let square = |x: f64| x * x;
        let chord = square(libm::sin(half_dlat)) + libm::cos(lat1) * libm::cos(lat2) * square(libm::sin(half_dlon));
        2.0 * 6_371.0 * libm::asin(libm::sqrt(chord.clamp(0.0, 1.0)))
    }
}

fn ten_thousandths(degrees: f64) -> i32 {
    let magnitude = i32::try_from(whole(libm::round(degrees.abs() * 10_000.0))).unwrap_or(i32::MAX);
    if degrees < 0.0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_on_the_globe_or_none() {
        let lyon = Fix::of_degrees(45.76, -4.83, 50).unwrap();
        assert_eq!((lyon.latitude, lyon.longitude), (457_600, -48_300));
        assert_eq!(lyon.degrees(), (45.76, -4.83));
        for (latitude, longitude) in [(90.1, 0.0), (0.0, -180.5), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Fix::of_degrees(latitude, longitude, 50), None);
        }
    }

    #[test]
    fn oslo_and_bergen_are_three_hundred_kilometres_apart() {
        let oslo = Fix {
            latitude: 599_139,
            longitude: 107_522,
            radius: 50,
        };
        let bergen = Fix {
            latitude: 603_913,
            longitude: 53_221,
            radius: 50,
        };
        assert!((oslo.distance_km(bergen) - 305.0).abs() < 3.0);
        assert!(oslo.distance_km(oslo).abs() < 1e-9);
        let absurd = Fix {
            latitude: i32::MAX,
            longitude: i32::MIN,
            radius: 0,
        };
        assert!(absurd.distance_km(oslo).is_finite());
    }

    #[test]
    fn without_data_sets_the_prefixes_are_left() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(network_of(ip("192.0.2.7"), None), [192, 0]);
        assert_eq!(network_of(ip("2001:db8:1::7"), None).len(), 5);
        assert_eq!(host_of(ip("2001:db8:1:2:3::7")), host_of(ip("2001:db8:1:2:ffff::1")));
    }
}
