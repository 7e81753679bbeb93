//! Metadata documents: read when a provider is made, and again every day (META-03, META-06, META-11).

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use watchfire_app::{Settings, intake::transmitter_metadata::MetadataLimits};
use watchfire_harness::{SetSender, TestServer};
use wiremock::{MockServer, ResponseTemplate};

use super::{PROVIDERS, create, logged, server, vendor, well_known};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn document(issuer: &str, keys: &str) -> ResponseTemplate {
    let keys = format!("https://keys.example/{keys}");
    ResponseTemplate::new(200).set_body_json(json!({"issuer": issuer, "jwks_uri": keys, "spec_version": "1_0"}))
}

fn well_known_url(vendor: &MockServer) -> String {
    format!("{}/.well-known/ssf-configuration", vendor.uri())
}

/// What anybody who asks is told from now on.
async fn now_says(vendor: &MockServer, answer: ResponseTemplate) {
    vendor.reset().await;
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(answer)
        .mount(vendor)
        .await;
}

/// okta.md 5.1: the answer has all three settings; 5.2: the answer's own body may be put back.
#[tokio::test]
async fn a_provider_by_its_metadata_has_all_three_settings() -> Result<()> {
    let server = server().await?;
    // The issuer is another than the address: Okta's surface takes it as it stands (META-06).
    let vendor = vendor(document("https://casb.acme.example", "a")).await;
    let url = well_known_url(&vendor);
    let made = create(&server, &well_known("Acme CASB", &url)).await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let settings = json!({
        "well_known_url": url,
        "issuer": "https://casb.acme.example",
        "jwks_url": "https://keys.example/a",
    });
    assert_eq!(made.json["settings"], settings);
    let detail = &logged(&server).await?[0]["target"][0]["detailEntry"];
    assert_eq!(
        (&detail["wellKnownUrl"], &detail["issuerDiffers"]),
        (&json!(url), &json!(true))
    );
    // The document counts, whatever stands beside its address.
    now_says(&vendor, document("https://casb.acme.example", "b")).await;
    let path = format!("{PROVIDERS}/{}", made.text_at("/id"));
    let replaced = server.call("PUT", &path).json(&made.json).send().await?;
    assert_eq!(
        (replaced.status, replaced.text_at("/settings/jwks_url")),
        (200, "https://keys.example/b")
    );
    // A null address is none.
    let by_hand = json!({"well_known_url": null, "issuer": "casb", "jwks_url": "https://keys.example/c"});
    let body = json!({"name": "Acme CASB", "type": "t", "settings": by_hand});
    let replaced = server.call("PUT", &path).json(&body).send().await?;
    assert_eq!(
        replaced.json["settings"],
        json!({"issuer": "casb", "jwks_url": "https://keys.example/c"})
    );
    Ok(())
}

#[tokio::test]
async fn an_issuer_that_is_where_its_address_says_has_no_mark() -> Result<()> {
    let server = server().await?;
    let vendor = MockServer::start().await;
    now_says(&vendor, document(&vendor.uri(), "a")).await;
    let made = create(&server, &well_known("Acme", &well_known_url(&vendor))).await?;
    assert_eq!(made.status, 200);
    let detail = &logged(&server).await?[0]["target"][0]["detailEntry"];
    assert_eq!(detail.get("issuerDiffers"), None);
    Ok(())
}

/// okta.md 5.2: a failure is 400 and says what was wrong.
#[tokio::test]
async fn metadata_that_cannot_be_used_is_refused_with_the_reason() -> Result<()> {
    let server = server().await?;
    let json_of = |value: Value| ResponseTemplate::new(200).set_body_json(value);
    let raw = |text: &str| ResponseTemplate::new(200).set_body_raw(text.as_bytes().to_vec(), "application/json");
    let huge = format!(r#"{{"issuer":"{}"}}"#, "x".repeat(300 * 1024));
    let html = ResponseTemplate::new(200).set_body_raw("<html>".as_bytes(), "text/html");
    let plain = ResponseTemplate::new(200).set_body_raw(r#"{"issuer":"a"}"#.as_bytes(), "text/plain");
    let redirect = ResponseTemplate::new(302).insert_header("location", "https://elsewhere.example/");
    let cases = [
        (ResponseTemplate::new(404), "the destination answered with status 404"),
        (ResponseTemplate::new(500), "the destination answered with status 500"),
        (redirect, "the destination answered with status 302"),
        (html, "the answer's Content-Type is not application/json"),
        (plain, "the answer's Content-Type is not application/json"),
        (raw(&huge), "the answer is longer than 262144 bytes"),
        (raw("{\"issuer\":"), "the answer is not acceptable JSON: "),
        (
            raw(r#"{"issuer":"a","issuer":"b","jwks_uri":"https://keys.example"}"#),
            "the answer is not acceptable JSON: ",
        ),
        (json_of(json!([])), "the document is not a JSON object"),
        (
            json_of(json!({"jwks_uri": "https://keys.example"})),
            "the document has no valid 'issuer'",
        ),
        (
            json_of(json!({"issuer": 7, "jwks_uri": "https://keys.example"})),
            "the document has no valid 'issuer'",
        ),
        (json_of(json!({"issuer": "a"})), "the document has no 'jwks_uri'"),
        (
            json_of(json!({"issuer": "a", "jwks_uri": 7})),
            "the document's 'jwks_uri' is not a string",
        ),
        (
            json_of(json!({"issuer": "a", "jwks_uri": "keys"})),
            "the document's 'jwks_uri' is not an absolute https URL",
        ),
        (
            json_of(json!({"issuer": "a", "jwks_uri": "https://10.0.0.1/keys"})),
            "the document's 'jwks_uri' is not allowed: the address 10.0.0.1 is not allowed",
        ),
    ];
    for (answer, reason) in cases {
        let vendor = vendor(answer).await;
        let refused = create(&server, &well_known("Acme", &well_known_url(&vendor))).await?;
        assert_eq!((refused.status, refused.error().0), (400, "E0000001"), "{reason}");
        assert_eq!(refused.error().1, "well_known_url: well_known_url is not valid");
        let said = refused.text_at("/errorCauses/1/errorSummary");
        assert!(said.starts_with(&format!("well_known_url: {reason}")), "{said}");
    }
    let listed = server.call("GET", PROVIDERS).send().await?;
    assert_eq!(listed.json, json!([]));
    Ok(())
}

/// The policy holds for the document's address too; nothing is sent (JWT-15).
#[tokio::test]
async fn metadata_on_an_address_that_is_not_public_is_never_asked_for() -> Result<()> {
    let server = TestServer::start().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    for url in [
        format!("https://127.0.0.1:{port}/"),
        format!("https://localhost:{port}/"),
        format!("http://acme.example:{port}/"),
        "https://169.254.169.254/".to_owned(),
        "https://[fd00::1]/".to_owned(),
        "https://2130706433/".to_owned(),
    ] {
        let refused = create(&server, &well_known("Acme", &url)).await?;
        assert_eq!((refused.status, refused.error().0), (400, "E0000001"), "{url}");
    }
    let nobody = tokio::time::timeout(Duration::from_millis(1), listener.accept()).await;
    assert!(nobody.is_err());
    Ok(())
}

/// META-11: once a day; the difference is in the System Log, and new keys are fetched from the new place.
#[tokio::test]
async fn metadata_is_read_again_every_day() -> Result<()> {
    let server = server().await?;
    let vendor = vendor(document("https://casb.acme.example", "a")).await;
    let made = create(&server, &well_known("Acme", &well_known_url(&vendor))).await?;
    let path = format!("{PROVIDERS}/{}", made.text_at("/id"));
    now_says(&vendor, document("https://casb.acme.example", "b")).await;
    server.clock.advance(DAY - Duration::from_secs(1));
    server.app.refresh_due_metadata(DAY).await;
    assert_eq!(vendor.received_requests().await.unwrap_or_default().len(), 0);
    server.clock.advance(Duration::from_secs(1));
    server.app.refresh_due_metadata(DAY).await;
    server.app.refresh_due_metadata(DAY).await;
    assert_eq!(vendor.received_requests().await.unwrap_or_default().len(), 1);
    let read = server.call("GET", &path).send().await?;
    assert_eq!(read.text_at("/settings/jwks_url"), "https://keys.example/b");
    let events = logged(&server).await?;
    assert_eq!(events[1]["eventType"], "security.events.provider.update");
    assert_eq!(events[1]["actor"]["type"], "SystemPrincipal");
    let changed = &events[1]["target"][0]["changeDetails"];
    assert_eq!(
        (&changed["from"]["jwksUrl"], &changed["to"]["jwksUrl"]),
        (&json!("https://keys.example/a"), &json!("https://keys.example/b"))
    );
    Ok(())
}

/// META-11: another issuer suspends the provider; replacing and activating it is an administrator's.
#[tokio::test]
async fn metadata_of_another_issuer_suspends_the_provider() -> Result<()> {
    let server = server().await?;
    let vendor = vendor(document("https://casb.acme.example", "a")).await;
    let made = create(&server, &well_known("Acme", &well_known_url(&vendor))).await?;
    let path = format!("{PROVIDERS}/{}", made.text_at("/id"));
    now_says(&vendor, document("https://evil.example", "evil")).await;
    server.clock.advance(DAY);
    server.app.refresh_due_metadata(DAY).await;
    let read = server.call("GET", &path).send().await?;
    assert_eq!(read.text_at("/status"), "INACTIVE");
    assert_eq!(read.text_at("/settings/jwks_url"), "https://keys.example/a");
    assert_eq!(
        logged(&server).await?[1]["outcome"]["reason"],
        "The metadata names another issuer: https://evil.example"
    );
    Ok(())
}

/// A vendor that is down, broken or silent keeps what it has, and holds up nobody else's.
#[tokio::test]
async fn a_vendor_that_hangs_does_not_hold_up_the_others_metadata() -> Result<()> {
    let server = server().await?;
    let broken = vendor(document("https://broken.example", "a")).await;
    let good = vendor(document("https://good.example", "a")).await;
    for (name, vendor) in [("Broken", &broken), ("Good", &good)] {
        assert_eq!(create(&server, &well_known(name, &well_known_url(vendor))).await?.status, 200);
    }
    now_says(
        &broken,
        document("https://broken.example", "b").set_delay(Duration::from_secs(3_600)),
    )
    .await;
    now_says(&good, document("https://good.example", "b")).await;
    server.clock.advance(DAY);
    let app = server.app.clone();
    let refresh = tokio::spawn(async move { app.refresh_due_metadata(DAY).await });
    let url_of = |listed: &Value, name: &str| {
        let all = listed.as_array().into_iter().flatten();
        let mut named = all.filter(|it| it["name"] == name);
        named.next().map(|it| it["settings"]["jwks_url"].clone())
    };
    loop {
        let listed = server.call("GET", PROVIDERS).send().await?.json;
        if url_of(&listed, "Good") == Some(json!("https://keys.example/b")) {
            assert_eq!(url_of(&listed, "Broken"), Some(json!("https://keys.example/a")));
            break;
        }
        tokio::task::yield_now().await;
    }
    refresh.abort();
    Ok(())
}

/// The caller is answered in time even when the vendor says nothing.
#[tokio::test]
async fn a_vendor_that_says_nothing_is_given_up() -> Result<()> {
    let settings = Settings {
        metadata: MetadataLimits {
            fetch: Duration::from_millis(100),
            ..MetadataLimits::default()
        },
        ..SetSender::settings()
    };
    let server = TestServer::start_with(settings).await?;
    let vendor = vendor(ResponseTemplate::new(200).set_delay(Duration::from_secs(3_600))).await;
    let refused = create(&server, &well_known("Acme", &well_known_url(&vendor))).await?;
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.text_at("/errorCauses/1/errorSummary"),
        "well_known_url: the destination did not answer in time"
    );
    Ok(())
}
