//! A store that is a map, and a sequencer that is a loop.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};
use watchfire_model::{
    entity::Entity,
    id::{IdSource, OrgId, SecurityEventsProviderId, SessionId, UserId},
    log::{EventType, LogEvent, RequestOrigin},
    object::{
        Cause, CauseKind, DialectName, EntityRisk, Kind, Object, Org, ProviderProfile, SecurityEventsProvider, Session,
        SignOnSession, Status, SubjectLink, TypedObject, User, UserStatus,
    },
    row::{DedupeKey, EventNote, Handling, Received, Row, SetNote},
    signal::RiskLevel,
    slice::{Need, Slice},
    time::Timestamp,
};
use watchfire_ssf::{
    Dialect, Expected,
    set::{ClockSkew, read_claims},
};

use super::super::{AcceptSet, SetKeys, SetOutcome};
use crate::{
    Rejection,
    command::{Command, Context, MAX_FOLLOW_UPS},
    entity_risk::GuardLimits,
    testing::NOW,
};

pub(super) const ORG_URL: &str = "https://org.example";
pub(super) const ACME: &str = "https://acme.example";
pub(super) const OTHER: &str = "https://other.example";
pub(super) const JO: &str = "00u000000000000000Jo";
pub(super) const SAM: &str = "00u00000000000000Sam";
/// A session of Jo's here.
pub(super) const SESSION: &str = "102000000000000000Jo";
pub(super) const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
pub(super) const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
pub(super) const OKTA: &str = "https://schemas.okta.com/secevent/okta/event-type/";

struct Ids(u32);

impl IdSource for Ids {
    fn next_id(&mut self, prefix: &str) -> String {
        self.0 += 1;
        format!("{prefix}{:0width$}", self.0, width = 20 - prefix.len())
    }

    fn next_uuid(&mut self) -> String {
        self.0 += 1;
        format!("00000000-0000-8000-8000-{:012}", self.0)
    }
}

/// The whole state, with what has been written about it.
pub(super) struct World {
    objects: BTreeMap<(Kind, String), Object>,
    seen: Vec<DedupeKey>,
    ids: Ids,
    pub(super) now: Timestamp,
    pub(super) log: Vec<LogEvent>,
    pub(super) notes: Vec<SetNote>,
}

impl World {
    /// Jo, Sam, a session of Jo's, and the two providers.
    pub(super) fn new() -> Self {
        let mut world = Self {
            objects: BTreeMap::new(),
            seen: Vec::new(),
            ids: Ids(0),
            now: NOW,
            log: Vec::new(),
            notes: Vec::new(),
        };
        world.put(Org {
            id: OrgId::new("00o00000000000000Org"),
            profile: BTreeMap::new(),
            has_behaviors: false,
            created: NOW,
            last_updated: NOW,
        });
        world.put(user(JO, "jo.lin@example.com"));
        world.put(user(SAM, "sam@example.com"));
        world.put(Session {
            id: SessionId::new(SESSION),
            user_id: UserId::new(JO),
            amr: vec!["pwd".to_owned()],
            limits: SignOnSession::default(),
            created: NOW,
            expires_at: NOW.plus(std::time::Duration::from_secs(7_200)),
            password_verified_at: NOW,
            factor_verified_at: None,
        });
        for issuer in [ACME, OTHER] {
            world.put(provider(issuer));
        }
        world
    }

    pub(super) fn put(&mut self, object: impl Into<Object>) {
        let object = object.into();
        self.objects.insert((object.kind(), object.keys().id), object);
    }

    pub(super) fn remove_sam(&mut self) {
        self.objects.remove(&(Kind::User, SAM.to_owned()));
    }

    pub(super) fn get<T: TypedObject>(&self, id: &str) -> Option<&T> {
        self.objects.get(&(T::KIND, id.to_owned())).and_then(T::from_object_ref)
    }

    pub(super) fn all<T: TypedObject>(&self) -> Vec<&T> {
        let of_kind = self.objects.values().filter(|object| object.kind() == T::KIND);
        of_kind.filter_map(T::from_object_ref).collect()
    }

    pub(super) fn provider(&mut self, issuer: &str, change: impl FnOnce(&mut SecurityEventsProvider)) {
        let mut provider = provider(issuer);
        change(&mut provider);
        self.put(provider);
    }

    /// Has `issuer` tell one event; says what became of it.
    pub(super) fn tell(&mut self, issuer: &str, uri: &str, members: Value) -> EventNote {
        let jti = format!("jti-{}", self.notes.len());
        let claims = claims(issuer, &jti, &[(uri, members)]);
        assert_eq!(self.receive(issuer, &claims), Ok(SetOutcome::Accepted));
        self.notes.last().map(|note| note.events[0].clone()).unwrap()
    }

    /// As [`Self::tell`], for one that takes effect.
    pub(super) fn take(&mut self, issuer: &str, uri: &str, members: Value) -> Vec<Entity> {
        let note = self.tell(issuer, uri, members);
        assert_eq!(note.handling, Handling::Handled, "{uri}");
        note.entities
    }

    /// Takes a token with these claims, whose signature is good.
    pub(super) fn receive(&mut self, issuer: &str, claims: &Value) -> Result<SetOutcome, Rejection> {
        let provider = self.get::<SecurityEventsProvider>(&id_of(issuer)).unwrap().clone();
        let expected = Expected {
            dialect: Dialect::named(provider.profile.profile),
            issuer,
            audiences: &[ORG_URL.to_owned()],
            now: self.now,
            skew: ClockSkew::default(),
        };
        let set = read_claims(claims.to_string().as_bytes(), &expected).map_err(Rejection::Set)?;
        let command = AcceptSet {
            provider: provider.id,
            keys: keys(issuer, &set.jti, &set.digest),
            set: Arc::new(set),
            body: "a.b.c".into(),
            stream: None,
            streams: Vec::new(),
            org_urls: Arc::from([ORG_URL.to_owned()]),
            guard: GuardLimits::default(),
            origin: RequestOrigin::default(),
        };
        self.run(&command)
    }

    fn run(&mut self, command: &AcceptSet) -> Result<SetOutcome, Rejection> {
        let mut asked = command.needs();
        let mut slice = self.load(&asked);
        for round in 0.. {
            let mut more = command.follow_up(&slice);
            more.retain(|need| !asked.contains(need));
            if more.is_empty() {
                break;
            }
            assert!(round < MAX_FOLLOW_UPS, "{more:?}");
            slice.merge(self.load(&more));
            asked.append(&mut more);
        }
        let mut context = Context {
            now: self.now,
            ids: &mut self.ids,
            hooks: &BTreeMap::new(),
        };
        let decided = command.decide(&slice, &mut context);
        for row in decided.decision.rows {
            self.write(row, &asked);
        }
        decided.outcome
    }

    fn load(&self, needs: &[Need]) -> Slice {
        let mut slice = Slice::default();
        for object in self.objects.values() {
            if needs.iter().any(|need| need.wants(object)) {
                slice.insert(object.clone());
            }
        }
        for key in &self.seen {
            if needs.contains(&Need::Dedupe(*key)) {
                slice.insert_seen(*key);
            }
        }
        slice
    }

    /// Nothing may be overwritten or removed that the decision has not seen.
    fn write(&mut self, row: Row, asked: &[Need]) {
        match row {
            Row::Put(object) => {
                let old = self.objects.get(&(object.kind(), object.keys().id));
                assert!(old.is_none_or(|old| asked.iter().any(|need| need.wants(old))), "{object:?}");
                self.put(object);
            }
            Row::Delete { kind, id } => {
                let gone = self.objects.remove(&(kind, id)).expect("there is something to remove");
                assert!(asked.iter().any(|need| need.wants(&gone)), "{gone:?}");
            }
            Row::Dedupe { key, .. } => {
                assert!(!self.seen.contains(&key));
                self.seen.push(key);
            }
            Row::Receipt(receipt) => {
                if let Received::SecurityEvents { note, .. } = receipt.content {
                    self.notes.push(*note);
                }
            }
            Row::Log(event) => self.log.push(*event),
        }
    }

    /// The causes of an entity: kind, millinats, hours of half-life.
    pub(super) fn causes(&self, entity: &Entity) -> Vec<(CauseKind, i32, Option<u64>)> {
        let hours = |cause: &Cause| cause.half_life.map(|life| life.as_secs() / 3_600);
        let causes = self.risk(entity).map(|risk| risk.causes.clone()).unwrap_or_default();
        causes
            .iter()
            .map(|cause| (cause.kind, cause.millinats, hours(cause)))
            .collect()
    }

    pub(super) fn level(&self, entity: &Entity) -> Option<RiskLevel> {
        self.risk(entity)?.last_level
    }

    pub(super) fn fact(&self, entity: &Entity, name: &str) -> Option<&str> {
        self.risk(entity)?.facts.get(name).map(|fact| fact.value.as_str())
    }

    pub(super) fn risk(&self, entity: &Entity) -> Option<&EntityRisk> {
        self.get::<EntityRisk>(&entity.to_string())
    }

    /// The edges: format, last member, entity.
    pub(super) fn links(&self, issuer: &str) -> Vec<(String, String, String)> {
        let own = self.all::<SubjectLink>().into_iter();
        own.filter(|link| link.provider.as_str() == id_of(issuer))
            .map(|link| {
                let last = link.identifier.members().last().unwrap_or_default().to_owned();
                (link.identifier.format().to_owned(), last, link.entity.to_string())
            })
            .collect()
    }

    /// How many events of a type there are.
    pub(super) fn count(&self, event_type: EventType) -> usize {
        self.log.iter().filter(|event| event.event_type == event_type).count()
    }
}

pub(super) fn jo() -> Entity {
    Entity::User(UserId::new(JO))
}

pub(super) fn sam() -> Entity {
    Entity::User(UserId::new(SAM))
}

pub(super) fn email(email: &str) -> Value {
    json!({"format": "email", "email": email})
}

pub(super) fn opaque(id: &str) -> Value {
    json!({"format": "opaque", "id": id})
}

/// An event about Jo, with what its type says beside that.
pub(super) fn about_jo(members: Value) -> Value {
    about(json!({"user": email("jo.lin@example.com")}), members)
}

/// An event about `subject`.
pub(super) fn about(subject: Value, members: Value) -> Value {
    let mut event = json!({"subject": subject, "event_timestamp": NOW.as_seconds()});
    event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    event
}

pub(super) fn claims(issuer: &str, jti: &str, events: &[(&str, Value)]) -> Value {
    let events: Map<String, Value> = events.iter().map(|(uri, event)| ((*uri).to_owned(), event.clone())).collect();
    json!({"iss": issuer, "jti": jti, "iat": NOW.as_seconds(), "aud": ORG_URL, "events": events})
}

fn id_of(issuer: &str) -> String {
    let name = issuer.trim_start_matches("https://").replace('.', "");
    format!("sse{name:0>17}")
}

fn provider(issuer: &str) -> SecurityEventsProvider {
    SecurityEventsProvider {
        id: SecurityEventsProviderId::new(id_of(issuer)),
        name: issuer.to_owned(),
        product: "acme".to_owned(),
        status: Status::Active,
        issuer: issuer.to_owned(),
        jwks_url: format!("{issuer}/jwks"),
        well_known_url: None,
        issuer_differs: false,
        critical_subject_members: Vec::new(),
        profile: ProviderProfile::open(DialectName::Okta),
        created: NOW,
        last_updated: NOW,
    }
}

fn user(id: &str, login: &str) -> User {
    User {
        id: UserId::new(id),
        login: login.to_owned(),
        profile: Map::new(),
        status: UserStatus::Active,
        password_hash: None,
        administrator: false,
        created: NOW,
        activated: None,
        status_changed: None,
        last_login: None,
        last_updated: NOW,
        password_changed: None,
    }
}

/// No hash is needed to tell the few tokens of a test apart.
fn keys(issuer: &str, jti: &str, digest: &[u8; 32]) -> SetKeys {
    let key = |space: u8, more: &[u8]| {
        let mut bytes = [space; 16];
        let text = format!("{issuer}{jti}");
        for (at, byte) in text.bytes().chain(more.iter().copied()).enumerate() {
            bytes[at % 16] = bytes[at % 16].wrapping_mul(31).wrapping_add(byte);
        }
        DedupeKey(bytes)
    };
    SetKeys {
        jti: key(1, &[]),
        content: key(2, digest),
        conflict: key(3, &[]),
    }
}
