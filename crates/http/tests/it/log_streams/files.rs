//! Files of JSON lines.

use std::{fs, path::PathBuf};

use super::*;

/// The lines of the closed files in their order, and of the growing one behind them.
fn lines(folder: &Path) -> Vec<Value> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("a file").path())
        .collect();
    // `system-log-0000000001.jsonl` is before `system-log.jsonl`.
    files.sort();
    let text: String = files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap_or_default())
        .collect();
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

fn ids(lines: &[Value]) -> Vec<String> {
    lines.iter().filter_map(|it| it["uuid"].as_str().map(str::to_owned)).collect()
}

async fn file_stream(server: &TestServer, folder: &Path, max_bytes: u32) -> Result<(String, PathBuf)> {
    let target = json!({"type": "FILE", "maxBytes": max_bytes});
    let path = stream(server, json!({"name": "Files", "target": target})).await?;
    let own = folder.join(path.rsplit('/').next().unwrap_or_default());
    Ok((path, own))
}

#[tokio::test]
async fn events_come_into_files_in_their_order_and_hostile_names_break_no_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = TestServer::start_with(settings(Some(folder.path()))).await?;
    let (path, own) = file_stream(&server, folder.path(), 8_192).await?;
    for name in ["a\\nb\u{2028}{\"uuid\":\"forged\"}", "\u{202e}gnp.exe", "\u{85}\u{7f}x"] {
        let group = json!({"profile": {"name": name, "description": "花".repeat(1_000)}});
        let made = server.call("POST", "/api/v1/groups").json(&group).send().await?;
        assert_eq!(made.status, 200, "{}", made.text);
    }
    // However few batches each wave is, it is longer than a file.
    for wave in 0..3 {
        happen(&server, wave * 10..wave * 10 + 10).await?;
        until(&server, &path, |it| it["progress"]["delivered"] == wave * 10 + 14).await?;
    }
    let logged = logged(&server).await?;
    assert!(ids(&lines(&own)) == logged);
    assert!(fs::read_dir(&own)?.count() >= 3, "a file is closed when it is long enough");
    Ok(())
}

#[tokio::test]
async fn files_go_on_after_a_restart() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = TestServer::start_with(settings(Some(folder.path()))).await?;
    let (_, own) = file_stream(&server, folder.path(), 8_192).await?;
    happen(&server, 0..10).await?;
    let server = server.restart().await?;
    happen(&server, 10..20).await?;
    let server = server.restart().await?;
    happen(&server, 20..30).await?;
    let logged = logged(&server).await?;
    let path = format!(
        "{PATH}/{}",
        own.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    );
    until(&server, &path, |it| {
        it["progress"]["lagEvents"] == 0 && it["progress"]["cursor"].is_string()
    })
    .await?;
    assert!(once(ids(&lines(&own))) == logged);
    Ok(())
}
