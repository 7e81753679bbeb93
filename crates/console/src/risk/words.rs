//! What the model's names mean, for people.

use std::time::Duration;

use watchfire_app::identity::entity_risk::Remedy;
use watchfire_model::object::CauseKind;

/// What speaks against somebody.
pub(super) const fn cause(kind: CauseKind) -> &'static str {
    match kind {
        CauseKind::SessionRevoked => "A provider ended a session",
        CauseKind::CredentialChange => "A credential was changed",
        CauseKind::AssuranceDecrease => "The sign-in is less certain than before",
        CauseKind::DeviceNotCompliant => "The device is not compliant",
        CauseKind::RiskLevel => "A provider reports a risk level",
        CauseKind::CredentialChangeRequired => "A credential must be changed",
        CauseKind::AccountDisabled => "A provider has disabled the account",
        CauseKind::IdentifierChanged => "An identifier was changed",
        CauseKind::IdentifierRecycled => "An identifier was given to somebody else",
        CauseKind::CredentialCompromise => "A credential was stolen",
        CauseKind::RecoveryActivated => "Account recovery was begun",
        CauseKind::RecoveryInformationChanged => "Recovery information was changed",
        CauseKind::UserRisk => "A provider reports a risky user",
        CauseKind::DeviceRisk => "A provider reports a risky device",
        CauseKind::IpChange => "A session has moved to another address",
        CauseKind::AdminOverride => "An administrator set the level",
        CauseKind::SignIn => "A sign-in was HIGH risk",
        CauseKind::NotMe => "The user says: this was not me",
    }
}

/// What would end it.
pub(super) const fn remedy(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::Administrator => "an administrator clears it",
        Remedy::SameProvider => "the same provider takes it back",
        Remedy::SecondFactor => "a sign-in with a second factor",
        Remedy::TwoCleanStepUps => "two clean sign-ins with a second factor",
        Remedy::CredentialChange => "a changed credential",
        Remedy::CredentialChangeAndSessionsEnded => "a changed credential and all sessions ended",
    }
}

/// What a factor of a score looks at.
pub(super) fn factor(name: &str) -> &str {
    match name {
        "country" => "Country",
        "network" => "Network",
        "prefix" => "Address range",
        "ip" => "Address",
        "device_type" => "Kind of device",
        "os" => "Operating system",
        "browser" => "Browser",
        "browser_version" => "Browser version",
        "user_agent" => "User agent",
        "device_token" => "Device token",
        "hour" => "Hour of the day",
        "velocity" => "Journey",
        "neighbours" => "Others from there",
        "automation" => "A program",
        "providers" => "Risk providers",
        "user_risk" => "Risk of the user",
        "device_risk" => "Risk of the device",
        "session_risk" => "Risk of a session",
        "zone" => "Network zone",
        "cold_start" => "Too few sign-ins to know the user",
        "under_attack" => "Account under attack",
        "level_floor" => "A provider's word",
        other => other,
    }
}

/// Where a factor comes from.
pub(super) fn source(kind: &str) -> &str {
    match kind {
        "history" => "Sign-ins before",
        "request" => "The request",
        "observation" => "The last hour",
        "entity_risk" => "What speaks against the user",
        "operator" => "A zone of yours",
        other => other,
    }
}

/// A condition of a rule.
pub(super) fn condition(name: &str) -> &str {
    match name {
        "people" => "People",
        "network" => "Network",
        "authContext" => "Kind of authentication",
        "identityProvider" => "Identity provider",
        "risk" => "Behavior",
        "riskScore" => "Risk",
        "app" => "Application",
        "device" => "Device",
        "elCondition" => "Expression",
        other => other,
    }
}

/// How a sign-in ended.
pub(super) fn state(state: &str) -> &str {
    match state {
        "PENDING" => "not told yet",
        "SUCCESS" => "succeeded",
        "FAILURE" => "failed",
        "CHALLENGE_PASSED" => "second factor shown",
        "CHALLENGE_FAILED" => "second factor not shown",
        "ABANDONED" => "given up",
        "NOT_ME" => "was not the user",
        other => other,
    }
}

/// A length of time in its two largest units at the most.
pub(crate) fn length(of: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let seconds = of.as_secs();
    let first = UNITS.iter().position(|(unit, _)| seconds >= *unit);
    let Some(first) = first else {
        return format!("{} ms", of.as_millis());
    };
    let mut left = seconds;
    let mut parts = Vec::new();
    for (unit, name) in UNITS.iter().skip(first).take(2) {
        let count = left.checked_div(*unit).unwrap_or(0);
        left = left.checked_rem(*unit).unwrap_or(0);
        match count {
            0 => {}
            1 => parts.push(format!("1 {name}")),
            _ => parts.push(format!("{count} {name}s")),
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_in_two_units() {
        for (seconds, said) in [
            (0, "0 ms"),
            (1, "1 second"),
            (90, "1 minute 30 seconds"),
            (3_600, "1 hour"),
            (604_800, "7 days"),
            (90_061, "1 day 1 hour"),
        ] {
            assert_eq!(length(Duration::from_secs(seconds)), said);
        }
        assert_eq!(length(Duration::from_millis(12)), "12 ms");
    }
}
