//! Everybody who calls: each kind of credential, made the way it is made by people and programs.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use watchfire_app::Settings;
use watchfire_harness::{ADMIN_TOKEN, ORG_URL, ServiceApp, TestServer, service_app::JWT_BEARER};

use super::browser::Browser;

/// An organisation whose tokens are signed with the same keys, and are not for us.
const OTHER_ORG: &str = "https://other.example";

/// A credential as headers.
pub(super) type Headers = Vec<(&'static str, String)>;

/// What somebody shows.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    pub(super) kind: Kind,
    /// Names it in failures, and in the last column of the table.
    pub(super) name: &'static str,
    pub(super) headers: Headers,
}

/// What decides on the expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// No `Authorization`, no cookie.
    Nothing,
    /// A credential that is no good, in `Authorization`.
    Bad,
    /// A cookie that is no good.
    BadCookie,
    /// The cookie of a good session without its CSRF token.
    CookieAlone,
    /// An access token without the scope.
    WrongScope,
    /// An access token with it.
    RightScope,
    /// An administrator of this role with an API token.
    Token(char),
    /// An administrator of this role with a session and its CSRF token.
    Session(char),
}

/// A client's tokens: all scopes do not fit into one (okta.md 1.3.1).
#[derive(Clone, Debug)]
struct Halves([(BTreeSet<String>, String); 2]);

/// Everybody, and the server.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) server: TestServer,
    pub(super) app: ServiceApp,
    fixed: Vec<Actor>,
    bad: Vec<(&'static str, Halves)>,
    good: Vec<(&'static str, Halves)>,
}

impl Cast {
    pub(super) async fn assemble() -> Result<Self> {
        let before = TestServer::start_with(settings(OTHER_ORG)).await?;
        let elsewhere = register(&before, OTHER_ORG).await?;
        let wrong_audience = halves(&before, &elsewhere, OTHER_ORG).await?;
        let server = before.restart_with(|it| it.org_url = ORG_URL.to_owned()).await?;
        let stranger = TestServer::start().await?;
        let foreign = halves(&stranger, &register(&stranger, ORG_URL).await?, ORG_URL).await?;

        let app = register(&server, ORG_URL).await?;
        let expired = halves(&server, &app, ORG_URL).await?;
        let expired_token = api_token(&server, json!({"name": "x", "expiresAt": "2027-01-15T08:30:00Z"})).await?;
        server.clock.advance(Duration::from_secs(3_600));
        let revoked_token = revoked_api_token(&server).await?;

        let [first, analyst, reader] = administrators(&server).await?;
        let revoked = revoked(&server, &app).await?;
        let deactivated = deactivated(&server).await?;
        let other = register(&server, ORG_URL).await?;
        let lapsed = lapsed(&server).await?;
        let assertion = app.sign(&app.claims(&server))?;
        let ssws = |secret: &str| vec![("authorization", format!("SSWS {secret}"))];
        let line = |text: &str| vec![("authorization", text.to_owned())];
        let bad = |name, headers| Actor {
            kind: Kind::Bad,
            name,
            headers,
        };
        let mut fixed = vec![
            Actor {
                kind: Kind::Nothing,
                name: "nothing",
                headers: Vec::new(),
            },
            bad("basic", line("Basic bm9ib2R5Og==")),
            bad("unreadable", line("Digest username=\"admin\"")),
            bad("unknown API token", ssws("00nobody-has-this-token")),
            bad("expired API token", ssws(&expired_token)),
            bad("revoked API token", ssws(&revoked_token)),
            bad("API token as an access token", line(&format!("Bearer {ADMIN_TOKEN}"))),
            bad("undefined access token", line("Bearer undefined")),
            bad("assertion as an access token", line(&format!("Bearer {assertion}"))),
            Actor {
                kind: Kind::BadCookie,
                name: "unknown cookie",
                headers: vec![("cookie", "__Host-watchfire=none".into())],
            },
        ];
        for one in [&first, &analyst, &reader] {
            fixed.push(Actor {
                kind: Kind::Token(one.role),
                name: one.token_name,
                headers: ssws(&one.token),
            });
            fixed.push(Actor {
                kind: Kind::Session(one.role),
                name: one.session_name,
                headers: one.session(&one.csrf),
            });
        }
        let alone = |name, headers| Actor {
            kind: Kind::CookieAlone,
            name,
            headers,
        };
        fixed.push(alone("cookie alone", vec![("cookie", first.cookie.clone())]));
        fixed.push(alone("another session's CSRF token", first.session(&reader.csrf)));
        let good = vec![
            ("right scope", halves(&server, &app, ORG_URL).await?),
            ("another client", halves(&server, &other, ORG_URL).await?),
        ];
        let bad = vec![
            ("wrong audience", wrong_audience),
            ("another server's access token", foreign),
            ("expired access token", expired),
            ("revoked access token", revoked),
            ("access token of an app that is switched off", deactivated),
        ];
        let mut cast = Self {
            server,
            app,
            fixed,
            bad,
            good,
        };
        cast.fixed.extend(cast.without_grants(&lapsed));
        Ok(cast)
    }

    fn without_grants(&self, lapsed: &Halves) -> Vec<Actor> {
        let tokens = lapsed.0.iter().map(|(_, token)| Actor {
            kind: Kind::WrongScope,
            name: "access token whose grants were taken back",
            headers: bearer(token),
        });
        tokens.collect()
    }

    /// Who calls an operation that any of `scopes` lets in. What is wrong with a bad token is one thing: it names
    /// the right scope.
    pub(super) async fn actors(&self, scopes: &BTreeSet<String>) -> Result<Vec<Actor>> {
        let mut actors = self.fixed.clone();
        for (kind, tokens) in [(Kind::Bad, &self.bad), (Kind::RightScope, &self.good)] {
            for (name, halves) in tokens {
                actors.push(Actor {
                    kind,
                    name,
                    headers: bearer(halves.with(scopes)),
                });
            }
        }
        let reaching: BTreeSet<String> = scopes
            .iter()
            .flat_map(|scope| [scope.clone(), scope.replace(".read", ".manage")])
            .collect();
        for half in all_scopes() {
            let others: Vec<&str> = half
                .iter()
                .map(String::as_str)
                .filter(|scope| !reaching.contains(*scope))
                .collect();
            let token = access_token(&self.server, &self.app, ORG_URL, &others.join(" ")).await?;
            actors.push(Actor {
                kind: Kind::WrongScope,
                name: "every scope but the right one",
                headers: bearer(&token),
            });
        }
        Ok(actors)
    }

    /// Calls once with everything that notes its use, so that no later call has to.
    pub(super) async fn warm_up(&self) -> Result<()> {
        for actor in &self.fixed {
            call(&self.server, "GET", "/api/v1/groups", actor).send().await?;
        }
        // The uses are noted behind the answers; a change that is made after them is decided after them.
        for name in ["Acme", "Watchfire"] {
            let body = json!({"companyName": name});
            let changed = self.server.call("PUT", "/api/v1/org").json(&body).send().await?;
            ensure!(changed.status == 200, "{}", changed.text);
        }
        Ok(())
    }
}

impl Halves {
    fn with(&self, scopes: &BTreeSet<String>) -> &str {
        let [(_, first), (held, second)] = &self.0;
        if scopes.iter().next().is_some_and(|scope| held.contains(scope)) {
            second
        } else {
            first
        }
    }
}

/// A call with what `actor` shows and nothing else.
pub(super) fn call<'s>(server: &'s TestServer, method: &str, path: &str, actor: &Actor) -> watchfire_harness::Call<'s> {
    let call = server.call(method, path).anonymous();
    actor
        .headers
        .iter()
        .fold(call, |call, (name, value)| call.header(name, value))
}

fn bearer(token: &str) -> Headers {
    vec![("authorization", format!("Bearer {token}"))]
}

fn settings(org_url: &str) -> Settings {
    Settings {
        risk_calls_per_minute: 0,
        api_calls_per_minute: 0,
        logins_per_second: 0,
        sign_in_calls_per_second: 0,
        token_calls_per_second: 0,
        ..Settings::new(org_url)
    }
}

/// All scopes, in two parts of which each fits into a request.
fn all_scopes() -> [BTreeSet<String>; 2] {
    let all = watchfire_app::access::scopes();
    let (first, second) = all.split_at(all.len() / 2);
    [first, second].map(|half| half.iter().map(|scope| (*scope).to_owned()).collect())
}

/// An app to which every scope is granted.
async fn register(server: &TestServer, org_url: &str) -> Result<ServiceApp> {
    let app = ServiceApp::register(server, &[]).await?;
    for scope in all_scopes().iter().flatten() {
        let body = json!({"scopeId": scope, "issuer": org_url});
        let path = format!("/api/v1/apps/{}/grants", app.id);
        let granted = server.call("POST", &path).json(&body).send().await?;
        ensure!(granted.status == 201, "{}", granted.text);
    }
    Ok(app)
}

async fn halves(server: &TestServer, app: &ServiceApp, org_url: &str) -> Result<Halves> {
    let [first, second] = all_scopes();
    let ask = async |half: BTreeSet<String>| -> Result<(BTreeSet<String>, String)> {
        let words: Vec<&str> = half.iter().map(String::as_str).collect();
        let token = access_token(server, app, org_url, &words.join(" ")).await?;
        Ok((half, token))
    };
    Ok(Halves([ask(first).await?, ask(second).await?]))
}

async fn access_token(server: &TestServer, app: &ServiceApp, org_url: &str, scope: &str) -> Result<String> {
    let mut claims = app.claims(server);
    claims["aud"] = json!(format!("{org_url}/oauth2/v1/token"));
    let form = [
        ("grant_type", "client_credentials".to_owned()),
        ("scope", scope.to_owned()),
        ("client_assertion_type", JWT_BEARER.to_owned()),
        ("client_assertion", app.sign(&claims)?),
    ];
    let answer = server.call("POST", "/oauth2/v1/token").anonymous().form(&form).send().await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(answer.text_at("/access_token").to_owned())
}

async fn revoked(server: &TestServer, app: &ServiceApp) -> Result<Halves> {
    let tokens = halves(server, app, ORG_URL).await?;
    for (_, token) in &tokens.0 {
        let form = [
            ("token", token.clone()),
            ("client_assertion_type", JWT_BEARER.to_owned()),
            ("client_assertion", app.sign(&revocation_claims(server, app))?),
        ];
        let answer = server
            .call("POST", "/oauth2/v1/revoke")
            .anonymous()
            .form(&form)
            .send()
            .await?;
        ensure!(answer.status == 200, "{}", answer.text);
    }
    Ok(tokens)
}

fn revocation_claims(server: &TestServer, app: &ServiceApp) -> Value {
    let mut claims = app.claims(server);
    claims["aud"] = json!(format!("{ORG_URL}/oauth2/v1/revoke"));
    claims
}

/// Tokens of an app that was switched off after it had got them.
async fn deactivated(server: &TestServer) -> Result<Halves> {
    let app = register(server, ORG_URL).await?;
    let tokens = halves(server, &app, ORG_URL).await?;
    let path = format!("/api/v1/apps/{}/lifecycle/deactivate", app.id);
    ensure!(server.call("POST", &path).send().await?.status == 200);
    Ok(tokens)
}

/// Tokens of an app whose grants were taken back after it had got them.
async fn lapsed(server: &TestServer) -> Result<Halves> {
    let app = register(server, ORG_URL).await?;
    let tokens = halves(server, &app, ORG_URL).await?;
    let path = format!("/api/v1/apps/{}/grants", app.id);
    let grants = server.call("GET", &format!("{path}?limit=200")).send().await?;
    for grant in grants.json.as_array().context("grants")? {
        let id = grant["id"].as_str().unwrap_or_default();
        let taken = server.call("DELETE", &format!("{path}/{id}")).send().await?;
        ensure!(taken.status == 204, "{}", taken.text);
    }
    let left = server.call("GET", &path).send().await?;
    ensure!(left.json == json!([]), "{}", left.text);
    Ok(tokens)
}

async fn api_token(server: &TestServer, body: Value) -> Result<String> {
    let made = server.call("POST", "/watchfire/v1/api-tokens").json(&body).send().await?;
    ensure!(made.status == 201, "{}", made.text);
    Ok(made.text_at("/token").to_owned())
}

async fn revoked_api_token(server: &TestServer) -> Result<String> {
    let made = server
        .call("POST", "/watchfire/v1/api-tokens")
        .json(&json!({"name": "y"}))
        .send()
        .await?;
    let path = format!("/api/v1/api-tokens/{}", made.text_at("/id"));
    ensure!(server.call("DELETE", &path).send().await?.status == 204);
    Ok(made.text_at("/token").to_owned())
}

/// An administrator with a session and an API token.
#[derive(Debug)]
struct Administrator {
    role: char,
    token_name: &'static str,
    session_name: &'static str,
    token: String,
    cookie: String,
    csrf: String,
}

impl Administrator {
    fn session(&self, csrf: &str) -> Headers {
        vec![("cookie", self.cookie.clone()), ("x-watchfire-csrf", csrf.to_owned())]
    }
}

/// One of each role. Only super administrators make API tokens, so the others were that before.
async fn administrators(server: &TestServer) -> Result<[Administrator; 3]> {
    let mut analyst = invited(server, "analyst@example.com").await?;
    let mut reader = invited(server, "reader@example.com").await?;
    let mut first = invited(server, "super@example.com").await?;
    Ok([
        settle(server, &mut first, ('S', "SUPER_ADMIN", "super's token", "super's session")).await?,
        settle(
            server,
            &mut analyst,
            ('A', "SECURITY_ANALYST", "analyst's token", "analyst's session"),
        )
        .await?,
        settle(server, &mut reader, ('R', "READ_ONLY", "reader's token", "reader's session")).await?,
    ])
}

async fn invited<'s>(server: &'s TestServer, login: &str) -> Result<Browser<'s>> {
    let body = json!({"login": login, "role": "SUPER_ADMIN"});
    let made = server.call("POST", "/watchfire/v1/administrators").json(&body).send().await?;
    let link = made.text_at("/invitation").rsplit('/').next().context("no link")?.to_owned();
    let mut browser = Browser::invited(server, &link, login).await?;
    browser.sign_in().await?;
    Ok(browser)
}

async fn settle(
    server: &TestServer,
    browser: &mut Browser<'_>,
    (role, name, token_name, session_name): (char, &str, &'static str, &'static str),
) -> Result<Administrator> {
    let made = browser.api("POST", "/watchfire/v1/api-tokens").await?;
    let made = made.json(&json!({"name": "own"})).send().await?;
    ensure!(made.status == 201, "{}", made.text);
    let all = server.call("GET", "/watchfire/v1/administrators").send().await?;
    let mut rows = all.json.as_array().into_iter().flatten();
    let row = rows
        .find(|row| row["login"] == browser.login.as_str())
        .context("not listed")?;
    let path = format!("/watchfire/v1/administrators/{}", row["userId"].as_str().unwrap_or_default());
    let changed = server.call("PUT", &path).json(&json!({"role": name})).send().await?;
    ensure!(changed.text_at("/role") == name, "{}", changed.text);
    browser.sign_in().await?;
    Ok(Administrator {
        role,
        token_name,
        session_name,
        token: made.text_at("/token").to_owned(),
        cookie: browser.cookie.clone().context("no cookie")?,
        csrf: browser.csrf().await?,
    })
}
