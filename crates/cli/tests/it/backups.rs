//! `watchfire backup` and `watchfire restore`: what was acknowledged is in it, what is damaged is refused, and old calls
//! are not made again.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use parking_lot::Mutex;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use watchfire_harness::{Reply, Target, witness::Witness};

use crate::{
    administration::{admin_json, as_admin},
    crash_sets::{ORG_URL, Outside, jti, make_user, publish, set_up},
    program::{json as parsed, path, run, stderr, text, watchfire},
    server::Server,
};

const OPTIONS: [&str; 5] = ["--dev", "--public-url", ORG_URL, "--provider-reach-cap", "1000000"];

/// Runs a command on the store of a server, or where one will be, with the key file in `folder`.
async fn on_store(folder: &Path, arguments: &[&str]) -> Output {
    let (data, key) = (folder.join("data"), folder.join("key"));
    let places = ["--data-dir", path(&data), "--key-file", path(&key)];
    let command = watchfire(&[arguments, &places].concat());
    tokio::process::Command::from(command).output().await.unwrap()
}

async fn backup(folder: &Path, out: &Path) -> Value {
    parsed(&on_store(folder, &["--json", "backup", "--out", path(out)]).await)
}

/// A folder with the key file of `folder` and nothing else.
fn elsewhere(folder: &Path) -> Result<tempfile::TempDir> {
    let other = tempfile::tempdir()?;
    fs::copy(folder.join("key"), other.path().join("key"))?;
    Ok(other)
}

/// Sends tokens until it is told to stop; the numbers of those that were answered 202.
async fn send(
    (outside, http, url): (Arc<Outside>, Client, String),
    next: Arc<AtomicU32>,
    (accepted, stop): (Arc<Mutex<BTreeSet<u32>>>, Arc<AtomicBool>),
) -> Result<()> {
    while !stop.load(Ordering::SeqCst) {
        let n = next.fetch_add(1, Ordering::SeqCst);
        let status = publish(&http, &url, outside.token(n)?).await?;
        ensure!(status == StatusCode::ACCEPTED, "{status}");
        accepted.lock().insert(n);
    }
    Ok(())
}

/// What receipts there are, by the `jti` of the token.
async fn receipts(folder: &Path) -> Result<Vec<String>> {
    let mut store = Witness::after_a_start(&folder.join("data")).await?;
    ensure!(store.texts("PRAGMA integrity_check").await? == ["ok"]);
    let sql = "SELECT json_extract(note, '$.jti') FROM receipts WHERE kind = 'security_events'";
    store.texts(sql).await
}

#[tokio::test]
async fn a_backup_under_load_has_every_token_that_was_acknowledged_before_it() -> Result<()> {
    let (server, outside) = (Server::start(&OPTIONS).await?, Arc::new(Outside::start().await?));
    set_up(&server, &outside, &format!("{}/hook", outside.url)).await?;
    let (accepted, stop) = (Arc::<Mutex<BTreeSet<u32>>>::default(), Arc::<AtomicBool>::default());
    let (next, http) = (Arc::<AtomicU32>::default(), Client::builder().no_proxy().build()?);
    let mut senders = JoinSet::new();
    for _ in 0..4 {
        let to = (Arc::clone(&outside), http.clone(), server.url.clone());
        senders.spawn(send(to, Arc::clone(&next), (Arc::clone(&accepted), Arc::clone(&stop))));
    }
    let backups = tempfile::tempdir()?;
    let mut made = Vec::new();
    for round in 0..4_usize {
        let enough = async {
            while accepted.lock().len() < (round + 1) * 40 {
                tokio::task::yield_now().await
            }
        };
        tokio::time::timeout(Duration::from_secs(60), enough).await?;
        let before = accepted.lock().clone();
        let out = backups.path().join(format!("{round}.backup"));
        backup(server.folder(), &out).await;
        made.push((before, out));
    }
    stop.store(true, Ordering::SeqCst);
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    let sent = next.load(Ordering::SeqCst);
    for (before, out) in made {
        let other = elsewhere(server.folder())?;
        text(&on_store(other.path(), &["restore", "--from", path(&out)]).await);
        let found = receipts(other.path()).await?;
        let once: BTreeSet<&String> = found.iter().collect();
        ensure!(once.len() == found.len(), "a token has two receipts");
        let missing: Vec<_> = before.iter().filter(|n| !once.contains(&jti(**n))).collect();
        ensure!(
            missing.is_empty(),
            "acknowledged before the backup and not in it: {missing:?}"
        );
        // Sent again, all of them: those that are known leave nothing, and the others are taken.
        let mut again = Server::start_over(other, &OPTIONS, &[]).await?;
        for n in 0..sent {
            let status = publish(&http, &again.url, outside.token(n)?).await?;
            ensure!(status == StatusCode::ACCEPTED, "{n}: {status}");
        }
        again.kill().await?;
        let found = receipts(again.folder()).await?;
        ensure!(
            found.len() == usize::try_from(sent)?,
            "{} receipts of {sent} tokens",
            found.len()
        );
    }
    Ok(())
}

/// All that a server shows of itself that must be the same.
async fn log_of(server: &Server) -> Result<Vec<Value>> {
    let page = server.get("/api/v1/logs?limit=1000&sortOrder=ASCENDING").await?;
    ensure!(page.status == StatusCode::OK, "{page:?}");
    page.json().as_array().cloned().context("no list")
}

/// A call that waits for an hour, by its id.
async fn waiting_call(server: &Server, target: &mut Target) -> Result<String> {
    let outside = Outside::start().await?;
    set_up(server, &outside, &target.url).await?;
    make_user(server, 1).await?;
    let later = vec![("retry-after", "3600".to_owned())];
    target.then([Reply::Answer(503, later, String::new())]);
    let http = Client::builder().no_proxy().build()?;
    ensure!(publish(&http, &server.url, outside.token(1)?).await? == StatusCode::ACCEPTED);
    let id = target.next().await?.header("webhook-id").to_owned();
    let tried = async {
        loop {
            let action = server.get(&format!("/watchfire/v1/actions/{id}")).await?.json();
            if action["attempts"][0]["status"] == 503 {
                return anyhow::Ok(());
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), tried).await??;
    Ok(id)
}

#[tokio::test]
async fn a_restored_server_is_what_it_was_and_holds_what_was_waiting() -> Result<()> {
    let mut server = Server::start(&OPTIONS).await?;
    let mut target = Target::start().await?;
    let id = waiting_call(&server, &mut target).await?;
    let (log, keys) = (log_of(&server).await?, server.get("/oauth2/v1/keys").await?.json());
    let out = server.folder().join("backup");
    let told = backup(server.folder(), &out).await;
    assert_eq!(told["tables"]["log_events"]["rows"], json!(log.len()));
    server.kill().await?;

    let cases = [("hold", "HELD"), ("discard", "REJECTED"), ("resume", "PENDING")];
    for (outbox, state) in cases {
        let other = elsewhere(server.folder())?;
        let arguments = ["--json", "restore", "--from", path(&out), "--verify", "--outbox", outbox];
        let told = parsed(&on_store(other.path(), &arguments).await);
        assert_eq!(
            told["outbox"].as_object().and_then(|it| it.values().next()),
            Some(&json!(1)),
            "{told}"
        );
        let restored = Server::start_over(other, &OPTIONS, &[]).await?;
        let after = log_of(&restored).await?;
        assert_eq!(after.get(..log.len()), Some(log.as_slice()), "{outbox}: the log is as it was");
        let new: Vec<_> = after[log.len()..].iter().map(|event| event["eventType"].clone()).collect();
        let expected = match outbox {
            "discard" => vec![json!("system.restore"), json!("security.action.reject")],
            _ => vec![json!("system.restore")],
        };
        assert_eq!(new, expected, "{outbox}");
        assert_eq!(restored.get("/oauth2/v1/keys").await?.json(), keys);
        let action = restored.get(&format!("/watchfire/v1/actions/{id}")).await?.json();
        assert_eq!(action["state"], state, "{outbox}");
        if outbox == "hold" {
            let listed = admin_json(&restored, &["action", "list", "--state", "held"]).await;
            assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
            ensure!(target.take().is_none(), "what is held was sent");
            let released = admin_json(&restored, &["action", "release", "--all", "--reason", "still needed"]).await;
            assert_eq!(released, json!({"settled": 1}));
            // Under the same id, with a signature that needs the sealed secret.
            let sent = target.next().await?;
            assert_eq!(sent.header("webhook-id"), id);
            assert!(sent.header("webhook-signature").starts_with("v1,"));
            let again = as_admin(&restored, &["action", "cancel", &id]).await;
            assert_eq!(again.status.code(), Some(1), "{}", stderr(&again));
        }
    }
    ensure!(target.take().is_none(), "nothing else was sent");
    Ok(())
}

#[tokio::test]
async fn a_backup_that_is_not_whole_or_has_another_key_is_refused_and_leaves_nothing() -> Result<()> {
    let mut server = Server::start(&["--dev"]).await?;
    let out = server.folder().join("backup");
    backup(server.folder(), &out).await;
    let again = on_store(server.folder(), &["backup", "--out", path(&out)]).await;
    assert!(stderr(&again).contains("is there already"), "{}", stderr(&again));
    server.kill().await?;
    let whole = fs::read(&out)?;
    let middle = whole.len() / 2;
    let flipped = [&whole[..middle], &[whole[middle] ^ 1], &whole[middle + 1..]].concat();
    let longer = [whole.as_slice(), b"\n"].concat();
    let cases = [
        (whole[..middle].to_vec(), "it was cut off"),
        (whole[..whole.len() - 1].to_vec(), "it was cut off"),
        (flipped, "of the archive is damaged"),
        (longer, "there is something behind the end of the archive"),
        (b"-- PostgreSQL database dump".to_vec(), "this is no archive of Watchfire's"),
        (Vec::new(), "this is no archive of Watchfire's"),
    ];
    let damaged = server.folder().join("damaged");
    for (bytes, expected) in cases {
        fs::write(&damaged, bytes)?;
        for verify in [&["--verify"][..], &[]] {
            let other = elsewhere(server.folder())?;
            let arguments = [&["restore", "--from", path(&damaged)], verify].concat();
            let refused = on_store(other.path(), &arguments).await;
            assert_eq!(refused.status.code(), Some(1));
            assert!(stderr(&refused).contains(expected), "{expected}: {}", stderr(&refused));
            assert!(!other.path().join("data").join("watchfire.db").exists(), "{expected}");
        }
    }
    let other = tempfile::tempdir()?;
    let without = on_store(other.path(), &["restore", "--from", path(&out)]).await;
    assert!(stderr(&without).contains("needs the key file"), "{}", stderr(&without));
    fs::write(other.path().join("key"), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")?;
    fs::set_permissions(other.path().join("key"), std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    for arguments in [&["--verify"][..], &[]] {
        let refused = on_store(other.path(), &[&["restore", "--from", path(&out)], arguments].concat()).await;
        assert!(stderr(&refused).contains("sealed under the key"), "{}", stderr(&refused));
    }
    Ok(())
}

#[tokio::test]
async fn a_check_writes_nothing_and_a_restore_writes_over_nothing() -> Result<()> {
    let mut server = Server::start(&["--dev"]).await?;
    let out = server.folder().join("backup");
    backup(server.folder(), &out).await;
    let other = elsewhere(server.folder())?;
    let checked = parsed(&on_store(other.path(), &["--json", "restore", "--from", path(&out), "--verify"]).await);
    assert!(checked["secretsOpened"].as_u64() >= Some(1), "{checked}");
    assert!(!other.path().join("data").exists());
    let running = on_store(server.folder(), &["restore", "--from", path(&out)]).await;
    assert!(stderr(&running).contains("stop it first"), "{}", stderr(&running));
    server.kill().await?;
    let occupied = on_store(server.folder(), &["restore", "--from", path(&out)]).await;
    assert!(stderr(&occupied).contains("holds a store already"), "{}", stderr(&occupied));
    server.restart().await?;
    Ok(())
}

/// A backup may go through whatever takes bytes.
#[test]
fn a_backup_goes_through_a_pipe() -> Result<()> {
    let (folder, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let (data, key) = (folder.path().join("data"), folder.path().join("key"));
    let places = ["--data-dir", path(&data), "--key-file", path(&key)];
    parsed(&run(
        &[&["--json", "bench", "seed", "500", "--users", "9"][..], &places].concat()
    ));
    let arguments = [&["backup", "--out", "-"][..], &places].concat();
    let mut making = watchfire(&arguments).stdout(Stdio::piped()).spawn()?;
    let restored = other.path().join("data");
    let arguments = [
        "--json",
        "restore",
        "--from",
        "-",
        "--data-dir",
        path(&restored),
        "--key-file",
        path(&key),
    ];
    let passed = making.stdout.take().context("no output")?;
    let told = parsed(&watchfire(&arguments).stdin(passed).output()?);
    assert!(making.wait()?.success());
    assert_eq!(told["tables"]["log_events"]["rows"], 500);
    Ok(())
}
