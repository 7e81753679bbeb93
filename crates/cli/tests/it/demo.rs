//! `demo`: the whole story holds, and fails where enforcement is switched off behind its back.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    response::Response,
};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::{
    administration::admin_json,
    program::{stderr, watchfire},
    server::{Server, TOKEN},
};

fn lines(stdout: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(stdout.to_vec()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn line<'a>(lines: &'a [Value], beginning: &str) -> &'a Value {
    let found = lines
        .iter()
        .find(|line| line["line"].as_str().is_some_and(|text| text.starts_with(beginning)));
    found.unwrap_or_else(|| panic!("no line '{beginning}' in {lines:#?}"))
}

#[tokio::test]
async fn every_line_holds_on_a_server_of_its_own() -> Result<()> {
    let command = watchfire(&["demo", "--exit", "--json", "--listen", "127.0.0.1:0"]);
    let output = tokio::process::Command::from(command).output().await?;
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        stderr(&output)
    );
    let lines = lines(&output.stdout);
    let told: Vec<_> = lines.iter().filter(|line| line.get("line").is_some()).collect();
    assert!(told.len() > 15 && told.iter().all(|line| line["holds"] == true), "{told:#?}");
    assert_eq!(line(&lines, "With the rule in place")["found"], "SUCCESS");
    assert_eq!(line(&lines, "Jo is asked for the second factor")["found"], "MFA_REQUIRED");
    assert!(
        line(&lines, "and who reported it")["found"]
            .as_str()
            .unwrap()
            .contains("Risk Provider Example")
    );
    Ok(())
}

#[tokio::test]
async fn it_speaks_to_people_without_colour_where_no_terminal_is() -> Result<()> {
    let command = watchfire(&["demo", "--exit", "--listen", "127.0.0.1:0"]);
    let output = tokio::process::Command::from(command).output().await?;
    let text = String::from_utf8(output.stdout.clone())?;
    assert_eq!(output.status.code(), Some(0), "{text}{}", stderr(&output));
    assert!(
        text.contains("Every line held.") && text.contains("MFA_REQUIRED") && !text.contains('\u{1b}'),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn it_leaves_the_server_up_until_it_is_told_to_stop() -> Result<()> {
    let mut command = tokio::process::Command::from(watchfire(&["demo", "--json", "--listen", "127.0.0.1:0"]));
    let mut child = command.stdout(std::process::Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let last = loop {
        let line = lines.next_line().await?.context("it ended early")?;
        let line: Value = serde_json::from_str(&line)?;
        if let Some(url) = line.get("url") {
            break (url.as_str().unwrap().to_owned(), line["token"].as_str().unwrap().to_owned());
        }
    };
    let (url, token) = last;
    let mut command = tokio::process::Command::from(watchfire(&["doctor", "--json", "--url", &url]));
    let output = command.env("WATCHFIRE_TOKEN", &token).output().await?;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let pid = child.id().context("it has ended")?.to_string();
    assert!(
        tokio::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .await?
            .success()
    );
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), child.wait()).await??;
    assert_eq!(ended.code(), Some(0));
    Ok(())
}

async fn play_on(url: &str) -> Result<std::process::Output> {
    let mut command = watchfire(&["demo", "--exit", "--json", "--url", url]);
    command.env("WATCHFIRE_TOKEN", TOKEN);
    Ok(tokio::process::Command::from(command).output().await?)
}

#[tokio::test]
async fn it_plays_on_a_running_server_twice() -> Result<()> {
    let server = Server::start(&["--trusted-proxy", "127.0.0.0/8"]).await?;
    let before = admin_json(&server, &["provider", "list"]).await;
    for round in 1..=2 {
        let output = play_on(&server.url).await?;
        assert_eq!(
            output.status.code(),
            Some(0),
            "{round}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            stderr(&output)
        );
    }
    // What it made is taken away again; the log keeps the story.
    let after = admin_json(&server, &["provider", "list"]).await;
    for member in ["/0/id", "/0/name", "/0/clientId", "/0/action"] {
        assert_eq!(after.pointer(member), before.pointer(member), "{member}");
    }
    assert_eq!(after.as_array().map(Vec::len), Some(1));
    assert_eq!(admin_json(&server, &["app", "list"]).await, serde_json::json!([]));
    assert_eq!(
        admin_json(&server, &["policy", "list"]).await.as_array().map(Vec::len),
        Some(1)
    );
    let users = admin_json(&server, &["user", "list", "--search", "profile.lastName eq \"Lin\""]).await;
    assert_eq!(users, serde_json::json!([]));
    Ok(())
}

/// What a proxy between the demo and the server does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meddling {
    /// Providers are only ever logged, and the answers say otherwise.
    OnlyLogged,
    /// The server is honest about a provider that is only logged.
    OnlyLoggedHonestly,
    /// No rule is ever added, and the answer says otherwise.
    NoRule,
}

#[tokio::test]
async fn it_fails_where_enforcement_is_switched_off() -> Result<()> {
    for (meddling, broken) in [
        (Meddling::OnlyLogged, "Jo is asked for the second factor"),
        (
            Meddling::OnlyLoggedHonestly,
            "The provider is ours, and its signals are enforced",
        ),
        (Meddling::NoRule, "A sign-on rule asks for a second factor"),
    ] {
        let server = Server::start(&["--trusted-proxy", "127.0.0.0/8"]).await?;
        let proxy = Proxy::start(&server.url, meddling).await?;
        let output = play_on(&proxy).await?;
        assert_eq!(output.status.code(), Some(1), "{meddling:?}");
        let lines = lines(&output.stdout);
        let last = lines.last().context("it said nothing")?;
        assert!(last["line"].as_str().unwrap().starts_with(broken), "{meddling:?}: {last}");
        assert_eq!(last["holds"], false);
        assert!(stderr(&output).contains("does not hold"), "{}", stderr(&output));
    }
    Ok(())
}

struct Proxy {
    upstream: String,
    meddling: Meddling,
    http: reqwest::Client,
}

impl Proxy {
    async fn start(upstream: &str, meddling: Meddling) -> Result<String> {
        let proxy = Self {
            upstream: upstream.to_owned(),
            meddling,
            http: reqwest::Client::builder().no_proxy().build()?,
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(pass_on).with_state(Arc::new(proxy));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(url)
    }

    fn request_body(&self, body: &Bytes) -> Bytes {
        match self.meddling {
            Meddling::OnlyLogged | Meddling::OnlyLoggedHonestly => replace(body, "enforce_and_log", "log_only"),
            Meddling::NoRule => body.clone(),
        }
    }

    fn response_body(&self, body: &Bytes) -> Bytes {
        match self.meddling {
            Meddling::OnlyLogged => replace(body, "log_only", "enforce_and_log"),
            Meddling::OnlyLoggedHonestly | Meddling::NoRule => body.clone(),
        }
    }
}

fn replace(body: &Bytes, from: &str, to: &str) -> Bytes {
    let Ok(text) = std::str::from_utf8(body) else {
        return body.clone();
    };
    Bytes::from(text.replace(from, to))
}

async fn pass_on(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    if proxy.meddling == Meddling::NoRule && parts.method == "POST" && parts.uri.path().ends_with("/rules") {
        return Response::builder()
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
    }
    let url = format!("{}{}", proxy.upstream, parts.uri);
    let mut headers = parts.headers;
    headers.remove("host");
    headers.remove("content-length");
    let sent = proxy
        .http
        .request(parts.method, url)
        .headers(headers)
        .body(proxy.request_body(&body))
        .send()
        .await;
    let answered = sent.unwrap();
    let mut response = Response::builder().status(answered.status());
    for (name, value) in answered.headers() {
        if name != "content-length" && name != "transfer-encoding" {
            response = response.header(name, value);
        }
    }
    let body = answered.bytes().await.unwrap();
    response.body(Body::from(proxy.response_body(&body))).unwrap()
}
