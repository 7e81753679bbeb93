//! What an organisation keeps: the documents that administrators and sign-ins change.
//!
//! Every object has a kind, an id, perhaps a parent and perhaps a natural key that no second object
//! of its kind may have. The store keeps these four beside the document; the document itself is
//! the serde form of the structs here and changes only by adding members that have a default.

mod action;
mod administrator;
mod behavior;
mod client;
mod console_sign_in;
mod draft;
mod entity_risk;
mod entity_risk_policy;
mod feedback;
mod log_stream;
mod org;
mod passkey;
mod policy;
mod policy_snapshot;
mod population;
mod risk_learning;
mod risk_provider;
mod saved_search;
mod security_events_provider;
mod sign_in;
mod stream_in;
mod user;
mod zone;

pub use self::{
    action::{
        Action, ActionCall, ActionCause, ActionState, Attempt, EventHook, Lease, LogoutEndpoint, ProviderReach, RetiringSecret,
        Workflow,
    },
    administrator::{AdminRole, AdminSession, Administrator, Invitation},
    behavior::{BehaviorRule, BehaviorSettings, EventWindow, Granularity},
    client::{AuthMethod, Client, ClientMetadata, Grant, KeySource},
    console_sign_in::{AdministratorLink, ConsoleSignIn, OidcAuthentication, OidcProvider, OwnFactor},
    draft::{BehaviorDraft, PolicyDraft, RuleDraft, ZoneDraft},
    entity_risk::{Cause, CauseKind, CauseSource, EntityRisk, Fact, LinkRef, Sharing, SubjectLink},
    entity_risk_policy::{
        Detection, DetectionCondition, EntityRiskAction, EntityRiskConditions, EntityRiskPolicy, EntityRiskRule, LogoutSelection,
    },
    feedback::{Feedback, FeedbackEffects, FeedbackLabel, FeedbackSubject, FeedbackTrace},
    log_stream::{LogStream, LogStreamFormat, LogStreamLease, LogStreamProgress, LogStreamTarget},
    org::{ApiToken, KeyState, Org, RevokedToken, SigningKey, TokenNetwork},
    passkey::Passkey,
    policy::{
        Access, ApplicationCondition, FactorPrompt, NetworkCondition, NetworkConnection, Policy, RiskScoreLevel, Rule,
        RuleConditions, RuleMode, ScoreRange, SignOnAction, SignOnSession,
    },
    policy_snapshot::PolicySnapshot,
    population::{PopulationPart, PopulationSnapshot},
    risk_learning::{
        EvidenceDay, LevelFloor, LevelLabels, ProviderLabels, ProviderTuning, RiskLearning, RiskTuning, ThresholdLearning,
        ThresholdTuning,
    },
    risk_provider::{ProviderAction, RiskProvider},
    saved_search::{LogSearch, SavedSearch},
    security_events_provider::{DialectName, ProviderProfile, SecurityEventsProvider},
    sign_in::{
        Asked, AskedBy, Lesson, Named, RuleOutcome, SignInClient, SignInProfile, SignInRecord, SignInRisk, SignInState,
        SignInVerdict,
    },
    stream_in::{PendingVerification, StreamAuthorization, StreamDelivery, StreamIn, StreamStatus, UnsentAcks},
    user::{
        AuthnState, AuthnTransaction, Factor, FactorState, FactorType, Group, GroupType, Membership, Session, SessionToken, User,
        UserStatus,
    },
    zone::{DynamicZone, ProxyType, Zone, ZoneEntry, ZoneLists, ZoneLocation, ZoneUsage},
};

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Whether something is switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// In use.
    #[default]
    Active,
    /// Kept, not used.
    Inactive,
}

impl Status {
    /// The status as it goes over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
        }
    }
}

macro_rules! objects {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// The kinds of object. The text is what the store's `kind` column holds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)*];

            /// The stored name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }

        /// One object of any kind.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object { $($(#[$doc])* $kind(Box<$kind>),)* }

        impl Object {
            /// Which kind it is.
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }

            /// Its keys in the store.
            pub fn keys(&self) -> Keys {
                match self { $(Self::$kind(it) => it.keys(),)* }
            }

            /// The stored document.
            ///
            /// # Errors
            /// Only when a member cannot be written as JSON, which the types here rule out.
            pub fn to_document(&self) -> Result<String, serde_json::Error> {
                match self { $(Self::$kind(it) => serde_json::to_string(it),)* }
            }

            /// Reads a stored document back.
            ///
            /// # Errors
            /// When the document is not one of `kind`: the store is corrupt.
            pub fn from_document(kind: Kind, document: &str) -> Result<Self, serde_json::Error> {
                match kind { $(Kind::$kind => serde_json::from_str(document).map(|it| Self::$kind(Box::new(it))),)* }
            }
        }

        $(
            impl From<$kind> for Object {
                fn from(it: $kind) -> Self {
                    Self::$kind(Box::new(it))
                }
            }

            impl TypedObject for $kind {
                const KIND: Kind = Kind::$kind;
                fn from_object(object: Object) -> Option<Self> {
                    match object { Object::$kind(it) => Some(*it), _ => None }
                }
                fn from_object_ref(object: &Object) -> Option<&Self> {
                    match object { Object::$kind(it) => Some(it), _ => None }
                }
            }
        )*
    };
}

objects! {
    /// The organisation itself; there is one.
    Org = "org",
    /// An administrator's API token.
    ApiToken = "api_token",
    /// A key that signs access tokens.
    SigningKey = "signing_key",
    /// An access token that was revoked before its time.
    RevokedToken = "revoked_token",
    /// An OAuth client and its app.
    Client = "client",
    /// A scope granted to a client.
    Grant = "grant",
    /// A risk provider.
    RiskProvider = "risk_provider",
    /// A user.
    User = "user",
    /// A group.
    Group = "group",
    /// A user's place in a group.
    Membership = "membership",
    /// A second factor of a user.
    Factor = "factor",
    /// What is remembered of a user's sign-ins.
    SignInProfile = "sign_in_profile",
    /// A sign-in that was assessed.
    SignInRecord = "sign_in",
    /// Where the statistics of everybody's sign-ins are.
    PopulationSnapshot = "population",
    /// A part of them.
    PopulationPart = "population_part",
    /// A sign-on policy.
    Policy = "policy",
    /// A rule of a policy.
    Rule = "rule",
    /// A network zone.
    Zone = "zone",
    /// A behaviour that rules may name.
    BehaviorRule = "behavior_rule",
    /// The policies as they were when sign-ins were decided by them.
    PolicySnapshot = "policy_snapshot",
    /// A sign-in that waits for its second factor.
    AuthnTransaction = "authn_transaction",
    /// A one-time session token.
    SessionToken = "session_token",
    /// A session.
    Session = "session",
    /// A security events provider.
    SecurityEventsProvider = "security_events_provider",
    /// A stream of ours at a transmitter.
    StreamIn = "stream_in",
    /// What speaks against a user, a device or a session.
    EntityRisk = "entity_risk",
    /// An edge of the subject graph.
    SubjectLink = "subject_link",
    /// What somebody has said of a finding.
    Feedback = "feedback",
    /// What administrators decide about evidence.
    RiskTuning = "risk_tuning",
    /// What labels have taught of risk providers.
    RiskLearning = "risk_learning",
    /// What is learnt of the thresholds.
    ThresholdLearning = "threshold_learning",
    /// The entity risk policy.
    EntityRiskPolicy = "entity_risk_policy",
    /// A rule of the entity risk policy.
    EntityRiskRule = "entity_risk_rule",
    /// A search of the System Log that an administrator keeps.
    SavedSearch = "saved_search",
    /// A row of the outbox.
    Action = "action",
    /// Whom a provider's signals have caused actions on.
    ProviderReach = "provider_reach",
    /// A webhook that rules may run.
    Workflow = "workflow",
    /// Where an app takes Global Token Revocation calls.
    LogoutEndpoint = "logout_endpoint",
    /// An event hook.
    EventHook = "event_hook",
    /// A user's access to the Admin Console.
    Administrator = "administrator",
    /// A session in the Admin Console.
    AdminSession = "admin_session",
    /// A passkey of an administrator.
    Passkey = "passkey",
    /// The ways into the Admin Console.
    ConsoleSignIn = "console_sign_in",
    /// Who an administrator is at an OpenID provider.
    AdministratorLink = "administrator_link",
    /// A stream of the System Log to somewhere else.
    LogStream = "log_stream",
    /// How far it has come.
    LogStreamProgress = "log_stream_progress",
}

/// What the store knows of an object beside its document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Unique within the kind.
    pub id: String,
    /// The object it belongs to and is listed under.
    pub parent: Option<String>,
    /// Unique within the kind where given: a login, a token's hash, a provider's name.
    pub natural: Option<String>,
    /// When it may be purged.
    pub expires_at: Option<Timestamp>,
}

/// A struct that is the document of one [`Kind`].
pub trait TypedObject: Sized {
    /// Its kind.
    const KIND: Kind;
    /// Takes it out of the enum; `None` when the object is of another kind.
    fn from_object(object: Object) -> Option<Self>;
    /// Borrows it out of the enum; `None` when the object is of another kind.
    fn from_object_ref(object: &Object) -> Option<&Self>;
}

/// Gives the keys of an object's own fields.
trait Keyed {
    fn keys(&self) -> Keys;
}

/// The form in which names are compared for uniqueness: Unicode lower case.
pub fn fold(name: &str) -> String {
    name.to_lowercase()
}
