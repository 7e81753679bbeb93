//! Changing the key that signs access tokens (okta.md 1.6): next, active, retired, gone.

use std::time::Duration;

use watchfire_model::{
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{KeyState, Kind, SigningKey},
    row::Decision,
    slice::{Need, Slice},
};
use watchfire_oauth::access_token::LIFETIME_SECONDS;

use crate::{
    bootstrap::NewSigningKey,
    command::{Command, Context, Decided},
};

/// A token may be signed a moment after the decision that issued it.
const SIGNING_LEEWAY: Duration = Duration::from_secs(60);

/// The next key becomes the active one, and the active one is retired: it stays published until the
/// last token that it signed has expired.
#[derive(Clone, Debug)]
pub struct RotateSigningKeys {
    /// Becomes the next key.
    pub fresh: NewSigningKey,
    /// Becomes the active key where no next one is published yet.
    pub spare: Option<NewSigningKey>,
    /// Who asks.
    pub actor: Actor,
    /// From where; the server itself has no request.
    pub origin: Option<RequestOrigin>,
}

impl Command for RotateSigningKeys {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<SigningKey>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let mut decision = Decision::new();
        let keys = slice.all::<SigningKey>();
        let published = keys.iter().find(|key| key.state == KeyState::Next);
        let next = match (published, &self.spare) {
            (Some(next), _) => SigningKey::clone(next),
            (None, Some(spare)) => spare.clone().into_key(KeyState::Next, context.now),
            // Two rotations at one time: the other has just done what this one is for.
            (None, None) => return Decided::done(decision, ()),
        };
        for key in &keys {
            match key.state {
                KeyState::Active => {
                    let last_token = Duration::from_secs(LIFETIME_SECONDS.unsigned_abs());
                    decision.put(SigningKey {
                        state: KeyState::Retired,
                        retire_at: Some(context.now.plus(last_token).plus(SIGNING_LEEWAY)),
                        ..SigningKey::clone(key)
                    });
                }
                KeyState::Retired if key.retire_at.is_some_and(|at| at <= context.now) => {
                    decision.delete(Kind::SigningKey, &key.kid);
                }
                KeyState::Next | KeyState::Retired => {}
            }
        }
        let mut event = LogEvent::new(EventType::OAuthKeyRollover, self.actor.clone()).target(Target::new(
            "SigningKey",
            &next.kid,
            &next.kid,
        ));
        if let Some(origin) = &self.origin {
            event = event.from_request(origin);
        }
        decision.put(SigningKey {
            state: KeyState::Active,
            ..next
        });
        decision.put(self.fresh.clone().into_key(KeyState::Next, context.now));
        context.log(&mut decision, event);
        Decided::done(decision, ())
    }
}
