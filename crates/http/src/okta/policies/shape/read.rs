//! Reads the bodies of policies and rules.
//!
//! Unknown members are ignored, but not an unknown condition, or an unknown member of a condition or of what a
//! rule does: a rule that leaves one out would match more, or ask for less, than its author wanted.

use serde_json::Value;
use watchfire_app::Error;
use watchfire_model::{
    id::{GroupId, UserId},
    object::{
        Access, ApplicationCondition, FactorPrompt, NetworkCondition, NetworkConnection, PolicyDraft, RiskScoreLevel,
        RuleConditions, RuleDraft, RuleMode, ScoreRange, SignOnAction, SignOnSession, Status,
    },
};

use super::{
    super::super::members::{Faults, Members},
    POLICY_TYPE, RULE_TYPE,
};

const NOT_SUPPORTED: &str = "This is not supported here";
const MAX_NAME: usize = 255;
const MAX_DESCRIPTION: usize = 1024;
const STATUS: [(&str, Status); 2] = [("ACTIVE", Status::Active), ("INACTIVE", Status::Inactive)];
const RULE_CONDITIONS: [&str; 9] = [
    "people",
    "network",
    "authContext",
    "identityProvider",
    "risk",
    "riskScore",
    "app",
    "device",
    "elCondition",
];
const LISTS: [&str; 2] = ["include", "exclude"];
const SIGN_ON: [&str; 7] = [
    "access",
    "requireFactor",
    "primaryFactor",
    "factorPromptMode",
    "factorLifetime",
    "rememberDeviceByDefault",
    "session",
];
const MAX_APPLICATION: usize = 255;
const MODES: [(&str, RuleMode); 2] = [("ENFORCE", RuleMode::Enforce), ("MONITOR", RuleMode::Monitor)];

/// Reads the body of POST and PUT of a policy.
///
/// # Errors
/// [`Error::Malformed`] for no object, [`Error::Invalid`] with every fault otherwise.
pub fn parse_policy(body: &Value) -> Result<PolicyDraft, Error> {
    let body = Members::of(body)?;
    let faults = &mut Faults::default();
    body.require("type", faults);
    body.choice("type", &[(POLICY_TYPE, ())], faults);
    let conditions = body.child("conditions", faults);
    known_conditions(&conditions, &["people"], faults);
    let people = part(&conditions, "people", &["users", "groups"], faults);
    let groups = part(&people, "groups", &LISTS, faults);
    nobody(&part(&people, "users", &LISTS, faults), &LISTS, faults);
    nobody(&groups, &["exclude"], faults);
    let draft = PolicyDraft {
        name: body.required_text("name", MAX_NAME, faults),
        description: body.text("description", MAX_DESCRIPTION, faults),
        status: body.choice("status", &STATUS, faults),
        priority: body.integer("priority", 1..=u32::MAX, faults),
        groups: groups.texts("include", faults).into_iter().map(GroupId::new).collect(),
    };
    std::mem::take(faults).or(draft)
}

/// Reads the body of POST and PUT of a rule.
///
/// # Errors
/// [`Error::Malformed`] for no object, [`Error::Invalid`] with every fault otherwise.
pub fn parse_rule(body: &Value) -> Result<RuleDraft, Error> {
    let body = Members::of(body)?;
    let faults = &mut Faults::default();
    body.choice("type", &[(RULE_TYPE, ())], faults);
    let draft = RuleDraft {
        name: body.required_text("name", MAX_NAME, faults),
        status: body.choice("status", &STATUS, faults),
        priority: body.integer("priority", 1..=u32::MAX, faults),
        conditions: conditions(&body.child("conditions", faults), faults),
        action: action(&body, faults),
        mode: body.choice("mode", &MODES, faults).unwrap_or_default(),
    };
    std::mem::take(faults).or(draft)
}

fn conditions(body: &Members<'_>, faults: &mut Faults) -> RuleConditions {
    known_conditions(body, &RULE_CONDITIONS, faults);
    let people = part(body, "people", &["users", "groups"], faults);
    let users = part(&people, "users", &LISTS, faults);
    let groups = part(&people, "groups", &LISTS, faults);
    let risk = part(body, "risk", &["behaviors"], faults);
    let auth_context = part(body, "authContext", &["authType"], faults);
    let identity_provider = part(body, "identityProvider", &["provider", "idpIds"], faults);
    nobody(&identity_provider, &["idpIds"], faults);
    let risk_score = score(body, faults);
    let auth_types = [("ANY", "ANY"), ("RADIUS", "RADIUS"), ("LDAP_INTERFACE", "LDAP_INTERFACE")];
    let providers = [("ANY", "ANY"), ("OKTA", "OKTA"), ("SPECIFIC_IDP", "SPECIFIC_IDP")];
    RuleConditions {
        included_users: users.texts("include", faults).into_iter().map(UserId::new).collect(),
        excluded_users: users.texts("exclude", faults).into_iter().map(UserId::new).collect(),
        included_groups: groups.texts("include", faults).into_iter().map(GroupId::new).collect(),
        excluded_groups: groups.texts("exclude", faults).into_iter().map(GroupId::new).collect(),
        network: network(&part(body, "network", &["connection", "include", "exclude"], faults), faults),
        auth_type: chosen(&auth_context, "authType", &auth_types, faults),
        identity_provider: chosen(&identity_provider, "provider", &providers, faults),
        behaviors: risk.texts("behaviors", faults),
        risk_score: risk_score.0,
        score_range: risk_score.1,
        application: application(&body.child("app", faults), faults),
        device_known: device(body, faults),
        expression: expression(body, faults),
    }
}

/// An object inside that may have these members.
fn part<'v>(body: &Members<'v>, name: &str, members: &[&str], faults: &mut Faults) -> Members<'v> {
    let part = body.child(name, faults);
    part.only(members, NOT_SUPPORTED, faults);
    part
}

fn chosen(body: &Members<'_>, name: &str, words: &[(&str, &str)], faults: &mut Faults) -> Option<String> {
    Some(body.choice(name, words, faults).unwrap_or("ANY").to_owned())
}

fn network(body: &Members<'_>, faults: &mut Faults) -> NetworkCondition {
    let connections = [("ANYWHERE", NetworkConnection::Anywhere), ("ZONE", NetworkConnection::Zone)];
    let condition = NetworkCondition {
        connection: body.choice("connection", &connections, faults).unwrap_or_default(),
        include: body.texts("include", faults),
        exclude: body.texts("exclude", faults),
    };
    let names_zones = !(condition.include.is_empty() && condition.exclude.is_empty());
    match condition.connection {
        NetworkConnection::Anywhere if names_zones => {
            faults.add(body.path_of("connection"), "Zones can be named only with ZONE");
        }
        NetworkConnection::Zone if !names_zones => {
            faults.add(body.path_of("include"), "The field cannot be left blank");
        }
        NetworkConnection::Anywhere | NetworkConnection::Zone => {}
    }
    condition
}

/// `riskScore`: the level that Okta asks for, and our own range of scores.
fn score(body: &Members<'_>, faults: &mut Faults) -> (Option<RiskScoreLevel>, ScoreRange) {
    if body.value("riskScore").is_none() {
        return (None, ScoreRange::default());
    }
    let score = part(body, "riskScore", &["level", "minScore", "maxScore"], faults);
    score.require("level", faults);
    let levels = [
        ("ANY", RiskScoreLevel::Any),
        ("LOW", RiskScoreLevel::Low),
        ("MEDIUM", RiskScoreLevel::Medium),
        ("HIGH", RiskScoreLevel::High),
    ];
    let mut bound = |name: &str| score.whole(name, 0..=100, faults).and_then(|n| u8::try_from(n).ok());
    let range = ScoreRange {
        least: bound("minScore"),
        most: bound("maxScore"),
    };
    if let (Some(least), Some(most)) = (range.least, range.most)
        && least > most
    {
        faults.add(score.path_of("minScore"), "Must not be greater than maxScore");
    }
    (score.choice("level", &levels, faults), range)
}

fn application(body: &Members<'_>, faults: &mut Faults) -> ApplicationCondition {
    body.only(&LISTS, NOT_SUPPORTED, faults);
    ApplicationCondition {
        include: applications(body, "include", faults),
        exclude: applications(body, "exclude", faults),
    }
}

/// `[{"type":"APP","id":"…"}]` as Okta has it, or only the names.
fn applications(body: &Members<'_>, list: &str, faults: &mut Faults) -> Vec<String> {
    let name = |item: &Value| {
        let is_app = item.get("type").is_none_or(|kind| kind == "APP");
        let name = item.as_str().or_else(|| item.get("id")?.as_str().filter(|_| is_app))?;
        let fits = !name.trim().is_empty() && name.chars().count() <= MAX_APPLICATION;
        fits.then(|| name.to_owned())
    };
    let Some(value) = body.value(list) else { return Vec::new() };
    let names: Option<Vec<String>> = value.as_array().and_then(|items| items.iter().map(name).collect());
    if names.is_none() {
        faults.add(body.path_of(list), "Invalid value");
    }
    names.unwrap_or_default()
}

fn device(body: &Members<'_>, faults: &mut Faults) -> Option<bool> {
    body.value("device")?;
    let device = body.child("device", faults);
    device.only(&["known"], NOT_SUPPORTED, faults);
    device.require("known", faults);
    device.boolean("known", faults)
}

/// Whether it is an expression is told when it is stored.
fn expression(body: &Members<'_>, faults: &mut Faults) -> Option<String> {
    body.value("elCondition")?;
    let condition = part(body, "elCondition", &["condition"], faults);
    Some(condition.required_text("condition", usize::MAX, faults))
}

fn action(body: &Members<'_>, faults: &mut Faults) -> SignOnAction {
    let signon = part(&body.child("actions", faults), "signon", &SIGN_ON, faults);
    // What happens is never guessed: ALLOW by omission would be a hole.
    signon.require("access", faults);
    let default = SignOnAction::default();
    let prompts = [
        ("ALWAYS", FactorPrompt::Always),
        ("DEVICE", FactorPrompt::Device),
        ("SESSION", FactorPrompt::Session),
    ];
    let primaries = ["PASSWORD_IDP_ANY_FACTOR", "PASSWORD_IDP"].map(|word| (word, word));
    SignOnAction {
        access: signon
            .choice("access", &[("ALLOW", Access::Allow), ("DENY", Access::Deny)], faults)
            .unwrap_or(Access::Deny),
        require_factor: signon.boolean("requireFactor", faults).unwrap_or(default.require_factor),
        primary_factor: signon
            .choice("primaryFactor", &primaries, faults)
            .map_or(default.primary_factor, str::to_owned),
        factor_prompt_mode: signon.choice("factorPromptMode", &prompts, faults).unwrap_or_default(),
        factor_lifetime: signon.integer("factorLifetime", 0..=u32::MAX, faults),
        remember_device_by_default: signon
            .boolean("rememberDeviceByDefault", faults)
            .unwrap_or(default.remember_device_by_default),
        session: session(&signon.child("session", faults), faults),
    }
}

fn session(body: &Members<'_>, faults: &mut Faults) -> SignOnSession {
    let default = SignOnSession::default();
    SignOnSession {
        use_persistent_cookie: body
            .boolean("usePersistentCookie", faults)
            .unwrap_or(default.use_persistent_cookie),
        max_session_idle_minutes: body
            .integer("maxSessionIdleMinutes", 1..=u32::MAX, faults)
            .unwrap_or(default.max_session_idle_minutes),
        max_session_lifetime_minutes: body
            .integer("maxSessionLifetimeMinutes", 0..=u32::MAX, faults)
            .unwrap_or(default.max_session_lifetime_minutes),
    }
}

fn known_conditions(body: &Members<'_>, known: &[&str], faults: &mut Faults) {
    for name in body.names().filter(|name| !known.contains(name)) {
        faults.add("conditions", format!("Invalid condition type specified: {name}."));
    }
}

/// Refuses lists of people that would be forgotten.
fn nobody(body: &Members<'_>, lists: &[&str], faults: &mut Faults) {
    for list in lists {
        if !body.texts(list, faults).is_empty() {
            faults.add(body.path_of(list), NOT_SUPPORTED);
        }
    }
}
