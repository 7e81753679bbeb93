//! `doctor`: each fault is found, and named with what to do about it.

use anyhow::Result;
use serde_json::Value;

use crate::{
    administration::{admin_json, as_admin, set_up_provider},
    program::{stderr, text, watchfire},
    server::{Server, TOKEN},
};

async fn examine(server: &Server) -> (Value, Option<i32>) {
    let output = as_admin(server, &["doctor", "--json"]).await;
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code())
}

fn status(report: &Value, check: &str) -> String {
    let found = report["checks"].as_array().unwrap().iter().find(|it| it["check"] == check);
    found.unwrap_or_else(|| panic!("no {check} in {report}"))["status"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn an_installation_goes_from_fresh_to_well() -> Result<()> {
    let server = Server::start(&[]).await?;
    let (fresh, code) = examine(&server).await;
    assert_eq!((status(&fresh, "providers").as_str(), code), ("fault", Some(1)));
    for check in [
        "url",
        "token",
        "reachable",
        "clock",
        "public-url",
        "keys",
        "token-accepted",
        "rate-limits",
    ] {
        assert_eq!(status(&fresh, check), "ok", "{check}");
    }

    let client_id = set_up_provider(&server, "enforce_and_log").await;
    let (without_rule, code) = examine(&server).await;
    assert_eq!((status(&without_rule, "risk-rule").as_str(), code), ("fault", Some(1)));

    admin_json(&server, &["policy", "recommend"]).await;
    let (well, code) = examine(&server).await;
    assert_eq!((&well["ok"], code), (&Value::Bool(true), Some(0)), "{well}");
    assert!(text(&as_admin(&server, &["doctor"]).await).contains("All is well."));

    text(&as_admin(&server, &["app", "revoke-grant", &client_id, "okta.riskEvents.manage"]).await);
    let (ungranted, code) = examine(&server).await;
    assert_eq!((status(&ungranted, "grant").as_str(), code), ("fault", Some(1)));
    Ok(())
}

#[tokio::test]
async fn signals_that_are_only_logged_are_worth_a_word() -> Result<()> {
    let server = Server::start(&[]).await?;
    set_up_provider(&server, "log_only").await;
    let (report, code) = examine(&server).await;
    assert_eq!((status(&report, "action").as_str(), code), ("warning", Some(0)), "{report}");
    Ok(())
}

/// The guides' troubleshooting tips, and what goes wrong behind a proxy.
#[tokio::test]
async fn what_the_guides_warn_of_is_found() -> Result<()> {
    let server = Server::start(&["--public-url", "https://risk.example.com"]).await?;
    let quoted = format!("\"{}\"", server.url);
    let slashed = format!("{}/", server.url);
    let blank = format!("{TOKEN} ");
    let table: &[(&str, &str, &str, &str)] = &[
        (&server.url, TOKEN, "public-url", "fault"),
        (&quoted, TOKEN, "url", "fault"),
        (&slashed, TOKEN, "url", "warning"),
        (&server.url, "\"quoted\"", "token", "fault"),
        (&server.url, &blank, "token", "fault"),
        (&server.url, "unknown-token", "token-accepted", "fault"),
        ("http://127.0.0.1:1", TOKEN, "reachable", "fault"),
    ];
    for (url, token, check, expected) in table {
        let mut command = watchfire(&["doctor", "--json"]);
        command.env("WATCHFIRE_URL", url).env("WATCHFIRE_TOKEN", token);
        let output = tokio::process::Command::from(command).output().await?;
        let report: Value = serde_json::from_slice(&output.stdout)?;
        assert_eq!(status(&report, check), *expected, "{url} {token} {report}");
        assert_eq!(output.status.code(), Some(1));
        let advised = report["checks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["status"] == "fault");
        assert!(advised.into_iter().all(|it| it["advice"].is_string()), "{report}");
    }
    Ok(())
}
