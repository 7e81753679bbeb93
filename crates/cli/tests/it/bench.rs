//! `watchfire bench seed`.

use anyhow::Result;
use serde_json::json;

use crate::{
    program::{json as as_json, path, run, stderr},
    server::Server,
};

/// A server starts on what was seeded, goes on behind it, and finds what is in it.
#[tokio::test]
async fn a_server_starts_on_a_seeded_log_and_finds_what_is_in_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (data, key) = (folder.path().join("data"), folder.path().join("key"));
    let sizes = ["--json", "bench", "seed", "3000", "--users", "50"];
    let places = ["--data-dir", path(&data), "--key-file", path(&key)];
    let arguments = [&sizes[..], &places].concat();
    let seeded = as_json(&run(&arguments));
    assert_eq!((&seeded["events"], &seeded["users"]), (&json!(3_000), &json!(50)));
    let again = run(&arguments);
    assert!(
        !again.status.success() && stderr(&again).contains("there is a log"),
        "{}",
        stderr(&again)
    );

    let server = Server::start_over(folder, &[], &[]).await?;
    let newest = server.get("/api/v1/logs?sortOrder=DESCENDING&limit=1000").await?.json();
    let events = newest.as_array().map_or(&[][..], Vec::as_slice);
    let types: Vec<&str> = events.iter().filter_map(|event| event["eventType"].as_str()).collect();
    assert!(types.contains(&"user.session.start"), "{types:?}");
    let made = server
        .get("/api/v1/logs?filter=eventType+eq+%22user.lifecycle.create%22")
        .await?;
    assert_eq!(made.status, 200, "{made:?}");
    let user = server.get("/api/v1/users/user0@example.com").await?.json();
    assert_eq!(user["profile"]["firstName"], "Ada");
    let word = server.get("/api/v1/logs?q=compliance&sortOrder=DESCENDING").await?.json();
    assert!(word.as_array().is_some_and(|it| !it.is_empty()), "{word}");
    let posted = json!({"profile": {"login": "new@example.com", "email": "new@example.com", "firstName": "N", "lastName": "W"}});
    assert_eq!(server.post("/api/v1/users?activate=false", &posted).await?.status, 200);
    let newest = server.get("/api/v1/logs?sortOrder=DESCENDING&limit=1").await?.json();
    assert_eq!(newest[0]["eventType"], "user.lifecycle.create", "{newest}");
    Ok(())
}
