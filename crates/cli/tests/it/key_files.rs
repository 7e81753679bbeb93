//! `watchfire key` and what a server does with an encrypted key file.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Output};

use anyhow::Result;
use serde_json::json;

use crate::{
    program::{json as parsed, path, stderr, text, watchfire},
    server::Server,
};

const PASSPHRASE: (&str, &str) = ("WATCHFIRE_KEY_PASSPHRASE", "correct horse battery");
const KEY: (&str, &str) = ("WATCHFIRE_KEY_ENCRYPTION_KEY", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");

fn key(command: &str, file: &Path, environment: &[(&str, &str)]) -> Output {
    let mut program = watchfire(&["--json", "key", command, "--key-file", path(file)]);
    program.envs(environment.iter().copied()).output().unwrap()
}

#[tokio::test]
async fn a_server_starts_on_a_key_file_that_was_encrypted_and_on_no_other_secret() -> Result<()> {
    let server = Server::start(&["--dev"]).await?;
    let keys = server.get("/oauth2/v1/keys").await?.json();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("key");
    fs::copy(server.folder().join("key"), &file)?;
    fs::copy(server.folder().join("data/watchfire.db"), folder.path().join("db"))?;
    let plain = parsed(&key("show", &file, &[]));
    assert_eq!(plain["encryptedUnder"], json!(null));
    text(&key("encrypt", &file, &[PASSPHRASE]));
    assert_eq!(fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    let shown = parsed(&key("show", &file, &[]));
    assert_eq!((&shown["encryptedUnder"], &shown["id"]), (&json!("passphrase"), &plain["id"]));

    // As it is on the first server: its store stays, and its key file is encrypted now.
    fs::copy(&file, server.folder().join("key"))?;
    let out = folder.path().join("backup");
    let data = server.folder().join("data");
    let arguments = [
        "backup",
        "--out",
        path(&out),
        "--data-dir",
        path(&data),
        "--key-file",
        path(&file),
    ];
    text(&watchfire(&arguments).output()?);
    let restored = folder.path().join("data");
    let restore = [
        "restore",
        "--from",
        path(&out),
        "--data-dir",
        path(&restored),
        "--key-file",
        path(&file),
    ];
    let cases: [(&[(&str, &str)], &str); 3] = [
        (&[], "give it in WATCHFIRE_KEY_PASSPHRASE"),
        (
            &[("WATCHFIRE_KEY_PASSPHRASE", "correct horse batterx")],
            "the passphrase is not the one that it is encrypted under",
        ),
        (&[KEY], "it is encrypted under a passphrase, which was not given"),
    ];
    for (environment, expected) in cases {
        let refused = watchfire(&restore).envs(environment.iter().copied()).output()?;
        assert!(stderr(&refused).contains(expected), "{}", stderr(&refused));
        let served = watchfire(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            path(&data),
            "--key-file",
            path(&file),
        ])
        .envs(environment.iter().copied())
        .output()?;
        assert_eq!(served.status.code(), Some(1));
        assert!(stderr(&served).contains(expected), "{}", stderr(&served));
    }
    text(&watchfire(&restore).envs([PASSPHRASE]).output()?);
    let again = Server::start_over(folder, &["--dev"], &[PASSPHRASE]).await?;
    assert_eq!(again.get("/oauth2/v1/keys").await?.json(), keys, "its private key opens");
    Ok(())
}

#[test]
fn a_key_file_changes_what_it_is_encrypted_under_and_never_the_key() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("key");
    fs::write(&file, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
    let id = parsed(&key("show", &file, &[]))["id"].clone();
    let refused = [
        ("encrypt", vec![], 2, "WATCHFIRE_KEY_PASSPHRASE_FILE"),
        ("encrypt", vec![PASSPHRASE, KEY], 2, "both set"),
        ("encrypt", vec![(PASSPHRASE.0, "short")], 2, "12 characters"),
        ("encrypt", vec![(KEY.0, "AAAA")], 2, "openssl rand -base64 32"),
        ("decrypt", vec![PASSPHRASE], 1, "is not encrypted"),
        ("rotate", vec![PASSPHRASE], 1, "is not encrypted"),
    ];
    for (command, environment, code, expected) in refused {
        let output = key(command, &file, &environment);
        assert_eq!(output.status.code(), Some(code), "{command}: {}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{command}: {}", stderr(&output));
    }
    text(&key("encrypt", &file, &[PASSPHRASE]));
    assert!(stderr(&key("encrypt", &file, &[PASSPHRASE])).contains("encrypted already"));
    assert!(stderr(&key("rotate", &file, &[PASSPHRASE])).contains("WATCHFIRE_NEW_KEY_PASSPHRASE"));
    let secret = folder.path().join("secret");
    fs::write(&secret, format!("{}\n", KEY.1))?;
    let rotation = [PASSPHRASE, ("WATCHFIRE_NEW_KEY_ENCRYPTION_KEY_FILE", path(&secret))];
    text(&key("rotate", &file, &rotation));
    let shown = parsed(&key("show", &file, &[]));
    assert_eq!((&shown["encryptedUnder"], &shown["id"]), (&json!("key"), &id));
    assert!(
        !key("decrypt", &file, &[PASSPHRASE]).status.success(),
        "the old one is of no use"
    );
    text(&key(
        "decrypt",
        &file,
        &[("WATCHFIRE_KEY_ENCRYPTION_KEY_FILE", path(&secret))],
    ));
    assert_eq!(fs::read_to_string(&file)?, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    assert_eq!(fs::read_dir(folder.path())?.count(), 2, "nothing is left beside it");
    Ok(())
}
