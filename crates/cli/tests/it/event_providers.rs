//! `watchfire event-provider` against a running server.

use anyhow::Result;
use serde_json::json;

use crate::{
    administration::{admin_json, as_admin},
    program::stderr,
    server::Server,
};

#[tokio::test]
async fn a_security_events_provider_is_made_changed_and_deleted() -> Result<()> {
    let server = Server::start(&[]).await?;
    let (issuer, keys) = ("https://edr.acme.example", "https://edr.acme.example/jwks.json");
    let create = [
        "event-provider",
        "create",
        "Acme EDR",
        "--type",
        "acme-edr",
        "--issuer",
        issuer,
        "--jwks-url",
        keys,
    ];
    let made = admin_json(&server, &create).await;
    assert_eq!(made["settings"], json!({"issuer": issuer, "jwks_url": keys}));
    let listed = admin_json(&server, &["event-provider", "list"]).await;
    assert_eq!(listed, json!([made]));
    for (step, status) in [("deactivate", "INACTIVE"), ("activate", "ACTIVE")] {
        let changed = admin_json(&server, &["event-provider", step, "acme edr"]).await;
        assert_eq!(changed["status"], status);
    }
    let profile = [
        "event-provider",
        "profile",
        issuer,
        "--domain",
        "acme.example",
        "--revoke-key",
        "k1",
    ];
    admin_json(&server, &profile).await;
    let profile = admin_json(&server, &["event-provider", "profile", issuer]).await;
    assert_eq!(
        (&profile["domains"], &profile["revoked_keys"]),
        (&json!(["acme.example"]), &json!(["k1"]))
    );
    let moved = "https://edr.acme.example/keys";
    let replace = ["event-provider", "replace", issuer, "--issuer", issuer, "--jwks-url", moved];
    let replaced = admin_json(&server, &replace).await;
    assert_eq!(
        (&replaced["name"], &replaced["settings"]["jwks_url"]),
        (&json!("Acme EDR"), &json!(moved))
    );
    let refused = as_admin(
        &server,
        &["event-provider", "create", "Bad", "--issuer", "x", "--jwks-url", "ftp://x"],
    )
    .await;
    assert!(!refused.status.success());
    assert!(stderr(&refused).contains("jwks_url is not valid"), "{}", stderr(&refused));
    assert!(
        as_admin(&server, &["event-provider", "delete", issuer])
            .await
            .status
            .success()
    );
    let gone = as_admin(&server, &["event-provider", "get", issuer]).await;
    assert!(
        stderr(&gone).contains("there is no security events provider"),
        "{}",
        stderr(&gone)
    );
    Ok(())
}
