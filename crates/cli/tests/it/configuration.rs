use std::fs;

use crate::program::{json, path, run, stderr, text, watchfire};

#[test]
fn config_prints_every_value_with_its_origin() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("watchfire.toml");
    fs::write(&file, "logins-per-second = 9\nlisten = \"127.0.0.1:1\"\n").unwrap();
    let output = watchfire(&[
        "config",
        "--json",
        "--config",
        path(&file),
        "--trusted-proxy",
        "10.0.0.0/8",
        "--dev",
    ])
    .env("WATCHFIRE_LISTEN", "127.0.0.1:2")
    .env("WATCHFIRE_ADMIN_TOKEN", "a-very-secret-token")
    .output()
    .unwrap();
    let shown = json(&output);
    let of = |name: &str| {
        (
            shown[name]["value"].clone(),
            shown[name]["origin"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(of("listen"), ("127.0.0.1:2".into(), "environment".to_owned()));
    assert_eq!(of("logins-per-second"), ("9".into(), "file".to_owned()));
    assert_eq!(of("trusted-proxy"), (vec!["10.0.0.0/8"].into(), "flag".to_owned()));
    assert_eq!(of("dev"), (true.into(), "flag".to_owned()));
    assert_eq!(of("risk-calls-per-minute"), ("3".into(), "default".to_owned()));
    assert_eq!(of("admin-token"), ("********".into(), "environment".to_owned()));
    assert!(!text(&output).contains("a-very-secret-token"));
}

#[test]
fn config_speaks_to_people_too() {
    let shown = text(&run(&["config"]));
    let line = shown.lines().find(|line| line.starts_with("listen ")).unwrap();
    assert_eq!(
        line.split_whitespace().collect::<Vec<_>>(),
        ["listen", "127.0.0.1:8080", "default"]
    );
    assert!(!shown.contains('\u{1b}'), "no colour where no terminal is");
}

#[test]
fn wrong_settings_end_with_2_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = folder.path().join("watchfire.toml");
    fs::write(&file, "dev = true\nlisen = \"x\"\n").unwrap();
    let table: &[(&[&str], &str)] = &[
        (
            &["--config", path(&file)],
            "watchfire.toml:2:1: there is no setting 'lisen', did you mean 'listen'?",
        ),
        (&["--listen", "0.0.0.0:0"], "--public-url"),
        (&["--database", "mysql://localhost/x"], "begins with postgres://"),
        (&["--public-url", "https://x/path"], "nothing behind it"),
        (&["--no-such-flag"], "unexpected argument"),
    ];
    for (arguments, reason) in table {
        let output = run(&[&["serve", "--data-dir", path(&data)], *arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
        assert!(output.stdout.is_empty() && !data.exists(), "{arguments:?}");
    }
}

/// Other users of the machine read flags in the list of processes.
#[test]
fn the_administrators_token_has_no_flag() {
    let output = run(&["serve", "--admin-token", "12345678"]);
    assert_eq!(output.status.code(), Some(2));
}
