//! What may be read of the index.

use async_trait::async_trait;
use watchfire_model::{
    log::LogQuery,
    object::{Kind, Object},
    row::{Handling, SetNote},
    time::Timestamp,
};

use crate::{
    StoreError,
    log::{LogCursor, LogEntry, LogPage, SignalReader},
};

/// One page of objects in the order in which they were made.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The objects.
    pub objects: Vec<Object>,
    /// The place of each: a page after it begins right behind it.
    pub places: Vec<i64>,
    /// Where the next page begins; absent on the last one.
    pub next: Option<i64>,
}

/// Which objects a page is taken from.
#[derive(Clone, Debug)]
pub struct PageQuery {
    /// Their kind.
    pub kind: Kind,
    /// Only those under this parent.
    pub parent: Option<String>,
    /// Begin behind this place; 0 is the start.
    pub after: i64,
    /// At most so many.
    pub limit: u32,
}

/// Which objects are taken in the order of their ids.
#[derive(Clone, Debug)]
pub struct RangeQuery {
    /// Their kind.
    pub kind: Kind,
    /// Only those under this parent.
    pub parent: Option<String>,
    /// Only ids from this one on.
    pub from: String,
    /// Only ids before this one.
    pub until: String,
    /// The last ids first.
    pub descending: bool,
    /// At most so many.
    pub limit: u32,
}

/// Which receipts a page is taken from, newest first.
#[derive(Clone, Debug, Default)]
pub struct ReceiptQuery {
    /// Only this provider's.
    pub provider: Option<String>,
    /// Only Security Event Tokens with an event of which this became.
    pub handling: Option<Handling>,
    /// Only those received then or later.
    pub since: Option<Timestamp>,
    /// Only those received before that.
    pub until: Option<Timestamp>,
    /// Begin behind the receipt of this time and id.
    pub after: Option<(Timestamp, String)>,
    /// At most so many.
    pub limit: u32,
}

/// A stored receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReceipt {
    /// Its id.
    pub id: String,
    /// [`watchfire_model::row::Received::kind`]
    pub kind: String,
    /// Who sent it.
    pub provider: String,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// When the last of its signals expires.
    pub expires_at: Timestamp,
    /// The body as it came.
    pub body: String,
    /// What became of it, when it is a SET.
    pub note: Option<SetNote>,
}

/// How many events of the System Log lie between times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// Between each time and the next.
    pub counts: Vec<u64>,
    /// Whether they were made out of samples.
    pub is_estimate: bool,
}

impl LogCounts {
    /// All were counted.
    pub const fn exact(counts: Vec<u64>) -> Self {
        Self {
            counts,
            is_estimate: false,
        }
    }

    /// Samples were counted.
    pub const fn estimated(counts: Vec<u64>) -> Self {
        Self {
            counts,
            is_estimate: true,
        }
    }
}

/// How many events of the System Log there were of one kind and end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTally {
    /// `eventType`
    pub event_type: String,
    /// `outcome.result`
    pub outcome: String,
    /// The security events provider whose events they are; empty for all others.
    pub provider: String,
    /// How many.
    pub count: u64,
}

/// The index, read-only.
#[async_trait]
pub trait Index: Send + Sync + std::fmt::Debug {
    /// The object of `kind` with `id`.
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Object>, StoreError>;
    /// The object of `kind` with the natural key `key`.
    async fn find(&self, kind: Kind, key: &str) -> Result<Option<Object>, StoreError>;
    /// Up to `limit` objects of `kind` whose natural key begins with `prefix`, in the keys' byte order.
    async fn starting_with(&self, kind: Kind, prefix: &str, limit: u32) -> Result<Vec<Object>, StoreError>;
    /// A page of objects.
    async fn page(&self, query: &PageQuery) -> Result<Page, StoreError>;
    /// The objects whose ids lie in a range, in the ids' byte order.
    async fn in_order(&self, query: &RangeQuery) -> Result<Vec<Object>, StoreError>;
    /// Every object of `kind`, oldest first. Only for kinds that an administrator makes by hand.
    async fn all(&self, kind: Kind) -> Result<Vec<Object>, StoreError>;
    /// Every object of `kind` under `parent`, oldest first.
    async fn children(&self, kind: Kind, parent: &str) -> Result<Vec<Object>, StoreError>;
    /// How many objects of `kind` there are.
    async fn count(&self, kind: Kind) -> Result<i64, StoreError>;
    /// The receipt with `id`.
    async fn receipt(&self, id: &str) -> Result<Option<StoredReceipt>, StoreError>;
    /// Up to `limit` receipts that have not expired at `now`, received at or after the pair
    /// (`after`, id), oldest first.
    async fn live_receipts(
        &self,
        now: Timestamp,
        after: (Timestamp, String),
        limit: u32,
    ) -> Result<Vec<StoredReceipt>, StoreError>;
    /// A page of receipts.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] when it takes longer than the setting allows.
    async fn receipts(&self, query: &ReceiptQuery) -> Result<Vec<StoredReceipt>, StoreError>;
    /// How many receipts there are.
    async fn receipt_count(&self) -> Result<i64, StoreError>;
    /// A page of the System Log. `after` is where the page before it ended; it and the order decide the
    /// position, `since` and `until` the ends.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] when it takes longer than the setting allows.
    async fn log(&self, query: &LogQuery, after: Option<LogCursor>, read: SignalReader) -> Result<LogPage, StoreError>;
    /// How many events of the System Log that `query` asks for lie between each of `edges` and the next; its
    /// own bounds and position are not looked at. Where SQL cannot say the query, the counts may be too high;
    /// where too many events would have to be counted, samples of them are.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] when it takes longer than the setting allows.
    async fn log_counts(&self, query: &LogQuery, edges: &[Timestamp]) -> Result<LogCounts, StoreError>;
    /// How many events of the System Log there were from one time until another, by type and outcome.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] when it takes longer than the setting allows.
    async fn log_tally(&self, from: Timestamp, until: Timestamp) -> Result<Vec<LogTally>, StoreError>;
    /// The log event with `uuid`.
    async fn log_event(&self, uuid: &str, read: SignalReader) -> Result<Option<LogEntry>, StoreError>;
    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}
