//! Backups, restores and migrations on real stores: what comes out is what went in.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::Path;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use watchfire_harness::{
    backend::{self, Backend, Sqlite},
    conformance::rows::one_of_each,
};
use watchfire_model::{
    id::{GroupId, OrgId, UserId},
    log::{Actor, EventType, LogEvent, Target as LogTarget},
    object::Membership,
    row::{Decision, DedupeKey},
    time::Timestamp,
};
use watchfire_store::{
    archive::{ArchiveError, ArchiveReader, ArchiveWriter, Piece, Sink, Source, Target},
    postgres,
    settings::{JournalKind, Settings},
    sqlite,
};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// Partitions of a few rows, so that there are some.
fn settings() -> Settings {
    Settings {
        dedupe_partition_rows: 7,
        log_partition_rows: 5,
        ..Settings::default()
    }
}

/// Something of everything, and of the log enough for several partitions.
fn decisions() -> Vec<Decision> {
    let mut decisions: Vec<Decision> = (1..=6).map(one_of_each).collect();
    for n in 0..20_u8 {
        let mut decision = Decision::new();
        let user = UserId::new(format!("00u{n}"));
        decision.put(Membership {
            user_id: user.clone(),
            group_id: GroupId::new("00g1"),
            created: NOW,
        });
        decision.remember(DedupeKey([n.saturating_add(100); 16]), NOW);
        let mut event = LogEvent::new(EventType::UserCreate, Actor::system(&OrgId::new("00o1"))).target(LogTarget::new(
            "User",
            user.as_str(),
            format!("Jo\u{0} \u{1f525} {n}"),
        ));
        event.stamp(format!("00000000-0000-8000-8000-1000000000{n:02}"), NOW);
        decision.log(event);
        decisions.push(decision);
    }
    decisions
}

async fn fill(backend: &dyn Backend, folder: &Path) -> Result<()> {
    let mut opened = backend.open(folder, &settings()).await?;
    for decision in decisions() {
        opened.journal.append(decision.into()).await?;
        opened.journal.sync().await?;
    }
    Ok(())
}

/// The pieces of an archive, by way of its bytes.
async fn archived(source: &mut dyn Source) -> Result<Vec<u8>> {
    struct Bytes(Option<ArchiveWriter<Vec<u8>>>);

    #[async_trait]
    impl Sink for Bytes {
        async fn take(&mut self, piece: Piece) -> Result<(), ArchiveError> {
            self.0.as_mut().unwrap().write(&piece)
        }
    }

    let mut bytes = Bytes(Some(ArchiveWriter::begin(Vec::new())?));
    source.export(NOW, &mut bytes).await?;
    Ok(bytes.0.take().unwrap().end()?)
}

async fn restored(archive: &[u8], mut target: Box<dyn Target>) -> Result<()> {
    let mut reader = ArchiveReader::begin(archive)?;
    while let Some(piece) = reader.read()? {
        target.take(piece).await?;
    }
    target.verify().await?;
    target.publish(1_000, NOW).await?;
    Ok(())
}

/// Places for stores: in folders, and on the server that the environment names.
enum Place {
    Sqlite(tempfile::TempDir),
    Postgres(Box<backend::Postgres>, tempfile::TempDir),
}

impl Place {
    fn folder() -> Result<Self> {
        Ok(Self::Sqlite(tempfile::tempdir()?))
    }

    /// Each kind that there is.
    fn each() -> Result<Vec<Self>> {
        let mut places = vec![Self::folder()?];
        if let Some(server) = backend::postgres_of_environment()? {
            places.push(Self::Postgres(Box::new(server), tempfile::tempdir()?));
        }
        Ok(places)
    }

    async fn incoming(&self, anew: bool) -> Result<Box<dyn Target>> {
        Ok(match self {
            Self::Sqlite(folder) => Box::new(sqlite::archive::incoming(folder.path(), &settings(), anew).await?),
            Self::Postgres(server, folder) => {
                let url = server.database(folder.path()).await?;
                Box::new(postgres::archive::incoming(&url, &settings(), anew).await?)
            }
        })
    }

    async fn snapshot(&self) -> Result<Box<dyn Source>> {
        Ok(match self {
            Self::Sqlite(folder) => Box::new(sqlite::archive::snapshot(folder.path(), &settings(), NOW).await?),
            Self::Postgres(server, folder) => {
                Box::new(postgres::archive::snapshot(&server.database(folder.path()).await?).await?)
            }
        })
    }

    async fn contents(&self) -> Result<String> {
        match self {
            Self::Sqlite(folder) => Sqlite::Inline.contents(folder.path()).await,
            Self::Postgres(server, folder) => server.contents(folder.path()).await,
        }
    }

    /// Starts on it; the number of the start.
    async fn start(&self) -> Result<u64> {
        Ok(match self {
            Self::Sqlite(folder) => Sqlite::Segments.open(folder.path(), &settings()).await?.epoch,
            Self::Postgres(server, folder) => server.open(folder.path(), &settings()).await?.epoch,
        })
    }
}

#[tokio::test]
async fn what_comes_out_of_a_store_makes_the_same_store_in_whatever_database() -> Result<()> {
    let source = Place::folder()?;
    let Place::Sqlite(folder) = &source else {
        anyhow::bail!("not in a folder")
    };
    fill(&Sqlite::Segments, folder.path()).await?;
    let archive = archived(&mut *source.snapshot().await?).await?;
    let before = source.contents().await?;
    assert!(before.contains("log_events_3") && before.contains("dedupe_3"), "{before}");
    for place in Place::each()? {
        restored(&archive, place.incoming(true).await?).await?;
        // And back again: from whatever it is now.
        let back = Place::folder()?;
        restored(&archived(&mut *place.snapshot().await?).await?, back.incoming(true).await?).await?;
        assert_eq!(back.contents().await?, before);
        assert!(place.start().await? > 1_000, "a start of its own");
        let again = place.incoming(true).await.err().context("a store over a store")?;
        assert!(again.to_string().contains("holds a store already"), "{again}");
    }
    Ok(())
}

/// The server's index follows its journal; a backup waits for it.
#[tokio::test]
async fn a_backup_has_what_was_acknowledged_before_it_began() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut opened = Sqlite::Segments.open(folder.path(), &settings()).await?;
    for (n, decision) in decisions().into_iter().enumerate() {
        opened.journal.append(decision.into()).await?;
        opened.journal.sync().await?;
        let mut snapshot = sqlite::archive::snapshot(folder.path(), &settings(), NOW).await?;
        let archive = archived(&mut snapshot).await?;
        let mut reader = ArchiveReader::begin(archive.as_slice())?;
        let mut footer = None;
        while let Some(piece) = reader.read()? {
            if let Piece::Footer(found) = piece {
                footer = Some(found);
            }
        }
        let footer = footer.context("no end")?;
        let keys = footer.tables["dedupe"].rows;
        assert_eq!(keys, u64::try_from(n)? + 1);
    }
    Ok(())
}

/// Somebody ended in the middle: nobody but the journal's files has the last decisions.
#[tokio::test]
async fn a_backup_of_a_stopped_store_has_what_only_its_journal_has() -> Result<()> {
    let (stopped, running) = (tempfile::tempdir()?, tempfile::tempdir()?);
    fill(&Sqlite::Segments, running.path()).await?;
    let files = running.path().join(sqlite::SEGMENTS_NAME);
    // The index as it was before the first decision, and the files as they are.
    drop(Sqlite::Inline.open(stopped.path(), &settings()).await?);
    std::fs::create_dir_all(stopped.path().join(sqlite::SEGMENTS_NAME))?;
    for file in std::fs::read_dir(&files)? {
        let file = file?;
        std::fs::copy(file.path(), stopped.path().join(sqlite::SEGMENTS_NAME).join(file.file_name()))?;
    }
    let mut snapshot = sqlite::archive::stopped(stopped.path(), &settings(), NOW).await?;
    let archive = archived(&mut snapshot).await?;
    let place = Place::folder()?;
    restored(&archive, place.incoming(true).await?).await?;
    assert_eq!(place.contents().await?, Sqlite::Inline.contents(running.path()).await?);
    Ok(())
}

/// Fails behind so many pieces.
struct Interrupted<'a>(&'a mut dyn Target, u32);

#[async_trait]
impl Sink for Interrupted<'_> {
    async fn take(&mut self, piece: Piece) -> Result<(), ArchiveError> {
        if self.1 == 0 {
            return Err(ArchiveError::Behind);
        }
        self.1 -= 1;
        self.0.take(piece).await
    }
}

#[tokio::test]
async fn what_was_interrupted_goes_on_where_it_was_and_only_from_the_same_source() -> Result<()> {
    let (source, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
    fill(&Sqlite::Inline, source.path()).await?;
    drop(Sqlite::Inline.open(other.path(), &settings()).await?);
    for place in Place::each()? {
        for pieces in 0..12 {
            let mut target = place.incoming(false).await?;
            let mut snapshot = sqlite::archive::stopped(source.path(), &settings(), NOW).await?;
            let ended = snapshot.export(NOW, &mut Interrupted(&mut *target, pieces)).await;
            assert!(ended.is_err(), "after {pieces}");
        }
        let mut target = place.incoming(false).await?;
        let mut snapshot = sqlite::archive::stopped(other.path(), &settings(), NOW).await?;
        let refused = snapshot.export(NOW, &mut *target).await;
        assert!(matches!(refused, Err(ArchiveError::OtherSource { .. })), "{refused:?}");
        drop(target);
        let mut target = place.incoming(false).await?;
        let mut snapshot = sqlite::archive::stopped(source.path(), &settings(), NOW).await?;
        snapshot.export(NOW, &mut *target).await?;
        target.verify().await?;
        target.publish(9, NOW).await?;
        let back = Place::folder()?;
        restored(&archived(&mut *place.snapshot().await?).await?, back.incoming(true).await?).await?;
        assert_eq!(back.contents().await?, Sqlite::Inline.contents(source.path()).await?);
    }
    Ok(())
}

#[tokio::test]
async fn a_store_that_a_server_has_is_not_moved_and_not_written_over() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let opened = Sqlite::Segments.open(folder.path(), &Settings::default()).await?;
    let quick = Settings {
        busy_timeout: std::time::Duration::from_millis(10),
        journal: JournalKind::Segments,
        ..settings()
    };
    let moved = sqlite::archive::stopped(folder.path(), &quick, NOW).await;
    assert!(matches!(moved, Err(ArchiveError::InUse { .. })), "{moved:?}");
    let written = sqlite::archive::incoming(folder.path(), &quick, true).await;
    assert!(matches!(written, Err(ArchiveError::InUse { .. })), "{written:?}");
    drop(opened);
    let nothing = sqlite::archive::snapshot(&folder.path().join("nowhere"), &quick, NOW).await;
    assert!(matches!(nothing, Err(ArchiveError::Nothing { .. })), "{nothing:?}");
    if let Some(server) = backend::postgres_of_environment()? {
        let url = server.database(folder.path()).await?;
        let nothing = postgres::archive::snapshot(&url).await;
        assert!(matches!(nothing, Err(ArchiveError::Nothing { .. })), "{nothing:?}");
        let opened = server.open(folder.path(), &settings()).await?;
        let moved = postgres::archive::stopped(&url).await;
        assert!(matches!(moved, Err(ArchiveError::InUse { .. })), "{moved:?}");
        drop(opened);
    }
    Ok(())
}
