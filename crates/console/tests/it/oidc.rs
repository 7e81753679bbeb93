//! Signing in at the team's own OpenID provider: a real one on loopback, with real keys.

mod attacks;
mod faults;
mod settings;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use watchfire_app::Settings;
use watchfire_harness::{
    Answer, FakeOpenIdProvider, Person, TestServer,
    fake_openid_provider::{CLIENT_ID, CLIENT_SECRET},
};

use crate::browser::{Browser, LOGIN};

pub(crate) const API: &str = "/watchfire/v1/console-sign-in";

/// The server and its provider.
pub(crate) struct World {
    pub(crate) server: TestServer,
    pub(crate) idp: FakeOpenIdProvider,
}

impl World {
    /// A server whose administrators sign in at the provider, which asks for its own second factor.
    pub(crate) async fn trusting() -> Result<Self> {
        Self::with(json!({"ownFactor": "TRUST"})).await
    }

    /// A server with a provider; `over` are members of `oidc` and of the settings above it.
    pub(crate) async fn with(over: Value) -> Result<Self> {
        Self::over(Self::settings(), over).await
    }

    /// Without limits; and a provider on loopback is allowed.
    pub(crate) fn settings() -> Settings {
        let mut settings = Settings::new("https://org.example");
        (settings.logins_per_second, settings.api_calls_per_minute) = (0, 0);
        settings.dev = true;
        settings.console.sign_ins_per_minute = 0;
        settings
    }

    pub(crate) async fn over(settings: Settings, over: Value) -> Result<Self> {
        let server = TestServer::start_with(settings).await?;
        let idp = FakeOpenIdProvider::start(server.clock.clone()).await?;
        let world = Self { server, idp };
        let set = world.set(&world.body(over)).await?;
        ensure!(set.status == 200, "{}", set.text);
        Ok(world)
    }

    pub(crate) fn body(&self, over: Value) -> Value {
        let mut oidc = json!({
            "status": "ACTIVE", "name": "Example ID", "issuer": self.idp.issuer(), "clientId": CLIENT_ID,
            "clientSecret": CLIENT_SECRET,
        });
        let mut body = json!({"password": true});
        for (name, value) in over.as_object().into_iter().flatten() {
            let of = if name == "password" { &mut body } else { &mut oidc };
            of[name] = value.clone();
        }
        body["oidc"] = oidc;
        body
    }

    pub(crate) async fn set(&self, body: &Value) -> Result<Answer> {
        self.server.call("PUT", API).json(body).send().await
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            server: &self.server,
            cookie: None,
            secret: Vec::new(),
            login: LOGIN.to_owned(),
        }
    }

    /// From the button to the provider: its address, and the cookie of the attempt.
    pub(crate) async fn begin(&self) -> Result<(String, String)> {
        let answer = self.browser().get("/admin/sign-in/oidc?next=%2Fadmin%2Frisk%2Fusers").await?;
        ensure!(answer.status == 303, "{}", answer.text);
        let cookie = cookie_of(&answer, "watchfire-oidc").context("no cookie")?;
        Ok((answer.headers["location"].to_str()?.to_owned(), cookie))
    }

    /// Back from the provider.
    pub(crate) async fn come_back(&self, path: &str, cookie: &str) -> Result<Answer> {
        let call = self.server.call("GET", path).anonymous();
        call.header("cookie", cookie).send().await
    }

    /// The whole way.
    pub(crate) async fn sign_in(&self, person: &Person) -> Result<Answer> {
        let (address, cookie) = self.begin().await?;
        self.come_back(&self.idp.authorize(&address, person)?, &cookie).await
    }

    /// The events of a type, newest last.
    pub(crate) async fn events(&self, event_type: &str) -> Result<Vec<Value>> {
        let path = format!("/api/v1/logs?filter=eventType+eq+%22{event_type}%22");
        let log = self.server.call("GET", &path).send().await?;
        Ok(log.json.as_array().cloned().unwrap_or_default())
    }

    /// Why the last sign-in there was refused.
    pub(crate) async fn last_reason(&self) -> Result<String> {
        let events = self.events("user.authentication.auth_via_IDP").await?;
        let last = events.last().context("nothing was logged")?;
        ensure!(last["outcome"]["result"] == "FAILURE" && last["client"]["ipAddress"] == "198.51.100.2");
        Ok(last["outcome"]["reason"].as_str().unwrap_or_default().to_owned())
    }
}

/// `name=value` of a cookie that an answer sets.
pub(crate) fn cookie_of(answer: &Answer, name: &str) -> Option<String> {
    let lines = answer.headers.get_all("set-cookie").iter();
    let mut pairs = lines.filter_map(|line| line.to_str().ok()?.split(';').next());
    let found = pairs.find(|pair| {
        pair.split('=')
            .next()
            .is_some_and(|own| own.trim_start_matches("__Host-") == name)
    });
    found.map(str::to_owned)
}

pub(crate) fn admin() -> Person {
    Person::verified("sub-1", LOGIN)
}

#[tokio::test]
async fn an_administrator_signs_in_at_the_provider_and_is_linked_by_it() -> Result<()> {
    let world = World::trusting().await?;
    let page = world.browser().get("/admin/sign-in").await?;
    assert!(page.text.contains("Sign in with <bdi>Example ID</bdi>") && page.text.contains("name=\"password\""));
    let answer = world.sign_in(&admin()).await?;
    assert_eq!(
        (answer.status, answer.headers["location"].to_str()?),
        (303, "/admin/risk/users"),
        "{}",
        answer.text
    );
    let cookie = cookie_of(&answer, "watchfire").context("no session")?;
    let mut browser = world.browser();
    browser.cookie = Some(cookie);
    assert!(browser.get("/admin").await?.text.contains("First Administrator"));
    let listed = world.server.call("GET", "/watchfire/v1/administrators").send().await?;
    assert_eq!(listed.text_at("/0/identity/subject"), "sub-1");
    assert_eq!(listed.text_at("/0/identity/issuer"), world.idp.issuer());
    assert_eq!(world.events("user.identity_link.create").await?.len(), 1);
    let started = world.events("user.session.start").await?;
    assert_eq!(started[0]["authenticationContext"]["authenticationProvider"], "FEDERATION");
    assert_eq!(started[0]["actor"]["alternateId"], LOGIN);
    // The next time the link says who it is, whatever the address has become.
    let moved = Person::verified("sub-1", "another@example.com");
    assert_eq!(world.sign_in(&moved).await?.status, 303);
    assert_eq!(world.events("user.identity_link.create").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn the_authorization_request_is_what_the_standards_ask_for() -> Result<()> {
    let world = World::with(json!({"ownFactor": "ASK_UNLESS_TRUSTED", "trustedAcr": ["phr", "phrh"]})).await?;
    let (address, _) = world.begin().await?;
    let url = url_pairs(&address);
    let of = |name: &str| url.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(of("response_type"), Some("code"));
    assert_eq!(of("redirect_uri"), Some("https://org.example/admin/sign-in/oidc/callback"));
    assert_eq!(of("scope"), Some("openid email profile"));
    assert_eq!(of("code_challenge_method"), Some("S256"));
    assert_eq!(of("acr_values"), Some("phr phrh"));
    let random: Vec<&str> = ["state", "nonce", "code_challenge"].into_iter().filter_map(of).collect();
    assert!(random.iter().all(|text| text.len() == 43), "{random:?}");
    let (again, _) = world.begin().await?;
    assert!(random.iter().all(|text| !again.contains(text)));
    let browser = world.browser();
    let line = browser.get("/admin/sign-in/oidc").await?.headers["set-cookie"]
        .to_str()?
        .to_owned();
    let (pair, flags) = line.split_once("; ").unwrap_or_default();
    assert!(pair.starts_with("__Host-watchfire-oidc="), "{line}");
    assert_eq!(flags, "Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600");
    Ok(())
}

fn url_pairs(address: &str) -> Vec<(String, String)> {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let fields = query.split('&').filter_map(|pair| pair.split_once('='));
    let plain = |text: &str| text.replace("%3A", ":").replace("%2F", "/").replace('+', " ");
    fields.map(|(name, value)| (plain(name), plain(value))).collect()
}

#[tokio::test]
async fn our_own_code_is_asked_for_unless_the_providers_factor_is_trusted() -> Result<()> {
    let world = World::with(json!({})).await?;
    let token = world.server.first_invitation().context("no link")?;
    let mut browser = Browser::invited(&world.server, token, LOGIN).await?;
    world.server.clock.advance(std::time::Duration::from_secs(60));
    // ASK: even somebody who was asked there.
    let page = world.sign_in(&admin().by(&["mfa"])).await?;
    assert!(page.status == 200 && page.text.contains("Enter the code"), "{}", page.text);
    assert_eq!(cookie_of(&page, "watchfire"), None);
    assert_eq!(world.events("user.identity_link.create").await?.len(), 0, "the code decides");
    assert_eq!(browser.give_code(&page, "000000").await?.status, 401);
    let answer = browser.give_code(&page, &browser.code()).await?;
    assert_eq!(
        (answer.status, answer.headers["location"].to_str()?),
        (303, "/admin"),
        "{}",
        answer.text
    );
    assert_eq!(world.events("user.identity_link.create").await?.len(), 1);
    browser.cookie = cookie_of(&answer, "watchfire");
    assert_eq!(browser.get("/admin").await?.status, 200);
    let unless = json!({"ownFactor": "ASK_UNLESS_TRUSTED", "trustedAmr": ["mfa"]});
    assert_eq!(world.set(&world.body(unless)).await?.status, 200);
    assert_eq!(world.sign_in(&admin().by(&["pwd"])).await?.status, 200);
    assert_eq!(world.sign_in(&admin().by(&["pwd", "mfa"])).await?.status, 303);
    Ok(())
}

#[tokio::test]
async fn who_was_invited_and_has_no_code_yet_is_told() -> Result<()> {
    let world = World::with(json!({})).await?;
    let refused = world.sign_in(&admin()).await?;
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("authenticator app"), "{}", refused.text);
    assert_eq!(world.last_reason().await?, "NO_SECOND_FACTOR");
    Ok(())
}

#[tokio::test]
async fn a_thin_token_is_filled_in_by_userinfo() -> Result<()> {
    let world = World::trusting().await?;
    world.idp.manners(|manners| manners.thin = true);
    assert_eq!(world.sign_in(&admin()).await?.status, 303);
    assert_eq!(world.idp.calls("userinfo"), 1);
    Ok(())
}

#[tokio::test]
async fn only_an_administrator_who_exists_is_let_in() -> Result<()> {
    let world = World::trusting().await?;
    let unverified = |value: Value| Person {
        claims: json!({"email": LOGIN, "email_verified": value}),
        ..admin()
    };
    for (person, reason) in [
        (Person::verified("s", "stranger@example.com"), "NO_ADMINISTRATOR"),
        (unverified(json!(false)), "EMAIL_NOT_VERIFIED"),
        (unverified(json!("true")), "EMAIL_NOT_VERIFIED"),
        (unverified(json!(null)), "EMAIL_NOT_VERIFIED"),
    ] {
        let refused = world.sign_in(&person).await?;
        assert_eq!(refused.status, 403, "{reason}");
        assert_eq!(world.last_reason().await?, reason);
    }
    assert_eq!(world.sign_in(&admin()).await?.status, 303);
    let other = world.sign_in(&Person::verified("sub-2", LOGIN)).await?;
    assert_eq!((other.status, world.last_reason().await?.as_str()), (403, "OTHER_SUBJECT"));
    assert!(other.text.contains("linked to another account"));
    // A super administrator unlinks; the next one is linked.
    let id = world.server.call("GET", "/watchfire/v1/administrators").send().await?;
    let path = format!("/watchfire/v1/administrators/{}/identity", id.text_at("/0/userId"));
    assert_eq!(world.server.call("DELETE", &path).send().await?.status, 204);
    assert_eq!(world.server.call("DELETE", &path).send().await?.status, 404);
    assert_eq!(world.sign_in(&Person::verified("sub-2", LOGIN)).await?.status, 303);
    Ok(())
}
