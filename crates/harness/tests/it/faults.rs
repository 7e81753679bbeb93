//! SQLite's full disk and locked database: 503, nothing acknowledged is lost, and it goes on by itself.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::join_all;
use watchfire_app::Error;
use watchfire_harness::{app::TestApp, backend::Sqlite, counting_vfs, witness::Witness};
use watchfire_store::{StoreError, settings::Settings, sqlite};

fn is_unavailable(answer: &watchfire_app::Result<()>) -> bool {
    matches!(answer, Err(Error::Unavailable { .. }))
}

#[tokio::test]
async fn a_full_disk_turns_calls_away_until_there_is_room() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let recorder = counting_vfs::watch(folder.path())?;
    let app = TestApp::builder().backend(Sqlite::Inline).folder(folder).start().await?;
    app.send_risk("192.0.2.1", Some("before")).await?;
    recorder.fill_up(true);
    for round in 0..3 {
        let answers = join_all((0..5).map(|_| app.send_risk("192.0.2.2", Some("during")))).await;
        assert!(answers.iter().all(is_unavailable), "round {round}: {answers:?}");
    }
    assert_eq!(app.index.receipt_count().await?, 1, "reads go on");
    recorder.fill_up(false);
    app.send_risk("192.0.2.2", Some("during")).await?;
    app.send_risk("192.0.2.1", Some("before")).await?;
    assert_eq!(app.index.receipt_count().await?, 2);
    let app = app.restart().await?;
    assert_eq!(app.index.receipt_count().await?, 2);
    assert_eq!(app.app.state().signals().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_disk_that_fills_up_in_the_middle_of_a_group_drops_the_group() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let recorder = counting_vfs::watch(folder.path())?;
    // A partition ends in every group, so the writer has more in memory than rows.
    let app = TestApp::builder()
        .backend(Sqlite::Inline)
        .folder(folder)
        .store(|s| s.dedupe_partition_rows = 1)
        .start()
        .await?;
    app.send_risk("192.0.2.1", Some("0")).await?;
    for n in 1..6 {
        recorder.fill_up(true);
        let (a, b) = (n.to_string(), format!("{n}b"));
        let answers = tokio::join!(app.send_risk("192.0.2.2", Some(&a)), app.send_risk("192.0.2.3", Some(&b)));
        assert!(is_unavailable(&answers.0) && is_unavailable(&answers.1), "{answers:?}");
        recorder.fill_up(false);
        app.send_risk("192.0.2.2", Some(&a)).await?;
    }
    let app = app.restart().await?;
    for n in 0..6 {
        app.send_risk("192.0.2.2", Some(&n.to_string())).await?;
    }
    assert_eq!(app.index.receipt_count().await?, 6);
    Ok(())
}

#[tokio::test]
async fn a_locked_database_turns_calls_away_until_it_is_free() -> Result<()> {
    let app = TestApp::builder()
        .backend(Sqlite::Inline)
        .store(|s| s.busy_timeout = Duration::from_millis(50))
        .start()
        .await?;
    app.send_risk("192.0.2.1", Some("before")).await?;
    let mut other = Witness::writing(app.folder()).await?;
    other.run("BEGIN IMMEDIATE").await?;
    for _ in 0..2 {
        let answer = app.send_risk("192.0.2.2", Some("during")).await;
        assert!(is_unavailable(&answer), "{answer:?}");
    }
    assert_eq!(app.index.receipt_count().await?, 1, "reads go on");
    other.run("ROLLBACK").await?;
    app.send_risk("192.0.2.2", Some("during")).await?;
    app.send_risk("192.0.2.2", Some("during")).await?;
    assert_eq!(app.index.receipt_count().await?, 2);
    Ok(())
}

#[tokio::test]
async fn one_process_has_a_folder() -> Result<()> {
    let app = TestApp::builder().backend(Sqlite::Inline).start().await?;
    let second = sqlite::open(app.folder(), &Settings::default(), app.clock_now()).await;
    assert!(matches!(second, Err(StoreError::Busy(_))), "{second:?}");
    let app = app.restart().await?;
    app.send_risk("192.0.2.1", None).await?;
    Ok(())
}

#[tokio::test]
async fn everything_that_was_answered_is_there_after_a_restart() -> Result<()> {
    let app = TestApp::start().await?;
    assert!(app.first_start);
    let answers = join_all((0..200).map(|n| {
        let (ip, key) = (format!("198.51.100.{}", n % 100), format!("{}", n % 100));
        let app = &app;
        async move { app.send_risk(&ip, Some(&key)).await }
    }));
    for answer in answers.await {
        answer?;
    }
    let app = app.restart().await?;
    assert!(!app.first_start);
    assert_eq!(app.index.receipt_count().await?, 100, "a repeat has no receipt of its own");
    assert_eq!(app.app.state().signals().len(), 100);
    Ok(())
}
