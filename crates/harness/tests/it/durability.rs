//! No answer leaves before the sync that holds its decision has returned (architecture invariant 1).
//!
//! `cargo xtask test` builds these tests once more with each of the two defects (no sync; an answer before
//! the commit) and shows that they fail there.

use std::{pin::pin, time::Duration};

use anyhow::Result;
use futures_util::{future::join_all, poll};
use watchfire_app::{Error, sequencer::Ended};
use watchfire_harness::{
    app::TestApp,
    backend::Sqlite,
    counting_vfs::{self, Event, Recorder},
    witness::Witness,
};
use watchfire_model::object::Kind;

/// Longer than any sync takes; a build without the defect never waits so long.
const LONG: Duration = Duration::from_secs(20);

async fn watched() -> Result<(TestApp, std::sync::Arc<Recorder>)> {
    let folder = tempfile::tempdir()?;
    let recorder = counting_vfs::watch(folder.path())?;
    // The second start finds an organisation and writes nothing: no sync of it can be taken for another.
    let app = TestApp::builder()
        .backend(Sqlite::Inline)
        .folder(folder)
        .start()
        .await?
        .restart()
        .await?;
    recorder.clear();
    Ok((app, recorder))
}

#[tokio::test]
async fn an_answer_waits_for_the_sync() -> Result<()> {
    let (app, recorder) = watched().await?;
    let mut syncs = recorder.wal_syncs_begun();
    syncs.mark_unchanged();
    let held = recorder.hold_syncs();
    let mut answer = pin!(app.send_risk("192.0.2.1", None));
    tokio::select! {
        biased;
        begun = tokio::time::timeout(LONG, syncs.changed()) => begun??,
        _ = &mut answer => panic!("answered without a sync"),
    }
    assert!(poll!(&mut answer).is_pending(), "answered before the sync had returned");
    assert!(app.app.state().signals().is_empty(), "published before the sync had returned");
    assert_eq!(app.index.receipt_count().await?, 0, "read before the sync had returned");
    drop(held);
    tokio::time::timeout(LONG, answer).await??;
    assert_eq!(app.index.receipt_count().await?, 1);
    Ok(())
}

#[tokio::test]
async fn between_the_last_write_and_the_answer_lies_a_sync() -> Result<()> {
    let (app, recorder) = watched().await?;
    for n in 0..50 {
        recorder.clear();
        app.send_risk(&format!("192.0.2.{n}"), None).await?;
        recorder.note("answered");
        let entries = recorder.entries();
        let answered = entries.iter().position(|e| e.event == Event::Note("answered"));
        let before = &entries[..answered.expect("the note")];
        let last_write = before.iter().rposition(|e| e.is_wal() && e.event == Event::Write);
        let last_sync = before.iter().rposition(|e| e.is_wal() && e.event == Event::Synced);
        let (write, sync) = (last_write.expect("a write"), last_sync.expect("a sync"));
        assert!(write < sync, "call {n}: written at {write}, synced at {sync}");
        assert!(before[write].at <= before[sync].at);
    }
    Ok(())
}

#[tokio::test]
async fn what_has_queued_up_shares_one_sync() -> Result<()> {
    let (app, recorder) = watched().await?;
    let mut syncs = recorder.wal_syncs_begun();
    syncs.mark_unchanged();
    let held = recorder.hold_syncs();
    let addresses: Vec<_> = (0..21).map(|n| format!("192.0.2.{n}")).collect();
    let mut first = pin!(app.send_risk(&addresses[0], None));
    tokio::select! {
        biased;
        begun = tokio::time::timeout(LONG, syncs.changed()) => begun??,
        _ = &mut first => panic!("answered without a sync"),
    }
    let mut rest = pin!(join_all(addresses[1..].iter().map(|ip| app.send_risk(ip, None))));
    assert!(poll!(&mut rest).is_pending(), "answered before the sync had returned");
    drop(held);
    first.await?;
    for answer in rest.await {
        answer?;
    }
    assert_eq!(recorder.wal_syncs(), 2, "one for the first, one for the twenty that waited");
    assert_eq!(app.index.receipt_count().await?, 21);
    Ok(())
}

#[tokio::test]
async fn a_failed_sync_ends_the_sequencer_and_acknowledges_nothing() -> Result<()> {
    let (mut app, recorder) = watched().await?;
    app.send_risk("192.0.2.1", Some("before")).await?;
    recorder.fail_syncs(true);
    let answers = join_all((0..10).map(|n| app.send_risk(["192.0.2.2", "192.0.2.3"][n % 2], None)));
    for answer in answers.await {
        assert!(matches!(answer, Err(Error::Unavailable { .. })), "{answer:?}");
    }
    let ended = app.ended().await?;
    assert!(matches!(ended, Ended::SyncUnknown(_)), "{ended:?}");
    assert!(matches!(
        app.send_risk("192.0.2.9", None).await,
        Err(Error::Unavailable { .. })
    ));
    assert_eq!(app.app.state().signals().len(), 1, "published without a sync");
    recorder.fail_syncs(false);
    let app = app.restart().await?;
    // The next start decides: what was acknowledged is there and known, whatever became of the rest.
    assert!(app.index.receipt_count().await? >= 1);
    let known = app.index.receipt_count().await?;
    app.send_risk("192.0.2.1", Some("before")).await?;
    assert_eq!(app.index.receipt_count().await?, known);
    Ok(())
}

#[tokio::test]
async fn a_failed_sync_of_a_removal_ends_the_sequencer_too() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let recorder = counting_vfs::watch(folder.path())?;
    let fast = Duration::from_millis(10);
    let mut app = TestApp::builder()
        .backend(Sqlite::Inline)
        .folder(folder)
        .settings(|s| s.sequencer.purge_every = fast)
        .start()
        .await?;
    // Nothing expires by itself in a fresh store: a row that has, put there from outside, unsynced.
    let mut outside = Witness::writing(app.folder()).await?;
    outside.run("PRAGMA synchronous = OFF").await?;
    recorder.fail_syncs(true);
    outside
        .run(&format!(
            "INSERT INTO objects (kind, id, expires_us, ordinal, document) VALUES ('{}', 'x', 1, 1000, '{{}}')",
            Kind::RevokedToken.as_str()
        ))
        .await?;
    let ended = tokio::time::timeout(LONG, app.ended()).await??;
    assert!(matches!(ended, Ended::SyncUnknown(_)), "{ended:?}");
    Ok(())
}
