//! Objects that a journal has read and written, under what was asked for.
//!
//! The journal is the only writer, so what is here is what the index has with the group under way laid
//! over it. Two things hold: an answer about many objects, or by another key than the id, has each of its
//! objects under its id too; and every write goes through [`ObjectCache::put`] and
//! [`ObjectCache::remove`], which mend every answer that the object was in or is in.
//!
//! Kinds of which each object is hardly asked for again are not kept at all ([`is_kept`]). What is kept is
//! bounded by the bytes of its documents: see [`ObjectCache::bytes`].

use std::{collections::HashMap, sync::Arc};

use watchfire_model::{
    object::{Keys, Kind, Object},
    slice::{Need, Slice},
};

/// What is known.
#[derive(Debug, Default)]
pub(crate) struct ObjectCache {
    answers: HashMap<Need, Answer>,
    bytes: usize,
}

/// Whether objects of a kind are worth their memory. A sign-in's record is large, written once or twice and
/// read by people.
const fn is_kept(kind: Kind) -> bool {
    !matches!(kind, Kind::SignInRecord)
}

/// The kind that a need is about.
const fn kind_of(need: &Need) -> Option<Kind> {
    match need {
        Need::Object(kind, _) | Need::Natural(kind, _) | Need::Children(kind, _) | Need::All(kind) => Some(*kind),
        Need::Dedupe(_) => None,
    }
}

/// What a need was answered with.
#[derive(Debug)]
enum Answer {
    One(Option<Arc<Object>>),
    Many(Vec<Arc<Object>>),
}

impl ObjectCache {
    /// Answers `need` out of memory; `false` when it must be looked up.
    pub(crate) fn answer(&self, need: &Need, slice: &mut Slice) -> bool {
        match self.answers.get(need) {
            None => return false,
            Some(Answer::One(object)) => object.iter().for_each(|object| slice.share(Arc::clone(object))),
            Some(Answer::Many(objects)) => objects.iter().for_each(|object| slice.share(Arc::clone(object))),
        }
        true
    }

    /// Keeps what `need` was answered with: all of it.
    pub(crate) fn learn(&mut self, need: &Need, found: &[Arc<Object>]) {
        if !kind_of(need).is_some_and(is_kept) {
            return;
        }
        for object in found {
            self.weigh(object.to_document().map_or(0, |document| document.len()));
            let by_id = Need::Object(object.kind(), object.keys().id);
            self.answers.insert(by_id, Answer::One(Some(Arc::clone(object))));
        }
        let answer = match need {
            Need::Object(..) | Need::Natural(..) => Answer::One(found.first().map(Arc::clone)),
            Need::Children(..) | Need::All(_) => Answer::Many(found.to_vec()),
            Need::Dedupe(_) => return,
        };
        self.answers.insert(need.clone(), answer);
    }

    /// An object was made or changed.
    pub(crate) fn put(&mut self, object: &Arc<Object>, keys: &Keys) {
        let kind = object.kind();
        if !is_kept(kind) {
            return;
        }
        self.leave(kind, &keys.id);
        let one = || Answer::One(Some(Arc::clone(object)));
        self.answers.insert(Need::Object(kind, keys.id.clone()), one());
        if let Some(key) = &keys.natural {
            self.answers.insert(Need::Natural(kind, key.clone()), one());
        }
        for collection in collections(kind, keys) {
            if let Some(Answer::Many(members)) = self.answers.get_mut(&collection) {
                members.push(Arc::clone(object));
            }
        }
    }

    /// An object is gone.
    pub(crate) fn remove(&mut self, kind: Kind, id: &str) {
        if !is_kept(kind) {
            return;
        }
        self.leave(kind, id);
        self.answers.insert(Need::Object(kind, id.to_owned()), Answer::One(None));
    }

    /// What is known to be the answer to a need of one object.
    pub(crate) fn one(&self, need: &Need) -> Option<Option<&Object>> {
        match self.answers.get(need)? {
            Answer::One(object) => Some(object.as_deref()),
            Answer::Many(_) => None,
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.answers.clear();
        self.bytes = 0;
    }

    /// How many answers there are.
    pub(crate) fn len(&self) -> usize {
        self.answers.len()
    }

    /// Bytes of the documents that came in since it was last emptied: what it holds, and at times more, for
    /// an object that was written twice counts twice.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// A document of so many bytes came in.
    pub(crate) const fn weigh(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Takes the object, as it was, out of every answer but the one by its id.
    fn leave(&mut self, kind: Kind, id: &str) {
        let Some(Answer::One(Some(old))) = self.answers.get(&Need::Object(kind, id.to_owned())) else {
            return;
        };
        let keys = old.keys();
        for collection in collections(kind, &keys) {
            if let Some(Answer::Many(members)) = self.answers.get_mut(&collection) {
                members.retain(|member| member.keys().id != id);
            }
        }
        if let Some(key) = keys.natural {
            self.answers.insert(Need::Natural(kind, key), Answer::One(None));
        }
    }
}

/// The answers about many that an object with these keys is in.
fn collections(kind: Kind, keys: &Keys) -> impl Iterator<Item = Need> {
    let children = keys.parent.clone().map(|parent| Need::Children(kind, parent));
    children.into_iter().chain([Need::All(kind)])
}

#[cfg(test)]
mod tests {
    use watchfire_model::{
        id::{GroupId, RiskProviderId, UserId},
        object::{Membership, ProviderAction, RiskProvider},
        time::Timestamp,
    };

    use super::*;

    fn provider(id: &str, name: &str) -> Arc<Object> {
        Arc::new(
            RiskProvider {
                id: RiskProviderId::new(id),
                name: name.to_owned(),
                client_id: None,
                action: ProviderAction::LogOnly,
                created: Timestamp::default(),
                last_updated: Timestamp::default(),
            }
            .into(),
        )
    }

    fn membership(user: &str, group: &str) -> Arc<Object> {
        Arc::new(
            Membership {
                user_id: UserId::new(user),
                group_id: GroupId::new(group),
                created: Timestamp::default(),
            }
            .into(),
        )
    }

    fn ids(cache: &ObjectCache, need: &Need) -> Option<usize> {
        let mut slice = Slice::default();
        let known = cache.answer(need, &mut slice);
        known.then(|| slice.all::<RiskProvider>().len() + slice.all::<Membership>().len())
    }

    fn put(cache: &mut ObjectCache, object: &Arc<Object>) {
        cache.put(object, &object.keys());
    }

    #[test]
    fn what_was_never_asked_for_is_not_known() {
        let mut cache = ObjectCache::default();
        put(&mut cache, &membership("00u1", "00g1"));
        assert_eq!(ids(&cache, &Need::children::<Membership>("00u1")), None);
        assert_eq!(ids(&cache, &Need::all::<Membership>()), None);
    }

    #[test]
    fn an_answer_about_many_follows_every_write() {
        let mut cache = ObjectCache::default();
        let need = Need::children::<Membership>("00u1");
        let first = membership("00u1", "00g1");
        cache.learn(&need, &[Arc::clone(&first)]);
        put(&mut cache, &membership("00u1", "00g2"));
        put(&mut cache, &membership("00u2", "00g2"));
        put(&mut cache, &first);
        assert_eq!(ids(&cache, &need), Some(2));
        cache.remove(Kind::Membership, &first.keys().id);
        assert_eq!(ids(&cache, &need), Some(1));
    }

    #[test]
    fn a_name_that_was_given_up_leads_nowhere() {
        let mut cache = ObjectCache::default();
        put(&mut cache, &provider("rkp1", "Old"));
        assert_eq!(ids(&cache, &Need::natural::<RiskProvider>("old")), Some(1));
        put(&mut cache, &provider("rkp1", "New"));
        assert_eq!(ids(&cache, &Need::natural::<RiskProvider>("old")), Some(0));
        assert_eq!(ids(&cache, &Need::natural::<RiskProvider>("new")), Some(1));
        cache.remove(Kind::RiskProvider, "rkp1");
        assert_eq!(ids(&cache, &Need::natural::<RiskProvider>("new")), Some(0));
        assert_eq!(ids(&cache, &Need::object::<RiskProvider>("rkp1")), Some(0));
    }

    #[test]
    fn that_there_is_nothing_is_an_answer_until_there_is() {
        let mut cache = ObjectCache::default();
        let need = Need::natural::<RiskProvider>("a");
        cache.learn(&need, &[]);
        assert_eq!(ids(&cache, &need), Some(0));
        put(&mut cache, &provider("rkp1", "A"));
        assert_eq!(ids(&cache, &need), Some(1));
    }

    #[test]
    fn a_kind_that_is_not_worth_it_is_always_looked_up() {
        let mut cache = ObjectCache::default();
        let need = Need::Object(Kind::SignInRecord, "sgn1".to_owned());
        cache.learn(&need, &[]);
        cache.remove(Kind::SignInRecord, "sgn1");
        assert!(!cache.answer(&need, &mut Slice::default()));
        assert_eq!(cache.len(), 0);
    }

    #[test]
    fn what_comes_in_is_weighed_until_all_of_it_is_forgotten() {
        let mut cache = ObjectCache::default();
        let object = membership("00u1", "00g1");
        cache.learn(&Need::all::<Membership>(), &[Arc::clone(&object)]);
        assert_eq!(cache.bytes(), object.to_document().unwrap().len());
        cache.clear();
        assert_eq!((cache.bytes(), cache.len()), (0, 0));
    }
}
