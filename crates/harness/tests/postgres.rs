//! The store on PostgreSQL: the suite of every store, and what only a server that is somewhere else can do.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use futures_util::future::join_all;
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use watchfire_app::Error;
use watchfire_harness::{
    app::TestApp,
    backend::{self, Backend as _, Postgres},
    store_conformance,
};
use watchfire_store::settings::Settings;

#[path = "postgres/nodes.rs"]
mod nodes;
#[path = "postgres/order.rs"]
mod order;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

fn postgres() -> Postgres {
    backend::postgres_of_environment()
        .expect("a URL")
        .expect("WATCHFIRE_TEST_POSTGRES names no server")
}

store_conformance!(inline, postgres());

async fn running(folder: &Arc<TempDir>) -> Result<TestApp> {
    TestApp::builder()
        .backend(postgres())
        .shared_folder(Arc::clone(folder))
        .start()
        .await
}

/// Somebody else in the folder's database.
async fn outsider(folder: &TempDir) -> Result<PgConnection> {
    let url = postgres().database(folder.path()).await?;
    Ok(url.parse::<PgConnectOptions>()?.connect().await?)
}

/// Ends every other connection to the database; gives how many there were.
async fn cut_all(outsider: &mut PgConnection) -> Result<usize> {
    let cut =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    Ok(sqlx::query(cut).fetch_all(outsider).await?.len())
}

/// Sends until it is taken; a call that is turned away is one that did nothing.
async fn send_until_taken(app: &TestApp, key: &str) -> Result<()> {
    let sending = async {
        loop {
            match app.send_risk("192.0.2.1", Some(key)).await {
                Err(Error::Unavailable { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
                taken => return Ok(taken?),
            }
        }
    };
    tokio::time::timeout(LONG, sending).await?
}

#[tokio::test]
async fn a_lost_connection_turns_calls_away_and_is_made_again() -> Result<()> {
    let folder = Arc::new(tempfile::tempdir()?);
    let app = running(&folder).await?;
    let mut outsider = outsider(&folder).await?;
    for round in 0..5 {
        app.send_risk("192.0.2.1", Some(&format!("before {round}"))).await?;
        assert!(cut_all(&mut outsider).await? > 0);
        send_until_taken(&app, &format!("after {round}")).await?;
    }
    assert_eq!(app.index.receipt_count().await?, 10);
    let app = app.restart().await?;
    assert_eq!(app.index.receipt_count().await?, 10);
    Ok(())
}

#[tokio::test]
async fn a_group_that_is_cut_in_the_middle_leaves_nothing() -> Result<()> {
    let folder = Arc::new(tempfile::tempdir()?);
    let app = running(&folder).await?;
    let mut holder = outsider(&folder).await?;
    let mut killer = outsider(&folder).await?;
    sqlx::raw_sql("BEGIN; LOCK TABLE receipts IN ACCESS EXCLUSIVE MODE")
        .execute(&mut holder)
        .await?;
    let calls = join_all((0..5).map(|n| app.send_risk("192.0.2.1", Some(if n < 3 { "a" } else { "b" }))));
    let cut = async {
        let waits = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut killer).await? == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        sqlx::query(cut).fetch_all(&mut killer).await?;
        anyhow::Ok(())
    };
    let (answers, cut) = tokio::join!(calls, cut);
    cut?;
    assert!(
        answers.iter().all(|it| matches!(it, Err(Error::Unavailable { .. }))),
        "{answers:?}"
    );
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await?;
    assert_eq!(app.index.receipt_count().await?, 0);
    send_until_taken(&app, "a").await?;
    send_until_taken(&app, "b").await?;
    assert_eq!(app.index.receipt_count().await?, 2);
    Ok(())
}

/// Whoever turned it off for everybody else has not turned it off for us.
#[tokio::test]
async fn a_commit_waits_for_the_disk_whatever_the_default_is() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut outsider = outsider(&folder).await?;
    let name: String = sqlx::query_scalar("SELECT current_database()")
        .fetch_one(&mut outsider)
        .await?;
    let off = format!("ALTER DATABASE {name} SET synchronous_commit = off");
    sqlx::raw_sql(sqlx::AssertSqlSafe(off)).execute(&mut outsider).await?;
    let opened = postgres().open(folder.path(), &Settings::default()).await?;
    // A trigger tells under which setting a row was written.
    let watch = "CREATE TABLE seen (level TEXT); CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$; \
                 CREATE TRIGGER see BEFORE INSERT ON objects FOR EACH ROW EXECUTE FUNCTION see();";
    sqlx::raw_sql(watch).execute(&mut outsider).await?;
    drop(opened);
    let app = TestApp::builder().backend(postgres()).folder(folder).start().await?;
    let levels: Vec<String> = sqlx::query_scalar("SELECT DISTINCT level FROM seen")
        .fetch_all(&mut outsider)
        .await?;
    assert_eq!(levels, ["on"]);
    drop(app);
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_busy() -> Result<()> {
    let nobody = "postgres://watchfire@127.0.0.1:1/nobody";
    let opened = watchfire_store::postgres::open(nobody, &Settings::default(), watchfire_harness::clock::START).await;
    let error = opened.err().context("it opened")?;
    assert!(matches!(error, watchfire_store::StoreError::Busy(_)), "{error:?}");
    Ok(())
}
