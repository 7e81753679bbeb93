//! The ways into the Admin Console, as a super administrator sets them.

use secrecy::{ExposeSecret, SecretString};
use url::Url;
use watchfire_domain::console_sign_in::{SetConsoleSignIn, UnlinkAdministrator};
use watchfire_egress::Purpose;
use watchfire_model::{
    id::UserId,
    log::RequestOrigin,
    object::{AdministratorLink, ConsoleSignIn, OidcAuthentication, OidcProvider, OwnFactor, Status},
};

use super::{failure::OidcFailure, provider::SEALED_FOR};
use crate::{App, Error, Result, access::Principal, client_credential, identity::administrators::super_administrator};

/// Characters of the name on the button.
pub const MAX_NAME_CHARS: usize = 60;
/// Characters of a client id.
pub const MAX_CLIENT_ID_CHARS: usize = 256;
/// Scopes, and values of `acr` and `amr`.
pub const MAX_VALUES: usize = 20;
/// Characters of each.
pub const MAX_VALUE_CHARS: usize = 128;

/// What a super administrator says.
#[derive(Clone, Debug)]
pub struct NewConsoleSignIn {
    /// Whether passwords are taken beside the provider.
    pub password: bool,
    /// The provider.
    pub oidc: Option<NewOidcProvider>,
}

/// An OpenID provider. Secrets come in and do not go out again.
#[derive(Clone, Debug)]
pub struct NewOidcProvider {
    /// Whether it is offered.
    pub status: Status,
    /// What its button says.
    pub name: String,
    /// Its issuer.
    pub issuer: String,
    /// Our client id there.
    pub client_id: String,
    /// How we show it who we are.
    pub authentication: NewOidcAuthentication,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Whether our own second factor is asked for.
    pub own_factor: OwnFactor,
    /// Values of `acr` that stand for a second factor there.
    pub trusted_acr: Vec<String>,
    /// Values of `amr` that do.
    pub trusted_amr: Vec<String>,
}

/// How we show the provider who we are.
#[derive(Clone, Debug)]
pub enum NewOidcAuthentication {
    /// A secret; what is kept already, when absent.
    ClientSecret(Option<SecretString>),
    /// A signed assertion; with the key that is kept already, or a fresh one, when absent.
    PrivateKeyJwt(Option<SecretString>),
}

impl App {
    /// The ways into the console.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anybody but a super administrator.
    pub fn console_sign_in(&self, caller: &Principal) -> Result<ConsoleSignIn> {
        super_administrator(caller)?;
        Ok(ConsoleSignIn::clone(self.state.directory().console_sign_in()))
    }

    /// Replaces them. A provider that is offered is asked before anything is kept.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anybody but a super administrator; [`Error::Invalid`] with what is wrong where.
    pub async fn set_console_sign_in(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        new: NewConsoleSignIn,
    ) -> Result<ConsoleSignIn> {
        let asked_by = super_administrator(caller)?;
        let old = ConsoleSignIn::clone(self.state.directory().console_sign_in());
        let oidc = match new.oidc {
            Some(provider) => Some(self.checked_provider(provider, old.oidc.as_ref()).await?),
            None => None,
        };
        let settings = ConsoleSignIn {
            password: new.password,
            oidc,
            last_updated: old.last_updated,
        };
        if !settings.password && settings.active().is_none() {
            return Err(Error::invalid(
                "password",
                "Passwords are the only way in while no provider is active",
            ));
        }
        let command = SetConsoleSignIn {
            settings,
            asked_by,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Who an administrator is at the provider that is set.
    pub fn administrator_link(&self, user_id: &UserId) -> Option<AdministratorLink> {
        let directory = self.state.directory();
        let issuer = directory.console_sign_in().oidc.as_ref().map(|oidc| oidc.issuer.clone())?;
        let mut links = directory.administrator_links();
        let link = links.find(|link| link.user_id == *user_id && link.issuer == issuer)?;
        Some(AdministratorLink::clone(link))
    }

    /// Forgets who an administrator is elsewhere.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anybody but a super administrator; [`Error::NotFound`].
    pub async fn unlink_administrator(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        let command = UnlinkAdministrator {
            user_id: UserId::new(id),
            asked_by: super_administrator(caller)?,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    async fn checked_provider(&self, new: NewOidcProvider, old: Option<&OidcProvider>) -> Result<OidcProvider> {
        self.check_members(&new)?;
        let status = new.status;
        let provider = OidcProvider {
            status,
            authentication: self.authentication(&new, old).await?,
            name: new.name,
            issuer: new.issuer,
            client_id: new.client_id,
            scopes: new.scopes,
            own_factor: new.own_factor,
            trusted_acr: new.trusted_acr,
            trusted_amr: new.trusted_amr,
        };
        // Who switches it off because it does not answer must not be refused for that.
        if status == Status::Active {
            self.check_offered(&provider)
                .await
                .map_err(|failure| Error::invalid("oidc.issuer", &failure.to_string()))?;
        }
        Ok(provider)
    }

    fn check_members(&self, new: &NewOidcProvider) -> Result<()> {
        let url = self.egress.check(Purpose::Oidc, &new.issuer);
        let url: Url = url.map_err(|refusal| Error::invalid("oidc.issuer", &refusal.to_string()))?;
        if url.query().is_some() || url.fragment().is_some() || new.issuer.contains(char::is_whitespace) {
            return Err(Error::invalid("oidc.issuer", "An issuer has no query and no fragment"));
        }
        for (field, text, most) in [
            ("oidc.name", &new.name, MAX_NAME_CHARS),
            ("oidc.clientId", &new.client_id, MAX_CLIENT_ID_CHARS),
        ] {
            if text.trim().is_empty() || text.chars().count() > most || text.chars().any(char::is_control) {
                let message = format!("The field must have 1 to {most} characters, and none that control");
                return Err(Error::invalid(field, &message));
            }
        }
        for (field, values) in [
            ("oidc.scopes", &new.scopes),
            ("oidc.trustedAcr", &new.trusted_acr),
            ("oidc.trustedAmr", &new.trusted_amr),
        ] {
            let is_fine = |value: &String| {
                !value.is_empty() && value.len() <= MAX_VALUE_CHARS && value.bytes().all(|byte| byte.is_ascii_graphic())
            };
            if values.len() > MAX_VALUES || !values.iter().all(is_fine) {
                let message = format!("At most {MAX_VALUES} words without blanks, each of at most {MAX_VALUE_CHARS} characters");
                return Err(Error::invalid(field, &message));
            }
        }
        if new.own_factor == OwnFactor::AskUnlessTrusted && new.trusted_acr.is_empty() && new.trusted_amr.is_empty() {
            return Err(Error::invalid(
                "oidc.trustedAmr",
                "ASK_UNLESS_TRUSTED needs a value that is trusted",
            ));
        }
        Ok(())
    }

    /// Seals what was said, or keeps what there is: only for the same client of the same issuer, or somebody could
    /// have a secret sent elsewhere whose words they do not know.
    async fn authentication(&self, new: &NewOidcProvider, old: Option<&OidcProvider>) -> Result<OidcAuthentication> {
        let same = old.filter(|old| old.issuer == new.issuer && old.client_id == new.client_id);
        let kept = same.map(|old| old.authentication.clone());
        let seal = |secret: &[u8]| self.vault.seal(SEALED_FOR, &new.issuer, secret).map_err(Error::internal);
        match (&new.authentication, kept) {
            (NewOidcAuthentication::ClientSecret(None), Some(kept @ OidcAuthentication::ClientSecret { .. }))
            | (NewOidcAuthentication::PrivateKeyJwt(None), Some(kept @ OidcAuthentication::PrivateKeyJwt { .. })) => Ok(kept),
            (NewOidcAuthentication::ClientSecret(None), _) => {
                let message = "The field cannot be left blank for a new issuer or client";
                Err(Error::invalid("oidc.clientSecret", message))
            }
            (NewOidcAuthentication::ClientSecret(Some(secret)), _) => Ok(OidcAuthentication::ClientSecret {
                sealed_secret: seal(secret.expose_secret().as_bytes())?,
            }),
            (NewOidcAuthentication::PrivateKeyJwt(given), _) => {
                let key = match given {
                    Some(text) => client_credential::read_key(text.expose_secret())
                        .ok_or_else(|| Error::invalid("oidc.privateKey", "The field is not a private key"))?,
                    None => client_credential::generate().await?,
                };
                let jwk = key.to_private_jwk().map_err(Error::internal)?;
                Ok(OidcAuthentication::PrivateKeyJwt {
                    sealed_key: seal(jwk.to_string().as_bytes())?,
                    public_jwk: key.public_jwk(),
                })
            }
        }
    }

    /// Asks the provider for all that a sign-in needs.
    async fn check_offered(&self, provider: &OidcProvider) -> Result<(), OidcFailure> {
        let metadata = self.fetch_oidc_metadata(&provider.issuer).await?;
        let methods: &[&str] = match provider.authentication {
            OidcAuthentication::ClientSecret { .. } => &["client_secret_basic", "client_secret_post"],
            OidcAuthentication::PrivateKeyJwt { .. } => &["private_key_jwt"],
        };
        if !methods.iter().any(|method| metadata.takes(method)) {
            return Err(OidcFailure::NoMethod);
        }
        self.check_oidc_keys(&metadata).await?;
        self.oidc.metadata.keep(metadata, self.clock.now());
        Ok(())
    }
}
