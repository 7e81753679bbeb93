//! From the button to a session: to the provider and back (OpenID Connect Core 1.0 section 3.1, with PKCE).

use secrecy::{ExposeSecret as _, SecretString};
use watchfire_crypto::digest::sha256_hex;
use watchfire_domain::{
    admin_session::{BeginSession, SecondStep},
    console_sign_in::{IdpIdentity, NotLinked, RefuseIdpSignIn, whose},
};
use watchfire_model::{
    id::UserId,
    object::{AdministratorLink, OidcProvider, User},
};
use watchfire_oauth::openid::{AuthorizationResponse, IdToken, code_challenge, id_token::Expected};

use super::{
    attempts::Attempt,
    failure::{OidcFailure, OidcRefusal},
    provider::Redemption,
};
use crate::{
    App, Error, Result,
    entropy::url_safe,
    identity::{
        console::{BegunSession, COOKIE_CHARS, Pending},
        sign_in::SignInSource,
    },
};

/// Characters of `state`, `nonce` and the verifier: 258 bits.
const RANDOM_CHARS: usize = 43;
/// Characters of an address that are kept in the System Log.
const LOGGED_CHARS: usize = 100;

/// A browser on its way to the provider.
#[derive(Debug)]
pub struct BegunOidc {
    /// Where it goes.
    pub address: String,
    /// What it keeps meanwhile.
    pub cookie: SecretString,
}

/// A browser that has come back.
#[derive(Debug)]
pub struct FinishedOidc {
    /// Where it wanted to go.
    pub next: String,
    /// What follows.
    pub step: OidcStep,
}

/// What follows a sign-in at the provider.
#[derive(Debug)]
pub enum OidcStep {
    /// A session has begun.
    Session(BegunSession),
    /// Our own second factor is asked for: what the code must bring back.
    Code(String),
}

/// Who was to be signed in, as far as it was known when it failed.
#[derive(Default)]
struct Whom {
    login: String,
    user_id: Option<UserId>,
}

impl App {
    /// What the attempt's cookie is called.
    pub fn oidc_cookie_name(&self) -> &'static str {
        if self.console_is_secure() {
            "__Host-watchfire-oidc"
        } else {
            "watchfire-oidc"
        }
    }

    /// What the provider's button says, and whether passwords are taken too.
    pub fn console_ways(&self) -> (Option<String>, bool) {
        let directory = self.state.directory();
        let settings = directory.console_sign_in();
        (settings.active().map(|oidc| oidc.name.clone()), settings.takes_passwords())
    }

    /// Begins a sign-in at the provider; the browser comes back with a code. `next` is a page of ours.
    ///
    /// # Errors
    /// [`OidcRefusal`].
    pub async fn begin_oidc(&self, next: &str, source: SignInSource) -> Result<BegunOidc, OidcRefusal> {
        let now = self.clock.now();
        let window = self.console_sign_ins.count(source.ip.to_string(), now).await;
        if window.is_some_and(|window| !window.allowed) {
            return Err(Error::RateLimited.into());
        }
        self.refuse_blocked("", &source).await?;
        let begun = self.try_begin(next).await;
        let (begun, state, attempt) = self.noted(begun, Whom::default(), source).await?;
        self.keep_attempt(&state, &attempt).await?;
        Ok(begun)
    }

    /// The browser's way there, under which `state` it comes back, and what must be known then.
    async fn try_begin(&self, next: &str) -> Result<(BegunOidc, String, Attempt), OidcFailure> {
        let provider = self.oidc_provider()?;
        let metadata = self.oidc_metadata(&provider.issuer).await?;
        let mut url = self.authorization_endpoint(&metadata)?;
        let random = || url_safe(&*self.entropy, RANDOM_CHARS);
        let (state, nonce, verifier, cookie) = (random(), random(), random(), random());
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &provider.client_id)
                .append_pair("redirect_uri", &self.oidc_redirect_uri())
                .append_pair("scope", &scope(&provider))
                .append_pair("state", &state)
                .append_pair("nonce", &nonce)
                .append_pair("code_challenge", &code_challenge(&verifier))
                .append_pair("code_challenge_method", "S256");
            if !provider.trusted_acr.is_empty() {
                query.append_pair("acr_values", &provider.trusted_acr.join(" "));
            }
        }
        let attempt = Attempt {
            cookie_hash: sha256_hex(&cookie),
            nonce,
            verifier,
            issuer: provider.issuer,
            client_id: provider.client_id,
            next: next.to_owned(),
        };
        let begun = BegunOidc {
            address: url.into(),
            cookie: cookie.into(),
        };
        Ok((begun, state, attempt))
    }

    /// Takes what a browser brought back. `cookie` is that of [`Self::begin_oidc`]; `old_cookie` what the browser
    /// had as its session's: that session ends.
    ///
    /// # Errors
    /// [`OidcRefusal`].
    pub async fn finish_oidc(
        &self,
        response: AuthorizationResponse,
        cookie: Option<&str>,
        old_cookie: Option<&str>,
        source: SignInSource,
    ) -> Result<FinishedOidc, OidcRefusal> {
        let now = self.clock.now();
        let window = self.console_callbacks.count(source.ip.to_string(), now).await;
        if window.is_some_and(|window| !window.allowed) {
            return Err(Error::RateLimited.into());
        }
        let attempt = self.take_attempt(&response.state, cookie).await;
        let known = match attempt {
            Some(attempt) => self.identified(&response, &attempt).await.map(|known| (known, attempt.next)),
            None => Err(OidcFailure::UnknownAttempt),
        };
        let ((provider, token), next) = self.noted(known, Whom::default(), source.clone()).await?;
        let identity = IdpIdentity {
            issuer: provider.issuer.clone(),
            email: token.verified_email().map(str::to_owned),
            subject: token.subject.clone(),
        };
        let login: String = token
            .email
            .iter()
            .flat_map(|email| email.chars())
            .take(LOGGED_CHARS)
            .collect();
        self.refuse_blocked(&login, &source).await?;
        let whom = Whom { login, user_id: None };
        let user = self.whose(&identity).map_err(OidcFailure::NotLinked);
        let user = self.noted(user, whom, source.clone()).await?;
        let whom = Whom {
            login: user.login.clone(),
            user_id: Some(user.id.clone()),
        };
        let trusted = provider.trusts(token.acr.as_deref(), &token.amr);
        let step = if trusted {
            OidcStep::Session(self.begin_by_provider(&user, identity, old_cookie, source).await?)
        } else {
            let pending = if self.has_factor(&user) {
                Ok(identity)
            } else {
                Err(OidcFailure::NoFactor)
            };
            let identity = self.noted(pending, whom, source).await?;
            OidcStep::Code(self.seal_pending(Pending::at_provider(&user.id, identity))?)
        };
        Ok(FinishedOidc { next, step })
    }

    /// Who the provider says it is, verified.
    async fn identified(
        &self,
        response: &AuthorizationResponse,
        attempt: &Attempt,
    ) -> Result<(OidcProvider, IdToken), OidcFailure> {
        let provider = self.oidc_provider()?;
        // The settings may have changed while somebody was away: its answer is for who asked.
        if provider.issuer != attempt.issuer || provider.client_id != attempt.client_id {
            return Err(OidcFailure::UnknownAttempt);
        }
        let metadata = self.oidc_metadata(&provider.issuer).await?;
        let code = response.code(&metadata).map_err(OidcFailure::Response)?;
        let redemption = Redemption {
            code,
            verifier: &SecretString::from(attempt.verifier.as_str()),
        };
        let tokens = self.redeem(&provider, &metadata, redemption).await?;
        let expected = Expected {
            issuer: &provider.issuer,
            client_id: &provider.client_id,
            nonce: &attempt.nonce,
            access_token: tokens.access_token.as_ref().map(|token| token.expose_secret()),
            now: self.clock.now(),
            skew: self.settings.clock_skew,
        };
        let token = self.verify_id_token(&metadata, &tokens.id_token, expected).await?;
        let token = self.with_userinfo(token, &metadata, tokens.access_token.as_ref()).await;
        Ok((provider, token))
    }

    async fn begin_by_provider(
        &self,
        user: &User,
        identity: IdpIdentity,
        old_cookie: Option<&str>,
        source: SignInSource,
    ) -> Result<BegunSession> {
        let cookie = url_safe(&*self.entropy, COOKIE_CHARS);
        let command = BeginSession {
            user_id: user.id.clone(),
            second: SecondStep::AtProvider,
            identity: Some(identity),
            hash: sha256_hex(&cookie),
            replaces: old_cookie.map(sha256_hex),
            lifetime: self.settings.console.lifetime,
            origin: source.origin,
        };
        let session = self.commands.run(command).await?;
        Ok(BegunSession {
            cookie: cookie.into(),
            session,
        })
    }

    /// The provider that is offered now.
    pub(in crate::identity) fn oidc_provider(&self) -> Result<OidcProvider, OidcFailure> {
        let directory = self.state.directory();
        directory.console_sign_in().active().cloned().ok_or(OidcFailure::Off)
    }

    fn whose(&self, identity: &IdpIdentity) -> Result<User, NotLinked> {
        let directory = self.state.directory();
        let links: Vec<&AdministratorLink> = directory.administrator_links().map(|link| &**link).collect();
        let administrators = directory.administrators().map(|user| &**user);
        let in_console = administrators.filter(|user| directory.console_administrator(user.id.as_str()).is_some());
        whose(identity, in_console, &links).cloned()
    }

    fn has_factor(&self, user: &User) -> bool {
        let directory = self.state.directory();
        let administrator = directory.console_administrator(user.id.as_str());
        let has_passkey = directory.passkeys().any(|passkey| passkey.user_id == user.id);
        has_passkey || administrator.is_some_and(|it| it.sealed_totp.is_some())
    }

    /// Writes a failure into the System Log on its way to the browser.
    async fn noted<T>(&self, result: Result<T, OidcFailure>, whom: Whom, source: SignInSource) -> Result<T, OidcRefusal> {
        let failure = match result {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        let issuer = self.oidc_provider().map(|provider| provider.issuer).unwrap_or_default();
        let command = RefuseIdpSignIn {
            reason: failure.code().to_owned(),
            detail: failure.to_string(),
            login: whom.login,
            user_id: whom.user_id,
            issuer,
            origin: source.origin,
        };
        match self.commands.run(command).await {
            Ok(()) | Err(Error::AuthenticationFailed) => Err(failure.into()),
            Err(error) => Err(error.into()),
        }
    }
}

/// `openid`, and what is set.
fn scope(provider: &OidcProvider) -> String {
    let others = provider.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid");
    std::iter::once("openid").chain(others).collect::<Vec<_>>().join(" ")
}
