//! Many decisions at once, for trials and benchmarks: the journal's own way, in large groups.

use std::sync::Arc;

use tokio::sync::mpsc;
use watchfire_model::row::Decision;

use crate::{
    StoreError,
    journal::Journal,
    settings::{JournalKind, Settings},
};

/// Decisions of one group: few syncs, and a transaction that memory still holds.
const GROUP: usize = 50_000;
/// Pages that stay in memory, so that an index is not read again for each group, and what waits to be copied back.
const PAGES: usize = 1_024 * 1_024 * 1_024;

/// Settings of an embedded store for [`write`]: straight into the index, where nobody waits for a single event, and
/// with much memory for a short time.
pub fn settings(settings: &Settings) -> Settings {
    Settings {
        journal: JournalKind::Inline,
        page_cache_bytes: PAGES,
        write_ahead_bytes: PAGES,
        ..settings.clone()
    }
}

/// Appends `decisions` to the journal and makes them durable group by group; they are made on a thread of their
/// own meanwhile. `told` hears how many are written, after each group. Gives how many there were.
///
/// # Errors
/// As [`Journal::append`] and [`Journal::sync`]; what came before stays.
pub async fn write<J, D>(journal: &mut J, decisions: D, mut told: impl FnMut(u64)) -> Result<u64, StoreError>
where
    J: Journal + ?Sized,
    D: Iterator<Item = Decision> + Send + 'static,
{
    let (sender, mut groups) = mpsc::channel::<Vec<Arc<Decision>>>(1);
    let making = tokio::task::spawn_blocking(move || {
        let mut decisions = decisions.map(Arc::new);
        loop {
            let group: Vec<Arc<Decision>> = decisions.by_ref().take(GROUP).collect();
            if group.is_empty() || sender.blocking_send(group).is_err() {
                return;
            }
        }
    });
    let mut written = 0_u64;
    while let Some(group) = groups.recv().await {
        let count = u64::try_from(group.len()).unwrap_or(0);
        for decision in group {
            journal.append(decision).await?;
        }
        journal.sync().await?;
        written = written.saturating_add(count);
        told(written);
    }
    // It has ended by itself, for the channel is closed; if it has panicked, its decisions are not all there.
    match making.await {
        Ok(()) => Ok(written),
        Err(error) => Err(StoreError::Database(sqlx::Error::Protocol(error.to_string()))),
    }
}
