//! The identifiers that an event names, and what must be loaded to know whom they lead to.

use serde_json::json;
use watchfire_model::{
    entity::{Entity, EntityKind, Identifier},
    id::{DeviceId, SessionId, UserId},
    object::{EntityRisk, Session, SubjectLink, User, fold},
    slice::{Need, Slice},
};
use watchfire_ssf::{Payload, SecurityEvent, SimpleSubject, Subject};

/// An identifier, and what it is said to name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) kind: EntityKind,
    pub(super) identifier: Identifier,
    pub(super) rank: Rank,
}

/// How much a mention says about whom an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// It is the event's subject.
    Subject,
    /// It stands in the event beside a `sub_id`, which has precedence (AMB-01).
    Beside,
    /// The subject, if it is a session or device instead of a user: nothing is made of it.
    Guess,
}

/// Identifiers of one event that are looked at; each costs a look into the store, and a body has room for
/// thousands.
const MAX_MENTIONS: usize = 16;

/// Everything that `event` names, in the order in which it is believed. Events of the stream itself and of
/// types that are not known name nobody.
pub(super) fn of(event: &SecurityEvent, issuer: &str) -> Vec<Mention> {
    let mut mentions = Vec::new();
    if event.kind().is_none_or(|kind| kind.is_of_stream()) {
        return mentions;
    }
    let mut add = |kind: EntityKind, subject: &SimpleSubject, rank: Rank| {
        for identifier in subject.identifiers(kind, issuer) {
            let is_new = !mentions.iter().any(|known: &Mention| known.identifier == identifier);
            if is_new && mentions.len() < MAX_MENTIONS {
                mentions.push(Mention { kind, identifier, rank });
            }
        }
    };
    for (kind, subject) in event.members() {
        add(kind, subject, Rank::Subject);
    }
    if let Some(beside) = beside(event) {
        let simple = match &event.subject {
            Some(Subject::Simple(_)) | None => EntityKind::User,
            Some(Subject::Complex(_)) => return mentions,
        };
        for (kind, subject) in beside.members(simple) {
            add(kind, subject, Rank::Beside);
        }
    }
    if let Some(id) = external_session(event) {
        add(
            EntityKind::Session,
            &SimpleSubject::Opaque { id: id.to_owned() },
            Rank::Subject,
        );
    }
    if let Some(Subject::Simple(simple)) = &event.subject {
        for kind in guesses(event) {
            add(*kind, simple, Rank::Guess);
        }
    }
    mentions
}

/// The identifier that takes the place of an event's simple one (ssf.md 3.3 `identifier-changed`).
pub(super) fn renamed(event: &SecurityEvent, value: &str, issuer: &str) -> Option<Mention> {
    let (_, old) = event.members().into_iter().find(|(kind, _)| *kind == EntityKind::User)?;
    let new = match old {
        SimpleSubject::Email { .. } => json!({"format": "email", "email": value}),
        SimpleSubject::PhoneNumber { .. } => json!({"format": "phone_number", "phone_number": value}),
        _ => return None,
    };
    let (Subject::Simple(new), _) = Subject::read(&new).ok()? else {
        return None;
    };
    let identifier = new.identifiers(EntityKind::User, issuer).pop()?;
    Some(Mention {
        kind: EntityKind::User,
        identifier,
        rank: Rank::Subject,
    })
}

/// The event's own subject, when a `sub_id` that is another one stands for it. A complex `sub_id` says
/// everything that there is to say.
pub(super) fn beside(event: &SecurityEvent) -> Option<Subject> {
    let own = event.claims.get("subject").or_else(|| event.claims.get("subjects"))?;
    let (own, _) = Subject::read(own).ok()?;
    (event.subject.as_ref() != Some(&own)).then_some(own)
}

/// `ext_id` names the session where the subject does not (ssf.md 3.2).
fn external_session(event: &SecurityEvent) -> Option<&str> {
    let (Payload::SessionEstablished { ext_id, .. } | Payload::SessionPresented { ext_id, .. }) = &event.payload else {
        return None;
    };
    let has_session = event.members().iter().any(|(kind, _)| *kind == EntityKind::Session);
    ext_id.as_deref().filter(|_| !has_session)
}

/// What a simple subject may be beside what its type is usually about.
const fn guesses(event: &SecurityEvent) -> &'static [EntityKind] {
    match &event.payload {
        Payload::SessionRevoked { .. }
        | Payload::AssuranceLevelChange { .. }
        | Payload::SessionEstablished { .. }
        | Payload::SessionPresented { .. }
        | Payload::TokenClaimsChange { .. }
        | Payload::IpChange { .. } => &[EntityKind::Session],
        Payload::DeviceComplianceChange { .. } | Payload::DeviceRiskChange { .. } => &[EntityKind::User],
        _ => &[],
    }
}

impl Mention {
    /// What must be loaded to know whom it leads to.
    pub(super) fn needs(&self, org_urls: &[String], needs: &mut Vec<Need>) {
        needs.push(Need::children::<SubjectLink>(self.identifier.as_str()));
        match self.directory_key(org_urls) {
            Some(Key::UserId(id)) => needs.push(Need::object::<User>(id)),
            Some(Key::Login(login)) => needs.push(Need::natural::<User>(fold(&login))),
            Some(Key::Session(id)) => needs.push(Need::object::<Session>(id)),
            Some(Key::Device(entity)) => needs.push(Need::object::<EntityRisk>(entity.to_string())),
            None => {}
        }
    }

    /// Whom it leads to by what the directory itself knows.
    pub(super) fn in_directory(&self, slice: &Slice, org_urls: &[String]) -> Option<Entity> {
        match self.directory_key(org_urls)? {
            Key::UserId(id) => slice.get::<User>(&id).map(|user| Entity::User(user.id.clone())),
            Key::Login(login) => {
                let user = slice.by_natural::<User>(&fold(&login))?;
                Some(Entity::User(user.id.clone()))
            }
            Key::Session(id) => slice.get::<Session>(&id).map(|session| Entity::Session(session.id.clone())),
            Key::Device(entity) => slice.get::<EntityRisk>(&entity.to_string()).map(|_| entity),
        }
    }

    fn directory_key(&self, org_urls: &[String]) -> Option<Key> {
        let members: Vec<&str> = self.identifier.members().collect();
        match (self.kind, self.identifier.format(), members.as_slice()) {
            // The sign-in e-mail, not the one of the profile (okta.md 6.4).
            (EntityKind::User, "email", [email]) => Some(Key::Login((*email).to_owned())),
            (EntityKind::User, "account", [uri]) => uri.strip_prefix("acct:").map(|login| Key::Login(login.to_owned())),
            (EntityKind::User, "iss_sub", [iss, sub]) if is_ours(iss, org_urls) => Some(user_key(sub)),
            (EntityKind::User, "opaque", [_, id]) if has_prefix(id, UserId::PREFIX) => Some(Key::UserId((*id).to_owned())),
            (EntityKind::Session, "opaque", [_, id]) if has_prefix(id, SessionId::PREFIX) => Some(Key::Session((*id).to_owned())),
            (EntityKind::Device, "opaque", [_, id]) if has_prefix(id, DeviceId::PREFIX) => {
                Some(Key::Device(Entity::Device(DeviceId::new(*id))))
            }
            _ => None,
        }
    }
}

/// Under what the directory would know an identifier.
enum Key {
    UserId(String),
    Login(String),
    Session(String),
    Device(Entity),
}

/// `sub` of our own users is their id or their login.
fn user_key(sub: &str) -> Key {
    if has_prefix(sub, UserId::PREFIX) {
        Key::UserId(sub.to_owned())
    } else {
        Key::Login(sub.to_owned())
    }
}

/// Ids have twenty characters (okta.md 11.7); a login that happens to begin like one is no id.
fn has_prefix(id: &str, prefix: &str) -> bool {
    id.len() == 20 && id.starts_with(prefix)
}

fn is_ours(iss: &str, org_urls: &[String]) -> bool {
    let iss = iss.strip_suffix('/').unwrap_or(iss);
    org_urls.iter().any(|ours| ours == iss)
}
