//! A user's second factors (okta.md 10.1): time-based one-time passwords.

use watchfire_model::{
    id::{FactorId, UserId},
    log::{Actor, EventType, LogEvent, RequestOrigin},
    object::{Factor, FactorState, FactorType, Kind, User, UserStatus},
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
    user,
};

/// Begins to enrol a factor. It does not count before its first code was shown.
#[derive(Clone, Debug)]
pub struct EnrolFactor {
    /// Its id, to which the secret is bound.
    pub id: FactorId,
    /// Whose.
    pub user_id: UserId,
    /// `OKTA` or `GOOGLE`.
    pub provider: &'static str,
    /// The shared secret, sealed.
    pub sealed_secret: String,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for EnrolFactor {
    type Outcome = Factor;

    fn needs(&self) -> Vec<Need> {
        let user = self.user_id.as_str();
        vec![Need::object::<User>(user), Need::children::<Factor>(user)]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Factor> {
        self.try_decide(slice, context).into()
    }
}

impl EnrolFactor {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Factor), Rejection> {
        let user = user::find(slice, &self.user_id)?;
        if user.status == UserStatus::Deprovisioned {
            return Err(Rejection::catalogued("E0000038"));
        }
        let mut decision = Decision::new();
        let same = slice.children::<Factor>(self.user_id.as_str()).into_iter();
        for old in same.filter(|factor| factor.provider == self.provider) {
            if old.state == FactorState::Active {
                return Err(Rejection::Invalid {
                    field: "factorEnrollRequest".to_owned(),
                    causes: vec!["A factor of this type is already set up.".to_owned()],
                });
            }
            // Nobody has shown a code of it: it is begun anew.
            decision.delete(Kind::Factor, old.id.as_str());
        }
        let factor = Factor {
            id: self.id.clone(),
            user_id: self.user_id.clone(),
            factor_type: FactorType::Totp,
            provider: self.provider.to_owned(),
            state: FactorState::PendingActivation,
            sealed_secret: self.sealed_secret.clone(),
            last_step: None,
            created: context.now,
            last_updated: context.now,
        };
        decision.put(factor.clone());
        let event = event(EventType::FactorUpdate, (&self.actor, &self.origin), user, &factor);
        context.log(&mut decision, event);
        Ok((decision, factor))
    }
}

/// Takes a factor into use with its first code.
#[derive(Clone, Debug)]
pub struct ActivateFactor {
    /// Which one.
    pub id: FactorId,
    /// Whose.
    pub user_id: UserId,
    /// The time step whose code was shown; `None` when it was none that counts now.
    pub step: Option<u64>,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ActivateFactor {
    type Outcome = Factor;

    fn needs(&self) -> Vec<Need> {
        let user = self.user_id.as_str();
        vec![Need::object::<User>(user), Need::object::<Factor>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Factor> {
        self.try_decide(slice, context).into()
    }
}

impl ActivateFactor {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Factor), Rejection> {
        let (user, old) = find(slice, &self.user_id, &self.id)?;
        if old.state == FactorState::Active {
            return Err(Rejection::catalogued("E0000038"));
        }
        let factor = Factor {
            state: FactorState::Active,
            last_step: Some(self.step.ok_or_else(wrong_code)?),
            last_updated: context.now,
            ..old.clone()
        };
        let mut decision = Decision::new();
        decision.put(factor.clone());
        let event = event(EventType::FactorActivate, (&self.actor, &self.origin), user, &factor);
        context.log(&mut decision, event);
        Ok((decision, factor))
    }
}

/// Forgets a factor.
#[derive(Clone, Debug)]
pub struct DeleteFactor {
    /// Which one.
    pub id: FactorId,
    /// Whose.
    pub user_id: UserId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DeleteFactor {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        let user = self.user_id.as_str();
        vec![Need::object::<User>(user), Need::object::<Factor>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let (user, factor) = match find(slice, &self.user_id, &self.id) {
            Ok(found) => found,
            Err(rejection) => return Decided::rejected(rejection),
        };
        let mut decision = Decision::new();
        decision.delete(Kind::Factor, self.id.as_str());
        let event = event(EventType::FactorDeactivate, (&self.actor, &self.origin), user, factor);
        context.log(&mut decision, event);
        Decided::done(decision, ())
    }
}

/// `E0000068`: the code is none that counts now.
pub(crate) fn wrong_code() -> Rejection {
    Rejection::Catalogued {
        code: "E0000068",
        causes: vec!["Your passcode doesn't match our records. Please try again.".to_owned()],
    }
}

fn find<'s>(slice: &'s Slice, user: &UserId, id: &FactorId) -> Result<(&'s User, &'s Factor), Rejection> {
    let owner = user::find(slice, user)?;
    let factor = slice.get::<Factor>(id.as_str()).filter(|factor| factor.user_id == *user);
    let factor = factor.ok_or_else(|| Rejection::not_found(id.as_str(), "UserFactor"))?;
    Ok((owner, factor))
}

fn event(event_type: EventType, (actor, origin): (&Actor, &RequestOrigin), user: &User, factor: &Factor) -> LogEvent {
    user::event(event_type, actor, origin, user)
        .debug("factor", factor.factor_type.as_str())
        .debug("factorProvider", &factor.provider)
}
