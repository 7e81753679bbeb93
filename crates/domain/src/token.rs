//! Issuing access tokens, and what else the authorization server must not do twice (okta.md 1.3, 1.5, 1.7).
//!
//! Who asks has been verified before a command comes here: an assertion's `jti` is only used up by
//! one whose signature is good. What is decided here is what two requests at one time must not both
//! get: the use of a `jti`, of a proof, of a grant that is being revoked.

use watchfire_model::{
    id::ClientId,
    log::{Actor, EventType, LogEvent, Outcome, RequestOrigin, Target},
    object::{Client, Grant, Object, RevokedToken, Status},
    row::{Decision, DedupeKey},
    slice::{Need, Slice},
    time::Timestamp,
};
use watchfire_oauth::{
    access_token::LIFETIME_SECONDS,
    assertion::AssertionError,
    dpop::DpopError,
    error::{OAuthError, TokenRequestError},
    scope,
};

use crate::{
    Rejection,
    client::target,
    command::{Command, Context, Decided},
};

/// A key that works once, and until when that must be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneTime {
    /// Hash of what may be used once.
    pub key: DedupeKey,
    /// From then on it is refused for its age.
    pub expires_at: Timestamp,
}

/// How the token is to be bound (okta.md 1.5).
#[derive(Clone, Debug)]
pub enum Binding {
    /// The app does not ask for it.
    None,
    /// To the key of a good proof.
    Key {
        /// Its thumbprint.
        jkt: String,
        /// The proof's `jti`.
        proof: OneTime,
    },
    /// The proof is no good. The assertion beside it is used up all the same.
    Refused(DpopError),
}

/// Issues a token to a client whose assertion was verified.
#[derive(Clone, Debug)]
pub struct IssueToken {
    /// The client.
    pub client_id: ClientId,
    /// The assertion's `jti`, if it had one.
    pub assertion: Option<OneTime>,
    /// The proof of possession.
    pub binding: Binding,
    /// The `scope` parameter.
    pub scope: Option<String>,
    /// The id of the token that is to be.
    pub jti: String,
    /// From where.
    pub origin: RequestOrigin,
}

/// A token that may be signed now.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Its scopes, in the order asked for.
    pub scopes: Vec<&'static str>,
    /// Its `iat`.
    pub issued_at: Timestamp,
    /// The thumbprint of the key that it is bound to.
    pub jkt: Option<String>,
}

impl Command for IssueToken {
    type Outcome = Issued;

    fn needs(&self) -> Vec<Need> {
        let mut needs = vec![
            Need::object::<Client>(self.client_id.as_str()),
            Need::children::<Grant>(self.client_id.as_str()),
        ];
        needs.extend(self.assertion.map(|used| Need::Dedupe(used.key)));
        if let Binding::Key { proof, .. } = &self.binding {
            needs.push(Need::Dedupe(proof.key));
        }
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Issued> {
        let mut decision = Decision::new();
        let Some(client) = slice.get::<Client>(self.client_id.as_str()) else {
            return Decided::rejected(TokenRequestError::UnknownClient.into());
        };
        match self.check(client, slice, &mut decision) {
            Ok(scopes) => {
                self.log_grant(client, &scopes, &mut decision, context);
                let jkt = match &self.binding {
                    Binding::Key { jkt, .. } => Some(jkt.clone()),
                    Binding::None | Binding::Refused(_) => None,
                };
                let issued_at = context.now;
                Decided::done(decision, Issued { scopes, issued_at, jkt })
            }
            Err(error) => {
                // A challenge is a step of the protocol, not a failure.
                if error.error != DpopError::UseNonce.code() {
                    let event = refused(client, &self.origin, &error);
                    context.log(&mut decision, event);
                }
                Decided {
                    decision,
                    outcome: Err(error.into()),
                }
            }
        }
    }
}

impl IssueToken {
    /// What was used is remembered whether the rest goes well or not (okta.md 1.3.2, `jti`).
    fn check(&self, client: &Client, slice: &Slice, decision: &mut Decision) -> Result<Vec<&'static str>, OAuthError> {
        if let Some(used) = self.assertion {
            if slice.seen(used.key) {
                return Err(AssertionError::Replayed.into());
            }
            decision.remember(used.key, used.expires_at);
        }
        if client.status == Status::Inactive {
            return Err(TokenRequestError::ClientAuthenticationFailed.into());
        }
        match &self.binding {
            Binding::None => {}
            Binding::Refused(error) => return Err((*error).into()),
            Binding::Key { proof, .. } => {
                if slice.seen(proof.key) {
                    return Err(DpopError::Replayed.into());
                }
                decision.remember(proof.key, proof.expires_at);
            }
        }
        let scopes = scope::parse(self.scope.as_deref())?;
        let grants = slice.children::<Grant>(self.client_id.as_str());
        let granted: Vec<&str> = grants.iter().map(|grant| grant.scope.as_str()).collect();
        scope::check_granted(&scopes, &granted)?;
        Ok(scopes)
    }

    fn log_grant(&self, client: &Client, scopes: &[&str], decision: &mut Decision, context: &mut Context<'_>) {
        let scopes = scopes.join(" ");
        let actor = || Actor::client_app(&client.id, &client.metadata.client_name);
        let request = LogEvent::new(EventType::OAuthTokenGrant, actor())
            .from_request(&self.origin)
            .target(target("PublicClientApp", client))
            .debug("grantType", "client_credentials")
            .debug("requestedScopes", scopes.clone())
            .debug("grantedScopes", scopes.clone());
        let expires_at = context
            .now
            .plus(std::time::Duration::from_secs(LIFETIME_SECONDS.unsigned_abs()));
        let token = Target::new("access_token", &self.jti, "Access Token")
            .detail("expires", expires_at.to_string())
            .detail("subject", client.id.as_str());
        let granted = LogEvent::new(EventType::OAuthAccessTokenGrant, actor())
            .from_request(&self.origin)
            .target(token)
            .debug("grantType", "client_credentials")
            .debug("grantedScopes", scopes);
        context.log(decision, request);
        context.log(decision, granted);
    }
}

/// Writes down that a known client was refused before its request could be decided: a bad
/// signature, an assertion that has expired.
#[derive(Clone, Debug)]
pub struct RefuseToken {
    /// The client that the request named.
    pub client_id: ClientId,
    /// What it is answered.
    pub error: OAuthError,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for RefuseToken {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<Client>(self.client_id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let mut decision = Decision::new();
        if let Some(client) = slice.get::<Client>(self.client_id.as_str()) {
            let event = refused(client, &self.origin, &self.error);
            context.log(&mut decision, event);
        }
        Decided::done(decision, ())
    }
}

fn refused(client: &Client, origin: &RequestOrigin, error: &OAuthError) -> LogEvent {
    LogEvent::new(
        EventType::OAuthTokenGrant,
        Actor::client_app(&client.id, &client.metadata.client_name),
    )
    .from_request(origin)
    .outcome(Outcome::failure(error.error))
    .target(target("PublicClientApp", client))
    .debug("grantType", "client_credentials")
    .debug("error", error.error)
    .debug("errorDescription", error.description.clone())
}

/// Uses something up: a proof at a resource, an assertion at introspection or revocation.
#[derive(Clone, Copy, Debug)]
pub struct UseOnce {
    /// What.
    pub used: OneTime,
}

/// Whether it was the first use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It is used up now.
    First,
    /// It was used up before.
    Repeated,
}

impl Command for UseOnce {
    type Outcome = Use;

    fn needs(&self) -> Vec<Need> {
        vec![Need::Dedupe(self.used.key)]
    }

    fn decide(&self, slice: &Slice, _: &mut Context<'_>) -> Decided<Use> {
        let mut decision = Decision::new();
        if slice.seen(self.used.key) {
            return Decided::done(decision, Use::Repeated);
        }
        decision.remember(self.used.key, self.used.expires_at);
        Decided::done(decision, Use::First)
    }
}

/// Revokes an access token. One that is revoked stays so.
#[derive(Clone, Debug)]
pub struct RevokeToken {
    /// Its id.
    pub jti: String,
    /// When it would have expired.
    pub expires_at: Timestamp,
    /// Whose it is, and who asks.
    pub client_id: ClientId,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for RevokeToken {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::object::<Client>(self.client_id.as_str()),
            Need::object::<RevokedToken>(self.jti.as_str()),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let mut decision = Decision::new();
        let known = slice.get::<Client>(self.client_id.as_str());
        let (Some(client), None) = (known, slice.get::<RevokedToken>(&self.jti)) else {
            return Decided::done(decision, ());
        };
        decision.put(Object::from(RevokedToken {
            jti: self.jti.clone(),
            expires_at: self.expires_at,
        }));
        let actor = Actor::client_app(&client.id, &client.metadata.client_name);
        let event = LogEvent::new(EventType::OAuthTokenRevoke, actor)
            .from_request(&self.origin)
            .target(Target::new("access_token", &self.jti, "Access Token").detail("subject", client.id.as_str()));
        context.log(&mut decision, event);
        Decided::done(decision, ())
    }
}

impl From<OneTime> for UseOnce {
    fn from(used: OneTime) -> Self {
        Self { used }
    }
}

/// What a rejection for the reason `error` is: the words that go over the wire.
impl From<TokenRequestError> for Rejection {
    fn from(error: TokenRequestError) -> Self {
        OAuthError::from(error).into()
    }
}
