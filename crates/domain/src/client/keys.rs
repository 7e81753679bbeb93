//! A client's inline keys, one at a time (okta.md 2.1).

use serde_json::Value;
use watchfire_model::{
    id::{ClientId, ClientKeyId},
    log::{Actor, EventType, RequestOrigin},
    object::{Client, ClientMetadata, KeySource, Status},
    row::Decision,
    slice::{Need, Slice},
};
use watchfire_oauth::registration::check_keys;

use super::{Audit, Door};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// What happens to the keys.
#[derive(Clone, Debug)]
pub enum KeyChange {
    /// This JWK comes to them.
    Add(Value),
    /// The key with this id (`pks…`) goes.
    Remove(String),
    /// The key with this id is switched on or off.
    SetStatus(String, Status),
}

/// Changes a client's keys.
#[derive(Clone, Debug)]
pub struct ChangeClientKeys {
    /// Whose.
    pub id: ClientId,
    /// How.
    pub change: KeyChange,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ChangeClientKeys {
    /// The key that was added, removed or switched.
    type Outcome = Value;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<Client>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Value> {
        self.try_decide(slice, context).into()
    }
}

impl ChangeClientKeys {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Value), Rejection> {
        let old = slice
            .get::<Client>(self.id.as_str())
            .ok_or_else(|| Door::Apps.not_found(&self.id))?;
        let mut keys = match &old.metadata.keys {
            Some(KeySource::Jwks(keys)) => keys.clone(),
            None => Vec::new(),
            Some(KeySource::JwksUri(_)) => return Err(fault("The keys of this app are at its jwks_uri")),
        };
        let changed = self.apply(&mut keys, context)?;
        check_keys(&keys).map_err(|error| fault(error.message()))?;
        let client = Client {
            metadata: ClientMetadata {
                keys: Some(KeySource::Jwks(keys)),
                ..old.metadata.clone()
            },
            last_updated: context.now,
            ..old.clone()
        };
        let mut decision = Decision::new();
        decision.put(client.clone());
        Audit::new(&self.actor, &self.origin, &client).log(
            &mut decision,
            context,
            [EventType::OAuthClientUpdate, EventType::ApplicationLifecycleUpdate],
        );
        Ok((decision, changed))
    }

    fn apply(&self, keys: &mut Vec<Value>, context: &mut Context<'_>) -> Result<Value, Rejection> {
        let place = |keys: &[Value], id: &str| {
            let found = keys.iter().position(|key| key.get("id").and_then(Value::as_str) == Some(id));
            found.ok_or_else(|| Rejection::not_found(id, "JsonWebKey"))
        };
        match &self.change {
            KeyChange::Add(jwk) => {
                let mut members = jwk.as_object().cloned().ok_or_else(|| fault("The key must be an object"))?;
                members.insert("id".to_owned(), ClientKeyId::generate(context.ids).as_str().into());
                if members.get("status").is_none_or(Value::is_null) {
                    members.insert("status".to_owned(), Status::Active.as_str().into());
                }
                let added = Value::Object(members);
                keys.push(added.clone());
                Ok(added)
            }
            KeyChange::Remove(id) => Ok(keys.remove(place(keys, id)?)),
            KeyChange::SetStatus(id, status) => {
                let place = place(keys, id)?;
                let members = keys.get_mut(place).and_then(Value::as_object_mut);
                let members = members.ok_or_else(|| fault("The key must be an object"))?;
                members.insert("status".to_owned(), status.as_str().into());
                Ok(Value::Object(members.clone()))
            }
        }
    }
}

/// The faults of keys have a summary of their own (okta.md 2.1).
fn fault(message: &str) -> Rejection {
    Rejection::Invalid {
        field: "JsonWebKey".to_owned(),
        causes: vec![message.to_owned()],
    }
}
