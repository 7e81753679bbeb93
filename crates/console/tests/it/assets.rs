use anyhow::Result;
use watchfire_harness::TestServer;

use crate::browser::Browser;

#[tokio::test]
async fn what_a_page_loads_is_there_for_ever_and_small() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let page = browser.get("/admin/reports/system-log").await?;
    let mut total = page.text.len();
    let links: Vec<&str> = page
        .text
        .split('"')
        .filter(|text| text.starts_with("/admin/assets/"))
        .collect();
    assert!(links.len() >= 4, "{links:?}");
    for link in links {
        let asset = server.call("GET", link).anonymous().send().await?;
        assert_eq!(asset.status, 200, "{link}");
        assert_eq!(asset.headers["cache-control"], "public, max-age=31536000, immutable");
        total += asset.text.len();
        let tag = asset.headers["etag"].to_str()?;
        let again = server
            .call("GET", link)
            .anonymous()
            .header("if-none-match", tag)
            .send()
            .await?;
        assert_eq!((again.status, again.text.len()), (304, 0));
    }
    assert!(total < 100_000, "{total} bytes at the first visit");
    assert_eq!(
        server
            .call("GET", "/admin/assets/0000-console.css")
            .anonymous()
            .send()
            .await?
            .status,
        404
    );
    Ok(())
}

#[tokio::test]
async fn the_root_leads_to_the_console_and_strangers_to_the_sign_in() -> Result<()> {
    let server = TestServer::start().await?;
    let root = server.call("GET", "/").anonymous().send().await?;
    assert_eq!((root.status, root.headers["location"].to_str()?), (303, "/admin"));
    for path in ["/admin", "/admin/reports/system-log", "/admin/nothing"] {
        let answer = server.call("GET", path).anonymous().send().await?;
        assert_eq!(answer.status, 303, "{path}");
    }
    Ok(())
}
