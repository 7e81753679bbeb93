//! The index, read through a pool of connections that cannot write.

use async_trait::async_trait;
use watchfire_model::{
    log::LogQuery,
    object::{Kind, Object},
    time::Timestamp,
};

use super::{Pool, log_counts, log_page, objects};
use crate::{
    StoreError,
    index::{Index, LogCounts, LogTally, Page, PageQuery, RangeQuery, ReceiptQuery, StoredReceipt},
    log::{LogCursor, LogEntry, LogPage, SignalReader},
    settings::Settings,
};

/// The index of this dialect.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(crate) pool: Pool,
    pub(crate) settings: Settings,
}

impl Reader {
    pub(crate) async fn connection(&self) -> Result<super::PoolConnection, StoreError> {
        self.pool.acquire().await.map_err(StoreError::of_statement)
    }
}

#[async_trait]
impl Index for Reader {
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Object>, StoreError> {
        objects::get(&mut *self.connection().await?, kind, id).await
    }

    async fn find(&self, kind: Kind, key: &str) -> Result<Option<Object>, StoreError> {
        objects::find(&mut *self.connection().await?, kind, key).await
    }

    async fn starting_with(&self, kind: Kind, prefix: &str, limit: u32) -> Result<Vec<Object>, StoreError> {
        objects::starting_with(&mut *self.connection().await?, kind, prefix, limit).await
    }

    async fn page(&self, query: &PageQuery) -> Result<Page, StoreError> {
        objects::page(&mut *self.connection().await?, query).await
    }

    async fn in_order(&self, query: &RangeQuery) -> Result<Vec<Object>, StoreError> {
        objects::in_order(&mut *self.connection().await?, query).await
    }

    async fn all(&self, kind: Kind) -> Result<Vec<Object>, StoreError> {
        objects::all(&mut *self.connection().await?, kind).await
    }

    async fn children(&self, kind: Kind, parent: &str) -> Result<Vec<Object>, StoreError> {
        objects::children(&mut *self.connection().await?, kind, parent).await
    }

    async fn count(&self, kind: Kind) -> Result<i64, StoreError> {
        objects::count(&mut *self.connection().await?, kind).await
    }

    async fn receipt(&self, id: &str) -> Result<Option<StoredReceipt>, StoreError> {
        objects::receipt(&mut *self.connection().await?, id).await
    }

    async fn live_receipts(
        &self,
        now: Timestamp,
        after: (Timestamp, String),
        limit: u32,
    ) -> Result<Vec<StoredReceipt>, StoreError> {
        objects::live_receipts(&mut *self.connection().await?, now, &after, limit).await
    }

    async fn receipts(&self, query: &ReceiptQuery) -> Result<Vec<StoredReceipt>, StoreError> {
        let mut conn = self.connection().await?;
        tokio::time::timeout(self.settings.log_query_timeout, objects::receipts(&mut conn, query))
            .await
            .unwrap_or(Err(StoreError::Timeout))
    }

    async fn receipt_count(&self) -> Result<i64, StoreError> {
        objects::receipt_count(&mut *self.connection().await?).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        super::execute(&mut *self.connection().await?, "SELECT 1").await
    }

    async fn log(&self, query: &LogQuery, after: Option<LogCursor>, read: SignalReader) -> Result<LogPage, StoreError> {
        let wanted = log_page::PageQuery {
            query,
            after,
            read,
            look_at: self.settings.log_rows_looked_at,
            read_through: self.settings.log_rows_read_through,
        };
        let in_one_snapshot = async {
            let mut transaction = self.pool.begin().await.map_err(StoreError::of_statement)?;
            log_page::page(&mut transaction, wanted).await
        };
        tokio::time::timeout(self.settings.log_query_timeout, in_one_snapshot)
            .await
            .unwrap_or(Err(StoreError::Timeout))
    }

    async fn log_counts(&self, query: &LogQuery, edges: &[Timestamp]) -> Result<LogCounts, StoreError> {
        let in_one_snapshot = async {
            let mut transaction = self.pool.begin().await.map_err(StoreError::of_statement)?;
            log_counts::counts(&mut transaction, query, edges).await
        };
        tokio::time::timeout(self.settings.log_query_timeout, in_one_snapshot)
            .await
            .unwrap_or(Err(StoreError::Timeout))
    }

    async fn log_tally(&self, from: Timestamp, until: Timestamp) -> Result<Vec<LogTally>, StoreError> {
        let in_one_snapshot = async {
            let mut transaction = self.pool.begin().await.map_err(StoreError::of_statement)?;
            log_counts::tally(&mut transaction, from, until).await
        };
        tokio::time::timeout(self.settings.log_query_timeout, in_one_snapshot)
            .await
            .unwrap_or(Err(StoreError::Timeout))
    }

    async fn log_event(&self, uuid: &str, read: SignalReader) -> Result<Option<LogEntry>, StoreError> {
        let mut transaction = self.pool.begin().await.map_err(StoreError::of_statement)?;
        log_page::event(&mut transaction, uuid, read).await
    }
}
