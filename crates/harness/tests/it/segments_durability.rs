//! No answer leaves before the sync of the segment that holds its decision has returned (architecture invariant 1),
//! and what a disk refuses is said.

use std::{pin::pin, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use futures_util::poll;
use watchfire_app::{Error, sequencer::Ended};
use watchfire_harness::{
    app::TestApp,
    backend::{Backend as _, Opened, Sqlite},
    watched_disk::WatchedDisk,
    witness::Witness,
};
use watchfire_model::{
    id::{GroupId, UserId},
    object::{Kind, Membership},
    row::Decision,
    time::Timestamp,
};
use watchfire_store::settings::Settings;

/// Longer than any sync takes; a build without the defect never waits so long.
const LONG: Duration = Duration::from_secs(20);

async fn watched() -> Result<(TestApp, WatchedDisk)> {
    let disk = WatchedDisk::default();
    let files = Arc::new(disk.clone());
    let app = TestApp::builder()
        .backend(Sqlite::Segments)
        .store(|s| s.disk = files)
        .start()
        .await?;
    Ok((app, disk))
}

fn is_unavailable(answer: &watchfire_app::Result<()>) -> bool {
    matches!(answer, Err(Error::Unavailable { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_waits_for_the_sync_of_its_segment() -> Result<()> {
    let (app, disk) = watched().await?;
    let mut syncs = disk.syncs_begun();
    syncs.mark_unchanged();
    let held = disk.hold_syncs();
    let mut answer = pin!(app.send_risk("192.0.2.1", None));
    tokio::select! {
        biased;
        begun = tokio::time::timeout(LONG, syncs.changed()) => begun??,
        _ = &mut answer => panic!("answered without a sync"),
    }
    assert!(poll!(&mut answer).is_pending(), "answered before the sync had returned");
    assert!(app.app.state().signals().is_empty(), "published before the sync had returned");
    drop(held);
    tokio::time::timeout(LONG, answer).await??;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_of_a_segment_ends_the_sequencer_and_acknowledges_nothing() -> Result<()> {
    let (mut app, disk) = watched().await?;
    app.send_risk("192.0.2.1", Some("before")).await?;
    disk.fail_syncs(true);
    let answer = app.send_risk("192.0.2.2", Some("during")).await;
    assert!(is_unavailable(&answer), "{answer:?}");
    let ended = tokio::time::timeout(LONG, app.ended()).await??;
    assert!(matches!(ended, Ended::SyncUnknown(_)), "{ended:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_segments_turns_calls_away_until_there_is_room() -> Result<()> {
    let (app, disk) = watched().await?;
    app.send_risk("192.0.2.1", Some("before")).await?;
    disk.fill_up(true);
    for _ in 0..3 {
        let answer = app.send_risk("192.0.2.2", Some("during")).await;
        assert!(is_unavailable(&answer), "{answer:?}");
    }
    disk.fill_up(false);
    app.send_risk("192.0.2.2", Some("during")).await?;
    app.send_risk("192.0.2.1", Some("before")).await?;
    let app = app.restart().await?;
    assert_eq!(app.index.receipt_count().await?, 2);
    assert_eq!(app.app.state().signals().len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_index_is_waited_for_as_far_as_the_backlog_may_grow() -> Result<()> {
    let app = TestApp::builder()
        .backend(Sqlite::Segments)
        .store(|s| (s.backlog_bytes, s.busy_timeout) = (10_000, Duration::from_millis(50)))
        .start()
        .await?;
    let before = app.index.receipt_count().await?;
    let mut other = Witness::writing(app.folder()).await?;
    other.run("BEGIN IMMEDIATE").await?;
    let mut taken = 0;
    let turned_away = loop {
        match app.send_risk("192.0.2.2", Some(&taken.to_string())).await {
            Ok(()) => taken += 1,
            refused => break refused,
        }
        assert!(taken < 1_000, "nothing bounds what the index lags behind");
    };
    assert!(is_unavailable(&turned_away) && taken > 1, "{taken}, then {turned_away:?}");
    assert_eq!(app.index.receipt_count().await?, before, "reads go on");
    other.run("ROLLBACK").await?;
    let drained = async {
        while app.send_risk("192.0.2.3", Some("after")).await.is_err() {
            tokio::task::yield_now().await;
        }
        while app.index.receipt_count().await? < before + taken + 1 {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(LONG, drained)
        .await
        .context("the backlog did not drain")??;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_and_not_applied_is_there_after_a_restart() -> Result<()> {
    let app = TestApp::builder().backend(Sqlite::Segments).start().await?;
    let mut other = Witness::writing(app.folder()).await?;
    other.run("BEGIN IMMEDIATE").await?;
    for n in 0..50 {
        app.send_risk(&format!("192.0.2.{n}"), Some(&n.to_string())).await?;
    }
    assert_eq!(app.index.receipt_count().await?, 0, "applied already");
    let unlocked = async {
        // The old applier gives the folder up when it has applied, or when it is gone.
        other.run("ROLLBACK").await
    };
    let (app, unlocked) = tokio::join!(app.restart(), unlocked);
    unlocked?;
    let app = app?;
    assert_eq!(app.index.receipt_count().await?, 50);
    for n in 0..50 {
        app.send_risk(&format!("192.0.2.{n}"), Some(&n.to_string())).await?;
    }
    assert_eq!(app.index.receipt_count().await?, 50, "a repeat is known after a restart");
    Ok(())
}

/// What is removed and made again while the index waits has the place in lists that it has with the other journal.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_again_in_one_transaction_has_a_new_place() -> Result<()> {
    let mut contents = Vec::new();
    for backend in [Sqlite::Inline, Sqlite::Segments] {
        let folder = tempfile::tempdir()?;
        let mut opened = backend.open(folder.path(), &Settings::default()).await?;
        // The segments' applier waits; the other journal would, too.
        let mut other = Witness::writing(folder.path()).await?;
        if matches!(backend, Sqlite::Segments) {
            other.run("BEGIN IMMEDIATE").await?;
        }
        for (user, group) in [("00u1", "00g1"), ("00u1", "00g2")] {
            write(&mut opened, |decision| decision.put(membership(user, group))).await?;
        }
        let id = Membership::id(&GroupId::new("00g1"), &UserId::new("00u1"));
        write(&mut opened, |decision| decision.delete(Kind::Membership, id)).await?;
        write(&mut opened, |decision| decision.put(membership("00u1", "00g1"))).await?;
        if matches!(backend, Sqlite::Segments) {
            other.run("ROLLBACK").await?;
        }
        drop(opened);
        drop(backend.open(folder.path(), &Settings::default()).await?);
        contents.push(backend.contents(folder.path()).await?);
    }
    assert_eq!(contents[0], contents[1]);
    Ok(())
}

fn membership(user: &str, group: &str) -> Membership {
    Membership {
        user_id: UserId::new(user),
        group_id: GroupId::new(group),
        created: Timestamp::from_seconds(1_800_000_000),
    }
}

async fn write(opened: &mut Opened, change: impl FnOnce(&mut Decision)) -> Result<()> {
    let mut decision = Decision::new();
    change(&mut decision);
    opened.journal.append(Arc::new(decision)).await?;
    Ok(opened.journal.sync().await?)
}
