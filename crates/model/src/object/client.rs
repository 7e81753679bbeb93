//! OAuth clients, which are service apps too, and the scopes granted to them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Keyed, Keys, Status};
use crate::{
    id::{ClientId, GrantId, UserId},
    time::Timestamp,
};

/// How a client proves who it is at the token endpoint (okta.md 1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// Not at all: a public client.
    None,
    /// HTTP Basic with a secret.
    ClientSecretBasic,
    /// A secret in the body.
    ClientSecretPost,
    /// An assertion with an HMAC of the secret.
    ClientSecretJwt,
    /// A signed assertion (RFC 7523).
    PrivateKeyJwt,
}

impl AuthMethod {
    /// The name in client metadata.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::ClientSecretJwt => "client_secret_jwt",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// Whether the server makes a secret for such a client.
    pub const fn has_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost | Self::ClientSecretJwt)
    }
}

/// Where a client's public keys come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// Given inline; each JWK as it was sent, in order, with `id` (`pks…`) and `status` beside it.
    Jwks(Vec<Value>),
    /// Fetched from the client's own address.
    JwksUri(String),
}

/// The validated metadata of a client (RFC 7591, okta.md 1.2.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientMetadata {
    /// Name for people, never blank.
    pub client_name: String,
    /// `service`, `web`, `native` or `browser`.
    pub application_type: String,
    /// What it may ask the token endpoint for.
    pub grant_types: Vec<String>,
    /// What it may ask the authorization endpoint for.
    pub response_types: Vec<String>,
    /// Where answers of the authorization endpoint may go.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Where a logout may end.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// How it authenticates.
    pub token_endpoint_auth_method: AuthMethod,
    /// Its public keys.
    #[serde(default)]
    pub keys: Option<KeySource>,
    /// Whether its access tokens are bound to a DPoP key (RFC 9449).
    #[serde(default)]
    pub dpop_bound_access_tokens: bool,
    /// Members that are checked, kept and echoed: `client_uri`, `logo_uri`, `policy_uri`, `tos_uri`,
    /// `initiate_login_uri`, `request_object_signing_alg` and the like.
    #[serde(default)]
    pub other: Map<String, Value>,
}

/// An OAuth client and its app, which share one id (okta.md 2.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// `client_id`, equal to the app's id.
    pub id: ClientId,
    /// What it registered.
    pub metadata: ClientMetadata,
    /// Lower-case hex SHA-256 of its secret, where its method needs one.
    #[serde(default)]
    pub secret_hash: Option<String>,
    /// An inactive client gets no token.
    pub status: Status,
    /// `REQUIRED` through dynamic registration, `TRUSTED` through the apps API (okta.md 1.2.1).
    pub consent_method: String,
    /// Members of the app object that are kept and echoed: `visibility`, `accessibility`,
    /// `settings.notes`, `profile` and the rest.
    #[serde(default)]
    pub app: Map<String, Value>,
    /// When it was registered.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl Keyed for Client {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            ..Keys::default()
        }
    }
}

/// A scope granted to a client by an administrator (okta.md 2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Whom it is granted to.
    pub client_id: ClientId,
    /// The scope's name.
    pub scope: String,
    /// The administrator.
    pub created_by: UserId,
    /// When.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl Keyed for Grant {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            parent: Some(self.client_id.to_string()),
            natural: Some(format!("{} {}", self.client_id, self.scope)),
            expires_at: None,
        }
    }
}
