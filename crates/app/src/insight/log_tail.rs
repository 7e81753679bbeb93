//! Following the System Log from the Admin Console: what comes is brought as it comes, for as long as the session
//! lasts.
//!
//! A tail asks the log again whenever something was written, but not more often than [`PAUSE`] allows. Each of
//! them costs a connection and queries, so there are only so many at one time, of one administrator and in all.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use watchfire_model::{id::UserId, log::LogQueryParams};
use watchfire_store::journal::Seq;

use super::log::LogEntry;
use crate::{
    App, Error, Result,
    identity::console::{ConsoleSession, Used},
};

/// Between two queries of one tail.
const PAUSE: Duration = Duration::from_millis(250);

/// How many tails there may be, and how often they show that they live.
#[derive(Clone, Copy, Debug)]
pub struct TailLimits {
    /// In all.
    pub all: usize,
    /// Of one administrator.
    pub each: usize,
    /// After so long without an event the other side hears something; the session is looked at too.
    pub heartbeat: Duration,
}

impl Default for TailLimits {
    fn default() -> Self {
        Self {
            all: 100,
            each: 3,
            heartbeat: Duration::from_secs(15),
        }
    }
}

/// Is cancelled when the listener that a request came by stops: what would go on for ever ends then.
#[derive(Clone, Debug, Default)]
pub struct ServerEnd(pub CancellationToken);

/// The tails that are open, by administrator.
#[derive(Debug, Default)]
pub(crate) struct OpenTails(Mutex<HashMap<UserId, usize>>);

/// A place among them; it is free again when this is dropped.
#[derive(Debug)]
struct Seat {
    open: Arc<OpenTails>,
    user: UserId,
}

impl OpenTails {
    fn take(self: &Arc<Self>, user: &UserId, limits: &TailLimits) -> Option<Seat> {
        let mut open = self.0.lock();
        let mine = open.get(user).copied().unwrap_or(0);
        if mine >= limits.each || open.values().sum::<usize>() >= limits.all {
            return None;
        }
        open.insert(user.clone(), mine.saturating_add(1));
        Some(Seat {
            open: Arc::clone(self),
            user: user.clone(),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.open.0.lock();
        match open.get_mut(&self.user) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.remove(&self.user);
            }
        }
    }
}

/// What is followed, and from where on.
#[derive(Clone, Debug, Default)]
pub struct TailQuery {
    /// Which events.
    pub filter: String,
    /// Words that must occur.
    pub q: String,
    /// Behind this place; from `since` on where it is empty.
    pub after: String,
    /// From then on, while there is no place.
    pub since: String,
}

/// Somebody follows the log.
#[derive(Debug)]
pub struct LogTail {
    app: App,
    cookie: String,
    query: TailQuery,
    end: ServerEnd,
    written: watch::Receiver<Seq>,
    asked: Option<Instant>,
    heard: Instant,
    _seat: Seat,
}

/// What a tail brings.
#[derive(Debug)]
pub enum TailNews {
    /// Events, the oldest first.
    Events(Vec<LogEntry>),
    /// Nothing; the tail goes on behind this place.
    Nothing {
        /// The place.
        after: String,
    },
    /// The session has ended.
    SignedOut,
}

impl App {
    /// Follows the log with the session behind `cookie`, until the session or `end` ends it.
    ///
    /// # Errors
    /// [`Error::RateLimited`] when there are too many tails; as [`App::log`] for the query.
    pub fn follow_log(&self, session: &ConsoleSession, cookie: String, query: TailQuery, end: ServerEnd) -> Result<LogTail> {
        session.principal.require(super::log::READ)?;
        super::log::check(&query.params(), self.clock.now())?;
        let limits = &self.settings.console.tails;
        let seat = self.tails.take(&session.session.user_id, limits).ok_or(Error::RateLimited)?;
        Ok(LogTail {
            app: self.clone(),
            cookie,
            query,
            end,
            written: self.commands.written(),
            asked: None,
            heard: Instant::now(),
            _seat: seat,
        })
    }
}

impl LogTail {
    /// What comes next; `None` when the server stops.
    ///
    /// # Errors
    /// As [`App::log`].
    pub async fn next(&mut self) -> Option<Result<TailNews>> {
        let end = self.end.0.clone();
        end.run_until_cancelled(self.news()).await
    }

    async fn news(&mut self) -> Result<TailNews> {
        loop {
            if let Some(asked) = self.asked {
                tokio::time::sleep_until(asked + PAUSE).await;
            }
            let Ok(session) = self.app.console_session(&self.cookie, Used::ByPage) else {
                return Ok(TailNews::SignedOut);
            };
            // What is written from here on wakes us, whether this query sees it or not.
            self.written.borrow_and_update();
            let answer = self.app.log(&session.principal, &self.query.params()).await?;
            self.asked = Some(Instant::now());
            if let Some(next) = answer.next {
                self.query.after = next;
            }
            if !answer.entries.is_empty() {
                self.heard = Instant::now();
                return Ok(TailNews::Events(answer.entries));
            }
            let beat = self.heard + self.app.settings.console.tails.heartbeat;
            let is_written = tokio::time::timeout_at(beat, self.written.changed()).await;
            if !matches!(is_written, Ok(Ok(()))) {
                self.heard = Instant::now();
                return Ok(match self.app.console_session(&self.cookie, Used::ByPage) {
                    Ok(_) => TailNews::Nothing {
                        after: self.query.after.clone(),
                    },
                    Err(_) => TailNews::SignedOut,
                });
            }
        }
    }
}

impl TailQuery {
    fn params(&self) -> LogQueryParams<'_> {
        LogQueryParams {
            since: Some(self.since.as_str()).filter(|_| self.after.is_empty()),
            after: Some(&self.after),
            filter: Some(&self.filter),
            q: Some(&self.q),
            limit: Some("40"),
            ..LogQueryParams::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_bounded_for_each_and_for_all_and_places_are_given_back() {
        let (open, limits) = (
            Arc::new(OpenTails::default()),
            TailLimits {
                all: 3,
                each: 2,
                ..TailLimits::default()
            },
        );
        let (jo, al, li) = (UserId::new("00u1"), UserId::new("00u2"), UserId::new("00u3"));
        let first = open.take(&jo, &limits);
        let second = open.take(&jo, &limits);
        assert!(first.is_some() && second.is_some());
        assert!(open.take(&jo, &limits).is_none(), "each has two");
        let third = open.take(&al, &limits);
        assert!(third.is_some());
        assert!(open.take(&li, &limits).is_none(), "all have three");
        drop(first);
        let again = open.take(&li, &limits);
        assert!(again.is_some());
        drop((second, third, again));
        assert!(open.0.lock().is_empty());
    }
}
