use anyhow::Result;
use serde_json::json;
use watchfire_app::Clock as _;
use watchfire_harness::TestServer;
use watchfire_model::{
    id::{ActionId, UserId},
    object::{Action, ActionCall, ActionState, Object},
    row::Decision,
};

use super::{done, send};
use crate::roles::with_role;

const QUEUE: &str = "/admin/actions/queue";
const DEAD: &str = "/admin/actions/dead-letters";

/// A server where two actions wait for a person and one could not be delivered.
async fn server() -> Result<(TestServer, String)> {
    let server = TestServer::start().await?;
    let profile = json!({"login": "jo@example.com", "email": "jo@example.com", "firstName": "Jo", "lastName": "L"});
    let user = server
        .call("POST", "/api/v1/users")
        .json(&json!({"profile": profile}))
        .send()
        .await?;
    let id = user.text_at("/id").to_owned();
    let hook = json!({"name": "SOC", "url": "https://soc.example.com/hook"});
    let hook = server.call("POST", "/watchfire/v1/workflows").json(&hook).send().await?;
    let mut decision = Decision::new();
    let user = UserId::new(id.as_str());
    let calls = [
        (
            "act1",
            ActionState::AwaitingApproval,
            ActionCall::DeactivateUser { user: user.clone() },
        ),
        ("act2", ActionState::AwaitingApproval, ActionCall::EndSessions { user }),
        (
            "act3",
            ActionState::Dead,
            ActionCall::Workflow {
                workflow: hook.json["id"].as_u64().unwrap_or_default(),
                payload: json!({"name": "<script>alert(1)</script>"}),
            },
        ),
    ];
    for (id, state, call) in calls {
        let action = Action {
            state,
            ..Action::due(ActionId::new(id), call, None, server.clock.now())
        };
        decision.put(Object::from(action));
    }
    Ok((server.restart_after(&decision).await?, id))
}

#[tokio::test]
async fn an_analyst_approves_rejects_and_redrives_and_a_reader_only_looks() -> Result<()> {
    let (server, user) = server().await?;
    let reader = with_role(&server, "reader@example.com", "READ_ONLY").await?;
    let analyst = with_role(&server, "analyst@example.com", "SECURITY_ANALYST").await?;
    let seen = reader.get(QUEUE).await?;
    assert!(
        seen.text.contains("Deactivate the user") && seen.text.contains("End all sessions"),
        "{}",
        seen.text
    );
    assert!(!seen.text.contains(">Approve<"));
    let refused = send(&reader, &format!("{QUEUE}/act1/decide"), &[("decision", "approve")]).await?;
    assert_eq!(refused.status, 403);

    assert!(analyst.get(QUEUE).await?.text.contains("aria-label=\"Approve act1\""));
    done(
        &analyst,
        &format!("{QUEUE}/act1/decide"),
        &[("do", "save"), ("reason", "a drill")],
    )
    .await?;
    let jo = server.call("GET", &format!("/api/v1/users/{user}")).send().await?;
    assert_eq!(jo.text_at("/status"), "DEPROVISIONED");
    done(&analyst, &format!("{QUEUE}/act2/decide"), &[("decision", "reject")]).await?;
    assert!(
        analyst
            .get(&format!("{QUEUE}?state=REJECTED"))
            .await?
            .text
            .contains("End all sessions")
    );
    let again = send(&analyst, &format!("{QUEUE}/act2/decide"), &[("decision", "approve")]).await?;
    assert!(again.status >= 400, "{}", again.text);

    let dead = analyst.get(DEAD).await?;
    assert!(
        dead.text.contains("Run a workflow") && dead.text.contains("Redrive all of this target"),
        "{}",
        dead.text
    );
    let one = analyst.get(&format!("{QUEUE}/act3")).await?;
    assert!(one.text.contains("&#60;script&#62;alert(1)") && !one.text.contains("<script>alert"));
    assert_eq!(send(&reader, &format!("{DEAD}/act3/redrive"), &[]).await?.status, 403);
    done(&analyst, &format!("{DEAD}/act3/redrive"), &[]).await?;
    assert!(analyst.get(DEAD).await?.text.contains("No dead letter"));
    Ok(())
}
