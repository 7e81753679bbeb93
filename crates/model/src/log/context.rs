//! The parts of an event (okta.md 8.4). The serde forms are stored, and their names are the wire's,
//! so that a filter's path is a path in the stored document too.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    id::{ApiTokenId, ClientId, OrgId},
    signal::RiskLevel,
};

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// An object's id, or `unknown`.
    pub id: String,
    /// `User`, `SystemPrincipal`, `PublicClientApp`, `SecurityEventProvider`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// A login, a client id: a second name that is unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternate_id: Option<String>,
    /// A name for people, as it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

impl Actor {
    /// Somebody or something of this kind.
    pub fn new(kind: &str, id: impl Into<String>, alternate_id: impl Into<String>, display_name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind: kind.to_owned(),
            alternate_id: Some(alternate_id.into()),
            display_name: Some(display_name.into()),
        }
    }

    /// A user, administrators included.
    pub fn user(id: impl Into<String>, login: impl Into<String>, display_name: impl Into<String>) -> Self {
        Self::new("User", id, login, display_name)
    }

    /// Whoever tried this login, which names nobody.
    pub fn unknown_user(login: impl Into<String>) -> Self {
        Self::new("User", "unknown", login, "unknown")
    }

    /// A service app that called with its own token (okta.md 8.6).
    pub fn client_app(id: &ClientId, label: impl Into<String>) -> Self {
        Self::new("PublicClientApp", id.as_str(), id.as_str(), label)
    }

    /// The server itself, for its organisation.
    pub fn system(org: &OrgId) -> Self {
        Self::new("SystemPrincipal", org.as_str(), "system", "System")
    }
}

/// To whom or what something was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The object's id.
    pub id: String,
    /// `User`, `AppInstance`, `RiskProvider`, `PolicyEntity`, `PolicyRule`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// A login, a client id: a second name that is unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternate_id: Option<String>,
    /// A name for people, as it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// More, as the event type says; an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail_entry: Option<serde_json::Map<String, serde_json::Value>>,
    /// What changed: `{"from": …, "to": …}`. No filter can ask for it (okta.md 8.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_details: Option<serde_json::Value>,
}

impl Target {
    /// An object of this kind under the name that it had.
    pub fn new(kind: &str, id: impl Into<String>, display_name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind: kind.to_owned(),
            alternate_id: None,
            display_name: Some(display_name.into()),
            detail_entry: None,
            change_details: None,
        }
    }

    /// A user.
    pub fn user(id: impl Into<String>, login: impl Into<String>, display_name: impl Into<String>) -> Self {
        Self::new("User", id, display_name).alternate_id(login)
    }

    /// Sets the second name.
    #[must_use]
    pub fn alternate_id(mut self, alternate_id: impl Into<String>) -> Self {
        self.alternate_id = Some(alternate_id.into());
        self
    }

    /// Adds a member to `detailEntry`.
    #[must_use]
    pub fn detail(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
        let details = self.detail_entry.get_or_insert_default();
        details.insert(key.to_owned(), value.into());
        self
    }

    /// Sets what changed.
    #[must_use]
    pub fn changed(mut self, from: serde_json::Value, to: serde_json::Value) -> Self {
        let both = [("from".to_owned(), from), ("to".to_owned(), to)];
        self.change_details = Some(serde_json::Value::Object(both.into_iter().collect()));
        self
    }
}

/// Where a request came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientContext {
    /// The `User-Agent` header and what it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<UserAgent>,
    /// The network zone's name; none is the wire's string `"null"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// `Computer`, `Mobile`, `Unknown`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The OAuth client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ClientId>,
    /// The client's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<IpAddr>,
    /// Where that address is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geographical_context: Option<GeographicalContext>,
}

/// A `User-Agent` header and what it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserAgent {
    /// The header.
    pub raw_user_agent: String,
    /// The operating system, such as `Linux`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// The browser in upper case, such as `FIREFOX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
}

/// Where an address is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GeographicalContext {
    /// Its city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Its state or region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Its country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Its postal code: always a string (okta.md 13, row 29).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Its coordinates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geolocation: Option<Geolocation>,
}

/// A place on the globe.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Geolocation {
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
}

/// How the actor had signed in. The step is always 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticationContext {
    /// One of the enumeration of okta.md 8.4, such as `OKTA_AUTHENTICATION_PROVIDER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication_provider: Option<String>,
    /// One of the enumeration of okta.md 8.4, such as `OKTA_CREDENTIAL_PROVIDER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_provider: Option<String>,
    /// One of the enumeration of okta.md 8.4, such as `PASSWORD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_type: Option<String>,
    /// Who issued the credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Issuer>,
    /// The front door that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The session as the outside may name it; never one that opens anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_session_id: Option<String>,
    /// The session that this one grew from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_session_id: Option<String>,
}

impl AuthenticationContext {
    /// A password that we checked ourselves (okta.md 8.5).
    pub fn password() -> Self {
        Self {
            authentication_provider: Some("OKTA_AUTHENTICATION_PROVIDER".to_owned()),
            credential_provider: Some("OKTA_CREDENTIAL_PROVIDER".to_owned()),
            credential_type: Some("PASSWORD".to_owned()),
            ..Self::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Who issued a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// Its id.
    pub id: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: String,
}

/// How something ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// In one word.
    pub result: OutcomeResult,
    /// Why, 1 to 255 characters on the wire; an empty text goes out as `null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Outcome {
    /// `SUCCESS` without a reason.
    pub const fn success() -> Self {
        Self {
            result: OutcomeResult::Success,
            reason: None,
        }
    }

    /// `FAILURE` with its reason.
    pub fn failure(reason: impl Into<String>) -> Self {
        Self::of(OutcomeResult::Failure).because(reason)
    }

    /// This result without a reason.
    pub const fn of(result: OutcomeResult) -> Self {
        Self { result, reason: None }
    }

    /// With this reason.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into()).filter(|reason: &String| !reason.is_empty());
        self
    }
}

/// The results that clients know (okta.md 8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OutcomeResult {
    /// It was done.
    Success,
    /// It was not done.
    Failure,
    /// There was nothing to do.
    Skipped,
    /// A policy let it through.
    Allow,
    /// A policy refused it.
    Deny,
    /// A policy asked for more.
    Challenge,
    /// Nobody knows.
    Unknown,
    /// A rate limit refused it.
    RateLimit,
    /// It was put off.
    Deferred,
    /// It is planned.
    Scheduled,
    /// It was given up.
    Abandoned,
    /// Nobody answered.
    Unanswered,
}

impl OutcomeResult {
    /// Every result.
    pub const ALL: [Self; 12] = [
        Self::Success,
        Self::Failure,
        Self::Skipped,
        Self::Allow,
        Self::Deny,
        Self::Challenge,
        Self::Unknown,
        Self::RateLimit,
        Self::Deferred,
        Self::Scheduled,
        Self::Abandoned,
        Self::Unanswered,
    ];

    /// The result as it is stored and goes over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
            Self::Skipped => "SKIPPED",
            Self::Allow => "ALLOW",
            Self::Deny => "DENY",
            Self::Challenge => "CHALLENGE",
            Self::Unknown => "UNKNOWN",
            Self::RateLimit => "RATE_LIMIT",
            Self::Deferred => "DEFERRED",
            Self::Scheduled => "SCHEDULED",
            Self::Abandoned => "ABANDONED",
            Self::Unanswered => "UNANSWERED",
        }
    }
}

/// What an event was part of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// A request or something of our own.
    #[serde(rename = "type")]
    pub kind: TransactionType,
    /// The request's id, or the job's.
    pub id: String,
    /// The API token that the request used: `detail.requestApiTokenId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_api_token_id: Option<ApiTokenId>,
}

impl Transaction {
    /// Something that the server does by itself.
    pub fn job(id: impl Into<String>) -> Self {
        Self {
            kind: TransactionType::Job,
            id: id.into(),
            request_api_token_id: None,
        }
    }
}

impl Default for Transaction {
    fn default() -> Self {
        Self::job("unknown")
    }
}

/// The kinds of transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TransactionType {
    /// A request.
    Web,
    /// Something that the server does by itself.
    Job,
}

impl TransactionType {
    /// The kind as it goes over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "WEB",
            Self::Job => "JOB",
        }
    }
}

/// What was known of the address, and the risk that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityContext {
    /// The autonomous system's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_number: Option<u32>,
    /// The autonomous system's organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_org: Option<String>,
    /// The internet provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isp: Option<String>,
    /// The address's domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Whether the address is a proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_proxy: Option<bool>,
    /// The risk that was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<RiskContext>,
    /// How the sign-in compares with the user's history; none is `null` on the wire.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_behaviors: Vec<UserBehavior>,
}

impl SecurityContext {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A risk that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RiskContext {
    /// How high it is.
    pub level: RiskLevel,
    /// How high it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_level: Option<RiskLevel>,
    /// Why, in the words of okta.md 8.6.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// What found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection_name: Option<String>,
    /// Whose word it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

impl RiskContext {
    /// A level with its reasons.
    pub const fn new(level: RiskLevel, reasons: Vec<String>) -> Self {
        Self {
            level,
            previous_level: None,
            reasons,
            detection_name: None,
            issuer: None,
        }
    }
}

/// How a sign-in compares with the user's history in one respect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserBehavior {
    /// The behaviour setting's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name, such as `New Device`.
    pub name: String,
    /// Whether it was seen.
    pub result: BehaviorResult,
}

/// Whether a behaviour was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BehaviorResult {
    /// It was.
    Positive,
    /// It was not.
    Negative,
    /// There is too little history.
    Unknown,
    /// The request does not tell.
    BadRequest,
}

impl BehaviorResult {
    /// The result as it goes over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "POSITIVE",
            Self::Negative => "NEGATIVE",
            Self::Unknown => "UNKNOWN",
            Self::BadRequest => "BAD_REQUEST",
        }
    }
}

/// One address that a request came through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IpHop {
    /// The address.
    pub ip: IpAddr,
    /// Who said so; `null` for what we saw ourselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geographical_context: Option<GeographicalContext>,
}

impl IpHop {
    /// An address of which nothing else is known.
    pub const fn new(ip: IpAddr) -> Self {
        Self {
            ip,
            source: None,
            geographical_context: None,
        }
    }

    /// `V4` or `V6`.
    pub const fn version(&self) -> &'static str {
        match self.ip {
            IpAddr::V4(_) => "V4",
            IpAddr::V6(_) => "V6",
        }
    }
}

/// What a request says about itself, for every event that it causes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestOrigin {
    /// Where it came from.
    pub client: ClientContext,
    /// The addresses that it came through: client, first proxy, …
    #[serde(default)]
    pub ip_chain: Vec<IpHop>,
    /// What is known of the client's network.
    #[serde(default, skip_serializing_if = "SecurityContext::is_empty")]
    pub network: SecurityContext,
    /// Its id, which is the transaction's.
    pub request_id: String,
    /// Its path.
    pub request_uri: String,
    /// Its path with `?` and the query.
    pub url: String,
    /// The API token that it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_token_id: Option<ApiTokenId>,
}
