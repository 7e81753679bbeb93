//! Who and what is in a synthetic log.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use watchfire_model::log::Target;

const FIRST: [&str; 24] = [
    "Ada",
    "Alan",
    "Amara",
    "Björn",
    "Carmen",
    "Chen",
    "Dana",
    "Edsger",
    "Fatima",
    "Grace",
    "Hedy",
    "Ivan",
    "Jun",
    "Katherine",
    "Linus",
    "Mei",
    "Noor",
    "Olu",
    "Priya",
    "Radia",
    "Sofia",
    "Tomás",
    "Wei",
    "Zoë",
];
const LAST: [&str; 32] = [
    "Abara",
    "Bauer",
    "Castillo",
    "Dijkstra",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Haddad",
    "Ito",
    "Jansen",
    "Kowalski",
    "Lindqvist",
    "Moreau",
    "Nakamura",
    "Okafor",
    "Perlman",
    "Quinn",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Ueda",
    "Varga",
    "Weber",
    "Xu",
    "Yilmaz",
    "Zhang",
    "Andersson",
    "Brandt",
    "Costa",
    "Dubois",
    "Evans",
    "Ferreira",
];
/// Why a sign-in was judged as it was.
pub(super) const REASONS: [&str; 8] = [
    "Anomalous Device",
    "Anomalous Location",
    "New ASN for this user",
    "Suspected Threat",
    "Credential stuffing from this network",
    "Velocity between two places",
    "Nothing unusual",
    "Usual device and usual network",
];
/// What partners say.
pub(super) const REPORTS: [&str; 6] = [
    "Malware found on the device",
    "Impossible travel between two applications",
    "Session token replayed from another network",
    "Mass download outside of working hours",
    "Device fell out of compliance",
    "Risk has gone down after remediation",
];

/// A browser as its header tells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Browser {
    pub(super) raw: &'static str,
    pub(super) os: &'static str,
    pub(super) name: &'static str,
}

pub(super) const BROWSERS: [Browser; 4] = [
    Browser {
        raw: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
        os: "Windows 10",
        name: "CHROME",
    },
    Browser {
        raw: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
        os: "Mac OS X",
        name: "SAFARI",
    },
    Browser {
        raw: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        os: "Linux",
        name: "FIREFOX",
    },
    Browser {
        raw: "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Mobile Safari/537.36",
        os: "Android",
        name: "CHROME",
    },
];

/// Where somebody is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) city: &'static str,
    pub(super) country: &'static str,
    pub(super) asn: u32,
    pub(super) network: &'static str,
}

const PLACES: [Place; 8] = [
    at("Berlin", "Germany", 64_496, "Example Telekom"),
    at("Lyon", "France", 64_497, "Example Fibre"),
    at("Utrecht", "Netherlands", 64_498, "Example Kabel"),
    at("Porto", "Portugal", 64_499, "Example Rede"),
    at("Toronto", "Canada", 64_500, "Example Cable"),
    at("Osaka", "Japan", 64_501, "Example Hikari"),
    at("Nairobi", "Kenya", 64_502, "Example Mobile"),
    at("Denver", "United States", 64_503, "Example Broadband"),
];

const fn at(city: &'static str, country: &'static str, asn: u32, network: &'static str) -> Place {
    Place {
        city,
        country,
        asn,
        network,
    }
}

/// The place of this number.
pub(super) fn place(number: u64) -> Place {
    let [first, ..] = PLACES;
    let index = usize::try_from(number % 8).unwrap_or(0);
    PLACES.get(index).copied().unwrap_or(first)
}

/// The address of this number: of 2^17 in one network, and one in sixteen in another.
pub(super) fn address(number: u64) -> IpAddr {
    let low = u32::try_from(number & 0x1_ffff).unwrap_or(0);
    if number % 16 == 15 {
        return IpAddr::V6(Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(low)));
    }
    IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)) | low))
}

/// Somebody in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persona {
    /// Which of them.
    pub number: u64,
    /// The user's id.
    pub id: String,
    /// What they sign in with.
    pub login: String,
    /// Their first name.
    pub first_name: &'static str,
    /// Their last name.
    pub last_name: &'static str,
}

/// The person of this number; the same in every log.
pub fn persona(number: u64) -> Persona {
    let pick = |names: &[&'static str], number: u64| {
        let count = u64::try_from(names.len()).unwrap_or(1).max(1);
        let index = usize::try_from(number % count).unwrap_or(0);
        names.get(index).copied().unwrap_or_default()
    };
    let (first_name, last_name) = (pick(&FIRST, number), pick(&LAST, number / 24));
    Persona {
        number,
        id: format!("00uSynthetic{number:08}"),
        login: format!("user{number}@example.com"),
        first_name,
        last_name,
    }
}

impl Persona {
    /// The whole name.
    pub fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }

    pub(super) fn target(&self) -> Target {
        Target::user(&self.id, &self.login, self.name())
    }
}
