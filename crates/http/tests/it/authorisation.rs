//! Every operation × every kind of credential. Who may do what stands in `authorisation/matrix.txt`, for people to
//! read; the document is asked only which operations there are.

#[expect(dead_code, reason = "the console's own tests use the rest")]
#[path = "../../../console/tests/it/browser.rs"]
mod browser;
mod cast;
mod table;

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::json;
use watchfire_harness::{Answer, TestServer};

use self::{
    cast::{Actor, Cast, Kind, call},
    table::{Clients, Documented, Row, Said},
};

/// An id that nothing has.
const NOBODY: &str = "nobody00000000000000";

/// What the paths of operations name, by parameter; where nothing is named, nothing is there.
type Things = BTreeMap<&'static str, String>;

#[test]
fn every_operation_has_a_row_that_agrees_with_the_document() -> Result<()> {
    let (rows, documented) = (table::rows()?, table::documented()?);
    let rows: BTreeMap<String, Row> = rows.into_iter().map(|row| (row.name(), row)).collect();
    for (name, operation) in &documented {
        let row = rows.get(name);
        ensure!(row.is_some(), "{name} has no row: who may call it?");
        let clients = row.map(|row| &row.clients);
        ensure!(
            clients == Some(&operation.clients),
            "{name}: {clients:?}, not {:?}",
            operation.clients
        );
    }
    for name in rows.keys() {
        ensure!(documented.contains_key(name), "{name} is no operation");
    }
    Ok(())
}

#[tokio::test]
async fn who_may_not_is_refused_and_changes_nothing() -> Result<()> {
    let cast = Cast::assemble().await?;
    let things = things(&cast).await?;
    cast.warm_up().await?;
    let documented = table::documented()?;
    let mut calls = Vec::new();
    for row in table::rows()? {
        // Asking for tokens is in the log.
        let actors = cast.actors(&scopes(&row)).await?;
        calls.push((row, actors));
    }
    let before = cast.server.contents().await?;
    let mut wrong = Vec::new();
    for (row, actors) in calls {
        let path = path(&row.template, &things);
        for actor in actors {
            let Some(wanted) = refusal(&row, &actor) else { continue };
            let answer = send(&cast.server, &row.method, &path, &actor, &documented[&row.name()]).await?;
            note(&mut wrong, &row, &actor, &wanted, &said(&answer));
            if row.method == "GET" {
                let answer = send(&cast.server, "HEAD", &path, &actor, &documented[&row.name()]).await?;
                note(&mut wrong, &row, &actor, &wanted, &said(&answer));
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers:\n{}", wrong.len(), wrong.join("\n"));
    let after = cast.server.contents().await?;
    let changed: Vec<&str> = after.lines().filter(|line| !before.contains(line)).collect();
    assert!(after == before, "a refused call changed something: {changed:#?}");
    Ok(())
}

#[tokio::test]
async fn who_may_is_let_in() -> Result<()> {
    let cast = Cast::assemble().await?;
    things(&cast).await?;
    let documented = table::documented()?;
    let mut wrong = Vec::new();
    for row in table::rows()? {
        let path = path(&row.template, &Things::new());
        for actor in cast.actors(&scopes(&row)).await? {
            if refusal(&row, &actor).is_some() {
                continue;
            }
            let answer = send(&cast.server, &row.method, &path, &actor, &documented[&row.name()]).await?;
            note(
                &mut wrong,
                &row,
                &actor,
                row.instead.get(actor.name).unwrap_or(&row.reached),
                &said(&answer),
            );
        }
    }
    assert!(wrong.is_empty(), "{} answers:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

fn note(wrong: &mut Vec<String>, row: &Row, actor: &Actor, wanted: &Said, seen: &Said) {
    if wanted != seen {
        wrong.push(format!("{} | {} | {wanted} | {seen}", row.name(), actor.name));
    }
}

/// What somebody is answered who may not; `None` when the call goes in.
fn refusal(row: &Row, actor: &Actor) -> Option<Said> {
    if let Some(instead) = row.instead.get(actor.name) {
        return (instead.status == 401 || instead.status == 403).then(|| instead.clone());
    }
    let unauthenticated = Said::new(401, "E0000011");
    let forbidden = Said::new(403, "E0000006");
    match (&row.clients, actor.kind) {
        (Clients::Everybody, _) => None,
        (Clients::Optional, Kind::Bad) => Some(unauthenticated),
        (Clients::Optional, _) => None,
        (Clients::Scopes(_), Kind::Nothing | Kind::Bad | Kind::BadCookie) => Some(unauthenticated),
        (Clients::Scopes(_), Kind::CookieAlone | Kind::WrongScope) => Some(forbidden),
        (Clients::Scopes(scopes), Kind::RightScope) => scopes.is_empty().then_some(forbidden),
        (Clients::Scopes(_), Kind::Token(role) | Kind::Session(role)) => (!row.roles.contains(role)).then_some(forbidden),
    }
}

fn scopes(row: &Row) -> std::collections::BTreeSet<String> {
    match &row.clients {
        Clients::Scopes(scopes) => scopes.clone(),
        Clients::Everybody | Clients::Optional => std::collections::BTreeSet::new(),
    }
}

async fn send(server: &TestServer, method: &str, path: &str, actor: &Actor, operation: &Documented) -> Result<Answer> {
    let call = call(server, method, path, actor);
    match operation.body.as_deref() {
        Some("application/json") => call.json(&json!({})).send().await,
        Some(media_type) => call.header("content-type", media_type).text("x=y").send().await,
        None => call.send().await,
    }
}

fn said(answer: &Answer) -> Said {
    let codes = ["/errorCode", "/error", "/err"].map(|place| answer.text_at(place));
    Said::new(
        answer.status,
        codes.into_iter().find(|code| !code.is_empty()).unwrap_or_default(),
    )
}

/// A template with what `things` has for its parameters.
fn path(template: &str, things: &Things) -> String {
    let thing = |segment: &str| match segment {
        "{type}" => "user".to_owned(),
        "{ipAddress}" => "192.0.2.1".to_owned(),
        _ => things
            .get(segment)
            .or_else(|| things.get(template.split("/{").next().unwrap_or_default()))
            .cloned()
            .unwrap_or_else(|| NOBODY.to_owned()),
    };
    let segments = template.split('/').map(|segment| {
        if segment.starts_with('{') {
            thing(segment)
        } else {
            segment.to_owned()
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Things that refused calls could have changed.
async fn things(cast: &Cast) -> Result<Things> {
    let server = &cast.server;
    let id_of = async |path: &str, body: serde_json::Value| -> Result<String> {
        let made = server.call("POST", path).json(&body).send().await?;
        ensure!(matches!(made.status, 200 | 201), "{path}: {}", made.text);
        Ok(made.text_at("/id").to_owned())
    };
    let first_of = async |path: &str| -> Result<String> {
        let listed = server.call("GET", path).send().await?;
        ensure!(listed.json[0]["id"].is_string(), "{path}: {}", listed.text);
        Ok(listed.text_at("/0/id").to_owned())
    };
    let profile = json!({"firstName": "A", "lastName": "L", "email": "al@example.com", "login": "al@example.com"});
    let user = id_of("/api/v1/users?activate=true", json!({ "profile": profile })).await?;
    let provider = first_of("/api/v1/risk/providers").await?;
    let body = json!({"name": "Acme", "clientId": cast.app.id, "action": "log_only"});
    let path = format!("/api/v1/risk/providers/{provider}");
    ensure!(server.call("PUT", &path).json(&body).send().await?.status == 200);
    let policy = first_of("/api/v1/policies?type=OKTA_SIGN_ON").await?;
    let zone = json!({"type": "IP", "name": "Office", "gateways": [{"type": "CIDR", "value": "192.0.2.0/24"}]});
    let behavior = json!({"name": "Far", "type": "ANOMALOUS_LOCATION", "settings": {"granularity": "COUNTRY"}});
    let token = id_of("/watchfire/v1/api-tokens", json!({"name": "victim"})).await?;
    let keys = server
        .call("GET", &format!("/api/v1/apps/{}/credentials/jwks", cast.app.id))
        .send()
        .await?;
    Ok(Things::from([
        ("{userId}", user.clone()),
        ("/api/v1/users", user),
        ("{riskProviderId}", provider),
        ("{ruleId}", first_of(&format!("/api/v1/policies/{policy}/rules")).await?),
        ("{policyId}", policy),
        (
            "{groupId}",
            id_of("/api/v1/groups", json!({"profile": {"name": "Staff"}})).await?,
        ),
        ("{zoneId}", id_of("/api/v1/zones", zone).await?),
        ("{behaviorId}", id_of("/api/v1/behaviors", behavior).await?),
        ("{apiTokenId}", token),
        ("{appId}", cast.app.id.clone()),
        ("{clientId}", cast.app.id.clone()),
        ("{keyId}", keys.text_at("/0/id").to_owned()),
        ("{grantId}", first_of(&format!("/api/v1/apps/{}/grants", cast.app.id)).await?),
    ]))
}
