//! Event hooks (okta.md 10.4).

use secrecy::{ExposeSecret as _, SecretString};
use watchfire_crypto::mac::constant_time_eq;
use watchfire_domain::event_hook::{
    self, AuthChange, ChangeEventHook, CreateEventHook, DeleteEventHook, EventHookChange, EventHookDraft, KIND,
};
use watchfire_egress::Purpose;
use watchfire_model::{
    id::EventHookId,
    log::RequestOrigin,
    object::{EventHook, Status},
};

use super::delivery::{EVENT_HOOK_SECRET, challenge};
use crate::{
    App, Error, Result,
    access::Principal,
    entropy::{base62, url_safe},
};

/// The scope that reads them.
pub const READ: &str = "okta.eventHooks.read";
/// The scope that changes them.
pub const MANAGE: &str = "okta.eventHooks.manage";

const URI: &str = "channel.config.uri";
const AUTH_VALUE: &str = "channel.config.authScheme.value";
/// Characters of a challenge.
const CHALLENGE_CHARS: usize = 43;

/// What an administrator says of a hook.
#[derive(Debug)]
pub struct EventHookRequest {
    /// Name for people.
    pub name: String,
    /// Event types by their names.
    pub events: Vec<String>,
    /// Where it is called.
    pub uri: String,
    /// Custom headers.
    pub headers: Vec<(String, String)>,
    /// The header that the credential goes into.
    pub auth_header: Option<String>,
    /// The credential; write-only.
    pub auth_value: Option<SecretString>,
    /// Whether it is switched on.
    pub status: Option<Status>,
}

impl App {
    /// Every hook, oldest first.
    ///
    /// # Errors
    /// Without the scope.
    pub fn event_hooks(&self, caller: &Principal) -> Result<Vec<EventHook>> {
        caller.require(READ)?;
        let directory = self.state.directory();
        let mut hooks: Vec<EventHook> = directory.event_hooks().map(|it| EventHook::clone(it)).collect();
        hooks.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        Ok(hooks)
    }

    /// One hook.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub fn event_hook(&self, caller: &Principal, id: &str) -> Result<EventHook> {
        caller.require(READ)?;
        let directory = self.state.directory();
        let found = directory.event_hooks().find(|it| it.id.as_str() == id);
        found.map(|it| EventHook::clone(it)).ok_or_else(|| Error::not_found(id, KIND))
    }

    /// Makes a hook. It is called once it has been verified.
    ///
    /// # Errors
    /// [`Error::Invalid`] by the rules of okta.md 10.4.
    pub async fn create_event_hook(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        request: EventHookRequest,
    ) -> Result<EventHook> {
        caller.require(MANAGE)?;
        let id = EventHookId::new(format!("{}{}", EventHookId::PREFIX, base62(&*self.entropy, 17)));
        let draft = self.hook_draft(&id, request, None)?;
        let command = CreateEventHook {
            id,
            draft,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Replaces a hook; another channel has to be verified again.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for making one.
    pub async fn replace_event_hook(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        request: EventHookRequest,
    ) -> Result<EventHook> {
        caller.require(MANAGE)?;
        let old = self.event_hook(caller, id)?;
        let draft = self.hook_draft(&old.id, request, Some(&old))?;
        self.change_event_hook(caller, origin, old.id, EventHookChange::Replace(draft))
            .await
    }

    /// Switches a hook on or off.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn set_event_hook_status(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        status: Status,
    ) -> Result<EventHook> {
        caller.require(MANAGE)?;
        self.change_event_hook(caller, origin, EventHookId::new(id), EventHookChange::Status(status))
            .await
    }

    /// Asks the hook's endpoint whether it wants to be called.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] when the endpoint does not repeat the challenge in time.
    pub async fn verify_event_hook(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<EventHook> {
        caller.require(MANAGE)?;
        let hook = self.event_hook(caller, id)?;
        let text = url_safe(&*self.entropy, CHALLENGE_CHARS);
        if !challenge(self, &hook, &text).await? {
            return Err(Error::invalid(
                "eventHook",
                "The endpoint did not answer the verification challenge",
            ));
        }
        let seen = EventHookChange::Verified(hook.last_updated);
        self.change_event_hook(caller, origin, hook.id, seen).await
    }

    /// Removes a hook that is switched off.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] while it is active.
    pub async fn delete_event_hook(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        let id = EventHookId::new(id);
        let actor = caller.actor.clone();
        self.commands.run(DeleteEventHook { id, actor, origin }).await
    }

    async fn change_event_hook(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: EventHookId,
        change: EventHookChange,
    ) -> Result<EventHook> {
        let command = ChangeEventHook {
            id,
            change,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    fn hook_draft(&self, id: &EventHookId, request: EventHookRequest, old: Option<&EventHook>) -> Result<EventHookDraft> {
        self.check_target(URI, Purpose::Hooks, &request.uri)?;
        Ok(EventHookDraft {
            auth: self.hook_auth(id, &request, old)?,
            name: request.name,
            events: request.events,
            uri: request.uri,
            headers: request.headers,
            auth_header: request.auth_header,
            status: request.status,
        })
    }

    /// What becomes of the credential. Nobody who cannot read it may have it sent elsewhere: without a
    /// value it stays only with the address and the header that it was given for.
    fn hook_auth(&self, id: &EventHookId, request: &EventHookRequest, old: Option<&EventHook>) -> Result<AuthChange> {
        let Some(header) = &request.auth_header else {
            let had_one = old.is_some_and(|old| old.sealed_auth_value.is_some());
            return Ok(if had_one { AuthChange::Set(None) } else { AuthChange::Keep });
        };
        let kept = old.and_then(|old| old.sealed_auth_value.as_deref());
        let same_place = old.is_some_and(|old| old.uri == request.uri && old.auth_header.as_ref() == Some(header));
        let Some(value) = &request.auth_value else {
            return match kept.filter(|_| same_place) {
                Some(_) => Ok(AuthChange::Keep),
                None => Err(Error::invalid(AUTH_VALUE, "The field cannot be left blank")),
            };
        };
        let value = value.expose_secret();
        if !event_hook::is_header_value(value) {
            return Err(Error::invalid(AUTH_VALUE, "The value cannot be sent in a header"));
        }
        if let Some(sealed) = kept {
            let known = self
                .vault
                .open(EVENT_HOOK_SECRET, id.as_str(), sealed)
                .map_err(Error::internal)?;
            if constant_time_eq(&*known, value) {
                return Ok(AuthChange::Keep);
            }
        }
        let sealed = self.vault.seal(EVENT_HOOK_SECRET, id.as_str(), value.as_bytes());
        Ok(AuthChange::Set(Some(sealed.map_err(Error::internal)?)))
    }
}
