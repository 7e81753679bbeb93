//! `watchfire simulate`.

use anyhow::Result;
use serde_json::json;

use crate::{
    administration::{admin_json, as_admin},
    program::{path, stderr, text},
    server::Server,
};

/// "Try before you enforce", from the terminal.
#[tokio::test]
async fn a_rule_in_a_file_is_tried_out_before_it_is_enforced() -> Result<()> {
    let server = Server::start(&[]).await?;
    let attempt = json!({"user": {"login": "jo@example.com"}, "client": {"ipAddress": "203.0.113.7", "userAgent": "Test/1.0"}});
    for _ in 0..3 {
        let asked = server.post("/watchfire/v1/sign-ins", &attempt).await?;
        assert!(asked.json()["id"].is_string());
    }
    let unchanged = admin_json(&server, &["simulate"]).await;
    assert_eq!(
        (&unchanged["status"], &unchanged["result"]["compared"]),
        (&json!("DONE"), &json!(3))
    );
    assert_eq!(unchanged["result"]["differing"], 0);

    let file = server.folder().join("no-high.json");
    let rule = json!({
        "name": "No HIGH", "conditions": {"riskScore": {"level": "HIGH"}}, "actions": {"signon": {"access": "DENY"}},
    });
    std::fs::write(&file, rule.to_string())?;
    let told = text(&as_admin(&server, &["simulate", "--policy", path(&file)]).await);
    assert!(told.contains("3 sign-ins; 3 would have been decided otherwise."), "{told}");
    for word in ["jo@example.com", "No HIGH", "Default Rule", "DENY"] {
        assert!(told.contains(word), "{word} in {told}");
    }

    std::fs::write(&file, "{\"rules\": [{}]}")?;
    let refused = as_admin(&server, &["simulate", "--policy", path(&file)]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("draft.rules[0].name"), "{}", stderr(&refused));
    let misused = as_admin(&server, &["simulate", "--threshold", "high=many"]).await;
    assert_eq!(misused.status.code(), Some(2));
    Ok(())
}
