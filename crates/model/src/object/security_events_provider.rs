//! Security events providers (okta.md 5) and the profile that says how each is read (ssf.md annex B).

use serde::{Deserialize, Serialize};

use super::{Keyed, Keys, Status};
use crate::{id::SecurityEventsProviderId, time::Timestamp};

/// A third party that sends Security Event Tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityEventsProvider {
    /// Its id.
    pub id: SecurityEventsProviderId,
    /// Its name, unique.
    pub name: String,
    /// What kind of product it is: free text (okta.md 5.1 `type`).
    pub product: String,
    /// Only ACTIVE ones are heard.
    pub status: Status,
    /// `iss` of its tokens, to the letter (JWT-12); unique.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_url: String,
    /// Where its metadata is; `None` when issuer and key set were given by hand.
    #[serde(default)]
    pub well_known_url: Option<String>,
    /// Its metadata names another issuer than its address would (META-06): worth a look, no refusal.
    #[serde(default)]
    pub issuer_differs: bool,
    /// Members of complex subjects that must be understood wherever they appear (SET-29).
    #[serde(default)]
    pub critical_subject_members: Vec<String>,
    /// How it is read and what it may speak about.
    pub profile: ProviderProfile,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl Keyed for SecurityEventsProvider {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            natural: Some(self.issuer.clone()),
            ..Keys::default()
        }
    }
}

/// How a provider's tokens are read, and what it may speak about. An absent list allows everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderProfile {
    /// What is tolerated (ssf.md annex B).
    pub profile: DialectName,
    /// Names of the algorithms that it may sign with (SET-04).
    pub algorithms: Vec<String>,
    /// Event types that it may send, as full URIs.
    #[serde(default)]
    pub event_types: Option<Vec<String>>,
    /// Formats of subject identifiers that it may use.
    #[serde(default)]
    pub subject_formats: Option<Vec<String>>,
    /// Domains of e-mail addresses and accounts that it may speak about, lower case.
    #[serde(default)]
    pub domains: Option<Vec<String>>,
    /// `iss` of `iss_sub` identifiers that it may speak about.
    #[serde(default)]
    pub issuers: Option<Vec<String>>,
    /// Whether it decides who owns an identifier of the listed domains and issuers. Without this it may
    /// say that users are at risk, not who they are (architecture section 8).
    #[serde(default)]
    pub authoritative: bool,
    /// Keys that are not used although its key set has them, by `kid` or thumbprint (JWT-06).
    #[serde(default)]
    pub revoked_keys: Vec<String>,
}

impl ProviderProfile {
    /// What a provider may sign with unless an administrator says otherwise (architecture section 5).
    pub const DEFAULT_ALGORITHMS: [&'static str; 2] = ["RS256", "ES256"];

    /// Wide open for what is said of users' risk, closed for who they are.
    pub fn open(profile: DialectName) -> Self {
        Self {
            profile,
            algorithms: Self::DEFAULT_ALGORITHMS.map(str::to_owned).to_vec(),
            event_types: None,
            subject_formats: None,
            domains: None,
            issuers: None,
            authoritative: false,
            revoked_keys: Vec::new(),
        }
    }
}

/// The dialects that are known; what each tolerates is a table of the `ssf` crate (ssf.md annexes A, B).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DialectName {
    /// What Okta's receiver takes: providers made through the Okta-shaped API.
    #[serde(rename = "okta")]
    Okta,
    /// SSF 1.0 as it is meant: streams of ours.
    #[serde(rename = "standard")]
    Standard,
    /// The strict reading of the CAEP interoperability profile (ssf.md 6).
    #[serde(rename = "interop")]
    Interop,
    /// Google's cross-account protection: RISC drafts, `subject_type`.
    #[serde(rename = "google-risc")]
    GoogleRisc,
    /// Before the SSF's final text: Apple, early Shared Signals and Events.
    #[serde(rename = "legacy-sse")]
    LegacySse,
    /// authentik's transmitter: `typ` may be `JWT`, subjects in the event.
    #[serde(rename = "authentik")]
    Authentik,
    /// caep.dev's transmitter.
    #[serde(rename = "caep.dev")]
    CaepDev,
}

impl DialectName {
    /// Every dialect.
    pub const ALL: [Self; 7] = [
        Self::Okta,
        Self::Standard,
        Self::Interop,
        Self::GoogleRisc,
        Self::LegacySse,
        Self::Authentik,
        Self::CaepDev,
    ];

    /// The name in settings and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Okta => "okta",
            Self::Standard => "standard",
            Self::Interop => "interop",
            Self::GoogleRisc => "google-risc",
            Self::LegacySse => "legacy-sse",
            Self::Authentik => "authentik",
            Self::CaepDev => "caep.dev",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }
}
