//! An honest user: networks, devices, habits, and what happens to them in a year.

use super::{
    Circumstance,
    device::{Appearance, Device, Kind},
    random::Random,
    world::{CountryId, Office, Origin, Provider, RegionPrefix, VpnService},
};

/// Probability per session and per day of what happens to people. Tuned once against published
/// marginals, before any score was run.
mod habit {
    /// Gap between sign-ins: median in days and deviation of its logarithm.
    pub(super) const GAP_MEDIAN_DAYS: f64 = 12.0;
    pub(super) const GAP_DEVIATION: f64 = 1.7;
    /// Sign-ins of a user in the year: median and deviation of a log-normal, rounded.
    pub(super) const SIGN_INS_MEDIAN: f64 = 2.05;
    pub(super) const SIGN_INS_DEVIATION: f64 = 1.2;
    pub(super) const SIGN_INS_MAX: f64 = 1_500.0;
    pub(super) const MOVES_HOUSE_EVERY_DAYS: f64 = 2_500.0;
    pub(super) const CHANGES_JOB_EVERY_DAYS: f64 = 1_500.0;
    pub(super) const REPLACES_DEVICE_EVERY_DAYS: f64 = 650.0;
    /// Share of sessions away from home country: most people, and frequent travellers.
    pub(super) const AWAY: f64 = 0.007;
    pub(super) const AWAY_TRAVELLER: f64 = 0.20;
    pub(super) const TRAVELLERS: f64 = 0.015;
    /// Who uses a commercial VPN, and how often.
    pub(super) const VPN_USERS: f64 = 0.02;
    pub(super) const VPN_SESSIONS: f64 = 0.6;
    pub(super) const VPN_EXIT_ABROAD: f64 = 0.12;
    /// Sessions in cafés, hotels and at friends'.
    pub(super) const VISITS: f64 = 0.022;
    pub(super) const EMPLOYED_BEHIND_AN_OFFICE: f64 = 0.30;
    pub(super) const HOMES_WITH_V6: f64 = 0.08;
    pub(super) const SECOND_DEVICE: f64 = 0.66;
    pub(super) const THIRD_DEVICE: f64 = 0.30;
    pub(super) const SAME_DEVICE_AS_LAST_TIME: f64 = 0.50;
    pub(super) const SECOND_BROWSER: f64 = 0.25;
    /// Mistyped passwords before a sign-in succeeds, each.
    pub(super) const MISTYPES: f64 = 0.18;
    /// A shared device or a borrowed one.
    pub(super) const BORROWED_DEVICE: f64 = 0.03;
}

const DAY: f64 = 86_400.0;
const HOUR: f64 = 3_600.0;

/// One session of a person, before it becomes rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    /// Seconds since the world began.
    pub(super) at: f64,
    pub(super) origin: Origin,
    pub(super) appearance: Appearance,
    /// Wrong passwords before the right one.
    pub(super) mistypes: u8,
    pub(super) circumstance: Option<Circumstance>,
}

/// What an attacker could find out about the person at a point in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dossier {
    pub(super) country: CountryId,
    pub(super) home: Provider,
    pub(super) region: u8,
    pub(super) device: Device,
    pub(super) appearance: Appearance,
    pub(super) last_origin: Origin,
}

#[derive(Clone, Copy, Debug)]
struct Home {
    provider: Provider,
    at: RegionPrefix,
    host: u8,
    customer_v6: Option<u16>,
    lease_days: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Network {
    #[default]
    Home,
    Mobile,
    Office,
    Visit,
    Vpn,
    Away,
}

/// A person on the way through the year.
#[derive(Debug)]
pub(super) struct Person {
    random: Random,
    seed: u64,
    country: CountryId,
    region: u8,
    home: Home,
    carrier: Provider,
    mobile_origin: Option<Origin>,
    office: Option<Office>,
    vpn: Option<(VpnService, CountryId)>,
    away: f64,
    destination: CountryId,
    mix: [(Network, f64); 3],
    devices: Vec<Device>,
    current: usize,
    peak_hour: f64,
    regularity_hours: f64,
}

impl Person {
    /// Person `number` of the world of `seed`; `employers` there are in it.
    pub(super) fn new(seed: u64, number: u32, employers: u16) -> Self {
        let mut random = Random::new(seed, &[0x9E75_0000, u64::from(number)]);
        let random_ref = &mut random;
        let country = CountryId::of_a_user(random_ref);
        let region = RegionPrefix::any_region(random_ref);
        let main = Kind::main(random_ref);
        let mut devices = vec![Device::owned(main, 0, 900, random_ref)];
        for share in [habit::SECOND_DEVICE, habit::THIRD_DEVICE] {
            if random_ref.chance(share) {
                let kind = Kind::main(random_ref);
                devices.push(Device::owned(kind, 0, 900, random_ref));
            }
        }
        let office = random_ref
            .chance(habit::EMPLOYED_BEHIND_AN_OFFICE)
            .then(|| employer(seed, country, employers, random_ref));
        let vpn = random_ref
            .chance(habit::VPN_USERS)
            .then(|| (VpnService::any(random_ref), country));
        let traveller = random_ref.chance(habit::TRAVELLERS);
        Self {
            seed,
            country,
            region,
            home: Home::new(country, region, random_ref),
            carrier: Provider::carrier(country, random_ref),
            mobile_origin: None,
            office,
            vpn,
            away: if traveller { habit::AWAY_TRAVELLER } else { habit::AWAY },
            destination: CountryId::of_a_trip(random_ref),
            mix: network_mix(main, office.is_some(), random_ref),
            devices,
            current: 0,
            peak_hour: random_ref.pick(&[(9.0, 0.3), (13.0, 0.2), (17.0, 0.2), (20.5, 0.3)]) + random_ref.normal(),
            regularity_hours: random_ref.between(1.5, 4.5),
            random,
        }
    }

    /// When this person signs in, in seconds since the world began, over `days` days.
    pub(super) fn times(&mut self, days: f64) -> Vec<f64> {
        let wanted = self.random.log_normal(habit::SIGN_INS_MEDIAN, habit::SIGN_INS_DEVIATION);
        let count = crate::number::whole(libm::round(wanted).clamp(1.0, habit::SIGN_INS_MAX));
        let first = self.random.between(0.0, days * 0.8);
        let mut gaps: Vec<f64> = (1..count)
            .map(|_| self.random.log_normal(habit::GAP_MEDIAN_DAYS, habit::GAP_DEVIATION))
            .collect();
        let span: f64 = gaps.iter().sum();
        // Who signs in often does so in shorter steps: the year is not longer for them.
        let squeeze = ((days - first - 1.0) / span.max(1e-9)).min(1.0);
        gaps.iter_mut().for_each(|gap| *gap *= squeeze);
        let mut at = first;
        let days_of = std::iter::once(first).chain(gaps.into_iter().map(|gap| {
            at += gap;
            at
        }));
        let mut times: Vec<f64> = days_of
            .collect::<Vec<_>>()
            .into_iter()
            .map(|day| self.in_the_day(day))
            .collect();
        times.sort_by(f64::total_cmp);
        times
    }

    fn in_the_day(&mut self, day: f64) -> f64 {
        let local = self.peak_hour + self.regularity_hours * self.random.normal();
        let utc = local - self.country.utc_offset_hours();
        let hour = utc - 24.0 * libm::floor(utc / 24.0);
        libm::floor(day) * DAY + hour * HOUR + self.random.unit() * 60.0
    }

    /// The session at `at`; `since` seconds passed since the last one.
    pub(super) fn session(&mut self, at: f64, since: f64) -> Session {
        let passed_days = since / DAY;
        let mut circumstance = self.live(at, passed_days);
        let network = self.network();
        let origin = self.origin(network, passed_days);
        match network {
            Network::Office => circumstance = circumstance.or(Some(Circumstance::Office)),
            Network::Vpn => circumstance = Some(Circumstance::VpnUser),
            Network::Away if self.away > habit::AWAY => circumstance = Some(Circumstance::FrequentTraveller),
            Network::Away => circumstance = Some(Circumstance::Trip),
            Network::Home | Network::Mobile | Network::Visit => {}
        }
        let appearance = self.appearance(at);
        let mut mistypes = 0;
        while mistypes < 4 && self.random.chance(habit::MISTYPES) {
            mistypes += 1;
        }
        Session {
            at,
            origin,
            appearance,
            mistypes,
            circumstance,
        }
    }

    /// What an attacker could know after a session.
    pub(super) fn dossier(&self, session: &Session) -> Dossier {
        let main = self.devices.get(self.current).or(self.devices.first()).copied();
        Dossier {
            country: self.country,
            home: self.home.provider,
            region: self.region,
            device: main.unwrap_or_else(|| Device::owned(Kind::Mobile, 0, 1, &mut self.random.clone())),
            appearance: session.appearance,
            last_origin: session.origin,
        }
    }

    /// Moving, changing job, buying devices: what happened in the days between two sessions.
    fn live(&mut self, at: f64, days: f64) -> Option<Circumstance> {
        let happened = |every: f64, random: &mut Random| random.chance(1.0 - libm::exp(-days / every));
        if happened(habit::MOVES_HOUSE_EVERY_DAYS, &mut self.random) {
            self.region = RegionPrefix::any_region(&mut self.random);
            self.home = Home::new(self.country, self.region, &mut self.random);
        }
        if self.office.is_some() && happened(habit::CHANGES_JOB_EVERY_DAYS, &mut self.random) {
            let mut random = self.random.clone();
            self.office = Some(employer(self.seed, self.country, 40, &mut random));
            self.random = random;
        }
        if happened(self.home.lease_days, &mut self.random) {
            self.home.renew(&mut self.random);
        }
        let today = day_of(at);
        let mut bought = None;
        for device in &mut self.devices {
            if happened(habit::REPLACES_DEVICE_EVERY_DAYS, &mut self.random) {
                *device = device.successor(today, &mut self.random);
                bought = Some(Circumstance::NewDevice);
            }
        }
        bought
    }

    fn network(&mut self) -> Network {
        if self.random.chance(self.away) {
            Network::Away
        } else if self.vpn.is_some() && self.random.chance(habit::VPN_SESSIONS) {
            Network::Vpn
        } else if self.random.chance(habit::VISITS) {
            Network::Visit
        } else {
            self.random.pick(&self.mix)
        }
    }

    fn origin(&mut self, network: Network, passed_days: f64) -> Origin {
        let random = &mut self.random;
        match (network, &self.office, &self.vpn) {
            (Network::Mobile, ..) => {
                // A phone keeps its address for hours, not for days.
                let kept = self.mobile_origin.filter(|_| random.chance(libm::exp(-passed_days * 6.0)));
                let origin = kept.unwrap_or_else(|| self.carrier.shared_address(self.region, random));
                self.mobile_origin = Some(origin);
                origin
            }
            (Network::Office, Some(office), _) => office.address(random),
            (Network::Vpn, _, Some((service, favourite))) => {
                let country = if random.chance(habit::VPN_EXIT_ABROAD) {
                    CountryId::of_a_trip(random)
                } else {
                    *favourite
                };
                service.exit(country, random)
            }
            (Network::Visit, ..) => {
                Provider::fixed(self.country, random).address(RegionPrefix::in_region(self.region, random), 1 + random.byte(250))
            }
            (Network::Away, ..) => {
                let country = if random.chance(0.6) {
                    self.destination
                } else {
                    CountryId::of_a_trip(random)
                };
                // Roaming phones stay with their carrier at home; hotels do not.
                if random.chance(0.25) {
                    self.carrier.shared_address(self.region, random)
                } else if random.chance(0.7) {
                    Provider::fixed(country, random).any_address(random)
                } else {
                    Provider::carrier(country, random).any_address(random)
                }
            }
            (Network::Home | Network::Office | Network::Vpn, ..) => self.home.address(random),
        }
    }

    fn appearance(&mut self, at: f64) -> Appearance {
        let random = &mut self.random;
        let today = day_of(at);
        if random.chance(habit::BORROWED_DEVICE) {
            let kind = Kind::main(random);
            return Device::owned(kind, today, 900, random).appearance(today, false);
        }
        if !random.chance(habit::SAME_DEVICE_AS_LAST_TIME) {
            self.current = crate::number::position(random.unit() * crate::number::length(self.devices.len()));
        }
        let other = random.chance(habit::SECOND_BROWSER);
        match self.devices.get(self.current) {
            Some(device) => device.appearance(today, other),
            None => Appearance::of_a_program(),
        }
    }
}

impl Home {
    fn new(country: CountryId, region: u8, random: &mut Random) -> Self {
        Self {
            provider: Provider::fixed(country, random),
            at: RegionPrefix::in_region(region, random),
            host: 1 + random.byte(250),
            customer_v6: random
                .chance(habit::HOMES_WITH_V6)
                .then(|| u16::try_from(random.below(65_536)).unwrap_or(0)),
            lease_days: random.pick(&[(600.0, 0.42), (45.0, 0.33), (5.0, 0.25)]),
        }
    }

    /// Another address of the provider: mostly near the last one.
    fn renew(&mut self, random: &mut Random) {
        self.host = 1 + random.byte(250);
        if random.chance(0.45) {
            self.at = RegionPrefix::in_region(self.at.region, random);
        }
    }

    fn address(&self, random: &mut Random) -> Origin {
        match self.customer_v6 {
            Some(customer) if random.chance(0.7) => self.provider.address_v6(self.at, customer, random.bits()),
            _ => self.provider.address(self.at, self.host),
        }
    }
}

fn employer(seed: u64, country: CountryId, employers: u16, random: &mut Random) -> Office {
    // Large employers have many of the users: a rank drawn uniformly in the logarithm.
    let rank = libm::exp(random.unit() * libm::log(f64::from(employers.max(1)) + 1.0)) - 1.0;
    let number = u16::try_from(crate::number::whole(rank)).unwrap_or(0);
    Office::of_employer(seed, country, number)
}

/// Where people sign in from: mostly from one network.
fn network_mix(main: Kind, has_office: bool, random: &mut Random) -> [(Network, f64); 3] {
    let loyalty: f64 = random.pick(&[(0.985, 0.62), (0.90, 0.28), (0.65, 0.10)]);
    let first = match (main, has_office) {
        (Kind::Desktop, true) => random.pick(&[(Network::Office, 0.6), (Network::Home, 0.4)]),
        (Kind::Mobile, _) => random.pick(&[(Network::Home, 0.70), (Network::Mobile, 0.30)]),
        (Kind::Desktop | Kind::Tablet, _) => Network::Home,
    };
    let others = match (first, has_office) {
        (Network::Home, true) => [Network::Mobile, Network::Office],
        (Network::Office, _) => [Network::Home, Network::Mobile],
        (Network::Mobile, true) => [Network::Home, Network::Office],
        (Network::Mobile, false) => [Network::Home, Network::Visit],
        _ => [Network::Mobile, Network::Visit],
    };
    let [second, third] = others;
    let rest = 1.0 - loyalty;
    [(first, loyalty), (second, rest * 0.75), (third, rest * 0.25)]
}

pub(super) fn day_of(at: f64) -> i32 {
    i32::try_from(crate::number::whole(at / DAY)).unwrap_or(0)
}
