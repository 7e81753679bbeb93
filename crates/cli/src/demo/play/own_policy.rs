//! On a server that others use, the demo has a policy of its own, for its user alone.

use anyhow::Result;
use serde_json::json;
use watchfire_crypto::random;

use crate::{
    api::{Api, escape, text},
    demo::{made::Made, narrator::Narrator},
};

/// Makes a group with `user_id` in it and a policy that lets it in at every risk, as the default
/// policy of a fresh organisation does. Gives the policy's id.
pub(super) async fn make(api: &Api, narrator: &Narrator, made: &mut Made, user_id: &str) -> Result<String> {
    let name = format!("Watchfire demo {}", random::base62(6)?);
    let group = api
        .post(
            "/api/v1/groups",
            &json!({"profile": {"name": name, "description": "Made by watchfire demo"}}),
        )
        .await?;
    let group_id = text(&group, "id");
    made.object("/api/v1/groups", group_id);
    api.put(
        &format!("/api/v1/groups/{}/users/{}", escape(group_id), escape(user_id)),
        &json!({}),
    )
    .await?;
    let policy = json!({
        "type": "OKTA_SIGN_ON",
        "name": name,
        "status": "ACTIVE",
        "description": "Made by watchfire demo",
        "priority": 1,
        "conditions": {"people": {"groups": {"include": [group_id]}}},
    });
    let policy = api.post("/api/v1/policies", &policy).await?;
    let id = text(&policy, "id").to_owned();
    made.object("/api/v1/policies", &id);
    let rule = json!({
        "type": "SIGN_ON",
        "name": "Everybody is let in",
        "conditions": {"network": {"connection": "ANYWHERE"}, "authContext": {"authType": "ANY"}},
        "actions": {"signon": {"access": "ALLOW", "requireFactor": false}},
    });
    api.post(&format!("/api/v1/policies/{}/rules", escape(&id)), &rule).await?;
    narrator.tell("Others use this server, so the demo has a sign-on policy of its own, for Jo alone.")?;
    Ok(id)
}
