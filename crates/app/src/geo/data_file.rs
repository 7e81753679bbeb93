//! One file: opened with every bound checked, verified whole where there is time for it.

use std::{collections::BTreeMap, net::IpAddr};

use maxminddb::{MaxMindDbError, Reader, WithinOptions};
use watchfire_crypto::digest::sha256_hex;
use watchfire_model::time::Timestamp;

use super::{
    Kind,
    record::{Record, Stored},
};

/// A file of networks.
pub struct DataFile {
    reader: Reader<Vec<u8>>,
    summary: Summary,
}

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Such as `GeoLite2-City`, cut to a hundred characters.
    pub database_type: String,
    /// When it was built.
    pub built: Timestamp,
    /// 4 or 6.
    pub ip_version: u16,
    /// Nodes of the search tree.
    pub nodes: u32,
    /// Bytes.
    pub bytes: usize,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// It is longer than the limit.
    #[error("the file has more than {limit} bytes (geo-max-file-size)")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// It cannot be read.
    #[error("the file cannot be read")]
    Unreadable(#[source] std::io::Error),
    /// It is no such file, or broken.
    #[error("this is no MaxMind DB file, or it is damaged")]
    Damaged(#[source] MaxMindDbError),
    /// It says that it was built after the year 9999.
    #[error("the time at which it was built is none")]
    Undated,
    /// No record could be read.
    #[error("no record of it says anything of countries, cities, networks or proxies")]
    Foreign,
    /// It says nothing of what it was imported for.
    #[error("no record of it says anything of this kind: {}", kind.as_str())]
    WrongKind {
        /// The kind.
        kind: Kind,
    },
}

/// Records that are looked at to find out what a file is about.
const LOOKED_AT: usize = 2_000;
/// The last second of the year 9999 that is in that year everywhere: later times cannot be written.
const LAST_SECOND: i64 = 253_402_207_200;
/// Characters that are kept of a file's name for itself.
const MAX_TYPE: usize = 100;

impl DataFile {
    /// Reads the metadata and checks the layout. What an address' record says is read when it is looked up.
    ///
    /// # Errors
    /// [`GeoError::Damaged`], [`GeoError::Undated`].
    pub fn open(bytes: Vec<u8>) -> Result<Self, GeoError> {
        let (length, sha256) = (bytes.len(), sha256_hex(&bytes));
        let reader = Reader::from_source(bytes).map_err(GeoError::Damaged)?;
        let metadata = reader.metadata();
        let built = i64::try_from(metadata.build_epoch).map_err(|_| GeoError::Undated)?;
        if built > LAST_SECOND {
            return Err(GeoError::Undated);
        }
        let summary = Summary {
            database_type: metadata.database_type.chars().take(MAX_TYPE).collect(),
            built: Timestamp::from_seconds(built),
            ip_version: metadata.ip_version,
            nodes: metadata.node_count,
            bytes: length,
            sha256,
        };
        Ok(Self { reader, summary })
    }

    /// What it says of itself.
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Walks through the whole tree and every record that it leads to. The reader bounds the work by the
    /// size of the file: three networks a node, eight values a byte.
    ///
    /// # Errors
    /// [`GeoError::Damaged`].
    pub fn verify(&self) -> Result<(), GeoError> {
        self.reader.verify().map_err(GeoError::Damaged)
    }

    /// What the first records are about.
    ///
    /// # Errors
    /// [`GeoError::Foreign`] when that is nothing that we know.
    pub fn kind(&self) -> Result<Kind, GeoError> {
        // The richest kind that is there at all: a file of cities has networks where only the country is known.
        self.kinds().into_keys().next().ok_or(GeoError::Foreign)
    }

    /// Whether the first records say something that this kind of file is for.
    ///
    /// # Errors
    /// [`GeoError::WrongKind`].
    pub fn is_about(&self, kind: Kind) -> Result<(), GeoError> {
        match self.kinds().contains_key(&kind) {
            true => Ok(()),
            false => Err(GeoError::WrongKind { kind }),
        }
    }

    fn kinds(&self) -> BTreeMap<Kind, usize> {
        let mut kinds = BTreeMap::new();
        let networks = self.reader.networks(WithinOptions::default());
        for found in networks.into_iter().flatten().take(LOOKED_AT).flatten() {
            let Ok(Some(stored)) = found.decode::<Stored>() else {
                continue;
            };
            let record = Record::from(stored);
            let says = [
                (Kind::City, record.city.is_some() || record.coordinates.is_some()),
                (Kind::Country, record.country.is_some()),
                (Kind::Asn, record.asn.is_some()),
                (Kind::Anonymous, record.hosting.is_some()),
            ];
            for (kind, _) in says.into_iter().filter(|(_, says)| *says) {
                *kinds.entry(kind).or_default() += 1;
            }
        }
        kinds
    }

    /// What it says of an address; what cannot be read counts as not said.
    pub(super) fn record(&self, address: IpAddr) -> Record {
        let found = self.reader.lookup(address);
        let stored = found.and_then(|found| found.decode::<Stored>());
        stored.ok().flatten().map(Record::from).unwrap_or_default()
    }
}

impl std::fmt::Debug for DataFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataFile")
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}
