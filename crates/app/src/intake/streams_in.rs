//! Streams that we receive from transmitters with a stream API (ssf.md 4, 5): made or adopted there,
//! verified, kept alive, polled or pushed, and deleted.
//!
//! | module | holds |
//! |---|---|
//! | [`creation`] | from an administrator's words to a stream at the transmitter |
//! | [`remote`] | making, adopting, changing and deleting it there |
//! | [`management`] | status, verification, subjects |
//! | [`authorization`] | how we show who we are |
//! | [`transmitter`] | single calls |
//! | [`poll`] | what polls bring and tell |
//! | [`keeper`] | one task a stream, from its making to its end |
//! | [`push`] | SETs that are pushed to a stream's own address |

pub mod authorization;
pub mod creation;
mod keeper;
pub mod limits;
mod management;
mod poll;
pub mod push;
mod remote;
mod transmitter;

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use serde_json::Value;
pub use watchfire_domain::stream_in::StreamEdit;
use watchfire_domain::stream_in::{ChangeStreamIn, DeleteStreamIn, StreamChange};
use watchfire_model::{
    id::StreamInId,
    log::RequestOrigin,
    object::{StreamDelivery, StreamIn},
};

use self::{authorization::Tokens, transmitter::CallError};
pub use self::{
    authorization::{NewAuthorization, TokenServer},
    creation::{NewDelivery, NewStreamIn, StreamSource},
    limits::StreamLimits,
};
use crate::{App, Error, Result, access::Principal};

/// The scope that reads them.
pub const READ: &str = "watchfire.read";
/// The scope that changes them.
pub const MANAGE: &str = "watchfire.manage";

/// What the use cases of streams keep in memory; nobody misses it after a crash.
#[derive(Debug, Default)]
pub(crate) struct StreamsIn {
    tokens: Tokens,
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl StreamsIn {
    /// Whoever makes or deletes the stream with this key at its transmitter does so alone.
    fn turn(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.turns.lock().entry(key.to_owned()).or_default())
    }

    fn forget(&self, key: &str) {
        self.tokens.forget(key);
        self.turns.lock().remove(key);
    }
}

/// What an administrator changes of a stream.
#[derive(Clone, Debug, Default)]
pub struct StreamInChange {
    /// What is kept as it comes.
    pub edit: StreamEdit,
    /// How we authenticate from now on.
    pub authorization: Option<NewAuthorization>,
}

impl App {
    /// Every stream, oldest first.
    ///
    /// # Errors
    /// Without the scope.
    pub fn streams_in(&self, caller: &Principal) -> Result<Vec<Arc<StreamIn>>> {
        caller.require(READ)?;
        let directory = self.state.directory();
        let living = directory.streams_in().filter(|stream| stream.deleted_at.is_none());
        let mut streams: Vec<_> = living.map(Arc::clone).collect();
        streams.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        Ok(streams)
    }

    /// One stream.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub fn stream_in(&self, caller: &Principal, id: &str) -> Result<Arc<StreamIn>> {
        caller.require(READ)?;
        self.known_stream(id)
    }

    /// The public keys of our assertions, for the transmitter to be given.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub fn stream_in_keys(&self, caller: &Principal, id: &str) -> Result<Value> {
        caller.require(READ)?;
        self.public_keys(&*self.known_stream(id)?)
    }

    /// Where the SETs of a stream are pushed to, if they are.
    pub fn push_url(&self, stream: &StreamIn) -> Option<String> {
        match stream.delivery {
            StreamDelivery::Push { .. } => Some(format!("{}{}", self.settings.org_url, stream.push_path())),
            StreamDelivery::Poll { .. } => None,
        }
    }

    /// Changes a stream, here and at its transmitter.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`]; when the transmitter says no, what is here has changed all
    /// the same.
    pub async fn change_stream_in(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        change: StreamInChange,
    ) -> Result<StreamIn> {
        caller.require(MANAGE)?;
        let old = self.known_stream(id)?;
        let mut edit = change.edit;
        if let Some(authorization) = change.authorization {
            edit.authorization = Some(self.seal_authorization(&old.key, authorization).await?);
            self.streams.tokens.forget(&old.key);
        }
        let command = ChangeStreamIn {
            id: old.id.clone(),
            change: StreamChange::Edit(Box::new(edit)),
            by: Some((caller.actor.clone(), origin)),
        };
        let new = self.commands.run(command).await?;
        let concerns_transmitter = (&old.events_requested, &old.description) != (&new.events_requested, &new.description);
        if concerns_transmitter && new.remote_id.is_some() {
            return Ok(self.update_remote(&new).await?);
        }
        Ok(new)
    }

    /// Deletes a stream here, and at its transmitter as soon as that answers.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_stream_in(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        let command = DeleteStreamIn {
            id: StreamInId::new(id),
            actor: caller.actor.clone(),
            origin,
        };
        // Its keeper does the rest.
        self.commands.run(command).await.map(drop)
    }

    fn known_stream(&self, id: &str) -> Result<Arc<StreamIn>> {
        let directory = self.state.directory();
        let known = directory.stream_in(id).filter(|stream| stream.deleted_at.is_none());
        known.cloned().ok_or_else(|| Error::not_found(id, "StreamIn"))
    }

    /// Writes down what a transmitter has told, or what went wrong.
    async fn note(&self, id: &StreamInId, change: StreamChange) -> Result<StreamIn> {
        let command = ChangeStreamIn {
            id: id.clone(),
            change,
            by: None,
        };
        self.commands.run(command).await
    }

    /// Shows people what went wrong with a stream; once for the same fault.
    async fn note_failure(&self, stream: &StreamIn, failure: &CallError) {
        let text = failure.to_string();
        tracing::warn!(stream = %stream.id, issuer = %stream.issuer, error = %text, "a stream's transmitter");
        if stream.last_error.as_deref() == Some(&text) {
            return;
        }
        if let Err(error) = self.note(&stream.id, StreamChange::Error(Some(text))).await {
            tracing::warn!(stream = %stream.id, error = %error, "an error of a stream could not be written down");
        }
    }
}
