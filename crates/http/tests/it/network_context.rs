//! What log events say of the client's network (okta.md 8.4, `securityContext`).

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_app::geo::{Folder, Kind};
use watchfire_fixtures::mmdb::Mmdb;
use watchfire_harness::{TestApp, TestServer};

use crate::people::{self, events};

const JO: &str = "jo.lin@example.com";
/// Newer than any test: 2100-01-01.
const BUILT: u64 = 4_102_444_800;

async fn server(files: &[(Kind, Mmdb)]) -> Result<(tempfile::TempDir, TestServer)> {
    let folder = tempfile::tempdir()?;
    let geo = Folder::of(folder.path());
    for (kind, file) in files {
        geo.put(*kind, &file.bytes())?;
    }
    let path = geo.path().to_owned();
    let app = TestApp::builder().settings(|it| it.geo.folder = Some(path)).start().await?;
    Ok((folder, TestServer::over(app)))
}

fn network() -> (Kind, Mmdb) {
    let record = json!({"autonomous_system_number": 64_500, "autonomous_system_organization": "Example Org",
        "isp": "Example ISP", "domain": "example.net"});
    (Kind::Asn, Mmdb::new("GeoIP2-ISP", BUILT).network("203.0.113.0/24", record))
}

/// The security context of the newest sign-in, without what the engine found.
async fn logged(server: &TestServer) -> Result<Value> {
    let start = events(server, "user.session.start").await?;
    let mut context = start[0]["securityContext"].clone();
    let members = context.as_object_mut().expect("an object");
    assert!(members.remove("risk").is_some_and(|risk| risk.is_object()));
    assert!(members.remove("userBehaviors").is_some());
    Ok(context)
}

#[tokio::test]
async fn log_events_name_the_network_of_the_client() -> Result<()> {
    let relays = Mmdb::new("GeoIP2-Anonymous-IP", BUILT)
        .network("203.0.113.7/32", json!({"is_anonymous": true, "is_anonymous_vpn": true}));
    let (_folder, server) = server(&[network(), (Kind::Anonymous, relays)]).await?;
    people::user(&server, JO).await?;
    assert_eq!(people::sign_in(&server, JO).await?.status, 200);
    let (org, isp) = ("Example Org", "Example ISP");
    assert_eq!(
        logged(&server).await?,
        json!({"asNumber": 64_500, "asOrg": org, "isp": isp, "domain": "example.net", "isProxy": true})
    );
    people::sign_in_from(&server, JO, people::PASSWORD, [203, 0, 113, 8]).await?;
    assert_eq!(logged(&server).await?["isProxy"], false, "a file of proxies has it not");
    people::sign_in_from(&server, JO, people::PASSWORD, [192, 0, 2, 1]).await?;
    assert_eq!(
        logged(&server).await?,
        json!({"asNumber": null, "asOrg": null, "isp": null, "domain": null, "isProxy": false})
    );
    // And every other event that a request causes.
    let made = events(&server, "user.lifecycle.create").await?;
    assert_eq!(made[0]["securityContext"]["asNumber"], Value::Null);
    let filter = "/api/v1/logs?filter=securityContext.asNumber+eq+64500+and+securityContext.isProxy+eq+true";
    let found = server.call("GET", filter).send().await?;
    assert!(found.json.as_array().is_some_and(|found| !found.is_empty()), "{}", found.text);
    Ok(())
}

/// Unknown is not false.
#[tokio::test]
async fn what_no_file_says_is_null_in_log_events() -> Result<()> {
    let (_folder, server) = server(&[network()]).await?;
    people::user(&server, JO).await?;
    assert_eq!(people::sign_in(&server, JO).await?.status, 200);
    assert_eq!(logged(&server).await?["isProxy"], Value::Null);
    Ok(())
}
