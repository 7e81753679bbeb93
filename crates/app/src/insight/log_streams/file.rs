//! Files of JSON lines in a folder of the server, one folder a stream.

use std::{path::PathBuf, sync::Arc, time::Duration};

use watchfire_model::object::{LogStream, LogStreamTarget};
use watchfire_store::{
    disk::SharedDisk,
    line_files::{LineFileLimits, LineFiles},
};

use super::{record::Record, sink::SinkError};
use crate::{App, Clock};

/// Bytes that are written and synced at one time.
const MOST_BYTES: usize = 1024 * 1024;

#[derive(Debug)]
pub(super) struct FileSink {
    folder: PathBuf,
    limits: LineFileLimits,
    clock: Arc<dyn Clock>,
    /// Absent before the first event, and after a failure.
    files: Option<LineFiles>,
}

impl FileSink {
    pub(super) fn new(app: &App, stream: &LogStream) -> Result<Self, SinkError> {
        let folder = app.settings.log_streams.folder.as_ref();
        let unset = || SinkError::Unusable("files are written only where log-stream-dir says a folder".to_owned());
        let LogStreamTarget::File {
            max_bytes,
            max_age_seconds,
            keep_files,
        } = &stream.target
        else {
            return Err(SinkError::Unusable("the target is no file".to_owned()));
        };
        Ok(Self {
            folder: folder.ok_or_else(unset)?.join(stream.id.as_str()),
            limits: LineFileLimits {
                max_bytes: *max_bytes,
                max_age: Duration::from_secs(u64::from(*max_age_seconds)),
                keep: usize::try_from(*keep_files).unwrap_or(usize::MAX),
            },
            clock: Arc::clone(&app.clock),
            files: None,
        })
    }

    pub(super) async fn deliver(&mut self, records: Vec<Record>) -> Result<(), SinkError> {
        let now = self.clock.now();
        self.with_files(move |files| {
            let mut lines = Vec::new();
            for record in &records {
                lines.extend_from_slice(record.line().as_bytes());
                lines.push(b'\n');
                if lines.len() >= MOST_BYTES {
                    files.append(&lines, now)?;
                    lines.clear();
                }
            }
            if lines.is_empty() {
                return Ok(());
            }
            files.append(&lines, now)
        })
        .await
    }

    /// A file that has become old is closed although nothing more comes.
    pub(super) async fn rest(&mut self) -> Result<(), SinkError> {
        if self.files.is_none() {
            return Ok(());
        }
        let now = self.clock.now();
        self.with_files(move |files| files.rotate_when_due(now)).await
    }

    /// The disk may take its time; that is no reason for others to wait.
    async fn with_files(
        &mut self,
        act: impl FnOnce(&mut LineFiles) -> std::io::Result<()> + Send + 'static,
    ) -> Result<(), SinkError> {
        let (folder, limits, files) = (self.folder.clone(), self.limits, self.files.take());
        let acted = tokio::task::spawn_blocking(move || {
            let mut files = match files {
                Some(files) => files,
                None => LineFiles::open(Arc::new(SharedDisk), folder, limits)?,
            };
            let acted = act(&mut files);
            Ok((files, acted))
        })
        .await;
        let acted: std::io::Result<_> = acted.unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
        let (files, acted) = acted.map_err(SinkError::File)?;
        self.files = Some(files);
        acted.map_err(SinkError::File)
    }
}
