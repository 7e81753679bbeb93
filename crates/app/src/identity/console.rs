//! Signing in to the Admin Console, and the session that a browser shows from then on.

mod pending;

pub(super) use self::pending::Pending;

use std::{collections::HashMap, net::IpAddr};

use parking_lot::Mutex;
use secrecy::SecretString;
use watchfire_crypto::{digest::sha256_hex, mac::HmacSha256, mac::constant_time_eq, totp};
use watchfire_domain::admin_session::{BeginSession, EndSession, RefusePassword, SecondStep, UseSession, is_use_written};
use watchfire_model::{
    id::UserId,
    log::{Actor, RequestOrigin},
    object::{AdminRole, AdminSession, Administrator, User, fold},
    time::Timestamp,
};
use watchfire_store::cluster::SharedKey;

use super::{
    administrators::{ConsoleLimits, TOTP_SEALED_FOR},
    sign_in::SignInSource,
};
use crate::{
    App, Challenge, Error, Result,
    access::{AdminCredential, Authority, Principal},
    entropy::url_safe,
    rate::shared::{SharedCounts, Window, shared_key},
};

/// Characters of a session's cookie: 258 bits.
pub(super) const COOKIE_CHARS: usize = 43;
/// Characters of a typed name that are kept in the System Log.
const LOGGED_LOGIN_CHARS: usize = 100;

/// A session that has begun.
#[derive(Debug)]
pub struct BegunSession {
    /// What the cookie holds.
    pub cookie: SecretString,
    /// The session.
    pub session: AdminSession,
}

/// Who has made a browser show its cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// A person: the session lives on.
    ByPerson,
    /// A page that keeps itself fresh.
    ByPage,
}

/// A browser that has shown the cookie of a live session.
#[derive(Clone, Debug)]
pub struct ConsoleSession {
    /// Who, for the use cases.
    pub principal: Principal,
    /// Who, for people.
    pub name: String,
    /// What they sign in with.
    pub login: String,
    /// What they may do.
    pub role: AdminRole,
    /// The session.
    pub session: AdminSession,
    /// What every change must show beside the cookie.
    pub csrf: String,
}

/// Wrong codes by administrator. Only who has the password can make anybody wait here.
#[derive(Debug)]
pub(crate) struct CodeTries {
    wrong: Mutex<HashMap<UserId, (u32, Timestamp)>>,
    together: Option<SharedCounts>,
}

impl CodeTries {
    pub(crate) fn new(together: Option<SharedCounts>) -> Self {
        Self {
            wrong: Mutex::default(),
            together,
        }
    }

    /// Takes one of the tries, as if its code were wrong; false when none is left. It is counted before the
    /// code is looked at: tries at the same time must not all find the last one free.
    async fn take(&self, user: &UserId, limits: &ConsoleLimits, now: Timestamp) -> bool {
        if let Some(together) = &self.together {
            // Tries that are refused must not make anybody wait longer, so that the window stays where it began.
            let window = Window {
                length: limits.code_pause,
                slides: false,
            };
            if let Some((_, tries)) = together.count(key_of(user), window, now).await {
                return limits.code_tries == 0 || tries <= u64::from(limits.code_tries);
            }
        }
        self.take_here(user, limits, now)
    }

    fn take_here(&self, user: &UserId, limits: &ConsoleLimits, now: Timestamp) -> bool {
        let mut wrong = self.wrong.lock();
        wrong.retain(|_, (_, at)| now < at.plus(limits.code_pause));
        let (count, at) = wrong.entry(user.clone()).or_insert((0, now));
        if limits.code_tries != 0 && *count >= limits.code_tries {
            return false;
        }
        (*count, *at) = (count.saturating_add(1), now);
        true
    }

    /// Gives one back whose code was not looked at after all. (Several nodes count it.)
    fn give_back(&self, user: &UserId) {
        if let Some((count, _)) = self.wrong.lock().get_mut(user) {
            *count = count.saturating_sub(1);
        }
    }

    /// The code was right.
    async fn forget(&self, user: &UserId) {
        self.wrong.lock().remove(user);
        if let Some(together) = &self.together {
            together.forget(key_of(user)).await;
        }
    }
}

fn key_of(user: &UserId) -> SharedKey {
    shared_key("code_tries", user.as_str())
}

impl App {
    /// What the session's cookie is called: with the prefix that binds it to this host and to https, where
    /// there is https.
    pub fn console_cookie_name(&self) -> &'static str {
        if self.console_is_secure() {
            "__Host-watchfire"
        } else {
            "watchfire"
        }
    }

    /// Whether the console is reached by https.
    pub fn console_is_secure(&self) -> bool {
        self.settings.org_url.starts_with("https://")
    }

    /// Checks a password; gives what the next step must bring back.
    ///
    /// # Errors
    /// [`Error::AuthenticationFailed`] for whatever is wrong; [`Error::RateLimited`]; [`Error::Forbidden`]
    /// from a blocked address.
    pub async fn console_password(&self, login: &str, password: SecretString, source: SignInSource) -> Result<String> {
        let now = self.clock.now();
        let windows = [
            self.console_logins.count(fold(login), now).await,
            self.console_sign_ins.count(source.ip.to_string(), now).await,
        ];
        if windows.into_iter().flatten().any(|window| !window.allowed) {
            return Err(Error::RateLimited);
        }
        let logged: String = login.chars().take(LOGGED_LOGIN_CHARS).collect();
        self.refuse_blocked(&logged, &source).await?;
        let found = self.console_administrator(login);
        let is_taken = self.state.directory().console_sign_in().takes_passwords();
        let stored = found
            .as_ref()
            .and_then(|(administrator, _)| administrator.password_hash.clone());
        // Nobody's hash takes as long as somebody's.
        let is_right = self.passwords.verify(password, stored.clone()).await?;
        match (found, stored.filter(|_| is_right && is_taken)) {
            (Some((_, user)), Some(hash)) => self.seal_pending(Pending::by_password(&user.id, &hash)),
            (found, _) => {
                let command = RefusePassword {
                    login: logged,
                    user_id: found.map(|(_, user)| user.id),
                    reason: if is_taken {
                        "INVALID_CREDENTIALS"
                    } else {
                        "PASSWORD_NOT_ALLOWED"
                    },
                    origin: source.origin,
                };
                self.commands.run(command).await?;
                Err(Error::AuthenticationFailed)
            }
        }
    }

    /// Checks the code; begins a session. `old_cookie` is what the browser had: that session ends.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the first step is too long ago, [`Error::AuthenticationFailed`] for a
    /// wrong code, [`Error::RateLimited`] after too many of them.
    pub async fn console_code(
        &self,
        pending: &str,
        code: &str,
        old_cookie: Option<&str>,
        source: SignInSource,
    ) -> Result<BegunSession> {
        let awaited = self.awaited(pending).ok_or_else(signed_out)?;
        let user = awaited.user;
        let (limits, now) = (&self.settings.console, self.clock.now());
        let step = self.console_step(&awaited.administrator, code)?;
        if !self.code_tries.take(&user.id, limits, now).await {
            return Err(Error::RateLimited);
        }
        let cookie = url_safe(&*self.entropy, COOKIE_CHARS);
        let command = BeginSession {
            user_id: user.id.clone(),
            second: SecondStep::Code(step),
            identity: awaited.identity,
            hash: sha256_hex(&cookie),
            replaces: old_cookie.map(sha256_hex),
            lifetime: limits.lifetime,
            origin: source.origin,
        };
        match self.commands.run(command).await {
            Ok(session) => {
                self.code_tries.forget(&user.id).await;
                Ok(BegunSession {
                    cookie: cookie.into(),
                    session,
                })
            }
            Err(error) => {
                if !matches!(error, Error::AuthenticationFailed) {
                    self.code_tries.give_back(&user.id);
                }
                Err(error)
            }
        }
    }

    /// The live session behind a cookie. A use is noted, so that it does not end for want of use; what a page
    /// asks for by itself is none.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when there is none, or its administrator is none any more.
    pub fn console_session(&self, cookie: &str, used: Used) -> Result<ConsoleSession> {
        let now = self.clock.now();
        let directory = self.state.directory();
        let session = directory.admin_session_by_hash(&sha256_hex(cookie));
        let session = session.filter(|session| session.is_live(now, self.settings.console.idle));
        let session = session.ok_or_else(signed_out)?;
        let administrator = directory.console_administrator(session.user_id.as_str());
        let user = directory.administrator(session.user_id.as_str());
        let user = user.filter(|user| !user.status.is_off());
        let (administrator, user) = administrator.zip(user).ok_or_else(signed_out)?;
        if used == Used::ByPerson {
            self.note_session_use(session, now);
        }
        Ok(ConsoleSession {
            principal: Principal {
                actor: Actor::user(user.id.as_str(), &user.login, user.display_name()),
                grant: Authority::Administrator {
                    user_id: user.id.clone(),
                    role: administrator.role,
                    credential: AdminCredential::ConsoleSession(session.id.clone()),
                },
            },
            name: user.display_name(),
            login: user.login.clone(),
            role: administrator.role,
            session: AdminSession::clone(session),
            csrf: csrf(cookie),
        })
    }

    /// A call of the API with the console's session: the cookie alone is not enough.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] without a live session, [`Error::Forbidden`] without its CSRF token.
    pub fn authenticate_console_call(&self, cookie: &str, token: Option<&str>) -> Result<Principal> {
        let session = self.console_session(cookie, Used::ByPerson)?;
        if session.takes(token.unwrap_or_default()) {
            Ok(session.principal)
        } else {
            Err(Error::Forbidden { needed_scope: None })
        }
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn console_sign_out(&self, session: &ConsoleSession, origin: RequestOrigin) -> Result<()> {
        let command = EndSession {
            id: session.session.id.clone(),
            user_id: session.session.user_id.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    fn console_administrator(&self, login: &str) -> Option<(Administrator, User)> {
        let (name, directory) = (fold(login), self.state.directory());
        let mut users = directory.administrators();
        let user = users.find(|user| fold(&user.login) == name && !user.status.is_off())?;
        let administrator = directory.console_administrator(user.id.as_str())?;
        Some((Administrator::clone(administrator), User::clone(user)))
    }

    fn console_step(&self, administrator: &Administrator, code: &str) -> Result<Option<u64>> {
        let sealed = administrator.sealed_totp.as_deref().unwrap_or_default();
        let secret = self
            .vault
            .open(TOTP_SEALED_FOR, administrator.user_id.as_str(), sealed)
            .map_err(Error::internal)?;
        let code: String = code.chars().filter(|character| !character.is_whitespace()).collect();
        let step = totp::matching_step(&secret, &code, self.clock.now().as_seconds());
        Ok(step.and_then(|step| u64::try_from(step).ok()))
    }

    fn note_session_use(&self, session: &AdminSession, now: Timestamp) {
        if !is_use_written(session, now) {
            return;
        }
        let command = UseSession { id: session.id.clone() };
        let commands = self.commands.clone();
        tokio::spawn(async move {
            if let Err(error) = commands.run(command).await {
                tracing::debug!(error = %error, "a session's use was not noted");
            }
        });
    }
}

impl ConsoleSession {
    /// Whether `token` is this session's CSRF token.
    pub fn takes(&self, token: &str) -> bool {
        constant_time_eq(&self.csrf, token)
    }
}

/// What a page of this session puts into its forms. Who knows it does not know the cookie.
fn csrf(cookie: &str) -> String {
    let mac = HmacSha256::new(cookie.as_bytes()).sign(b"watchfire console csrf");
    mac.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn signed_out() -> Error {
    Error::Unauthenticated(Challenge::InvalidToken("The session has ended."))
}

/// From where a browser signs in.
pub fn source(origin: RequestOrigin) -> SignInSource {
    SignInSource {
        ip: origin.client.ip_address.unwrap_or(IpAddr::from([0, 0, 0, 0])),
        origin,
        application: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn wrong_codes_make_one_wait_and_nobody_else() {
        let (tries, limits) = (CodeTries::new(None), ConsoleLimits::default());
        let (jo, al) = (UserId::new("00u1"), UserId::new("00u2"));
        let at = Timestamp::from_seconds;
        for n in 0..5 {
            assert!(tries.take_here(&jo, &limits, at(n)));
        }
        assert!(!tries.take_here(&jo, &limits, at(5)));
        assert!(tries.take_here(&al, &limits, at(5)));
        assert!(tries.take_here(&jo, &limits, at(4 + 15 * 60)));
        tries.forget(&al).await;
        assert!(tries.wrong.lock().get(&al).is_none());
    }

    #[test]
    fn a_try_that_was_not_looked_at_is_given_back_and_zero_is_no_limit() {
        let (tries, limits) = (CodeTries::new(None), ConsoleLimits::default());
        let (jo, at) = (UserId::new("00u1"), Timestamp::from_seconds);
        for n in 0..20 {
            assert!(tries.take_here(&jo, &limits, at(n)));
            tries.give_back(&jo);
        }
        let limits = ConsoleLimits { code_tries: 0, ..limits };
        assert!((0..20).all(|n| tries.take_here(&jo, &limits, at(n))));
    }

    #[test]
    fn the_csrf_token_is_not_the_cookie_and_not_its_hash() {
        let token = csrf("cookie");
        assert_eq!(token.len(), 64);
        assert!(token != sha256_hex("cookie") && token == csrf("cookie") && token != csrf("other"));
    }
}
