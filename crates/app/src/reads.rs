//! Reads of the index, after everything that was accepted before them.

use watchfire_model::{
    object::{Object, TypedObject},
    time::Timestamp,
};
use watchfire_store::index::{PageQuery, RangeQuery};

use crate::{App, Error, Result};

/// Objects that are looked through for the only one that counts.
const MOST_ALIKE: u32 = 1_000;

/// One page of typed objects.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The objects in the order in which they were made.
    pub items: Vec<T>,
    /// The `after` of the next page; absent on the last one.
    pub next: Option<String>,
}

impl<T> Listed<T> {
    /// A page of `items` in the order of `place`. The cursor is a place, not an item, so that it
    /// holds when the item goes.
    ///
    /// # Errors
    /// `E0000029` for an `after` that is no place.
    pub(crate) fn cut(
        mut items: Vec<T>,
        after: Option<&str>,
        limit: u32,
        place: impl Fn(&T) -> (Timestamp, &str),
    ) -> Result<Self> {
        items.sort_by(|a, b| place(a).cmp(&place(b)));
        if let Some(cursor) = after {
            let invalid = || Error::catalogued("E0000029", Vec::new());
            let (time, id) = cursor.split_once('.').ok_or_else(invalid)?;
            let time = Timestamp::from_micros(time.parse().map_err(|_| invalid())?);
            items.retain(|item| place(item) > (time, id));
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| has_more).map(&place);
        let next = last.map(|(time, id)| format!("{}.{id}", time.as_micros()));
        Ok(Self { items, next })
    }
}

impl App {
    /// The object of type `T` with `id`.
    pub(crate) async fn get<T: TypedObject>(&self, id: &str) -> Result<Option<T>> {
        self.commands.wait_for_index().await;
        Ok(self.index.get(T::KIND, id).await?.and_then(T::from_object))
    }

    /// The object of type `T` with the natural key `key`.
    pub(crate) async fn find<T: TypedObject>(&self, key: &str) -> Result<Option<T>> {
        self.commands.wait_for_index().await;
        Ok(self.index.find(T::KIND, key).await?.and_then(T::from_object))
    }

    /// The only object of type `T` whose natural key begins with `prefix` and that `counts`; `None` when there
    /// is none, or more than one, among the first [`MOST_ALIKE`].
    pub(crate) async fn only_starting_with<T: TypedObject>(
        &self,
        prefix: &str,
        counts: impl Fn(&T) -> bool,
    ) -> Result<Option<T>> {
        self.commands.wait_for_index().await;
        let found: Vec<T> = typed(self.index.starting_with(T::KIND, prefix, MOST_ALIKE).await?);
        let mut counted = found.into_iter().filter(counts);
        Ok(counted.next().filter(|_| counted.next().is_none()))
    }

    /// Up to `limit` objects of type `T` whose natural key begins with `prefix`, in the keys' order.
    pub(crate) async fn all_starting_with<T: TypedObject>(&self, prefix: &str, limit: u32) -> Result<Vec<T>> {
        self.commands.wait_for_index().await;
        Ok(typed(self.index.starting_with(T::KIND, prefix, limit).await?))
    }

    /// Every object of type `T`, oldest first.
    pub(crate) async fn all<T: TypedObject>(&self) -> Result<Vec<T>> {
        self.commands.wait_for_index().await;
        Ok(typed(self.index.all(T::KIND).await?))
    }

    /// Every object of type `T` under `parent`, oldest first.
    pub(crate) async fn children<T: TypedObject>(&self, parent: &str) -> Result<Vec<T>> {
        self.commands.wait_for_index().await;
        Ok(typed(self.index.children(T::KIND, parent).await?))
    }

    /// The objects of type `T` whose ids lie in a range, in the ids' order.
    pub(crate) async fn in_order<T: TypedObject>(&self, query: RangeQuery) -> Result<Vec<T>> {
        self.commands.wait_for_index().await;
        Ok(typed(self.index.in_order(&RangeQuery { kind: T::KIND, ..query }).await?))
    }

    /// A page of `limit` of them; the next one begins behind the `id` of its last.
    pub(crate) async fn page_in_order<T: TypedObject>(
        &self,
        query: RangeQuery,
        limit: u32,
        id: impl Fn(&T) -> &str,
    ) -> Result<Listed<T>> {
        // One more, to know whether there is another page.
        let limit_and_one = limit.saturating_add(1);
        let mut items: Vec<T> = self
            .in_order(RangeQuery {
                limit: limit_and_one,
                ..query
            })
            .await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(|last| id(last).to_owned());
        Ok(Listed { items, next })
    }

    /// A page of all objects of type `T`, each with its place: an `after` that begins right behind it.
    pub(crate) async fn places<T: TypedObject>(&self, after: Option<&str>, limit: u32) -> Result<Listed<(T, i64)>> {
        self.places_under(None, after, limit).await
    }

    /// [`Self::places`] of the objects under `parent`.
    pub(crate) async fn places_under<T: TypedObject>(
        &self,
        parent: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Listed<(T, i64)>> {
        self.commands.wait_for_index().await;
        let query = PageQuery {
            kind: T::KIND,
            parent: parent.map(str::to_owned),
            after: place(after)?,
            limit,
        };
        let page = self.index.page(&query).await?;
        let objects = page.objects.into_iter().zip(page.places);
        Ok(Listed {
            items: objects
                .filter_map(|(object, place)| Some((T::from_object(object)?, place)))
                .collect(),
            next: page.next.map(|place| place.to_string()),
        })
    }
}

fn place(after: Option<&str>) -> Result<i64> {
    let invalid = |_| Error::catalogued("E0000029", Vec::new());
    after.map_or(Ok(0), |cursor| cursor.parse().map_err(invalid))
}

fn typed<T: TypedObject>(objects: Vec<Object>) -> Vec<T> {
    objects.into_iter().filter_map(T::from_object).collect()
}
