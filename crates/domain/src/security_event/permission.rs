//! What a provider may speak about (architecture section 8): wide open by default for what it says of
//! users' risk, closed for who they are.

use watchfire_model::{
    entity::Identifier,
    object::{ProviderProfile, SecurityEventsProvider},
};
use watchfire_ssf::{SecurityEvent, SimpleSubject, Subject};

use super::mention;

/// Whether the provider may send `event` at all.
pub(super) fn allows(profile: &ProviderProfile, event: &SecurityEvent) -> bool {
    let beside = mention::beside(event);
    let mut subjects = event.subject.iter().chain(&beside);
    allows_type(profile, event) && subjects.all(|subject| allows_subject(profile, subject))
}

fn allows_type(profile: &ProviderProfile, event: &SecurityEvent) -> bool {
    let Some(types) = &profile.event_types else {
        return true;
    };
    // The framework's own two are sent whether they were asked for or not (EVT-03); another name of a
    // type is the type.
    let kind = event.kind();
    kind.is_some_and(|kind| kind.is_of_stream() || types.iter().any(|uri| uri == kind.uri())) || types.contains(&event.uri)
}

fn allows_subject(profile: &ProviderProfile, subject: &Subject) -> bool {
    subject
        .simple_subjects()
        .iter()
        .all(|(_, simple)| allows_simple(profile, simple))
}

fn allows_simple(profile: &ProviderProfile, subject: &SimpleSubject) -> bool {
    let formats = profile.subject_formats.as_deref();
    if !formats.is_none_or(|formats| formats.iter().any(|format| format == subject.format())) {
        return false;
    }
    match subject {
        SimpleSubject::Email { email } => in_domains(profile, email),
        SimpleSubject::Account { uri } => in_domains(profile, uri),
        SimpleSubject::IssSub { iss, .. } => profile.issuers.as_ref().is_none_or(|issuers| issuers.contains(iss)),
        SimpleSubject::Aliases { identifiers } => identifiers.iter().all(|it| allows_simple(profile, it)),
        _ => true,
    }
}

fn in_domains(profile: &ProviderProfile, address: &str) -> bool {
    let domains = profile.domains.as_ref();
    domains.is_none_or(|domains| domain(address).is_some_and(|domain| domains.contains(&domain)))
}

fn domain(address: &str) -> Option<String> {
    address.rsplit_once('@').map(|(_, domain)| domain.to_lowercase())
}

/// Whether the provider decides whom this identifier names. That has to be said of a domain or an issuer
/// by name; what is known only between it and us (`opaque`) is its own.
pub(super) fn is_authoritative(provider: &SecurityEventsProvider, identifier: &Identifier) -> bool {
    let profile = &provider.profile;
    let first = identifier.members().next().unwrap_or_default();
    profile.authoritative
        && match identifier.format() {
            "email" | "account" => {
                let domains = profile.domains.as_ref();
                domains.is_some_and(|domains| domain(first).is_some_and(|domain| domains.contains(&domain)))
            }
            "iss_sub" | "jwt_id" | "saml_assertion_id" => {
                let issuers = profile.issuers.as_ref();
                first == provider.issuer || issuers.is_some_and(|issuers| issuers.iter().any(|iss| iss == first))
            }
            "opaque" => true,
            _ => false,
        }
}
