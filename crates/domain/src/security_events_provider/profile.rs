//! How a provider is read and what it may speak about: what Okta's `settings` has no room for.

use watchfire_model::{
    id::SecurityEventsProviderId,
    log::{Actor, EventType, RequestOrigin},
    object::{ProviderProfile, SecurityEventsProvider},
    row::Decision,
    slice::{Need, Slice},
};

use super::{MAX_ISSUER_CHARS, event, find, target};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// What tokens may be signed with; nothing symmetric can be named (SET-04).
pub const ALGORITHMS: [&str; 5] = ["RS256", "PS256", "ES256", "ES384", "EdDSA"];
/// Formats of subject identifiers that can be named (ssf.md 2.1).
pub const SUBJECT_FORMATS: [&str; 12] = [
    "account",
    "email",
    "iss_sub",
    "opaque",
    "phone_number",
    "did",
    "uri",
    "aliases",
    "jwt_id",
    "saml_assertion_id",
    "ip-addresses",
    "complex",
];
/// Entries that each of its lists may have.
pub const MAX_PROFILE_ENTRIES: usize = 1000;
/// Characters of an event type's URI (STRM-03).
const MAX_EVENT_TYPE_CHARS: usize = 256;
/// Characters of a domain name (RFC 1035).
const MAX_DOMAIN_CHARS: usize = 253;
/// Characters of a key's name.
const MAX_KID_CHARS: usize = 255;

/// Replaces a provider's profile.
#[derive(Clone, Debug)]
pub struct SetProviderProfile {
    /// Whose.
    pub id: SecurityEventsProviderId,
    /// What it is to be.
    pub profile: ProviderProfile,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for SetProviderProfile {
    type Outcome = SecurityEventsProvider;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<SecurityEventsProvider>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<SecurityEventsProvider> {
        self.try_decide(slice, context).into()
    }
}

impl SetProviderProfile {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, SecurityEventsProvider), Rejection> {
        let old = find(slice, &self.id)?;
        let profile = canonical(self.profile.clone());
        check(&profile)?;
        let mut decision = Decision::new();
        if old.profile == profile {
            return Ok((decision, old.clone()));
        }
        let provider = SecurityEventsProvider {
            profile,
            last_updated: context.now,
            ..old.clone()
        };
        decision.put(provider.clone());
        let both = [&old.profile, &provider.profile].map(|it| serde_json::to_value(it).unwrap_or_default());
        let [before, after] = both;
        let target = target(&provider).changed(before, after);
        let updated = event(EventType::SecurityEventsProviderUpdate, &self.actor, &self.origin, target);
        context.log(&mut decision, updated);
        Ok((decision, provider))
    }
}

/// Domains compare in small letters; nothing counts twice.
fn canonical(mut profile: ProviderProfile) -> ProviderProfile {
    for domain in profile.domains.iter_mut().flatten() {
        *domain = domain.trim_end_matches('.').to_lowercase();
    }
    let lists = [
        Some(&mut profile.algorithms),
        Some(&mut profile.revoked_keys),
        profile.event_types.as_mut(),
        profile.subject_formats.as_mut(),
        profile.domains.as_mut(),
        profile.issuers.as_mut(),
    ];
    for list in lists.into_iter().flatten() {
        let mut seen = std::collections::BTreeSet::new();
        list.retain(|entry| seen.insert(entry.clone()));
    }
    profile
}

fn check(profile: &ProviderProfile) -> Result<(), Rejection> {
    if profile.algorithms.is_empty() {
        return Err(Rejection::invalid("algorithms", "At least one algorithm is needed"));
    }
    each("algorithms", Some(&profile.algorithms), |name| {
        if ALGORITHMS.contains(&name) {
            return Ok(());
        }
        Err(format!("'{name}' is not one of {}", ALGORITHMS.join(", ")))
    })?;
    each("event_types", profile.event_types.as_ref(), |uri| {
        if is_uri(uri) && uri.chars().count() <= MAX_EVENT_TYPE_CHARS {
            return Ok(());
        }
        Err(format!("'{uri}' is not an event type's URI"))
    })?;
    each("subject_formats", profile.subject_formats.as_ref(), |format| {
        if SUBJECT_FORMATS.contains(&format) {
            return Ok(());
        }
        Err(format!("'{format}' is not one of {}", SUBJECT_FORMATS.join(", ")))
    })?;
    each("domains", profile.domains.as_ref(), |domain| {
        if is_domain(domain) {
            return Ok(());
        }
        Err(format!("'{domain}' is not a domain name"))
    })?;
    each("issuers", profile.issuers.as_ref(), |issuer| named(issuer, MAX_ISSUER_CHARS))?;
    each("revoked_keys", Some(&profile.revoked_keys), |kid| named(kid, MAX_KID_CHARS))?;
    check_authority(profile)
}

/// One that decides who people are must say of whom: all of the world is nobody's to decide over.
fn check_authority(profile: &ProviderProfile) -> Result<(), Rejection> {
    if profile.authoritative && profile.domains.is_none() && profile.issuers.is_none() {
        let fault = "A provider is authoritative for its domains and issuers: name at least one";
        return Err(Rejection::invalid("authoritative", fault));
    }
    Ok(())
}

fn each(member: &str, list: Option<&Vec<String>>, check: impl Fn(&str) -> Result<(), String>) -> Result<(), Rejection> {
    let Some(list) = list else { return Ok(()) };
    if list.len() > MAX_PROFILE_ENTRIES {
        let fault = format!("The list has more than {MAX_PROFILE_ENTRIES} entries");
        return Err(Rejection::invalid(member, &fault));
    }
    let faults: Vec<String> = list.iter().filter_map(|entry| check(entry).err()).collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(Rejection::Invalid {
        field: member.to_owned(),
        causes: faults.iter().map(|fault| format!("{member}: {fault}")).collect(),
    })
}

fn named(text: &str, most: usize) -> Result<(), String> {
    if text.trim().is_empty() {
        Err("An entry is blank".to_owned())
    } else if text.chars().count() > most {
        Err(format!("An entry is longer than {most} characters"))
    } else {
        Ok(())
    }
}

/// RFC 3986: a scheme, and something behind it.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let in_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(in_scheme)
        && !rest.is_empty()
        && rest.chars().all(|c| c.is_ascii_graphic())
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.chars().count() <= MAX_DOMAIN_CHARS && text.contains('.') && text.split('.').all(is_label)
}
