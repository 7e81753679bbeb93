//! Streams of the System Log to where others keep logs (`docs/log-streaming.md`).

mod files;
mod hec;
mod syslog;

use std::{collections::BTreeSet, path::Path, time::Duration};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use watchfire_app::Settings;
use watchfire_harness::{ORG_URL, TestServer, log_collector::TOKEN};

const PATH: &str = "/watchfire/v1/log-streams";

/// A server whose streams lose no time, and may reach loopback.
async fn server() -> Result<TestServer> {
    TestServer::start_with(settings(None)).await
}

fn settings(folder: Option<&Path>) -> Settings {
    let mut settings = Settings {
        dev: true,
        api_calls_per_minute: 0,
        log_calls_per_minute: 0,
        ..Settings::new(ORG_URL)
    };
    let limits = &mut settings.log_streams;
    limits.folder = folder.map(Path::to_owned);
    limits.page = 7;
    limits.gather = Duration::from_millis(1);
    limits.look = Duration::from_millis(20);
    limits.report = Duration::ZERO;
    limits.backoff = Duration::from_millis(5);
    limits.backoff_cap = Duration::from_millis(50);
    limits.call = Duration::from_secs(2);
    limits.settle = Duration::from_millis(500);
    settings
}

/// Makes a stream and gives its path.
async fn stream(server: &TestServer, body: Value) -> Result<String> {
    // A stream begins with its own time; what was before is not of that time.
    server.clock.advance(Duration::from_secs(1));
    let made = server.call("POST", PATH).json(&body).send().await?;
    assert_eq!(made.status, 201, "{}", made.text);
    Ok(format!("{PATH}/{}", made.text_at("/id")))
}

fn hec(url: &str) -> Value {
    json!({"name": "Splunk", "secret": TOKEN, "target": {"type": "SPLUNK_HEC", "url": url}})
}

/// Makes something happen so many times: each is one event.
async fn happen(server: &TestServer, times: std::ops::Range<u32>) -> Result<()> {
    for number in times {
        let group = json!({"profile": {"name": format!("Group {number}")}});
        let made = server.call("POST", "/api/v1/groups").json(&group).send().await?;
        assert_eq!(made.status, 200, "{}", made.text);
    }
    Ok(())
}

/// The ids of all events of the log from the first about streams of the log on, in its order.
async fn logged(server: &TestServer) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    let mut after = String::new();
    loop {
        let page = server
            .call("GET", &format!("/api/v1/logs?limit=1000&after={after}"))
            .send()
            .await?;
        let events = page.json.as_array().context("events")?;
        if events.is_empty() {
            break;
        }
        ids.extend(events.iter().map(|event| (event["eventType"].clone(), event["uuid"].clone())));
        let mut links = page.headers.get_all("link").iter().filter_map(|link| link.to_str().ok());
        let next = links.rfind(|link| link.contains("rel=\"next\"")).context("a next page")?;
        after = next
            .split("after=")
            .nth(1)
            .and_then(|rest| rest.split(['&', '>']).next())
            .context("after")?
            .to_owned();
    }
    let made = ids.iter().position(|(kind, _)| kind == "system.log_stream.lifecycle.create");
    let ids = ids.split_off(made.context("no stream was made")?);
    Ok(ids.into_iter().filter_map(|(_, id)| id.as_str().map(str::to_owned)).collect())
}

/// What came, each the first time that it came.
fn once(ids: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    ids.into_iter().filter(|id| seen.insert(id.clone())).collect()
}

/// Waits until the stream is `as_it_shall_be`, and shows it.
async fn until(server: &TestServer, path: &str, as_it_shall_be: impl Fn(&Value) -> bool) -> Result<Value> {
    let looking = async {
        loop {
            let shown = server.call("GET", path).send().await?.json;
            if as_it_shall_be(&shown) {
                return Ok(shown);
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looking)
        .await
        .context("it never was")?
}

#[tokio::test]
async fn a_stream_lives() -> Result<()> {
    let server = server().await?;
    let body = json!({"name": "SIEM", "format": "OCSF", "filter": "severity eq \"WARN\"", "secret": "hush-hush-token",
        "target": {"type": "SPLUNK_HEC", "url": "https://splunk.example:8088/services/collector", "index": "main"}});
    let made = server.call("POST", PATH).json(&body).send().await?;
    assert_eq!((made.status, made.text_at("/status")), (201, "ACTIVE"), "{}", made.text);
    assert_eq!(made.text_at("/target/url"), "https://splunk.example:8088");
    assert_eq!(
        (&made.json["hasSecret"], made.text_at("/target/sourcetype")),
        (&json!(true), "_json")
    );
    let path = format!("{PATH}/{}", made.text_at("/id"));
    assert!(!server.call("GET", &path).send().await?.text.contains("hush"));
    assert!(!server.contents().await?.contains("hush"), "it is sealed");
    let listed = server.call("GET", PATH).send().await?;
    assert_eq!(listed.json[0]["name"], "SIEM");
    for (word, status) in [("deactivate", "INACTIVE"), ("activate", "ACTIVE")] {
        let changed = server.call("POST", &format!("{path}/lifecycle/{word}")).send().await?;
        assert_eq!((changed.status, changed.text_at("/status")), (200, status));
    }
    let other = json!({"name": "Other", "target": {"type": "NATS", "url": "tls://nats.example"}});
    let replaced = server.call("PUT", &path).json(&other).send().await?;
    assert_eq!(
        (replaced.status, replaced.text_at("/target/subject")),
        (200, "watchfire.log"),
        "{}",
        replaced.text
    );
    assert_eq!(replaced.json["hasSecret"], json!(false), "a token is no password of NATS");
    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    assert_eq!(server.call("GET", &path).send().await?.status, 404);
    let seen = server.call("GET", "/api/v1/logs?q=log+stream").send().await?;
    let seen: Vec<_> = seen
        .json
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| it["eventType"].as_str().unwrap_or(""))
        .collect();
    let lives = ["create", "deactivate", "activate", "update", "delete"];
    assert_eq!(seen, lives.map(|word| format!("system.log_stream.lifecycle.{word}")));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_a_stream_is_refused() -> Result<()> {
    let server = TestServer::start().await?;
    let hec = |url: &str| json!({"type": "SPLUNK_HEC", "url": url});
    let key = watchfire_fixtures::tls::CLIENT_KEY;
    let chain = watchfire_fixtures::tls::SERVER_CERTIFICATE;
    let cases = [
        (json!({"name": "x"}), "target: The field cannot be left blank"),
        (
            json!({"name": "x", "target": {}}),
            "target.type: The field cannot be left blank",
        ),
        (
            json!({"name": "x", "target": {"type": "KAFKA"}}),
            "target.type: Invalid value",
        ),
        (
            json!({"target": hec("https://splunk.example"), "secret": "t"}),
            "name: The field cannot be left blank",
        ),
        (
            json!({"name": "x", "target": hec("https://splunk.example")}),
            "secret: The field cannot be left blank",
        ),
        (
            json!({"name": "x", "secret": "a\nb", "target": hec("https://splunk.example")}),
            "secret: The field is not a token",
        ),
        (
            json!({"name": "x", "secret": "t", "target": hec("http://splunk.example")}),
            "target.url: The address is not allowed: the scheme must be https",
        ),
        (
            json!({"name": "x", "secret": "t", "target": hec("https://169.254.169.254")}),
            "target.url: The address is not allowed: the address 169.254.169.254 is not allowed",
        ),
        (
            json!({"name": "x", "target": {"type": "SYSLOG", "host": "10.1.2.3"}}),
            "target.host: The address is not allowed: the address 10.1.2.3 is not allowed",
        ),
        (
            json!({"name": "x", "target": {"type": "SYSLOG", "host": "a b"}}),
            "target.host: The address is not allowed: not a host name or an address",
        ),
        (
            json!({"name": "x", "target": {"type": "SYSLOG", "host": "log.example", "facility": 24}}),
            "target.facility: Invalid value",
        ),
        (
            json!({"name": "x", "target": {"type": "SYSLOG", "host": "log.example", "caCertificate": "nonsense"}}),
            "target.caCertificate: there is no certificate in PEM form",
        ),
        (
            json!({"name": "x", "target": {"type": "SYSLOG", "host": "log.example", "clientCertificate": chain}}),
            "secret: A client certificate needs its private key here",
        ),
        (
            json!({"name": "x", "secret": key, "target": {"type": "SYSLOG", "host": "log.example", "clientCertificate": chain}}),
            "secret: the certificates and the key cannot be used",
        ),
        (
            json!({"name": "x", "target": {"type": "NATS", "url": "nats://nats.example"}}),
            "target.url: The address is not allowed: the scheme must be tls",
        ),
        (
            json!({"name": "x", "target": {"type": "NATS", "url": "tls://u:p@nats.example"}}),
            "target.url: The address is not allowed: the URL must not contain credentials",
        ),
        (
            json!({"name": "x", "target": {"type": "NATS", "url": "tls://[::1]:4222"}}),
            "target.url: The address is not allowed: the address ::1 is not allowed",
        ),
        (
            json!({"name": "x", "target": {"type": "NATS", "url": "tls://nats.example", "subject": "a.>"}}),
            "target.subject: The field must be words of letters, digits, - and _ with dots between them",
        ),
        (
            json!({"name": "x", "target": {"type": "NATS", "url": "tls://nats.example", "user": "jo"}}),
            "secret: The field cannot be left blank",
        ),
        (
            json!({"name": "x", "target": {"type": "FILE"}}),
            "target.type: Files need the setting log-stream-dir",
        ),
        (
            json!({"name": "x", "filter": "eventType eq", "target": {"type": "NATS", "url": "tls://nats.example"}}),
            "filter: ",
        ),
        (
            json!({"name": "x", "startAt": "yesterday", "target": {"type": "NATS", "url": "tls://nats.example"}}),
            "startAt: ",
        ),
    ];
    for (body, cause) in cases {
        let refused = server.call("POST", PATH).json(&body).send().await?;
        let (code, said) = refused.error();
        assert_eq!((refused.status, code), (400, "E0000001"), "{body} {}", refused.text);
        assert!(said.starts_with(cause), "{body}: {said}");
    }
    Ok(())
}
