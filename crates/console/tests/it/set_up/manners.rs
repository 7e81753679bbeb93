use anyhow::Result;
use watchfire_harness::TestServer;

use super::send;
use crate::{
    browser::{Browser, between},
    roles::with_role,
};

/// Every page of the set-up that needs no object.
const PAGES: &[&str] = &[
    "/admin/security/apps",
    "/admin/security/risk-providers",
    "/admin/security/device-integrations",
    "/admin/security/streams",
    "/admin/security/policies",
    "/admin/security/entity-risk",
    "/admin/security/risk-settings",
    "/admin/security/zones",
    "/admin/security/behaviors",
    "/admin/directory/people",
    "/admin/directory/groups",
    "/admin/actions/queue",
    "/admin/actions/dead-letters",
    "/admin/actions/hooks",
    "/admin/actions/workflows",
    "/admin/settings/api-tokens",
    "/admin/settings/log-streams",
    "/admin/settings/server",
];

/// Every address that takes a form, with an id that nobody has.
const FORMS: &[&str] = &[
    "/admin/security/apps",
    "/admin/security/apps/0oa0/activate",
    "/admin/security/apps/0oa0/deactivate",
    "/admin/security/apps/0oa0/delete",
    "/admin/security/apps/0oa0/keys",
    "/admin/security/apps/0oa0/keys/pks0/delete",
    "/admin/security/apps/0oa0/grants",
    "/admin/security/apps/0oa0/grants/oag0/revoke",
    "/admin/security/risk-providers",
    "/admin/security/risk-providers/rkp0/delete",
    "/admin/security/device-integrations/new",
    "/admin/security/device-integrations/sse0",
    "/admin/security/device-integrations/sse0/test",
    "/admin/security/device-integrations/sse0/delete",
    "/admin/security/streams",
    "/admin/security/streams/sin0/verify",
    "/admin/security/streams/sin0/status",
    "/admin/security/policies",
    "/admin/security/policies/00p0/delete",
    "/admin/security/entity-risk/rules/new",
    "/admin/security/entity-risk/rules/rul0/delete",
    "/admin/security/risk-settings",
    "/admin/security/zones/new-ip",
    "/admin/security/zones/nzo0/delete",
    "/admin/security/behaviors/new/VELOCITY",
    "/admin/security/behaviors/bhv0/delete",
    "/admin/directory/groups",
    "/admin/directory/groups/00g0/members",
    "/admin/directory/groups/00g0/delete",
    "/admin/actions/queue/act0/decide",
    "/admin/actions/dead-letters",
    "/admin/actions/dead-letters/act0/redrive",
    "/admin/actions/queue/act0/held/release",
    "/admin/actions/hooks",
    "/admin/actions/hooks/who0/verified",
    "/admin/actions/workflows",
    "/admin/actions/workflows/1/test",
    "/admin/actions/workflows/1/secret",
    "/admin/settings/api-tokens",
    "/admin/settings/api-tokens/00T0/revoke",
    "/admin/settings/log-streams/new/SYSLOG",
    "/admin/settings/log-streams/lgs0",
    "/admin/settings/log-streams/lgs0/activate",
    "/admin/settings/log-streams/lgs0/delete",
];

fn main_of(html: &str) -> &str {
    between(html, "<main", "</main>")
}

#[tokio::test]
async fn every_page_reads_without_script_and_stays_small() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    for path in PAGES {
        let page = browser.get(path).await?;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        assert!(
            page.text.contains(&format!("href=\"{path}\"")) || *path == "/admin/security/streams",
            "{path}"
        );
        let main = main_of(&page.text);
        assert!(
            !main.contains("<script") && !main.contains("hx-") && !main.contains("style="),
            "{path}"
        );
        assert!(page.text.len() < 60_000, "{path}: {} bytes", page.text.len());
        let anonymous = server.call("GET", path).anonymous().send().await?;
        assert_eq!(anonymous.status, 303, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn who_only_reads_sees_no_button_and_is_refused() -> Result<()> {
    let server = TestServer::start().await?;
    let reader = with_role(&server, "reader@example.com", "READ_ONLY").await?;
    for path in PAGES {
        let page = reader.get(path).await?;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        let main = main_of(&page.text);
        assert!(!main.contains("method=\"post\""), "{path}: {main}");
    }
    for path in FORMS {
        let answer = send(&reader, path, &[("name", "x"), ("do", "save"), ("to", "1")]).await?;
        assert!(
            matches!(answer.status, 403 | 404),
            "{path}: {} {}",
            answer.status,
            answer.text
        );
    }
    let made = server.call("GET", "/api/v1/apps").send().await?;
    assert_eq!(made.json.as_array().map(Vec::len), Some(0));
    Ok(())
}

#[tokio::test]
async fn a_form_without_the_sessions_token_changes_nothing() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    for path in FORMS {
        let answer = browser
            .post(path, &[("csrf", "0".to_owned()), ("name", "x".to_owned())])
            .await?;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.text.contains("older session"), "{path}: {}", answer.text);
    }
    Ok(())
}
