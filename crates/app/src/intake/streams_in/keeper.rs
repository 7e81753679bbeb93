//! One task a stream: it makes it at the transmitter if that has not been done, polls it, keeps it alive,
//! and deletes it there in the end. One task is also one poller (POLL-16).

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use watchfire_domain::stream_in::{ForgetStreamIn, StreamChange};
use watchfire_model::{
    id::StreamInId,
    object::{SecurityEventsProvider, Status, StreamDelivery, StreamIn},
};
use watchfire_ssf::stream::poll::{backoff, shortened};

use super::{poll::Pace, remote::Making, transmitter::CallError};
use crate::App;

/// How often it is looked for streams that nobody keeps, beside whenever something changes.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How long nothing is done for a stream that needs nothing.
const REST: Duration = Duration::from_secs(3_600);

/// What is to be done for a stream now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is not at its transmitter yet.
    Making,
    /// It is polled.
    Polling,
    /// It is pushed.
    Resting,
    /// Its provider is not heard: what would be taken now would be refused for good.
    Muted,
    /// It is gone here, and shall be there.
    Deleting,
}

impl Phase {
    fn of(stream: &StreamIn, provider: Option<&Arc<SecurityEventsProvider>>) -> Self {
        let is_active = provider.is_some_and(|provider| provider.status == Status::Active);
        match &stream.delivery {
            _ if stream.deleted_at.is_some() => Self::Deleting,
            _ if !is_active => Self::Muted,
            _ if stream.remote_id.is_none() => Self::Making,
            StreamDelivery::Poll { .. } => Self::Polling,
            StreamDelivery::Push { .. } => Self::Resting,
        }
    }
}

impl App {
    /// Keeps every stream, those that are made later too, until `stop`.
    pub(crate) async fn keep_streams_in(self, stop: CancellationToken) {
        let mut changes = self.state.changes();
        let mut kept: HashMap<StreamInId, JoinHandle<()>> = HashMap::new();
        loop {
            kept.retain(|_, keeper| !keeper.is_finished());
            let directory = self.state.directory();
            for stream in directory.streams_in() {
                let keep = || tokio::spawn(Keeper::new(self.clone(), stream.id.clone(), stop.clone()).run());
                kept.entry(stream.id.clone()).or_insert_with(keep);
            }
            drop(directory);
            let looked = async {
                tokio::select! {
                    _ = changes.changed() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            };
            if stop.run_until_cancelled(looked).await.is_none() {
                break;
            }
        }
        for (_, keeper) in kept {
            let _ = keeper.await;
        }
    }
}

struct Keeper {
    app: App,
    id: StreamInId,
    stop: CancellationToken,
    changes: watch::Receiver<()>,
    failures: u32,
    pace: Pace,
}

impl Keeper {
    fn new(app: App, id: StreamInId, stop: CancellationToken) -> Self {
        Self {
            changes: app.state.changes(),
            app,
            id,
            stop,
            failures: 0,
            pace: Pace::default(),
        }
    }

    async fn run(mut self) {
        let mut last = None;
        while let Some((stream, phase)) = self.look() {
            if last != Some(phase) {
                last = Some(phase);
                self.failures = 0;
                self.pace = Pace::default();
            }
            // It ends when this is no longer the phase.
            let ended = self.stop.child_token();
            let watch = watch_phase(self.app.clone(), self.changes.clone(), self.id.clone(), phase, ended.clone());
            let watch = tokio::spawn(watch);
            let last_words = self.app.settings.streams.last_words;
            let overtime = {
                let stop = self.stop.clone();
                async move {
                    stop.cancelled().await;
                    tokio::time::sleep(last_words).await;
                }
            };
            let wait = tokio::select! {
                wait = self.act(&stream, phase, &ended) => wait,
                () = overtime => Duration::ZERO,
            };
            let _ = ended.run_until_cancelled(tokio::time::sleep(wait)).await;
            watch.abort();
            if self.stop.is_cancelled() {
                if phase == Phase::Polling
                    && let Some((stream, _)) = self.look()
                {
                    let _ = tokio::time::timeout(last_words, self.app.flush_acknowledgements(&stream)).await;
                }
                return;
            }
        }
    }

    fn look(&self) -> Option<(Arc<StreamIn>, Phase)> {
        look(&self.app, &self.id)
    }

    async fn act(&mut self, stream: &Arc<StreamIn>, phase: Phase, ended: &CancellationToken) -> Duration {
        match phase {
            Phase::Making => self.make(stream).await,
            Phase::Polling => {
                self.refresh_metadata(stream).await;
                self.app.poll_once(stream, &mut self.pace, ended).await
            }
            Phase::Resting => {
                self.refresh_metadata(stream).await;
                self.keep_alive(stream).await
            }
            Phase::Deleting => self.delete(stream).await,
            Phase::Muted => REST,
        }
    }

    /// STRM-20: whoever noted it may have ended before the transmitter had answered.
    async fn make(&mut self, noted: &Arc<StreamIn>) -> Duration {
        let turn = self.app.streams.turn(&noted.key);
        let _making = turn.lock().await;
        // Somebody may have been at it.
        match self.look() {
            Some((stream, Phase::Making)) if self.failures > 0 || stream.last_error.is_none() => {
                match self.app.make_remote(&stream, Making::Again).await {
                    Ok(made) => {
                        self.app.verify_quietly(made).await;
                        Duration::ZERO
                    }
                    Err(failure) => {
                        self.app.note_failure(&stream, &failure).await;
                        self.pause(Some(&failure))
                    }
                }
            }
            // Its first attempt has just failed.
            Some((_, Phase::Making)) => self.pause(None),
            _ => Duration::ZERO,
        }
    }

    /// STRM-62
    async fn keep_alive(&mut self, stream: &Arc<StreamIn>) -> Duration {
        let Some(timeout) = stream.inactivity_timeout else {
            return REST.min(self.app.settings.streams.metadata_age);
        };
        match self.app.read_status(stream).await {
            Ok(_) => {
                self.failures = 0;
                Duration::from_secs(timeout) / 3
            }
            Err(failure) => {
                self.app.note_failure(stream, &failure).await;
                self.pause(Some(&failure)).min(Duration::from_secs(timeout) / 3)
            }
        }
    }

    /// META-11: endpoints may have moved. That an issuer has changed is its provider's affair.
    async fn refresh_metadata(&self, stream: &Arc<StreamIn>) {
        let app = &self.app;
        let now = app.clock.now();
        if now < stream.metadata_at.plus(app.settings.streams.metadata_age) {
            return;
        }
        let directory = app.state.directory();
        let provider = directory.security_events_provider(stream.provider_id.as_str());
        let Some(url) = provider.and_then(|provider| provider.well_known_url.clone()) else {
            return;
        };
        let document = match app.transmitter_metadata(&url).await {
            Ok((metadata, document)) if metadata.issuer == stream.issuer && metadata.has_stream_api() => document,
            // Tried again tomorrow; what is known is used until then.
            Ok(_) | Err(_) => stream.metadata.clone(),
        };
        if let Err(error) = app.note(&stream.id, StreamChange::Metadata { document, at: now }).await {
            tracing::debug!(stream = %stream.id, %error, "metadata that was read again could not be written down");
        }
    }

    async fn delete(&mut self, stream: &Arc<StreamIn>) -> Duration {
        let turn = self.app.streams.turn(&stream.key);
        let _deleting = turn.lock().await;
        // POLL-14
        self.app.flush_acknowledgements(stream).await;
        let limits = &self.app.settings.streams;
        let given_up = stream
            .deleted_at
            .is_some_and(|at| at.plus(limits.delete_for) <= self.app.clock.now());
        match self.app.delete_remote(stream).await {
            Err(failure) if !given_up => {
                tracing::warn!(stream = %stream.id, issuer = %stream.issuer, %failure, "a stream could not be deleted at its transmitter");
                return self.pause(Some(&failure));
            }
            Err(failure) => {
                tracing::warn!(stream = %stream.id, issuer = %stream.issuer, %failure, "a stream is left at its transmitter");
            }
            Ok(()) => {}
        }
        let forget = ForgetStreamIn {
            id: self.id.clone(),
            with_provider: false,
        };
        match self.app.commands.run(forget).await {
            Ok(()) => {
                self.app.streams.forget(&stream.key);
                Duration::ZERO
            }
            Err(error) => self.pause(Some(&error.into())),
        }
    }

    fn pause(&mut self, failure: Option<&CallError>) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let limits = &self.app.settings.streams;
        let wait = backoff(self.failures, self.app.jitter(), limits.backoff, limits.backoff_cap);
        let asked = failure.and_then(CallError::retry_after);
        shortened(asked.map_or(wait, |asked| asked.clamp(limits.backoff, limits.backoff_cap)), 0)
    }
}

fn look(app: &App, id: &StreamInId) -> Option<(Arc<StreamIn>, Phase)> {
    let directory = app.state.directory();
    let stream = directory.stream_in(id.as_str())?.clone();
    let provider = directory.security_events_provider(stream.provider_id.as_str());
    let phase = Phase::of(&stream, provider);
    Some((stream, phase))
}

/// Cancels `ended` as soon as something else is to be done for the stream.
async fn watch_phase(app: App, mut changes: watch::Receiver<()>, id: StreamInId, phase: Phase, ended: CancellationToken) {
    loop {
        if look(&app, &id).map(|(_, phase)| phase) != Some(phase) {
            return ended.cancel();
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}
