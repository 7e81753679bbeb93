use anyhow::Result;
use serde_json::json;
use watchfire_harness::TestServer;

use crate::{
    browser::{Browser, between},
    roles::with_role,
};

const PATH: &str = "/admin/reports/system-log";

async fn make_user(server: &TestServer, login: &str, first: &str) -> Result<()> {
    let body = json!({"profile": {"login": login, "email": login, "firstName": first, "lastName": "L"}});
    let made = server.call("POST", "/api/v1/users?activate=false").json(&body).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    Ok(())
}

fn rows(html: &str) -> usize {
    html.matches("<li class=\"event\">").count()
}

#[tokio::test]
async fn a_filter_finds_its_events_and_a_row_opens_to_the_whole_one() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    make_user(&server, "jo@example.com", "Jo").await?;
    let page = browser
        .get(&format!("{PATH}?filter=eventType+eq+%22user.lifecycle.create%22"))
        .await?;
    assert_eq!((page.status, rows(&page.text)), (200, 1), "{}", page.text);
    assert!(page.text.contains("Create Okta user") && page.text.contains("Jo L"));
    assert!(page.text.contains("1 events from"));
    let event = between(&page.text, "class=\"whole\" hx-get=\"", "\"").to_owned();
    let whole = browser.get(&event).await?;
    assert!(whole.text.contains("<!doctype html>") && whole.text.contains("user.lifecycle.create"));
    let fragment = browser.call("GET", &event).header("hx-request", "true").send().await?;
    assert!(!fragment.text.contains("<!doctype html>") && fragment.text.contains("JSON, as the API has it"));
    assert_eq!(browser.get(&format!("{PATH}/events/none")).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn a_fault_in_the_filter_is_shown_at_its_place() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    for (filter, marked) in [
        ("eventType+eq+%22a%22+nonsense+b", "<mark>nonsense</mark> b"),
        ("nofield+eq+%22a%22", "<mark>nofield</mark> eq"),
    ] {
        let page = browser.get(&format!("{PATH}?filter={filter}")).await?;
        assert_eq!(page.status, 200);
        assert!(page.text.contains(marked), "{}", page.text);
        assert!(page.text.contains("aria-invalid=\"true\""));
    }
    let page = browser.get(&format!("{PATH}?since=yesterday")).await?;
    assert!(
        page.text.contains("The date format in your query is not recognized"),
        "{}",
        page.text
    );
    Ok(())
}

#[tokio::test]
async fn stored_hostile_text_is_shown_and_does_nothing() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let name = "<script>alert(1)</script>\u{202e}\"'><img src=x onerror=alert(2)>";
    make_user(&server, "evil@example.com", &name.chars().take(50).collect::<String>()).await?;
    let page = browser
        .get(&format!("{PATH}?filter=eventType+eq+%22user.lifecycle.create%22"))
        .await?;
    assert_eq!(rows(&page.text), 1);
    let whole = browser.get(between(&page.text, "class=\"whole\" hx-get=\"", "\"")).await?;
    for html in [&page.text, &whole.text] {
        assert!(!html.contains("<script>alert") && !html.contains("<img src=x") && !html.contains('\u{202e}'));
        assert!(html.contains("&#60;script&#62;alert(1)") && html.contains("U+202E"), "{html}");
    }
    let q = browser
        .get(&format!("{PATH}?filter=%3Cscript%3E&q=%22%3E%3Cimg+src%3Dx%3E"))
        .await?;
    assert!(!q.text.contains("<script>") && !q.text.contains("<img src=x"));
    Ok(())
}

#[tokio::test]
async fn pages_follow_each_other_and_stay_small() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    for n in 0..60 {
        make_user(&server, &format!("u{n}@example.com"), &"long name ".repeat(5)).await?;
    }
    let first = browser
        .get(&format!("{PATH}?filter=eventType+eq+%22user.lifecycle.create%22"))
        .await?;
    assert_eq!(rows(&first.text), 40);
    assert!(first.text.len() < 100_000, "{} bytes", first.text.len());
    let older = between(&first.text, "class=\"button\" href=\"", "\"").replace("&#38;", "&");
    let second = browser.get(&older).await?;
    assert_eq!(rows(&second.text), 20);
    assert!(second.text.contains(">Newest</a>"));
    Ok(())
}

#[tokio::test]
async fn a_page_that_asks_gets_each_new_event_once() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let page = browser
        .get(&format!("{PATH}?live=1&filter=eventType+eq+%22user.lifecycle.create%22"))
        .await?;
    let next = |html: &str| between(html, "id=\"poller\" hx-get=\"", "\"").replace("&#38;", "&");
    let mut poll = between(&page.text, "data-poll=\"", "\"").replace("&#38;", "&");
    for n in 0..3 {
        make_user(&server, &format!("t{n}@example.com"), "T").await?;
        let tail = browser.get(&poll).await?;
        assert_eq!(rows(&tail.text), 1, "{}", tail.text);
        assert!(tail.text.contains("hx-swap-oob=\"afterbegin\""));
        poll = next(&tail.text);
    }
    assert_eq!(rows(&browser.get(&poll).await?.text), 0);
    Ok(())
}

#[tokio::test]
async fn the_result_is_a_file_too() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    make_user(&server, "jo@example.com", "=Jo").await?;
    let export = |format: &str| format!("{PATH}/export?format={format}&filter=eventType+eq+%22user.lifecycle.create%22");
    let csv = browser.get(&export("csv")).await?;
    assert_eq!(csv.headers["content-disposition"], "attachment; filename=\"system-log.csv\"");
    assert_eq!(csv.text.lines().count(), 2);
    assert!(csv.text.starts_with("published,eventType,"));
    let lines = browser.get(&export("jsonl")).await?;
    let event: serde_json::Value = serde_json::from_str(lines.text.trim())?;
    assert_eq!(event["eventType"], "user.lifecycle.create");
    Ok(())
}

#[tokio::test]
async fn a_bar_leads_to_its_time_and_the_numbers_of_the_overview_to_the_log() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let overview = browser.get("/admin").await?;
    assert!(overview.text.contains("Nothing sends signals yet"));
    let tile = overview.text.split("<li><a href=\"").nth(4).unwrap_or_default();
    let page = browser
        .get(&tile.split('"').next().unwrap_or_default().replace("&#38;", "&"))
        .await?;
    assert_eq!(page.status, 200);
    let log = browser.get(&format!("{PATH}?range=1h")).await?;
    let bars = log
        .text
        .split("<a href=\"")
        .filter(|part| part.contains("class=\"slot\""))
        .count();
    assert_eq!(bars, 48);
    let last = log
        .text
        .split("<a href=\"")
        .filter(|part| part.contains("class=\"slot\""))
        .last();
    let link = last
        .and_then(|part| part.split('"').next())
        .unwrap_or_default()
        .replace("&#38;", "&");
    assert!(rows(&browser.get(&link).await?.text) > 0, "the sign-in was just now");
    Ok(())
}

#[tokio::test]
async fn a_search_is_saved_for_its_owner_alone_and_forgotten() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let reader = with_role(&server, "reader@example.com", "READ_ONLY").await?;
    let fields = |csrf: String, name: &str, filter: &str| {
        [
            ("csrf", csrf),
            ("name", name.to_owned()),
            ("filter", filter.to_owned()),
            ("range", "24h".to_owned()),
        ]
    };
    let path = format!("{PATH}/saved");
    let filter = "severity eq \"WARN\"";
    assert_eq!(reader.post(&path, &fields("0".to_owned(), "Mine", filter)).await?.status, 403);
    let saved = reader
        .post(&path, &fields(reader.csrf().await?, "<b>Mine</b>", filter))
        .await?;
    assert_eq!(
        saved.headers["location"],
        format!("{PATH}?filter=severity+eq+%22WARN%22&range=24h")
    );
    let page = reader.get(PATH).await?;
    assert!(
        page.text.contains("&#60;b&#62;Mine") && !page.text.contains("<b>Mine"),
        "{}",
        page.text
    );
    let theirs = browser.get(PATH).await?;
    assert!(!theirs.text.contains("Mine"));
    let forget = between(&page.text, "action=\"/admin/reports/system-log/saved/", "\"");
    let forget = format!("{path}/{forget}");
    let own = [("csrf", browser.csrf().await?)];
    assert_eq!(browser.post(&forget, &own).await?.status, 404, "it is another's");
    assert_eq!(reader.post(&forget, &[("csrf", reader.csrf().await?)]).await?.status, 303);
    assert!(!reader.get(PATH).await?.text.contains("Mine"));
    for (name, filter) in [("", filter), ("x", "nonsense eq"), (&*"x".repeat(81), filter)] {
        let refused = reader.post(&path, &fields(reader.csrf().await?, name, filter)).await?;
        assert_eq!(refused.status, 400, "{name} {filter}");
    }
    Ok(())
}

#[tokio::test]
async fn the_result_is_exported_as_ocsf() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    make_user(&server, "jo@example.com", "Jo").await?;
    let file = browser.get(&format!("{PATH}/export?format=ocsf")).await?;
    assert_eq!(
        file.headers["content-disposition"],
        "attachment; filename=\"system-log.ocsf.jsonl\""
    );
    let events: Vec<serde_json::Value> = file.text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    for event in &events {
        let number = |name: &str| event[name].as_u64().unwrap_or_default();
        assert_eq!(
            number("type_uid"),
            number("class_uid") * 100 + number("activity_id"),
            "{event}"
        );
        for required in ["time", "severity_id", "category_uid", "status_id"] {
            assert!(event[required].is_u64(), "{required}: {event}");
        }
        assert_eq!(event["metadata"]["version"], "1.4.0");
    }
    let made = events
        .iter()
        .find(|event| event["metadata"]["event_code"] == "user.lifecycle.create");
    let made = made.map(|event| (&event["class_uid"], &event["activity_id"], &event["user"]["name"]));
    assert_eq!(made, Some((&json!(3_001), &json!(1), &json!("jo@example.com"))));
    let logon = events
        .iter()
        .find(|event| event["metadata"]["event_code"] == "user.session.access_admin_app");
    let logon = logon.map(|event| (&event["class_uid"], &event["activity_id"], &event["status_id"]));
    assert_eq!(logon, Some((&json!(3_002), &json!(1), &json!(1))));
    Ok(())
}
