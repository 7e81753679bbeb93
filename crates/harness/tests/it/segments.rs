//! The segment journal's files on a disk that does all that a disk may do, and the journal beside its oracle.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use proptest::prelude::*;
use watchfire_harness::{
    backend::{Backend, Opened, Sqlite},
    entropy::SeededEntropy,
    sim_disk::SimDisk,
};
use watchfire_model::{
    id::{GroupId, OrgId, UserId},
    log::{Actor, EventType, LogEvent},
    object::{Kind, Membership},
    row::{Decision, DedupeKey},
    time::Timestamp,
};
use watchfire_store::{
    disk::{Disk, RealDisk},
    segments::{AppendError, Applied, Damage, Encoded, SegmentLog, SegmentSizes, recover, remove},
    settings::Settings,
};

const FOLDER: &str = "/data/journal";
const SMALL: SegmentSizes = SegmentSizes {
    first: 16 * 1_024,
    most: 64 * 1_024,
};
const EVERYTHING: Applied = Applied { epoch: 0, seq: 0 };

/// A decision that is told from others by `n` and takes about `bytes`.
fn decision(n: u64, bytes: usize) -> Decision {
    let mut decision = Decision::new();
    decision.delete(Kind::User, format!("{n} {}", "x".repeat(bytes)));
    decision
}

fn group(decisions: &[Decision]) -> Encoded {
    let mut encoded = Encoded::default();
    decisions.iter().for_each(|decision| encoded.push(decision).unwrap());
    encoded
}

fn found(disk: &dyn Disk, folder: &Path, applied: Applied) -> Result<Vec<Decision>, Damage> {
    let groups = recover(disk, folder, applied)?;
    Ok(groups.into_iter().flat_map(|group| group.decisions).collect())
}

/// Writes groups until a call fails, cuts the power, and looks at what is there.
fn one_life(seed: u64) {
    let chance = SeededEntropy::new(seed);
    let disk = SimDisk::new(seed);
    let (mut acknowledged, mut under_way) = (Vec::new(), Vec::new());
    let mut applied = Applied { epoch: 1, seq: 0 };
    disk.fail_after(chance.below(60));
    if let Ok(mut log) = SegmentLog::begin(Arc::new(disk.clone()), Path::new(FOLDER), 1, SMALL) {
        for _ in 0..40 {
            let size = |_| decision(chance.below(1 << 40), usize::try_from(chance.below(9_000)).unwrap());
            under_way = (0..=chance.below(3)).map(size).collect();
            if log.append(&group(&under_way)).is_err() {
                break;
            }
            acknowledged.append(&mut under_way);
            // The index follows, more or less far behind, and its files go.
            if chance.below(3) == 0 {
                let behind = u64::try_from(acknowledged.len()).unwrap() - applied.seq;
                applied.seq += chance.below(behind + 1);
                let _ = log.retire(applied.seq);
            }
        }
    }
    disk.cut_power();
    acknowledged.drain(..usize::try_from(applied.seq).unwrap());
    let there = match found(&disk, Path::new(FOLDER), applied) {
        Ok(there) => there,
        Err(damage) => panic!("seed {seed}: {damage}"),
    };
    let whole = [acknowledged.clone(), under_way].concat();
    assert!(
        there == acknowledged || there == whole,
        "seed {seed}: {} acknowledged, {} there",
        acknowledged.len(),
        there.len()
    );
}

#[test]
fn after_a_power_cut_all_that_was_acknowledged_is_there_and_no_part_of_a_group() {
    (0..600).for_each(one_life);
}

#[test]
fn a_failed_sync_says_that_nobody_knows() -> Result<()> {
    let disk = SimDisk::new(1);
    let mut log = SegmentLog::begin(Arc::new(disk.clone()), Path::new(FOLDER), 1, SMALL)?;
    log.append(&group(&[decision(1, 0)]))?;
    disk.fail_syncs(true);
    let failed = log.append(&group(&[decision(2, 0)]));
    assert!(matches!(failed, Err(AppendError::Unknown(_))), "{failed:?}");
    disk.cut_power();
    assert_eq!(found(&disk, Path::new(FOLDER), EVERYTHING)?.first(), Some(&decision(1, 0)));
    Ok(())
}

#[test]
fn a_full_disk_takes_nothing_and_harms_nothing() -> Result<()> {
    let disk = SimDisk::new(2);
    let mut log = SegmentLog::begin(Arc::new(disk.clone()), Path::new(FOLDER), 1, SMALL)?;
    log.append(&group(&[decision(1, 0)]))?;
    for room in [0, 100, 5_000, 20_000] {
        disk.leave_room(Some(room));
        let refused = log.append(&group(&[decision(2, 30_000)]));
        assert!(
            matches!(&refused, Err(AppendError::Unwritten(error)) if error.kind() == ErrorKind::StorageFull),
            "{refused:?}"
        );
    }
    disk.leave_room(None);
    log.append(&group(&[decision(3, 30_000)]))?;
    disk.cut_power();
    assert_eq!(
        found(&disk, Path::new(FOLDER), EVERYTHING)?,
        [decision(1, 0), decision(3, 30_000)]
    );
    Ok(())
}

/// Five groups of one decision each, of 10 kB, in files on the real disk: one in the first, two in each after it.
fn five_groups(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut log = SegmentLog::begin(Arc::new(RealDisk), folder, 3, SMALL)?;
    for n in 1..=5 {
        log.append(&group(&[decision(n, 10_000)]))?;
    }
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// Where the only byte of `wanted` in the folder's files is.
fn place(paths: &[PathBuf], wanted: &str) -> Result<(PathBuf, usize)> {
    for path in paths {
        let content = fs::read(path)?;
        let at = content.windows(wanted.len()).position(|window| window == wanted.as_bytes());
        if let Some(at) = at {
            return Ok((path.clone(), at));
        }
    }
    anyhow::bail!("{wanted:?} is nowhere")
}

fn flip(path: &Path, at: usize) -> Result<()> {
    let mut content = fs::read(path)?;
    *content.get_mut(at).context("beyond the end")? ^= 1;
    Ok(fs::write(path, content)?)
}

#[test]
fn a_bad_last_group_is_cut_and_a_bad_group_before_others_stops_the_start() -> Result<()> {
    for n in 1..=5_u64 {
        let folder = tempfile::tempdir()?;
        let paths = five_groups(folder.path())?;
        let (path, at) = place(&paths, &format!("{n} xxxx"))?;
        flip(&path, at)?;
        let found = found(&RealDisk, folder.path(), EVERYTHING);
        match found {
            Ok(there) => assert_eq!((n, there.len()), (5, 4)),
            Err(Damage::Middle { .. } | Damage::Gap { .. }) => assert!(n < 5),
            Err(other) => panic!("{n}: {other}"),
        }
    }
    Ok(())
}

#[test]
fn a_file_that_is_missing_or_has_lost_its_head_stops_the_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let paths = five_groups(folder.path())?;
    assert!(paths.len() >= 3, "{paths:?}");
    let kept = fs::read(&paths[1])?;
    fs::remove_file(&paths[1])?;
    let gap = found(&RealDisk, folder.path(), EVERYTHING);
    assert!(matches!(gap, Err(Damage::Gap { .. })), "{gap:?}");
    fs::write(&paths[1], &kept)?;
    flip(&paths[1], 9)?;
    let headless = found(&RealDisk, folder.path(), EVERYTHING);
    assert!(matches!(headless, Err(Damage::Headless { .. })), "{headless:?}");
    fs::write(&paths[1], &kept)?;
    fs::remove_file(&paths[0])?;
    let first = found(&RealDisk, folder.path(), EVERYTHING);
    assert!(matches!(first, Err(Damage::Gap { wanted: 1, .. })), "{first:?}");
    Ok(())
}

#[test]
fn what_the_index_has_is_not_given_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    five_groups(folder.path())?;
    for seq in 0..=5 {
        let left = found(&RealDisk, folder.path(), Applied { epoch: 3, seq })?;
        assert_eq!(left.len(), usize::try_from(5 - seq)?);
    }
    assert!(found(&RealDisk, folder.path(), Applied { epoch: 4, seq: 0 })?.is_empty());
    Ok(())
}

/// Whoever sends bodies may send the blocks of a real group, of another segment.
#[test]
fn a_group_of_another_segment_is_no_group() -> Result<()> {
    let (ours, theirs) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let mut log = SegmentLog::begin(Arc::new(RealDisk), ours.path(), 3, SMALL)?;
    log.append(&group(&[decision(1, 0)]))?;
    let foreign = fs::read(&five_groups(theirs.path())?[0])?;
    let path = fs::read_dir(ours.path())?.next().context("no file")??.path();
    let mut content = fs::read(&path)?;
    let blocks = foreign.get(4_096..8_192).context("no group")?;
    content.get_mut(8_192..12_288).context("no room")?.copy_from_slice(blocks);
    fs::write(&path, content)?;
    assert_eq!(found(&RealDisk, ours.path(), EVERYTHING)?, [decision(1, 0)]);
    Ok(())
}

#[test]
fn files_go_when_the_index_has_them_and_all_of_them_at_a_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut log = SegmentLog::begin(Arc::new(RealDisk), folder.path(), 1, SMALL)?;
    let count = || fs::read_dir(folder.path()).map(Iterator::count);
    for n in 1..=8 {
        log.append(&group(&[decision(n, 20_000)]))?;
    }
    let before = count()?;
    log.retire(1)?;
    assert!(count()? < before, "{before} files still");
    let left = found(&RealDisk, folder.path(), Applied { epoch: 1, seq: 1 })?;
    assert_eq!(left.len(), 7);
    remove(&RealDisk, folder.path())?;
    assert_eq!(count()?, 0);
    Ok(())
}

/// One step of who uses a journal.
#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Change>),
    Sync,
    RollBack,
    Reopen,
}

#[derive(Clone, Debug)]
enum Change {
    Put(u8, u8),
    Delete(u8, u8),
    Remember(u8),
    Log(u8),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        (0..4_u8, 0..4_u8).prop_map(|(user, group)| Change::Put(user, group)),
        (0..4_u8, 0..4_u8).prop_map(|(user, group)| Change::Delete(user, group)),
        (0..40_u8).prop_map(Change::Remember),
        any::<u8>().prop_map(Change::Log),
    ];
    prop::collection::vec(change, 1..4)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => changes().prop_map(Step::Append),
        3 => Just(Step::Sync),
        1 => Just(Step::RollBack),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..24)
}

/// The decision that `changes` come to; `n` makes its log events its own.
fn decided(changes: &[Change], n: usize) -> Decision {
    let mut decision = Decision::new();
    for (at, change) in changes.iter().enumerate() {
        match change {
            Change::Put(user, group) => decision.put(Membership {
                user_id: UserId::new(format!("00u{user}")),
                group_id: GroupId::new(format!("00g{group}")),
                created: Timestamp::from_seconds(1_800_000_000),
            }),
            Change::Delete(user, group) => {
                let (user, group) = (UserId::new(format!("00u{user}")), GroupId::new(format!("00g{group}")));
                decision.delete(Kind::Membership, Membership::id(&group, &user));
            }
            Change::Remember(key) => decision.remember(DedupeKey([*key; 16]), Timestamp::from_seconds(1_900_000_000)),
            Change::Log(word) => {
                let actor = Actor::system(&OrgId::new(format!("00o{word}")));
                let mut event = LogEvent::new(EventType::OAuthKeyRollover, actor);
                event.stamp(format!("{n}-{at}"), Timestamp::from_seconds(1_800_000_000));
                decision.log(event);
            }
        }
    }
    decision
}

/// Carries the steps out and gives what the index holds in the end.
async fn outcome(backend: Sqlite, steps: &[Step]) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let settings = Settings {
        dedupe_partition_rows: 5,
        log_partition_rows: 5,
        cached_answers: 8,
        segments: SMALL,
        ..Settings::default()
    };
    let open = async || backend.open(folder.path(), &settings).await;
    let mut opened: Opened = open().await?;
    for (n, step) in steps.iter().chain([&Step::Sync]).enumerate() {
        match step {
            Step::Append(changes) => {
                opened.journal.append(Arc::new(decided(changes, n))).await?;
            }
            Step::Sync => opened.journal.sync().await?,
            Step::RollBack => opened.journal.roll_back().await,
            Step::Reopen => {
                opened.journal.sync().await?;
                drop(opened);
                opened = open().await?;
            }
        }
    }
    drop(opened);
    // A new start has applied everything.
    drop(open().await?);
    backend.contents(folder.path()).await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn the_same_commands_leave_the_same_rows(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (inline, segments) = runtime.block_on(async {
            (outcome(Sqlite::Inline, &steps).await.unwrap(), outcome(Sqlite::Segments, &steps).await.unwrap())
        });
        prop_assert_eq!(inline, segments);
    }
}
