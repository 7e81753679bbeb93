//! One task a stream that is switched on, wherever a lease says that it is ours.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use watchfire_domain::log_stream::ClaimLogStream;
use watchfire_model::{
    id::LogStreamId,
    object::{LogStream, Status},
};

use super::worker::Worker;
use crate::{App, sequencer::ErrorChain};

/// When something is tried again that the store did not take.
const STORE_RETRY: Duration = Duration::from_secs(1);

impl App {
    /// Keeps every stream of the log, those that are made later too, until `stop`.
    pub(crate) async fn keep_log_streams(self, epoch: u64, stop: CancellationToken) {
        let mut changes = self.state.changes();
        let mut kept: HashMap<LogStreamId, JoinHandle<()>> = HashMap::new();
        loop {
            kept.retain(|_, keeper| !keeper.is_finished());
            let directory = self.state.directory();
            for stream in directory.log_streams().filter(|stream| stream.status == Status::Active) {
                let keep = || tokio::spawn(keep(self.clone(), stream.id.clone(), epoch, stop.clone()));
                kept.entry(stream.id.clone()).or_insert_with(keep);
            }
            drop(directory);
            // Now and then although nothing has changed: a keeper may just have ended while its stream came back.
            let looked = async {
                tokio::select! {
                    _ = changes.changed() => {}
                    () = tokio::time::sleep(self.settings.log_streams.look) => {}
                }
            };
            if stop.run_until_cancelled(looked).await.is_none() {
                break;
            }
        }
        let drained = async {
            for (_, keeper) in kept {
                let _ = keeper.await;
            }
        };
        if tokio::time::timeout(self.settings.log_streams.drain, drained).await.is_err() {
            tracing::info!("a stream of the log was left in the middle; it sends again what it had not written down");
        }
    }

    /// A stream that is to be worked on.
    pub(super) fn active_log_stream(&self, id: &LogStreamId) -> Option<Arc<LogStream>> {
        let directory = self.state.directory();
        let found = directory.log_stream(id.as_str());
        found.filter(|stream| stream.status == Status::Active).cloned()
    }
}

async fn keep(app: App, id: LogStreamId, epoch: u64, stop: CancellationToken) {
    let limits = app.settings.log_streams.clone();
    while let Some(stream) = app.active_log_stream(&id).filter(|_| !stop.is_cancelled()) {
        let command = ClaimLogStream {
            id: id.clone(),
            epoch,
            hold: limits.lease,
            sole: app.settings.delivery.sole,
        };
        let wait = match app.commands.run(command).await {
            Ok(Some(progress)) => {
                Worker::new(app.clone(), stream, epoch, progress, stop.clone()).run().await;
                continue;
            }
            Ok(None) => limits.lease / 3,
            Err(error) => {
                tracing::debug!(stream = %id, error = %ErrorChain(&error), "a stream of the log could not be claimed");
                STORE_RETRY
            }
        };
        let _ = stop.run_until_cancelled(tokio::time::sleep(wait)).await;
    }
    app.commands.metrics().forget_log_stream(id.as_str());
}
