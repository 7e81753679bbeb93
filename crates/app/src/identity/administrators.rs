//! Who may use the Admin Console, and the links with which they get in for the first time.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use watchfire_crypto::{digest::sha256_hex, totp};
use watchfire_domain::{
    admin_session::{BeginSession, SecondStep},
    administrator::{AcceptInvitation, ChangeRole, Invite, InviteFirst, Remove, check_password, is_open},
};
use watchfire_model::{
    id::UserId,
    log::RequestOrigin,
    object::{AdminRole, Administrator, AdministratorLink, Invitation, User, fold},
};
use zeroize::Zeroizing;

use super::console::{BegunSession, COOKIE_CHARS};
use crate::{App, Error, Result, access::Principal, entropy::url_safe, identity::users::NewUser, insight::log_tail::TailLimits};

/// The scope that reads who they are; changing them is for super administrators alone.
pub const READ: &str = "okta.roles.read";

/// What the shared secrets of authenticator apps are sealed for.
pub(crate) const TOTP_SEALED_FOR: &str = "admin_totp_secret";
/// What a secret is sealed for between the page that shows it and the one that takes it.
const ENROLMENT_SEALED_FOR: &str = "admin_totp_enrolment";
/// Characters of a link's token: 240 bits.
const TOKEN_CHARS: usize = 40;

/// Times of the Admin Console.
#[derive(Clone, Copy, Debug)]
pub struct ConsoleLimits {
    /// A session that is not used for so long ends.
    pub idle: Duration,
    /// A session ends after so long in any case.
    pub lifetime: Duration,
    /// How long a link works.
    pub invitation: Duration,
    /// Sign-in attempts a minute and address; 0 is no limit.
    pub sign_ins_per_minute: u32,
    /// Wrong codes in a row after which codes are not looked at for [`Self::code_pause`]; 0 never.
    pub code_tries: u32,
    /// How long that is.
    pub code_pause: Duration,
    /// What a call to the team's own OpenID provider may take.
    pub provider: Duration,
    /// Live tails of the System Log.
    pub tails: TailLimits,
}

impl Default for ConsoleLimits {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30 * 60),
            lifetime: Duration::from_secs(12 * 3_600),
            invitation: Duration::from_secs(72 * 3_600),
            sign_ins_per_minute: 20,
            code_tries: 5,
            code_pause: Duration::from_secs(15 * 60),
            provider: Duration::from_secs(10),
            tails: TailLimits::default(),
        }
    }
}

/// An administrator with the user behind it.
#[derive(Clone, Debug)]
pub struct AdministratorUser {
    /// The access.
    pub administrator: Administrator,
    /// Who.
    pub user: User,
    /// Who they are at the OpenID provider that is set.
    pub link: Option<AdministratorLink>,
}

/// What a link's page shows.
#[derive(Debug)]
pub struct Enrolment {
    /// Whose link it is.
    pub login: String,
    /// The shared secret in base32, for typing.
    pub secret: Zeroizing<String>,
    /// The same as an `otpauth:` URI, for scanning.
    pub uri: Zeroizing<String>,
    /// The same sealed: what the form brings back.
    pub sealed: String,
}

/// What the form of a link's page brings back.
#[derive(Debug)]
pub struct Acceptance {
    /// What the link ends with.
    pub token: String,
    /// The new password.
    pub password: SecretString,
    /// [`Enrolment::sealed`]
    pub sealed: String,
    /// The authenticator app's first code.
    pub code: String,
}

impl App {
    /// Every administrator, oldest first.
    ///
    /// # Errors
    /// Without the scope.
    pub async fn administrators(&self, caller: &Principal) -> Result<Vec<AdministratorUser>> {
        caller.require(READ)?;
        let mut found = Vec::new();
        for administrator in self.all::<Administrator>().await? {
            if let Some(user) = self.get::<User>(administrator.user_id.as_str()).await? {
                found.push(self.with_link(administrator, user));
            }
        }
        Ok(found)
    }

    /// Makes `login` an administrator, as a new user where there is none; gives what the link ends with.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anybody but a super administrator, and for another role of one's own;
    /// [`Error::Invalid`] for a login that no user could have, and for somebody who is switched off.
    pub async fn invite_administrator(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        login: &str,
        role: AdminRole,
    ) -> Result<(AdministratorUser, SecretString)> {
        let asked_by = super_administrator(caller)?;
        let user = match self.find::<User>(&fold(login)).await? {
            Some(user) => user,
            None => self.create_user(caller, origin.clone(), new_user(login)).await?,
        };
        let (token, invitation) = self.invitation();
        let command = Invite {
            user_id: user.id.clone(),
            role,
            invitation,
            asked_by,
            actor: caller.actor.clone(),
            origin,
        };
        let administrator = self.commands.run(command).await?;
        Ok((self.with_link(administrator, user), token))
    }

    /// Changes what an administrator may do.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anybody but another super administrator; [`Error::NotFound`].
    pub async fn change_administrator_role(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        role: AdminRole,
    ) -> Result<AdministratorUser> {
        let asked_by = super_administrator(caller)?;
        let command = ChangeRole {
            user_id: UserId::new(id),
            role,
            asked_by,
            actor: caller.actor.clone(),
            origin,
        };
        let administrator = self.commands.run(command).await?;
        let user: Option<User> = self.get(id).await?;
        let user = user.ok_or_else(|| Error::not_found(id, "Administrator"))?;
        Ok(self.with_link(administrator, user))
    }

    fn with_link(&self, administrator: Administrator, user: User) -> AdministratorUser {
        AdministratorUser {
            link: self.administrator_link(&user.id),
            administrator,
            user,
        }
    }

    /// Takes an administrator's access away.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anybody but another super administrator; [`Error::NotFound`].
    pub async fn remove_administrator(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        let asked_by = super_administrator(caller)?;
        let command = Remove {
            user_id: UserId::new(id),
            asked_by,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// What the page of a link shows: a fresh secret each time.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the link was used, has expired or never was.
    pub fn open_invitation(&self, token: &str) -> Result<Enrolment> {
        let (_, user) = self.invited(token)?;
        let mut secret = Zeroizing::new([0; totp::SECRET_BYTES]);
        self.entropy.fill(secret.as_mut_slice());
        let sealed = self.vault.seal(ENROLMENT_SEALED_FOR, user.id.as_str(), secret.as_slice());
        let encoded = totp::encode_secret(secret.as_slice());
        Ok(self.enrolment(&user, encoded, sealed.map_err(Error::internal)?))
    }

    /// The same page again, after a fault in its form.
    ///
    /// # Errors
    /// As [`Self::open_invitation`], and for a secret that is none of ours.
    pub fn reopen_invitation(&self, token: &str, sealed: &str) -> Result<Enrolment> {
        let (_, user) = self.invited(token)?;
        let secret = self.enrolled_secret(&user, sealed)?;
        Ok(self.enrolment(&user, totp::encode_secret(&secret), sealed.to_owned()))
    }

    /// Sets the password and takes the authenticator app into use. Where no password is taken because the team's own
    /// provider is, a session begins: so there is a way in when that fails (ADR 0018).
    ///
    /// # Errors
    /// [`Error::NotFound`] as above, `E0000080` for a poor password, `E0000068` for a wrong code.
    pub async fn accept_invitation(
        &self,
        acceptance: Acceptance,
        old_cookie: Option<&str>,
        origin: RequestOrigin,
    ) -> Result<Option<BegunSession>> {
        let (administrator, user) = self.invited(&acceptance.token)?;
        check_password(acceptance.password.expose_secret(), &user.login)?;
        let secret = self.enrolled_secret(&user, &acceptance.sealed)?;
        let step = totp::matching_step(&secret, &acceptance.code, self.clock.now().as_seconds());
        let step = step.and_then(|step| u64::try_from(step).ok());
        let step = step.ok_or_else(|| Error::catalogued("E0000068", Vec::new()))?;
        let sealed = self.vault.seal(TOTP_SEALED_FOR, user.id.as_str(), &secret);
        let command = AcceptInvitation {
            user_id: administrator.user_id.clone(),
            invitation_hash: sha256_hex(&acceptance.token),
            password_hash: self.passwords.hash(acceptance.password, &*self.entropy).await?,
            sealed_totp: sealed.map_err(Error::internal)?,
            step,
            origin: origin.clone(),
        };
        self.commands.run(command).await?;
        if self.state.directory().console_sign_in().takes_passwords() {
            return Ok(None);
        }
        let cookie = url_safe(&*self.entropy, COOKIE_CHARS);
        let command = BeginSession {
            user_id: administrator.user_id,
            second: SecondStep::Invitation,
            identity: None,
            hash: sha256_hex(&cookie),
            replaces: old_cookie.map(sha256_hex),
            lifetime: self.settings.console.lifetime,
            origin,
        };
        let session = self.commands.run(command).await?;
        Ok(Some(BegunSession {
            cookie: cookie.into(),
            session,
        }))
    }

    /// A link for the first administrator, while nobody has accepted one.
    pub(crate) async fn first_invitation(&self) -> Result<Option<String>> {
        let directory = self.state.directory();
        let oldest = directory.administrators().min_by_key(|user| user.created);
        let Some(user) = oldest.filter(|user| !user.status.is_off()) else {
            return Ok(None);
        };
        let (token, invitation) = self.invitation();
        let command = InviteFirst {
            user_id: user.id.clone(),
            invitation,
        };
        let works = self.commands.run(command).await?;
        Ok(works.then(|| token.expose_secret().to_owned()))
    }

    fn invitation(&self) -> (SecretString, Invitation) {
        let token = url_safe(&*self.entropy, TOKEN_CHARS);
        let invitation = Invitation {
            hash: sha256_hex(&token),
            expires_at: self.clock.now().plus(self.settings.console.invitation),
        };
        (token.into(), invitation)
    }

    fn invited(&self, token: &str) -> Result<(Administrator, User)> {
        let (hash, now) = (sha256_hex(token), self.clock.now());
        let directory = self.state.directory();
        let administrator = directory.console_administrators().find(|it| is_open(it, &hash, now));
        let user = administrator.and_then(|it| directory.administrator(it.user_id.as_str()));
        let found = administrator.zip(user.filter(|user| !user.status.is_off()));
        let (administrator, user) = found.ok_or_else(|| Error::not_found("invitation", "Invitation"))?;
        Ok((Administrator::clone(administrator), User::clone(user)))
    }

    fn enrolled_secret(&self, user: &User, sealed: &str) -> Result<Zeroizing<Vec<u8>>> {
        let opened = self.vault.open(ENROLMENT_SEALED_FOR, user.id.as_str(), sealed);
        opened.map_err(|_| Error::Malformed)
    }

    fn enrolment(&self, user: &User, secret: Zeroizing<String>, sealed: String) -> Enrolment {
        let host = self.settings.org_url.split("://").nth(1).unwrap_or_default();
        let label: String = url::form_urlencoded::byte_serialize(format!("Watchfire {host}:{}", user.login).as_bytes()).collect();
        // An authenticator app reads a label as a path: a blank is %20 there, not a plus.
        let label = label.replace('+', "%20");
        Enrolment {
            login: user.login.clone(),
            uri: Zeroizing::new(format!("otpauth://totp/{label}?secret={}&issuer=Watchfire", secret.as_str())),
            secret,
            sealed,
        }
    }
}

pub(super) fn super_administrator(caller: &Principal) -> Result<UserId> {
    let id = caller.administrator().cloned();
    id.ok_or(Error::Forbidden { needed_scope: None })
}

/// A user of whom only the login is known.
fn new_user(login: &str) -> NewUser {
    let name = login.split('@').next().unwrap_or(login);
    let members = [
        ("login", login),
        ("email", login),
        ("firstName", name),
        ("lastName", "Administrator"),
    ];
    NewUser {
        profile: members
            .into_iter()
            .map(|(member, text)| (member.to_owned(), Value::from(text)))
            .collect::<Map<_, _>>(),
        password: None,
        group_ids: Vec::new(),
        activate: true,
        password_expired: false,
    }
}
