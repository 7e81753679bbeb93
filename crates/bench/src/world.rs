//! Lives out of the engine's generator, and a data set that says where their addresses are.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    path::Path,
    time::Duration,
};

use anyhow::Result;
use serde_json::json;
use watchfire_app::{
    Clock as _,
    geo::{Folder, Geo, GeoSettings, Kind},
};
use watchfire_engine::generate::{Label, Name, Parameters, SignIn, TUNING_SEEDS, generate};
use watchfire_fixtures::mmdb::Mmdb;
use watchfire_model::time::Timestamp;

use crate::machine::SystemClock;

/// People of one run of the generator: what it makes of them is in memory all at once.
const BATCH: u32 = 10_000;
/// The lengths of history that are compared.
pub(crate) const LENGTHS: [u32; 4] = [1, 10, 100, 1_000];

/// An accepted sign-in.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Timestamp,
    pub(crate) ip: IpAddr,
    pub(crate) user_agent: String,
}

/// Calls `each` with the accepted sign-ins of every person, in the order of time.
pub(crate) fn lives(people: u32, mut each: impl FnMut(Vec<Seen>) -> Result<()>, mut rows: impl FnMut(&[SignIn])) -> Result<()> {
    let mut left = people;
    let mut seed = TUNING_SEEDS[0];
    while left > 0 {
        let users = left.min(BATCH);
        let made = generate(Parameters {
            seed,
            users,
            world: watchfire_engine::generate::World::Settled,
        });
        rows(&made);
        let shift = shift(&made);
        let mut lives: HashMap<u32, Vec<Seen>> = HashMap::new();
        for row in made.into_iter().filter(|row| row.success && row.label == Label::Legit) {
            if let Name::User(number) = row.name {
                lives.entry(number).or_default().push(Seen {
                    at: row.at.plus(shift),
                    ip: row.ip,
                    user_agent: row.user_agent(),
                });
            }
        }
        lives.into_values().try_for_each(&mut each)?;
        left -= users;
        seed += 1_000;
    }
    Ok(())
}

/// The generator's year has just ended.
fn shift(rows: &[SignIn]) -> Duration {
    let last = rows.last().map_or_else(Timestamp::default, |row| row.at);
    SystemClock.now().since(last.plus(Duration::from_secs(3_600)))
}

/// Puts the data sets for these addresses' prefixes into `data_dir`.
pub(crate) fn write_geo(data_dir: &Path, prefixes: &BTreeMap<String, (&'static str, u32)>) -> Result<()> {
    let built = u64::try_from(SystemClock.now().as_seconds()).unwrap_or(0);
    let (mut cities, mut networks) = (Mmdb::new("Bench-City", built), Mmdb::new("Bench-ASN", built));
    for (number, (prefix, (country, asn))) in prefixes.iter().enumerate() {
        let town = u32::try_from(number % 9_000).unwrap_or(0);
        let city = json!({
            "continent": {"code": "XX", "names": {"de": "Erdteil", "en": "Continent", "fr": "Continent"}},
            "country": {"iso_code": country, "names": {"de": "Land", "en": "Country", "fr": "Pays"}},
            "subdivisions": [{"iso_code": "S", "names": {"en": format!("State {}", town / 100)}}],
            "city": {"names": {"de": format!("Stadt {town}"), "en": format!("Town {town}")}},
            "postal": {"code": format!("{town:05}")},
            "location": {"accuracy_radius": 20, "latitude": f64::from(town / 100) + 0.25, "longitude": f64::from(town % 100) + 0.25},
        });
        cities = cities.network(prefix, city);
        let network = json!({"autonomous_system_number": asn, "autonomous_system_organization": format!("Network {asn}")});
        networks = networks.network(prefix, network);
    }
    let folder = Folder::of(data_dir);
    folder.put(Kind::City, &cities.bytes())?;
    Ok(folder.put(Kind::Asn, &networks.bytes())?)
}

/// The /24 or /48 of an address.
pub(crate) fn prefix(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

/// The data sets of a data directory.
pub(crate) fn geo(data_dir: &Path) -> Geo {
    let geo = Geo::new(GeoSettings {
        folder: Some(Folder::of(data_dir).path().to_owned()),
        ..GeoSettings::default()
    });
    geo.refresh(SystemClock.now());
    geo
}
