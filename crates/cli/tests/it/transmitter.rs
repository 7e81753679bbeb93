//! `watchfire transmitter`, and a process of it for whoever needs a vendor.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::program::{json as parsed, path, run, stderr, text, watchfire};

/// A vendor: a folder made by `transmitter init`, and a process that serves it.
#[derive(Debug)]
pub(crate) struct Transmitter {
    folder: tempfile::TempDir,
    process: Child,
    /// What it said when it began to listen.
    pub(crate) said: Value,
}

impl Transmitter {
    /// Makes one with these options of `init`, and serves it.
    pub(crate) fn start(options: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let dir = folder.path().join("vendor");
        let made = run(&[&["transmitter", "init", "--dir", path(&dir)], options].concat());
        ensure!(made.status.success(), "{}", stderr(&made));
        let (process, said) = serve(&dir)?;
        Ok(Self { folder, process, said })
    }

    /// The folder.
    pub(crate) fn dir(&self) -> String {
        path(&self.folder.path().join("vendor")).to_owned()
    }

    /// A member of what it said.
    pub(crate) fn text(&self, member: &str) -> &str {
        self.said[member].as_str().unwrap_or_default()
    }

    /// Runs a command of `watchfire` with this vendor's folder, and gives what it printed as JSON.
    pub(crate) fn rotate(&self, options: &[&str]) -> Value {
        let dir = self.dir();
        parsed(&run(&[&["transmitter", "rotate", "--json", "--dir", &dir], options].concat()))
    }

    /// Asks it to end (SIGTERM), and gives the exit code.
    pub(crate) fn stop(mut self) -> Result<Option<i32>> {
        let pid = self.process.id().to_string();
        ensure!(Command::new("kill").args(["-TERM", &pid]).status()?.success());
        Ok(self.process.wait()?.code())
    }
}

impl Drop for Transmitter {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve(dir: &Path) -> Result<(Child, Value)> {
    let mut process = watchfire(&["transmitter", "serve", "--json", "--dir", path(dir)])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().context("no output")?).read_line(&mut line)?;
    let said = serde_json::from_str(&line).with_context(|| format!("it said '{line}'"))?;
    Ok((process, said))
}

fn read(dir: &Path, name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(dir.join(name)).unwrap()).unwrap()
}

fn mode(dir: &Path, name: &str) -> u32 {
    fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o777
}

/// Guide "Create and upload the JWKS", "Upload a file to the well-known URL".
#[test]
fn init_makes_what_the_guide_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("vendor");
    let init = |options: &[&str]| run(&[&["transmitter", "init", "--dir", path(&dir), "--json"], options].concat());
    let made = parsed(&init(&[
        "--issuer",
        "https://issuer.com",
        "--jwks-uri",
        "https://www.issuer.com/jwks",
    ]));
    let metadata = read(&dir, "ssf-configuration");
    assert_eq!(metadata["issuer"], "https://issuer.com");
    assert_eq!(metadata["jwks_uri"], "https://www.issuer.com/jwks");
    let keys = read(&dir, "jwks.json");
    let key = &keys["keys"][0];
    assert_eq!(
        (&key["kty"], &key["use"], &key["alg"], &key["kid"]),
        (&json!("RSA"), &json!("sig"), &json!("RS256"), &made["kid"])
    );
    assert!(key.get("d").is_none(), "nothing private is published");
    assert_eq!((mode(&dir, "private.json"), mode(&dir, "jwks.json")), (0o600, 0o644));

    let before = read(&dir, "private.json");
    let again = init(&["--alg", "ES256"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("--force"), "{}", stderr(&again));
    assert_eq!(read(&dir, "private.json"), before);
    assert_eq!(parsed(&init(&["--alg", "es256", "--force"]))["alg"], "ES256");
    assert!(!dir.join("ssf-configuration").exists(), "of the old issuer nothing is left");
}

#[test]
fn an_issuer_that_is_no_url_needs_a_place_for_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("vendor");
    let init = |options: &[&str]| run(&[&["transmitter", "init", "--dir", path(&dir)], options].concat());
    for options in [
        &["--issuer", "Issuer"][..],
        &["--issuer", ""],
        &["--jwks-uri", "https://x"],
        &["--issuer", "Issuer", "--jwks-uri", "ftp://x"],
    ] {
        assert_eq!(init(options).status.code(), Some(2), "{options:?}");
    }
    text(&init(&["--issuer", "Issuer", "--jwks-uri", "https://keys.example/jwks"]));
}

/// META-01, META-02, META-03, JWT-07: both forms, the type, and no longer than an hour.
#[tokio::test]
async fn serve_answers_where_receivers_look() -> Result<()> {
    let vendor = Transmitter::start(&["--alg", "ES256", "--issuer", "https://issuer.com/a/b/"])?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let url = vendor.text("url");
    let expected = json!({
        "issuer": "https://issuer.com/a/b/", "jwks_uri": format!("{url}/jwks.json"), "spec_version": "1_0",
        "delivery_methods_supported": ["urn:ietf:rfc:8935"],
    });
    let keys = read(Path::new(&vendor.dir()), "jwks.json");
    for (path, document) in [
        ("/.well-known/ssf-configuration", &expected),
        ("/.well-known/ssf-configuration/a/b", &expected),
        ("/a/b/.well-known/ssf-configuration", &expected),
        ("/jwks.json", &keys),
        ("/jwks", &keys),
    ] {
        let answer = http.get(format!("{url}{path}")).send().await?;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/json");
        let cache = answer.headers()["cache-control"].to_str()?.to_owned();
        let age: u32 = cache.rsplit('=').next().context("no age")?.parse()?;
        assert!(cache.starts_with("public") && age <= 3600, "{cache}");
        assert_eq!(&answer.json::<Value>().await?, document, "{path}");
    }
    assert_eq!(
        http.get(format!("{url}/private.json")).send().await?.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        http.post(format!("{url}/jwks")).send().await?.status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(vendor.stop()?, Some(0));
    Ok(())
}

#[test]
fn an_issuer_that_nobody_named_is_where_it_first_listened() -> Result<()> {
    let vendor = Transmitter::start(&["--alg", "ES256"])?;
    let url = vendor.text("url").to_owned();
    assert_eq!(vendor.text("issuer"), url);
    assert_eq!(vendor.text("wellKnownUrl"), format!("{url}/.well-known/ssf-configuration"));
    assert_eq!(vendor.text("jwksUrl"), format!("{url}/jwks.json"));
    // Tokens are signed in this name from now on, wherever it listens later.
    let (mut other, said) = serve(Path::new(&vendor.dir()))?;
    other.kill()?;
    other.wait()?;
    assert_eq!(said["issuer"], url);
    assert_ne!(said["url"], url);
    Ok(())
}

#[test]
fn there_is_nothing_to_serve_without_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["transmitter", "serve", "--dir", path(folder.path())]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("transmitter init"), "{}", stderr(&output));
}

/// JWT-07
#[tokio::test]
async fn a_rotation_keeps_the_old_key_published() -> Result<()> {
    let vendor = Transmitter::start(&["--alg", "ES256"])?;
    let dir = vendor.dir();
    let signs = |dir: &str| read(Path::new(dir), "private.json")["kid"].clone();
    let first = signs(&dir);
    let prepared = vendor.rotate(&["--prepare"]);
    assert_eq!(prepared["kid"], first, "it signs with the old key");
    let next = prepared["published"][1].clone();
    assert_eq!(mode(Path::new(&dir), "next.private.json"), 0o600);
    assert_eq!(
        run(&["transmitter", "rotate", "--prepare", "--dir", &dir]).status.code(),
        Some(1),
        "one at a time"
    );
    let rotated = vendor.rotate(&[]);
    assert_eq!((&rotated["kid"], &signs(&dir)), (&next, &next));
    assert_eq!(rotated["published"], json!([first, next]));
    let third = vendor.rotate(&[])["kid"].clone();
    assert_eq!(mode(Path::new(&dir), "private.json"), 0o600);

    let jwks = vendor.text("jwksUrl").to_owned();
    let published: Value = reqwest::Client::builder()
        .no_proxy()
        .build()?
        .get(jwks)
        .send()
        .await?
        .json()
        .await?;
    let kids: Vec<&Value> = published["keys"]
        .as_array()
        .context("keys")?
        .iter()
        .map(|key| &key["kid"])
        .collect();
    assert_eq!(kids, [&first, &next, &third], "the process that serves them needs no restart");
    assert_eq!(vendor.rotate(&["--retire"])["published"], json!([third]));
    Ok(())
}
