//! Syslog over TLS.

use watchfire_fixtures::tls;
use watchfire_harness::{SyslogReceiver, syslog_receiver::SyslogMessage};

use super::*;

fn ids(messages: &[SyslogMessage]) -> Vec<String> {
    let ids = messages.iter().filter_map(|it| it.event["uuid"].as_str());
    ids.map(str::to_owned).collect()
}

fn syslog(receiver: &SyslogReceiver, ca: Option<&str>) -> Value {
    let target = json!({"type": "SYSLOG", "host": "127.0.0.1", "port": receiver.address.port(), "caCertificate": ca});
    json!({"name": "Syslog", "target": target})
}

async fn all_came(server: &TestServer, receiver: &SyslogReceiver) -> Result<()> {
    let logged = logged(server).await?;
    let last = logged.last().context("events")?.clone();
    let came = receiver.wait_for(|came| ids(came).contains(&last)).await?;
    assert!(once(ids(&came)) == logged, "{} came, {} were", came.len(), logged.len());
    assert_eq!(receiver.faults(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn messages_come_in_their_order_and_hostile_names_break_no_frame() -> Result<()> {
    let (server, receiver) = (server().await?, SyslogReceiver::start(false).await?);
    let path = stream(&server, syslog(&receiver, Some(tls::CA))).await?;
    for name in [
        "12 <13>1 - - - - - - forged",
        "\u{202e}gnp.exe",
        "\u{85}\u{2028}x",
        "] \"} 花",
    ] {
        let group = json!({"profile": {"name": name, "description": "花".repeat(1_000)}});
        let made = server.call("POST", "/api/v1/groups").json(&group).send().await?;
        assert_eq!(made.status, 200, "{}", made.text);
    }
    happen(&server, 0..20).await?;
    all_came(&server, &receiver).await?;
    let came = receiver.messages();
    let first = &came[0];
    let head = format!(
        "<110>1 2027-01-15T08:00:01.000Z org.example watchfire - - [watchfire@32473 uuid={} \
         eventType=\"system.log_stream.lifecycle.create\"]",
        first.event["uuid"]
    );
    assert_eq!(first.head, head);
    assert!(came.iter().all(|it| it.length <= 8_192));
    until(&server, &path, |it| it["progress"]["delivered"] == 25).await?;
    Ok(())
}

#[tokio::test]
async fn nothing_is_missing_after_a_receiver_was_killed() -> Result<()> {
    let (server, mut receiver) = (server().await?, SyslogReceiver::start(false).await?);
    let path = stream(&server, syslog(&receiver, Some(tls::CA))).await?;
    for round in 0..5 {
        happen(&server, round * 20..round * 20 + 10).await?;
        receiver.wait_for(|came| !came.is_empty()).await?;
        receiver.stop().await;
        happen(&server, round * 20 + 10..round * 20 + 20).await?;
        until(&server, &path, |it| it["progress"]["failingSince"].is_string()).await?;
        receiver.start_again().await?;
    }
    all_came(&server, &receiver).await?;
    until(&server, &path, |it| it["progress"]["failingSince"].is_null()).await?;
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_no_trusted_ca_vouches_for_gets_nothing() -> Result<()> {
    let (server, receiver) = (server().await?, SyslogReceiver::start(false).await?);
    for ca in [Some(tls::OTHER_CA), None] {
        let path = stream(&server, syslog(&receiver, ca)).await?;
        let shown = until(&server, &path, |it| it["progress"]["lastError"].is_string()).await?;
        let error = shown["progress"]["lastError"].as_str().unwrap_or_default();
        assert!(error.contains("UnknownIssuer"), "{error}");
        assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    }
    assert!(receiver.messages().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_asks_who_we_are_is_shown_a_certificate() -> Result<()> {
    let (server, receiver) = (server().await?, SyslogReceiver::start(true).await?);
    let mut body = syslog(&receiver, Some(tls::CA));
    body["target"]["clientCertificate"] = json!(tls::CLIENT_CERTIFICATE);
    body["secret"] = json!(tls::CLIENT_KEY);
    stream(&server, body).await?;
    happen(&server, 0..3).await?;
    all_came(&server, &receiver).await?;
    assert!(!server.contents().await?.contains("PRIVATE KEY"), "it is sealed");
    Ok(())
}
