//! `watchfire migrate`: interrupted anywhere it goes on, and what comes out is what went in.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use watchfire_harness::{
    backend::{self, Backend, Sqlite},
    entropy::SeededEntropy,
};

use crate::{
    program::{json as parsed, path, run, stderr, watchfire},
    server::Server,
};

/// Kills in the middle.
const KILLS: u32 = 4;
/// The longest that one has lived.
const LIFE_MICROS: u64 = 300_000;

async fn contents(data: &Path) -> Result<String> {
    Sqlite::Inline.contents(data).await
}

fn migrate(from: &str, to: &str) -> Vec<String> {
    ["--json", "migrate", "--from", from, "--to", to].map(str::to_owned).to_vec()
}

/// Kills it at random moments, and lets it end then.
async fn with_interruptions(arguments: &[String]) -> Result<serde_json::Value> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let random = SeededEntropy::new(u64::from(std::process::id()));
    for _ in 0..KILLS {
        let mut moving = tokio::process::Command::from(watchfire(&arguments)).spawn()?;
        // The moment is what is random here; nothing is waited for.
        tokio::time::sleep(Duration::from_micros(random.below(LIFE_MICROS))).await;
        moving.kill().await?;
    }
    let ended = tokio::process::Command::from(watchfire(&arguments)).output().await?;
    // It may have been whole when it was killed.
    if stderr(&ended).contains("holds a store already") {
        return Ok(serde_json::Value::Null);
    }
    Ok(parsed(&ended))
}

#[tokio::test]
async fn an_interrupted_migration_goes_on_and_moves_everything() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (data, key, back) = (
        folder.path().join("data"),
        folder.path().join("key"),
        folder.path().join("back"),
    );
    let sizes = ["--json", "bench", "seed", "4000", "--users", "200"];
    let places = ["--data-dir", path(&data), "--key-file", path(&key)];
    parsed(&run(&[&sizes[..], &places].concat()));
    let source = format!("sqlite:{}", path(&data));
    // PostgreSQL where there is one.
    let target = match backend::postgres_of_environment()? {
        Some(server) => server.database(folder.path()).await?,
        None => format!("sqlite:{}", path(&folder.path().join("other"))),
    };
    with_interruptions(&migrate(&source, &target)).await?;
    with_interruptions(&migrate(&target, &format!("sqlite:{}", path(&back)))).await?;
    ensure!(contents(&data).await? == contents(&back).await?, "not the same");
    // A server takes it.
    std::fs::remove_dir_all(&data)?;
    std::fs::rename(&back, &data)?;
    let server = Server::start_over(folder, &[], &[]).await?;
    let user = server.get("/api/v1/users/user0@example.com").await?.json();
    assert_eq!(user["profile"]["firstName"], "Ada");
    // The words of the log are made again.
    let found = server.get("/api/v1/logs?q=compliance&sortOrder=DESCENDING").await?.json();
    ensure!(found.as_array().is_some_and(|it| !it.is_empty()), "{found}");
    Ok(())
}

#[tokio::test]
async fn a_store_with_a_server_on_it_is_not_moved() -> Result<()> {
    let server = Server::start(&["--dev"]).await?;
    let data = server.folder().join("data");
    let to = format!("sqlite:{}", path(&server.folder().join("other")));
    let moved = run(&["migrate", "--from", &format!("sqlite:{}", path(&data)), "--to", &to]);
    assert_eq!(moved.status.code(), Some(1));
    assert!(stderr(&moved).contains("stop it first"), "{}", stderr(&moved));
    for (from, to, expected) in [
        ("mysql://x", to.as_str(), "a store is sqlite:"),
        ("sqlite:/nowhere/at/all", to.as_str(), "there is no store"),
    ] {
        let refused = run(&["migrate", "--from", from, "--to", to]);
        assert!(stderr(&refused).contains(expected), "{}", stderr(&refused));
    }
    Ok(())
}
