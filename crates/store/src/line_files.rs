//! Files of lines that others collect: one that grows, and closed ones that never change again.
//!
//! A line is durable when [`LineFiles::append`] returns. The file that grows has always the same name, so that a
//! collector can follow it; when it is long or old enough it gets a number instead, in one step. Whatever a crash
//! leaves of it is closed at the next start, without a line that was torn.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use watchfire_model::time::Timestamp;

use crate::disk::{Disk, DiskFile, make_folder, write_new};

/// The file that grows.
pub const GROWING: &str = "system-log.jsonl";
/// What closed files begin with; a number and [`END`] follow.
const BEGIN: &str = "system-log-";
const END: &str = ".jsonl";
/// Digits of the number: their names sort as they were closed.
const DIGITS: usize = 10;

/// When a file is closed, and how many of those are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineFileLimits {
    /// With so many bytes.
    pub max_bytes: u64,
    /// So long after its first line.
    pub max_age: Duration,
    /// Closed files that are kept; 0 keeps all.
    pub keep: usize,
}

/// The files of one folder.
#[derive(Debug)]
pub struct LineFiles {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    limits: LineFileLimits,
    growing: Option<Growing>,
    /// A write or a sync has failed: what the growing file has is written anew.
    is_doubtful: bool,
}

#[derive(Debug)]
struct Growing {
    file: Box<dyn DiskFile>,
    bytes: u64,
    since: Timestamp,
}

impl LineFiles {
    /// The files in `folder`, which is made if it is not there; what an earlier process left growing is closed.
    ///
    /// # Errors
    /// When the disk does not do it.
    pub fn open(disk: Arc<dyn Disk>, folder: PathBuf, limits: LineFileLimits) -> io::Result<Self> {
        make_folder(&*disk, &folder)?;
        let this = Self {
            disk,
            folder,
            limits,
            growing: None,
            is_doubtful: false,
        };
        this.close_left_over()?;
        Ok(this)
    }

    /// Adds whole lines. When this returns they survive a power cut; after an error nobody knows which of them are
    /// there, and they may be added again.
    ///
    /// # Errors
    /// When the disk does not take them.
    pub fn append(&mut self, lines: &[u8], now: Timestamp) -> io::Result<()> {
        let appended = self.try_append(lines, now);
        if appended.is_err() {
            self.growing = None;
            self.is_doubtful = true;
        }
        appended
    }

    /// Closes the file that grows when it is long or old enough.
    ///
    /// # Errors
    /// When the disk does not do it; it is tried again with the next call.
    pub fn rotate_when_due(&mut self, now: Timestamp) -> io::Result<()> {
        let LineFileLimits { max_bytes, max_age, .. } = self.limits;
        let due = |it: &Growing| it.bytes >= max_bytes || now.since(it.since) >= max_age;
        if !self.growing.as_ref().is_some_and(due) {
            return Ok(());
        }
        let closed = self.close();
        self.growing = None;
        self.is_doubtful |= closed.is_err();
        closed
    }

    fn try_append(&mut self, lines: &[u8], now: Timestamp) -> io::Result<()> {
        if std::mem::take(&mut self.is_doubtful) {
            self.rewrite_left_over()?;
        }
        let fresh = self.growing.is_none();
        if fresh {
            let file = self.disk.create(&self.path(GROWING))?;
            let (bytes, since) = (0, now);
            self.growing = Some(Growing { file, bytes, since });
        }
        let Some(growing) = &mut self.growing else { return Ok(()) };
        growing.file.write_at(growing.bytes, lines)?;
        growing.file.sync()?;
        growing.bytes = growing.bytes.saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        if fresh {
            self.disk.sync_folder(&self.folder)?;
        }
        self.rotate_when_due(now)
    }

    /// Gives the growing file, which is synced, its number.
    fn close(&self) -> io::Result<()> {
        let growing = self.path(GROWING);
        self.disk.link(&growing, &self.next_name()?)?;
        self.disk.sync_folder(&self.folder)?;
        self.disk.remove(&growing)?;
        self.disk.sync_folder(&self.folder)?;
        self.prune()
    }

    fn close_left_over(&self) -> io::Result<()> {
        match self.left_over()? {
            None => Ok(()),
            Some(content) if !content.is_empty() && whole_lines(&content).len() == content.len() => self.close(),
            Some(_) => self.rewrite_left_over(),
        }
    }

    /// What a failed sync has left may be lost although it can be read: it is written into another file.
    fn rewrite_left_over(&self) -> io::Result<()> {
        let Some(content) = self.left_over()? else { return Ok(()) };
        let lines = whole_lines(&content);
        if !lines.is_empty() {
            write_new(&*self.disk, &self.next_name()?, lines)?;
        }
        self.disk.remove(&self.path(GROWING))?;
        self.disk.sync_folder(&self.folder)?;
        self.prune()
    }

    fn left_over(&self) -> io::Result<Option<Vec<u8>>> {
        match self.disk.read(&self.path(GROWING)) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn next_name(&self) -> io::Result<PathBuf> {
        let last = self.closed()?.last().map_or(0, |(number, _)| *number);
        let number = last.saturating_add(1);
        Ok(self.path(&format!("{BEGIN}{number:0DIGITS$}{END}")))
    }

    fn prune(&self) -> io::Result<()> {
        if self.limits.keep == 0 {
            return Ok(());
        }
        let closed = self.closed()?;
        let too_many = closed.len().saturating_sub(self.limits.keep);
        closed.iter().take(too_many).try_for_each(|(_, path)| self.disk.remove(path))
    }

    /// The closed files in their order.
    fn closed(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let listed = self.disk.list(&self.folder)?;
        let mut closed: Vec<_> = listed.into_iter().filter_map(|path| Some((number(&path)?, path))).collect();
        closed.sort();
        Ok(closed)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn number(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let digits = name.strip_prefix(BEGIN)?.strip_suffix(END)?;
    (digits.len() >= DIGITS).then(|| digits.parse().ok()).flatten()
}

/// The lines of JSON objects that `content` begins with. A power cut may leave a part of the last write: a torn line,
/// or zeros where something else should be.
fn whole_lines(content: &[u8]) -> &[u8] {
    let is_whole = |line: &[u8]| line.starts_with(b"{") && line.ends_with(b"}\n") && !line.contains(&0);
    let lines = content.split_inclusive(|byte| *byte == b'\n');
    let length = lines.take_while(|line| is_whole(line)).map(<[u8]>::len).sum();
    content.get(..length).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::SharedDisk;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const LIMITS: LineFileLimits = LineFileLimits {
        max_bytes: 20,
        max_age: Duration::from_secs(60),
        keep: 2,
    };

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn open(folder: &Path) -> LineFiles {
        LineFiles::open(Arc::new(SharedDisk), folder.to_owned(), LIMITS).unwrap()
    }

    #[test]
    fn a_file_is_closed_when_it_is_long_or_old_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("stream");
        let mut files = open(&folder);
        files.append(b"{\"a\":1}\n", NOW).unwrap();
        assert_eq!(names(&folder), [GROWING]);
        files.append(b"{\"a\":2}\n{\"a\":3}\n", NOW).unwrap();
        assert_eq!(names(&folder), ["system-log-0000000001.jsonl"], "long");
        files.append(b"{\"a\":4}\n", NOW).unwrap();
        files.rotate_when_due(NOW.plus(Duration::from_secs(59))).unwrap();
        assert!(names(&folder).contains(&GROWING.to_owned()));
        files.rotate_when_due(NOW.plus(Duration::from_secs(60))).unwrap();
        assert_eq!(names(&folder).len(), 2, "old");
        files.append(b"{\"a\":5,\"b\":\"0123456789\"}\n", NOW).unwrap();
        assert_eq!(names(&folder), ["system-log-0000000002.jsonl", "system-log-0000000003.jsonl"]);
        let text = std::fs::read_to_string(folder.join("system-log-0000000002.jsonl")).unwrap();
        assert_eq!(text, "{\"a\":4}\n");
    }

    #[test]
    fn what_a_crash_left_is_closed_without_its_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let left: [(&[u8], &[u8]); 4] = [
            (b"{\"a\":1}\n{\"a\":2}\n", b"{\"a\":1}\n{\"a\":2}\n"),
            (b"{\"a\":1}\n{\"a\":", b"{\"a\":1}\n"),
            (b"{\"a\":1}\n\0\0\0\0\0\0\n{\"a\":3}\n", b"{\"a\":1}\n"),
            (b"{\"a", b""),
        ];
        for (number, (left, kept)) in left.into_iter().enumerate() {
            let folder = folder.path().join(number.to_string());
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join(GROWING), left).unwrap();
            let mut files = open(&folder);
            let closed = folder.join("system-log-0000000001.jsonl");
            assert_eq!(std::fs::read(&closed).unwrap_or_default(), kept);
            assert_eq!(closed.exists(), !kept.is_empty());
            files.append(b"{\"a\":9}\n", NOW).unwrap();
            assert_eq!(std::fs::read(folder.join(GROWING)).unwrap(), b"{\"a\":9}\n");
        }
    }

    #[test]
    fn the_group_may_read_what_is_collected_and_nobody_else() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("stream");
        open(&folder).append(b"{}\n", NOW).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.join(GROWING)) & 0o137, 0);
        assert_eq!(mode(&folder) & 0o027, 0);
    }
}
