//! stub until the log lands
use super::Connection;
use crate::StoreError;
use watchfire_model::{log::LogEvent, time::Timestamp};
#[derive(Debug)]
pub(crate) struct LogWriter {
    last: Timestamp,
}
#[derive(Debug, Clone)]
pub(crate) struct Mark;
impl LogWriter {
    pub(crate) async fn open(_conn: &mut Connection, _rows: i64) -> Result<Self, StoreError> {
        Ok(Self {
            last: Timestamp::default(),
        })
    }
    pub(crate) fn last_published(&self) -> Timestamp {
        self.last
    }
    pub(crate) fn mark(&self) -> Mark {
        Mark
    }
    pub(crate) fn restore(&mut self, _mark: &Mark) {}
    pub(crate) async fn append(&mut self, _conn: &mut Connection, event: &LogEvent) -> Result<(), StoreError> {
        self.last = event.published;
        Ok(())
    }
}
