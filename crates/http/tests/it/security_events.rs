//! Receiving Security Event Tokens through the router (okta.md 6, clients.md 9, ssf.md annex B).

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_harness::{Answer, SetSender, TestServer, set_sender::SECURITY_EVENTS};

use crate::people::{events, user};

const ISSUER: &str = "https://transmitter.acme.example";
const LOGIN: &str = "jo.lin@example.com";
const USER_RISK: &str = "https://schemas.okta.com/secevent/okta/event-type/user-risk-change";
const RECEIVED: &str = "security.events.provider.receive_event";
const DETECTED: &str = "user.risk.detect";

async fn server() -> Result<TestServer> {
    TestServer::start_with(SetSender::settings()).await
}

fn jo() -> Value {
    json!({"user": {"format": "email", "email": LOGIN}})
}

fn user_risk(server: &TestServer, level: &str) -> Value {
    json!({
        "subject": jo(),
        "event_timestamp": watchfire_app::Clock::now(&*server.clock).as_seconds(),
        "initiating_entity": "policy",
        "reason_admin": {"en": "Malware found on laptop D-42"},
        "previous_level": "low",
        "current_level": level,
    })
}

/// okta.md 6.6, 8.6: an accepted event is received, detected, and found by what the console calls it.
#[tokio::test]
async fn an_event_about_a_known_user_is_in_the_log() -> Result<()> {
    let server = server().await?;
    let id = user(&server, LOGIN).await?;
    let sender = SetSender::register(&server, ISSUER).await?;
    sender.tell(&server, "one", USER_RISK, user_risk(&server, "high")).await?;

    let received = events(&server, RECEIVED).await?;
    assert_eq!(received.len(), 1);
    let event = &received[0];
    assert_eq!(event["displayMessage"], "Security Events Provider Reported Risk");
    assert_eq!(
        (&event["actor"]["type"], &event["actor"]["id"], &event["actor"]["displayName"]),
        (&json!("SecurityEventProvider"), &json!(sender.provider_id), &json!(ISSUER))
    );
    assert_eq!(
        (&event["target"][0]["type"], &event["target"][0]["id"]),
        (&json!("User"), &json!(id))
    );
    let debug = &event["debugContext"]["debugData"];
    let partner: Value = serde_json::from_str(debug["partnerRiskReportData"].as_str().unwrap_or_default())?;
    assert_eq!(
        (&partner["issuer"], &partner[USER_RISK]),
        (&json!(ISSUER), &user_risk(&server, "high"))
    );
    let reported: Value = serde_json::from_str(debug["securityEventsProviderReportedRisk"].as_str().unwrap_or_default())?;
    assert_eq!(
        (
            &reported["type"],
            &reported["issuer"],
            &reported["userId"],
            &reported["claims"]["current_level"]
        ),
        (&json!(USER_RISK), &json!(ISSUER), &json!(id), &json!("high"))
    );
    assert!(reported["orgId"].as_str().is_some_and(|org| org.starts_with("00o")));

    let detected = events(&server, DETECTED).await?;
    let risk = detected[0]["debugContext"]["debugData"]["risk"].as_str().unwrap_or_default();
    assert!(
        risk.contains("level=HIGH") && risk.contains("detectionName=Security Events Provider Reported Risk"),
        "{risk}"
    );

    let found = server.call("GET", "/api/v1/logs?q=Partner+reported+risk").send().await?;
    let types: Vec<&Value> = found
        .json
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| &event["eventType"])
        .collect();
    assert_eq!(types, [RECEIVED]);
    Ok(())
}

fn is_refused(answer: &Answer, status: u16, err: &str, description: &str) -> bool {
    let headers = (&answer.headers["content-type"], &answer.headers["content-language"]);
    let members = answer.json.as_object().map(|body| body.keys().cloned().collect::<Vec<_>>());
    (answer.status, answer.text_at("/err")) == (status, err)
        && answer.text_at("/description").starts_with(description)
        && headers.0 == "application/json"
        && headers.1 == "en"
        && members.is_some_and(|names| names == ["err", "description"])
}

/// What one token says, under the signature of another.
fn forge(token: &str, other: &str) -> String {
    let parts = token.rsplit_once('.').zip(other.rsplit_once('.'));
    parts
        .map(|((says, _), (_, signed))| format!("{says}.{signed}"))
        .unwrap_or_default()
}

async fn receipts(server: &TestServer, query: &str) -> Result<Vec<Value>> {
    let answer = server.call("GET", &format!("/watchfire/v1/receipts{query}")).send().await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    Ok(answer.json.as_array().cloned().unwrap_or_default())
}

/// okta.md 6.5, row by row and in its order: nothing is stored and nothing is in the log.
#[tokio::test]
async fn what_is_wrong_with_a_token_is_said_in_the_contracts_words() -> Result<()> {
    let server = server().await?;
    user(&server, LOGIN).await?;
    let sender = SetSender::register(&server, ISSUER).await?;
    let good = sender.claims(&server, "one", USER_RISK, user_risk(&server, "high"));
    let with = |change: &dyn Fn(&mut Value)| {
        let mut claims = good.clone();
        change(&mut claims);
        sender.sign(&claims)
    };
    let member = |name: &str, value: Value| with(&|claims| claims["events"][USER_RISK][name] = value.clone());
    let without = |name: &str| {
        with(&|claims| {
            claims["events"][USER_RISK].as_object_mut().expect("an object").remove(name);
        })
    };
    let sign_with = |header: Value| sender.sign_with(&header, &good);
    let token = sender.sign(&good)?;
    let (input, _) = token.rsplit_once('.').expect("three parts");
    let other = sender.sign(&sender.claims(&server, "other", USER_RISK, user_risk(&server, "low")))?;
    let forged = forge(&token, &other);
    let unsigned = format!(
        "eyJhbGciOiJub25lIiwidHlwIjoic2VjZXZlbnQrand0In0.{}.",
        input.split('.').nth(1).expect("claims")
    );
    let stranger = SetSender::register(&server, "https://stranger.example").await?;

    let unreadable = "Could not parse security event token";
    let issuer = "The issuer is not a registered security events provider";
    let no_key = "Could not find a key to verify the security event token";
    let audience = "The audience does not match this org";
    let claim = "Failed claim validation in security event token. '";
    let level = format!("{claim}events.mediationUserRiskChangeEvent.currentRiskLevel': The field cannot be left blank");
    let table = [
        (String::new(), "invalid_request", unreadable),
        ("{}".to_owned(), "invalid_request", unreadable),
        ("<script>alert(1)</script>".to_owned(), "invalid_request", unreadable),
        ("a.b".to_owned(), "invalid_request", unreadable),
        (format!("{token}.x"), "invalid_request", unreadable),
        (format!("\"{token}"), "invalid_request", unreadable),
        (format!("{}{token}", "x".repeat(70_000)), "invalid_request", unreadable),
        (sign_with(json!({"typ": "JWT"}))?, "invalid_request", unreadable),
        (sign_with(json!({}))?, "invalid_request", unreadable),
        (
            sign_with(json!({"typ": "secevent+jwt", "crit": ["exp"]}))?,
            "invalid_request",
            unreadable,
        ),
        (unsigned, "invalid_key", no_key),
        (
            with(&|claims| claims["iss"] = json!("https://transmitter.acme.example/"))?,
            "invalid_issuer",
            issuer,
        ),
        (with(&|claims| claims["iss"] = json!(null))?, "invalid_issuer", issuer),
        (
            sign_with(json!({"typ": "secevent+jwt", "kid": "another"}))?,
            "invalid_key",
            no_key,
        ),
        (stranger.sign(&good)?, "invalid_key", no_key),
        (forged, "authentication_failed", "Could not verify message signature"),
        (
            with(&|claims| claims["aud"] = json!("https://org-admin.example"))?,
            "invalid_audience",
            audience,
        ),
        (
            with(&|claims| claims["aud"] = json!("https://other.example"))?,
            "invalid_audience",
            audience,
        ),
        (with(&|claims| claims["aud"] = json!(null))?, "invalid_audience", audience),
        (with(&|claims| claims["jti"] = json!(""))?, "invalid_request", claim),
        (with(&|claims| claims["iat"] = json!(null))?, "invalid_request", claim),
        (
            with(&|claims| claims["exp"] = json!(1_000_000_000))?,
            "invalid_request",
            claim,
        ),
        (
            with(&|claims| claims["nbf"] = json!(4_000_000_000_u32))?,
            "invalid_request",
            claim,
        ),
        (with(&|claims| claims["events"] = json!({}))?, "invalid_request", claim),
        (without("current_level")?, "invalid_request", level.as_str()),
        (without("subject")?, "invalid_request", claim),
        (member("current_level", json!("HIGH"))?, "invalid_request", claim),
        (member("initiating_entity", json!("robot"))?, "invalid_request", claim),
        (member("event_timestamp", json!("yesterday"))?, "invalid_request", claim),
    ];
    for (at, (body, err, description)) in table.iter().enumerate() {
        let answer = SetSender::post(&server, body).await?;
        assert!(
            is_refused(&answer, 400, err, description),
            "{at}: {} {}",
            answer.status,
            answer.text
        );
    }
    assert!(events(&server, RECEIVED).await?.is_empty() && receipts(&server, "").await?.is_empty());
    // What was refused has not used up its name.
    send_again(&server, &token).await?;
    assert_eq!(events(&server, RECEIVED).await?.len(), 1);
    Ok(())
}

/// RFC 8935, PUSH-04, PUSH-12: what is wrong with the request itself, in the same shape.
#[tokio::test]
async fn what_is_wrong_with_a_request_has_the_same_shape() -> Result<()> {
    let server = server().await?;
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let answer = server.call(method, SECURITY_EVENTS).send().await?;
        assert!(is_refused(&answer, 405, "invalid_request", ""), "{method}: {}", answer.text);
        assert_eq!(answer.headers["allow"], "POST");
    }
    let unknown = server.call("POST", "/security/api/v1/elsewhere").send().await?;
    assert!(is_refused(&unknown, 404, "invalid_request", ""), "{}", unknown.text);
    let huge = SetSender::post(&server, &"x".repeat(2 * 1024 * 1024)).await?;
    assert!(
        is_refused(&huge, 413, "invalid_request", "The request body is too long"),
        "{}",
        huge.text
    );
    Ok(())
}

/// clients.md 9: the forms in which tokens really arrive; no credential is looked at.
#[tokio::test]
async fn takes_a_token_in_every_form_that_arrives() -> Result<()> {
    let server = server().await?;
    user(&server, LOGIN).await?;
    let sender = SetSender::register(&server, ISSUER).await?;
    type Form = fn(&str) -> String;
    let forms: [(Option<&str>, Option<&str>, Form); 8] = [
        (Some("application/secevent+jwt"), None, |token| token.to_owned()),
        (Some("application/json"), Some("SSWS wrong"), |token| format!("\"{token}\"")),
        (Some("application/secevent+jwt"), Some("Bearer wrong"), |token| {
            format!("\"{token}\"")
        }),
        (Some("text/plain"), None, |token| token.to_owned()),
        (None, None, |token| format!("{token}\n")),
        (Some("application/octet-stream"), Some("Basic ???"), |token| {
            format!("\r\n {token}\r\n")
        }),
        (Some("application/x-www-form-urlencoded"), None, |token| token.to_owned()),
        (Some("multipart/nonsense"), None, |token| token.to_owned()),
    ];
    for (at, (content_type, authorization, form)) in forms.into_iter().enumerate() {
        let claims = sender.claims(&server, &format!("form {at}"), USER_RISK, user_risk(&server, "medium"));
        let token = sender.sign(&claims)?;
        let mut call = server.call("POST", SECURITY_EVENTS).anonymous().header("accept", "text/html");
        for (name, value) in [("content-type", content_type), ("authorization", authorization)] {
            if let Some(value) = value {
                call = call.header(name, value);
            }
        }
        let answer = call.text(form(&token)).send().await?;
        assert_eq!((answer.status, answer.text.as_str()), (202, ""), "{at}");
        assert!(!answer.headers.contains_key("content-type"));
    }
    assert_eq!(events(&server, RECEIVED).await?.len(), 8);
    Ok(())
}

/// okta.md 13, 17 to 22, and 6.2: what the samples of documents and vendors do is taken.
#[tokio::test]
async fn takes_what_vendors_send() -> Result<()> {
    let server = server().await?;
    user(&server, LOGIN).await?;
    let sender = SetSender::register(&server, ISSUER).await?;
    let identifier_changed = "https://schemas.openid.net/secevent/risc/event-type/identifier-changed";
    let guide = json!({"subject": jo(), "new-value": "john.roe@example.com", "event_timestamp": 1_615_304_991_643_i64});
    let mut claims = sender.claims(&server, "24c63fb56e5a2d77a6b512616ca9fa24", identifier_changed, guide);
    claims["iat"] = json!(1_615_305_159);
    claims["aud"] = json!("https://org.example/");
    let mut at_top = sender.claims(&server, "top", USER_RISK, json!({}));
    at_top.as_object_mut().expect("an object").remove("events");
    at_top[USER_RISK] = user_risk(&server, "high");
    let mut listed = sender.claims(&server, "listed", USER_RISK, user_risk(&server, "low"));
    listed["aud"] = json!(["https://other.example", "https://org.example"]);
    listed["sub"] = json!("ignored");
    listed["exp"] = json!(4_000_000_000_u32);
    for (name, claims) in [("guide", claims), ("top level", at_top), ("listed", listed)] {
        let answer = sender.send(&server, &claims).await?;
        assert_eq!((answer.status, answer.text.as_str()), (202, ""), "{name}");
    }
    assert_eq!(events(&server, RECEIVED).await?.len(), 3);
    let notes = receipts(&server, "").await?;
    // All came at one time of the test's clock: their order is any.
    let top = notes.iter().find(|note| note["set"]["jti"] == "top");
    assert_eq!(
        top.expect("a receipt")["set"]["normalisations"],
        json!(["events_at_top_level", "complex_without_format", "subject_in_event"])
    );
    Ok(())
}

/// AMB-26: the same answer, a receipt, and not a word in the log.
#[tokio::test]
async fn an_unknown_user_is_kept_and_not_told_of() -> Result<()> {
    let server = server().await?;
    let sender = SetSender::register(&server, ISSUER).await?;
    let log = server.call("GET", "/api/v1/logs").send().await?.json;
    sender.tell(&server, "one", USER_RISK, user_risk(&server, "high")).await?;
    server.clock.advance(std::time::Duration::from_secs(1));
    let unheard_of = "https://vendor.example/event/unheard-of";
    sender.tell(&server, "two", unheard_of, json!({"subject": jo()})).await?;
    assert_eq!(server.call("GET", "/api/v1/logs").send().await?.json, log);
    let kept = receipts(&server, "").await?;
    let handling: Vec<&Value> = kept.iter().map(|it| &it["set"]["events"][0]["handling"]).collect();
    assert_eq!(handling, ["unhandled", "unbound"]);
    // Nothing of it counts when the user comes.
    user(&server, LOGIN).await?;
    sender.tell(&server, "three", USER_RISK, user_risk(&server, "low")).await?;
    let detected = events(&server, DETECTED).await?;
    assert_eq!(detected[0]["securityContext"]["risk"]["previousLevel"], "LOW");
    Ok(())
}

/// SET-22: eight at once are one; so it stays after a restart.
#[tokio::test]
async fn parallel_repeats_are_one() -> Result<()> {
    let server = server().await?;
    user(&server, LOGIN).await?;
    let sender = SetSender::register(&server, ISSUER).await?;
    let token = sender.sign(&sender.claims(&server, "one", USER_RISK, user_risk(&server, "high")))?;
    let calls = (0..8).map(|_| SetSender::post(&server, &token));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer?.status, 202);
    }
    let once = async |server: &TestServer| {
        let of = |name| events(server, name);
        Ok::<_, anyhow::Error>((
            receipts(server, "").await?.len(),
            of(RECEIVED).await?.len(),
            of(DETECTED).await?.len(),
        ))
    };
    assert_eq!(once(&server).await?, (1, 1, 1));
    let server = server.restart().await?;
    send_again(&server, &token).await?;
    assert_eq!(once(&server).await?, (1, 1, 1));
    Ok(())
}

/// SET-22, SET-23: one provider's names are not another's; one name with two contents is written about.
#[tokio::test]
async fn a_name_is_its_issuers_own() -> Result<()> {
    let server = server().await?;
    user(&server, LOGIN).await?;
    let one = SetSender::register(&server, ISSUER).await?;
    let other = SetSender::register(&server, "https://other.example").await?;
    for sender in [&one, &other] {
        sender.tell(&server, "same", USER_RISK, user_risk(&server, "high")).await?;
    }
    assert_eq!(events(&server, RECEIVED).await?.len(), 2);
    for _ in 0..2 {
        one.tell(&server, "same", USER_RISK, user_risk(&server, "low")).await?;
    }
    let conflicts = events(&server, "security.events.provider.conflict").await?;
    assert_eq!((conflicts.len(), &conflicts[0]["severity"]), (1, &json!("WARN")));
    assert_eq!(events(&server, RECEIVED).await?.len(), 2);
    // Its issuer on another's key is nobody's.
    let stolen = other.sign(&one.claims(&server, "stolen", USER_RISK, user_risk(&server, "low")))?;
    let answer = SetSender::post(&server, &stolen).await?;
    assert!(is_refused(&answer, 400, "invalid_key", ""), "{}", answer.text);
    Ok(())
}

/// Document 003, okta.md 5: deactivated, activated, deleted; keys that have been rotated.
#[tokio::test]
async fn only_active_providers_are_heard() -> Result<()> {
    let server = server().await?;
    user(&server, LOGIN).await?;
    let mut sender = SetSender::register(&server, ISSUER).await?;
    let path = format!("/api/v1/security-events-providers/{}", sender.provider_id);
    let token = sender.sign(&sender.claims(&server, "one", USER_RISK, user_risk(&server, "high")))?;
    server.call("POST", &format!("{path}/lifecycle/deactivate")).send().await?;
    let refused = SetSender::post(&server, &token).await?;
    assert!(is_refused(&refused, 400, "invalid_issuer", ""), "{}", refused.text);
    server.call("POST", &format!("{path}/lifecycle/activate")).send().await?;
    send_again(&server, &token).await?;

    sender.key = watchfire_harness::service_app::new_key()?;
    sender.publish(&[sender.key.public_jwk()]).await;
    server.clock.advance(std::time::Duration::from_secs(120));
    sender.tell(&server, "rotated", USER_RISK, user_risk(&server, "low")).await?;
    assert_eq!(events(&server, RECEIVED).await?.len(), 2);

    server.call("DELETE", &path).send().await?;
    let gone = sender
        .send(&server, &sender.claims(&server, "late", USER_RISK, user_risk(&server, "low")))
        .await?;
    assert!(is_refused(&gone, 400, "invalid_issuer", ""), "{}", gone.text);
    // Its names are remembered past its removal.
    let again = SetSender::register(&server, ISSUER).await?;
    again.tell(&server, "one", USER_RISK, user_risk(&server, "low")).await?;
    assert_eq!(events(&server, RECEIVED).await?.len(), 2);
    Ok(())
}

/// okta.md 6.6: the level that is told is the user's, and what is taken back is gone.
#[tokio::test]
async fn a_level_that_is_told_is_the_users() -> Result<()> {
    let server = server().await?;
    user(&server, LOGIN).await?;
    let sender = SetSender::register(&server, ISSUER).await?;
    let mut before = "LOW";
    // There is no NONE in the log (ssf.md annex B).
    let table = [
        ("high", "HIGH"),
        ("medium", "MEDIUM"),
        ("low", "LOW"),
        ("high", "HIGH"),
        ("secure", "LOW"),
    ];
    for (at, (level, expected)) in table.into_iter().enumerate() {
        sender
            .tell(&server, &format!("{at}"), USER_RISK, user_risk(&server, level))
            .await?;
        let detected = events(&server, DETECTED).await?;
        let risk = &detected[0]["securityContext"]["risk"];
        assert_eq!(
            (&risk["previousLevel"], &risk["level"]),
            (&json!(before), &json!(expected)),
            "{at}"
        );
        before = expected;
    }
    assert_eq!(events(&server, DETECTED).await?.len(), 5);
    Ok(())
}

/// `/watchfire/v1/receipts`: what was received, and what became of it.
#[tokio::test]
async fn what_was_received_can_be_read() -> Result<()> {
    let server = server().await?;
    let id = user(&server, LOGIN).await?;
    let sender = SetSender::register(&server, ISSUER).await?;
    let mut nobody = user_risk(&server, "high");
    nobody["subject"] = json!({"user": {"format": "email", "email": "<img src=x onerror=alert(1)>@example.com"}});
    nobody["subject"]["user"]["email"] = json!("nobody@example.com");
    nobody["reason_admin"] = json!({"en": "<script>alert(1)</script>"});
    for (jti, event) in [
        ("one", user_risk(&server, "high")),
        ("two", nobody),
        ("three", user_risk(&server, "low")),
    ] {
        sender.tell(&server, jti, USER_RISK, event).await?;
        server.clock.advance(std::time::Duration::from_secs(1));
    }
    server
        .call("POST", "/api/v1/risk/events/ip")
        .json(&json!([{"subjects": [{"ip": "203.0.113.7", "riskLevel": "HIGH"}]}]))
        .send()
        .await?;
    let names = |receipts: &[Value]| -> Vec<Value> { receipts.iter().map(|it| it["set"]["jti"].clone()).collect() };
    let all = receipts(&server, "").await?;
    assert_eq!(names(&all), [json!(null), json!("three"), json!("two"), json!("one")]);
    assert_eq!(all[0]["kind"], "risk_events");
    assert_eq!(names(&receipts(&server, "?handling=unbound").await?), ["two"]);
    assert_eq!(
        receipts(&server, &format!("?provider={}", sender.provider_id)).await?.len(),
        3
    );
    assert!(receipts(&server, "?provider=sse00000000000000000").await?.is_empty());
    let since = all[2]["receivedAt"].as_str().unwrap_or_default();
    assert_eq!(
        names(&receipts(&server, &format!("?since={since}&handling=handled")).await?),
        ["three"]
    );

    let page = server.call("GET", "/watchfire/v1/receipts?limit=3").send().await?;
    let next = page.headers.get_all("link").iter().filter_map(|line| line.to_str().ok());
    let next = next
        .filter(|line| line.contains("next"))
        .find_map(|line| line.split(['<', '>']).nth(1));
    let next = next
        .and_then(|url| url.strip_prefix("https://org.example"))
        .unwrap_or_default();
    let last = server.call("GET", next).send().await?;
    assert_eq!(names(last.json.as_array().expect("a list")), ["one"]);

    let path = format!("/watchfire/v1/receipts/{}", all[2]["id"].as_str().unwrap_or_default());
    let one = server.call("GET", &path).send().await?;
    assert_eq!(one.headers["content-type"], "application/json");
    assert_eq!(one.headers["x-content-type-options"], "nosniff");
    assert_eq!(
        (one.text_at("/header/typ"), one.text_at("/claims/jti")),
        ("secevent+jwt", "two")
    );
    assert_eq!(
        one.json["claims"]["events"][USER_RISK]["reason_admin"]["en"],
        "<script>alert(1)</script>"
    );
    let first = server
        .call(
            "GET",
            &format!("/watchfire/v1/receipts/{}", all[3]["id"].as_str().unwrap_or_default()),
        )
        .send()
        .await?;
    assert_eq!(
        first.json["set"]["events"][0]["entities"],
        json!([{"type": "USER", "id": id}])
    );
    assert_eq!(server.call("GET", &format!("{path}x")).send().await?.error().0, "E0000007");
    for (query, code) in [
        ("?handling=eaten", "E0000001"),
        ("?since=monday", "E0000001"),
        ("?after=x", "E0000029"),
        ("?limit=0", "E0000029"),
    ] {
        let refused = server.call("GET", &format!("/watchfire/v1/receipts{query}")).send().await?;
        assert_eq!((refused.status, refused.error().0), (400, code), "{query}");
    }
    assert_eq!(
        server.call("GET", "/watchfire/v1/receipts").anonymous().send().await?.status,
        401
    );
    Ok(())
}

/// Architecture section 8: limits before the signature, told in the endpoint's own shape; a flood under
/// a vendor's name from elsewhere does not keep the vendor out.
#[tokio::test]
async fn floods_are_sent_away() -> Result<()> {
    let mut settings = SetSender::settings();
    settings.sets.calls_per_address = 30;
    settings.sets.calls_per_issuer = 5;
    let server = TestServer::start_with(settings).await?;
    user(&server, LOGIN).await?;
    let sender = SetSender::register(&server, ISSUER).await?;
    let token = sender.sign(&sender.claims(&server, "one", USER_RISK, user_risk(&server, "high")))?;
    let other = sender.sign(&sender.claims(&server, "two", USER_RISK, user_risk(&server, "low")))?;
    let forged = forge(&token, &other);
    let from = async |ip: [u8; 4], body: &str| {
        let call = server.call("POST", SECURITY_EVENTS).anonymous().from(ip);
        call.text(body).send().await
    };
    let mut statuses = std::collections::BTreeMap::new();
    for _ in 0..20 {
        let answer = from([192, 0, 2, 66], &forged).await?;
        *statuses.entry(answer.status).or_insert(0) += 1;
        if answer.status == 429 {
            assert!(is_refused(&answer, 429, "rate_limited", ""), "{}", answer.text);
            assert_eq!(answer.headers["retry-after"], "1");
        }
    }
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), [(400, 5), (429, 15)]);
    for _ in 0..20 {
        from([192, 0, 2, 66], "a.b.c").await?;
    }
    assert_eq!(from([192, 0, 2, 66], "a.b.c").await?.status, 429, "rubbish counts by address");
    assert_eq!(from([198, 51, 100, 2], &token).await?.status, 202);
    Ok(())
}

/// `access_denied` is the strict profile's; the others keep what they may not use.
#[tokio::test]
async fn a_provider_speaks_of_what_it_may() -> Result<()> {
    let server = server().await?;
    user(&server, LOGIN).await?;
    let sender = SetSender::register(&server, ISSUER).await?;
    sender.set_profile(&server, json!({"domains": ["acme.example"]})).await?;
    sender.tell(&server, "one", USER_RISK, user_risk(&server, "high")).await?;
    assert!(events(&server, RECEIVED).await?.is_empty());
    assert_eq!(receipts(&server, "?handling=not_permitted").await?.len(), 1);
    sender.set_profile(&server, json!({"domains": ["example.com"]})).await?;
    sender.tell(&server, "two", USER_RISK, user_risk(&server, "high")).await?;
    assert_eq!(events(&server, RECEIVED).await?.len(), 1);
    Ok(())
}

/// Sends once more what was sent, or was refused, to see that it is taken.
async fn send_again(server: &TestServer, token: &str) -> Result<()> {
    let again = SetSender::post(server, token).await?;
    assert_eq!((again.status, again.text.as_str()), (202, ""));
    Ok(())
}
