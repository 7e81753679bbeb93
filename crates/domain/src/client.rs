//! Registering, changing and removing OAuth clients, which are apps too (okta.md 1.2, 2.1).

mod keys;
mod lifecycle;
mod removal;
mod roles;

pub use self::{
    keys::{ChangeClientKeys, KeyChange},
    lifecycle::{RenewClientSecret, SetClientStatus},
    removal::DeleteClient,
    roles::{ChangeClientRoles, ROLES, RoleChange},
};

use serde_json::{Map, Value};
use watchfire_model::{
    id::ClientId,
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{Client, Status},
    row::Decision,
    slice::{Need, Slice},
};
use watchfire_oauth::{
    error::OAuthError,
    registration::{self, Rules},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// The type in an unknown client's error text (okta.md 11.6).
pub(crate) const KIND: &str = "PublicClientApp";
/// The type in an unknown app's error text.
pub(crate) const APP_KIND: &str = "OAuth2AppInstance";

/// Through which door a client is managed: the words of its faults differ (okta.md 1.2.2, 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Dynamic client registration.
    Registration,
    /// The apps API.
    Apps,
}

impl Door {
    /// Nothing has this id.
    pub fn not_found(self, id: &ClientId) -> Rejection {
        Rejection::not_found(id.as_str(), if self == Self::Apps { APP_KIND } else { KIND })
    }

    const fn consent_method(self) -> &'static str {
        match self {
            Self::Registration => "REQUIRED",
            Self::Apps => "TRUSTED",
        }
    }

    fn refuse(self, error: registration::RegistrationError) -> Rejection {
        match self {
            Self::Registration => OAuthError::from(error).into(),
            Self::Apps => {
                let field = match error.member() {
                    "client_name" => "label".to_owned(),
                    method @ "token_endpoint_auth_method" => format!("credentials.oauthClient.{method}"),
                    other => format!("settings.oauthClient.{other}"),
                };
                Rejection::invalid(&field, error.message())
            }
        }
    }
}

impl From<OAuthError> for Rejection {
    fn from(error: OAuthError) -> Self {
        Self::OAuth {
            status: error.status,
            error: error.error,
            description: error.description.into_owned(),
        }
    }
}

/// Registers a client.
#[derive(Clone, Debug)]
pub struct CreateClient {
    /// The door.
    pub door: Door,
    /// The metadata as it was sent (okta.md 1.2.1).
    pub metadata: Value,
    /// What the installation allows.
    pub rules: Rules,
    /// Hash of a fresh secret, kept if the client's method needs one.
    pub secret_hash: String,
    /// Whether it works at once.
    pub status: Status,
    /// Members of the app object that are kept and echoed.
    pub app: Map<String, Value>,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for CreateClient {
    type Outcome = Client;

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn decide(&self, _: &Slice, context: &mut Context<'_>) -> Decided<Client> {
        let metadata = match registration::create(&self.metadata, self.rules, context.ids) {
            Ok(metadata) => metadata,
            Err(error) => return Decided::rejected(self.door.refuse(error)),
        };
        let client = Client {
            id: ClientId::generate(context.ids),
            secret_hash: metadata
                .token_endpoint_auth_method
                .has_secret()
                .then(|| self.secret_hash.clone()),
            metadata,
            status: self.status,
            consent_method: self.door.consent_method().to_owned(),
            app: self.app.clone(),
            created: context.now,
            last_updated: context.now,
        };
        let mut decision = Decision::new();
        decision.put(client.clone());
        let audit = Audit::new(&self.actor, &self.origin, &client);
        audit.log(
            &mut decision,
            context,
            [EventType::OAuthClientCreate, EventType::ApplicationLifecycleCreate],
        );
        Decided::done(decision, client)
    }
}

/// Replaces what a client registered. Its secret, status and grants stay.
#[derive(Clone, Debug)]
pub struct ReplaceClient {
    /// The door.
    pub door: Door,
    /// Which one.
    pub id: ClientId,
    /// The metadata as it was sent.
    pub metadata: Value,
    /// What the installation allows.
    pub rules: Rules,
    /// Hash of a fresh secret, kept if the client now needs one and has none.
    pub secret_hash: String,
    /// The kept members of the app object; `None` leaves them.
    pub app: Option<Map<String, Value>>,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ReplaceClient {
    type Outcome = Client;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<Client>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Client> {
        self.try_decide(slice, context).into()
    }
}

impl ReplaceClient {
    /// Roles are no member of the app object: a replacement leaves them.
    fn kept_app(&self, old: &Client) -> Map<String, Value> {
        let Some(mut app) = self.app.clone() else {
            return old.app.clone();
        };
        if let Some(roles) = old.app.get(ROLES) {
            app.insert(ROLES.to_owned(), roles.clone());
        }
        app
    }

    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Client), Rejection> {
        let old = slice
            .get::<Client>(self.id.as_str())
            .ok_or_else(|| self.door.not_found(&self.id))?;
        let metadata =
            registration::replace(&self.metadata, old, self.rules, context.ids).map_err(|error| self.door.refuse(error))?;
        let secret_hash = old.secret_hash.clone().unwrap_or_else(|| self.secret_hash.clone());
        let client = Client {
            secret_hash: metadata.token_endpoint_auth_method.has_secret().then_some(secret_hash),
            metadata,
            app: self.kept_app(old),
            last_updated: context.now,
            ..old.clone()
        };
        let mut decision = Decision::new();
        decision.put(client.clone());
        let audit = Audit::new(&self.actor, &self.origin, &client);
        audit.log(
            &mut decision,
            context,
            [EventType::OAuthClientUpdate, EventType::ApplicationLifecycleUpdate],
        );
        Ok((decision, client))
    }
}

/// Who did what to a client: the event of the client, then the one of its app (okta.md 1.2.3).
struct Audit<'a> {
    actor: &'a Actor,
    origin: &'a RequestOrigin,
    client: &'a Client,
}

impl<'a> Audit<'a> {
    const fn new(actor: &'a Actor, origin: &'a RequestOrigin, client: &'a Client) -> Self {
        Self { actor, origin, client }
    }

    fn event(&self, event_type: EventType) -> LogEvent {
        LogEvent::new(event_type, self.actor.clone()).from_request(self.origin)
    }

    fn log(&self, decision: &mut Decision, context: &mut Context<'_>, [client, app]: [EventType; 2]) {
        for (event_type, kind) in [(client, KIND), (app, "AppInstance")] {
            context.log(decision, self.event(event_type).target(target(kind, self.client)));
        }
    }
}

/// The client in an event, under this type's name.
pub(crate) fn target(kind: &str, client: &Client) -> Target {
    Target::new(kind, client.id.as_str(), &client.metadata.client_name).alternate_id(client.id.as_str())
}
