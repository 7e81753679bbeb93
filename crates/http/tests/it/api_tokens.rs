//! API tokens (okta.md 1.1, 10.6).

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use watchfire_harness::{Answer, ServiceApp, TestServer};

const PATH: &str = "/api/v1/api-tokens";
const MAKE: &str = "/watchfire/v1/api-tokens";
const DAY: Duration = Duration::from_secs(24 * 3_600);

async fn make(server: &TestServer, name: &str) -> Result<(String, String)> {
    let made = server.call("POST", MAKE).json(&json!({"name": name})).send().await?;
    anyhow::ensure!(made.status == 201, "{}", made.text);
    Ok((made.text_at("/id").to_owned(), made.text_at("/token").to_owned()))
}

async fn use_it(server: &TestServer, secret: &str) -> Result<Answer> {
    server
        .call("GET", "/api/v1/risk/providers")
        .header("authorization", &format!("SSWS{secret}"))
        .send()
        .await
}

#[tokio::test]
async fn a_token_lives() -> Result<()> {
    let server = TestServer::start().await?;
    let (id, secret) = make(&server, "ci").await?;
    assert!(id.starts_with("00T") && id.len() == 20 && secret.starts_with("00") && secret.len() == 42);
    assert_eq!(use_it(&server, &secret).await?.status, 200);
    let got = server.call("GET", &format!("{PATH}/{id}")).send().await?;
    let user = got.text_at("/userId").to_owned();
    let org = "https://org.example";
    let want = json!({
        "id": id, "name": "ci", "userId": user, "clientName": "Okta API", "tokenWindow": "P30D",
        "network": {"connection": "ANYWHERE"}, "expiresAt": "2027-02-14T08:00:00.000Z",
        "created": "2027-01-15T08:00:00.000Z", "lastUpdated": "2027-01-15T08:00:00.000Z",
        "_links": {
            "self": {"href": format!("{org}{PATH}/{id}"), "hints": {"allow": ["GET", "DELETE"]}},
            "user": {"href": format!("{org}/api/v1/users/{user}"), "hints": {"allow": ["GET"]}},
        },
    });
    assert_eq!((got.status, &got.json), (200, &want));
    let listed = server.call("GET", &format!("{PATH}?q=C")).send().await?;
    assert_eq!(listed.json, json!([want]));
    let all = server.call("GET", &format!("{PATH}?limit=1")).send().await?;
    assert_eq!(
        all.headers.get_all("link").iter().count(),
        2,
        "the first administrator's is there too"
    );
    assert!(!all.text.contains(&secret));

    assert_eq!(server.call("DELETE", &format!("{PATH}/{id}")).send().await?.status, 204);
    assert_eq!(use_it(&server, &secret).await?.status, 401);
    let gone = server.call("GET", &format!("{PATH}/{id}")).send().await?;
    assert_eq!(
        (gone.status, gone.text_at("/errorSummary")),
        (404, format!("Not found: Resource not found: {id} (ApiToken)").as_str())
    );
    Ok(())
}

#[tokio::test]
async fn thirty_days_without_use_end_a_token() -> Result<()> {
    let server = TestServer::start().await?;
    let (_, used) = make(&server, "used").await?;
    let (_, idle) = make(&server, "idle").await?;
    for _ in 0..4 {
        server.clock.advance(DAY * 10);
        assert_eq!(use_it(&server, &used).await?.status, 200);
        // The use is noted behind the answer; a change that is made after it is decided after it.
        let noted = server
            .call("PUT", "/api/v1/org")
            .json(&json!({"companyName": "Acme"}))
            .send()
            .await?;
        assert_eq!(noted.status, 200);
    }
    assert_eq!(use_it(&server, &idle).await?.status, 401);
    // A use within the hour changes nothing.
    let before = server.call("GET", &format!("{PATH}?q=used")).send().await?;
    server.clock.advance(Duration::from_secs(3_599));
    assert_eq!(use_it(&server, &used).await?.status, 200);
    assert_eq!(server.call("GET", &format!("{PATH}?q=used")).send().await?.json, before.json);
    Ok(())
}

#[tokio::test]
async fn a_fixed_expiry_stays() -> Result<()> {
    let server = TestServer::start().await?;
    let body = json!({"name": "short", "expiresAt": "2027-01-16T08:00:00Z"});
    let made = server.call("POST", MAKE).json(&body).send().await?;
    let secret = made.text_at("/token").to_owned();
    server.clock.advance(DAY - Duration::from_secs(1));
    assert_eq!(use_it(&server, &secret).await?.status, 200);
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(use_it(&server, &secret).await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn bad_tokens_are_refused() -> Result<()> {
    let server = TestServer::start().await?;
    for (body, cause) in [
        (json!({}), "name: The field cannot be left blank"),
        (json!({"name": " "}), "name: The field cannot be left blank"),
        (json!({"name": "x".repeat(256)}), "name: The field is too long"),
        (
            json!({"name": "x", "expiresAt": "soon"}),
            "expiresAt: The date must be of the form yyyy-MM-dd'T'HH:mm:ss.SSSZ",
        ),
        (
            json!({"name": "x", "expiresAt": "2027-01-15T08:00:00Z"}),
            "expiresAt: The date must be in the future",
        ),
    ] {
        let refused = server.call("POST", MAKE).json(&body).send().await?;
        assert_eq!((refused.status, refused.error()), (400, ("E0000001", cause)), "{body}");
    }
    let app = ServiceApp::register(&server, &["okta.apiTokens.manage", "watchfire.manage"]).await?;
    let token = app.token(&server, "okta.apiTokens.manage watchfire.manage").await?;
    let by_app = server
        .call("POST", MAKE)
        .bearer(&token)
        .json(&json!({"name": "x"}))
        .send()
        .await?;
    assert_eq!(by_app.status, 403, "a service app is no administrator");
    let current = server
        .call("DELETE", &format!("{PATH}/current"))
        .bearer(&token)
        .send()
        .await?;
    assert_eq!(current.status, 403);
    Ok(())
}

#[tokio::test]
async fn a_token_may_be_tied_to_zones_and_revoke_itself() -> Result<()> {
    let server = TestServer::start().await?;
    let (id, secret) = make(&server, "office").await?;
    let zone = json!({"type": "IP", "name": "office", "gateways": [{"type": "CIDR", "value": "203.0.113.0/24"}]});
    let zone = server
        .call("POST", "/api/v1/zones")
        .json(&zone)
        .send()
        .await?
        .text_at("/id")
        .to_owned();
    // Terraform sends the whole object (okta.md 10.6).
    let body = json!({"clientName": "Okta API", "name": "office", "userId": "00u1", "created": "2027-01-15T08:00:00.000Z",
        "network": {"connection": "ZONE", "include": [zone]}});
    let changed = server.call("PUT", &format!("{PATH}/{id}")).json(&body).send().await?;
    assert_eq!(
        (changed.status, &changed.json["network"]),
        (200, &json!({"connection": "ZONE", "include": [zone]}))
    );
    assert_eq!(use_it(&server, &secret).await?.status, 401);
    let ssws = format!("SSWS {secret}");
    let inside = || {
        server
            .call("DELETE", &format!("{PATH}/current"))
            .header("authorization", &ssws)
            .from([203, 0, 113, 9])
    };
    assert_eq!(inside().send().await?.status, 204);
    assert_eq!(inside().send().await?.status, 401);

    let (id, _) = make(&server, "other").await?;
    let unknown = json!({"name": "other", "network": {"connection": "ZONE", "include": ["nzoNowhere"]}});
    let refused = server.call("PUT", &format!("{PATH}/{id}")).json(&unknown).send().await?;
    assert_eq!(
        (refused.status, refused.error()),
        (400, ("E0000001", "network.include: Invalid network zone"))
    );
    for network in [
        json!({"include": [zone]}),
        json!({"connection": "ANYWHERE", "exclude": [zone]}),
    ] {
        let body = json!({"name": "other", "network": network});
        let refused = server.call("PUT", &format!("{PATH}/{id}")).json(&body).send().await?;
        let cause = "network.connection: Zones can be named only with ZONE";
        assert_eq!((refused.status, refused.error()), (400, ("E0000001", cause)), "{body}");
    }
    Ok(())
}
