//! Streams of the System Log to where others keep logs (`docs/log-streaming.md`).
//!
//! Each event goes at least once, in the order of the log, under its `uuid`. How far a stream has come is an object of
//! its own, written after the target has taken the events: a process that ends goes on where that is. A stream reads
//! pages of the log behind its place and nothing else, so that a target that is slow, dead or half open costs the
//! log nothing.
//!
//! | module | holds |
//! |---|---|
//! | [`limits`] | named limits |
//! | [`status`] | how far streams have come, for people |
//! | [`keeper`] | one task a stream, under a lease |
//! | [`worker`] | pages of the log into a sink, and the place behind them |
//! | [`record`] | what an event looks like |
//! | [`sink`] | the targets: [`hec`], [`syslog`], [`nats`], [`file`] |

mod check;
mod file;
mod hec;
mod keeper;
pub mod limits;
mod nats;
mod record;
mod sink;
pub mod status;
mod syslog;
mod worker;

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use watchfire_domain::log_stream::{
    ChangeLogStream, CreateLogStream, DeleteLogStream, KIND, LogStreamChange, LogStreamDraft as Checked,
};
pub use watchfire_domain::log_stream::{LogStreamStart, MAX_LOG_STREAMS};
use watchfire_model::{
    id::LogStreamId,
    log::RequestOrigin,
    object::{LogStream, LogStreamFormat, LogStreamTarget, Status},
};
use zeroize::Zeroizing;

pub use self::{limits::LogStreamLimits, status::LogStreamStatus};
use crate::{App, Error, Result, access::Principal, entropy::base62};

/// The scope that reads them.
pub const READ: &str = "watchfire.read";
/// The scope that changes them.
pub const MANAGE: &str = "watchfire.manage";

/// What their secrets are sealed for; they are bound to the stream's key.
pub(crate) const SEALED_FOR: &str = "log_stream";
/// Characters of a stream's key.
const KEY_CHARS: usize = 32;

/// What an administrator says of a stream.
#[derive(Debug)]
pub struct LogStreamDraft {
    /// Its name.
    pub name: String,
    /// What events look like there.
    pub format: LogStreamFormat,
    /// Which events.
    pub filter: Option<String>,
    /// Where they go.
    pub target: LogStreamTarget,
    /// A token, a password or a private key, as the target has it; at a change `None` keeps what there is.
    pub secret: Option<SecretString>,
}

impl App {
    /// Every stream, oldest first.
    ///
    /// # Errors
    /// Without the scope.
    pub fn log_streams(&self, caller: &Principal) -> Result<Vec<Arc<LogStream>>> {
        caller.require(READ)?;
        let directory = self.state.directory();
        let mut streams: Vec<_> = directory.log_streams().map(Arc::clone).collect();
        streams.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        Ok(streams)
    }

    /// One stream.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub fn log_stream(&self, caller: &Principal, id: &str) -> Result<Arc<LogStream>> {
        caller.require(READ)?;
        let directory = self.state.directory();
        directory.log_stream(id).cloned().ok_or_else(|| Error::not_found(id, KIND))
    }

    /// Makes a stream. It begins at once.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a taken name, a target that may not be reached or cannot be used, a filter that is none.
    pub async fn create_log_stream(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        draft: LogStreamDraft,
        start: LogStreamStart,
    ) -> Result<LogStream> {
        caller.require(MANAGE)?;
        self.check_log_stream(&draft, None)?;
        let key = base62(&*self.entropy, KEY_CHARS);
        let command = CreateLogStream {
            draft: self.sealed_draft(draft, &key)?,
            key,
            start,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Replaces a stream; its secret stays, unless one is given or the target is of another type. It goes on where
    /// it is.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for making one.
    pub async fn replace_log_stream(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        draft: LogStreamDraft,
    ) -> Result<LogStream> {
        caller.require(MANAGE)?;
        let old = self.log_stream(caller, id)?;
        self.check_log_stream(&draft, Some(&old))?;
        let change = LogStreamChange::Replace(Box::new(self.sealed_draft(draft, &old.key)?));
        self.change_log_stream(caller, origin, &old.id, change).await
    }

    /// Switches a stream on or off. What happens meanwhile is sent when it is on again.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn set_log_stream_status(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        status: Status,
    ) -> Result<LogStream> {
        caller.require(MANAGE)?;
        let id = LogStreamId::new(id);
        self.change_log_stream(caller, origin, &id, LogStreamChange::Status(status))
            .await
    }

    /// Removes a stream.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_log_stream(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        let command = DeleteLogStream {
            id: LogStreamId::new(id),
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    async fn change_log_stream(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &LogStreamId,
        change: LogStreamChange,
    ) -> Result<LogStream> {
        let command = ChangeLogStream {
            id: id.clone(),
            change,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    fn sealed_draft(&self, draft: LogStreamDraft, key: &str) -> Result<Checked> {
        let seal = |secret: SecretString| self.vault.seal(SEALED_FOR, key, secret.expose_secret().as_bytes());
        Ok(Checked {
            name: draft.name,
            format: draft.format,
            filter: draft.filter,
            target: draft.target,
            sealed_secret: draft.secret.map(seal).transpose().map_err(Error::internal)?,
        })
    }

    /// The secret of a stream, if it has one.
    fn log_stream_secret(&self, stream: &LogStream) -> Result<Option<Zeroizing<String>>> {
        let Some(sealed) = &stream.sealed_secret else {
            return Ok(None);
        };
        let opened = self.vault.open(SEALED_FOR, &stream.key, sealed).map_err(Error::internal)?;
        let text = std::str::from_utf8(&opened).map_err(Error::internal)?;
        Ok(Some(Zeroizing::new(text.to_owned())))
    }
}
