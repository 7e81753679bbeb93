//! The part of the state that one command is decided on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    object::{Kind, Object, TypedObject},
    row::{Decision, DedupeKey, Row},
};

/// What a command must see before it can be decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// The object of this kind and id, if there is one.
    Object(Kind, String),
    /// The object of this kind and natural key, if there is one.
    Natural(Kind, String),
    /// Every object of this kind under this parent.
    Children(Kind, String),
    /// Every object of this kind. Only for kinds that an administrator makes by hand.
    All(Kind),
    /// Whether this key has been used.
    Dedupe(DedupeKey),
}

impl Need {
    /// The object of type `T` with `id`.
    pub fn object<T: TypedObject>(id: impl Into<String>) -> Self {
        Self::Object(T::KIND, id.into())
    }

    /// The object of type `T` with the natural key `key`.
    pub fn natural<T: TypedObject>(key: impl Into<String>) -> Self {
        Self::Natural(T::KIND, key.into())
    }

    /// The objects of type `T` under `parent`.
    pub fn children<T: TypedObject>(parent: impl Into<String>) -> Self {
        Self::Children(T::KIND, parent.into())
    }

    /// All objects of type `T`.
    pub const fn all<T: TypedObject>() -> Self {
        Self::All(T::KIND)
    }

    /// Whether `object` is one that this need asks for.
    pub fn wants(&self, object: &Object) -> bool {
        let keys = object.keys();
        match self {
            Self::Object(kind, id) => *kind == object.kind() && *id == keys.id,
            Self::Natural(kind, key) => *kind == object.kind() && keys.natural.as_deref() == Some(key),
            Self::Children(kind, parent) => *kind == object.kind() && keys.parent.as_deref() == Some(parent),
            Self::All(kind) => *kind == object.kind(),
            Self::Dedupe(_) => false,
        }
    }
}

/// The objects and keys that a command asked for, every decision before it included.
#[derive(Clone, Debug, Default)]
pub struct Slice {
    objects: BTreeMap<(Kind, String), Arc<Object>>,
    seen: BTreeSet<DedupeKey>,
}

impl Slice {
    /// Adds what was loaded afterwards.
    pub fn merge(&mut self, more: Self) {
        self.objects.extend(more.objects);
        self.seen.extend(more.seen);
    }

    /// Puts an object that was loaded into the slice.
    pub fn insert(&mut self, object: Object) {
        self.share(Arc::new(object));
    }

    /// Puts an object that others look at too into the slice.
    pub fn share(&mut self, object: Arc<Object>) {
        self.objects.insert((object.kind(), object.keys().id), object);
    }

    /// Notes that `key` has been used.
    pub fn insert_seen(&mut self, key: DedupeKey) {
        self.seen.insert(key);
    }

    /// The object of type `T` with `id`.
    pub fn get<T: TypedObject>(&self, id: &str) -> Option<&T> {
        self.objects
            .get(&(T::KIND, id.to_owned()))
            .and_then(|object| T::from_object_ref(object))
    }

    /// The object of type `T` with the natural key `key`.
    pub fn by_natural<T: TypedObject>(&self, key: &str) -> Option<&T> {
        self.of_kind(T::KIND)
            .find(|object| object.keys().natural.as_deref() == Some(key))
            .and_then(T::from_object_ref)
    }

    /// The objects of type `T` under `parent`, by id.
    pub fn children<T: TypedObject>(&self, parent: &str) -> Vec<&T> {
        self.of_kind(T::KIND)
            .filter(|object| object.keys().parent.as_deref() == Some(parent))
            .filter_map(T::from_object_ref)
            .collect()
    }

    /// All loaded objects of type `T`, by id.
    pub fn all<T: TypedObject>(&self) -> Vec<&T> {
        self.of_kind(T::KIND).filter_map(T::from_object_ref).collect()
    }

    /// Whether `key` has been used.
    pub fn seen(&self, key: DedupeKey) -> bool {
        self.seen.contains(&key)
    }

    /// Lays a decision that the index does not have yet over what was loaded for `needs`.
    pub fn overlay(&mut self, needs: &[Need], decision: &Decision) {
        for row in &decision.rows {
            match row {
                Row::Put(object) => {
                    let keys = object.keys();
                    // It may have left a parent or a natural key under which it was loaded.
                    self.objects.remove(&(object.kind(), keys.id));
                    if needs.iter().any(|need| need.wants(object)) {
                        self.insert(object.clone());
                    }
                }
                Row::Delete { kind, id } => {
                    self.objects.remove(&(*kind, id.clone()));
                }
                Row::Dedupe { key, .. } => {
                    if needs.contains(&Need::Dedupe(*key)) {
                        self.insert_seen(*key);
                    }
                }
                Row::Receipt(_) | Row::Log(_) => {}
            }
        }
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.objects
            .range((kind, String::new())..)
            .take_while(move |((k, _), _)| *k == kind)
            .map(|(_, object)| &**object)
    }
}
