//! Where addresses are: MaxMind DB files that the operator supplies (`watchfire data import`), looked
//! at again every few seconds and exchanged while requests go on. Without them the engine works on
//! prefixes.
//!
//! What a file says of an address is a stranger's word: every size is bounded, and what cannot be read
//! counts as not said.

mod data_file;
mod folder;
mod keeper;
mod record;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use watchfire_engine::model::{Fix, Place};
use watchfire_model::{
    log::{GeographicalContext, Geolocation, SecurityContext},
    time::Timestamp,
};

use self::record::Record;
pub use self::{
    data_file::{DataFile, GeoError, Summary},
    folder::{Folder, Stamp, read},
    keeper::Change,
};
use crate::{App, Result, access::Principal};

/// The scope that reads what data there is.
pub const READ: &str = "watchfire.read";

/// What a file is for. Where two files say the same thing, the first in this order is believed: a city
/// and its coordinates must not come from a file that disagrees on the country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Cities with their coordinates.
    City,
    /// Countries.
    Country,
    /// Autonomous systems.
    Asn,
    /// Networks of machines, VPN exits, relays.
    Anonymous,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::City, Self::Country, Self::Asn, Self::Anonymous];

    /// As it is written in commands, labels and file names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::Country => "country",
            Self::Asn => "asn",
            Self::Anonymous => "anonymous",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What an operator may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeoSettings {
    /// Where the files are; `None`: there are none.
    pub folder: Option<PathBuf>,
    /// How often the folder is looked at.
    pub check_every: Duration,
    /// Older data is used, and warned of.
    pub stale_after: Duration,
    /// Coordinates of older data are taken for no better than a country's.
    pub doubtful_after: Duration,
    /// The largest file.
    pub max_bytes: u64,
}

const DAY: Duration = Duration::from_secs(24 * 3_600);

impl Default for GeoSettings {
    fn default() -> Self {
        Self {
            folder: None,
            check_every: Duration::from_secs(5),
            stale_after: DAY.saturating_mul(30),
            doubtful_after: DAY.saturating_mul(180),
            max_bytes: 1 << 30,
        }
    }
}

/// How old data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// It may be relied on.
    Fresh,
    /// It is used, and the operator is told.
    Stale,
    /// Its coordinates say little.
    Doubtful,
}

impl Freshness {
    /// As it is written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "FRESH",
            Self::Stale => "STALE",
            Self::Doubtful => "DOUBTFUL",
        }
    }
}

impl GeoSettings {
    /// How fresh data of this build is.
    pub fn freshness(&self, built: Timestamp, now: Timestamp) -> Freshness {
        let age = now.since(built);
        if age > self.doubtful_after {
            Freshness::Doubtful
        } else if age > self.stale_after {
            Freshness::Stale
        } else {
            Freshness::Fresh
        }
    }
}

/// What is known of an address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Located {
    /// What the engine looks at.
    pub place: Place,
    /// The country's name.
    pub country_name: Option<String>,
    /// The postal code.
    pub postal_code: Option<String>,
    /// Who runs the autonomous system.
    pub organization: Option<String>,
    /// The provider that the address belongs to.
    pub isp: Option<String>,
    /// The network's domain.
    pub domain: Option<String>,
    /// Whether it is a proxy, a VPN exit or a relay; `None` where no data set says so or otherwise.
    pub proxy: Option<bool>,
}

impl Located {
    /// For the System Log: the network part of `securityContext` (okta.md 8.4). What nobody knows is absent.
    pub fn network(&self) -> SecurityContext {
        SecurityContext {
            as_number: self.place.asn,
            as_org: self.organization.clone(),
            isp: self.isp.clone().or_else(|| self.organization.clone()),
            domain: self.domain.clone(),
            is_proxy: self.proxy,
            ..SecurityContext::default()
        }
    }

    /// For the System Log; `None` when nothing is known.
    pub fn context(&self) -> Option<GeographicalContext> {
        let place = &self.place;
        place.country.as_ref()?;
        Some(GeographicalContext {
            city: place.city.clone(),
            state: place.state.clone(),
            country: self.country_name.clone().or_else(|| place.country.clone()),
            postal_code: self.postal_code.clone(),
            geolocation: place.fix.map(|fix| {
                let (lat, lon) = fix.degrees();
                Geolocation { lat, lon }
            }),
        })
    }
}

/// A file in use, and what became of the newest one in its place.
#[derive(Clone, Debug)]
pub struct DataStatus {
    /// What it is for.
    pub kind: Kind,
    /// What is in use.
    pub in_use: Option<(Summary, Freshness)>,
    /// Since when it is in use.
    pub loaded: Option<Timestamp>,
    /// Why the file that is there now is not used.
    pub problem: Option<String>,
}

/// Uncertainty in kilometres where a file names a city, but no radius.
const CITY_RADIUS: u16 = 50;
/// The same where it names only a country; also what doubtful data is taken for.
const COUNTRY_RADIUS: u16 = 500;

/// The data sets.
#[derive(Debug)]
pub struct Geo {
    settings: GeoSettings,
    files: ArcSwap<BTreeMap<Kind, InUse>>,
    /// What was last seen in the folder and was no good.
    refused: Mutex<BTreeMap<Kind, (Stamp, String)>>,
    /// Held by whoever looks at the folder.
    refreshing: Mutex<()>,
}

#[derive(Clone, Debug)]
struct InUse {
    file: Arc<DataFile>,
    stamp: Stamp,
    loaded: Timestamp,
}

impl Geo {
    /// None yet.
    pub fn new(settings: GeoSettings) -> Self {
        Self {
            settings,
            files: ArcSwap::default(),
            refused: Mutex::default(),
            refreshing: Mutex::default(),
        }
    }

    /// Whether there are data sets at all.
    pub fn is_empty(&self) -> bool {
        self.files.load().is_empty()
    }

    /// What the data sets say of an address, merged.
    pub fn locate(&self, address: IpAddr, now: Timestamp) -> Located {
        let mut located = Located::default();
        let files = self.files.load();
        for used in files.values() {
            let record = used.file.record(address.to_canonical());
            let doubtful = self.settings.freshness(used.file.summary().built, now) == Freshness::Doubtful;
            located.add(record, doubtful);
        }
        // A file of such networks lists all that it knows: an address that is not in it is none. Any other file
        // that does not speak of them leaves it open.
        if files.contains_key(&Kind::Anonymous) {
            located.place.hosting = located.place.hosting.or(Some(false));
            located.proxy = located.proxy.or(Some(false));
        }
        located
    }

    /// How old what is in use is, kind by kind.
    pub(crate) fn ages(&self, now: Timestamp) -> Vec<(Kind, Option<Duration>)> {
        let files = self.files.load();
        let age = |kind: Kind| files.get(&kind).map(|used| now.since(used.file.summary().built));
        Kind::ALL.into_iter().map(|kind| (kind, age(kind))).collect()
    }

    /// What is in use.
    pub fn status(&self, now: Timestamp) -> Vec<DataStatus> {
        let files = self.files.load();
        let refused = self.refused.lock();
        let status = |kind: Kind| {
            let used = files.get(&kind);
            DataStatus {
                kind,
                in_use: used.map(|used| {
                    let summary = used.file.summary().clone();
                    let freshness = self.settings.freshness(summary.built, now);
                    (summary, freshness)
                }),
                loaded: used.map(|used| used.loaded),
                problem: refused.get(&kind).map(|(_, problem)| problem.clone()),
            }
        };
        let known = |status: &DataStatus| status.in_use.is_some() || status.problem.is_some();
        Kind::ALL.into_iter().map(status).filter(known).collect()
    }
}

impl Located {
    /// Puts in what is missing.
    fn add(&mut self, record: Record, doubtful: bool) {
        let place = &mut self.place;
        let same_country = place.country.is_none() || record.country.is_none() || place.country == record.country;
        if same_country {
            let has_city = record.city.is_some();
            place.country = place.country.take().or(record.country);
            place.state = place.state.take().or(record.state);
            place.region = place.region.take().or(record.region);
            place.city = place.city.take().or(record.city);
            place.fix = place
                .fix
                .or_else(|| fix(record.coordinates, record.radius, has_city, doubtful));
            self.country_name = self.country_name.take().or(record.country_name);
            self.postal_code = self.postal_code.take().or(record.postal_code);
        }
        if place.asn.is_none() {
            place.asn = record.asn;
            self.organization = record.organization;
        }
        self.isp = self.isp.take().or(record.isp);
        self.domain = self.domain.take().or(record.domain);
        let either = |one: Option<bool>, other: Option<bool>| one.into_iter().chain(other).reduce(|a, b| a || b);
        place.hosting = either(place.hosting, record.hosting);
        self.proxy = either(self.proxy, record.proxy);
    }
}

fn fix(coordinates: Option<(f64, f64)>, radius: Option<u16>, has_city: bool, doubtful: bool) -> Option<Fix> {
    let (latitude, longitude) = coordinates?;
    let usual = if has_city { CITY_RADIUS } else { COUNTRY_RADIUS };
    let said = radius.filter(|radius| *radius > 0).unwrap_or(usual);
    Fix::of_degrees(latitude, longitude, if doubtful { said.max(COUNTRY_RADIUS) } else { said })
}

impl App {
    /// What is known of where an address is.
    pub fn locate(&self, address: IpAddr) -> Located {
        let located = self.geo.locate(address, self.clock.now());
        if !self.geo.is_empty() {
            self.commands.metrics().located(located.place.country.is_some());
        }
        located
    }

    /// As the engine wants it.
    pub fn place_of(&self, address: IpAddr) -> Place {
        self.locate(address).place
    }

    /// What data sets of addresses are in use.
    ///
    /// # Errors
    /// Without the scope.
    pub fn geo_data(&self, caller: &Principal) -> Result<Vec<DataStatus>> {
        caller.require(READ)?;
        Ok(self.geo.status(self.clock.now()))
    }
}
