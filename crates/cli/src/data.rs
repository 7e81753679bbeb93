//! `watchfire data`: the files that say where addresses are. Works on the data directory; a server that
//! runs on it takes up what has changed by itself.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use watchfire_app::{
    Clock as _,
    geo::{DataFile, Folder, Freshness, Geo, GeoSettings, Kind, Located, Summary, read},
};

use crate::{
    command::Misuse,
    config::{Config, flags::Flags},
    system::SystemClock,
    terminal::{Style, Terminal, printable},
};

/// Files that say where addresses are.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Check files in MaxMind DB format whole, and put them in use: GeoLite2 and GeoIP2, DB-IP, IPinfo
    Import(Import),
    /// List what is there, how old it is, and what is wrong with it
    List(Place),
    /// Take the file of a kind out of use
    Remove(Remove),
    /// Say what the files say of an address
    Lookup(Lookup),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Import {
    /// The file (repeatable)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What it is for; found out from its records where it is not given
    #[arg(long, value_enum)]
    kind: Option<KindName>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Remove {
    /// Which
    #[arg(value_enum)]
    kind: KindName,
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Lookup {
    /// IPv4 or IPv6
    address: IpAddr,
    #[command(flatten)]
    place: Place,
}

/// Which installation; its settings come from the file and the environment, as for `serve`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Place {
    /// The server's configuration file
    #[arg(long, value_name = "FILE", env = "WATCHFIRE_CONFIG")]
    config: Option<PathBuf>,
    /// The server's data directory [env: WATCHFIRE_DATA_DIR] [default: ./data]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KindName {
    /// Cities with their coordinates
    City,
    /// Countries
    Country,
    /// Autonomous systems
    Asn,
    /// Networks of machines, VPN exits, relays
    Anonymous,
}

impl KindName {
    const fn kind(self) -> Kind {
        match self {
            Self::City => Kind::City,
            Self::Country => Kind::Country,
            Self::Asn => Kind::Asn,
            Self::Anonymous => Kind::Anonymous,
        }
    }
}

/// Runs one of the commands.
///
/// # Errors
/// When a file is not taken, or the data directory cannot be used.
pub(crate) fn run(command: &Command, terminal: &Terminal) -> Result<()> {
    match command {
        Command::Import(arguments) => import(arguments, terminal),
        Command::List(place) => list(&Data::of(place)?, terminal),
        Command::Remove(arguments) => {
            let kind = arguments.kind.kind();
            let data = Data::of(&arguments.place)?;
            if !data.folder.remove(kind).with_context(|| data.cannot_use())? {
                bail!("there is no {} data in {}", kind.as_str(), data.folder.path().display());
            }
            Ok(terminal.print_done("removed", kind.as_str())?)
        }
        Command::Lookup(arguments) => lookup(arguments, terminal),
    }
}

/// The folder of an installation, and its settings.
struct Data {
    folder: Folder,
    settings: GeoSettings,
}

impl Data {
    fn of(place: &Place) -> Result<Self> {
        let data_dir = place.data_dir.iter().map(|folder| ("data-dir", vec![folder.clone()]));
        let flags = Flags {
            file: place.config.clone(),
            values: data_dir.collect(),
        };
        let config = Config::load(&flags)?;
        Ok(Self {
            folder: Folder::of(&config.data_dir),
            settings: config.settings("").geo,
        })
    }

    fn cannot_use(&self) -> String {
        format!("cannot use {}", self.folder.path().display())
    }

    fn summary(&self, kind: Kind, summary: &Summary) -> Value {
        let now = SystemClock.now();
        let freshness = self.settings.freshness(summary.built, now);
        json!({
            "kind": kind.as_str(),
            "databaseType": summary.database_type,
            "built": summary.built,
            "ageDays": now.since(summary.built).as_secs() / 86_400,
            "freshness": freshness.as_str(),
            "ipVersion": summary.ip_version,
            "nodes": summary.nodes,
            "bytes": summary.bytes,
            "sha256": summary.sha256,
        })
    }

    fn warn(&self, kind: Kind, summary: &Summary, terminal: &Terminal) -> Result<()> {
        let freshness = self.settings.freshness(summary.built, SystemClock.now());
        if terminal.json() || freshness == Freshness::Fresh {
            return Ok(());
        }
        let worth = match freshness {
            Freshness::Doubtful => ", and its coordinates count for no better than a country's (geo-doubtful-after)",
            _ => " (geo-stale-after)",
        };
        let text = format!("the {} data is old{worth}: import a newer file", kind.as_str());
        Ok(terminal.print(&terminal.paint(Style::Warning, text))?)
    }
}

const COLUMNS: &[(&str, &str)] = &[
    ("KIND", "/kind"),
    ("TYPE", "/databaseType"),
    ("BUILT", "/built"),
    ("DAYS", "/ageDays"),
    ("STATE", "/freshness"),
    ("NODES", "/nodes"),
    ("BYTES", "/bytes"),
    ("SHA-256", "/sha256"),
    ("FAULT", "/problem"),
];

fn import(arguments: &Import, terminal: &Terminal) -> Result<()> {
    if arguments.kind.is_some() && arguments.files.len() > 1 {
        return Err(Misuse("--kind goes with one file".to_owned()).into());
    }
    let data = Data::of(&arguments.place)?;
    // All are checked before the first is put in use.
    let mut checked = Vec::new();
    for path in &arguments.files {
        let (kind, file) = check(path, arguments.kind, &data).with_context(|| format!("{} is not taken", path.display()))?;
        if checked.iter().any(|(_, known, _)| *known == kind) {
            return Err(Misuse(format!("two of the files are for {}: give one", kind.as_str())).into());
        }
        checked.push((path, kind, file));
    }
    let mut imported = Vec::new();
    for (path, kind, file) in &checked {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        if watchfire_crypto::digest::sha256_hex(&bytes) != file.summary().sha256 {
            bail!("{} has changed while it was looked at", path.display());
        }
        data.folder.put(*kind, &bytes).with_context(|| data.cannot_use())?;
        imported.push(data.summary(*kind, file.summary()));
    }
    terminal.print_list(&imported, COLUMNS)?;
    checked
        .iter()
        .try_for_each(|(_, kind, file)| data.warn(*kind, file.summary(), terminal))
}

fn check(path: &Path, kind: Option<KindName>, data: &Data) -> Result<(Kind, DataFile)> {
    let file = DataFile::open(read(path, data.settings.max_bytes)?)?;
    file.verify()?;
    let kind = match kind {
        Some(named) => {
            file.is_about(named.kind())?;
            named.kind()
        }
        None => file.kind()?,
    };
    Ok((kind, file))
}

fn list(data: &Data, terminal: &Terminal) -> Result<()> {
    let mut items = Vec::new();
    let mut files = Vec::new();
    for kind in Kind::ALL {
        match data.folder.open(kind, data.settings.max_bytes) {
            Ok(None) => {}
            Ok(Some(file)) => {
                items.push(data.summary(kind, file.summary()));
                files.push((kind, file));
            }
            Err(error) => {
                let problem = format!("{:#}", anyhow::Error::from(error));
                items.push(json!({ "kind": kind.as_str(), "problem": problem }));
            }
        }
    }
    if items.is_empty() && !terminal.json() {
        let path = data.folder.path().display();
        terminal.print(&format!(
            "There is no data in {path}: the engine works on prefixes of addresses."
        ))?;
        return Ok(());
    }
    terminal.print_list(&items, COLUMNS)?;
    files
        .iter()
        .try_for_each(|(kind, file)| data.warn(*kind, file.summary(), terminal))
}

const FIELDS: &[(&str, &str)] = &[
    ("address", "/address"),
    ("country", "/country"),
    ("country name", "/countryName"),
    ("state", "/state"),
    ("city", "/city"),
    ("postal code", "/postalCode"),
    ("latitude", "/latitude"),
    ("longitude", "/longitude"),
    ("radius in km", "/radiusKm"),
    ("autonomous system", "/asn"),
    ("run by", "/organization"),
    ("machines or relays", "/hosting"),
];

fn lookup(arguments: &Lookup, terminal: &Terminal) -> Result<()> {
    let data = Data::of(&arguments.place)?;
    let geo = Geo::new(data.settings.clone());
    let now = SystemClock.now();
    geo.refresh(now);
    for status in geo.status(now) {
        if let Some(problem) = status.problem {
            bail!("the {} data cannot be used: {}", status.kind.as_str(), printable(&problem));
        }
    }
    if geo.is_empty() {
        bail!(
            "there is no data in {}: watchfire data import FILE",
            data.folder.path().display()
        );
    }
    terminal.print_object(&located(arguments.address, &geo.locate(arguments.address, now)), FIELDS)?;
    Ok(())
}

fn located(address: IpAddr, located: &Located) -> Value {
    let place = &located.place;
    let (latitude, longitude) = place.fix.map(watchfire_engine::model::Fix::degrees).unzip();
    json!({
        "address": address,
        "country": place.country,
        "countryName": located.country_name,
        "state": place.state,
        "city": place.city,
        "postalCode": located.postal_code,
        "latitude": latitude,
        "longitude": longitude,
        "radiusKm": place.fix.map(|fix| fix.radius),
        "asn": place.asn,
        "organization": located.organization,
        "hosting": place.hosting,
    })
}
