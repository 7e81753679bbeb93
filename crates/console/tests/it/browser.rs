//! What a browser does: keeps a cookie, fills in forms.

use anyhow::{Context as _, Result, ensure};
use watchfire_app::Clock as _;
use watchfire_crypto::totp;
use watchfire_harness::{Answer, Call, TestServer};

pub(crate) const LOGIN: &str = "admin@watchfire.local";
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Somebody at a browser.
#[derive(Debug)]
pub(crate) struct Browser<'s> {
    pub(crate) server: &'s TestServer,
    pub(crate) cookie: Option<String>,
    /// The secret of the authenticator app.
    pub(crate) secret: Vec<u8>,
    pub(crate) login: String,
}

impl<'s> Browser<'s> {
    /// The first administrator, with the link accepted and signed in.
    pub(crate) async fn signed_in(server: &'s TestServer) -> Result<Self> {
        let mut browser = Self::invited(server, server.first_invitation().context("no link")?, LOGIN).await?;
        browser.sign_in().await?;
        Ok(browser)
    }

    /// Somebody who has accepted a link.
    pub(crate) async fn invited(server: &'s TestServer, token: &str, login: &str) -> Result<Self> {
        let mut browser = Self {
            server,
            cookie: None,
            secret: Vec::new(),
            login: login.to_owned(),
        };
        let path = format!("/admin/invitations/{token}");
        let page = browser.get(&path).await?;
        ensure!(page.status == 200, "{}", page.text);
        browser.secret = totp::decode_secret(between(&page.text, "class=\"wide\">", "<"))?.to_vec();
        let answer = browser.accept(&page, &path, PASSWORD, &browser.code()).await?;
        ensure!(answer.status == 303, "{}", answer.text);
        Ok(browser)
    }

    /// Sends the form of an invitation.
    pub(crate) async fn accept(&self, page: &Answer, path: &str, password: &str, code: &str) -> Result<Answer> {
        let fields = [
            ("sealed", field(&page.text, "sealed")),
            ("password", password.to_owned()),
            ("again", password.to_owned()),
            ("code", code.to_owned()),
        ];
        self.post(path, &fields).await
    }

    /// Both steps, in a time step of their own; keeps the cookie.
    pub(crate) async fn sign_in(&mut self) -> Result<Answer> {
        self.server.clock.advance(std::time::Duration::from_secs(60));
        let code = self.code();
        let page = self.password(PASSWORD).await?;
        let answer = self.give_code(&page, &code).await?;
        ensure!(answer.status == 303, "{}", answer.text);
        let line = answer.headers["set-cookie"].to_str()?;
        self.cookie = Some(line.split(';').next().unwrap_or_default().to_owned());
        Ok(answer)
    }

    /// The first step.
    pub(crate) async fn password(&self, password: &str) -> Result<Answer> {
        let fields = [("login", self.login.clone()), ("password", password.to_owned())];
        self.post("/admin/sign-in", &fields).await
    }

    /// The second step.
    pub(crate) async fn give_code(&self, page: &Answer, code: &str) -> Result<Answer> {
        let fields = [("pending", field(&page.text, "pending")), ("code", code.to_owned())];
        self.post("/admin/sign-in/code", &fields).await
    }

    /// What the authenticator app shows now.
    pub(crate) fn code(&self) -> String {
        let now = self.server.clock.now().as_seconds();
        totp::code_at_step(&self.secret, totp::step_at(now))
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        self.call("GET", path).send().await
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, String)]) -> Result<Answer> {
        self.call("POST", path).form(fields).send().await
    }

    /// A call with the cookie and no other credential.
    pub(crate) fn call(&self, method: &str, path: &str) -> Call<'s> {
        let call = self.server.call(method, path).anonymous();
        match &self.cookie {
            Some(cookie) => call.header("cookie", cookie),
            None => call,
        }
    }

    /// The CSRF token of this session's pages.
    pub(crate) async fn csrf(&self) -> Result<String> {
        Ok(field(&self.get("/admin").await?.text, "csrf"))
    }

    /// A call of the API as the console makes it.
    pub(crate) async fn api(&self, method: &str, path: &str) -> Result<Call<'s>> {
        let csrf = self.csrf().await?;
        Ok(self.call(method, path).header("x-watchfire-csrf", &csrf))
    }
}

/// The value of a hidden field.
pub(crate) fn field(html: &str, name: &str) -> String {
    between(html, &format!("name=\"{name}\" value=\""), "\"").to_owned()
}

/// What stands between two marks, or nothing.
pub(crate) fn between<'t>(text: &'t str, before: &str, behind: &str) -> &'t str {
    let rest = text.split_once(before).map_or("", |(_, rest)| rest);
    rest.split_once(behind).map_or("", |(inside, _)| inside)
}
