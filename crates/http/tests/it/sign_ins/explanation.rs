//! Records are read in the order of time, and compute to the same verdict.

use super::*;

/// Attempts of every kind, out of a counter.
fn varied(number: u8) -> Value {
    let ip = match number % 4 {
        0 => HOME.to_owned(),
        1 => format!("203.0.113.{number}"),
        2 => format!("198.{number}.100.7"),
        _ => format!("2001:db8:{number:x}::1"),
    };
    let agents = [FIREFOX, IPHONE, "curl/8.0", ""];
    let agent = agents[usize::from(number / 4) % agents.len()];
    let mut attempt = attempt(if number.is_multiple_of(5) { "other@example.com" } else { JO }, &ip, agent);
    if number.is_multiple_of(3) {
        attempt["client"]["deviceToken"] = json!(format!("device-{}", number % 2));
    }
    attempt
}

#[tokio::test]
async fn every_record_computes_to_its_verdict_again() -> Result<()> {
    let server = TestServer::start().await?;
    people::partner_says(&server, "log_only", "MEDIUM").await?;
    for number in 0..60 {
        server.clock.advance(Duration::from_secs(40 * 60));
        let asked = server.call("POST", PATH).json(&varied(number)).send().await?;
        assert_eq!(asked.status, 200, "{}", asked.text);
        let it = explained(&server, asked.text_at("/id")).await?;
        let again = &it["explanation"]["recomputed"];
        assert_eq!(again["matches"], true, "{it}");
        assert_eq!(
            (&it["risk"]["score"], &it["risk"]["factors"]),
            (&asked.json["risk"]["score"], &asked.json["risk"]["factors"])
        );
        assert!(it["risk"]["score"].as_u64().is_some_and(|score| score <= 100));
        assert!(again["evidence"].is_f64(), "{again}");
        if number % 3 != 1 {
            let result = if number.is_multiple_of(2) {
                "SUCCESS"
            } else {
                "CHALLENGE_PASSED"
            };
            assert_eq!(tell(&server, asked.text_at("/id"), result).await?.status, 204);
        }
    }
    Ok(())
}

#[tokio::test]
async fn our_own_sign_ins_are_recorded_too_and_say_which_rules_were_asked() -> Result<()> {
    let server = TestServer::start().await?;
    let id = people::user(&server, JO).await?;
    people::sign_in(&server, JO).await?;
    people::sign_in_with(&server, JO, "wrong password").await?;
    let listed = server.call("GET", &format!("{PATH}?userId={id}")).send().await?;
    let all = listed.json.as_array().context("a list")?;
    assert_eq!(all.len(), 1, "{}", listed.text);
    assert_eq!((&all[0]["askedBy"], &all[0]["state"]), (&json!("authn"), &json!("SUCCESS")));
    let it = explained(&server, all[0]["id"].as_str().context("an id")?).await?;
    assert_eq!(it["explanation"]["rules"][0]["name"], "Default Rule");
    assert_eq!(
        it["explanation"]["recomputed"]["floors"][0],
        json!({"rule": "cold_start", "level": "HIGH"})
    );
    assert_eq!(it["learnt"], true);
    // Its end is known. An administrator may pass on what the user says of it, and nothing else.
    let id = it["id"].as_str().context("an id")?;
    assert_eq!(tell(&server, id, "FAILURE").await?.status, 404);
    assert_eq!(tell(&server, id, "NOT_ME").await?.status, 204);
    let it = explained(&server, id).await?;
    assert_eq!((&it["state"], &it["learnt"]), (&json!("NOT_ME"), &json!(false)));
    assert_eq!(numbers(&server, HOME, "Test/1.0").await?["successes"], 0);
    Ok(())
}

/// The record holds the last two outcomes, the policies of its time the rest.
#[tokio::test]
async fn every_rule_that_was_asked_is_told_however_few_the_record_keeps() -> Result<()> {
    let server = TestServer::start_with(Settings {
        sign_ins: SignInLimits {
            rules_kept: 2,
            ..SignInLimits::default()
        },
        ..Settings::new(ORG_URL)
    })
    .await?;
    let policies = server.call("GET", "/api/v1/policies?type=OKTA_SIGN_ON").send().await?;
    let rules = format!("/api/v1/policies/{}/rules", policies.text_at("/0/id"));
    let mut made = Vec::new();
    for number in 0..5 {
        let body = json!({"name": format!("Rule {number}"), "conditions": {"elCondition": {"condition": "app == 'payroll'"}},
            "actions": {"signon": {"access": "DENY"}}});
        let answer = server.call("POST", &rules).json(&body).send().await?;
        anyhow::ensure!(answer.status == 200, "{}", answer.text);
        made.push(answer.text_at("/id").to_owned());
    }
    let id = evaluate(&server, HOME, FIREFOX).await?.text_at("/id").to_owned();
    let before = explained(&server, &id).await?;
    // Neither what becomes of the rules nor how it ended changes what was asked.
    for rule in &made {
        assert_eq!(server.call("DELETE", &format!("{rules}/{rule}")).send().await?.status, 204);
    }
    assert_eq!(tell(&server, &id, "SUCCESS").await?.status, 204);
    let after = explained(&server, &id).await?;
    for it in [&before, &after] {
        let it = &it["explanation"];
        assert_eq!((&it["rulesAsked"], &it["rulesRecomputed"]), (&json!(6), &json!(true)));
        let told = it["rules"].as_array().context("rules")?;
        let matched: Vec<_> = told.iter().map(|rule| rule["matched"] == true).collect();
        assert_eq!(matched, [false, false, false, false, false, true]);
        let asked = told[0]["conditions"]
            .as_array()
            .and_then(|all| all.last())
            .context("a condition")?;
        assert_eq!(
            (&asked["condition"], &asked["asks"], &asked["result"]),
            (&json!("elCondition"), &json!("app == 'payroll'"), &json!(false))
        );
    }
    let listed = server.call("GET", PATH).send().await?;
    assert!(listed.json[0].get("explanation").is_none(), "{}", listed.text);
    Ok(())
}

/// The time of a sign-in at somebody else's may be ten minutes before its record is written.
#[tokio::test]
async fn a_range_of_time_is_by_the_time_of_the_sign_in_and_not_of_its_record() -> Result<()> {
    let server = TestServer::start().await?;
    // Of 07:58 and 07:59, written at 08:00, and of 08:02, 08:03 and 08:04.
    for minute in ["07:58", "07:59"] {
        let mut late = attempt(JO, HOME, FIREFOX);
        late["at"] = json!(format!("2027-01-15T{minute}:00.000Z"));
        let asked = server.call("POST", PATH).json(&late).send().await?;
        assert_eq!(asked.status, 200, "{}", asked.text);
        server.clock.advance(Duration::from_secs(30));
    }
    for _ in 0..3 {
        server.clock.advance(Duration::from_secs(60));
        evaluate(&server, HOME, FIREFOX).await?;
    }
    for (query, want) in [
        ("until=2027-01-15T08:00:00.000Z", vec!["07:59", "07:58"]),
        ("until=2027-01-15T08:00:00.000Z&limit=1", vec!["07:59"]),
        ("until=2027-01-15T07:59:00.000Z&limit=1", vec!["07:58"]),
        (
            "since=2027-01-15T07:59:00.000Z&until=2027-01-15T08:03:00.000Z",
            vec!["08:02", "07:59"],
        ),
        ("since=2027-01-15T08:00:00.000Z", vec!["08:04", "08:03", "08:02"]),
        ("since=2027-01-15T08:05:00.000Z", vec![]),
    ] {
        let listed = server.call("GET", &format!("{PATH}?{query}")).send().await?;
        let all = listed.json.as_array().context("a list")?;
        let times: Vec<&str> = all.iter().filter_map(|it| it["at"].as_str()?.get(11..16)).collect();
        assert_eq!(times, want, "{query}");
    }
    Ok(())
}

#[tokio::test]
async fn a_range_of_time_is_read_page_by_page_newest_first() -> Result<()> {
    let server = TestServer::start().await?;
    let mut ids = Vec::new();
    for _ in 0..7 {
        server.clock.advance(Duration::from_secs(60));
        ids.push(evaluate(&server, HOME, FIREFOX).await?.json["id"].clone());
    }
    ids.reverse();
    let mut path = format!("{PATH}?limit=3");
    let mut read = Vec::new();
    for pages in 1.. {
        let page = server.call("GET", &path).send().await?;
        assert_eq!(page.status, 200, "{}", page.text);
        read.extend(page.json.as_array().context("a list")?.iter().map(|it| it["id"].clone()));
        let Some(last) = read.last().filter(|_| pages < 3) else {
            break;
        };
        path = format!("{PATH}?limit=3&after={}", last.as_str().context("an id")?);
    }
    assert_eq!(read, ids);
    let query = format!("{PATH}?since=2027-01-15T08:02:00Z&until=2027-01-15T08:04:00Z");
    let some = server.call("GET", &query).send().await?;
    let some: Vec<_> = some
        .json
        .as_array()
        .context("a list")?
        .iter()
        .map(|it| it["id"].clone())
        .collect();
    assert_eq!(some, ids[4..6]);
    for (query, code) in [("after=nonsense!", "E0000029"), ("since=yesterday", "E0000001")] {
        let refused = server.call("GET", &format!("{PATH}?{query}")).send().await?;
        assert_eq!((refused.status, refused.error().0), (400, code), "{query}");
    }
    Ok(())
}
