//! A user's profile: which members there are and how long they may be (okta.md 10.1).

use serde_json::{Map, Value};

use crate::Rejection;

/// Characters of members without a bound of their own.
const MAX_CHARS: usize = 1_024;

/// The members of Okta's default user profile, with the number of characters that each may have.
const MEMBERS: &[(&str, usize, usize)] = &[
    ("login", 5, 100),
    ("email", 5, 100),
    ("secondEmail", 0, 100),
    ("firstName", 1, 50),
    ("lastName", 1, 50),
    ("middleName", 0, MAX_CHARS),
    ("honorificPrefix", 0, MAX_CHARS),
    ("honorificSuffix", 0, MAX_CHARS),
    ("title", 0, MAX_CHARS),
    ("displayName", 0, MAX_CHARS),
    ("nickName", 0, MAX_CHARS),
    ("profileUrl", 0, MAX_CHARS),
    ("primaryPhone", 0, 100),
    ("mobilePhone", 0, 100),
    ("streetAddress", 0, MAX_CHARS),
    ("city", 0, MAX_CHARS),
    ("state", 0, MAX_CHARS),
    ("zipCode", 0, 50),
    ("countryCode", 2, 2),
    ("postalAddress", 0, MAX_CHARS),
    ("preferredLanguage", 0, 100),
    ("locale", 0, 100),
    ("timezone", 0, 100),
    ("userType", 0, MAX_CHARS),
    ("employeeNumber", 0, MAX_CHARS),
    ("costCenter", 0, MAX_CHARS),
    ("organization", 0, MAX_CHARS),
    ("division", 0, MAX_CHARS),
    ("department", 0, MAX_CHARS),
    ("managerId", 0, MAX_CHARS),
    ("manager", 0, MAX_CHARS),
];

/// Checks a whole profile and gives its login. `object` is what the summary of an unknown member names.
///
/// # Errors
/// [`Rejection::Invalid`] with a cause for each fault.
pub(super) fn check(profile: &Map<String, Value>, object: &str) -> Result<String, Rejection> {
    let unknown: Vec<String> = profile
        .keys()
        .filter(|name| !MEMBERS.iter().any(|(known, ..)| known == name))
        .map(|name| format!("Property name '{name}' is not defined in profile"))
        .collect();
    if !unknown.is_empty() {
        return Err(Rejection::Invalid {
            field: object.to_owned(),
            causes: unknown,
        });
    }
    let faults: Vec<(&str, &str)> = MEMBERS
        .iter()
        .filter_map(|&(name, min, max)| Some((name, fault(name, profile.get(name), min..=max)?)))
        .collect();
    match faults.first() {
        None => Ok(profile.get("login").and_then(Value::as_str).unwrap_or_default().to_owned()),
        Some((first, _)) => Err(Rejection::Invalid {
            field: (*first).to_owned(),
            causes: faults.iter().map(|(name, message)| format!("{name}: {message}")).collect(),
        }),
    }
}

/// The old profile with the members that a partial update names; null takes one away.
pub(super) fn merged(old: &Map<String, Value>, change: &Map<String, Value>) -> Map<String, Value> {
    let mut profile = old.clone();
    profile.extend(change.clone());
    present(&profile)
}

/// A profile without the members that are null.
pub(super) fn present(profile: &Map<String, Value>) -> Map<String, Value> {
    let members = profile.iter().filter(|(_, value)| !value.is_null());
    members.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn fault(name: &str, value: Option<&Value>, length: std::ops::RangeInclusive<usize>) -> Option<&'static str> {
    let required = matches!(name, "login" | "email");
    match value {
        None | Some(Value::Null) => required.then_some("The field cannot be left blank"),
        Some(Value::String(text)) if required && text.trim().is_empty() => Some("The field cannot be left blank"),
        Some(Value::String(text)) => {
            let chars = text.chars().count();
            if chars > *length.end() {
                Some("The field is too long")
            } else if chars < *length.start() {
                Some("The field is too short")
            } else if name == "email" && !is_address(text) {
                Some("Does not match required pattern")
            } else {
                None
            }
        }
        Some(_) => Some("The field must be a string"),
    }
}

fn is_address(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else {
        return false;
    };
    !local.is_empty() && !host.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}
