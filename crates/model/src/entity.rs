//! Whom a signal is about: users, devices and sessions, and the identifiers under which others know
//! them (ssf.md 2, annex B).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, SessionId, UserId};

/// Something that has a risk level of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "UPPERCASE")]
pub enum Entity {
    /// A user of the directory.
    User(UserId),
    /// A device that somebody has spoken about.
    Device(DeviceId),
    /// A session of ours, or one that a provider has spoken about.
    Session(SessionId),
}

impl Entity {
    /// `USER`, `DEVICE` or `SESSION`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "USER",
            Self::Device(_) => "DEVICE",
            Self::Session(_) => "SESSION",
        }
    }

    /// The id without its kind.
    pub fn id(&self) -> &str {
        match self {
            Self::User(id) => id.as_str(),
            Self::Device(id) => id.as_str(),
            Self::Session(id) => id.as_str(),
        }
    }

    /// The user, when it is one.
    pub const fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(id) => Some(id),
            Self::Device(_) | Self::Session(_) => None,
        }
    }
}

/// `USER 00u…`: the key under which what is known of it is kept.
impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.id())
    }
}

/// What an identifier names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EntityKind {
    /// A person's account.
    User,
    /// A device.
    Device,
    /// A session.
    Session,
}

/// One way to name an entity, in the one form under which it is compared (ssf.md 2.1): two subject
/// identifiers that are the same by the rules of their format have the same text.
///
/// The text is `KIND format value…`, members divided by U+001F, so that no two identifiers share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identifier(String);

impl Identifier {
    /// The identifier of an entity of this kind with these members, which the format's rules have
    /// brought into their canonical form.
    pub fn new(kind: EntityKind, format: &str, members: &[&str]) -> Self {
        let kind = match kind {
            EntityKind::User => "USER",
            EntityKind::Device => "DEVICE",
            EntityKind::Session => "SESSION",
        };
        Self(format!("{kind}\u{1f}{format}\u{1f}{}", members.join("\u{1f}")))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its format.
    pub fn format(&self) -> &str {
        self.0.split('\u{1f}').nth(1).unwrap_or_default()
    }

    /// Its members in the order of its format.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.0.split('\u{1f}').skip(2)
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.replace('\u{1f}', " "))
    }
}
