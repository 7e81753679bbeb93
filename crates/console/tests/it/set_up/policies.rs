use anyhow::Result;
use serde_json::json;
use watchfire_harness::TestServer;

use super::{done, fault, id_in, send};
use crate::browser::{Browser, between};

const POLICIES: &str = "/admin/security/policies";

/// A policy made by a form.
async fn policy(browser: &Browser<'_>) -> Result<String> {
    Ok(id_in(&done(browser, POLICIES, &[("name", "Strict")]).await?))
}

#[tokio::test]
async fn a_rule_is_written_by_a_form_with_every_condition() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let zone = json!({"type": "IP", "name": "Office", "gateways": [{"type": "CIDR", "value": "192.0.2.0/24"}]});
    let zone = server.call("POST", "/api/v1/zones").json(&zone).send().await?;
    let id = policy(&browser).await?;
    let fields = [
        ("name", "Risky"),
        ("level", "HIGH"),
        ("min_score", "60"),
        ("zones", zone.text_at("/id")),
        ("device", "false"),
        ("apps", "payroll\nmail"),
        ("not_users", "admin@watchfire.local"),
        ("expression", "security.risk.score > 10"),
        ("decision", "CHALLENGE"),
        ("prompt", "ALWAYS"),
        ("idle", "15"),
        ("mode", "MONITOR"),
        ("place", "1"),
    ];
    done(&browser, &format!("{POLICIES}/{id}/rules/new"), &fields).await?;
    let rules = server.call("GET", &format!("/api/v1/policies/{id}/rules")).send().await?;
    let rule = &rules.json[0];
    let at = |pointer: &str| rule.pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(at("/conditions/riskScore"), json!({"level": "HIGH", "minScore": 60}));
    assert_eq!(
        at("/conditions/network"),
        json!({"connection": "ZONE", "include": [zone.text_at("/id")]})
    );
    assert_eq!(at("/conditions/device/known"), json!(false));
    assert_eq!(at("/conditions/app/include/1/id"), "mail");
    assert_eq!(at("/conditions/elCondition/condition"), "security.risk.score > 10");
    assert_eq!(
        (at("/actions/signon/access"), at("/actions/signon/requireFactor")),
        (json!("ALLOW"), json!(true))
    );
    assert_eq!(at("/actions/signon/session/maxSessionIdleMinutes"), 15);
    assert_eq!((at("/mode"), at("/priority")), (json!("MONITOR"), json!(1)));

    let page = browser.get(&format!("{POLICIES}/{id}")).await?;
    for said in [
        "Risk is HIGH",
        "Score is at least 60",
        "From Office",
        "The device is not known",
        "Only watches",
    ] {
        assert!(page.text.contains(said), "{said}");
    }
    let own = format!("{POLICIES}/{id}/rules/{}", rule["id"].as_str().unwrap_or_default());
    let form = browser.get(&own).await?;
    assert!(
        form.text.contains("payroll\nmail") && form.text.contains("value=\"60\""),
        "{}",
        form.text
    );
    // What is cleared is asked no more.
    done(
        &browser,
        &own,
        &[("name", "Risky"), ("decision", "DENY"), ("mode", "ENFORCE")],
    )
    .await?;
    let rules = server.call("GET", &format!("/api/v1/policies/{id}/rules")).send().await?;
    let rule = &rules.json[0];
    assert_eq!(rule["actions"]["signon"]["access"], "DENY");
    assert!(
        rule["conditions"]["riskScore"].is_null() && rule["conditions"]["device"].is_null(),
        "{rule}"
    );
    assert_eq!(rule["conditions"]["network"]["connection"], "ANYWHERE");
    Ok(())
}

#[tokio::test]
async fn rules_are_moved_by_buttons_and_the_catch_all_stays_last() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let id = policy(&browser).await?;
    for name in ["First", "Second"] {
        done(
            &browser,
            &format!("{POLICIES}/{id}/rules/new"),
            &[("name", name), ("decision", "DENY")],
        )
        .await?;
    }
    let names = || async {
        let rules = server.call("GET", &format!("/api/v1/policies/{id}/rules")).send().await?;
        let all = rules.json.as_array().cloned().unwrap_or_default();
        let pair = |rule: &serde_json::Value, member: &str| rule[member].as_str().unwrap_or_default().to_owned();
        anyhow::Ok(
            all.iter()
                .map(|rule| (pair(rule, "name"), pair(rule, "id")))
                .collect::<Vec<_>>(),
        )
    };
    let before = names().await?;
    assert_eq!(before[0].0, "First");
    let second = format!("{POLICIES}/{id}/rules/{}", before[1].1);
    let page = browser.get(&format!("{POLICIES}/{id}")).await?;
    assert!(page.text.contains("aria-label=\"Up Second\"") && page.text.contains("data-place=\"2\""));
    assert!(
        !page.text.contains("aria-label=\"Down Second\""),
        "the catch-all rule is behind it"
    );
    done(&browser, &format!("{second}/move"), &[("to", "1")]).await?;
    assert_eq!(names().await?[0].0, "Second");
    done(&browser, &format!("{second}/deactivate"), &[]).await?;
    done(&browser, &format!("{second}/delete"), &[]).await?;
    assert_eq!(names().await?[0].0, "First");
    Ok(())
}

#[tokio::test]
async fn faults_of_a_rule_stand_at_their_fields() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let id = policy(&browser).await?;
    let path = format!("{POLICIES}/{id}/rules/new");
    for (fields, input) in [
        ([("name", ""), ("decision", "DENY")], "name"),
        ([("name", "A"), ("min_score", "many")], "min_score"),
        ([("name", "A"), ("expression", "security.risk.score >")], "expression"),
        ([("name", "A"), ("users", "nobody@example.com")], "users"),
        ([("name", "A"), ("behaviors", "no such one")], "behaviors"),
    ] {
        let answer = send(&browser, &path, &fields).await?;
        assert_eq!(answer.status, 400, "{input}");
        assert!(!fault(&answer.text, input).is_empty(), "{input}: {}", answer.text);
    }
    Ok(())
}

#[tokio::test]
async fn a_rule_is_tried_on_recorded_sign_ins_before_it_is_kept() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let profile = json!({"login": "jo@example.com", "email": "jo@example.com", "firstName": "Jo", "lastName": "L"});
    let user = json!({"profile": profile, "credentials": {"password": {"value": "correct horse battery"}}});
    assert_eq!(server.call("POST", "/api/v1/users").json(&user).send().await?.status, 200);
    let attempt = json!({"username": "jo@example.com", "password": "correct horse battery"});
    let signed_in = server.call("POST", "/api/v1/authn").anonymous().json(&attempt).send().await?;
    assert_eq!(signed_in.status, 200, "{}", signed_in.text);
    let default = server.call("GET", "/api/v1/policies?type=OKTA_SIGN_ON").send().await?;
    let all = default.json.as_array().cloned().unwrap_or_default();
    let id = all
        .last()
        .and_then(|policy| policy["id"].as_str())
        .unwrap_or_default()
        .to_owned();
    let path = format!("{POLICIES}/{id}/rules/new");
    let tried = send(
        &browser,
        &path,
        &[("name", "Nobody"), ("decision", "DENY"), ("range", "1"), ("do", "try")],
    )
    .await?;
    assert_eq!(tried.status, 200, "{}", tried.text);
    assert!(
        tried.text.contains("1 of 1 sign-ins would have been decided otherwise"),
        "{}",
        tried.text
    );
    assert!(tried.text.contains("jo@example.com") && tried.text.contains("value=\"Nobody\""));
    let rules = server.call("GET", &format!("/api/v1/policies/{id}/rules")).send().await?;
    assert!(!rules.text.contains("Nobody"), "a trial keeps nothing");
    done(&browser, &path, &[("name", "Nobody"), ("decision", "DENY"), ("do", "save")]).await?;
    let again = server.call("POST", "/api/v1/authn").anonymous().json(&attempt).send().await?;
    assert_eq!(again.status, 401, "{}", again.text);
    Ok(())
}

#[tokio::test]
async fn the_entity_risk_policy_has_its_rules_by_forms() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let hook = json!({"name": "SOC", "url": "https://soc.example.com/hook"});
    let hook = server.call("POST", "/watchfire/v1/workflows").json(&hook).send().await?;
    let number = hook.json["id"].to_string();
    let path = "/admin/security/entity-risk";
    let fields = [
        ("name", "High"),
        ("level", "HIGH"),
        ("detections", "SECURITY_EVENTS_PROVIDER_REPORTED_RISK"),
        ("end_sessions", "yes"),
        ("logout", "ALL"),
        ("workflow", &number),
    ];
    done(&browser, &format!("{path}/rules/new"), &fields).await?;
    let page = browser.get(path).await?;
    for said in [
        "Risk is HIGH",
        "Security Events Provider Reported Risk",
        "End all sessions, at every app",
        "Run workflow",
    ] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    let own = between(&page.text, "/admin/security/entity-risk/rules/", "\"").to_owned();
    let form = browser.get(&format!("{path}/rules/{own}")).await?;
    assert!(
        form.text.contains("name=\"end_sessions\" value=\"yes\" checked"),
        "{}",
        form.text
    );
    done(
        &browser,
        &format!("{path}/rules/{own}"),
        &[("name", "High"), ("level", "HIGH")],
    )
    .await?;
    assert!(browser.get(path).await?.text.contains("Write it into the log"));
    let bad = send(&browser, &format!("{path}/rules/new"), &[("name", ""), ("level", "HIGH")]).await?;
    assert_eq!(
        (bad.status, fault(&bad.text, "name").as_str()),
        (400, "The field cannot be left blank")
    );
    Ok(())
}

#[tokio::test]
async fn zones_and_behaviors_are_made_and_changed_by_forms() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let zones = "/admin/security/zones";
    let fields = [
        ("name", "Office"),
        ("usage", "POLICY"),
        ("gateways", "192.0.2.0/24\n192.0.3.1-192.0.3.9"),
    ];
    done(&browser, &format!("{zones}/new-ip"), &fields).await?;
    let fields = [
        ("name", "Abroad"),
        ("usage", "BLOCKLIST"),
        ("places", "RU\nUS-CA"),
        ("categories", "ALL_ANONYMIZERS"),
    ];
    done(&browser, &format!("{zones}/new-dynamic"), &fields).await?;
    let all = server.call("GET", "/api/v1/zones").send().await?;
    let find = |name: &str| {
        let mut zones = all.json.as_array().into_iter().flatten();
        zones.find(|zone| zone["name"] == name).cloned().unwrap_or_default()
    };
    assert_eq!(
        find("Office")["gateways"][1],
        json!({"type": "RANGE", "value": "192.0.3.1-192.0.3.9"})
    );
    assert_eq!(
        find("Abroad")["locations"]["include"][1],
        json!({"country": "US", "region": "US-CA"})
    );
    let own = format!("{zones}/{}", find("Abroad")["id"].as_str().unwrap_or_default());
    assert!(browser.get(&own).await?.text.contains("RU\nUS-CA"));
    let bad = send(
        &browser,
        &format!("{zones}/new-ip"),
        &[("name", "Bad"), ("gateways", "everywhere")],
    )
    .await?;
    assert_eq!(bad.status, 400);
    assert!(!fault(&bad.text, "gateways").is_empty(), "{}", bad.text);

    let behaviors = "/admin/security/behaviors";
    done(
        &browser,
        &format!("{behaviors}/new/VELOCITY"),
        &[("name", "Too fast"), ("speed", "900")],
    )
    .await?;
    let bad = send(
        &browser,
        &format!("{behaviors}/new/ANOMALOUS_IP"),
        &[("name", "Bad"), ("most", "1000")],
    )
    .await?;
    assert_eq!(bad.status, 400);
    assert!(!fault(&bad.text, "most").is_empty(), "{}", bad.text);
    let all = server.call("GET", "/api/v1/behaviors").send().await?;
    assert!(all.text.contains("\"velocityKph\":900"));
    Ok(())
}
