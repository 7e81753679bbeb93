//! Those who are not the user: what each of them knows and shows.

use super::{
    device::{Appearance, Device, Kind},
    person::{Dossier, day_of},
    random::Random,
    world::{CountryId, Origin, Provider, RegionPrefix, VpnService},
};

/// An attacker's kind, by what he knows besides the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attacker {
    Naive,
    Vpn,
    Targeted,
    VeryTargeted,
    TakeoverLike,
}

impl Attacker {
    pub(super) const ALL: [Self; 5] = [Self::Naive, Self::Vpn, Self::Targeted, Self::VeryTargeted, Self::TakeoverLike];

    /// Whether he keeps the victim's hours.
    pub(super) const fn keeps_hours(self) -> bool {
        matches!(self, Self::Targeted | Self::VeryTargeted)
    }

    /// What an attempt at `at` looks like.
    pub(super) fn attempt(self, victim: &Dossier, at: f64, random: &mut Random) -> (Origin, Appearance) {
        let day = day_of(at);
        match self {
            Self::Naive => (anywhere(random), popular(day, random)),
            Self::Vpn => (in_the_country(victim.country, random), popular(day, random)),
            Self::Targeted => (
                in_the_region(victim, random),
                victim.device.lookalike(day, random).appearance(day, false),
            ),
            Self::VeryTargeted => (at_the_provider(victim, random), victim.appearance),
            Self::TakeoverLike => (like_a_takeover(victim, random), looks_like_a_takeover(victim, day, random)),
        }
    }
}

/// A list of stolen passwords, tried against many accounts at one go.
#[derive(Debug)]
pub(super) struct Campaign {
    random: Random,
    provider: Provider,
    prefix: RegionPrefix,
    spread: Spread,
    appearance: Appearance,
    seconds_between: f64,
    /// How many names are tried.
    pub(super) names: u16,
}

#[derive(Clone, Copy, Debug, Default)]
enum Spread {
    #[default]
    OneAddress,
    OnePrefix,
    Botnet,
}

impl Campaign {
    pub(super) fn new(seed: u64, number: u32, day: i32) -> Self {
        let mut random = Random::new(seed, &[0x57FF_0000, u64::from(number)]);
        let country = CountryId::of_an_attack(&mut random);
        let program = random.chance(0.4);
        Self {
            provider: Provider::hosting(country, &mut random),
            prefix: RegionPrefix::any(&mut random),
            spread: random.pick(&[(Spread::OneAddress, 0.5), (Spread::OnePrefix, 0.3), (Spread::Botnet, 0.2)]),
            appearance: if program {
                Appearance::of_a_program()
            } else {
                popular(day, &mut random)
            },
            seconds_between: random.log_normal(6.0, 0.8),
            names: u16::try_from(random.below(450)).unwrap_or(0) + 100,
            random,
        }
    }

    /// One attempt: seconds since the last one, origin, appearance.
    pub(super) fn attempt(&mut self) -> (f64, Origin, Appearance) {
        let random = &mut self.random;
        let pause = random.exponential(self.seconds_between);
        let origin = match self.spread {
            Spread::OneAddress => self.provider.address(self.prefix, 77),
            Spread::OnePrefix => self.provider.address(self.prefix, 1 + random.byte(60)),
            Spread::Botnet => anywhere(random),
        };
        (pause, origin, self.appearance)
    }
}

/// Knows the password and nothing else: a rented machine or somebody's infected one.
fn anywhere(random: &mut Random) -> Origin {
    let country = CountryId::of_an_attack(random);
    let provider = if random.chance(0.5) {
        Provider::hosting(country, random)
    } else {
        Provider::fixed(country, random)
    };
    provider.any_address(random)
}

/// Knows the country: a VPN exit, a rented machine or a residential proxy there.
fn in_the_country(country: CountryId, random: &mut Random) -> Origin {
    if random.chance(0.3) {
        VpnService::any(random).exit(country, random)
    } else if random.chance(0.3) {
        Provider::hosting(country, random).any_address(random)
    } else {
        Provider::fixed(country, random).any_address(random)
    }
}

/// Knows the town: a residential proxy there, of any provider.
fn in_the_region(victim: &Dossier, random: &mut Random) -> Origin {
    if random.chance(0.2) {
        return in_the_country(victim.country, random);
    }
    let provider = if random.chance(0.8) {
        Provider::fixed(victim.country, random)
    } else {
        Provider::carrier(victim.country, random)
    };
    provider.address(RegionPrefix::in_region(victim.region, random), 1 + random.byte(250))
}

/// Knows the provider, and now and then comes from behind the same address.
fn at_the_provider(victim: &Dossier, random: &mut Random) -> Origin {
    if random.chance(0.15) {
        return victim.last_origin;
    }
    let prefix = if random.chance(0.7) {
        RegionPrefix::in_region(victim.region, random)
    } else {
        RegionPrefix::any(random)
    };
    victim.home.address(prefix, 1 + random.byte(250))
}

/// Made to have the seen-before rates that were published of 141 real takeovers.
fn like_a_takeover(victim: &Dossier, random: &mut Random) -> Origin {
    let dice = random.unit();
    if dice < 0.10 {
        victim.last_origin
    } else if dice < 0.17 {
        victim.home.any_address(random)
    } else if dice < 0.22 {
        VpnService::any(random).exit(victim.country, random)
    } else {
        let origin = anywhere(random);
        if origin.country == victim.country {
            anywhere(random)
        } else {
            origin
        }
    }
}

fn looks_like_a_takeover(victim: &Dossier, day: i32, random: &mut Random) -> Appearance {
    let dice = random.unit();
    if dice < 0.17 {
        victim.appearance
    } else if dice < 0.56 {
        victim.device.lookalike(day, random).appearance(day, true)
    } else {
        let kinds = [(); 3].map(|()| Kind::main(random));
        let other = kinds.into_iter().find(|kind| *kind != victim.appearance.kind);
        Device::owned(other.unwrap_or(victim.appearance.kind), day, 700, random).appearance(day, false)
    }
}

/// What many people have.
fn popular(day: i32, random: &mut Random) -> Appearance {
    let kind = Kind::main(random);
    Device::owned(kind, day, 700, random).appearance(day, false)
}
