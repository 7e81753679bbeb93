//! From an operation and the status that it was answered with to what is done next (ssf.md 5.3, 8).

/// What was asked of a transmitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Make a stream.
    Create,
    /// Read all streams.
    List,
    /// Read one.
    Read,
    /// Change one (PATCH).
    Update,
    /// Replace one (PUT).
    Replace,
    /// Remove one.
    Delete,
    /// Read the status.
    ReadStatus,
    /// Change the status.
    SetStatus,
    /// Ask for a verification event.
    Verify,
    /// Add a subject.
    AddSubject,
    /// Take a subject out.
    RemoveSubject,
    /// Poll.
    Poll,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 12] = [
        Self::Create,
        Self::List,
        Self::Read,
        Self::Update,
        Self::Replace,
        Self::Delete,
        Self::ReadStatus,
        Self::SetStatus,
        Self::Verify,
        Self::AddSubject,
        Self::RemoveSubject,
        Self::Poll,
    ];

    /// For people: "could not …".
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Create => "create the stream",
            Self::List => "list the streams",
            Self::Read => "read the stream",
            Self::Update | Self::Replace => "update the stream",
            Self::Delete => "delete the stream",
            Self::ReadStatus => "read the stream's status",
            Self::SetStatus => "set the stream's status",
            Self::Verify => "request a verification",
            Self::AddSubject => "add the subject",
            Self::RemoveSubject => "remove the subject",
            Self::Poll => "poll",
        }
    }
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reaction {
    /// It is done, and the body says what there is now.
    Done,
    /// It was taken, and what has become of it must be read (AMB-48).
    ReadAgain,
    /// The token is no good: get another, once.
    Authorise,
    /// We may not.
    Forbidden,
    /// What was named is not there.
    Gone,
    /// The transmitter does not know this method: use the other one.
    OtherMethod,
    /// There is a stream already: adopt it (STRM-19).
    Conflict,
    /// It will not be done, however often it is asked.
    Refused,
    /// Not now.
    Later,
}

/// What `status` means as an answer to `operation`.
pub const fn reaction(operation: Operation, status: u16) -> Reaction {
    use Operation as Op;
    match (operation, status) {
        (Op::Create | Op::Update | Op::Replace | Op::SetStatus, 202 | 204) => Reaction::ReadAgain,
        (_, 200..=299) => Reaction::Done,
        (_, 401) => Reaction::Authorise,
        (_, 403) => Reaction::Forbidden,
        // STRM-19: it is gone, which is what was wanted.
        (Op::Delete, 404 | 410) => Reaction::Done,
        (_, 404 | 410) => Reaction::Gone,
        (Op::Update | Op::SetStatus, 405 | 501) => Reaction::OtherMethod,
        (Op::Create, 409) => Reaction::Conflict,
        (_, 408 | 425 | 429 | 500 | 502..=599) => Reaction::Later,
        // A redirect is not followed (PUSH-03), and there is nothing below 200 here.
        _ => Reaction::Refused,
    }
}
