//! Administrators' API tokens (okta.md 10.6).

use std::time::Duration;

use watchfire_model::{
    id::{ApiTokenId, UserId, ZoneId},
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{ApiToken, Kind, TokenNetwork, User, Zone},
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// How long a token works after its last use, when it was made without an expiry (okta.md 1.1).
pub const WINDOW: Duration = Duration::from_secs(30 * 24 * 3_600);
/// A use is written at most so often (architecture invariant 3).
pub const USE_WRITTEN_EVERY: Duration = Duration::from_secs(3_600);
/// Characters of a token's name at the most.
pub const MAX_NAME_CHARS: usize = 255;

/// The type in an unknown token's error text (okta.md 11.6).
const KIND: &str = "ApiToken";

/// Makes a token for an administrator.
#[derive(Clone, Debug)]
pub struct CreateApiToken {
    /// Its name for people.
    pub name: String,
    /// Whose privileges it carries.
    pub user_id: UserId,
    /// Hash of its secret.
    pub hash: String,
    /// When it stops working; without it, each use moves that on.
    pub expires_at: Option<Timestamp>,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for CreateApiToken {
    type Outcome = ApiToken;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<User>(self.user_id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<ApiToken> {
        self.try_decide(slice, context).into()
    }
}

impl CreateApiToken {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ApiToken), Rejection> {
        check_name(&self.name)?;
        if self.expires_at.is_some_and(|at| at <= context.now) {
            return Err(Rejection::invalid("expiresAt", "The date must be in the future"));
        }
        let is_administrator = |user: &&User| user.administrator && !user.status.is_off();
        if slice.get::<User>(self.user_id.as_str()).filter(is_administrator).is_none() {
            return Err(Rejection::Forbidden);
        }
        let token = ApiToken {
            id: ApiTokenId::generate(context.ids),
            name: self.name.clone(),
            user_id: self.user_id.clone(),
            hash: self.hash.clone(),
            network: TokenNetwork::Anywhere,
            expires_at: Some(self.expires_at.unwrap_or_else(|| context.now.plus(WINDOW))),
            window_seconds: self.expires_at.is_none().then_some(WINDOW.as_secs()),
            created: context.now,
            last_updated: context.now,
        };
        let mut decision = Decision::new();
        decision.put(token.clone());
        context.log(
            &mut decision,
            event(EventType::ApiTokenCreate, &self.actor, &self.origin, &token),
        );
        Ok((decision, token))
    }
}

/// Changes a token's name and where it may be used from.
#[derive(Clone, Debug)]
pub struct UpdateApiToken {
    /// Which one.
    pub id: ApiTokenId,
    /// Its name for people.
    pub name: String,
    /// From where.
    pub network: TokenNetwork,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for UpdateApiToken {
    type Outcome = ApiToken;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<ApiToken>(self.id.as_str()), Need::all::<Zone>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<ApiToken> {
        self.try_decide(slice, context).into()
    }
}

impl UpdateApiToken {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ApiToken), Rejection> {
        let old = slice
            .get::<ApiToken>(self.id.as_str())
            .ok_or_else(|| Rejection::not_found(self.id.as_str(), KIND))?;
        check_name(&self.name)?;
        if let TokenNetwork::Zone { include, exclude } = &self.network {
            check_zones("network.include", include, slice)?;
            check_zones("network.exclude", exclude, slice)?;
        }
        let token = ApiToken {
            name: self.name.clone(),
            network: self.network.clone(),
            last_updated: context.now,
            ..old.clone()
        };
        let mut decision = Decision::new();
        decision.put(token.clone());
        context.log(
            &mut decision,
            event(EventType::ApiTokenUpdate, &self.actor, &self.origin, &token),
        );
        Ok((decision, token))
    }
}

/// Revokes a token: it stops working at once.
#[derive(Clone, Debug)]
pub struct RevokeApiToken {
    /// Which one.
    pub id: ApiTokenId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for RevokeApiToken {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<ApiToken>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let Some(token) = slice.get::<ApiToken>(self.id.as_str()) else {
            return Decided::rejected(Rejection::not_found(self.id.as_str(), KIND));
        };
        let mut decision = Decision::new();
        revoke(token, &mut decision, context, (&self.actor, &self.origin));
        Decided::done(decision, ())
    }
}

/// Ends `token`.
pub(crate) fn revoke(token: &ApiToken, decision: &mut Decision, context: &mut Context<'_>, by: (&Actor, &RequestOrigin)) {
    decision.delete(Kind::ApiToken, token.id.as_str());
    context.log(decision, event(EventType::ApiTokenRevoke, by.0, by.1, token));
}

/// Notes that a token was used: its expiry moves on. What was noted within the hour stays as it is.
#[derive(Clone, Debug)]
pub struct UseApiToken {
    /// Which one.
    pub id: ApiTokenId,
}

impl Command for UseApiToken {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<ApiToken>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let mut decision = Decision::new();
        if let Some(token) = slice.get::<ApiToken>(self.id.as_str())
            && let Some(expires_at) = moved_expiry(token, context.now)
        {
            decision.put(ApiToken {
                expires_at: Some(expires_at),
                ..token.clone()
            });
        }
        Decided::done(decision, ())
    }
}

/// The expiry to which a use at `now` moves a token on; `None` when there is nothing to write.
pub fn moved_expiry(token: &ApiToken, now: Timestamp) -> Option<Timestamp> {
    let window = Duration::from_secs(token.window_seconds?);
    let known = token.expires_at?;
    let moved = now.plus(window);
    (known > now && moved >= known.plus(USE_WRITTEN_EVERY)).then_some(moved)
}

fn check_name(name: &str) -> Result<(), Rejection> {
    if name.trim().is_empty() {
        return Err(Rejection::invalid("name", "The field cannot be left blank"));
    }
    if name.chars().count() > MAX_NAME_CHARS {
        return Err(Rejection::invalid("name", "The field is too long"));
    }
    Ok(())
}

fn check_zones(field: &str, zones: &[ZoneId], slice: &Slice) -> Result<(), Rejection> {
    if zones.iter().all(|id| slice.get::<Zone>(id.as_str()).is_some()) {
        return Ok(());
    }
    Err(Rejection::invalid(field, "Invalid network zone"))
}

fn event(event_type: EventType, actor: &Actor, origin: &RequestOrigin, token: &ApiToken) -> LogEvent {
    let target = Target::new("Token", token.id.as_str(), &token.name).detail("userId", token.user_id.as_str());
    LogEvent::new(event_type, actor.clone()).from_request(origin).target(target)
}
