//! Stores that are worked on without a server: which, and as what.

use std::path::PathBuf;

use anyhow::Result;
use async_trait::async_trait;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use secrecy::{ExposeSecret as _, SecretString};
use watchfire_model::time::Timestamp;
use watchfire_store::{
    archive::{ArchiveError, Footer, Header, Piece, Sink, Source, Target},
    postgres,
    settings::Settings,
    sqlite,
};

use crate::{
    command::Misuse,
    config::{Config, flags::Flags},
};

/// The installation, by the settings of its server.
#[derive(Args, Clone, Debug)]
pub(crate) struct Installation {
    /// The server's configuration file
    #[arg(long, value_name = "FILE", env = "WATCHFIRE_CONFIG")]
    config: Option<PathBuf>,
    /// The server's data directory [env: WATCHFIRE_DATA_DIR] [default: ./data]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// The server's database; one with a password belongs into the environment [env: WATCHFIRE_DATABASE]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// The server's key file [env: WATCHFIRE_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
}

impl Installation {
    /// Its settings.
    ///
    /// # Errors
    /// When they are wrong.
    pub(crate) fn config(&self) -> Result<Config> {
        let given = [
            ("data-dir", &self.data_dir),
            ("database", &self.database),
            ("key-file", &self.key_file),
        ];
        let given = given
            .into_iter()
            .filter_map(|(name, value)| Some((name, vec![value.clone()?])));
        Ok(Config::load(&Flags {
            file: self.config.clone(),
            values: given.collect(),
        })?)
    }
}

/// Where a store is.
#[derive(Clone, Debug)]
pub(crate) enum StorePlace {
    /// In a data directory.
    Sqlite(PathBuf),
    /// In a database.
    Postgres(SecretString),
}

impl StorePlace {
    /// Where the settings say.
    pub(crate) fn of(config: &Config) -> Self {
        match &config.postgres {
            Some(url) => Self::Postgres(url.clone()),
            None => Self::Sqlite(config.data_dir.clone()),
        }
    }

    /// Reads `sqlite:FOLDER` or `postgres://…`.
    ///
    /// # Errors
    /// When it is neither.
    pub(crate) fn parse(text: &str) -> Result<Self, Misuse> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(SecretString::from(text)));
        }
        let folder = text
            .strip_prefix("sqlite:")
            .map(|path| path.strip_prefix("//").unwrap_or(path));
        match folder {
            Some(folder) if !folder.is_empty() => Ok(Self::Sqlite(PathBuf::from(folder))),
            _ => Err(Misuse(
                "a store is sqlite: and its data directory, or a URL that begins with postgres://".to_owned(),
            )),
        }
    }

    /// Where it is, for people.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Sqlite(folder) => folder.display().to_string(),
            Self::Postgres(_) => "the database".to_owned(),
        }
    }

    /// The store as it is now; servers may run on it.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub(crate) async fn snapshot(&self, settings: &Settings, now: Timestamp) -> Result<Box<dyn Source>, ArchiveError> {
        Ok(match self {
            Self::Sqlite(folder) => Box::new(sqlite::archive::snapshot(folder, settings, now).await?),
            Self::Postgres(url) => Box::new(postgres::archive::snapshot(url.expose_secret()).await?),
        })
    }

    /// The store, on which no server runs.
    ///
    /// # Errors
    /// As [`StorePlace::snapshot`], and when one does.
    pub(crate) async fn stopped(&self, settings: &Settings, now: Timestamp) -> Result<Box<dyn Source>, ArchiveError> {
        Ok(match self {
            Self::Sqlite(folder) => Box::new(sqlite::archive::stopped(folder, settings, now).await?),
            Self::Postgres(url) => Box::new(postgres::archive::stopped(url.expose_secret()).await?),
        })
    }

    /// A store that is to be made there, or that was begun, unless `anew`.
    ///
    /// # Errors
    /// When there is one already, or it cannot be made.
    pub(crate) async fn incoming(&self, settings: &Settings, anew: bool) -> Result<Box<dyn Target>, ArchiveError> {
        Ok(match self {
            Self::Sqlite(folder) => Box::new(sqlite::archive::incoming(folder, settings, anew).await?),
            Self::Postgres(url) => Box::new(postgres::archive::incoming(url.expose_secret(), settings, anew).await?),
        })
    }
}

/// Passes pieces on and shows how far they are.
pub(crate) struct Watched<'a> {
    sink: &'a mut dyn Sink,
    bar: ProgressBar,
    /// The first piece, once it has passed.
    pub(crate) header: Option<Header>,
    /// The last piece, once it has passed.
    pub(crate) footer: Option<Footer>,
}

impl<'a> Watched<'a> {
    /// Shows what passes on its way to `sink`, on a terminal.
    ///
    /// # Errors
    /// Never: the form of the bar is right.
    pub(crate) fn new(sink: &'a mut dyn Sink) -> Result<Self> {
        let style = ProgressStyle::with_template("{bar:32} {human_pos} of {human_len} rows, {per_sec}, {eta} to go")?;
        Ok(Self {
            sink,
            bar: ProgressBar::new(0).with_style(style),
            header: None,
            footer: None,
        })
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[async_trait]
impl Sink for Watched<'_> {
    async fn take(&mut self, piece: Piece) -> Result<(), ArchiveError> {
        let rows = match &piece {
            Piece::Header(header) => {
                self.bar.set_length(header.rows);
                self.header = Some(header.clone());
                0
            }
            Piece::Batch(batch) => u64::from(batch.rows()),
            Piece::Footer(footer) => {
                self.footer = Some(footer.clone());
                0
            }
        };
        self.sink.take(piece).await?;
        self.bar.inc(rows);
        Ok(())
    }
}
