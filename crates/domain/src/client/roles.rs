//! Administrator roles of a client (okta.md 1.9). They are kept and shown; a granted scope is
//! sufficient here (okta.md 1.1), so nothing is decided by them.

use serde_json::{Value, json};
use watchfire_model::{
    id::{ClientId, IdSource},
    log::{Actor, EventType, RequestOrigin},
    object::Client,
    row::Decision,
    slice::{Need, Slice},
};

use super::{Audit, Door, target};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// Under which member of the app the roles are kept: a list of `{id, type, created}`.
pub const ROLES: &str = "roles";
/// Roles have no prefix of their own in the contract.
const ID_PREFIX: &str = "irb";

/// What happens to the roles.
#[derive(Clone, Debug)]
pub enum RoleChange {
    /// This type is assigned.
    Assign(String),
    /// The assignment with this id goes.
    Remove(String),
}

/// Changes a client's roles.
#[derive(Clone, Debug)]
pub struct ChangeClientRoles {
    /// Whose.
    pub id: ClientId,
    /// How.
    pub change: RoleChange,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ChangeClientRoles {
    /// The assignment that came or went.
    type Outcome = Value;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<Client>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Value> {
        self.try_decide(slice, context).into()
    }
}

impl ChangeClientRoles {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Value), Rejection> {
        let mut client = slice
            .get::<Client>(self.id.as_str())
            .ok_or_else(|| Door::Registration.not_found(&self.id))?
            .clone();
        let mut roles = client.app.get(ROLES).and_then(Value::as_array).cloned().unwrap_or_default();
        let has = |role: &Value, member: &str, text: &str| role.get(member).and_then(Value::as_str) == Some(text);
        let (changed, event_type) = match &self.change {
            RoleChange::Assign(kind) => {
                if roles.iter().any(|role| has(role, "type", kind)) {
                    return Err(Rejection::catalogued("E0000090"));
                }
                let role = json!({"id": new_id(context.ids), "type": kind, "created": context.now});
                roles.push(role.clone());
                (role, EventType::UserPrivilegeGrant)
            }
            RoleChange::Remove(id) => {
                let place = roles.iter().position(|role| has(role, "id", id));
                let place = place.ok_or_else(|| Rejection::not_found(id, "RoleAssignment"))?;
                (roles.remove(place), EventType::UserPrivilegeRevoke)
            }
        };
        client.app.insert(ROLES.to_owned(), Value::Array(roles));
        client.last_updated = context.now;
        let audit = Audit::new(&self.actor, &self.origin, &client);
        let event = audit.event(event_type).target(target(super::KIND, &client)).debug(
            "privilegeGranted",
            changed.get("type").and_then(Value::as_str).unwrap_or_default(),
        );
        let mut decision = Decision::new();
        decision.put(client.clone());
        context.log(&mut decision, event);
        Ok((decision, changed))
    }
}

fn new_id(ids: &mut dyn IdSource) -> String {
    ids.next_id(ID_PREFIX)
}
