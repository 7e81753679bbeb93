//! Streams of the System Log to where others keep logs: what administrators say of them. How far they come
//! is [`progress`].

pub mod progress;

use watchfire_model::{
    id::LogStreamId,
    log::{Actor, EventType, LogEvent, LogQuery, LogQueryParams, RequestOrigin, Target},
    object::{Kind, LogStream, LogStreamFormat, LogStreamProgress, LogStreamTarget, Status, fold},
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

pub use self::progress::{ClaimLogStream, Report, ReportLogStream};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// The type's name in error texts.
pub const KIND: &str = "LogStream";
/// Characters of a name at the most.
pub const MAX_NAME_CHARS: usize = 100;
/// Streams of one organisation at the most: each reads the whole log.
pub const MAX_LOG_STREAMS: usize = 20;

const TAKEN: &str = "An object with this field already exists in the current organization";

/// What an administrator says of a stream. Its target has been checked.
#[derive(Clone, Debug)]
pub struct LogStreamDraft {
    /// Its name.
    pub name: String,
    /// What events look like there.
    pub format: LogStreamFormat,
    /// Which events.
    pub filter: Option<String>,
    /// Where they go.
    pub target: LogStreamTarget,
    /// The sealed secret; at a change `None` keeps what there is, if the target is still of the same type.
    pub sealed_secret: Option<String>,
}

/// Makes a stream.
#[derive(Clone, Debug)]
pub struct CreateLogStream {
    /// See [`LogStream::key`].
    pub key: String,
    /// What it is to be.
    pub draft: LogStreamDraft,
    /// Where it begins.
    pub start: LogStreamStart,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

/// Where a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStreamStart {
    /// With its own making.
    Now,
    /// With the oldest event that is kept.
    Oldest,
    /// With events of this time.
    At(Timestamp),
}

impl Command for CreateLogStream {
    type Outcome = LogStream;

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<LogStream>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<LogStream> {
        self.try_decide(slice, context).into()
    }
}

impl CreateLogStream {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, LogStream), Rejection> {
        if slice.all::<LogStream>().len() >= MAX_LOG_STREAMS {
            let cause = format!("Maximum number of log streams ({MAX_LOG_STREAMS}) reached");
            return Err(Rejection::invalid("logStream", &cause));
        }
        check(&self.draft, None, slice, context.now)?;
        let draft = self.draft.clone();
        let stream = LogStream {
            id: LogStreamId::generate(context.ids),
            name: draft.name,
            key: self.key.clone(),
            format: draft.format,
            filter: draft.filter,
            target: draft.target,
            sealed_secret: draft.sealed_secret,
            since: match self.start {
                LogStreamStart::Now => Some(context.now),
                LogStreamStart::Oldest => None,
                LogStreamStart::At(time) => Some(time),
            },
            status: Status::Active,
            created: context.now,
            last_updated: context.now,
        };
        let mut decision = Decision::new();
        decision.put(stream.clone());
        let event = log_event(EventType::LogStreamCreate, self.actor.clone(), &stream);
        context.log(&mut decision, event.from_request(&self.origin));
        Ok((decision, stream))
    }
}

/// What is changed of a stream.
#[derive(Clone, Debug)]
pub enum LogStreamChange {
    /// What an administrator says of it.
    Replace(Box<LogStreamDraft>),
    /// Switches it on or off. It goes on where it stopped.
    Status(Status),
}

/// Changes a stream.
#[derive(Clone, Debug)]
pub struct ChangeLogStream {
    /// Which.
    pub id: LogStreamId,
    /// What is changed.
    pub change: LogStreamChange,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ChangeLogStream {
    type Outcome = LogStream;

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<LogStream>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<LogStream> {
        self.try_decide(slice, context).into()
    }
}

impl ChangeLogStream {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, LogStream), Rejection> {
        let mut stream = find(slice, &self.id)?.clone();
        let event_type = match &self.change {
            LogStreamChange::Replace(draft) => {
                check(draft, Some(&self.id), slice, context.now)?;
                let draft = LogStreamDraft::clone(draft);
                let is_same_type = draft.target.kind() == stream.target.kind();
                stream.sealed_secret = draft.sealed_secret.or(stream.sealed_secret.filter(|_| is_same_type));
                stream.name = draft.name;
                stream.format = draft.format;
                stream.filter = draft.filter;
                stream.target = draft.target;
                EventType::LogStreamUpdate
            }
            LogStreamChange::Status(status) if stream.status == *status => return Ok((Decision::new(), stream)),
            LogStreamChange::Status(status) => {
                stream.status = *status;
                match status {
                    Status::Active => EventType::LogStreamActivate,
                    Status::Inactive => EventType::LogStreamDeactivate,
                }
            }
        };
        stream.last_updated = context.now;
        let mut decision = Decision::new();
        decision.put(stream.clone());
        let event = log_event(event_type, self.actor.clone(), &stream);
        context.log(&mut decision, event.from_request(&self.origin));
        Ok((decision, stream))
    }
}

/// Removes a stream, and how far it has come with it.
#[derive(Clone, Debug)]
pub struct DeleteLogStream {
    /// Which.
    pub id: LogStreamId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DeleteLogStream {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::object::<LogStream>(self.id.as_str()),
            Need::object::<LogStreamProgress>(self.id.as_str()),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let stream = match find(slice, &self.id) {
            Ok(stream) => stream,
            Err(unknown) => return Decided::rejected(unknown),
        };
        let mut decision = Decision::new();
        decision.delete(Kind::LogStream, self.id.as_str());
        if slice.get::<LogStreamProgress>(self.id.as_str()).is_some() {
            decision.delete(Kind::LogStreamProgress, self.id.as_str());
        }
        let event = log_event(EventType::LogStreamDelete, self.actor.clone(), stream);
        context.log(&mut decision, event.from_request(&self.origin));
        Decided::done(decision, ())
    }
}

fn find<'s>(slice: &'s Slice, id: &LogStreamId) -> Result<&'s LogStream, Rejection> {
    let found = slice.get::<LogStream>(id.as_str());
    found.ok_or_else(|| Rejection::not_found(id.as_str(), KIND))
}

fn check(draft: &LogStreamDraft, own: Option<&LogStreamId>, slice: &Slice, now: Timestamp) -> Result<(), Rejection> {
    let name = draft.name.as_str();
    if name.trim().is_empty() {
        return Err(Rejection::invalid("name", "The field cannot be left blank"));
    }
    if name.chars().count() > MAX_NAME_CHARS {
        return Err(Rejection::invalid("name", "The field is too long"));
    }
    let taken = |it: &&&LogStream| Some(&it.id) != own && fold(&it.name) == fold(name);
    if slice.all::<LogStream>().iter().any(|it| taken(&it)) {
        return Err(Rejection::invalid("name", TAKEN));
    }
    let params = LogQueryParams {
        filter: draft.filter.as_deref(),
        ..LogQueryParams::default()
    };
    match LogQuery::parse(&params, now) {
        Ok(_) => Ok(()),
        Err(error) => Err(Rejection::invalid("filter", &error.summary())),
    }
}

pub(crate) fn log_event(event_type: EventType, actor: Actor, stream: &LogStream) -> LogEvent {
    let target = Target::new(KIND, stream.id.as_str(), &stream.name)
        .detail("type", stream.target.kind())
        .detail("target", stream.target.place())
        .detail("format", stream.format.as_str())
        .detail("status", stream.status.as_str());
    LogEvent::new(event_type, actor).target(target)
}

#[cfg(test)]
mod tests;
