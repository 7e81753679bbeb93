//! The one order of what several nodes commit, seen from their journals.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use watchfire_harness::{
    app::TestApp,
    backend::{Backend as _, Opened},
};
use watchfire_model::{
    id::{GroupId, UserId},
    object::{Membership, Object},
    row::Decision,
    slice::Need,
    time::Timestamp,
};
use watchfire_store::{StoreError, journal::Journal, settings::Settings};

use super::{LONG, outsider, postgres, running, send_until_taken};

/// Long enough for whatever would happen to happen.
const A_WHILE: Duration = Duration::from_millis(300);

async fn open(folder: &Path) -> Result<Opened> {
    let settings = Settings {
        // What waits here is let go of by the test.
        busy_timeout: LONG,
        idle_in_group: LONG,
        dedupe_partition_rows: 3,
        log_partition_rows: 3,
        ..Settings::default()
    };
    postgres().open(folder, &settings).await
}

fn member(user: &str) -> Arc<Decision> {
    let mut decision = Decision::new();
    decision.put(Membership {
        user_id: UserId::new(user),
        group_id: GroupId::new("00g1"),
        created: Timestamp::from_seconds(5),
    });
    Arc::new(decision)
}

/// The users of the decisions that a journal has heard of.
fn users(decisions: &[Decision]) -> Vec<String> {
    let text = |decision: &Decision| format!("{decision:?}");
    let name = |text: String| Some(text.split_once("UserId(\"")?.1.split_once('"')?.0.to_owned());
    decisions.iter().filter_map(|decision| name(text(decision))).collect()
}

async fn commit(journal: &mut dyn Journal, user: &str) -> Result<Vec<String>, StoreError> {
    let foreign = journal.begin().await?;
    journal.append(member(user)).await?;
    journal.sync().await?;
    Ok(users(&foreign.decisions))
}

/// The issue's own test: one transaction is held open while another node wants to commit.
#[tokio::test]
async fn no_node_passes_a_transaction_in_flight() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (mut first, mut second, mut third) = (
        open(folder.path()).await?,
        open(folder.path()).await?,
        open(folder.path()).await?,
    );
    commit(&mut *first.journal, "00uBefore").await?;
    assert_eq!(users(&third.journal.tail().await?.decisions), ["00uBefore"]);
    // The first one has its turn and writes, and its commit is held up.
    let mut holder = outsider(&folder).await?;
    sqlx::raw_sql("BEGIN; LOCK TABLE objects IN ACCESS EXCLUSIVE MODE")
        .execute(&mut holder)
        .await?;
    let flight = tokio::spawn(async move {
        let heard = commit(&mut *first.journal, "00uFlying").await;
        (heard, first)
    });
    tokio::time::sleep(A_WHILE).await;
    let waiting = tokio::spawn(async move {
        let heard = commit(&mut *second.journal, "00uLater").await;
        (heard, second)
    });
    tokio::time::sleep(A_WHILE).await;
    assert!(!flight.is_finished() && !waiting.is_finished(), "its turn has not come");
    assert!(third.journal.tail().await?.decisions.is_empty(), "nothing is committed");
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await?;
    let (heard, _first) = tokio::time::timeout(LONG, flight).await??;
    assert!(heard?.is_empty());
    let (heard, _second) = tokio::time::timeout(LONG, waiting).await??;
    assert_eq!(
        heard?,
        ["00uBefore", "00uFlying"],
        "the later one is decided on all earlier ones"
    );
    let heard = third.journal.tail().await?;
    assert_eq!(
        users(&heard.decisions),
        ["00uFlying", "00uLater"],
        "none is skipped, in their order"
    );
    Ok(())
}

#[tokio::test]
async fn what_another_node_writes_is_in_the_next_slice() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (mut first, mut second) = (open(folder.path()).await?, open(folder.path()).await?);
    let need = [Need::children::<Membership>("00u1"), Need::all::<Membership>()];
    // Both have it in their caches, empty.
    for node in [&mut first, &mut second] {
        node.journal.begin().await?;
        assert_eq!(node.journal.load(&need).await?.all::<Membership>().len(), 0);
        node.journal.sync().await?;
    }
    commit(&mut *first.journal, "00u1").await?;
    second.journal.begin().await?;
    assert_eq!(second.journal.load(&need).await?.all::<Membership>().len(), 1);
    let mut gone = Decision::new();
    let member = second
        .journal
        .load(&need)
        .await?
        .all::<Membership>()
        .first()
        .map(|it| (*it).clone());
    let member = Object::from(member.context("one")?);
    gone.delete(member.kind(), member.keys().id);
    second.journal.append(Arc::new(gone)).await?;
    second.journal.sync().await?;
    first.journal.begin().await?;
    assert_eq!(first.journal.load(&need).await?.all::<Membership>().len(), 0);
    first.journal.roll_back().await;
    Ok(())
}

/// Ordinals, log numbers and partitions are counted over all nodes.
#[tokio::test]
async fn nodes_go_on_counting_from_each_other() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut nodes = [open(folder.path()).await?, open(folder.path()).await?];
    for number in 0..20 {
        for node in &mut nodes {
            let user = format!("00u{number}n{}", node.epoch);
            commit(&mut *node.journal, &user).await?;
        }
    }
    let mut outsider = outsider(&folder).await?;
    let (count, last): (i64, i64) = sqlx::query_as("SELECT COUNT(DISTINCT ordinal), MAX(ordinal) FROM objects")
        .fetch_one(&mut outsider)
        .await?;
    assert_eq!((count, last), (40, 40));
    Ok(())
}

/// A node that was away for so long that what it has missed is not kept any more must not go on with what it has.
#[tokio::test]
async fn a_node_that_missed_too_much_ends() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (mut first, mut second) = (open(folder.path()).await?, open(folder.path()).await?);
    for user in ["00u1", "00u2", "00u3"] {
        commit(&mut *first.journal, user).await?;
    }
    sqlx::query("DELETE FROM groups WHERE seq < 3")
        .execute(&mut outsider(&folder).await?)
        .await?;
    for _ in 0..2 {
        let late = second.journal.begin().await;
        assert!(matches!(late, Err(StoreError::SyncUnknown(_))), "{late:?}");
    }
    Ok(())
}

/// A node that is stopped in the middle of a group loses its turn, and nothing of the group has happened.
#[tokio::test]
async fn a_turn_that_is_not_used_is_taken_away() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settings = Settings {
        idle_in_group: Duration::from_millis(200),
        busy_timeout: LONG,
        ..Settings::default()
    };
    let mut stopped = postgres().open(folder.path(), &settings).await?;
    let mut other = open(folder.path()).await?;
    stopped.journal.begin().await?;
    stopped.journal.append(member("00uStopped")).await?;
    commit(&mut *other.journal, "00uOther").await?;
    let late = stopped.journal.sync().await;
    assert!(matches!(late, Err(StoreError::Busy(_) | StoreError::Database(_))), "{late:?}");
    let heard = commit(&mut *stopped.journal, "00uAgain").await?;
    assert_eq!(heard, ["00uOther"]);
    assert_eq!(users(&other.journal.tail().await?.decisions), ["00uAgain"]);
    Ok(())
}

/// Groups that everybody has read go, and the newest one stays: it is where the numbers go on.
#[tokio::test]
async fn what_all_have_read_is_removed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (mut first, mut second) = (open(folder.path()).await?, open(folder.path()).await?);
    for number in 0..5 {
        commit(&mut *first.journal, &format!("00u{number}")).await?;
    }
    let mut outsider = outsider(&folder).await?;
    let kept = "SELECT COUNT(*), MAX(seq) FROM groups";
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let all: (i64, i64) = sqlx::query_as(kept).fetch_one(&mut outsider).await?;
    assert_eq!(all, (5, 5), "the second one has not read them");
    second.journal.tail().await?;
    let removed = async {
        while sqlx::query_as::<_, (i64, i64)>(kept).fetch_one(&mut outsider).await? != (1, 5) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(LONG, removed).await??;
    commit(&mut *second.journal, "00uNext").await?;
    assert_eq!(users(&first.journal.tail().await?.decisions), ["00uNext"]);
    Ok(())
}

/// A commit that is cut before it is carried out has not happened, and the node goes on.
#[tokio::test]
async fn a_commit_that_is_cut_is_looked_up() -> Result<()> {
    let folder = Arc::new(tempfile::tempdir()?);
    let app = running(&folder).await?;
    let mut outsider = outsider(&folder).await?;
    let slow = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); RETURN NEW; END $$; \
                CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON receipts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait();";
    sqlx::raw_sql(slow).execute(&mut outsider).await?;
    let sending = app.send_risk("192.0.2.1", Some("cut"));
    let cut = async {
        let committing = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active' \
                          AND datname = current_database()";
        while sqlx::query(committing).fetch_all(&mut outsider).await?.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sqlx::raw_sql("DROP TRIGGER wait ON receipts").execute(&mut outsider).await?;
        anyhow::Ok(())
    };
    let (sent, cut) = tokio::join!(sending, cut);
    cut?;
    assert!(matches!(sent, Err(watchfire_app::Error::Unavailable { .. })), "{sent:?}");
    assert_eq!(app.index.receipt_count().await?, 0);
    send_until_taken(&app, "cut").await?;
    assert_eq!(app.index.receipt_count().await?, 1);
    Ok(())
}

/// A version that does not know what a newer one has made incompatible does not touch it.
#[tokio::test]
async fn a_schema_that_is_marked_for_newer_versions_is_left_alone() -> Result<()> {
    let folder = Arc::new(tempfile::tempdir()?);
    let app: TestApp = running(&folder).await?;
    let mut outsider = outsider(&folder).await?;
    // What a newer version adds is no reason to stop.
    sqlx::raw_sql(
        "ALTER TABLE nodes ADD COLUMN newer TEXT; \
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'newer', TRUE, '\\x00', 0)",
    )
    .execute(&mut outsider)
    .await?;
    app.send_risk("192.0.2.1", None).await?;
    let app = app.restart().await?;
    app.send_risk("192.0.2.1", None).await?;
    app.stop().await?;
    sqlx::raw_sql("UPDATE compatibility SET oldest_known = 9999")
        .execute(&mut outsider)
        .await?;
    assert!(open(TempDir::path(&folder)).await.is_err());
    Ok(())
}
