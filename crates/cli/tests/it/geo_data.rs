//! `watchfire data`, beside a server that runs: what is imported is taken up without a restart.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_fixtures::mmdb::Mmdb;

use crate::{
    administration::as_admin,
    program::{json as json_of, path, run, stderr, text},
    server::Server,
};

/// Newer than any test: 2100-01-01.
const FRESH: u64 = 4_102_444_800;
/// 2020-01-01.
const OLD: u64 = 1_577_836_800;

fn city(code: &str, built: u64) -> Vec<u8> {
    let record = json!({"country": {"iso_code": code, "names": {"en": "Somewhere"}}, "city": {"names": {"en": "Town"}},
        "location": {"latitude": 1.5, "longitude": 2.5}});
    Mmdb::new("GeoLite2-City", built).network("127.0.0.0/8", record).bytes()
}

fn asn() -> Vec<u8> {
    let record = json!({"autonomous_system_number": 64_500, "autonomous_system_organization": "Example"});
    Mmdb::new("GeoLite2-ASN", FRESH).network("127.0.0.0/8", record).bytes()
}

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir()?,
        })
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// The city of a sign-in failure that the server logs now.
async fn logged_place(server: &Server) -> Result<Value> {
    let nobody = json!({"username": "nobody@example.com", "password": "wrong"});
    server.post("/api/v1/authn", &nobody).await?;
    let log = server.get("/api/v1/logs?sortOrder=DESCENDING&limit=1").await?.json();
    Ok(log[0]["client"]["geographicalContext"].clone())
}

/// Waits until the server has taken up what has changed.
async fn taken_up(server: &Server, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
    let looking = async {
        loop {
            let data = server.get("/watchfire/v1/geo-data").await?.json();
            if is_so(&data) {
                return Ok(data);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), looking).await?
}

/// Issue 4, item 1: imported while the server runs, seen by the next request, without a restart.
#[tokio::test]
async fn a_running_server_takes_up_what_is_imported_changed_and_removed() -> Result<()> {
    let server = Server::start(&["--geo-check-interval", "20ms"]).await?;
    let data_dir = server.folder().join("data");
    let at = ["--data-dir", path(&data_dir)];
    let files = Files::new()?;
    assert_eq!(logged_place(&server).await?, Value::Null);

    let (first, networks) = (files.file("any-name", &city("FR", FRESH)), files.file("asn.mmdb", &asn()));
    let imported = json_of(&run(
        &[&["data", "import", "--json", path(&first), path(&networks)], &at[..]].concat()
    ));
    assert_eq!((&imported[0]["kind"], &imported[1]["kind"]), (&json!("city"), &json!("asn")));
    let data = taken_up(&server, |data| data.as_array().is_some_and(|data| data.len() == 2)).await?;
    assert_eq!(data[0]["databaseType"], "GeoLite2-City");
    let place = logged_place(&server).await?;
    assert_eq!(
        (&place["country"], &place["city"]),
        (&json!("Somewhere"), &json!("Town")),
        "{place}"
    );

    // A file that somebody has put there by hand and that is no good: the one before goes on.
    let listed = |data: &Value| data[0]["problem"].is_string();
    // Renamed into place: written there, it could be seen twice, empty first.
    let broken = data_dir.join("geo/city.part");
    fs::write(&broken, b"half a download")?;
    fs::rename(&broken, data_dir.join("geo/city.mmdb"))?;
    let refused = taken_up(&server, listed).await?;
    assert_eq!(refused[0]["inUse"], true);
    assert_eq!(logged_place(&server).await?["city"], "Town");
    let metrics = server.get("/metrics").await?.text;
    assert!(
        metrics.contains("watchfire_geo_changes_total{kind=\"city\",result=\"refused\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("watchfire_geo_data_age_seconds{kind=\"asn\"}"), "{metrics}");
    assert!(metrics.contains("watchfire_geo_lookups_total{result=\"found\"}"), "{metrics}");
    let examined = as_admin(&server, &["doctor", "--json"]).await;
    let findings: Value = serde_json::from_slice(&examined.stdout)?;
    let finding = |status: &str| {
        json!(
            findings["checks"]
                .as_array()
                .unwrap()
                .iter()
                .any(|it| it["check"] == "geo-data" && it["status"] == status)
        )
    };
    assert_eq!((finding("fault"), finding("ok")), (json!(true), json!(true)), "{findings}");

    let stale = files.file("stale.mmdb", &city("SE", OLD));
    let output = text(&run(&[&["data", "import", path(&stale)], &at[..]].concat()));
    assert!(
        output.contains("DOUBTFUL") && output.contains("the city data is old"),
        "{output}"
    );
    let data = taken_up(&server, |data| data[0]["freshness"] == "DOUBTFUL").await?;
    assert_eq!(data[0]["problem"], Value::Null);

    text(&run(&[&["data", "remove", "city"], &at[..]].concat()));
    taken_up(&server, |data| data.as_array().is_some_and(|data| data.len() == 1)).await?;
    assert_eq!(logged_place(&server).await?, Value::Null);
    Ok(())
}

#[test]
fn what_is_imported_is_listed_and_looked_up() -> Result<()> {
    let files = Files::new()?;
    let data_dir = files.folder.path().join("data");
    let at = ["--data-dir", path(&data_dir)];
    let (cities, networks) = (files.file("c.mmdb", &city("FR", OLD)), files.file("a.mmdb", &asn()));
    assert!(text(&run(&[&["data", "list"], &at[..]].concat())).contains("works on prefixes"));
    text(&run(&[&["data", "import", path(&cities), path(&networks)], &at[..]].concat()));

    let listed = json_of(&run(&[&["data", "list", "--json"], &at[..]].concat()));
    assert_eq!(listed[0]["freshness"], "DOUBTFUL");
    assert_eq!(listed[1]["sha256"], watchfire_crypto::digest::sha256_hex(asn()));
    let found = json_of(&run(&[&["data", "lookup", "--json", "127.0.0.1"], &at[..]].concat()));
    assert_eq!(
        (&found["country"], &found["asn"], &found["radiusKm"]),
        (&json!("FR"), &json!(64_500), &json!(500)),
        "{found}"
    );
    Ok(())
}

#[test]
fn a_file_that_is_no_good_is_refused_and_changes_nothing() -> Result<()> {
    let files = Files::new()?;
    let data_dir = files.folder.path().join("data");
    let at = ["--data-dir", path(&data_dir)];
    let good = city("FR", FRESH);
    let half = good[..good.len() / 2].to_vec();
    // The tree is well and one of the records is not: only reading all of it finds that.
    let mut broken = good.clone();
    let country = broken.windows(7).position(|bytes| bytes == b"country").unwrap();
    broken[country - 1] = 0x5f;
    let empty = Mmdb::new("empty", FRESH).bytes();
    let foreign = Mmdb::new("foreign", FRESH)
        .network("127.0.0.0/8", json!({"threat": "none"}))
        .bytes();
    for (name, bytes, kind, reason) in [
        ("missing", None, "city", "cannot be read"),
        ("half", Some(half), "city", "damaged"),
        ("text", Some(b"ip,country\n".to_vec()), "city", "no MaxMind DB file"),
        ("broken", Some(broken), "city", "damaged"),
        ("empty", Some(empty), "city", "no record of it"),
        ("foreign", Some(foreign), "city", "no record of it"),
        ("asn", Some(asn()), "city", "of this kind: city"),
    ] {
        let file = match bytes {
            Some(bytes) => files.file(name, &bytes),
            None => files.folder.path().join(name),
        };
        let output = run(&[&["data", "import", "--kind", kind, path(&file)], &at[..]].concat());
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(stderr(&output).contains(reason), "{name}: {}", stderr(&output));
        assert!(!data_dir.join("geo/city.mmdb").exists(), "{name}");
    }
    let file = files.file("good", &good);
    let both = run(&[&["data", "import", path(&file), path(&file)], &at[..]].concat());
    assert_eq!(both.status.code(), Some(2));
    let missing = run(&[&["data", "remove", "asn"], &at[..]].concat());
    assert_eq!(missing.status.code(), Some(1));
    Ok(())
}
