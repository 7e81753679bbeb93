//! Event hooks (okta.md 10.4) through the router.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_app::state::HookQuotaLimits;
use watchfire_harness::{ORG_URL, Reply, SetSender, Target, TestServer};

use crate::{
    actions::{pass, results, server},
    people::{self, events},
};

const PATH: &str = "/api/v1/eventHooks";
const CREDENTIAL: &str = "hook-credential-7d1f";

fn hook(uri: &str) -> Value {
    json!({
        "name": "SIEM",
        "events": {"type": "EVENT_TYPE", "items": ["user.session.start", "user.lifecycle.create"]},
        "channel": {"type": "HTTP", "version": "1.0.0", "config": {
            "uri": uri,
            "headers": [{"key": "X-Team", "value": "soc"}],
            "authScheme": {"type": "HEADER", "key": "Authorization", "value": CREDENTIAL},
        }},
    })
}

async fn make(server: &TestServer, uri: &str) -> Result<String> {
    let made = server.call("POST", PATH).json(&hook(uri)).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    Ok(format!("{PATH}/{}", made.text_at("/id")))
}

async fn verified(server: &TestServer, target: &mut Target) -> Result<String> {
    let path = make(server, &format!("{}/hook", target.url)).await?;
    let verified = server.call("POST", &format!("{path}/lifecycle/verify")).send().await?;
    assert_eq!(
        (verified.status, verified.text_at("/verificationStatus")),
        (200, "VERIFIED"),
        "{}",
        verified.text
    );
    let challenge = target.next().await?;
    assert_eq!((challenge.method.as_str(), challenge.path.as_str()), ("GET", "/hook"));
    assert!(challenge.header("x-okta-verification-challenge").len() >= 32);
    Ok(path)
}

#[tokio::test]
async fn an_event_hook_lives() -> Result<()> {
    let server = TestServer::start().await?;
    let made = server
        .call("POST", PATH)
        .json(&hook("https://siem.example/hook"))
        .send()
        .await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let id = made.text_at("/id").to_owned();
    assert!(id.starts_with("who") && id.len() == 20);
    let own = format!("{ORG_URL}{PATH}/{id}");
    let link = |path: &str, allow: Value| json!({"href": format!("{own}{path}"), "hints": {"allow": allow}});
    let at = "2027-01-15T08:00:00.000Z";
    let admin = made.json["createdBy"].clone();
    assert!(admin.as_str().is_some_and(|id| id.starts_with("00u")));
    let object = json!({
        "id": id, "status": "ACTIVE", "verificationStatus": "UNVERIFIED", "name": "SIEM", "description": null,
        "created": at, "createdBy": admin, "lastUpdated": at,
        "events": {"type": "EVENT_TYPE", "items": ["user.session.start", "user.lifecycle.create"], "filter": null},
        "channel": {"type": "HTTP", "version": "1.0.0", "config": {"uri": "https://siem.example/hook",
            "headers": [{"key": "X-Team", "value": "soc"}], "method": "POST",
            "authScheme": {"type": "HEADER", "key": "Authorization"}}},
        "_links": {"self": link("", json!(["GET", "PUT", "DELETE"])), "verify": link("/lifecycle/verify", json!(["POST"])),
            "deactivate": link("/lifecycle/deactivate", json!(["POST"]))},
    });
    assert_eq!(made.json, object);
    let path = format!("{PATH}/{id}");
    assert_eq!(server.call("GET", &path).send().await?.json, object);
    assert_eq!(server.call("GET", PATH).send().await?.json, json!([object]));
    let kept = server.call("DELETE", &path).send().await?;
    assert_eq!((kept.status, kept.error().0), (400, "E0000001"));
    let off = server.call("POST", &format!("{path}/lifecycle/deactivate")).send().await?;
    assert_eq!((off.status, off.text_at("/status")), (200, "INACTIVE"));
    assert_eq!(
        off.json["_links"],
        json!({"self": link("", json!(["GET", "PUT", "DELETE"])), "activate": link("/lifecycle/activate", json!(["POST"])),
            "delete": link("", json!(["DELETE"]))})
    );
    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    let gone = server.call("GET", &path).send().await?;
    assert_eq!(
        gone.json["errorSummary"],
        format!("Not found: Resource not found: {id} (EventHook)")
    );
    Ok(())
}

#[tokio::test]
async fn a_replacement_resets_the_verification_when_the_channel_changes() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    let path = verified(&server, &mut target).await?;
    let uri = format!("{}/hook", target.url);
    let mut same = hook(&uri);
    same["name"] = json!("other name");
    same["events"]["items"] = json!(["user.session.end"]);
    let kept = server.call("PUT", &path).json(&same).send().await?;
    assert_eq!(
        (kept.status, kept.text_at("/verificationStatus")),
        (200, "VERIFIED"),
        "{}",
        kept.text
    );
    same["channel"]["config"]["authScheme"]["value"] = json!("another");
    let reset = server.call("PUT", &path).json(&same).send().await?;
    assert_eq!((reset.status, reset.text_at("/verificationStatus")), (200, "UNVERIFIED"));
    // Terraform sends the status along.
    same["status"] = json!("INACTIVE");
    let off = server.call("PUT", &path).json(&same).send().await?;
    assert_eq!((off.status, off.text_at("/status")), (200, "INACTIVE"));
    // Nobody has the credential sent elsewhere without knowing it.
    let mut moved = hook("http://127.0.0.1:9/");
    moved["channel"]["config"]["authScheme"] = json!({"type": "HEADER", "key": "Authorization"});
    let refused = server.call("PUT", &path).json(&moved).send().await?;
    assert_eq!(
        (refused.status, refused.error().1),
        (400, "channel.config.authScheme.value: The field cannot be left blank")
    );
    Ok(())
}

#[tokio::test]
async fn an_endpoint_that_does_not_repeat_the_challenge_is_not_verified() -> Result<()> {
    let (server, target) = (server().await?, Target::start().await?);
    let path = make(&server, &target.url).await?;
    for reply in [
        Reply::status(200),
        Reply::status(404),
        Reply::Answer(200, Vec::new(), r#"{"verification":"something"}"#.to_owned()),
        Reply::Answer(302, vec![("location", target.url.clone())], String::new()),
    ] {
        target.then([reply]);
        let refused = server.call("POST", &format!("{path}/lifecycle/verify")).send().await?;
        assert_eq!((refused.status, refused.error().0), (400, "E0000001"), "{}", refused.text);
    }
    assert_eq!(
        server.call("GET", &path).send().await?.text_at("/verificationStatus"),
        "UNVERIFIED"
    );
    Ok(())
}

#[tokio::test]
async fn an_event_is_delivered_as_the_contract_says() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    let path = verified(&server, &mut target).await?;
    people::user(&server, "jo.lin@example.com").await?;
    let request = target.next().await?;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/hook"));
    for (name, value) in [
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("authorization", CREDENTIAL),
        ("x-team", "soc"),
    ] {
        assert_eq!(request.header(name), value);
    }
    let body = request.json();
    let logged = events(&server, "user.lifecycle.create").await?.remove(0);
    let mut delivered = logged.clone();
    delivered["insertionTimestamp"] = logged["published"].clone();
    delivered["client"]["ipChain"] = logged["request"]["ipChain"].clone();
    let id = body["eventId"].clone();
    assert!(id.as_str().is_some_and(|id| id.len() == 36 && id.matches('-').count() == 4));
    assert_eq!(
        body,
        json!({
            "eventType": "com.okta.event_hook", "eventTypeVersion": "1.0", "cloudEventsVersion": "0.1",
            "source": format!("{ORG_URL}{path}"), "eventId": id, "data": {"events": [delivered]},
            "eventTime": logged["published"], "contentType": "application/json",
        })
    );
    Ok(())
}

#[tokio::test]
async fn a_failed_delivery_is_tried_once_more_with_the_same_event_id() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    verified(&server, &mut target).await?;
    target.then([Reply::status(500), Reply::status(503)]);
    people::user(&server, "jo.lin@example.com").await?;
    let first = target.next().await?;
    results(&server, 1).await?;
    pass(&server, 2);
    let second = target.next().await?;
    assert_eq!(
        (first.json()["eventId"].clone(), &first.body),
        (second.json()["eventId"].clone(), &second.body)
    );
    results(&server, 2).await?;
    let dead = server.call("GET", "/watchfire/v1/dead-letters").send().await?;
    assert_eq!(dead.json[0]["type"], "HOOK_DELIVERY", "{}", dead.text);
    assert_eq!(dead.json[0]["attempts"].as_array().map(Vec::len), Some(2));
    let failed = events(&server, "event_hook.delivery").await?;
    assert_eq!(failed[0]["outcome"]["result"], "FAILURE");
    let id = dead.text_at("/0/id").to_owned();
    server
        .call("POST", &format!("/watchfire/v1/dead-letters/{id}/redrive"))
        .send()
        .await?;
    assert_eq!(target.next().await?.body, first.body);
    Ok(())
}

/// okta.md 10.4: none on 4xx; success is 200 and 204.
#[tokio::test]
async fn a_refused_delivery_is_not_tried_again() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    verified(&server, &mut target).await?;
    target.then([Reply::status(429)]);
    people::user(&server, "jo.lin@example.com").await?;
    target.next().await?;
    results(&server, 1).await?;
    let dead = server.call("GET", "/watchfire/v1/dead-letters").send().await?;
    assert_eq!(dead.json.as_array().map(Vec::len), Some(1), "{}", dead.text);
    assert_eq!(dead.json[0]["attempts"][0]["status"], 429);
    Ok(())
}

#[tokio::test]
async fn a_hook_that_is_not_verified_or_not_active_is_not_called() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    make(&server, &target.url).await?;
    people::user(&server, "jo.lin@example.com").await?;
    let off = verified(&server, &mut target).await?;
    server.call("POST", &format!("{off}/lifecycle/deactivate")).send().await?;
    people::user(&server, "al.kay@example.com").await?;
    let actions = server.call("GET", "/watchfire/v1/actions").send().await?;
    assert_eq!((actions.json, target.take().is_none()), (json!([]), true));
    Ok(())
}

#[tokio::test]
async fn refuses_what_is_no_hook() -> Result<()> {
    let server = TestServer::start().await?;
    let edits: [(&str, Value, &str); 13] = [
        ("/name", json!(""), "name"),
        ("/events/type", json!("FLOW_EVENT"), "events.type"),
        ("/events/items", json!([]), "events.items"),
        ("/events/items", json!(["policy.entity_risk.action"]), "events.items"),
        (
            "/events/items",
            json!(["security.events.provider.receive_event"]),
            "events.items",
        ),
        ("/channel/type", json!("SMTP"), "channel.type"),
        ("/channel/version", json!("2.0.0"), "channel.version"),
        ("/channel/config/uri", json!("http://siem.example/"), "channel.config.uri"),
        ("/channel/config/uri", json!("https://192.168.1.1/"), "channel.config.uri"),
        (
            "/channel/config/headers",
            json!([{"key": "Host", "value": "evil"}]),
            "channel.config.headers",
        ),
        (
            "/channel/config/headers",
            json!([{"key": "X-A", "value": "a\r\nB: c"}]),
            "channel.config.headers",
        ),
        (
            "/channel/config/authScheme/key",
            json!("Content-Type"),
            "channel.config.authScheme.key",
        ),
        (
            "/channel/config/authScheme/value",
            json!("a\nb"),
            "channel.config.authScheme.value",
        ),
    ];
    for (pointer, value, field) in edits {
        let mut body = hook("https://siem.example/hook");
        *body.pointer_mut(pointer).expect("a member") = value.clone();
        let refused = server.call("POST", PATH).json(&body).send().await?;
        assert_eq!(
            (refused.status, refused.error().0),
            (400, "E0000001"),
            "{pointer} {value}: {}",
            refused.text
        );
        assert!(
            refused.error().1.starts_with(&format!("{field}: ")),
            "{pointer}: {}",
            refused.text
        );
    }
    let mut filtered = hook("https://siem.example/hook");
    filtered["events"]["filter"] = json!({"type": "EXPRESSION_LANGUAGE", "eventFilterMap": [
        {"event": "user.session.start", "condition": {"expression": "event.outcome.result == 'FAILURE'", "version": null}}]});
    let refused = server.call("POST", PATH).json(&filtered).send().await?;
    assert_eq!(
        (refused.status, refused.error().1),
        (400, "events.filter: Filter expressions are not supported")
    );
    for count in 0..25 {
        let mut body = hook("https://siem.example/hook");
        body["name"] = json!(format!("hook {count}"));
        assert_eq!(server.call("POST", PATH).json(&body).send().await?.status, 200);
    }
    let refused = server
        .call("POST", PATH)
        .json(&hook("https://siem.example/hook"))
        .send()
        .await?;
    assert_eq!(
        (refused.status, refused.error().1),
        (400, "eventHook: Maximum number of event hooks (25) reached")
    );
    Ok(())
}

#[tokio::test]
async fn the_credential_is_in_no_answer_and_no_log() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    let path = verified(&server, &mut target).await?;
    target.then([Reply::Answer(400, Vec::new(), CREDENTIAL.to_owned())]);
    people::user(&server, "jo.lin@example.com").await?;
    target.next().await?;
    results(&server, 1).await?;
    for path in [
        PATH,
        &path,
        "/api/v1/logs",
        "/watchfire/v1/actions",
        "/watchfire/v1/dead-letters",
    ] {
        let seen = server.call("GET", path).send().await?.text;
        assert!(!seen.contains(CREDENTIAL), "{path}: {seen}");
    }
    Ok(())
}

/// okta.md 10.4: so many events a day, a warning before, none beyond; a restart forgets nothing.
#[tokio::test]
async fn hooks_get_so_many_events_a_day() -> Result<()> {
    let mut settings = SetSender::settings();
    settings.delivery.hook_quota = HookQuotaLimits { events: 5, warning: 3 };
    let (mut server, mut target) = (TestServer::start_with(settings).await?, Target::start().await?);
    verified(&server, &mut target).await?;
    let mut given = 0;
    for number in 0..8 {
        people::user(&server, &format!("user-{number}@example.com")).await?;
        if number < 5 {
            target.next().await?;
            given += 1;
        }
        if number == 6 {
            server = server.restart().await?;
        }
    }
    let warned = |event_type: &'static str| {
        let server = &server;
        async move {
            let until = tokio::time::Instant::now() + Duration::from_secs(20);
            loop {
                let found = events(server, event_type).await?;
                if !found.is_empty() || tokio::time::Instant::now() > until {
                    return anyhow::Ok(found);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    let warning = warned("system.org.rate_limit.warning").await?;
    let violation = warned("system.org.rate_limit.violation").await?;
    assert_eq!(warning[0]["debugContext"]["debugData"]["threshold"], "3");
    assert_eq!(violation[0]["debugContext"]["debugData"]["threshold"], "5");
    assert_eq!((given, target.take().is_none()), (5, true), "a sixth was delivered");
    server.clock.advance(Duration::from_secs(24 * 60 * 60 + 60));
    people::user(&server, "tomorrow@example.com").await?;
    let delivered = target.next().await?.json();
    assert_eq!(delivered["data"]["events"][0]["eventType"], "user.lifecycle.create");
    Ok(())
}
