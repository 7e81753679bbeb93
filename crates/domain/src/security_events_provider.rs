//! Making, changing and removing security events providers (okta.md 5).
//!
//! What a metadata document says has been fetched before: a draft comes with the issuer and the address
//! of the keys, wherever they are from.

mod metadata;
mod profile;
mod removal;
mod status;

pub use self::{
    metadata::{RefreshProviderMetadata, Refreshed},
    profile::{ALGORITHMS, MAX_PROFILE_ENTRIES, SUBJECT_FORMATS, SetProviderProfile},
    removal::DeleteSecurityEventsProvider,
    status::SetSecurityEventsProviderStatus,
};

use watchfire_model::{
    id::SecurityEventsProviderId,
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{DialectName, ProviderProfile, SecurityEventsProvider, Status, fold},
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// Providers that one organisation may have.
pub const MAX_SECURITY_EVENTS_PROVIDERS: usize = 500;
/// Characters of a provider's name (META-13).
pub const MAX_NAME_CHARS: usize = 100;
/// Characters of its `type`.
pub const MAX_TYPE_CHARS: usize = 255;
/// Characters of its issuer.
pub const MAX_ISSUER_CHARS: usize = 700;
/// Characters of each of its URLs.
pub const MAX_URL_CHARS: usize = 1000;

/// Shipped plugins look for these two texts (clients.md 5).
const NAME_TAKEN: &str = "Security Events Provider name must be unique";
const ISSUER_TAKEN: &str = "The provided issuer already exists for this organization.";
const BLANK: &str = "The field cannot be left blank";
const TOO_LONG: &str = "The field is too long";

/// What an administrator says of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityEventsProviderDraft {
    /// Its name.
    pub name: String,
    /// What kind of product it is.
    pub product: String,
    /// Who it is, and where its keys are.
    pub source: ProviderSource,
}

/// Who a provider is, and where its keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSource {
    /// `iss` of its tokens.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_url: String,
    /// What was read at its metadata's address; `None` when issuer and key set were given by hand.
    pub metadata: Option<MetadataSource>,
}

/// What a metadata document says beside issuer and key set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataSource {
    /// Where it is.
    pub well_known_url: String,
    /// It names another issuer than its address would (META-06).
    pub issuer_differs: bool,
    /// `critical_subject_members`
    pub critical_subject_members: Vec<String>,
}

/// Makes a provider.
#[derive(Clone, Debug)]
pub struct CreateSecurityEventsProvider {
    /// What it is to be.
    pub draft: SecurityEventsProviderDraft,
    /// How it is read at first.
    pub dialect: DialectName,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for CreateSecurityEventsProvider {
    type Outcome = SecurityEventsProvider;

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<SecurityEventsProvider>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<SecurityEventsProvider> {
        self.try_decide(slice, context).into()
    }
}

impl CreateSecurityEventsProvider {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, SecurityEventsProvider), Rejection> {
        let provider = fresh(&self.draft, self.dialect, slice, context)?;
        let mut decision = Decision::new();
        decision.put(provider.clone());
        let target = target(&provider);
        let created = event(EventType::SecurityEventsProviderCreate, &self.actor, &self.origin, target);
        context.log(&mut decision, created);
        Ok((decision, provider))
    }
}

/// A provider as the draft says, if the rules allow it beside those of the slice, which has all.
pub(crate) fn fresh(
    draft: &SecurityEventsProviderDraft,
    dialect: DialectName,
    slice: &Slice,
    context: &mut Context<'_>,
) -> Result<SecurityEventsProvider, Rejection> {
    if slice.all::<SecurityEventsProvider>().len() >= MAX_SECURITY_EVENTS_PROVIDERS {
        return Err(Rejection::Invalid {
            field: "securityEventsProvider".to_owned(),
            causes: vec![format!(
                "Maximum number of security events providers ({MAX_SECURITY_EVENTS_PROVIDERS}) reached"
            )],
        });
    }
    check(draft, None, slice)?;
    let unread = SecurityEventsProvider {
        id: SecurityEventsProviderId::generate(context.ids),
        name: String::new(),
        product: String::new(),
        status: Status::Active,
        issuer: String::new(),
        jwks_url: String::new(),
        well_known_url: None,
        issuer_differs: false,
        critical_subject_members: Vec::new(),
        profile: ProviderProfile::open(dialect),
        created: context.now,
        last_updated: context.now,
    };
    Ok(with_draft(unread, draft))
}

/// Replaces what an administrator says of a provider; its status and its profile stay.
#[derive(Clone, Debug)]
pub struct ReplaceSecurityEventsProvider {
    /// Which one.
    pub id: SecurityEventsProviderId,
    /// What it is to be.
    pub draft: SecurityEventsProviderDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ReplaceSecurityEventsProvider {
    type Outcome = SecurityEventsProvider;

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<SecurityEventsProvider>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<SecurityEventsProvider> {
        self.try_decide(slice, context).into()
    }
}

impl ReplaceSecurityEventsProvider {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, SecurityEventsProvider), Rejection> {
        let old = find(slice, &self.id)?;
        check(&self.draft, Some(&self.id), slice)?;
        let mut provider = with_draft(old.clone(), &self.draft);
        provider.last_updated = context.now;
        let mut decision = Decision::new();
        decision.put(provider.clone());
        let target = changed(old, &provider);
        let updated = event(EventType::SecurityEventsProviderUpdate, &self.actor, &self.origin, target);
        context.log(&mut decision, updated);
        Ok((decision, provider))
    }
}

fn with_draft(provider: SecurityEventsProvider, draft: &SecurityEventsProviderDraft) -> SecurityEventsProvider {
    let SecurityEventsProviderDraft { name, product, source } = draft.clone();
    let provider = SecurityEventsProvider {
        name,
        product,
        ..provider
    };
    with_source(provider, source)
}

fn with_source(provider: SecurityEventsProvider, source: ProviderSource) -> SecurityEventsProvider {
    let (well_known_url, issuer_differs, critical_subject_members) = match source.metadata {
        None => (None, false, Vec::new()),
        Some(it) => (Some(it.well_known_url), it.issuer_differs, it.critical_subject_members),
    };
    SecurityEventsProvider {
        issuer: source.issuer,
        jwks_url: source.jwks_url,
        well_known_url,
        issuer_differs,
        critical_subject_members,
        ..provider
    }
}

/// Checks a draft by itself and against the other providers (okta.md 5.1, 5.2).
fn check(draft: &SecurityEventsProviderDraft, own: Option<&SecurityEventsProviderId>, slice: &Slice) -> Result<(), Rejection> {
    let source = &draft.source;
    check_text("name", "name", &draft.name, MAX_NAME_CHARS)?;
    check_text("type", "type", &draft.product, MAX_TYPE_CHARS)?;
    check_text("settings", "issuer", &source.issuer, MAX_ISSUER_CHARS)?;
    check_text("settings", "jwks_url", &source.jwks_url, MAX_URL_CHARS)?;
    if let Some(metadata) = &source.metadata {
        check_text("settings", "well_known_url", &metadata.well_known_url, MAX_URL_CHARS)?;
    }
    let others = slice.all::<SecurityEventsProvider>().into_iter();
    for other in others.filter(|other| Some(&other.id) != own) {
        if fold(&other.name) == fold(&draft.name) {
            return Err(taken("name", NAME_TAKEN));
        }
        if other.issuer == source.issuer {
            return Err(taken("issuer", ISSUER_TAKEN));
        }
    }
    Ok(())
}

fn check_text(field: &str, member: &str, text: &str, most: usize) -> Result<(), Rejection> {
    let fault = if text.trim().is_empty() {
        BLANK
    } else if text.chars().count() > most {
        TOO_LONG
    } else {
        return Ok(());
    };
    Err(Rejection::Invalid {
        field: field.to_owned(),
        causes: vec![format!("{member}: {fault}")],
    })
}

/// The text alone: clients compare all of it.
fn taken(field: &str, text: &str) -> Rejection {
    Rejection::Invalid {
        field: field.to_owned(),
        causes: vec![text.to_owned()],
    }
}

fn find<'s>(slice: &'s Slice, id: &SecurityEventsProviderId) -> Result<&'s SecurityEventsProvider, Rejection> {
    slice
        .get::<SecurityEventsProvider>(id.as_str())
        .ok_or_else(|| Rejection::not_found(id.as_str(), "SecurityEventsProvider"))
}

/// A provider as the target of an event (okta.md 5.3).
pub(crate) fn target(provider: &SecurityEventsProvider) -> Target {
    let target = Target::new("SecurityEventProvider", provider.id.as_str(), &provider.name)
        .detail("issuer", provider.issuer.as_str())
        .detail("jwksUrl", provider.jwks_url.as_str())
        .detail("wellKnownUrl", provider.well_known_url.clone())
        .detail("providerType", "APP")
        .detail("providerName", provider.name.as_str());
    if provider.issuer_differs {
        target.detail("issuerDiffers", true)
    } else {
        target
    }
}

/// The same with what has changed.
fn changed(old: &SecurityEventsProvider, new: &SecurityEventsProvider) -> Target {
    let what = |it: &SecurityEventsProvider| {
        serde_json::json!({
            "name": it.name,
            "type": it.product,
            "status": it.status.as_str(),
            "issuer": it.issuer,
            "jwksUrl": it.jwks_url,
            "wellKnownUrl": it.well_known_url,
        })
    };
    target(new).changed(what(old), what(new))
}

fn event(event_type: EventType, actor: &Actor, origin: &RequestOrigin, target: Target) -> LogEvent {
    LogEvent::new(event_type, actor.clone()).from_request(origin).target(target)
}

#[cfg(test)]
mod tests;
