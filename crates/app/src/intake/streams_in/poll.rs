//! What polls bring and tell (RFC 8936, ssf.md 4.2).
//!
//! A SET is taken, which makes it durable; then that it must be acknowledged is written down; then it is
//! told, with the next poll. Between any two of these the process may end: what was not told comes again
//! and is recognised by its `jti`.

use std::{sync::Arc, time::Duration};

use http::Method;
use tokio_util::sync::CancellationToken;
use watchfire_domain::stream_in::{PollResult, StreamChange};
use watchfire_model::object::{StreamDelivery, StreamIn, StreamStatus};
use watchfire_ssf::{
    ErrorCode, SetError,
    stream::{
        Operation, PollRequest, PollResponse, Reaction,
        poll::{backoff, shortened},
    },
};

use super::{
    push::Taken,
    transmitter::{Call, CallError},
};
use crate::App;

/// A transmitter that answers a poll that should wait within this time does not wait.
const DOES_NOT_WAIT: Duration = Duration::from_secs(1);

/// What a poller remembers between two polls.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Failures in a row.
    failures: u32,
    /// Nothing but acknowledgements is to be told next (POLL-14).
    flush: bool,
}

/// What a poll brought.
struct Batch {
    result: PollResult,
    /// SETs that had not come before.
    new: usize,
    /// SETs that must be told of.
    settled: usize,
    /// SETs that could not be taken now, and will come again.
    left: usize,
    more: bool,
}

impl App {
    /// Polls once, unless `stop` comes first. Says how long to wait before the next time.
    pub(super) async fn poll_once(&self, stream: &Arc<StreamIn>, pace: &mut Pace, stop: &CancellationToken) -> Duration {
        let flush = std::mem::take(&mut pace.flush) && !is_told(stream);
        let request = self.next_poll(stream, flush);
        let began = tokio::time::Instant::now();
        // What the transmitter answers after that is lost, and not acknowledged: it comes again.
        let Some(answer) = stop.run_until_cancelled(self.poll(stream, &request)).await else {
            return Duration::ZERO;
        };
        let response = match answer {
            Ok(response) => response,
            Err(failure) => return self.poll_failed(stream, &failure, pace).await,
        };
        let count = response.sets.len();
        let mut batch = self.take_batch(stream, response).await;
        batch.settled = batch.result.ack.len().saturating_add(batch.result.errors.len());
        batch.result.told = told(&request);
        self.commands.metrics().polled("ok", count);
        let is_quiet = batch.settled == 0 && batch.result.told.is_empty() && batch.result.error == stream.last_error;
        let noted = if is_quiet {
            Ok(())
        } else {
            let change = StreamChange::Polled(Box::new(std::mem::take(&mut batch.result)));
            self.note(&stream.id, change).await.map(drop)
        };
        if let Err(error) = noted {
            return self.poll_failed(stream, &error.into(), pace).await;
        }
        self.next_wait(stream, &batch, began.elapsed(), flush, pace)
    }

    /// Tells what has not been told, and takes nothing: before a stream goes, and before we do.
    pub(super) async fn flush_acknowledgements(&self, stream: &StreamIn) {
        if is_told(stream) {
            return;
        }
        let request = self.next_poll(stream, true);
        match self.poll(stream, &request).await {
            // What it brings all the same is not acknowledged, so it comes again.
            Ok(_) => {
                let result = PollResult {
                    told: told(&request),
                    ..PollResult::default()
                };
                if let Err(error) = self.note(&stream.id, StreamChange::Polled(Box::new(result))).await {
                    tracing::debug!(stream = %stream.id, %error, "what was told could not be written down");
                }
            }
            Err(failure) => tracing::debug!(stream = %stream.id, %failure, "acknowledgements are told after the next start"),
        }
    }

    fn next_poll(&self, stream: &StreamIn, flush: bool) -> PollRequest {
        let limits = &self.settings.streams;
        let waits = matches!(stream.delivery, StreamDelivery::Poll { long: true, .. });
        let unsent = &stream.unsent;
        PollRequest {
            max_events: if flush { 0 } else { limits.poll_events },
            return_immediately: flush || !waits || stream.status != StreamStatus::Enabled,
            ack: unsent.ack.iter().take(limits.poll_acks).cloned().collect(),
            errors: unsent.errors.iter().take(limits.poll_acks).cloned().collect(),
        }
    }

    async fn poll(&self, stream: &StreamIn, request: &PollRequest) -> Result<PollResponse, CallError> {
        let StreamDelivery::Poll {
            endpoint_url: Some(url), ..
        } = &stream.delivery
        else {
            return Err(CallError::NoEndpoint("poll endpoint"));
        };
        let limits = &self.settings.streams;
        let total = if request.return_immediately {
            limits.call
        } else {
            limits.long_poll
        };
        let call = Call::new(Operation::Poll, Method::POST, url.clone())
            .json(request.body())
            .within(total);
        let reply = self.call_transmitter(stream, call).await?;
        PollResponse::parse(&reply.body).map_err(|fault| CallError::Unusable {
            operation: Operation::Poll,
            fault: fault.to_string(),
        })
    }

    /// Takes the SETs one after the other: their order is the transmitter's (POLL-16).
    async fn take_batch(&self, stream: &Arc<StreamIn>, response: PollResponse) -> Batch {
        let mut batch = Batch {
            result: PollResult::default(),
            new: 0,
            settled: 0,
            left: 0,
            more: response.more_available,
        };
        for (key, set) in response.sets {
            let taken = match set {
                Some(set) => self.take_polled(stream, &key, set.as_bytes()).await,
                None => Taken::Refused(NOT_A_TOKEN),
            };
            match taken {
                Taken::New => {
                    batch.new = batch.new.saturating_add(1);
                    batch.result.ack.push(key);
                }
                Taken::Repeat => batch.result.ack.push(key),
                Taken::Refused(error) => {
                    let entry = (key, error.code.as_str().to_owned(), error.description.into_owned());
                    batch.result.errors.push(entry);
                }
                Taken::NotNow(error) => {
                    tracing::warn!(stream = %stream.id, error = %error, "a SET could not be taken now");
                    batch.left = batch.left.saturating_add(1);
                    batch.result.error = Some(format!("a SET could not be taken now: {error}"));
                }
            }
        }
        batch
    }

    fn next_wait(&self, stream: &StreamIn, batch: &Batch, took: Duration, flushed: bool, pace: &mut Pace) -> Duration {
        let limits = &self.settings.streams;
        if batch.left > 0 {
            pace.failures = pace.failures.saturating_add(1);
            return backoff(pace.failures, self.jitter(), limits.backoff, limits.backoff_cap);
        }
        pace.failures = 0;
        // POLL-13: again at once while there is more; a transmitter that says so and brings nothing new is
        // not believed.
        if batch.more && batch.new > 0 {
            return Duration::ZERO;
        }
        if batch.settled > 0 && !flushed {
            pace.flush = true;
            return Duration::ZERO;
        }
        let waits = matches!(stream.delivery, StreamDelivery::Poll { long: true, .. });
        if stream.status != StreamStatus::Enabled {
            return shortened(limits.idle, self.jitter());
        }
        if waits && (flushed || took >= DOES_NOT_WAIT.min(limits.poll_interval)) {
            return Duration::ZERO;
        }
        shortened(limits.poll_interval, self.jitter())
    }

    /// POLL-15
    async fn poll_failed(&self, stream: &StreamIn, failure: &CallError, pace: &mut Pace) -> Duration {
        self.commands.metrics().polled("failed", 0);
        pace.failures = pace.failures.saturating_add(1);
        self.note_failure(stream, failure).await;
        let is_gone = matches!(failure.reaction(), Some(Reaction::Gone)) || matches!(failure, CallError::NoEndpoint(_));
        if is_gone {
            // It may be somewhere else now, or not there at all.
            if let Err(worse) = self.refresh_remote(stream).await {
                self.note_failure(stream, &worse).await;
            }
        }
        let limits = &self.settings.streams;
        let wait = backoff(pace.failures, self.jitter(), limits.backoff, limits.backoff_cap);
        failure
            .retry_after()
            .map_or(wait, |asked| asked.clamp(limits.backoff, limits.backoff_cap))
    }

    pub(super) fn jitter(&self) -> u16 {
        let mut bytes = [0; 2];
        self.entropy.fill(&mut bytes);
        u16::from_le_bytes(bytes)
    }
}

const NOT_A_TOKEN: SetError = SetError::new(ErrorCode::InvalidRequest, "The value is not a security event token.");

fn is_told(stream: &StreamIn) -> bool {
    stream.unsent.ack.is_empty() && stream.unsent.errors.is_empty()
}

fn told(request: &PollRequest) -> Vec<String> {
    let errors = request.errors.iter().map(|(jti, ..)| jti);
    request.ack.iter().chain(errors).cloned().collect()
}
