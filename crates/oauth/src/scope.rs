//! The scopes that can be granted and asked for (okta.md 1.4).

use crate::error::OAuthError;

/// Characters of a `scope` parameter (okta.md 1.3.1).
pub const MAX_SCOPE_LEN: usize = 1024;

/// Every scope that can be granted to a service app, in alphabetical order.
pub const SCOPES: &[&str] = &[
    "okta.apiTokens.manage",
    "okta.apiTokens.read",
    "okta.appGrants.manage",
    "okta.appGrants.read",
    "okta.apps.manage",
    "okta.apps.read",
    "okta.behaviors.manage",
    "okta.behaviors.read",
    "okta.clients.manage",
    "okta.clients.read",
    "okta.clients.register",
    "okta.eventHooks.manage",
    "okta.eventHooks.read",
    "okta.groups.manage",
    "okta.groups.read",
    "okta.logStreams.manage",
    "okta.logStreams.read",
    "okta.logs.read",
    "okta.networkZones.manage",
    "okta.networkZones.read",
    "okta.orgs.manage",
    "okta.orgs.read",
    "okta.policies.manage",
    "okta.policies.read",
    "okta.riskEvents.manage",
    "okta.riskProviders.manage",
    "okta.riskProviders.read",
    "okta.roles.manage",
    "okta.roles.read",
    "okta.securityEventsProviders.manage",
    "okta.securityEventsProviders.read",
    "okta.sessions.manage",
    "okta.sessions.read",
    "okta.threatInsights.manage",
    "okta.threatInsights.read",
    "okta.universalLogout.manage",
    "okta.userRisk.manage",
    "okta.userRisk.read",
    "okta.users.manage",
    "okta.users.read",
    "ssf.manage",
    "ssf.read",
    "watchfire.actions.manage",
    "watchfire.feedback.manage",
    "watchfire.feedback.read",
    "watchfire.manage",
    "watchfire.read",
    "watchfire.signIns.evaluate",
    "watchfire.signIns.outcome",
    "watchfire.signIns.read",
    "watchfire.simulations.manage",
    "watchfire.simulations.read",
];

/// Scopes about a person, whom `client_credentials` does not have (okta.md 1.3.4).
const OPENID: &[&str] = &[
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "offline_access",
    "groups",
    "device_sso",
];

/// Why the scopes of a token request are refused (okta.md 1.3.4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// None asked for.
    #[error("No scopes were requested.")]
    Missing,
    /// The parameter is longer than [`MAX_SCOPE_LEN`].
    #[error("The 'scope' parameter exceeds the maximum length of 1024 characters.")]
    TooLong,
    /// One that nobody has heard of.
    #[error("One or more scopes are not configured for the authorization server resource.")]
    Unknown,
    /// One about a person.
    #[error("Cannot request 'openid' scopes using client credentials.")]
    OpenId,
    /// Some of them are not granted to the client (okta.md 1.3.4, last paragraph).
    #[error("The following scopes are not allowed for this request: [{}].", .0.join(", "))]
    NotAllowed(Vec<String>),
    /// None of them is granted to the client.
    #[error("You are not allowed any of the requested scopes.")]
    NoneGranted,
}

impl From<ScopeError> for OAuthError {
    fn from(error: ScopeError) -> Self {
        let code = match error {
            ScopeError::NoneGranted => "consent_required",
            _ => "invalid_scope",
        };
        Self::bad_request(code, error.to_string())
    }
}

/// Whether a scope can be granted at all.
pub fn is_known(name: &str) -> bool {
    SCOPES.binary_search(&name).is_ok()
}

/// Reads the `scope` parameter: known scopes, each once, in the order asked for.
///
/// # Errors
/// [`ScopeError`] but `NotAllowed` and `NoneGranted`.
pub fn parse(parameter: Option<&str>) -> Result<Vec<&'static str>, ScopeError> {
    let parameter = parameter.unwrap_or_default();
    if parameter.chars().count() > MAX_SCOPE_LEN {
        return Err(ScopeError::TooLong);
    }
    let mut scopes = Vec::new();
    for name in parameter.split_ascii_whitespace() {
        if OPENID.contains(&name) {
            return Err(ScopeError::OpenId);
        }
        let index = SCOPES.binary_search(&name).map_err(|_| ScopeError::Unknown)?;
        let known = SCOPES.get(index).copied().ok_or(ScopeError::Unknown)?;
        if !scopes.contains(&known) {
            scopes.push(known);
        }
    }
    if scopes.is_empty() {
        return Err(ScopeError::Missing);
    }
    Ok(scopes)
}

/// Checks that every requested scope is granted.
///
/// # Errors
/// [`ScopeError::NoneGranted`], or [`ScopeError::NotAllowed`] with the ones that are not.
pub fn check_granted(requested: &[&str], granted: &[impl AsRef<str>]) -> Result<(), ScopeError> {
    let is_granted = |name: &&&str| granted.iter().any(|it| it.as_ref() == **name);
    let missing: Vec<String> = requested
        .iter()
        .filter(|name| !is_granted(name))
        .map(|name| (*name).to_owned())
        .collect();
    if missing.is_empty() {
        Ok(())
    } else if missing.len() == requested.len() {
        Err(ScopeError::NoneGranted)
    } else {
        Err(ScopeError::NotAllowed(missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_table_in_order() {
        assert!(SCOPES.is_sorted());
        assert!(SCOPES.iter().all(|name| is_known(name)));
        assert!(!is_known("okta.riskEvents.read"));
    }

    #[test]
    fn keeps_the_order_asked_for_and_drops_repeats() {
        let got = parse(Some(" okta.riskEvents.manage  okta.logs.read okta.riskEvents.manage"));
        assert_eq!(got, Ok(vec!["okta.riskEvents.manage", "okta.logs.read"]));
    }

    /// okta.md 1.3.4.
    #[test]
    fn says_what_the_contract_says() {
        let grants = ["okta.logs.read"];
        let long = "okta.logs.read ".repeat(69);
        for (error, code, description) in [
            (parse(None).unwrap_err(), "invalid_scope", "No scopes were requested."),
            (parse(Some("  ")).unwrap_err(), "invalid_scope", "No scopes were requested."),
            (
                parse(Some("okta.nothing.read")).unwrap_err(),
                "invalid_scope",
                "One or more scopes are not configured for the authorization server resource.",
            ),
            (
                parse(Some("OKTA.LOGS.READ")).unwrap_err(),
                "invalid_scope",
                "One or more scopes are not configured for the authorization server resource.",
            ),
            (
                parse(Some("okta.logs.read openid")).unwrap_err(),
                "invalid_scope",
                "Cannot request 'openid' scopes using client credentials.",
            ),
            (
                parse(Some(&long)).unwrap_err(),
                "invalid_scope",
                "The 'scope' parameter exceeds the maximum length of 1024 characters.",
            ),
            (
                check_granted(&["okta.logs.read", "okta.users.read"], &grants).unwrap_err(),
                "invalid_scope",
                "The following scopes are not allowed for this request: [okta.users.read].",
            ),
            (
                check_granted(&["okta.users.read"], &grants).unwrap_err(),
                "consent_required",
                "You are not allowed any of the requested scopes.",
            ),
        ] {
            let got = OAuthError::from(error);
            assert_eq!((got.status, got.error, &*got.description), (400, code, description));
        }
        assert_eq!(check_granted(&["okta.logs.read"], &grants), Ok(()));
    }
}
