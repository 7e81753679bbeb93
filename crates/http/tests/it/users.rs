//! okta.md 10.1 through the router.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use watchfire_harness::{Answer, ORG_URL, TestServer};

use crate::people;

const USERS: &str = "/api/v1/users";

async fn create(server: &TestServer, query: &str, body: &Value) -> Result<Answer> {
    server.call("POST", &format!("{USERS}{query}")).json(body).send().await
}

fn profile(login: &str) -> Value {
    json!({"firstName": "Jo", "lastName": "Lin", "email": "jo.lin@example.com", "login": login})
}

#[tokio::test]
async fn a_user_has_oktas_shape_and_shows_no_secret() -> Result<()> {
    let server = TestServer::start().await?;
    let body = json!({"profile": profile("jo.lin@example.com"), "credentials": {"password": {"value": people::PASSWORD}}});
    let made = create(&server, "?activate=true", &body).await?;
    let id = made.json["id"].as_str().context("an id")?;
    assert!(id.starts_with("00u") && id.len() == 20, "{id}");
    let own = format!("{ORG_URL}/api/v1/users/{id}");
    let link = |operation: &str| json!({"href": format!("{own}/lifecycle/{operation}"), "method": "POST"});
    let at = "2027-01-15T08:00:00.000Z";
    assert_eq!(
        made.json,
        json!({
            "id": id, "status": "ACTIVE", "created": at, "activated": at, "statusChanged": at, "lastLogin": null,
            "lastUpdated": at, "passwordChanged": at, "type": {"id": "oty00000000000default"},
            "profile": {"firstName": "Jo", "lastName": "Lin", "mobilePhone": null, "secondEmail": null,
                "login": "jo.lin@example.com", "email": "jo.lin@example.com"},
            "credentials": {"password": {}, "provider": {"type": "OKTA", "name": "OKTA"}},
            "_links": {"self": {"href": own}, "suspend": link("suspend"), "deactivate": link("deactivate"),
                "expirePassword": link("expire_password"), "resetPassword": link("reset_password"),
                "resetFactors": link("reset_factors")},
        })
    );
    assert!(!made.text.contains("argon2"));
    let created = people::events(&server, "user.lifecycle.create").await?;
    assert_eq!(created[0]["target"][0]["alternateId"], "jo.lin@example.com");
    Ok(())
}

#[tokio::test]
async fn a_user_is_found_by_id_login_and_me() -> Result<()> {
    let server = TestServer::start().await?;
    let id = people::user(&server, "jo.lin@example.com").await?;
    for name in [id.as_str(), "jo.lin@example.com", "JO.LIN%40example.com"] {
        let found = server.call("GET", &format!("{USERS}/{name}")).send().await?;
        assert_eq!(found.json["id"], json!(id), "{name}");
        let tag = found.headers["etag"].to_str()?;
        assert!(tag.starts_with("W/\"") && tag.ends_with('"'), "{tag}");
    }
    let me = server.call("GET", &format!("{USERS}/me")).send().await?;
    assert_eq!(me.json["profile"]["login"], "admin@watchfire.local");
    let none = server.call("GET", &format!("{USERS}/00unobody")).send().await?;
    assert_eq!((none.status, none.error().0), (404, "E0000007"));
    assert_eq!(none.json["errorSummary"], "Not found: Resource not found: 00unobody (User)");
    Ok(())
}

#[tokio::test]
async fn the_status_follows_from_password_and_activation() -> Result<()> {
    let server = TestServer::start().await?;
    let password = json!({"password": {"value": people::PASSWORD}});
    for (n, (query, credentials, status)) in [
        ("?activate=true", json!({}), "PROVISIONED"),
        ("", password.clone(), "ACTIVE"),
        ("?activate=false", password.clone(), "STAGED"),
        ("?activate=true&nextLogin=changePassword", password, "PASSWORD_EXPIRED"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"profile": profile(&format!("user{n}@example.com")), "credentials": credentials});
        let made = create(&server, query, &body).await?;
        assert_eq!(
            (made.status, &made.json["status"]),
            (200, &json!(status)),
            "{query} {}",
            made.text
        );
    }
    Ok(())
}

#[tokio::test]
async fn refuses_a_body_in_the_contracts_words_and_stores_nothing() -> Result<()> {
    let server = TestServer::start().await?;
    people::user(&server, "jo.lin@example.com").await?;
    let with = |member: &str, value: Value| {
        let mut profile = profile("new@example.com");
        profile[member] = value;
        json!({"profile": profile})
    };
    let long = "x".repeat(101);
    for (body, summary, cause) in [
        (
            with("notValid", json!(1)),
            "Api validation failed: newUser",
            "Property name 'notValid' is not defined in profile",
        ),
        (
            with("login", json!("JO.lin@example.com")),
            "Api validation failed: login",
            "login: An object with this field already exists in the current organization",
        ),
        (
            with("login", json!(null)),
            "Api validation failed: login",
            "login: The field cannot be left blank",
        ),
        (
            with("login", json!("four")),
            "Api validation failed: login",
            "login: The field is too short",
        ),
        (
            with("login", json!(long)),
            "Api validation failed: login",
            "login: The field is too long",
        ),
        (
            with("email", json!(7)),
            "Api validation failed: email",
            "email: The field must be a string",
        ),
        (
            with("email", json!("no address")),
            "Api validation failed: email",
            "email: Does not match required pattern",
        ),
        (
            with("firstName", json!("x".repeat(51))),
            "Api validation failed: firstName",
            "firstName: The field is too long",
        ),
        (
            with("countryCode", json!("FRA")),
            "Api validation failed: countryCode",
            "countryCode: The field is too long",
        ),
        (
            json!({}),
            "Api validation failed: profile",
            "profile: The field cannot be left blank",
        ),
        (
            json!({"profile": []}),
            "Api validation failed: profile",
            "profile: Invalid value",
        ),
        (
            json!({"profile": profile("new@example.com"), "groupIds": ["00gnone"]}),
            "Api validation failed: groupIds",
            "groupIds: Invalid group id 00gnone",
        ),
    ] {
        let refused = create(&server, "", &body).await?;
        assert_eq!((refused.status, refused.error()), (400, ("E0000001", cause)), "{body}");
        assert_eq!(refused.json["errorSummary"], summary, "{body}");
    }
    let poor = json!({"profile": profile("new@example.com"), "credentials": {"password": {"value": "seven77"}}});
    let refused = create(&server, "", &poor).await?;
    assert_eq!((refused.status, refused.error().0), (403, "E0000080"));
    let malformed = server.call("POST", USERS).text("{").send().await?;
    assert_eq!((malformed.status, malformed.error().0), (400, "E0000003"));
    let listed = server.call("GET", USERS).send().await?;
    assert_eq!(listed.json.as_array().map(Vec::len), Some(2), "{}", listed.text);
    Ok(())
}

async fn logins(server: &TestServer, query: &str) -> Result<Vec<String>> {
    let listed = server.call("GET", &format!("{USERS}{query}")).send().await?;
    assert_eq!(listed.status, 200, "{query} {}", listed.text);
    let users = listed.json.as_array().context("a list")?;
    let login = |user: &Value| user["profile"]["login"].as_str().unwrap_or_default().to_owned();
    Ok(users.iter().map(login).collect())
}

#[tokio::test]
async fn lists_are_searched_filtered_and_paged() -> Result<()> {
    let server = TestServer::start().await?;
    let ada = people::user(&server, "ada@example.com").await?;
    people::user(&server, "bob@example.com").await?;
    people::user(&server, "cyd@example.com").await?;
    let path = format!("{USERS}/{ada}/lifecycle/deactivate");
    assert_eq!(server.call("POST", &path).send().await?.status, 200);
    let cases: [(&str, &[&str]); 8] = [
        ("", &["admin@watchfire.local", "bob@example.com", "cyd@example.com"]),
        ("?q=BOB", &["bob@example.com"]),
        ("?q=lin", &["bob@example.com", "cyd@example.com"]),
        ("?search=profile.login+eq+%22cyd@example.com%22", &["cyd@example.com"]),
        (
            "?search=profile.email+sw+%22BOB%22+and+profile.lastName+eq+%22Lin%22",
            &["bob@example.com"],
        ),
        ("?filter=status+eq+%22DEPROVISIONED%22", &["ada@example.com"]),
        ("?filter=profile.login+eq+%22ada@example.com%22", &[]),
        (
            "?search=lastUpdated+gt+%222020-01-01T00:00:00.000Z%22&limit=1",
            &["admin@watchfire.local"],
        ),
    ];
    for (query, wanted) in cases {
        assert_eq!(logins(&server, query).await?, wanted, "{query}");
    }
    let mut seen = Vec::new();
    let mut path = format!("{USERS}?limit=1");
    loop {
        let page = server.call("GET", &path).send().await?;
        seen.push(page.json[0]["profile"]["login"].as_str().context("a login")?.to_owned());
        let lines: Vec<&str> = page.headers.get_all("link").iter().filter_map(|l| l.to_str().ok()).collect();
        let Some(next) = lines.iter().find(|line| line.ends_with("rel=\"next\"")) else {
            break;
        };
        let (address, _) = next.trim_start_matches('<').split_once('>').context("a link")?;
        path = address.strip_prefix(ORG_URL).context("an own link")?.to_owned();
    }
    assert_eq!(seen, ["admin@watchfire.local", "bob@example.com", "cyd@example.com"]);
    Ok(())
}

#[tokio::test]
async fn refuses_filters_that_the_list_does_not_know() -> Result<()> {
    let server = TestServer::start().await?;
    for (query, status, code) in [
        ("filter=profile.city+eq+%22Lyon%22", 400, "E0000053"),
        ("filter=profile.login+gt+%22a%22", 400, "E0000031"),
        ("filter=status+sw+%22A%22", 400, "E0000053"),
        ("search=nothing+eq+%22a%22", 400, "E0000053"),
        ("search=((", 400, "E0000053"),
        ("limit=0", 400, "E0000029"),
        ("limit=201", 400, "E0000029"),
        ("after=x", 400, "E0000029"),
    ] {
        let refused = server.call("GET", &format!("{USERS}?{query}")).send().await?;
        assert_eq!(
            (refused.status, refused.error().0),
            (status, code),
            "{query} {}",
            refused.text
        );
    }
    Ok(())
}

#[tokio::test]
async fn post_keeps_absent_members_and_put_clears_them() -> Result<()> {
    let server = TestServer::start().await?;
    let id = people::user(&server, "jo.lin@example.com").await?;
    let path = format!("{USERS}/{id}");
    let merged = server
        .call("POST", &path)
        .json(&json!({"profile": {"city": "Lyon", "lastName": null}}))
        .send()
        .await?;
    let profile = &merged.json["profile"];
    assert_eq!(
        (&profile["city"], &profile["firstName"], &profile["lastName"]),
        (&json!("Lyon"), &json!("Jo"), &json!(null))
    );
    let body = json!({"profile": {"login": "jo@example.com", "email": "jo@example.com"}});
    let replaced = server.call("PUT", &path).json(&body).send().await?;
    let profile = &replaced.json["profile"];
    assert_eq!(
        (profile.get("city"), &profile["firstName"], &profile["login"]),
        (None, &json!(null), &json!("jo@example.com"))
    );
    // The password stays, and the new name is the one to sign in with.
    assert_eq!(people::sign_in(&server, "jo@example.com").await?.status, 200);
    assert_eq!(people::sign_in(&server, "jo.lin@example.com").await?.status, 401);
    let taken = json!({"profile": {"login": "admin@watchfire.local"}});
    assert_eq!(server.call("POST", &path).json(&taken).send().await?.error().0, "E0000001");
    let empty = server.call("PUT", &path).json(&json!({})).send().await?;
    assert_eq!((empty.status, empty.error().0), (400, "E0000001"));
    Ok(())
}

#[tokio::test]
async fn a_stale_entity_tag_is_refused() -> Result<()> {
    let server = TestServer::start().await?;
    let id = people::user(&server, "jo.lin@example.com").await?;
    let path = format!("{USERS}/{id}");
    let tag = server.call("GET", &path).send().await?.headers["etag"].to_str()?.to_owned();
    // Signing in changes nothing that an administrator says.
    assert_eq!(people::sign_in(&server, "jo.lin@example.com").await?.status, 200);
    let change = |city: &str, tag: &str| {
        let call = server.call("POST", &path).header("if-match", tag);
        call.json(&json!({"profile": {"city": city}})).send()
    };
    let changed = change("Lyon", &tag).await?;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let stale = change("Paris", &tag).await?;
    assert_eq!((stale.status, stale.error().0), (412, "E0000231"));
    assert_eq!(change("Rome", "*").await?.status, 200);
    let malformed = change("Oslo", "abc").await?;
    assert_eq!((malformed.status, malformed.error().0), (400, "E0000242"));
    Ok(())
}

#[tokio::test]
async fn the_life_cycle_goes_only_allowed_ways() -> Result<()> {
    let server = TestServer::start().await?;
    let id = people::user(&server, "jo.lin@example.com").await?;
    for (operation, status, code, then) in [
        ("activate", 403, "E0000016", "ACTIVE"),
        ("unsuspend", 400, "E0000001", "ACTIVE"),
        ("unlock", 403, "E0000038", "ACTIVE"),
        ("suspend", 200, "", "SUSPENDED"),
        ("suspend", 400, "E0000001", "SUSPENDED"),
        ("activate", 403, "E0000038", "SUSPENDED"),
        ("unsuspend", 200, "", "ACTIVE"),
        ("expire_password", 200, "", "PASSWORD_EXPIRED"),
        ("reset_password", 200, "", "RECOVERY"),
        ("deactivate", 200, "", "DEPROVISIONED"),
        ("deactivate", 403, "E0000038", "DEPROVISIONED"),
        ("activate", 200, "", "PROVISIONED"),
        ("reactivate", 200, "", "PROVISIONED"),
    ] {
        let answer = server
            .call("POST", &format!("{USERS}/{id}/lifecycle/{operation}"))
            .send()
            .await?;
        assert_eq!(
            (answer.status, answer.error().0),
            (status, code),
            "{operation} {}",
            answer.text
        );
        let user = server.call("GET", &format!("{USERS}/{id}")).send().await?;
        assert_eq!(user.json["status"], then, "{operation}");
    }
    // A password from an administrator makes it usable again.
    let body = json!({"credentials": {"password": {"value": people::PASSWORD}}});
    let set = server.call("POST", &format!("{USERS}/{id}")).json(&body).send().await?;
    assert_eq!(set.json["status"], "ACTIVE");
    assert_eq!(people::sign_in(&server, "jo.lin@example.com").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn only_an_active_user_signs_in() -> Result<()> {
    let server = TestServer::start().await?;
    let id = people::user(&server, "jo.lin@example.com").await?;
    for (operation, code, reason) in [
        ("suspend", "E0000004", "SUSPENDED"),
        ("unsuspend", "", ""),
        ("expire_password", "E0000064", "PASSWORD_EXPIRED"),
        ("deactivate", "E0000004", "DEPROVISIONED"),
    ] {
        server.clock.advance(Duration::from_secs(1));
        server
            .call("POST", &format!("{USERS}/{id}/lifecycle/{operation}"))
            .send()
            .await?;
        let answer = people::sign_in(&server, "jo.lin@example.com").await?;
        assert_eq!(answer.error().0, code, "{operation}");
        let wrong = people::sign_in_with(&server, "jo.lin@example.com", "wrong password").await?;
        assert_eq!(wrong.error().0, "E0000004", "{operation}");
        if !reason.is_empty() {
            let starts = people::events(&server, "user.session.start").await?;
            assert_eq!(starts[1]["outcome"]["reason"], reason, "{operation}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_user_is_deleted_by_the_second_call() -> Result<()> {
    let server = TestServer::start().await?;
    let id = people::user(&server, "jo.lin@example.com").await?;
    let path = format!("{USERS}/{id}");
    for expected in [json!("DEPROVISIONED"), json!(null)] {
        let deleted = server.call("DELETE", &path).send().await?;
        assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
        assert_eq!(server.call("GET", &path).send().await?.json["status"], expected);
    }
    assert_eq!(server.call("DELETE", &path).send().await?.status, 404);
    // The login is free again.
    people::user(&server, "jo.lin@example.com").await?;
    Ok(())
}

#[tokio::test]
async fn nobody_shuts_itself_out() -> Result<()> {
    let server = TestServer::start().await?;
    for (method, path) in [
        ("DELETE", ""),
        ("POST", "/lifecycle/suspend"),
        ("POST", "/lifecycle/deactivate"),
    ] {
        let refused = server.call(method, &format!("{USERS}/me{path}")).send().await?;
        assert_eq!((refused.status, refused.error().0), (403, "E0000006"), "{path}");
    }
    Ok(())
}
