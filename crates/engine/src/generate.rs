//! A seeded generator of sign-ins, honest and not, for comparing scorers with each other.
//!
//! It is a mechanism, not the model turned round: people have homes with leased addresses, phones
//! behind shared ones, offices, VPNs and journeys; they buy devices and update them late; attackers
//! show what they know. No part of it reads a count, a probability or a parameter of the model. Its
//! parameters stand in `habit`, `world` and `device`; they were set by comparing marginals
//! (depth of history, share of repeat sign-ins with something new) with published ones, before the
//! first score was run. `docs/risk-engine.md` says what it does not show.
//!
//! The same seed gives the same rows on every machine: own random numbers, own mathematics.

mod attacker;
mod device;
mod habit;
pub mod log;
mod person;
mod random;
mod world;

use std::{fmt::Write as _, net::IpAddr};

use watchfire_model::time::Timestamp;

use self::{
    attacker::{Attacker, Campaign},
    device::Appearance,
    habit::Habits,
    person::{Dossier, Person, Session, day_of},
    random::Random,
    world::Origin,
};
use crate::number::whole;

/// The seeds on which figures are published. Nothing is ever tuned on them.
pub const TEST_SEEDS: [u64; 5] = [7_001, 7_002, 7_003, 7_004, 7_005];
/// The seeds on which parameters may be chosen.
pub const TUNING_SEEDS: [u64; 3] = [101, 102, 103];
/// The columns of the file, in this order.
pub const HEADER: &str = "index,timestamp,user_id,ip,country,asn,user_agent,browser,os,device_type,success,label";

/// 2020-02-01T00:00:00Z: the releases of browsers and systems in the world are those of that year.
const EPOCH_SECONDS: i64 = 1_580_515_200;
const DAYS: f64 = 390.0;
const DAY_SECONDS: f64 = 86_400.0;
/// How many attempts of each attacker there are for each repeat sign-in of the victim. They come
/// just before it, so that attempts and sign-ins meet the same depth of history.
const ATTACKS_PER_SIGN_IN: f64 = 0.3;
const USERS_PER_EMPLOYER: u32 = 120;
const USERS_PER_CAMPAIGN: u32 = 150;
/// Names on a stolen list that are users here, and passwords on it that are right.
const LIST_HITS: f64 = 0.3;
const LIST_PASSWORDS_RIGHT: f64 = 0.012;

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Everything random follows from it.
    pub seed: u64,
    /// So many people.
    pub users: u32,
    /// What they are like.
    pub world: World,
}

/// What the people of a world are like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum World {
    /// As those of a published sign-in service of one country: what figures are published on.
    #[default]
    Settled,
    /// Spread over the world, much abroad, behind VPNs, on short leases: whether the figures hold elsewhere.
    Roving,
}

impl World {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Settled, Self::Roving];

    /// Its name in commands.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Roving => "roving",
        }
    }

    const fn habits(self) -> &'static Habits {
        match self {
            Self::Settled => &habit::SETTLED,
            Self::Roving => &habit::ROVING,
        }
    }
}

/// One attempt to sign in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// When.
    pub at: Timestamp,
    /// Whose name was used.
    pub name: Name,
    /// Address.
    pub ip: IpAddr,
    /// ISO 3166-1 code of the address's country.
    pub country: &'static str,
    /// The address's autonomous system.
    pub asn: u32,
    /// Whether the password was right.
    pub success: bool,
    /// Who it was in truth.
    pub label: Label,
    /// What was special about an honest sign-in. Not in the file.
    pub circumstance: Option<Circumstance>,
    appearance: Appearance,
}

/// The name in an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Name {
    /// One of the users.
    User(u32),
    /// Nobody here has that name.
    Stranger(u32),
}

/// Who it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// The user.
    Legit,
    /// Knows the password.
    Naive,
    /// Knows the country too.
    Vpn,
    /// Knows the town and the kind of device too.
    Targeted,
    /// Knows the provider and has a copy of the browser's header.
    VeryTargeted,
    /// New and old things as often as in published real takeovers.
    TakeoverLike,
    /// A list of stolen passwords.
    Stuffing,
}

/// What an honest sign-in was about, where a scorer might stumble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Circumstance {
    /// Behind the address that an office shares.
    Office,
    /// Somebody who is often abroad, abroad.
    FrequentTraveller,
    /// A journey of somebody who seldom travels.
    Trip,
    /// Through a commercial VPN.
    VpnUser,
    /// Just bought a device.
    NewDevice,
}

impl Label {
    /// The word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Legit => "legit",
            Self::Naive => "naive",
            Self::Vpn => "vpn",
            Self::Targeted => "targeted",
            Self::VeryTargeted => "very_targeted",
            Self::TakeoverLike => "takeover_like",
            Self::Stuffing => "stuffing",
        }
    }
}

impl From<Attacker> for Label {
    fn from(attacker: Attacker) -> Self {
        match attacker {
            Attacker::Naive => Self::Naive,
            Attacker::Vpn => Self::Vpn,
            Attacker::Targeted => Self::Targeted,
            Attacker::VeryTargeted => Self::VeryTargeted,
            Attacker::TakeoverLike => Self::TakeoverLike,
        }
    }
}

impl SignIn {
    /// The row of the file, without its line end; `index` counts rows from 0.
    pub fn csv(&self, index: usize) -> String {
        let mut row = format!("{index},{},", self.at);
        // Writing to a string cannot fail.
        let _ = match self.name {
            Name::User(number) => write!(row, "{number}"),
            Name::Stranger(number) => write!(row, "x{number}"),
        };
        let _ = write!(
            row,
            ",{},{},{},\"{}\",{},{},{},{},{}",
            self.ip,
            self.country,
            self.asn,
            self.appearance,
            self.appearance.browser(),
            self.appearance.os(),
            self.appearance.kind.name(),
            u8::from(self.success),
            self.label.as_str(),
        );
        row
    }

    /// The `User-Agent` header.
    pub fn user_agent(&self) -> String {
        self.appearance.to_string()
    }

    /// Browser, operating system, device type, as they stand in the file.
    pub fn device(&self) -> (String, String, &'static str) {
        (self.appearance.browser(), self.appearance.os(), self.appearance.kind.name())
    }
}

/// All sign-ins of a world, in the order of time.
pub fn generate(parameters: Parameters) -> Vec<SignIn> {
    let mut rows = Vec::new();
    for number in 0..parameters.users {
        live(parameters, number, &mut rows);
    }
    for number in 0..parameters.users / USERS_PER_CAMPAIGN {
        stuff(parameters, number, &mut rows);
    }
    // Stable: rows of one instant stay in the order in which they were made.
    rows.sort_by_key(|row| row.at);
    rows
}

/// One person's year, and the attempts on the account.
fn live(parameters: Parameters, number: u32, rows: &mut Vec<SignIn>) {
    let employers = u16::try_from(parameters.users / USERS_PER_EMPLOYER)
        .unwrap_or(u16::MAX)
        .max(5);
    let mut person = Person::new((parameters.seed, parameters.world.habits()), number, employers);
    let mut random = Random::new(parameters.seed, &[0xA77A_C000, u64::from(number)]);
    let mut last: Option<(f64, Dossier)> = None;
    for at in person.times(DAYS) {
        let since = last.as_ref().map_or(0.0, |(before, _)| (at - before).max(0.0));
        let session = person.session(at, since);
        if let Some((_, victim)) = &last {
            attack(Name::User(number), victim, (at, since), &mut random, rows);
        }
        push_session(number, &session, rows);
        last = Some((at, person.dossier(&session)));
    }
}

fn push_session(number: u32, session: &Session, rows: &mut Vec<SignIn>) {
    let row = |seconds: f64, success: bool| SignIn {
        circumstance: session.circumstance,
        ..sign_in(
            seconds,
            Name::User(number),
            (session.origin, session.appearance),
            success,
            Label::Legit,
        )
    };
    let seconds_before = (1..=session.mistypes).rev().map(|tries| f64::from(tries) * 11.0);
    rows.extend(seconds_before.map(|before| row(session.at - before, false)));
    rows.push(row(session.at, true));
}

/// Attempts in the day before the user's next sign-in.
fn attack(name: Name, victim: &Dossier, (next, since): (f64, f64), random: &mut Random, rows: &mut Vec<SignIn>) {
    for attacker in Attacker::ALL {
        if !random.chance(ATTACKS_PER_SIGN_IN) {
            continue;
        }
        let window = if attacker.keeps_hours() {
            DAY_SECONDS / 12.0
        } else {
            DAY_SECONDS
        };
        let at = next - random.unit() * since.min(window);
        let seen = attacker.attempt(victim, at, random);
        rows.push(sign_in(at, name, seen, true, attacker.into()));
    }
}

/// One campaign with a stolen list.
fn stuff(parameters: Parameters, number: u32, rows: &mut Vec<SignIn>) {
    let mut random = Random::new(parameters.seed, &[0x57FF_0001, u64::from(number)]);
    let mut at = random.between(0.2, 1.0) * DAYS * DAY_SECONDS;
    let mut campaign = Campaign::new(parameters.seed, number, day_of(at));
    for entry in 0..u32::from(campaign.names) {
        let (pause, origin, appearance) = campaign.attempt();
        at += pause;
        let known = random.chance(LIST_HITS);
        let name = if known {
            Name::User(u32::try_from(random.below(u64::from(parameters.users))).unwrap_or(0))
        } else {
            Name::Stranger(number.wrapping_mul(1_000).wrapping_add(entry))
        };
        let success = known && random.chance(LIST_PASSWORDS_RIGHT);
        rows.push(sign_in(at, name, (origin, appearance), success, Label::Stuffing));
    }
}

fn sign_in(seconds: f64, name: Name, (origin, appearance): (Origin, Appearance), success: bool, label: Label) -> SignIn {
    let millis = i64::try_from(whole(seconds.max(0.0) * 1_000.0)).unwrap_or(0);
    SignIn {
        at: Timestamp::from_micros(EPOCH_SECONDS * 1_000_000 + millis * 1_000),
        name,
        ip: origin.address,
        country: origin.country.code(),
        asn: origin.asn,
        success,
        label,
        circumstance: None,
        appearance,
    }
}

#[cfg(test)]
mod tests;
