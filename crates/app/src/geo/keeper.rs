//! Notices that files have changed, and exchanges them while requests go on.

use std::{collections::BTreeMap, sync::Arc};

use tokio_util::sync::CancellationToken;
use watchfire_model::time::Timestamp;

use super::{DataFile, Folder, Freshness, Geo, GeoError, InUse, Kind, Stamp};
use crate::{App, sequencer::ErrorChain};

/// What became of a changed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is in use.
    Loaded,
    /// It is no good; what was in use still is.
    Refused,
    /// It is gone, and with it what was known.
    Removed,
}

impl Change {
    /// As it is written in labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Refused => "refused",
            Self::Removed => "removed",
        }
    }
}

impl Geo {
    /// Looks at the folder and takes up what has changed. Reads files: not for an async thread.
    pub fn refresh(&self, now: Timestamp) -> Vec<(Kind, Change)> {
        let Some(path) = &self.settings.folder else {
            return Vec::new();
        };
        let folder = Folder::at(path.clone());
        let changed = |kind| Some((kind, self.refresh_one(&folder, kind, now)?));
        Kind::ALL.into_iter().filter_map(changed).collect()
    }

    fn refresh_one(&self, folder: &Folder, kind: Kind, now: Timestamp) -> Option<Change> {
        let in_use = self.files.load().get(&kind).map(|used| used.stamp);
        let stamp = match folder.stamp(kind) {
            Ok(Some(stamp)) => stamp,
            Ok(None) => {
                self.refused.lock().remove(&kind);
                in_use?;
                tracing::warn!(kind = kind.as_str(), "the geo data was removed");
                self.exchange(kind, None);
                return Some(Change::Removed);
            }
            // Perhaps it can be looked at again next time; until then what is in use still is.
            Err(_) => return None,
        };
        let known_as_bad = self.refused.lock().get(&kind).is_some_and(|(bad, _)| *bad == stamp);
        if in_use == Some(stamp) || known_as_bad {
            return None;
        }
        match self.open(folder, kind) {
            Ok(file) => Some(self.take_up(kind, file, stamp, now)),
            Err(error) => {
                let problem = ErrorChain(&error).to_string();
                let kept = in_use.is_some();
                tracing::warn!(kind = kind.as_str(), error = %problem, kept, "the geo data is not used");
                self.refused.lock().insert(kind, (stamp, problem));
                Some(Change::Refused)
            }
        }
    }

    fn open(&self, folder: &Folder, kind: Kind) -> Result<DataFile, GeoError> {
        let file = folder.open(kind, self.settings.max_bytes)?;
        let file = file.ok_or_else(|| GeoError::Unreadable(std::io::ErrorKind::NotFound.into()))?;
        file.is_about(kind)?;
        Ok(file)
    }

    fn take_up(&self, kind: Kind, file: DataFile, stamp: Stamp, now: Timestamp) -> Change {
        let summary = file.summary();
        let (database, built) = (&summary.database_type, summary.built);
        tracing::info!(kind = kind.as_str(), database, %built, "the geo data is in use");
        if self.settings.freshness(built, now) != Freshness::Fresh {
            tracing::warn!(kind = kind.as_str(), %built, "the geo data is stale: import a newer file");
        }
        let used = InUse {
            file: Arc::new(file),
            stamp,
            loaded: now,
        };
        self.exchange(kind, Some(used));
        self.refused.lock().remove(&kind);
        Change::Loaded
    }

    /// Only the keeper does this, one kind after the other.
    fn exchange(&self, kind: Kind, used: Option<InUse>) {
        let mut files = BTreeMap::clone(&self.files.load());
        match used {
            Some(used) => files.insert(kind, used),
            None => files.remove(&kind),
        };
        self.files.store(Arc::new(files));
    }
}

impl App {
    /// Looks at the folder of geo data now.
    pub async fn refresh_geo_data(&self) {
        let app = self.clone();
        let refreshed = tokio::task::spawn_blocking(move || {
            let _one_at_a_time = app.geo.refreshing.lock();
            app.geo.refresh(app.clock.now())
        });
        let Ok(changes) = refreshed.await else {
            tracing::error!("looking at the geo data has panicked; what was in use still is");
            return;
        };
        for (kind, change) in changes {
            self.commands.metrics().geo_changed(kind.as_str(), change.as_str());
        }
    }

    pub(crate) async fn keep_geo_data(self, stop: CancellationToken) {
        let mut look = tokio::time::interval(self.settings.geo.check_every);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            self.refresh_geo_data().await;
        }
    }
}
