//! What transmitters in the field do differently.

use std::collections::VecDeque;

/// Rough edges. The default has none.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Rough {
    /// Path of the issuer behind the base.
    pub issuer_path: String,
    /// The issuer itself, whatever the address (AMB-05).
    pub issuer: Option<String>,
    /// Metadata is only at the appended address (META-08).
    pub appended_metadata: bool,
    /// Members that the metadata does not have.
    pub without_endpoints: Vec<&'static str>,
    /// A second stream is a conflict (AMB-13).
    pub one_stream: bool,
    /// Creation is answered with this status instead of 201.
    pub create_status: Option<u16>,
    /// Creation is carried out, and then not answered.
    pub create_hangs: bool,
    /// Delivery methods are known by the names of the RISC drafts alone (AMB-06).
    pub risc_only: bool,
    /// Streams are only replaced (caep.dev).
    pub put_only: bool,
    /// Lists are one object (AMB-36).
    pub list_is_object: bool,
    /// Updates are taken and decided later (AMB-48).
    pub update_later: bool,
    /// `events_requested` and `description` are null in answers (AMB-35, AMB-45).
    pub nulls: bool,
    /// A verification is answered with this status.
    pub verify_status: Option<u16>,
    /// `state` is left out, or null, in verification events.
    pub stateless: Option<serde_json::Value>,
    /// An unsolicited verification is pushed before creation is answered (AMB-23).
    pub verify_on_create: bool,
    /// `inactivity_timeout` in seconds.
    pub inactivity_timeout: Option<u64>,
    /// Answers to the next polls, before those that are in order.
    pub polls: VecDeque<Scripted>,
    /// Answer to every poll behind those, until it is taken away.
    pub every_poll: Option<Scripted>,
    /// The next calls of the stream API are answered with these statuses.
    pub statuses: VecDeque<u16>,
    /// What is deleted is answered with this status.
    pub delete_status: Option<u16>,
    /// Where the org URL really is: SETs are pushed there.
    pub push_to: Option<String>,
    /// `iat` of the verifications that it sends; where nobody says, what a fake clock shows.
    pub issued_at: Option<i64>,
    /// Tokens that are given out live this long.
    pub token_life: Option<u64>,
}

/// An answer to a poll.
#[derive(Clone, Debug)]
pub enum Scripted {
    /// This status, with this `Retry-After`.
    Status(u16, Option<&'static str>),
    /// This body, whatever waits.
    Body(String),
    /// Nothing, for ever.
    Hang,
}
