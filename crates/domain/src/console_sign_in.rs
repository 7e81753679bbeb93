//! The ways into the Admin Console: what a super administrator sets, and who administrators are elsewhere.

use watchfire_model::{
    id::{AdministratorLinkId, UserId},
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{Administrator, AdministratorLink, ConsoleSignIn, Kind, OidcAuthentication, OidcProvider, User, fold},
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    admin_session::{console, federated, needs_of_attempt, who_tried},
    administrator::{APPLICATION, authority_needs, authority_needs_of_both, is_super},
    command::{Command, Context, Decided},
    user,
};

/// The type in an unknown link's error text (okta.md 11.6).
const KIND: &str = "AdministratorLink";

/// Replaces the ways into the console.
#[derive(Clone, Debug)]
pub struct SetConsoleSignIn {
    /// What they are to be.
    pub settings: ConsoleSignIn,
    /// Who asks: a super administrator at the moment of the decision.
    pub asked_by: UserId,
    /// The same for the System Log.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for SetConsoleSignIn {
    type Outcome = ConsoleSignIn;

    fn needs(&self) -> Vec<Need> {
        let mut needs = authority_needs(self.asked_by.as_str()).to_vec();
        needs.push(Need::object::<ConsoleSignIn>(ConsoleSignIn::ID));
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<ConsoleSignIn> {
        if !is_super(slice, &self.asked_by) {
            return Decided::rejected(Rejection::Forbidden);
        }
        let before = slice.get::<ConsoleSignIn>(ConsoleSignIn::ID).cloned().unwrap_or_default();
        let after = ConsoleSignIn {
            last_updated: context.now,
            ..self.settings.clone()
        };
        let mut decision = Decision::new();
        decision.put(after.clone());
        let target = Target::new("ConsoleSignIn", ConsoleSignIn::ID, "Sign-in to the Admin Console");
        let event = LogEvent::new(EventType::ConsoleSignInUpdate, self.actor.clone())
            .from_request(&self.origin)
            .target(target.changed(shown(&before), shown(&after)));
        context.log(&mut decision, event);
        Decided::done(decision, after)
    }
}

/// The settings without what is secret.
fn shown(settings: &ConsoleSignIn) -> serde_json::Value {
    let provider = |oidc: &OidcProvider| {
        let method = match oidc.authentication {
            OidcAuthentication::ClientSecret { .. } => "CLIENT_SECRET",
            OidcAuthentication::PrivateKeyJwt { .. } => "PRIVATE_KEY_JWT",
        };
        serde_json::json!({
            "status": oidc.status.as_str(), "issuer": oidc.issuer, "clientId": oidc.client_id, "authentication": method,
            "ownFactor": oidc.own_factor.as_str(), "trustedAcr": oidc.trusted_acr, "trustedAmr": oidc.trusted_amr,
        })
    };
    serde_json::json!({"password": settings.password, "oidc": settings.oidc.as_ref().map(provider)})
}

/// Who somebody is at an OpenID provider, as its ID token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdpIdentity {
    /// `iss`
    pub issuer: String,
    /// `sub`
    pub subject: String,
    /// The verified address; it makes the link at the first sign-in.
    pub email: Option<String>,
}

/// Why an identity is nobody's here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLinked {
    /// The provider says no address of them, or has not verified it.
    #[error("the provider gave no verified e-mail address")]
    NoEmail,
    /// No administrator has the address, or it is switched off.
    #[error("no administrator has this address")]
    Nobody,
    /// Two administrators have it.
    #[error("more than one administrator has this address")]
    Ambiguous,
    /// The administrator is known by another name there: addresses are given to others sometimes.
    #[error("the administrator is linked to another subject at this provider")]
    OtherSubject,
}

impl NotLinked {
    /// The same in one word, for the System Log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoEmail => "EMAIL_NOT_VERIFIED",
            Self::Nobody => "NO_ADMINISTRATOR",
            Self::Ambiguous => "AMBIGUOUS_ADMINISTRATOR",
            Self::OtherSubject => "OTHER_SUBJECT",
        }
    }
}

/// Whose an identity is: by its link, or else by its address.
///
/// # Errors
/// [`NotLinked`].
pub fn whose<'a>(
    identity: &IdpIdentity,
    administrators: impl IntoIterator<Item = &'a User>,
    links: &[&AdministratorLink],
) -> Result<&'a User, NotLinked> {
    let mut in_office = administrators.into_iter().filter(|user| !user.status.is_off());
    let link = links
        .iter()
        .find(|link| link.issuer == identity.issuer && link.subject == identity.subject);
    if let Some(link) = link {
        return in_office.find(|user| user.id == link.user_id).ok_or(NotLinked::Nobody);
    }
    let email = identity.email.as_deref().ok_or(NotLinked::NoEmail)?;
    let mut found = in_office.filter(|user| has_address(user, email));
    let user = found.next().ok_or(NotLinked::Nobody)?;
    if found.next().is_some() {
        return Err(NotLinked::Ambiguous);
    }
    let is_taken = |link: &&&AdministratorLink| link.user_id == user.id && link.issuer == identity.issuer;
    if links.iter().any(|link| is_taken(&link)) {
        return Err(NotLinked::OtherSubject);
    }
    Ok(user)
}

/// Whether the address is the user's name or its `email`. Only super administrators change an administrator's
/// (ADR 0009).
fn has_address(user: &User, email: &str) -> bool {
    let email = fold(email);
    let profile = user.profile.get("email").and_then(serde_json::Value::as_str);
    fold(&user.login) == email || profile.is_some_and(|address| fold(address) == email)
}

/// What [`check_link`] looks at.
pub(crate) fn link_needs(user_id: &UserId, identity: &IdpIdentity) -> [Need; 2] {
    [
        Need::natural::<AdministratorLink>(AdministratorLink::key(&identity.issuer, &identity.subject)),
        Need::children::<AdministratorLink>(user_id.as_str()),
    ]
}

/// Whether the identity is still this user's at the moment of the decision; the link that is to be made, if
/// there is none yet.
///
/// # Errors
/// [`NotLinked`].
pub(crate) fn check_link(
    slice: &Slice,
    user: &User,
    identity: &IdpIdentity,
    context: &mut Context<'_>,
) -> Result<Option<AdministratorLink>, NotLinked> {
    let known = slice.by_natural::<AdministratorLink>(&AdministratorLink::key(&identity.issuer, &identity.subject));
    let own = slice.children::<AdministratorLink>(user.id.as_str());
    let links: Vec<&AdministratorLink> = known.into_iter().chain(own).collect();
    whose(identity, [user], &links)?;
    if known.is_some() {
        return Ok(None);
    }
    Ok(Some(AdministratorLink {
        id: AdministratorLinkId::generate(context.ids),
        user_id: user.id.clone(),
        issuer: identity.issuer.clone(),
        subject: identity.subject.clone(),
        email: identity.email.clone().unwrap_or_default(),
        created: context.now,
    }))
}

/// The event of a link that was made or taken away.
pub(crate) fn link_event(event_type: EventType, by: (&Actor, &RequestOrigin), user: &User, link: &AdministratorLink) -> LogEvent {
    user::event(event_type, by.0, by.1, user)
        .debug("issuer", &link.issuer)
        .debug("subject", &link.subject)
        .debug("application", APPLICATION)
}

/// Forgets who an administrator is elsewhere: their next sign-in there makes the link anew.
#[derive(Clone, Debug)]
pub struct UnlinkAdministrator {
    /// Whose links.
    pub user_id: UserId,
    /// Who asks.
    pub asked_by: UserId,
    /// The same for the System Log.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for UnlinkAdministrator {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        let mut needs = authority_needs_of_both(&self.user_id, &self.asked_by);
        needs.push(Need::children::<AdministratorLink>(self.user_id.as_str()));
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        if !is_super(slice, &self.asked_by) {
            return Decided::rejected(Rejection::Forbidden);
        }
        let id = self.user_id.as_str();
        let known = slice.get::<User>(id).filter(|_| slice.get::<Administrator>(id).is_some());
        let links = slice.children::<AdministratorLink>(id);
        let Some(user) = known.filter(|_| !links.is_empty()) else {
            return Decided::rejected(Rejection::not_found(id, KIND));
        };
        let mut decision = Decision::new();
        let by = (&self.actor, &self.origin);
        for link in links {
            decision.delete(Kind::AdministratorLink, link.id.as_str());
            context.log(&mut decision, link_event(EventType::IdentityLinkDelete, by, user, link));
        }
        Decided::done(decision, ())
    }
}

/// Notes a sign-in by an OpenID provider that led nowhere.
#[derive(Clone, Debug)]
pub struct RefuseIdpSignIn {
    /// Why, in one word.
    pub reason: String,
    /// Why, for people; nothing secret in it.
    pub detail: String,
    /// The address of whoever it was said to be; empty where nothing is known.
    pub login: String,
    /// Who that is, where it is somebody.
    pub user_id: Option<UserId>,
    /// The issuer that is set.
    pub issuer: String,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for RefuseIdpSignIn {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        needs_of_attempt(self.user_id.as_ref())
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let who = who_tried(slice, self.user_id.as_ref(), &self.login);
        let mut decision = Decision::new();
        let event = LogEvent::new(EventType::AuthViaIdp, who)
            .from_request(&self.origin)
            .authentication(federated(&self.issuer))
            .outcome(watchfire_model::log::Outcome::failure(&*self.reason))
            .target(console())
            .debug("application", APPLICATION)
            .debug("detail", &*self.detail);
        context.log(&mut decision, event);
        Decided {
            decision,
            outcome: Err(Rejection::AuthenticationFailed),
        }
    }
}

#[cfg(test)]
mod tests;
