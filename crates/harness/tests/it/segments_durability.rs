//! No answer leaves before the sync of the segment that holds its decision has returned (architecture invariant 1),
//! and what a disk refuses is said.

use std::{pin::pin, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use futures_util::poll;
use watchfire_app::{Error, sequencer::Ended};
use watchfire_harness::{app::TestApp, backend::Sqlite, watched_disk::WatchedDisk, witness::Witness};

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
