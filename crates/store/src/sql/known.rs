//! What commands see: the index, with everything that was appended and is not in it laid over it. What they ask
//! for is answered out of memory where it is known (`object_cache.rs`).

use std::sync::Arc;

use watchfire_model::{
    object::{Kind, Object},
    row::{Decision, DedupeKey, Row},
    slice::{Need, Slice},
    time::Timestamp,
};

use super::{Connection, group::Group, objects};
use crate::{StoreError, object_cache::ObjectCache, settings::Settings};

/// The index and what lies over it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) cache: ObjectCache,
    cached_answers: usize,
    cached_bytes: usize,
    pub(crate) group: Group,
    /// Put back when the group is dropped.
    ordinal_before: i64,
    next_ordinal: i64,
}

/// The keys that the index remembers.
pub(crate) trait Keys: Sync {
    /// Until when `key` is remembered.
    fn expiry_of(
        &self,
        conn: &mut Connection,
        key: DedupeKey,
    ) -> impl Future<Output = Result<Option<Timestamp>, StoreError>> + Send;
}

/// Where the index is read: a connection that sees all that was committed, and the keys that are remembered.
pub(crate) struct Behind<'a, K> {
    pub(crate) conn: &'a mut Connection,
    pub(crate) keys: &'a K,
}

impl Known {
    /// Over an index whose highest ordinal is `last_ordinal`.
    pub(crate) fn new(last_ordinal: i64, settings: &Settings) -> Self {
        let next_ordinal = last_ordinal.saturating_add(1);
        Self {
            cache: ObjectCache::default(),
            cached_answers: settings.cached_answers,
            cached_bytes: settings.cached_bytes,
            group: Group::default(),
            ordinal_before: next_ordinal,
            next_ordinal,
        }
    }

    /// The ordinal of the first new object of the group.
    pub(crate) const fn ordinal_before(&self) -> i64 {
        self.ordinal_before
    }

    /// The ordinal of the first new object of the next group.
    pub(crate) const fn next_ordinal(&self) -> i64 {
        self.next_ordinal
    }

    /// Another node has written `decisions`, and it goes on counting ordinals from `next_ordinal`. There is no group
    /// under way.
    pub(crate) fn follow(&mut self, decisions: &[Decision], bytes: usize, next_ordinal: i64) {
        for row in decisions.iter().flat_map(|decision| &decision.rows) {
            match row {
                Row::Put(object) => self.cache.put(&Arc::new(object.clone()), &object.keys()),
                Row::Delete { kind, id } => self.cache.remove(*kind, id),
                Row::Dedupe { .. } | Row::Receipt(_) | Row::Log(_) => {}
            }
        }
        self.cache.weigh(bytes);
        self.next_ordinal = next_ordinal;
        self.ordinal_before = next_ordinal;
        self.bound_cache();
    }

    /// The slice that `needs` names.
    pub(crate) async fn load(&mut self, mut behind: Behind<'_, impl Keys>, needs: &[Need]) -> Result<Slice, StoreError> {
        let mut slice = Slice::default();
        for need in needs {
            if let Need::Dedupe(key) = need {
                if self.expiry_of(&mut behind, *key).await?.is_some() {
                    slice.insert_seen(*key);
                }
            } else if !self.cache.answer(need, &mut slice) {
                let found = self.find(&mut behind, need).await?;
                self.cache.learn(need, &found);
                found.into_iter().for_each(|object| slice.share(object));
            }
        }
        Ok(slice)
    }

    /// Takes a decision into the group, whole or not at all.
    pub(crate) async fn append(&mut self, mut behind: Behind<'_, impl Keys>, decision: Arc<Decision>) -> Result<(), StoreError> {
        if let Err(error) = self.take(&mut behind, &decision).await {
            self.keep(self.group.decisions().len());
            return Err(error);
        }
        self.group.push(decision);
        Ok(())
    }

    /// Goes back to the first `count` decisions of the group.
    pub(crate) fn keep(&mut self, count: usize) {
        let kept: Vec<Arc<Decision>> = self.group.decisions().iter().take(count).map(Arc::clone).collect();
        self.cache.clear();
        self.group = Group::default();
        self.next_ordinal = self.ordinal_before;
        self.take_as_decided(&kept);
    }

    /// Nothing of the group happened.
    pub(crate) fn drop_group(&mut self) {
        if !self.group.is_empty() {
            self.cache.clear();
        }
        self.group = Group::default();
        self.next_ordinal = self.ordinal_before;
    }

    /// The index has the group.
    pub(crate) fn settle_group(&mut self) {
        self.group = Group::default();
        self.ordinal_before = self.next_ordinal;
        self.bound_cache();
    }

    /// Forgets what is in memory when there is too much of it.
    pub(crate) fn bound_cache(&mut self) {
        if self.cache.len() > self.cached_answers || self.cache.bytes() > self.cached_bytes {
            self.cache.clear();
        }
    }

    /// The objects that `need` asks for, as the index and the group have them.
    async fn find(&self, behind: &mut Behind<'_, impl Keys>, need: &Need) -> Result<Vec<Arc<Object>>, StoreError> {
        let conn = &mut *behind.conn;
        let found = match need {
            Need::Object(kind, id) => objects::get(conn, *kind, id).await?.into_iter().collect(),
            Need::Natural(kind, key) => objects::find(conn, *kind, key).await?.into_iter().collect(),
            Need::Children(kind, parent) => objects::children(conn, *kind, parent).await?,
            Need::All(kind) => objects::all(conn, *kind).await?,
            Need::Dedupe(_) => Vec::new(),
        };
        let mut found = found.into_iter().map(Arc::new).collect();
        self.group.overlay(need, &mut found);
        Ok(found)
    }

    async fn expiry_of(&self, behind: &mut Behind<'_, impl Keys>, key: DedupeKey) -> Result<Option<Timestamp>, StoreError> {
        match self.group.expiry_of(key) {
            Some(known) => Ok(Some(known)),
            None => behind.keys.expiry_of(behind.conn, key).await,
        }
    }

    async fn take(&mut self, behind: &mut Behind<'_, impl Keys>, decision: &Decision) -> Result<(), StoreError> {
        for row in &decision.rows {
            match row {
                Row::Put(object) => self.put(behind, object).await?,
                Row::Delete { kind, id } => {
                    self.cache.remove(*kind, id);
                    self.group.delete(*kind, id, self.next_ordinal);
                }
                Row::Dedupe { key, expires_at } => self.remember(behind, *key, *expires_at).await?,
                Row::Receipt(_) | Row::Log(_) => {}
            }
        }
        Ok(())
    }

    /// A natural key that is another object's is refused.
    async fn put(&mut self, behind: &mut Behind<'_, impl Keys>, object: &Object) -> Result<(), StoreError> {
        let keys = object.keys();
        if let Some(key) = &keys.natural {
            let holder = self.holder(behind, object.kind(), key).await?;
            if holder.is_some_and(|holder| holder != keys.id) {
                return Err(refused("another object has this key"));
            }
        }
        let object = Arc::new(object.clone());
        self.cache.put(&object, &keys);
        self.group.write(object, keys, self.next_ordinal);
        self.next_ordinal += 1;
        Ok(())
    }

    /// The id of the object that has this natural key.
    async fn holder(&mut self, behind: &mut Behind<'_, impl Keys>, kind: Kind, key: &str) -> Result<Option<String>, StoreError> {
        let need = Need::Natural(kind, key.to_owned());
        if let Some(known) = self.cache.one(&need) {
            return Ok(known.map(|object| object.keys().id));
        }
        let found = self.find(behind, &need).await?;
        self.cache.learn(&need, &found);
        Ok(found.first().map(|object| object.keys().id))
    }

    /// The same row once more is no other row; the same key with another expiry is refused.
    async fn remember(
        &mut self,
        behind: &mut Behind<'_, impl Keys>,
        key: DedupeKey,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        match self.expiry_of(behind, key).await? {
            None => self.group.remember(key, expires_at),
            Some(known) if known == expires_at => {}
            Some(_) => return Err(refused("the key is remembered already")),
        }
        Ok(())
    }

    /// Takes decisions that were taken before, by whoever had the group then, without looking at the index.
    pub(crate) fn take_as_decided(&mut self, decisions: &[Arc<Decision>]) {
        for decision in decisions {
            for row in &decision.rows {
                match row {
                    Row::Put(object) => {
                        self.group.write(Arc::new(object.clone()), object.keys(), self.next_ordinal);
                        self.next_ordinal += 1;
                    }
                    Row::Delete { kind, id } => self.group.delete(*kind, id, self.next_ordinal),
                    Row::Dedupe { key, expires_at } => self.group.remember(*key, *expires_at),
                    Row::Receipt(_) | Row::Log(_) => {}
                }
            }
            self.group.push(Arc::clone(decision));
        }
    }
}

fn refused(why: &'static str) -> StoreError {
    StoreError::Refused(sqlx::Error::Protocol(why.to_owned()))
}
