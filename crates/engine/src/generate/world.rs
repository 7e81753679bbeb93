//! Countries, the networks in them, and the addresses that the networks give out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::random::Random;

/// A country: its code, its share of the organisation's users, its share of the world's attack
/// traffic, its distance from UTC in hours.
struct Country {
    code: &'static str,
    users: f64,
    attacks: f64,
    utc: i8,
}

const fn country(code: &'static str, users: f64, attacks: f64, utc: i8) -> Country {
    Country {
        code,
        users,
        attacks,
        utc,
    }
}

/// Most users live in one country, as those of the published data set do; the attack shares follow
/// what public sensors report about origins in rough outline.
const COUNTRIES: [Country; 40] = [
    country("NO", 62.0, 0.8, 1),
    country("SE", 6.0, 1.0, 1),
    country("DK", 4.0, 0.6, 1),
    country("DE", 4.0, 6.0, 1),
    country("GB", 3.0, 4.0, 0),
    country("PL", 3.0, 2.0, 1),
    country("US", 4.0, 22.0, -6),
    country("FI", 1.5, 0.6, 2),
    country("NL", 1.5, 6.0, 1),
    country("FR", 1.5, 4.0, 1),
    country("ES", 1.5, 1.5, 1),
    country("IT", 1.0, 1.5, 1),
    country("LT", 1.0, 1.0, 2),
    country("RU", 0.8, 10.0, 3),
    country("UA", 0.8, 2.5, 2),
    country("IN", 0.8, 5.0, 5),
    country("PT", 0.4, 0.6, 0),
    country("GR", 0.3, 0.4, 2),
    country("TR", 0.4, 1.5, 3),
    country("TH", 0.3, 1.2, 7),
    country("CH", 0.4, 0.8, 1),
    country("AT", 0.3, 0.4, 1),
    country("BE", 0.3, 0.6, 1),
    country("IE", 0.2, 0.8, 0),
    country("CZ", 0.2, 0.8, 1),
    country("RO", 0.3, 1.5, 2),
    country("BG", 0.2, 1.0, 2),
    country("HU", 0.1, 0.5, 1),
    country("CA", 0.3, 2.0, -5),
    country("BR", 0.2, 4.0, -3),
    country("MX", 0.1, 1.0, -6),
    country("AU", 0.2, 0.8, 10),
    country("JP", 0.1, 1.5, 9),
    country("KR", 0.1, 1.5, 9),
    country("CN", 0.1, 8.0, 8),
    country("VN", 0.1, 3.0, 7),
    country("ID", 0.1, 2.5, 7),
    country("SG", 0.1, 2.5, 8),
    country("ZA", 0.1, 0.8, 2),
    country("AE", 0.1, 0.6, 4),
];

/// Fixed-line providers of a country, by market share (Zipf).
const FIXED: u8 = 6;
/// Mobile carriers of a country.
const CARRIERS: u8 = 3;
/// Hosting companies of a country.
const HOSTERS: u8 = 3;
const SLOTS: u16 = 12;
/// Steepness of the market shares.
pub(super) const MARKET: f64 = 1.1;
/// Regions (cities) of a country, each with 16 prefixes /24 of every provider.
const REGIONS: u8 = 16;
const PREFIXES: u8 = 16;
/// Addresses behind which a carrier hides a region's subscribers.
const CGNAT: u8 = 48;
/// Commercial VPN services and the addresses of an exit.
const VPN_SERVICES: u8 = 6;
const VPN_EXIT_ADDRESSES: u8 = 24;

/// A country by its place in the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CountryId(u8);

impl CountryId {
    pub(super) fn of_a_user(random: &mut Random) -> Self {
        Self::pick(random, |country| country.users)
    }

    pub(super) fn of_an_attack(random: &mut Random) -> Self {
        Self::pick(random, |country| country.attacks)
    }

    /// Where somebody travels: flat among the countries, more to where the organisation is.
    pub(super) fn of_a_trip(random: &mut Random) -> Self {
        Self::pick(random, |country| libm::sqrt(country.users))
    }

    fn pick(random: &mut Random, weight: impl Fn(&Country) -> f64) -> Self {
        let table = COUNTRIES.each_ref().map(weight);
        let mut left = random.unit() * table.iter().sum::<f64>();
        let chosen = (0_u8..).zip(table).find(|(_, weight)| {
            left -= weight;
            left < 0.0
        });
        Self(chosen.map_or(0, |(id, _)| id))
    }

    fn country(self) -> &'static Country {
        COUNTRIES.get(usize::from(self.0)).unwrap_or(&COUNTRIES[0])
    }

    pub(super) fn code(self) -> &'static str {
        self.country().code
    }

    pub(super) fn utc_offset_hours(self) -> f64 {
        f64::from(self.country().utc)
    }
}

/// A provider of a country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Provider {
    pub(super) country: CountryId,
    slot: u8,
}

impl Provider {
    pub(super) fn fixed(country: CountryId, random: &mut Random) -> Self {
        let slot = random.zipf(FIXED, MARKET);
        Self { country, slot }
    }

    pub(super) fn carrier(country: CountryId, random: &mut Random) -> Self {
        let slot = FIXED + random.zipf(CARRIERS, MARKET);
        Self { country, slot }
    }

    pub(super) fn hosting(country: CountryId, random: &mut Random) -> Self {
        let slot = FIXED + CARRIERS + random.zipf(HOSTERS, MARKET);
        Self { country, slot }
    }

    fn number(self) -> u16 {
        u16::from(self.country.0) * SLOTS + u16::from(self.slot)
    }

    fn asn(self) -> u32 {
        2_000 + u32::from(self.number()) * 7
    }

    /// An address in a prefix of a region; every provider has one /16 here.
    pub(super) fn address(self, prefix: RegionPrefix, host: u8) -> Origin {
        let [high, low] = (self.number() + 20 * 256).to_be_bytes();
        let third = prefix.region * PREFIXES + prefix.prefix;
        self.origin(Ipv4Addr::new(high, low, third, host).into())
    }

    /// An address of a customer's /64.
    pub(super) fn address_v6(self, prefix: RegionPrefix, customer: u16, interface: u64) -> Origin {
        let [a, b, c, d] = [48, 32, 16, 0].map(|shift| u16::try_from(interface >> shift & 0xffff).unwrap_or(0));
        let region = u16::from(prefix.region) << 8 | u16::from(prefix.prefix);
        self.origin(Ipv6Addr::new(0x2a0a, self.number(), region, customer, a, b, c, d).into())
    }

    /// One of the addresses that a carrier's subscribers of a region share.
    pub(super) fn shared_address(self, region: u8, random: &mut Random) -> Origin {
        let prefix = RegionPrefix { region, prefix: 0 };
        self.address(prefix, 1 + random.byte(CGNAT))
    }

    /// Any address of the provider.
    pub(super) fn any_address(self, random: &mut Random) -> Origin {
        let prefix = RegionPrefix::any(random);
        self.address(prefix, 1 + random.byte(250))
    }

    fn origin(self, address: IpAddr) -> Origin {
        Origin {
            country: self.country,
            asn: self.asn(),
            address,
        }
    }
}

/// A /24 of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RegionPrefix {
    pub(super) region: u8,
    pub(super) prefix: u8,
}

impl RegionPrefix {
    pub(super) fn any(random: &mut Random) -> Self {
        Self::in_region(Self::any_region(random), random)
    }

    pub(super) fn any_region(random: &mut Random) -> u8 {
        random.zipf(REGIONS, 0.7)
    }

    pub(super) fn in_region(region: u8, random: &mut Random) -> Self {
        Self {
            region,
            prefix: random.byte(PREFIXES),
        }
    }
}

/// Where a sign-in comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) country: CountryId,
    pub(super) asn: u32,
    pub(super) address: IpAddr,
}

/// An employer's office: its people share a few addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Office {
    country: CountryId,
    number: u16,
    addresses: u8,
    provider: Option<Provider>,
}

impl Office {
    /// The office of an employer. Half have an autonomous system of their own.
    pub(super) fn of_employer(seed: u64, country: CountryId, number: u16) -> Self {
        let mut random = Random::new(seed, &[0x0FF1_CE00, u64::from(country.0), u64::from(number)]);
        let own_network = random.chance(0.5);
        Self {
            country,
            number,
            addresses: 1 + random.byte(4),
            provider: (!own_network).then(|| Provider::fixed(country, &mut random)),
        }
    }

    pub(super) fn address(&self, random: &mut Random) -> Origin {
        let host = 10 + random.byte(self.addresses);
        match self.provider {
            Some(provider) => {
                let [region, prefix] = self.number.to_be_bytes().map(|byte| byte % 16);
                provider.address(RegionPrefix { region, prefix }, 251 - host % 4)
            }
            None => {
                let [high, low] = self.number.to_be_bytes();
                Origin {
                    country: self.country,
                    asn: 200_000 + u32::from(self.country.0) * 65_536 + u32::from(self.number),
                    address: Ipv4Addr::new(100 + high % 60, self.country.0, low, host).into(),
                }
            }
        }
    }
}

/// A commercial VPN service: one autonomous system, exits in every country.
#[derive(Clone, Copy, Debug)]
pub(super) struct VpnService(u8);

impl VpnService {
    pub(super) fn any(random: &mut Random) -> Self {
        Self(random.zipf(VPN_SERVICES, MARKET))
    }

    pub(super) fn exit(self, country: CountryId, random: &mut Random) -> Origin {
        Origin {
            country,
            asn: 9_000 + u32::from(self.0),
            address: Ipv4Addr::new(180 + self.0, country.0, 1, 1 + random.byte(VPN_EXIT_ADDRESSES)).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_provider_has_a_number_and_a_block_of_its_own() {
        let mut seen = BTreeSet::new();
        for id in 0..40 {
            for slot in 0..12 {
                let provider = Provider {
                    country: CountryId(id),
                    slot,
                };
                let origin = provider.address(RegionPrefix { region: 15, prefix: 15 }, 250);
                assert!(seen.insert((origin.asn, origin.address)));
            }
        }
        assert_eq!(seen.len(), 480);
    }

    #[test]
    fn an_office_is_where_it_was() {
        let office = Office::of_employer(1, CountryId(0), 17);
        let same = Office::of_employer(1, CountryId(0), 17);
        let at = |office: &Office| office.address(&mut Random::new(3, &[])).address;
        assert_eq!(at(&office), at(&same));
    }
}
