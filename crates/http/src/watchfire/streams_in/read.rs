//! What an administrator says of a stream. Secrets come in here and never go out.

use secrecy::SecretString;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use watchfire_app::{
    App, Error,
    intake::streams_in::{NewAuthorization, NewDelivery, NewStreamIn, StreamEdit, StreamInChange, StreamSource, TokenServer},
};
use watchfire_model::object::DialectName;

use crate::okta::members::{Faults, Members};

/// Characters of a URL.
const MAX_URL: usize = 1_000;
/// Characters of a secret, a key included.
const MAX_SECRET: usize = 16 * 1024;
/// Characters of a name, an id, a scope.
const MAX_TEXT: usize = 1_024;

/// A stream that is to be made. One of `wellKnownUrl`, `issuer` and `providerId` says whose.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(crate) struct NewStream {
    /// The transmitter's metadata.
    well_known_url: Option<String>,
    /// The transmitter's issuer; its metadata is looked for.
    issuer: Option<String>,
    /// A security events provider that is known.
    provider_id: Option<String>,
    /// The issuer in the metadata, where it is not the one that its address stands for, and that is right.
    issuer_override: Option<String>,
    /// The name of a provider that is made with it.
    name: Option<String>,
    /// How such a provider is read; `standard` when absent.
    profile: Option<String>,
    /// Endpoints that the metadata lacks: `status_endpoint` and the like.
    endpoints: Option<Value>,
    /// How SETs shall come: pushed where the org URL is https, else polled.
    delivery: Option<NewStreamDelivery>,
    /// How we authenticate at the transmitter.
    authorization: NewStreamAuthorization,
    /// `aud` that is expected; what the transmitter says when absent.
    audience: Option<Vec<String>>,
    /// Event types to ask for; those of CAEP and RISC when absent.
    events_requested: Option<Vec<String>>,
    /// For people, here and at the transmitter.
    description: Option<String>,
    /// `format` to ask for, as some transmitters demand.
    subject_format: Option<String>,
    /// The `stream_id` of a stream that is there already.
    adopt: Option<String>,
    /// Whether to ask for a verification event at once; true when absent.
    verify: Option<bool>,
}

/// How SETs shall come.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct NewStreamDelivery {
    /// `push` or `poll`
    method: String,
    /// Whether polls wait for an event.
    long_poll: Option<bool>,
}

/// How we authenticate. Secrets are not shown again.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct NewStreamAuthorization {
    /// `bearer`, `client_secret_basic`, `client_secret_post` or `private_key_jwt`
    #[schema(rename = "type")]
    r#type: String,
    /// The token, for `bearer`.
    token: Option<String>,
    /// The token endpoint.
    token_url: Option<String>,
    /// The authorization server, which says where its token endpoint is.
    authorization_server: Option<String>,
    /// Our client id there.
    client_id: Option<String>,
    /// The secret, for `client_secret_*`.
    client_secret: Option<String>,
    /// The private key as a JWK or PEM, for `private_key_jwt`; one is made when absent.
    key: Option<Value>,
    /// What is asked for; `ssf.read ssf.manage` when absent.
    scope: Option<String>,
}

/// What is changed of a stream.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct ChangedStream {
    /// Event types to ask for.
    events_requested: Option<Vec<String>>,
    /// For people; an empty text takes it away.
    description: Option<String>,
    /// `aud` that is expected from now on.
    audience: Option<Vec<String>>,
    /// Whether polls wait for an event.
    long_poll: Option<bool>,
    /// How we authenticate from now on.
    authorization: Option<NewStreamAuthorization>,
}

/// A status.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct NewStatus {
    /// `enabled`, `paused` or `disabled`
    status: String,
    /// Why, for the transmitter.
    reason: Option<String>,
}

/// A subject.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct NewSubject {
    /// A subject identifier.
    subject: Value,
    /// Whether we know that the subject is who it says; only when it is added.
    verified: Option<bool>,
}

/// Members of a stream that is to be made.
const NEW: [&str; 15] = [
    "wellKnownUrl",
    "issuer",
    "providerId",
    "issuerOverride",
    "name",
    "profile",
    "endpoints",
    "delivery",
    "authorization",
    "audience",
    "eventsRequested",
    "description",
    "subjectFormat",
    "adopt",
    "verify",
];

/// Members of a change.
const CHANGED: [&str; 5] = ["eventsRequested", "description", "audience", "longPoll", "authorization"];

/// Members of how we authenticate, each of some types.
const AUTHORIZATION: [&str; 8] = [
    "type",
    "token",
    "tokenUrl",
    "authorizationServer",
    "clientId",
    "clientSecret",
    "key",
    "scope",
];

/// Reads a stream that is to be made.
pub(super) fn new_stream(body: &Value, app: &App) -> Result<NewStreamIn, Error> {
    let members = Members::of(body)?;
    let mut faults = Faults::default();
    members.known(&NEW, &mut faults);
    let source = source(&members, &mut faults);
    let text = |name: &str, faults: &mut Faults| members.text(name, MAX_TEXT, faults);
    let issuer_override = text("issuerOverride", &mut faults);
    let name = text("name", &mut faults);
    let profiles = DialectName::ALL.map(|it| (it.as_str(), it));
    let dialect = members.choice("profile", &profiles, &mut faults);
    let delivery = delivery(&members.child("delivery", &mut faults), app, &mut faults);
    members.require("authorization", &mut faults);
    let authorization = authorization(&members.child("authorization", &mut faults), &mut faults);
    let audience = members.texts("audience", &mut faults);
    let events = members.texts("eventsRequested", &mut faults);
    let new = NewStreamIn {
        source: source.unwrap_or(StreamSource::Issuer(String::new())),
        issuer_override,
        name,
        dialect,
        endpoints: endpoints(&members, &mut faults),
        delivery,
        authorization: authorization.unwrap_or(NewAuthorization::Bearer {
            token: SecretString::default(),
        }),
        audience,
        events_requested: members.value("eventsRequested").map(|_| events),
        description: members.text("description", 256, &mut faults),
        subject_format: text("subjectFormat", &mut faults),
        adopt: text("adopt", &mut faults),
        verify: members.boolean("verify", &mut faults).unwrap_or(true),
    };
    faults.or(new)
}

/// Reads what is changed.
pub(super) fn changed_stream(body: &Value) -> Result<StreamInChange, Error> {
    let members = Members::of(body)?;
    let mut faults = Faults::default();
    members.known(&CHANGED, &mut faults);
    let events = members.texts("eventsRequested", &mut faults);
    let audience = members.texts("audience", &mut faults);
    let authorization = members
        .value("authorization")
        .and_then(|_| authorization(&members.child("authorization", &mut faults), &mut faults));
    let change = StreamInChange {
        edit: StreamEdit {
            events_requested: members.value("eventsRequested").map(|_| events),
            description: members.text("description", 256, &mut faults),
            authorization: None,
            long: members.boolean("longPoll", &mut faults),
            audience: members.value("audience").map(|_| audience),
        },
        authorization,
    };
    faults.or(change)
}

/// Reads a subject, and whether it is verified.
pub(super) fn subject(body: &Value) -> Result<(Value, Option<bool>), Error> {
    let members = Members::of(body)?;
    let mut faults = Faults::default();
    members.known(&["subject", "verified"], &mut faults);
    members.require("subject", &mut faults);
    let verified = members.boolean("verified", &mut faults);
    let subject = members.value("subject").cloned().unwrap_or_default();
    faults.or((subject, verified))
}

fn source(members: &Members<'_>, faults: &mut Faults) -> Option<StreamSource> {
    let url = members.text("wellKnownUrl", MAX_URL, faults).map(StreamSource::WellKnown);
    let issuer = members.text("issuer", MAX_URL, faults).map(StreamSource::Issuer);
    let provider = members.text("providerId", MAX_TEXT, faults).map(StreamSource::Provider);
    let mut given = [url, issuer, provider].into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(source), None) => Some(source),
        _ => {
            faults.add("issuer", "Exactly one of wellKnownUrl, issuer and providerId must be given");
            None
        }
    }
}

fn endpoints(members: &Members<'_>, faults: &mut Faults) -> Map<String, Value> {
    let given = members.value("endpoints").map(|value| value.as_object().cloned());
    match given {
        None => Map::new(),
        Some(Some(endpoints)) if endpoints.values().all(Value::is_string) => endpoints,
        Some(_) => {
            faults.add("endpoints", "Invalid value");
            Map::new()
        }
    }
}

/// DEL-03: pushed where a transmitter can reach us.
fn delivery(members: &Members<'_>, app: &App, faults: &mut Faults) -> NewDelivery {
    members.known(&["method", "longPoll"], faults);
    let method = members.choice("method", &[("push", true), ("poll", false)], faults);
    let long = members.boolean("longPoll", faults).unwrap_or(false);
    let is_public = app.settings().org_url.starts_with("https://");
    if method.unwrap_or(is_public) {
        NewDelivery::Push
    } else {
        NewDelivery::Poll { long }
    }
}

const KINDS: [(&str, Kind); 4] = [
    ("bearer", Kind::Bearer),
    ("client_secret_basic", Kind::Secret { in_body: false }),
    ("client_secret_post", Kind::Secret { in_body: true }),
    ("private_key_jwt", Kind::Key),
];

#[derive(Clone, Copy)]
enum Kind {
    Bearer,
    Secret { in_body: bool },
    Key,
}

fn authorization(members: &Members<'_>, faults: &mut Faults) -> Option<NewAuthorization> {
    members.known(&AUTHORIZATION, faults);
    members.require("type", faults);
    let kind = members.choice("type", &KINDS, faults)?;
    let secret = |name: &str, faults: &mut Faults| SecretString::from(members.required_text(name, MAX_SECRET, faults));
    if matches!(kind, Kind::Bearer) {
        return Some(NewAuthorization::Bearer {
            token: secret("token", faults),
        });
    }
    let server = server(members, faults)?;
    let client_id = members.required_text("clientId", MAX_TEXT, faults);
    let scope = members.text("scope", MAX_TEXT, faults);
    Some(match kind {
        Kind::Bearer => return None,
        Kind::Secret { in_body } => NewAuthorization::ClientSecret {
            server,
            client_id,
            secret: secret("clientSecret", faults),
            in_body,
            scope,
        },
        Kind::Key => NewAuthorization::PrivateKeyJwt {
            server,
            client_id,
            key: members.value("key").map(|key| match key {
                Value::String(text) => SecretString::from(text.as_str()),
                jwk => SecretString::from(jwk.to_string()),
            }),
            scope,
        },
    })
}

fn server(members: &Members<'_>, faults: &mut Faults) -> Option<TokenServer> {
    let endpoint = members.text("tokenUrl", MAX_URL, faults).map(TokenServer::Endpoint);
    let issuer = members.text("authorizationServer", MAX_URL, faults).map(TokenServer::Issuer);
    let found = endpoint.or(issuer);
    if found.is_none() {
        faults.add(members.path_of("tokenUrl"), "The field cannot be left blank");
    }
    found
}
