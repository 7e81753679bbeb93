//! An honest user: networks, devices, habits, and what happens to them in a year.

use super::{
    Circumstance,
    device::{Appearance, Device, Kind},
    habit::{Habits, SIGN_INS_MAX},
    random::Random,
    world::{CountryId, Office, Origin, Provider, RegionPrefix, VpnService},
};

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
    habits: &'static Habits,
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
    pub(super) fn new((seed, habits): (u64, &'static Habits), number: u32, employers: u16) -> Self {
        let mut random = Random::new(seed, &[0x9E75_0000, u64::from(number)]);
        let random_ref = &mut random;
        let country = if habits.scattered {
            CountryId::of_a_trip(random_ref)
        } else {
            CountryId::of_a_user(random_ref)
        };
        let region = RegionPrefix::any_region(random_ref);
        let main = Kind::main(random_ref);
        let mut devices = vec![Device::owned(main, 0, 900, random_ref)];
        for share in [habits.second_device, habits.third_device] {
            if random_ref.chance(share) {
                let kind = Kind::main(random_ref);
                devices.push(Device::owned(kind, 0, 900, random_ref));
            }
        }
        let office = random_ref
            .chance(habits.employed_behind_an_office)
            .then(|| employer(seed, country, employers, random_ref));
        let vpn = random_ref
            .chance(habits.vpn_users)
            .then(|| (VpnService::any(random_ref), country));
        let traveller = random_ref.chance(habits.travellers);
        Self {
            seed,
            habits,
            country,
            region,
            home: Home::new(country, region, habits, random_ref),
            carrier: Provider::carrier(country, random_ref),
            mobile_origin: None,
            office,
            vpn,
            away: if traveller { habits.away_traveller } else { habits.away },
            destination: CountryId::of_a_trip(random_ref),
            mix: network_mix(main, office.is_some(), habits, random_ref),
            devices,
            current: 0,
            peak_hour: random_ref.pick(&[(9.0, 0.3), (13.0, 0.2), (17.0, 0.2), (20.5, 0.3)]) + random_ref.normal(),
            regularity_hours: random_ref.between(1.5, 4.5),
            random,
        }
    }

    /// When this person signs in, in seconds since the world began, over `days` days.
    pub(super) fn times(&mut self, days: f64) -> Vec<f64> {
        let wanted = self
            .random
            .log_normal(self.habits.sign_ins_median, self.habits.sign_ins_deviation);
        let count = crate::number::whole(libm::round(wanted).clamp(1.0, SIGN_INS_MAX));
        let first = self.random.between(0.0, days * 0.8);
        let mut gaps: Vec<f64> = (1..count)
            .map(|_| self.random.log_normal(self.habits.gap_median_days, self.habits.gap_deviation))
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
            Network::Away if self.away > self.habits.away => circumstance = Some(Circumstance::FrequentTraveller),
            Network::Away => circumstance = Some(Circumstance::Trip),
            Network::Home | Network::Mobile | Network::Visit => {}
        }
        let appearance = self.appearance(at);
        let mut mistypes = 0;
        while mistypes < 4 && self.random.chance(self.habits.mistypes) {
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
        if happened(self.habits.moves_house_every_days, &mut self.random) {
            self.region = RegionPrefix::any_region(&mut self.random);
            self.home = Home::new(self.country, self.region, self.habits, &mut self.random);
        }
        if self.office.is_some() && happened(self.habits.changes_job_every_days, &mut self.random) {
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
            if happened(self.habits.replaces_device_every_days, &mut self.random) {
                *device = device.successor(today, &mut self.random);
                bought = Some(Circumstance::NewDevice);
            }
        }
        bought
    }

    fn network(&mut self) -> Network {
        if self.random.chance(self.away) {
            Network::Away
        } else if self.vpn.is_some() && self.random.chance(self.habits.vpn_sessions) {
            Network::Vpn
        } else if self.random.chance(self.habits.visits) {
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
                let country = if random.chance(self.habits.vpn_exit_abroad) {
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
        if random.chance(self.habits.borrowed_device) {
            let kind = Kind::main(random);
            return Device::owned(kind, today, 900, random).appearance(today, false);
        }
        if !random.chance(self.habits.same_device_as_last_time) {
            self.current = crate::number::position(random.unit() * crate::number::length(self.devices.len()));
        }
        let other = random.chance(self.habits.second_browser);
        match self.devices.get(self.current) {
            Some(device) => device.appearance(today, other),
            None => Appearance::of_a_program(),
        }
    }
}

impl Home {
    fn new(country: CountryId, region: u8, habits: &Habits, random: &mut Random) -> Self {
        Self {
            provider: Provider::fixed(country, random),
            at: RegionPrefix::in_region(region, random),
            host: 1 + random.byte(250),
            customer_v6: random
                .chance(habits.homes_with_v6)
                .then(|| u16::try_from(random.below(65_536)).unwrap_or(0)),
            lease_days: random.pick(&habits.leases_days),
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
fn network_mix(main: Kind, has_office: bool, habits: &Habits, random: &mut Random) -> [(Network, f64); 3] {
    let loyalty: f64 = random.pick(&habits.loyalty);
    let first = match (main, has_office) {
        (Kind::Desktop, true) => random.pick(&[(Network::Office, 0.6), (Network::Home, 0.4)]),
        (Kind::Mobile, _) => random.pick(&[
            (Network::Home, 1.0 - habits.mobile_first),
            (Network::Mobile, habits.mobile_first),
        ]),
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
