//! `/watchfire/v1/feedback`: opinions on findings, what they do, and that all of it is taken back.

use super::*;
use watchfire_harness::SetSender;

const FEEDBACK: &str = "/watchfire/v1/feedback";
const USER_RISK: &str = "https://schemas.okta.com/secevent/okta/event-type/user-risk-change";

pub(super) async fn give(server: &TestServer, kind: &str, id: &str, label: &str) -> Result<Answer> {
    let body = json!({"subject": {"type": kind, "id": id}, "label": label, "reason": "Seen by the SOC"});
    server.call("POST", FEEDBACK).json(&body).send().await
}

async fn withdraw(server: &TestServer, id: &str) -> Result<u16> {
    Ok(server.call("DELETE", &format!("{FEEDBACK}/{id}")).send().await?.status)
}

async fn listed(server: &TestServer, query: &str) -> Result<Vec<Value>> {
    let answer = server.call("GET", &format!("{FEEDBACK}{query}")).send().await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json.as_array().cloned().context("a list")
}

async fn risk_of(server: &TestServer, user: &str) -> Result<String> {
    let risk = server.call("GET", &format!("/api/v1/users/{user}/risk")).send().await?;
    Ok(risk.text_at("/riskLevel").to_owned())
}

async fn id_of_jo(server: &TestServer) -> Result<String> {
    let user = server.call("GET", &format!("/api/v1/users/{JO}")).send().await?;
    Ok(user.text_at("/id").to_owned())
}

#[tokio::test]
async fn feedback_counts_once_is_changed_and_withdrawn() -> Result<()> {
    let server = server_that_knows_jo().await?;
    let (user, id) = (
        id_of_jo(&server).await?,
        evaluate(&server, AWAY, IPHONE).await?.text_at("/id").to_owned(),
    );
    let first = give(&server, "SIGN_IN", &id, "FALSE_POSITIVE").await?;
    assert_eq!(first.status, 201, "{}", first.text);
    let it = &first.json;
    assert!(first.text_at("/id").starts_with("fbk"));
    assert_eq!(it["subject"], json!({"type": "SIGN_IN", "id": id}));
    assert_eq!((&it["label"], &it["userId"]), (&json!("FALSE_POSITIVE"), &json!(user)));
    assert_eq!(
        (&it["reason"], &it["givenBy"]["type"]),
        (&json!("Seen by the SOC"), &json!("User"))
    );

    server.clock.advance(Duration::from_secs(1));
    let again = give(&server, "SIGN_IN", &id, "FALSE_POSITIVE").await?;
    assert_eq!((again.status, &again.json), (200, it));
    assert_eq!(events(&server, "analytics.feedback.provide").await?.len(), 1);

    let changed = give(&server, "SIGN_IN", &id, "TRUE_POSITIVE").await?;
    assert_eq!((changed.status, &changed.json["id"]), (200, &it["id"]), "{}", changed.text);
    assert_eq!(changed.json["created"], it["created"]);
    let logged = events(&server, "analytics.feedback.provide").await?;
    let debug = &logged[0]["debugContext"]["debugData"];
    assert_eq!(
        (logged.len(), &debug["label"], &debug["signInId"]),
        (2, &json!("true_positive"), &json!(id))
    );
    assert_eq!(logged[0]["target"][0]["id"], json!(user));

    assert_eq!(listed(&server, "").await?.len(), 1);
    assert_eq!(listed(&server, &format!("?userId={user}")).await?.len(), 1);
    assert_eq!(listed(&server, "?userId=00unobody").await?.len(), 0);
    assert_eq!(listed(&server, &format!("?subject={id}")).await?[0]["label"], "TRUE_POSITIVE");
    let own = format!("{FEEDBACK}/{}", first.text_at("/id"));
    assert_eq!(server.call("GET", &own).send().await?.json, changed.json);
    assert_eq!(withdraw(&server, first.text_at("/id")).await?, 204);
    assert_eq!(withdraw(&server, first.text_at("/id")).await?, 404);
    assert_eq!(server.call("GET", &own).send().await?.status, 404);
    assert_eq!(events(&server, "analytics.feedback.withdraw").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn feedback_is_read_page_by_page_newest_first() -> Result<()> {
    let server = TestServer::start().await?;
    let mut given = Vec::new();
    for _ in 0..5 {
        server.clock.advance(Duration::from_secs(1));
        let id = evaluate(&server, HOME, FIREFOX).await?.text_at("/id").to_owned();
        given.push(
            give(&server, "SIGN_IN", &id, "FALSE_POSITIVE")
                .await?
                .text_at("/id")
                .to_owned(),
        );
    }
    given.reverse();
    let (mut read, mut after) = (Vec::new(), String::new());
    for _ in 0..3 {
        let page = listed(&server, &format!("?limit=2{after}")).await?;
        read.extend(page.iter().filter_map(|it| it["id"].as_str().map(str::to_owned)));
        after = read.last().map(|last| format!("&after={last}")).unwrap_or_default();
    }
    assert_eq!(read, given);
    let bad = server.call("GET", &format!("{FEEDBACK}?after=%7e")).send().await?;
    assert_eq!((bad.status, bad.error().0), (400, "E0000029"));
    Ok(())
}

#[tokio::test]
async fn what_is_no_feedback_is_refused_and_says_why() -> Result<()> {
    let server = TestServer::start().await?;
    let subject = |kind: &str, id: &str| json!({"subject": {"type": kind, "id": id}, "label": "TRUE_POSITIVE"});
    for (body, cause) in [
        (json!({}), "subject: The field cannot be left blank"),
        (json!({"subject": 1, "label": "TRUE_POSITIVE"}), "subject: Invalid value"),
        (
            json!({"subject": {}, "label": "TRUE_POSITIVE"}),
            "subject.type: The field cannot be left blank",
        ),
        (subject("USER", "00u1"), "subject.type: Invalid value"),
        (subject("SIGN_IN", " "), "subject.id: The field cannot be left blank"),
        (subject("SIGN_IN", "sgnNone"), "subject.id: No sign-in has this id"),
        (subject("RECEIPT", "rcpNone"), "subject.id: No receipt has this id"),
        (
            subject("RISK_CHANGE", "none"),
            "subject.id: No user.risk.detect event has this uuid",
        ),
        (subject("SIGN_IN", &"s".repeat(65)), "subject.id: The field is too long"),
        (
            json!({"subject": {"type": "SIGN_IN", "id": "sgn"}, "label": "MAYBE"}),
            "label: Invalid value",
        ),
        (
            json!({"subject": {"type": "SIGN_IN", "id": "sgn"}, "label": "TRUE_POSITIVE", "reason": 7}),
            "reason: Invalid value",
        ),
    ] {
        let refused = server.call("POST", FEEDBACK).json(&body).send().await?;
        assert_eq!((refused.status, refused.error()), (400, ("E0000001", cause)), "{body}");
    }
    let text = server.call("POST", FEEDBACK).json(&json!([])).send().await?;
    assert_eq!((text.status, text.error().0), (400, "E0000003"));
    Ok(())
}

#[tokio::test]
async fn feedback_has_scopes_of_its_own() -> Result<()> {
    let server = TestServer::start().await?;
    for (scope, gives, reads) in [
        ("watchfire.feedback.manage", 400, 200),
        ("watchfire.feedback.read", 403, 200),
        ("watchfire.signIns.outcome", 403, 403),
    ] {
        let app = ServiceApp::register(&server, &[scope]).await?;
        let token = app.token(&server, scope).await?;
        let given = server.call("POST", FEEDBACK).bearer(&token).json(&json!({})).send().await?;
        let read = server.call("GET", FEEDBACK).bearer(&token).send().await?;
        assert_eq!((given.status, read.status), (gives, reads), "{scope}");
    }
    Ok(())
}

/// risk-engine.md 5.9: what an attacker's sign-in has taught is taken back to the bit, and taught again when
/// the opinion changes.
#[tokio::test]
async fn a_true_positive_takes_the_lesson_back_and_a_changed_opinion_gives_it_again() -> Result<()> {
    let server = server_that_knows_jo().await?;
    let user = id_of_jo(&server).await?;
    let before = numbers(&server, HOME, FIREFOX).await?;
    let id = evaluate(&server, AWAY, IPHONE).await?.text_at("/id").to_owned();
    assert_eq!(tell(&server, &id, "CHALLENGE_PASSED").await?.status, 204);
    let taught = numbers(&server, AWAY, IPHONE).await?;

    let given = give(&server, "SIGN_IN", &id, "TRUE_POSITIVE").await?;
    assert_eq!(given.json["effects"]["raisedUserRisk"], true, "{}", given.text);
    assert_eq!(given.json["effects"]["lessonTakenBack"], true);
    let it = explained(&server, &id).await?;
    assert_eq!((&it["state"], &it["learnt"]), (&json!("NOT_ME"), &json!(false)));
    let after = numbers(&server, HOME, FIREFOX).await?;
    for member in ["levels", "successes", "hour", "journey"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(risk_of(&server, &user).await?, "HIGH");

    let changed = give(&server, "SIGN_IN", &id, "FALSE_POSITIVE").await?;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let it = explained(&server, &id).await?;
    assert_eq!((&it["state"], &it["learnt"]), (&json!("CHALLENGE_PASSED"), &json!(true)));
    let again = numbers(&server, AWAY, IPHONE).await?;
    for member in ["levels", "successes", "hour", "journey"] {
        assert_eq!(again[member], taught[member], "{member}");
    }
    assert_eq!(risk_of(&server, &user).await?, "NONE");
    Ok(())
}

/// What the user says is an opinion like an administrator's, who may overrule it.
#[tokio::test]
async fn not_me_is_feedback_that_may_be_overruled() -> Result<()> {
    let server = server_that_knows_jo().await?;
    let user = id_of_jo(&server).await?;
    let (population, before) = (
        server.app.state().statistics().bytes(),
        numbers(&server, HOME, FIREFOX).await?,
    );
    let id = succeed(&server, HOME, FIREFOX).await?;
    let taught = server.app.state().statistics().bytes();
    assert_eq!(tell(&server, &id, "NOT_ME").await?.status, 204);
    assert_eq!(server.app.state().statistics().bytes().len(), population.len());
    let kept = &listed(&server, &format!("?subject={id}")).await?[0];
    assert_eq!(
        (&kept["label"], &kept["givenBy"]["id"]),
        (&json!("TRUE_POSITIVE"), &json!(user))
    );
    // It is an event of its own already.
    assert!(events(&server, "analytics.feedback.provide").await?.is_empty());

    // Saying so too changes nothing; saying otherwise does.
    assert_eq!(give(&server, "SIGN_IN", &id, "TRUE_POSITIVE").await?.json, *kept);
    let after = numbers(&server, HOME, FIREFOX).await?;
    assert_eq!(after["successes"], before["successes"]);
    assert_eq!(give(&server, "SIGN_IN", &id, "FALSE_POSITIVE").await?.status, 200);
    assert_eq!(explained(&server, &id).await?["state"], "SUCCESS");
    assert_eq!(risk_of(&server, &user).await?, "NONE");
    assert_eq!(server.app.state().statistics().bytes().len(), taught.len());
    assert_eq!(numbers(&server, HOME, FIREFOX).await?["successes"], json!(7));
    Ok(())
}

async fn server_with_a_risky_jo() -> Result<(TestServer, SetSender, String)> {
    let server = TestServer::start_with(SetSender::settings()).await?;
    let user = people::user(&server, JO).await?;
    let sender = SetSender::register(&server, "https://transmitter.acme.example").await?;
    let event = json!({
        "subject": {"user": {"format": "email", "email": JO}},
        "event_timestamp": server.clock.now().as_seconds(),
        "initiating_entity": "policy", "reason_admin": {"en": "Malware"},
        "previous_level": "low", "current_level": "high",
    });
    sender.tell(&server, "one", USER_RISK, event).await?;
    assert_eq!(risk_of(&server, &user).await?, "HIGH");
    Ok((server, sender, user))
}

/// okta.md 8.6 (`analytics.feedback.provide`): a change of a user's risk by its event, or by what was received.
#[tokio::test]
async fn a_false_alarm_no_longer_speaks_against_a_user() -> Result<()> {
    let (server, _sender, user) = server_with_a_risky_jo().await?;
    let detected = events(&server, "user.risk.detect").await?;
    let uuid = detected[0]["uuid"].as_str().context("a uuid")?;
    let receipts = server.call("GET", "/watchfire/v1/receipts").send().await?;
    let receipt = receipts.text_at("/0/id").to_owned();
    for (kind, id, member) in [("RISK_CHANGE", uuid, "eventUuid"), ("RECEIPT", receipt.as_str(), "receiptId")] {
        server.clock.advance(Duration::from_secs(1));
        let known = server
            .call("GET", &format!("/watchfire/v1/entities/user/{user}/risk"))
            .send()
            .await?;
        let given = give(&server, kind, id, "FALSE_POSITIVE").await?;
        assert_eq!((given.status, &given.json["userId"]), (201, &json!(user)), "{}", given.text);
        assert_eq!(given.json["effects"]["clearedCauses"][0]["kind"], "user_risk");
        assert_eq!(risk_of(&server, &user).await?, "NONE", "{kind}");
        let logged = &events(&server, "analytics.feedback.provide").await?[0];
        let debug = &logged["debugContext"]["debugData"];
        assert_eq!((&debug[member], &debug["label"]), (&json!(id), &json!("false_positive")));
        // Withdrawn, it is as it was: not newer, and not stronger.
        assert_eq!(withdraw(&server, given.text_at("/id")).await?, 204);
        let again = server
            .call("GET", &format!("/watchfire/v1/entities/user/{user}/risk"))
            .send()
            .await?;
        assert_eq!(again.json["causes"], known.json["causes"], "{kind}");
    }
    // That there was something changes nothing.
    assert_eq!(give(&server, "RISK_CHANGE", uuid, "TRUE_POSITIVE").await?.status, 201);
    assert_eq!(risk_of(&server, &user).await?, "HIGH");
    Ok(())
}

/// A HIGH sign-in speaks against its user until it turns out to be a false alarm, also when the user had said
/// otherwise at first.
#[tokio::test]
async fn a_sign_in_that_was_a_false_alarm_no_longer_speaks_against_its_user() -> Result<()> {
    let server = server_that_knows_jo().await?;
    let user = id_of_jo(&server).await?;
    people::partner_says(&server, "enforce_and_log", "HIGH").await?;
    let id = succeed(&server, HOME, FIREFOX).await?;
    assert_eq!(risk_of(&server, &user).await?, "MEDIUM");
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(tell(&server, &id, "NOT_ME").await?.status, 204);
    assert_eq!(risk_of(&server, &user).await?, "HIGH");
    server.clock.advance(Duration::from_secs(1));
    let given = give(&server, "SIGN_IN", &id, "FALSE_POSITIVE").await?;
    assert_eq!(given.json["effects"]["clearedCauses"][0]["kind"], "sign_in", "{}", given.text);
    assert_eq!(risk_of(&server, &user).await?, "NONE");
    assert_eq!(withdraw(&server, given.text_at("/id")).await?, 204);
    assert_eq!(risk_of(&server, &user).await?, "MEDIUM");
    Ok(())
}

async fn newest_receipt(server: &TestServer) -> Result<String> {
    let receipts = server.call("GET", "/watchfire/v1/receipts?limit=1").send().await?;
    Ok(receipts.text_at("/0/id").to_owned())
}

/// The level of a sign-in of Jo from home now, and how many providers were heard.
async fn heard(server: &TestServer) -> Result<(String, usize)> {
    let id = evaluate(server, HOME, FIREFOX).await?.text_at("/id").to_owned();
    let it = explained(server, &id).await?;
    assert_eq!(it["explanation"]["recomputed"]["matches"], true, "{it}");
    let words = it["explanation"]["basis"]["signals"]["providers"]
        .as_array()
        .map_or(0, Vec::len);
    Ok((it["risk"]["level"].as_str().unwrap_or_default().to_owned(), words))
}

#[tokio::test]
async fn a_signal_that_was_called_false_counts_no_more_until_that_is_taken_back() -> Result<()> {
    let server = server_that_knows_jo().await?;
    people::partner_says(&server, "enforce_and_log", "HIGH").await?;
    let (high, low) = (("HIGH".to_owned(), 1), ("LOW".to_owned(), 0));
    assert_eq!(heard(&server).await?, high);
    let receipt = newest_receipt(&server).await?;
    let address = format!("/watchfire/v1/addresses/{HOME}");
    let shown = server.call("GET", &address).send().await?;
    assert_eq!(
        (
            &shown.json["signals"][0]["receiptId"],
            &shown.json["signals"][0]["calledFalse"]
        ),
        (&json!(receipt), &json!(false))
    );

    server.clock.advance(Duration::from_secs(1));
    let given = give(&server, "RECEIPT", &receipt, "FALSE_POSITIVE").await?;
    assert_eq!(
        (given.status, &given.json["effects"]["silencedSignals"]),
        (201, &json!(true)),
        "{}",
        given.text
    );
    assert_eq!(given.json.get("userId"), None);
    assert_eq!(heard(&server).await?, low);
    let shown = server.call("GET", &address).send().await?;
    assert_eq!(shown.json["signals"][0]["calledFalse"], true);
    // The same again is the same opinion, and is logged once.
    assert_eq!(give(&server, "RECEIPT", &receipt, "FALSE_POSITIVE").await?.json, given.json);
    let logged = events(&server, "analytics.feedback.provide").await?;
    assert_eq!(logged.len(), 1);
    assert_eq!(logged[0]["debugContext"]["debugData"]["silencedSignals"], "true");
    let server = server.restart().await?;
    assert_eq!(heard(&server).await?, low);

    // Another opinion, and none, let it speak again.
    assert_eq!(give(&server, "RECEIPT", &receipt, "TRUE_POSITIVE").await?.status, 200);
    assert_eq!(heard(&server).await?, high);
    assert_eq!(give(&server, "RECEIPT", &receipt, "FALSE_POSITIVE").await?.status, 200);
    assert_eq!(heard(&server).await?, low);
    assert_eq!(withdraw(&server, given.text_at("/id")).await?, 204);
    assert_eq!(heard(&server).await?, high);

    // What the provider says anew is another word.
    assert_eq!(give(&server, "RECEIPT", &receipt, "FALSE_POSITIVE").await?.status, 201);
    server.clock.advance(Duration::from_secs(1));
    people::partner_says(&server, "enforce_and_log", "HIGH").await?;
    assert_eq!(heard(&server).await?, high);
    Ok(())
}

#[tokio::test]
async fn whoever_was_high_only_for_a_false_signal_is_at_risk_no_more() -> Result<()> {
    let server = server_that_knows_jo().await?;
    let user = id_of_jo(&server).await?;
    people::partner_says(&server, "enforce_and_log", "HIGH").await?;
    let receipt = newest_receipt(&server).await?;
    // One that ends before, and one whose end is told only afterwards.
    succeed(&server, HOME, FIREFOX).await?;
    let pending = evaluate(&server, HOME, FIREFOX).await?.text_at("/id").to_owned();
    assert_eq!(risk_of(&server, &user).await?, "MEDIUM");
    server.clock.advance(Duration::from_secs(1));
    let given = give(&server, "RECEIPT", &receipt, "FALSE_POSITIVE").await?;
    assert_eq!(given.json["effects"]["clearedCauses"][0]["kind"], "sign_in", "{}", given.text);
    assert_eq!(risk_of(&server, &user).await?, "NONE");
    assert_eq!(tell(&server, &pending, "SUCCESS").await?.status, 204);
    assert_eq!(risk_of(&server, &user).await?, "NONE");
    assert_eq!(withdraw(&server, given.text_at("/id")).await?, 204);
    assert_eq!(risk_of(&server, &user).await?, "MEDIUM");
    Ok(())
}
