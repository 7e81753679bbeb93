//! Passkeys of administrators (WebAuthn): making one, and signing in with it, alone or as the second step.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::{Host, Url};
use watchfire_crypto::{
    base64url,
    digest::sha256_hex,
    strict_json,
    webauthn::{self, RelyingParty, WebauthnError},
};
use watchfire_domain::{
    admin_session::{BeginSession, SecondStep},
    console_sign_in::IdpIdentity,
    passkey::{AddPasskey, RefusePasskey, RemovePasskey},
};
use watchfire_model::{
    id::{PasskeyId, UserId},
    log::RequestOrigin,
    object::Passkey,
};

use super::{
    administrators::READ,
    console::{BegunSession, COOKIE_CHARS, ConsoleSession},
    sign_in::SignInSource,
};
use crate::{
    App, Error, Result,
    access::{Authority, Principal},
    entropy::url_safe,
};

/// How long a browser may take.
const LIFETIME: Duration = Duration::from_secs(300);
/// What browsers are told of it.
const TIMEOUT_MILLIS: u32 = 300_000;
/// What a challenge is kept as.
const KIND: &str = "passkey";
/// Bytes of what a browser brings.
const MAX_BYTES: usize = 32 * 1024;

/// What a browser was asked for, by its challenge: each has one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Asked {
    /// A passkey of this user.
    ToMake(UserId),
    ToShow,
}

/// What a browser gives: the parts of `PublicKeyCredential.toJSON()` that count, decoded.
struct Given {
    id: Vec<u8>,
    challenge: String,
    response: Value,
    client_data: Vec<u8>,
}

impl Given {
    fn read(credential: &str) -> Option<Self> {
        let limits = strict_json::Limits::JWKS;
        let whole = strict_json::parse(credential.as_bytes(), &limits)
            .ok()
            .filter(|_| credential.len() <= MAX_BYTES)?;
        let response = whole.get("response")?.clone();
        let client_data = decoded(&response, "clientDataJSON")?;
        Some(Self {
            id: decoded(&whole, "rawId")?,
            challenge: webauthn::challenge_of(&client_data)?,
            client_data,
            response,
        })
    }

    fn part(&self, name: &str) -> Option<Vec<u8>> {
        decoded(&self.response, name)
    }

    fn ceremony<'a>(&'a self, party: &'a RelyingParty) -> webauthn::Ceremony<'a> {
        webauthn::Ceremony {
            party,
            challenge: &self.challenge,
            client_data: &self.client_data,
        }
    }
}

fn decoded(of: &Value, name: &str) -> Option<Vec<u8>> {
    base64url::decode(of.get(name)?.as_str()?).ok()
}

/// What somebody brings to sign in with a passkey.
#[derive(Clone, Copy, Debug)]
pub struct PasskeySignIn<'a> {
    /// The browser's `PublicKeyCredential` as JSON.
    pub credential: &'a str,
    /// The first step, sealed, when the passkey is the second one; empty when it is all.
    pub pending: &'a str,
    /// What the browser had as its session's cookie: that session ends.
    pub old_cookie: Option<&'a str>,
}

impl App {
    /// Whether passkeys can be used here: browsers bind them to a name, not to an address.
    pub fn takes_passkeys(&self) -> bool {
        self.relying_party().is_some()
    }

    /// Somebody's passkeys, oldest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope.
    pub fn passkeys(&self, caller: &Principal, user_id: &str) -> Result<Vec<Passkey>> {
        caller.require(READ)?;
        let directory = self.state.directory();
        let own = directory.passkeys().filter(|passkey| passkey.user_id.as_str() == user_id);
        let mut own: Vec<Passkey> = own.map(|passkey| Passkey::clone(passkey)).collect();
        own.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        Ok(own)
    }

    /// What the browser is asked to make: `PublicKeyCredentialCreationOptionsJSON`.
    ///
    /// # Errors
    /// [`Error::Invalid`] where passkeys cannot be used.
    pub async fn begin_passkey(&self, session: &ConsoleSession) -> Result<Value> {
        let party = self.relying_party().ok_or_else(unusable)?;
        let user_id = &session.session.user_id;
        let known = self.passkeys(&session.principal, user_id.as_str())?;
        let known = known
            .iter()
            .map(|passkey| json!({"type": "public-key", "id": passkey.credential_id}));
        let challenge = self.ask(&Asked::ToMake(user_id.clone())).await?;
        Ok(json!({
            "challenge": challenge,
            "rp": {"id": party.id, "name": "Watchfire"},
            "user": {"id": base64url::encode(user_id.as_str()), "name": session.login, "displayName": session.name},
            "pubKeyCredParams": webauthn::parameters(),
            "timeout": TIMEOUT_MILLIS,
            "attestation": "none",
            "authenticatorSelection": {"residentKey": "required", "requireResidentKey": true, "userVerification": "required"},
            "excludeCredentials": known.collect::<Vec<_>>(),
        }))
    }

    /// Keeps what the browser made.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what cannot be verified, and for a name that is none.
    pub async fn add_passkey(
        &self,
        session: &ConsoleSession,
        (name, credential): (&str, &str),
        origin: RequestOrigin,
    ) -> Result<Passkey> {
        let refused = |why: &str| Error::invalid("credential", why);
        let party = self.relying_party().ok_or_else(unusable)?;
        let given = Given::read(credential);
        let object = given.as_ref().and_then(|given| given.part("attestationObject"));
        let (given, object) = given.zip(object).ok_or_else(|| refused("This is no passkey"))?;
        let user_id = &session.session.user_id;
        let asked = Asked::ToMake(user_id.clone());
        if !self.was_asked(&given.challenge, &asked).await {
            return Err(refused("This took too long. Begin again"));
        }
        let made = given.ceremony(&party).registered(&object);
        let made = made.ok().filter(|made| made.id == given.id);
        let made = made.ok_or_else(|| refused("The passkey could not be verified: it needs a fingerprint, a face or a PIN"))?;
        let command = AddPasskey {
            user_id: user_id.clone(),
            name: name.to_owned(),
            credential_id: base64url::encode(&made.id),
            counter: made.counter,
            credential: made.public_jwk,
            origin,
        };
        self.commands.run(command).await
    }

    /// Takes a passkey away.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anybody but its owner and super administrators; [`Error::NotFound`].
    pub async fn remove_passkey(&self, caller: &Principal, origin: RequestOrigin, user_id: &str, id: &str) -> Result<()> {
        let Authority::Administrator { user_id: asked_by, .. } = &caller.grant else {
            return Err(Error::Forbidden { needed_scope: None });
        };
        let command = RemovePasskey {
            user_id: UserId::new(user_id),
            id: PasskeyId::new(id),
            asked_by: asked_by.clone(),
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// What the browser is asked to show: `PublicKeyCredentialRequestOptionsJSON`. Any passkey of this place will do:
    /// so nobody learns who has one.
    ///
    /// # Errors
    /// [`Error::RateLimited`]; [`Error::Invalid`] where passkeys cannot be used.
    pub async fn begin_passkey_sign_in(&self, source: &SignInSource) -> Result<Value> {
        let now = self.clock.now();
        let window = self.console_sign_ins.count(source.ip.to_string(), now).await;
        if window.is_some_and(|window| !window.allowed) {
            return Err(Error::RateLimited);
        }
        let party = self.relying_party().ok_or_else(unusable)?;
        Ok(json!({
            "challenge": self.ask(&Asked::ToShow).await?,
            "rpId": party.id,
            "timeout": TIMEOUT_MILLIS,
            "userVerification": "required",
            "allowCredentials": [],
        }))
    }

    /// Begins a session with a passkey.
    ///
    /// # Errors
    /// [`Error::AuthenticationFailed`] for whatever is wrong with it; [`Error::Unauthenticated`] when the first step is
    /// too long ago; [`Error::RateLimited`].
    pub async fn finish_passkey_sign_in(&self, shown: PasskeySignIn<'_>, source: SignInSource) -> Result<BegunSession> {
        let now = self.clock.now();
        let window = self.console_callbacks.count(source.ip.to_string(), now).await;
        if window.is_some_and(|window| !window.allowed) {
            return Err(Error::RateLimited);
        }
        self.refuse_blocked("", &source).await?;
        let (passkey, counter) = match self.verified_passkey(shown.credential).await {
            Ok(verified) => verified,
            Err((reason, user_id)) => return self.refuse_passkey(reason, user_id, source).await,
        };
        let identity = match self.first_step(&passkey, shown.pending)? {
            Ok(identity) => identity,
            Err(reason) => return self.refuse_passkey(reason, Some(passkey.user_id), source).await,
        };
        let cookie = url_safe(&*self.entropy, COOKIE_CHARS);
        let command = BeginSession {
            user_id: passkey.user_id,
            second: SecondStep::Passkey {
                credential_id: passkey.credential_id,
                counter,
            },
            identity,
            hash: sha256_hex(&cookie),
            replaces: shown.old_cookie.map(sha256_hex),
            lifetime: self.settings.console.lifetime,
            origin: source.origin,
        };
        let session = self.commands.run(command).await?;
        Ok(BegunSession {
            cookie: cookie.into(),
            session,
        })
    }

    /// What came before the passkey: password or provider, of the same person, or nothing where passkeys are enough.
    fn first_step(&self, passkey: &Passkey, pending: &str) -> Result<Result<Option<IdpIdentity>, &'static str>> {
        if pending.is_empty() {
            let is_enough = self.state.directory().console_sign_in().takes_passwords();
            return Ok(if is_enough { Ok(None) } else { Err("PASSKEY_NOT_ALLOWED") });
        }
        let awaited = self.awaited(pending).ok_or_else(super::console::signed_out)?;
        Ok(if awaited.user.id == passkey.user_id {
            Ok(awaited.identity)
        } else {
            Err("PASSKEY_OF_ANOTHER")
        })
    }

    /// The passkey that was shown, and its count; or why not, and whose it is.
    async fn verified_passkey(&self, credential: &str) -> Result<(Passkey, u32), (&'static str, Option<UserId>)> {
        let party = self.relying_party().ok_or(("PASSKEY_OFF", None))?;
        let malformed = ("PASSKEY_MALFORMED", None);
        let given = Given::read(credential).ok_or_else(|| malformed.clone())?;
        let parts = given.part("authenticatorData").zip(given.part("signature"));
        let (data, signature) = parts.ok_or(malformed)?;
        if !self.was_asked(&given.challenge, &Asked::ToShow).await {
            return Err(("PASSKEY_CHALLENGE", None));
        }
        let credential_id = base64url::encode(&given.id);
        let directory = self.state.directory();
        let passkey = directory.passkeys().find(|passkey| passkey.credential_id == credential_id);
        let passkey = passkey.ok_or(("PASSKEY_UNKNOWN", None))?;
        let failed = |reason| (reason, Some(passkey.user_id.clone()));
        let counter = given.ceremony(&party).asserted(&data, &signature, &passkey.credential);
        let counter = counter.map_err(|error| match error {
            WebauthnError::UserNotVerified => failed("PASSKEY_USER_NOT_VERIFIED"),
            _ => failed("PASSKEY_NOT_VERIFIED"),
        })?;
        let handle = given.response.get("userHandle").filter(|handle| !handle.is_null());
        if handle.is_some_and(|handle| *handle != base64url::encode(passkey.user_id.as_str())) {
            return Err(failed("PASSKEY_OF_ANOTHER"));
        }
        if !passkey.is_fresh(counter) {
            return Err(failed("PASSKEY_COUNTER"));
        }
        Ok((Passkey::clone(passkey), counter))
    }

    /// A fresh challenge.
    async fn ask(&self, asked: &Asked) -> Result<String> {
        let mut bytes = [0; 32];
        self.entropy.fill(&mut bytes);
        let challenge = base64url::encode(bytes);
        self.keep(KIND, &challenge, asked, self.clock.now().plus(LIFETIME)).await?;
        Ok(challenge)
    }

    /// Whether this was asked: once, and in time.
    async fn was_asked(&self, challenge: &str, asked: &Asked) -> bool {
        self.take_kept(KIND, challenge).await.as_ref() == Some(asked)
    }

    async fn refuse_passkey<T>(&self, reason: &'static str, user_id: Option<UserId>, source: SignInSource) -> Result<T> {
        let command = RefusePasskey {
            user_id,
            reason,
            origin: source.origin,
        };
        self.commands.run(command).await?;
        Err(Error::AuthenticationFailed)
    }

    /// Whose passkeys are taken: those of the host of the org URL. On a laptop that is `localhost`, because browsers
    /// bind none to an address.
    fn relying_party(&self) -> Option<RelyingParty> {
        let mut url = Url::parse(&self.settings.org_url).ok()?;
        if self.settings.dev && !matches!(url.host()?, Host::Domain(_)) {
            url.set_host(Some("localhost")).ok()?;
        }
        let Host::Domain(host) = url.host()? else { return None };
        Some(RelyingParty {
            id: host.to_owned(),
            origin: url.origin().ascii_serialization(),
        })
    }
}

fn unusable() -> Error {
    Error::invalid(
        "passkey",
        "Passkeys need an org URL with a name: browsers bind none to an address",
    )
}
