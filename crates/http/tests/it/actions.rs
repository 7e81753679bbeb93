//! What goes out (architecture section 2, invariant 2): leases, retries, dead letters, approvals. Actions
//! are put into the store while the server is down, as a decision of a rule would leave them.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use watchfire_app::{Clock as _, Settings, state::TargetKey};
use watchfire_harness::{ORG_URL, Reply, Target, TestServer};
use watchfire_model::{
    entity::Entity,
    id::{ActionId, EntityRiskPolicyId, EntityRiskRuleId, UserId},
    object::{Action, ActionCall, ActionCause, ActionState, EntityRiskConditions, EntityRiskRule, Lease, Object, Status},
    row::Decision,
    time::Timestamp,
};

use crate::people::{self, events};

/// A server that may call loopback.
pub(crate) async fn server() -> Result<TestServer> {
    let mut settings = Settings {
        dev: true,
        risk_calls_per_minute: 0,
        api_calls_per_minute: 0,
        logins_per_second: 0,
        token_calls_per_second: 0,
        ..Settings::new(ORG_URL)
    };
    settings.delivery.drain = Duration::from_millis(20);
    TestServer::start_with(settings).await
}

/// A webhook at `url`: its number and its secret.
pub(crate) async fn workflow(server: &TestServer, name: &str, url: &str) -> Result<(u64, String)> {
    let body = json!({"name": name, "url": url});
    let made = server.call("POST", "/watchfire/v1/workflows").json(&body).send().await?;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json["id"].as_u64().context("a number")?;
    Ok((id, made.text_at("/secret").to_owned()))
}

fn run(workflow: u64) -> ActionCall {
    ActionCall::Workflow {
        workflow,
        payload: json!({"level": "HIGH"}),
    }
}

fn action(id: &str, call: ActionCall, now: Timestamp) -> Action {
    Action::due(ActionId::new(id), call, None, now)
}

/// Puts objects into the store and starts again.
pub(crate) async fn having(server: TestServer, objects: impl IntoIterator<Item = Object>) -> Result<TestServer> {
    let mut decision = Decision::new();
    objects.into_iter().for_each(|object| decision.put(object));
    server.restart_after(&decision).await
}

/// Waits until `count` results have been written down since the start.
pub(crate) async fn results(server: &TestServer, count: u64) -> Result<()> {
    let mut results = server.app.state().outbox().results();
    let reached = results.wait_for(|seen| *seen >= count);
    tokio::time::timeout(Duration::from_secs(20), reached)
        .await
        .context("no result")??;
    Ok(())
}

/// Lets time pass.
pub(crate) fn pass(server: &TestServer, seconds: u64) {
    server.clock.advance(Duration::from_secs(seconds));
    server.app.state().outbox().wake();
}

async fn get(server: &TestServer, id: &str) -> Result<Value> {
    let found = server.call("GET", &format!("/watchfire/v1/actions/{id}")).send().await?;
    assert_eq!(found.status, 200, "{}", found.text);
    Ok(found.json)
}

#[tokio::test]
async fn a_failing_target_is_called_again_under_the_same_id_until_it_takes_the_call() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    let (id, _) = workflow(&server, "SOAR", &target.url).await?;
    target.then([Reply::status(500), Reply::status(500), Reply::status(200)]);
    let now = server.clock.now();
    let server = having(server, [action("act1", run(id), now).into()]).await?;
    let mut bodies = Vec::new();
    for count in 1..=3 {
        let request = target.next().await?;
        assert_eq!(request.header("webhook-id"), "act1");
        bodies.push(request.body);
        results(&server, count).await?;
        pass(&server, 60);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "the same bytes on every try");
    let done = get(&server, "act1").await?;
    let statuses: Vec<_> = done["attempts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| it["status"].clone())
        .collect();
    assert_eq!(
        (&done["state"], statuses),
        (&json!("DONE"), vec![json!(500), json!(500), json!(200)])
    );
    assert!(target.take().is_none());
    let metrics = server.call("GET", "/metrics").send().await?.text;
    assert!(
        metrics.contains(r#"watchfire_outbox_attempts_total{kind="WORKFLOW",result="failed"} 2"#),
        "{metrics}"
    );
    assert!(metrics.contains("watchfire_outbox_pending 0"), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn retry_after_is_honoured() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    let (id, _) = workflow(&server, "SOAR", &target.url).await?;
    target.then([Reply::Answer(429, vec![("retry-after", "120".to_owned())], String::new())]);
    let now = server.clock.now();
    let server = having(server, [action("act1", run(id), now).into()]).await?;
    target.next().await?;
    results(&server, 1).await?;
    assert_eq!(
        get(&server, "act1").await?["dueAt"],
        json!(now.plus(Duration::from_secs(120)))
    );
    pass(&server, 120);
    target.next().await?;
    results(&server, 2).await?;
    assert_eq!(get(&server, "act1").await?["state"], "DONE");
    Ok(())
}

#[tokio::test]
async fn what_was_tried_in_vain_is_a_dead_letter_and_redriven_under_its_id() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    let (id, _) = workflow(&server, "SOAR", &target.url).await?;
    target.then([Reply::status(404), Reply::status(410)]);
    let now = server.clock.now();
    let actions = ["act1", "act2"].map(|name| Object::from(action(name, run(id), now)));
    let server = having(server, actions).await?;
    results(&server, 2).await?;
    let (first, second) = (target.next().await?, target.next().await?);
    let mut ids = [first.header("webhook-id"), second.header("webhook-id")];
    ids.sort_unstable();
    assert_eq!(ids, ["act1", "act2"]);
    let dead = server.call("GET", "/watchfire/v1/dead-letters").send().await?;
    assert_eq!(dead.json.as_array().map(Vec::len), Some(2), "{}", dead.text);
    assert_eq!(events(&server, "security.action.dead_letter").await?.len(), 2);
    let path = "/watchfire/v1/dead-letters/act1/redrive";
    let redriven = server.call("POST", path).send().await?;
    assert_eq!(
        (redriven.status, redriven.text_at("/state")),
        (200, "PENDING"),
        "{}",
        redriven.text
    );
    assert_eq!(target.next().await?.header("webhook-id"), "act1");
    results(&server, 3).await?;
    let done = get(&server, "act1").await?;
    assert_eq!(
        (done["state"].as_str(), done["attempts"].as_array().map(Vec::len)),
        (Some("DONE"), Some(2))
    );
    assert_eq!(server.call("POST", path).send().await?.status, 404);
    let path = format!("/watchfire/v1/dead-letters/redrive?target={}", TargetKey::Workflow(id));
    let redriven = server.call("POST", &path).send().await?;
    assert_eq!((redriven.status, &redriven.json), (200, &json!({"redriven": 1})));
    assert_eq!(target.next().await?.header("webhook-id"), "act2");
    results(&server, 4).await?;
    assert_eq!(server.call("GET", "/watchfire/v1/dead-letters").send().await?.json, json!([]));
    assert_eq!(events(&server, "security.action.redrive").await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_call_without_a_result_is_made_again_after_a_restart_and_has_one_result() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    let (id, _) = workflow(&server, "SOAR", &target.url).await?;
    target.then([Reply::Hang]);
    let now = server.clock.now();
    let server = having(server, [action("act1", run(id), now).into()]).await?;
    assert_eq!(target.next().await?.header("webhook-id"), "act1");
    assert_ne!(get(&server, "act1").await?["leasedUntil"], Value::Null);
    let server = server.restart().await?;
    assert_eq!(target.next().await?.header("webhook-id"), "act1");
    results(&server, 1).await?;
    let done = get(&server, "act1").await?;
    assert_eq!(
        (done["state"].as_str(), done["attempts"].as_array().map(Vec::len)),
        (Some("DONE"), Some(1))
    );
    Ok(())
}

/// A lease that another node holds: nobody touches the action until it runs out.
#[tokio::test]
async fn a_lease_of_another_node_holds_until_it_runs_out() -> Result<()> {
    let mut settings = Settings {
        dev: true,
        api_calls_per_minute: 0,
        ..Settings::new(ORG_URL)
    };
    settings.delivery.sole = false;
    let (server, mut target) = (TestServer::start_with(settings).await?, Target::start().await?);
    let (id, _) = workflow(&server, "SOAR", &target.url).await?;
    let now = server.clock.now();
    let held = Action {
        lease: Some(Lease {
            epoch: 999,
            number: 1,
            until: now.plus(Duration::from_secs(60)),
        }),
        ..action("act1", run(id), now)
    };
    let server = having(server, [held.into(), action("act2", run(id), now).into()]).await?;
    assert_eq!(target.next().await?.header("webhook-id"), "act2");
    results(&server, 1).await?;
    assert!(target.take().is_none());
    pass(&server, 60);
    assert_eq!(target.next().await?.header("webhook-id"), "act1");
    Ok(())
}

#[tokio::test]
async fn a_target_that_hangs_holds_up_only_itself() -> Result<()> {
    let (server, mut slow, mut quick) = (server().await?, Target::start().await?, Target::start().await?);
    let (hanging, _) = workflow(&server, "hangs", &slow.url).await?;
    let (answering, _) = workflow(&server, "answers", &quick.url).await?;
    slow.then(std::iter::repeat_n(Reply::Hang, 50));
    let now = server.clock.now();
    let of = |workflow: u64, count: usize| {
        (0..count).map(move |number| Object::from(action(&format!("act{workflow}x{number}"), run(workflow), now)))
    };
    let server = having(server, of(hanging, 50).chain(of(answering, 20))).await?;
    for _ in 0..20 {
        quick.next().await?;
    }
    results(&server, 20).await?;
    let mut begun = 0;
    while slow.take().is_some() {
        begun += 1;
    }
    assert!((1..=4).contains(&begun), "four calls to one target at one time, not {begun}");
    Ok(())
}

#[tokio::test]
async fn a_workflow_that_is_gone_or_off_is_not_called() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    let (id, _) = workflow(&server, "SOAR", &target.url).await?;
    let off = server
        .call("POST", &format!("/watchfire/v1/workflows/{id}/lifecycle/deactivate"))
        .send()
        .await?;
    assert_eq!((off.status, off.text_at("/status")), (200, "INACTIVE"));
    let now = server.clock.now();
    let server = having(
        server,
        [action("act1", run(id), now).into(), action("act2", run(7), now).into()],
    )
    .await?;
    results(&server, 2).await?;
    assert_eq!(
        get(&server, "act1").await?["attempts"][0]["result"],
        "the workflow is not active"
    );
    assert_eq!(get(&server, "act2").await?["attempts"][0]["result"], "the workflow is gone");
    assert!(target.take().is_none());
    Ok(())
}

fn waiting(id: &str, call: ActionCall, user: &str, now: Timestamp) -> Action {
    let cause = ActionCause {
        entity: Entity::User(UserId::new(user)),
        rule: EntityRiskRuleId::new("rul00000000000000001"),
        policy: EntityRiskPolicyId::new("rst00000000000000001"),
        provider: None,
        receipt: None,
        transaction: "req1".to_owned(),
    };
    Action {
        state: ActionState::AwaitingApproval,
        ..Action::due(ActionId::new(id), call, Some(cause), now)
    }
}

fn rule_by(author: &str, now: Timestamp) -> EntityRiskRule {
    EntityRiskRule {
        id: EntityRiskRuleId::new("rul00000000000000001"),
        policy_id: EntityRiskPolicyId::new("rst00000000000000001"),
        name: "end everything".to_owned(),
        status: Status::Active,
        priority: 1,
        system: false,
        conditions: EntityRiskConditions::default(),
        actions: Vec::new(),
        created: now,
        last_updated: now,
        last_updated_by: Some(author.to_owned()),
    }
}

#[tokio::test]
async fn an_action_waits_for_somebody_who_did_not_write_the_rule() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    let (id, _) = workflow(&server, "SOAR", &target.url).await?;
    let user = people::user(&server, "jo.lin@example.com").await?;
    let token = people::sign_in(&server, "jo.lin@example.com").await?;
    let session = json!({"sessionToken": token.json["sessionToken"]});
    let session = server.call("POST", "/api/v1/sessions").json(&session).send().await?;
    let session = format!("/api/v1/sessions/{}", session.text_at("/id"));
    assert_eq!(server.call("GET", &session).send().await?.status, 200);
    let now = server.clock.now();
    let ends = ActionCall::EndSessions {
        user: UserId::new(user.as_str()),
    };
    let objects: [Object; 4] = [
        waiting("act1", ends, &user, now).into(),
        waiting("act2", run(id), &user, now).into(),
        waiting("act3", run(id), "00u0000000000000another", now).into(),
        rule_by("00uanother", now).into(),
    ];
    let server = having(server, objects).await?;
    let list = server
        .call("GET", "/watchfire/v1/actions?state=AWAITING_APPROVAL&limit=2")
        .send()
        .await?;
    assert_eq!(list.json.as_array().map(Vec::len), Some(2));
    assert!(
        list.headers
            .get_all("link")
            .iter()
            .any(|it| it.to_str().is_ok_and(|it| it.contains("next")))
    );
    let said = |name: &str, word: &str| server.call("POST", &format!("/watchfire/v1/actions/{name}/{word}"));
    let reason = json!({"reason": "a drill"});
    let approved = said("act1", "approve").json(&reason).send().await?;
    assert_eq!(
        (approved.status, approved.text_at("/state")),
        (200, "DONE"),
        "{}",
        approved.text
    );
    assert_eq!(server.call("GET", &session).send().await?.status, 404);
    assert_eq!(said("act2", "approve").send().await?.text_at("/state"), "PENDING");
    assert_eq!(target.next().await?.header("webhook-id"), "act2");
    let rejected = said("act3", "reject").send().await?;
    assert_eq!((rejected.status, rejected.text_at("/state")), (200, "REJECTED"));
    let again = said("act3", "approve").send().await?;
    assert_eq!((again.status, again.error().0), (400, "E0000001"), "{}", again.text);
    assert_eq!(said("actgone", "approve").send().await?.status, 404);
    assert_eq!(events(&server, "security.action.approve").await?.len(), 2);
    assert_eq!(events(&server, "security.action.reject").await?.len(), 1);
    let admin = events(&server, "security.action.approve").await?[0]["actor"]["id"].clone();
    let author = admin.as_str().context("an id")?.to_owned();
    let objects: [Object; 2] = [waiting("act4", run(id), &user, now).into(), rule_by(&author, now).into()];
    let server = having(server, objects).await?;
    let refused = server.call("POST", "/watchfire/v1/actions/act4/approve").send().await?;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.error().1.contains("may not approve"), "{}", refused.text);
    Ok(())
}

#[tokio::test]
async fn actions_have_their_scopes_and_their_faults() -> Result<()> {
    let server = TestServer::start().await?;
    for (method, path, status, code) in [
        ("GET", "/watchfire/v1/actions?state=MOON", 400, "E0000001"),
        ("GET", "/watchfire/v1/actions?limit=0", 400, "E0000029"),
        ("GET", "/watchfire/v1/actions?after=x", 400, "E0000029"),
        ("GET", "/watchfire/v1/actions/act1", 404, "E0000007"),
        ("POST", "/watchfire/v1/dead-letters/act1/redrive", 404, "E0000007"),
        ("POST", "/watchfire/v1/dead-letters/redrive?target=moon", 400, "E0000001"),
    ] {
        let refused = server.call(method, path).send().await?;
        assert_eq!(
            (refused.status, refused.error().0),
            (status, code),
            "{path}: {}",
            refused.text
        );
        assert_eq!(server.call(method, path).anonymous().send().await?.status, 401, "{path}");
    }
    Ok(())
}
