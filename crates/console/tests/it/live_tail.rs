//! The live tail by Server-Sent Events, over a connection as a browser has it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use watchfire_app::{Settings, identity::administrators::ConsoleLimits, insight::log_tail::TailLimits};
use watchfire_harness::{ORG_URL, TestServer};

use crate::browser::{Browser, between};

const STREAM: &str = "/admin/reports/system-log/stream?filter=eventType+eq+%22user.lifecycle.create%22";
/// No test waits longer; none should wait at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stream as the browser reads it.
struct Tail {
    connection: TcpStream,
    text: String,
}

impl Tail {
    async fn open(base: &str, path: &str, cookie: &str, last: Option<&str>) -> Result<Self> {
        let address = base.strip_prefix("http://").context("an address")?;
        let mut connection = TcpStream::connect(address).await?;
        let last = last.map(|last| format!("Last-Event-ID: {last}\r\n")).unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\n{last}Connection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await?;
        let mut tail = Self {
            connection,
            text: String::new(),
        };
        tail.until("\r\n\r\n").await?;
        Ok(tail)
    }

    /// Reads on until `wanted` has come.
    async fn until(&mut self, wanted: &str) -> Result<()> {
        while !self.text.contains(wanted) {
            ensure!(self.more().await? > 0, "the stream has ended without {wanted}: {}", self.text);
        }
        Ok(())
    }

    async fn ends(&mut self) -> Result<()> {
        while self.more().await? > 0 {}
        Ok(())
    }

    async fn more(&mut self) -> Result<usize> {
        let mut bytes = vec![0; 16 * 1_024];
        let read = timeout(PATIENCE, self.connection.read(&mut bytes)).await??;
        self.text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        Ok(read)
    }

    fn rows(&self) -> usize {
        self.text.matches("<li class=\"event\">").count()
    }

    fn last_id(&self) -> &str {
        let last = self.text.rsplit("\nid: ").next().unwrap_or_default();
        last.lines().next().unwrap_or_default()
    }
}

async fn make_user(server: &TestServer, login: &str) -> Result<()> {
    let body = json!({"profile": {"login": login, "email": login, "firstName": "First", "lastName": "Last"}});
    let made = server.call("POST", "/api/v1/users?activate=false").json(&body).send().await?;
    ensure!(made.status == 200, "{}", made.text);
    Ok(())
}

async fn with_tails(tails: TailLimits) -> Result<TestServer> {
    TestServer::start_with(Settings {
        api_calls_per_minute: 0,
        logins_per_second: 0,
        console: ConsoleLimits {
            tails,
            ..ConsoleLimits::default()
        },
        ..Settings::new(ORG_URL)
    })
    .await
}

fn often() -> TailLimits {
    TailLimits {
        heartbeat: Duration::from_millis(50),
        ..TailLimits::default()
    }
}

#[tokio::test]
async fn an_event_comes_when_it_is_written_and_who_comes_back_misses_none() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let (base, cookie) = (server.listen().await?, browser.cookie.clone().context("a cookie")?);
    let page = browser
        .get("/admin/reports/system-log?live=1&filter=eventType+eq+%22user.lifecycle.create%22")
        .await?;
    let path = between(&page.text, "data-stream=\"", "\"").replace("&#38;", "&");
    assert!(path.starts_with("/admin/reports/system-log/stream?filter="), "{path}");
    let mut tail = Tail::open(&base, &path, &cookie, None).await?;
    assert!(
        tail.text.contains("text/event-stream") && tail.text.contains("no-store"),
        "{}",
        tail.text
    );
    make_user(&server, "first@example.com").await?;
    tail.until("first@example.com").await?;
    make_user(&server, "second@example.com").await?;
    tail.until("second@example.com").await?;
    assert_eq!(tail.rows(), 2, "{}", tail.text);
    let last = tail.last_id().to_owned();
    drop(tail);
    make_user(&server, "third@example.com").await?;
    let mut again = Tail::open(&base, &path, &cookie, Some(&last)).await?;
    again.until("third@example.com").await?;
    make_user(&server, "fourth@example.com").await?;
    again.until("fourth@example.com").await?;
    assert_eq!(again.rows(), 2, "{}", again.text);
    Ok(())
}

#[tokio::test]
async fn a_quiet_tail_is_heard_all_the_same_and_says_where_it_is() -> Result<()> {
    let server = with_tails(often()).await?;
    let browser = Browser::signed_in(&server).await?;
    let (base, cookie) = (server.listen().await?, browser.cookie.clone().context("a cookie")?);
    let mut tail = Tail::open(&base, STREAM, &cookie, None).await?;
    tail.until("\nid: ").await?;
    let place = tail.last_id().to_owned();
    assert_eq!((place.len(), tail.rows()), (16, 0), "{}", tail.text);
    Ok(())
}

#[tokio::test]
async fn signing_out_ends_the_tail() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let (base, cookie) = (server.listen().await?, browser.cookie.clone().context("a cookie")?);
    let mut tail = Tail::open(&base, STREAM, &cookie, None).await?;
    let csrf = browser.csrf().await?;
    assert_eq!(browser.post("/admin/sign-out", &[("csrf", csrf)]).await?.status, 303);
    tail.until("event: end\ndata: signed-out\n\n").await?;
    tail.ends().await
}

#[tokio::test]
async fn a_tail_is_no_use_of_the_session_and_ends_with_it() -> Result<()> {
    let server = with_tails(often()).await?;
    let browser = Browser::signed_in(&server).await?;
    let (base, cookie) = (server.listen().await?, browser.cookie.clone().context("a cookie")?);
    let mut tail = Tail::open(&base, STREAM, &cookie, None).await?;
    server.clock.advance(Duration::from_secs(31 * 60));
    tail.until("event: end\n").await?;
    tail.ends().await
}

#[tokio::test]
async fn an_administrator_has_so_many_tails_and_the_next_page_asks_instead() -> Result<()> {
    let server = with_tails(TailLimits { each: 1, ..often() }).await?;
    let browser = Browser::signed_in(&server).await?;
    let (base, cookie) = (server.listen().await?, browser.cookie.clone().context("a cookie")?);
    let first = Tail::open(&base, STREAM, &cookie, None).await?;
    assert_eq!(browser.get(STREAM).await?.status, 429);
    drop(first);
    // The place is free as soon as the server has seen that nobody reads any more.
    let freed = async {
        loop {
            let again = Tail::open(&base, STREAM, &cookie, None).await?;
            if again.text.starts_with("HTTP/1.1 200") {
                return anyhow::Ok(());
            }
        }
    };
    timeout(PATIENCE, freed).await?
}

#[tokio::test]
async fn a_server_that_stops_waits_for_no_tail() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let (base, cookie) = (server.listen().await?, browser.cookie.clone().context("a cookie")?);
    let mut tail = Tail::open(&base, STREAM, &cookie, None).await?;
    drop(browser);
    drop(server);
    // Well before the deadline at which what is in flight is cut.
    timeout(Duration::from_secs(4), tail.ends()).await??;
    assert!(!tail.text.contains("event: end"), "the browser is to come back");
    Ok(())
}

#[tokio::test]
async fn nobody_follows_without_a_session_or_from_nowhere() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let stranger = server.call("GET", STREAM).anonymous().send().await?;
    assert_eq!(stranger.status, 303);
    for wrong in ["after=nowhere", "filter=nonsense"] {
        let refused = browser.get(&format!("/admin/reports/system-log/stream?{wrong}")).await?;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    Ok(())
}
