//! The subject graph: which entity an identifier leads to, and who said so.
//!
//! The directory comes first: a login, an id. Then what providers have said, those first who decide about
//! the identifier, then the one who speaks now, then the others. What somebody says who does not decide
//! never leads an identifier away from where it leads already.

use std::collections::{BTreeMap, BTreeSet};

use watchfire_model::{
    entity::{Entity, Identifier},
    object::{EntityRisk, Kind, SecurityEventsProvider, Session, Sharing, SubjectLink, User},
    row::Decision,
    slice::Slice,
    time::Timestamp,
};

use super::{mention::Mention, permission};

/// The edges that were loaded, with the changes of this token.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    slice: &'a Slice,
    provider: &'a SecurityEventsProvider,
    org_urls: &'a [String],
    links: BTreeMap<String, SubjectLink>,
    changed: BTreeSet<String>,
    /// Devices and sessions that this token has made; the slice does not have them.
    made: BTreeSet<Entity>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(slice: &'a Slice, provider: &'a SecurityEventsProvider, org_urls: &'a [String]) -> Self {
        let loaded = slice.all::<SubjectLink>().into_iter();
        let links = loaded.map(|link| (SubjectLink::key(&link.provider, &link.identifier), link.clone()));
        Self {
            slice,
            provider,
            org_urls,
            links: links.collect(),
            changed: BTreeSet::new(),
            made: BTreeSet::new(),
        }
    }

    /// Whom `mention` leads to.
    pub(super) fn resolve(&self, mention: &Mention) -> Option<Entity> {
        mention
            .in_directory(self.slice, self.org_urls)
            .or_else(|| self.by_links(&mention.identifier))
    }

    /// Whom the edges from `identifier` lead to.
    fn by_links(&self, identifier: &Identifier) -> Option<Entity> {
        let mut edges: Vec<&SubjectLink> = self.edges(identifier).filter(|link| self.exists(&link.entity)).collect();
        edges.sort_by_key(|link| (!link.authoritative, link.provider != self.provider.id, link.since));
        edges.first().map(|link| link.entity.clone())
    }

    /// Every entity that edges from `identifier` name, whether they are there or not: what must be loaded.
    pub(super) fn named(&self, identifier: &Identifier) -> impl Iterator<Item = &Entity> {
        self.edges(identifier).map(|link| &link.entity)
    }

    fn edges(&self, identifier: &Identifier) -> impl Iterator<Item = &SubjectLink> {
        self.links.values().filter(move |link| link.identifier == *identifier)
    }

    /// Whether a device or a session is known by more than its name.
    pub(super) fn is_there(&self, entity: &Entity) -> bool {
        self.exists(entity)
    }

    fn exists(&self, entity: &Entity) -> bool {
        match entity {
            Entity::User(id) => self.slice.get::<User>(id.as_str()).is_some(),
            Entity::Device(_) => self.is_known(entity),
            Entity::Session(id) => self.is_known(entity) || self.slice.get::<Session>(id.as_str()).is_some(),
        }
    }

    fn is_known(&self, entity: &Entity) -> bool {
        self.made.contains(entity) || self.slice.get::<EntityRisk>(&entity.to_string()).is_some()
    }

    /// What `entity` has agreed to at the provider who speaks: the narrowest of what its edges say.
    pub(super) fn sharing(&self, entity: &Entity) -> Sharing {
        let states: Vec<Sharing> = self.own_to(entity).map(|link| link.sharing).collect();
        if states.contains(&Sharing::OptOut) {
            Sharing::OptOut
        } else if states.contains(&Sharing::OptOutInitiated) {
            Sharing::OptOutInitiated
        } else {
            Sharing::OptIn
        }
    }

    fn own_to<'g>(&'g self, entity: &'g Entity) -> impl Iterator<Item = &'g SubjectLink> {
        let links = self.links.values();
        links.filter(move |link| link.provider == self.provider.id && link.entity == *entity)
    }

    /// Notes that a device or a session has been made.
    pub(super) fn make(&mut self, entity: Entity) {
        self.made.insert(entity);
    }

    /// Draws the provider's edge from `mention` to `entity`, unless the identifier leads elsewhere and
    /// the provider does not decide about it. Says whether it is there now.
    pub(super) fn bind(&mut self, mention: &Mention, entity: &Entity, now: Timestamp) -> bool {
        let authoritative = permission::is_authoritative(self.provider, &mention.identifier);
        let in_directory = mention.in_directory(self.slice, self.org_urls);
        let leads = in_directory.clone().or_else(|| self.by_links(&mention.identifier));
        let may_move = authoritative && in_directory.is_none();
        if leads.is_some_and(|leads| leads != *entity) && !may_move {
            return false;
        }
        let sharing = self.sharing(entity);
        let key = SubjectLink::key(&self.provider.id, &mention.identifier);
        let link = self.links.entry(key.clone()).or_insert_with(|| SubjectLink {
            identifier: mention.identifier.clone(),
            entity: entity.clone(),
            provider: self.provider.id.clone(),
            authoritative,
            sharing,
            since: now,
            last_seen: now,
        });
        if link.entity != *entity {
            link.entity = entity.clone();
            link.since = now;
        }
        link.authoritative = authoritative;
        link.last_seen = now;
        self.changed.insert(key);
        true
    }

    /// Sets what `entity` has agreed to, on every edge of the provider's to it.
    pub(super) fn share(&mut self, entity: &Entity, sharing: Sharing) {
        let keys: Vec<String> = self
            .own_to(entity)
            .map(|link| SubjectLink::key(&link.provider, &link.identifier))
            .collect();
        for key in keys {
            if let Some(link) = self.links.get_mut(&key) {
                link.sharing = sharing;
            }
            self.changed.insert(key);
        }
    }

    /// Takes away every edge from `identifier` of those who do not decide about it, and the provider's own.
    pub(super) fn unbind(&mut self, identifier: &Identifier) -> Vec<SubjectLink> {
        let own = &self.provider.id;
        let goes = |link: &SubjectLink| link.identifier == *identifier && (link.provider == *own || !link.authoritative);
        let keys = self.keys_of(goes);
        self.remove(keys)
    }

    /// Takes away every edge of the provider's to `entity`.
    pub(super) fn forget(&mut self, entity: &Entity) -> Vec<SubjectLink> {
        let own = &self.provider.id;
        let keys = self.keys_of(|link| link.provider == *own && link.entity == *entity);
        self.remove(keys)
    }

    fn keys_of(&self, wanted: impl Fn(&SubjectLink) -> bool) -> Vec<String> {
        let wanted = self.links.iter().filter(|(_, link)| wanted(link));
        wanted.map(|(key, _)| key.clone()).collect()
    }

    fn remove(&mut self, keys: Vec<String>) -> Vec<SubjectLink> {
        keys.into_iter()
            .filter_map(|key| {
                let link = self.links.remove(&key)?;
                self.changed.insert(key);
                Some(link)
            })
            .collect()
    }

    /// Writes what has changed.
    pub(super) fn write(self, decision: &mut Decision) {
        for key in self.changed {
            match self.links.get(&key) {
                Some(link) => decision.put(link.clone()),
                None => decision.delete(Kind::SubjectLink, key),
            }
        }
    }
}
