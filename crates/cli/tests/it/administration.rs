//! The commands that talk to a server, each read back through another.

use std::{process::Output, time::Duration};

use anyhow::Result;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::{
    program::{json as parsed, path, stderr, text, watchfire},
    server::{Server, TOKEN},
};

/// Runs a command against `server` as its administrator.
pub(crate) async fn as_admin(server: &Server, arguments: &[&str]) -> Output {
    with_token(server, TOKEN, arguments).await
}

async fn with_token(server: &Server, token: &str, arguments: &[&str]) -> Output {
    let mut command = watchfire(arguments);
    command.env("WATCHFIRE_URL", &server.url).env("WATCHFIRE_TOKEN", token);
    tokio::process::Command::from(command).output().await.unwrap()
}

pub(crate) async fn admin_json(server: &Server, arguments: &[&str]) -> Value {
    parsed(&as_admin(server, &[arguments, &["--json"]].concat()).await)
}

/// Key files, app, grant and provider: the client id.
pub(crate) async fn set_up_provider(server: &Server, action: &str) -> String {
    let base = server.folder().join("provider");
    parsed(&watchfire(&["keygen", "--json", "--out", path(&base)]).output().unwrap());
    let public = server.folder().join("provider.public.json");
    let scope = "okta.riskEvents.manage";
    let app = admin_json(
        server,
        &[
            "app",
            "create",
            "Acme Risk Feed",
            "--public-key",
            path(&public),
            "--grant",
            scope,
        ],
    )
    .await;
    let client_id = app["client_id"].as_str().unwrap().to_owned();
    let arguments = [
        "provider",
        "update",
        "default",
        "--name",
        "Acme Risk Feed",
        "--client-id",
        &client_id,
        "--action",
        action,
    ];
    let provider = admin_json(server, &arguments).await;
    assert_eq!(
        (&provider["clientId"], &provider["action"]),
        (&json!(client_id), &json!(action))
    );
    client_id
}

#[tokio::test]
async fn an_app_is_made_granted_shown_and_deleted() -> Result<()> {
    let server = Server::start(&[]).await?;
    let client_id = set_up_provider(&server, "log_only").await;
    let shown = admin_json(&server, &["app", "show", &client_id]).await;
    assert_eq!(
        (&shown["client_name"], &shown["application_type"]),
        (&json!("Acme Risk Feed"), &json!("service"))
    );
    assert_eq!(shown["scopes"], json!(["okta.riskEvents.manage"]));
    let listed = admin_json(&server, &["app", "list", "--q", "Acme"]).await;
    assert_eq!(listed.as_array().unwrap().len(), 1);

    let granted = admin_json(&server, &["app", "grant", &client_id, "okta.logs.read"]).await;
    assert_eq!(granted["scopeId"], "okta.logs.read");
    let revoked = admin_json(&server, &["app", "revoke-grant", &client_id, "okta.logs.read"]).await;
    assert_eq!(revoked["id"], granted["id"]);
    let again = as_admin(&server, &["app", "revoke-grant", &client_id, "okta.logs.read"]).await;
    assert!(stderr(&again).contains("is not granted okta.logs.read"), "{}", stderr(&again));

    text(&as_admin(&server, &["app", "delete", &client_id]).await);
    let gone = as_admin(&server, &["app", "show", &client_id]).await;
    assert_eq!(gone.status.code(), Some(1));
    assert!(stderr(&gone).contains("404 E0000007"), "{}", stderr(&gone));
    Ok(())
}

/// JWT-03: whoever registers a private key has lost it, so it does not even leave the machine.
#[tokio::test]
async fn a_private_key_is_not_registered() -> Result<()> {
    let server = Server::start(&[]).await?;
    let base = server.folder().join("k");
    text(&watchfire(&["keygen", "--type", "ec", "--out", path(&base)]).output()?);
    let private = server.folder().join("k.private.json");
    let refused = as_admin(&server, &["app", "create", "X", "--public-key", path(&private)]).await;
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(admin_json(&server, &["app", "list"]).await, json!([]));
    Ok(())
}

#[tokio::test]
async fn a_provider_is_found_by_id_or_name_and_keeps_what_is_not_given() -> Result<()> {
    let server = Server::start(&[]).await?;
    let fresh = admin_json(&server, &["provider", "show", "default"]).await;
    assert_eq!(
        (&fresh["name"], &fresh["clientId"], &fresh["action"]),
        (&json!("Default "), &json!("null"), &json!("log_only"))
    );
    let client_id = set_up_provider(&server, "log_only").await;
    let id = fresh["id"].as_str().unwrap();
    let updated = admin_json(&server, &["provider", "update", "acme risk feed", "--action", "none"]).await;
    assert_eq!(
        (&updated["id"], &updated["clientId"], &updated["action"]),
        (&json!(id), &json!(client_id), &json!("none"))
    );
    let table = text(&as_admin(&server, &["provider", "list"]).await);
    let row = table.lines().find(|line| line.starts_with(id)).unwrap();
    assert!(
        row.contains("Acme Risk Feed") && row.contains(&client_id) && row.ends_with("none"),
        "{table}"
    );

    let second = ["provider", "create", "Second", "--client-id", &client_id];
    let refused = as_admin(&server, &second).await;
    assert!(stderr(&refused).contains("E0000001"), "{}", stderr(&refused));
    text(&as_admin(&server, &["provider", "delete", id]).await);
    assert_eq!(admin_json(&server, &["provider", "list"]).await, json!([]));
    Ok(())
}

#[tokio::test]
async fn a_provider_sends_risk_events_and_the_log_shows_them() -> Result<()> {
    let server = Server::start(&[]).await?;
    let client_id = set_up_provider(&server, "enforce_and_log").await;
    let key = server.folder().join("provider.private.pem");
    let arguments = [
        "provider",
        "send",
        "--json",
        "--client-id",
        &client_id,
        "--key",
        path(&key),
        "--ip",
        "203.0.113.9",
        "--message",
        "seen",
    ];
    let sent = parsed(&as_admin(&server, &arguments).await);
    assert_eq!(sent["status"], 202);
    assert_eq!(
        sent["events"][0]["subjects"],
        json!([{"ip": "203.0.113.9", "riskLevel": "HIGH", "message": "seen"}])
    );

    let filter = "eventType eq \"security.risk.signal.consume\"";
    let lines = text(&as_admin(&server, &["log", "--json", "--filter", filter]).await);
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["actor"]["id"], client_id.as_str());
    let readable = text(&as_admin(&server, &["log", "--filter", filter]).await);
    assert!(
        readable.contains("security.risk.signal.consume SUCCESS") && readable.contains("203.0.113.9"),
        "{readable}"
    );

    let bad = [
        "provider",
        "send",
        "--client-id",
        &client_id,
        "--key",
        path(&key),
        "--ip",
        "not-an-address",
    ];
    let refused = as_admin(&server, &bad).await;
    assert!(stderr(&refused).contains("400 E0000001"), "{}", stderr(&refused));
    Ok(())
}

#[tokio::test]
async fn the_log_has_its_newest_events_last_and_is_limited() -> Result<()> {
    let server = Server::start(&[]).await?;
    for number in 0..4 {
        let login = format!("u{number}@example.com");
        text(
            &as_admin(
                &server,
                &["user", "create", &login, "--first-name", "U", "--last-name", "Ser"],
            )
            .await,
        );
    }
    let arguments = [
        "log",
        "--json",
        "--limit",
        "2",
        "--filter",
        "eventType eq \"user.lifecycle.create\"",
    ];
    let lines = text(&as_admin(&server, &arguments).await);
    let logins: Vec<String> = lines
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["target"][0]["alternateId"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(logins, ["u2@example.com", "u3@example.com"]);
    let refused = as_admin(&server, &["log", "--filter", "nonsense"]).await;
    assert!(stderr(&refused).contains("E0000053"), "{}", stderr(&refused));
    Ok(())
}

#[tokio::test]
async fn a_token_is_made_used_and_revoked() -> Result<()> {
    let server = Server::start(&[]).await?;
    let made = admin_json(&server, &["token", "create", "ci"]).await;
    let token = made["token"].as_str().unwrap();
    let listed = text(&with_token(&server, token, &["token", "list", "--json"]).await);
    assert!(listed.contains("\"ci\"") && !listed.contains(token), "{listed}");
    text(&as_admin(&server, &["token", "revoke", made["id"].as_str().unwrap()]).await);
    let refused = with_token(&server, token, &["token", "list"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("401 E0000011"), "{}", stderr(&refused));
    Ok(())
}

#[tokio::test]
async fn a_user_goes_through_its_life() -> Result<()> {
    let server = Server::start(&[]).await?;
    let mut command = watchfire(&[
        "user",
        "create",
        "jo.lin@example.com",
        "--first-name",
        "Jo",
        "--last-name",
        "Lin",
        "--json",
    ]);
    command
        .env("WATCHFIRE_URL", &server.url)
        .env("WATCHFIRE_TOKEN", TOKEN)
        .env("WATCHFIRE_USER_PASSWORD", "Aa1-correct-horse");
    let user = parsed(&tokio::process::Command::from(command).output().await?);
    assert_eq!(
        (&user["status"], &user["profile"]["login"]),
        (&json!("ACTIVE"), &json!("jo.lin@example.com"))
    );
    let login = "jo.lin@example.com";
    for (step, status) in [
        ("suspend", "SUSPENDED"),
        ("unsuspend", "ACTIVE"),
        ("deactivate", "DEPROVISIONED"),
    ] {
        assert_eq!(admin_json(&server, &["user", step, login]).await["status"], status, "{step}");
    }
    let found = admin_json(
        &server,
        &[
            "user",
            "list",
            "--search",
            "profile.lastName eq \"Lin\" and status eq \"DEPROVISIONED\"",
        ],
    )
    .await;
    assert_eq!(found[0]["id"], user["id"]);
    text(&as_admin(&server, &["user", "delete", login]).await);
    assert_eq!(as_admin(&server, &["user", "show", login]).await.status.code(), Some(1));
    Ok(())
}

#[tokio::test]
async fn a_second_factor_is_enrolled_in_one_step_or_two() -> Result<()> {
    let server = Server::start(&[]).await?;
    for login in ["a@example.com", "b@example.com"] {
        text(&as_admin(&server, &["user", "create", login, "--first-name", "A", "--last-name", "B"]).await);
    }
    let at_once = admin_json(&server, &["user", "enrol-totp", "a@example.com", "--activate"]).await;
    assert_eq!(at_once["status"], "ACTIVE");
    let pending = admin_json(&server, &["user", "enrol-totp", "b@example.com"]).await;
    assert_eq!(pending["status"], "PENDING_ACTIVATION");
    let secret = pending["sharedSecret"].as_str().unwrap();
    assert!(pending["uri"].as_str().unwrap().contains(secret));
    let factor = pending["id"].as_str().unwrap();
    let wrong = as_admin(
        &server,
        &["user", "enrol-totp", "b@example.com", "--factor", factor, "--code", "abc"],
    )
    .await;
    assert_eq!(wrong.status.code(), Some(1));
    Ok(())
}

#[tokio::test]
async fn the_recommended_rule_is_added_once() -> Result<()> {
    let server = Server::start(&[]).await?;
    let first = admin_json(&server, &["policy", "recommend"]).await;
    assert_eq!(first["added"], true);
    let again = admin_json(&server, &["policy", "recommend"]).await;
    assert_eq!((&again["added"], &again["rule"]["id"]), (&json!(false), &first["rule"]["id"]));
    let rules = admin_json(&server, &["policy", "rules"]).await;
    let ours = &rules[0];
    assert_eq!(ours["conditions"]["riskScore"]["level"], "HIGH");
    assert_eq!(ours["actions"]["signon"]["requireFactor"], true);
    assert_eq!(rules.as_array().unwrap().last().unwrap()["system"], true);
    assert_eq!(admin_json(&server, &["policy", "list"]).await.as_array().unwrap().len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_asked_is_said_in_one_line() -> Result<()> {
    let server = Server::start(&[]).await?;
    let wrong = with_token(&server, "not-the-token", &["provider", "list"]).await;
    assert_eq!(wrong.status.code(), Some(1));
    assert!(stderr(&wrong).contains("401 E0000011"), "{}", stderr(&wrong));
    assert!(!stderr(&wrong).contains("not-the-token"));
    for (url, token) in [
        ("\"http://x\"", TOKEN),
        ("localhost", TOKEN),
        (server.url.as_str(), "\"quoted\""),
    ] {
        let mut command = watchfire(&["provider", "list"]);
        let output = command.env("WATCHFIRE_URL", url).env("WATCHFIRE_TOKEN", token).output()?;
        assert_eq!(output.status.code(), Some(2), "{url} {}", stderr(&output));
    }
    let mut nowhere = watchfire(&["provider", "list", "--url", "http://127.0.0.1:1", "--token", TOKEN]);
    let output = nowhere.output()?;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("http://127.0.0.1:1 cannot be reached"),
        "{}",
        stderr(&output)
    );
    Ok(())
}

#[tokio::test]
async fn the_log_is_followed_as_it_is_written() -> Result<()> {
    let server = Server::start(&[]).await?;
    let filter = "eventType eq \"app.oauth2.client.lifecycle.create\"";
    let mut command = tokio::process::Command::from(watchfire(&["log", "--follow", "--json", "--filter", filter]));
    command.env("WATCHFIRE_URL", &server.url).env("WATCHFIRE_TOKEN", TOKEN);
    command.args(["--since", &hours_ago(1)]);
    let mut child = command.stdout(std::process::Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for name in ["First", "Second"] {
        let body = json!({"client_name": name, "application_type": "service", "grant_types": ["client_credentials"],
            "response_types": ["token"], "token_endpoint_auth_method": "private_key_jwt",
            "jwks_uri": "https://keys.example.com/jwks.json"});
        assert_eq!(server.post("/oauth2/v1/clients", &body).await?.status, 201);
        let line = tokio::time::timeout(Duration::from_secs(20), lines.next_line())
            .await??
            .unwrap();
        let event: Value = serde_json::from_str(&line)?;
        assert_eq!(event["eventType"], "app.oauth2.client.lifecycle.create");
        assert_eq!(event["target"][0]["displayName"], name);
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the server's clock is the real one")]
fn hours_ago(hours: u64) -> String {
    let then = std::time::SystemTime::now() - Duration::from_secs(hours * 3600);
    let seconds = then.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    watchfire_model::time::Timestamp::from_seconds(i64::try_from(seconds).unwrap()).to_string()
}
