//! How administrators sign in to the Admin Console beside their password, and who they are elsewhere.

use serde::{Deserialize, Serialize};

use super::{Keyed, Keys, Status};
use crate::{
    id::{AdministratorLinkId, UserId},
    time::Timestamp,
};

/// The ways into the Admin Console. There is one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleSignIn {
    /// Whether a password of the console is taken while the OpenID provider is.
    pub password: bool,
    /// The team's own identity provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc: Option<OidcProvider>,
    /// When it was changed.
    pub last_updated: Timestamp,
}

/// An OpenID provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OidcProvider {
    /// Whether it is offered.
    pub status: Status,
    /// What its button says.
    pub name: String,
    /// Its issuer, as its tokens write it.
    pub issuer: String,
    /// Our client id there.
    pub client_id: String,
    /// How we show it who we are.
    pub authentication: OidcAuthentication,
    /// What is asked for beside `openid`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whether our own second factor is asked for afterwards.
    pub own_factor: OwnFactor,
    /// Values of `acr` that stand for a second factor there; they are asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_acr: Vec<String>,
    /// Values of `amr` that stand for a second factor there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_amr: Vec<String>,
}

/// How we show an OpenID provider who we are. Secrets are sealed under the key file and bound to the issuer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OidcAuthentication {
    /// A secret, in the header or the body as the provider takes it.
    ClientSecret {
        /// The secret.
        sealed_secret: String,
    },
    /// A signed assertion.
    PrivateKeyJwt {
        /// The private JWK.
        sealed_key: String,
        /// Its public half, for the provider to be given.
        public_jwk: serde_json::Value,
    },
}

/// Whether our own second factor follows a sign-in at the OpenID provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OwnFactor {
    /// Always.
    #[default]
    Ask,
    /// Unless `acr` or `amr` of the ID token has a value that is trusted.
    AskUnlessTrusted,
    /// Never: the provider asks for its own.
    Trust,
}

impl OwnFactor {
    /// The words of the wire.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("ASK", Self::Ask),
        ("ASK_UNLESS_TRUSTED", Self::AskUnlessTrusted),
        ("TRUST", Self::Trust),
    ];

    /// The word of the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ASK",
            Self::AskUnlessTrusted => "ASK_UNLESS_TRUSTED",
            Self::Trust => "TRUST",
        }
    }
}

impl ConsoleSignIn {
    /// The id of the only one.
    pub const ID: &'static str = "console-sign-in";

    /// The OpenID provider, where it is offered.
    pub fn active(&self) -> Option<&OidcProvider> {
        self.oidc.as_ref().filter(|oidc| oidc.status == Status::Active)
    }

    /// Whether passwords are taken: always while nothing else is offered.
    pub fn takes_passwords(&self) -> bool {
        self.password || self.active().is_none()
    }
}

impl Default for ConsoleSignIn {
    fn default() -> Self {
        Self {
            password: true,
            oidc: None,
            last_updated: Timestamp::default(),
        }
    }
}

impl OidcProvider {
    /// Whether an ID token with these says that a second factor was asked for there.
    pub fn trusts(&self, acr: Option<&str>, amr: &[String]) -> bool {
        match self.own_factor {
            OwnFactor::Ask => false,
            OwnFactor::Trust => true,
            OwnFactor::AskUnlessTrusted => {
                acr.is_some_and(|acr| self.trusted_acr.iter().any(|known| known == acr))
                    || amr.iter().any(|value| self.trusted_amr.contains(value))
            }
        }
    }
}

impl std::fmt::Debug for OidcAuthentication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ClientSecret { .. } => "ClientSecret",
            Self::PrivateKeyJwt { .. } => "PrivateKeyJwt",
        })
    }
}

impl Keyed for ConsoleSignIn {
    fn keys(&self) -> Keys {
        Keys {
            id: Self::ID.to_owned(),
            ..Keys::default()
        }
    }
}

/// Who an administrator is at an OpenID provider. Made by the first sign-in there; an issuer names a user at
/// most once, and a user has at most one name at an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdministratorLink {
    /// Its id.
    pub id: AdministratorLinkId,
    /// Whose it is.
    pub user_id: UserId,
    /// `iss`
    pub issuer: String,
    /// `sub`
    pub subject: String,
    /// The address that led to the user.
    pub email: String,
    /// When it was made.
    pub created: Timestamp,
}

impl AdministratorLink {
    /// What the link of this issuer and subject is found by. No URL has a blank in it.
    pub fn key(issuer: &str, subject: &str) -> String {
        format!("{issuer} {subject}")
    }
}

impl Keyed for AdministratorLink {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            parent: Some(self.user_id.to_string()),
            natural: Some(Self::key(&self.issuer, &self.subject)),
            expires_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(own_factor: OwnFactor) -> OidcProvider {
        OidcProvider {
            status: Status::Active,
            name: "Example".to_owned(),
            issuer: "https://idp.example".to_owned(),
            client_id: "watchfire".to_owned(),
            authentication: OidcAuthentication::ClientSecret {
                sealed_secret: "sealed".to_owned(),
            },
            scopes: Vec::new(),
            own_factor,
            trusted_acr: vec!["phr".to_owned()],
            trusted_amr: vec!["mfa".to_owned()],
        }
    }

    #[test]
    fn the_providers_factor_counts_only_where_it_is_trusted() {
        let amr = |value: &str| vec![value.to_owned()];
        for (own_factor, acr, amr, trusted) in [
            (OwnFactor::Ask, Some("phr"), amr("mfa"), false),
            (OwnFactor::Trust, None, amr("pwd"), true),
            (OwnFactor::AskUnlessTrusted, None, amr("pwd"), false),
            (OwnFactor::AskUnlessTrusted, None, amr("mfa"), true),
            (OwnFactor::AskUnlessTrusted, Some("phr"), amr("pwd"), true),
            (OwnFactor::AskUnlessTrusted, Some("phrh"), amr("otp"), false),
        ] {
            assert_eq!(
                provider(own_factor).trusts(acr, &amr),
                trusted,
                "{own_factor:?} {acr:?} {amr:?}"
            );
        }
    }

    #[test]
    fn passwords_are_taken_unless_a_provider_that_is_offered_takes_their_place() {
        for (password, status, takes) in [
            (true, Some(Status::Active), true),
            (false, Some(Status::Active), false),
            (false, Some(Status::Inactive), true),
            (false, None, true),
        ] {
            let oidc = status.map(|status| OidcProvider {
                status,
                ..provider(OwnFactor::Ask)
            });
            let settings = ConsoleSignIn {
                password,
                oidc,
                ..ConsoleSignIn::default()
            };
            assert_eq!(settings.takes_passwords(), takes);
        }
    }
}
