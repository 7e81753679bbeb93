//! The organisation, its administrators' tokens and its signing keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Keyed, Keys};
use crate::{
    id::{ApiTokenId, OrgId, UserId, ZoneId},
    time::Timestamp,
};

/// The one organisation of an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Org {
    /// Its id.
    pub id: OrgId,
    /// What an administrator says of it: `companyName`, `website`, addresses (okta.md 11.2).
    #[serde(default)]
    pub profile: BTreeMap<String, String>,
    /// Whether it was given the behaviours that every organisation comes with: who deletes them does not
    /// get them again.
    #[serde(default)]
    pub has_behaviors: bool,
    /// First start.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl Org {
    /// The members of the profile, in the order of the wire.
    pub const PROFILE: [&'static str; 11] = [
        "companyName",
        "website",
        "phoneNumber",
        "endUserSupportHelpURL",
        "supportPhoneNumber",
        "address1",
        "address2",
        "city",
        "state",
        "country",
        "postalCode",
    ];
}

impl Keyed for Org {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            ..Keys::default()
        }
    }
}

/// Where an API token may be used from (okta.md 10.6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "connection", rename_all = "UPPERCASE")]
pub enum TokenNetwork {
    /// From every address.
    #[default]
    Anywhere,
    /// Only from (or not from) these zones.
    Zone {
        /// Zones it may be used from; empty means every zone that is not excluded.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        include: Vec<ZoneId>,
        /// Zones it may not be used from.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exclude: Vec<ZoneId>,
    },
}

/// An administrator's API token, the `SSWS` credential. Only the hash of its secret is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Its id, which is no secret.
    pub id: ApiTokenId,
    /// Its name for people.
    pub name: String,
    /// Whose privileges it carries.
    pub user_id: UserId,
    /// Lower-case hex SHA-256 of the secret.
    pub hash: String,
    /// Where it may be used from.
    #[serde(default)]
    pub network: TokenNetwork,
    /// When it stops working; never, when absent.
    pub expires_at: Option<Timestamp>,
    /// Each use within the window moves the expiry on by it (okta.md 1.1: thirty days); absent for
    /// tokens with a fixed expiry or none.
    #[serde(default)]
    pub window_seconds: Option<u64>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl Keyed for ApiToken {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            natural: Some(self.hash.clone()),
            parent: Some(self.user_id.to_string()),
            expires_at: None,
        }
    }
}

/// What a signing key is used for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyState {
    /// Published, not yet used.
    Next,
    /// Signs.
    Active,
    /// Published until the last token that it signed has expired.
    Retired,
}

/// A key that signs access tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SigningKey {
    /// RFC 7638 thumbprint of the public key; also its `kid`.
    pub kid: String,
    /// What it is used for.
    pub state: KeyState,
    /// The public JWK, as it is published.
    pub public_jwk: serde_json::Value,
    /// The private key (PKCS#8), sealed under the key file and bound to `kid`; base64url.
    pub sealed_private: String,
    /// When it was made.
    pub created: Timestamp,
    /// When a retired key stops being published.
    pub retire_at: Option<Timestamp>,
}

impl Keyed for SigningKey {
    fn keys(&self) -> Keys {
        Keys {
            id: self.kid.clone(),
            ..Keys::default()
        }
    }
}

/// An access token that was revoked before its time. Kept until it would have expired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedToken {
    /// The token's `jti`.
    pub jti: String,
    /// When it would have expired.
    pub expires_at: Timestamp,
}

impl Keyed for RevokedToken {
    fn keys(&self) -> Keys {
        Keys {
            id: self.jti.clone(),
            expires_at: Some(self.expires_at),
            ..Keys::default()
        }
    }
}
