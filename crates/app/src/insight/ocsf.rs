//! Events as the Open Cybersecurity Schema Framework has them (OCSF 1.4): for lakes and SIEMs.
//!
//! A class is chosen by what an event is about: signing in, a change of an account, a finding, a change of
//! what administrators keep. What OCSF has no attribute for is in `unmapped`, under the names of the log.

use serde_json::{Map, Value, json};
use watchfire_model::{
    log::{EventType, LogEvent, Severity, Target},
    signal::RiskLevel,
};

use super::log::LogEntry;

/// The version of the schema.
const VERSION: &str = "1.4.0";

/// A class with what it is called and the category that it is in.
struct Class {
    uid: u64,
    name: &'static str,
    category: u64,
    category_name: &'static str,
}

const ACCOUNT_CHANGE: Class = iam(3_001, "Account Change");
const AUTHENTICATION: Class = iam(3_002, "Authentication");
const ENTITY_MANAGEMENT: Class = iam(3_004, "Entity Management");
const GROUP_MANAGEMENT: Class = iam(3_006, "Group Management");
const DETECTION_FINDING: Class = Class {
    uid: 2_004,
    name: "Detection Finding",
    category: 2,
    category_name: "Findings",
};
const BASE: Class = Class {
    uid: 0,
    name: "Base Event",
    category: 0,
    category_name: "Uncategorized",
};

const fn iam(uid: u64, name: &'static str) -> Class {
    Class {
        uid,
        name,
        category: 3,
        category_name: "Identity & Access Management",
    }
}

/// The event.
pub fn of(entry: &LogEntry) -> Value {
    let event = &entry.event;
    let (class, (activity, activity_name)) = class_of(event);
    let (status, status_name) = status(event);
    let (severity, severity_name) = severity(event);
    let mut out = json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": class.category,
        "category_name": class.category_name,
        "class_uid": class.uid,
        "class_name": class.name,
        "type_uid": class.uid.saturating_mul(100).saturating_add(activity),
        "type_name": format!("{}: {activity_name}", class.name),
        "time": event.published.as_micros().div_euclid(1_000),
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "message": named(event),
        "metadata": {
            "version": VERSION,
            "uid": event.uuid,
            "event_code": event.event_type.as_str(),
            "correlation_uid": event.transaction.id,
            "original_time": event.published.to_string(),
            "product": {"name": "Watchfire", "vendor_name": "Watchfire"},
        },
        "actor": {"user": actor(event)},
        "unmapped": unmapped(entry),
    });
    if let Some(members) = out.as_object_mut() {
        if let Some(reason) = &event.outcome.reason {
            members.insert("status_detail".to_owned(), reason.as_str().into());
        }
        if let Some(endpoint) = endpoint(event) {
            members.insert("src_endpoint".to_owned(), endpoint);
        }
        about(class.uid, event, members);
    }
    out
}

/// What people call it.
fn named(event: &LogEvent) -> &'static str {
    let kind = event.event_type;
    kind.console_message().unwrap_or_else(|| kind.display_message())
}

fn class_of(event: &LogEvent) -> (Class, (u64, &'static str)) {
    let name = event.event_type.as_str();
    let class = match event.event_type {
        EventType::SecurityRiskSignalConsume
        | EventType::SecurityEventsProviderReceiveEvent
        | EventType::UserRiskDetect
        | EventType::UserReportSuspiciousActivity
        | EventType::SecurityRequestBlocked => DETECTION_FINDING,
        EventType::PolicyEvaluateSignOn => AUTHENTICATION,
        _ if name.starts_with("user.session.") || name.starts_with("user.authentication.") => AUTHENTICATION,
        EventType::GroupUserAdd | EventType::GroupUserRemove => GROUP_MANAGEMENT,
        _ if name.starts_with("user.") && first_user(event).is_some() => ACCOUNT_CHANGE,
        _ if first_target(event).is_some() => ENTITY_MANAGEMENT,
        _ => BASE,
    };
    let activity = match class.uid {
        3_001 => account_activity(event.event_type),
        3_002 => authentication_activity(event.event_type),
        3_004 => entity_activity(name),
        3_006 if event.event_type == EventType::GroupUserAdd => (3, "Add User"),
        3_006 => (4, "Remove User"),
        2_004 => (1, "Create"),
        _ => OTHER,
    };
    (class, activity)
}

const OTHER: (u64, &str) = (99, "Other");

const fn account_activity(event_type: EventType) -> (u64, &'static str) {
    match event_type {
        EventType::UserCreate => (1, "Create"),
        EventType::UserActivate | EventType::UserReactivate | EventType::UserUnsuspend => (2, "Enable"),
        EventType::UserUpdatePassword => (3, "Password Change"),
        EventType::UserResetPassword | EventType::UserExpirePassword => (4, "Password Reset"),
        EventType::UserDeactivate | EventType::UserSuspend => (5, "Disable"),
        EventType::UserDeleteInitiated => (6, "Delete"),
        EventType::UserPrivilegeGrant => (7, "Attach Policy"),
        EventType::UserPrivilegeRevoke => (8, "Detach Policy"),
        EventType::UserAccountLock => (9, "Lock"),
        EventType::FactorActivate => (10, "MFA Factor Enable"),
        EventType::FactorDeactivate | EventType::FactorResetAll => (11, "MFA Factor Disable"),
        _ => OTHER,
    }
}

const fn authentication_activity(event_type: EventType) -> (u64, &'static str) {
    match event_type {
        EventType::UserSessionStart | EventType::UserSessionAccessAdminApp => (1, "Logon"),
        EventType::UserSessionEnd | EventType::UserSessionClear | EventType::UserUniversalLogout => (2, "Logoff"),
        _ => OTHER,
    }
}

/// By the verb at the end of the type: `.create` and `.created` are one.
fn entity_activity(name: &str) -> (u64, &'static str) {
    let verb = name.rsplit('.').next().unwrap_or_default();
    match verb {
        "create" | "created" | "add" | "grant" => (1, "Create"),
        "update" | "updated" | "rollover" | "status" => (3, "Update"),
        "delete" | "deleted" | "revoke" => (4, "Delete"),
        _ => OTHER,
    }
}

/// What the class asks for beside what all of them have.
fn about(class: u64, event: &LogEvent, members: &mut Map<String, Value>) {
    match class {
        3_001 | 3_002 => {
            let target = first_user(event).map(user);
            members.insert("user".to_owned(), target.unwrap_or_else(|| actor(event)));
            if class == 3_002 {
                members.insert("service".to_owned(), json!({"name": "Watchfire"}));
                members.insert("is_remote".to_owned(), true.into());
            }
        }
        3_004 => {
            if let Some(target) = first_target(event) {
                members.insert("entity".to_owned(), managed(target));
            }
        }
        3_006 => {
            let group = event.target.iter().find(|target| target.kind == "UserGroup");
            members.insert("group".to_owned(), group.map_or_else(|| json!({}), managed_group));
            if let Some(target) = first_user(event) {
                members.insert("user".to_owned(), user(target));
            }
        }
        2_004 => {
            let risk = event.security_context.risk.as_ref();
            let title = risk.and_then(|risk| risk.detection_name.clone());
            members.insert(
                "finding_info".to_owned(),
                json!({
                    "uid": event.uuid,
                    "title": title.unwrap_or_else(|| named(event).to_owned()),
                    "types": [event.event_type.as_str()],
                    "desc": risk.map(|risk| risk.reasons.join(", ")).unwrap_or_default(),
                }),
            );
            if let Some(risk) = risk {
                let (id, name) = level(risk.level);
                members.insert("risk_level_id".to_owned(), id.into());
                members.insert("risk_level".to_owned(), name.into());
            }
            let resources: Vec<Value> = event.target.iter().map(resource).collect();
            members.insert("resources".to_owned(), resources.into());
        }
        _ => {}
    }
}

const fn level(level: RiskLevel) -> (u64, &'static str) {
    match level {
        RiskLevel::Low => (1, "Low"),
        RiskLevel::Medium => (2, "Medium"),
        RiskLevel::High => (3, "High"),
    }
}

fn severity(event: &LogEvent) -> (u64, &'static str) {
    match (event.severity, event.security_context.risk.as_ref().map(|risk| risk.level)) {
        (Severity::Error, _) | (_, Some(RiskLevel::High)) => (4, "High"),
        (Severity::Warn, _) | (_, Some(RiskLevel::Medium)) => (3, "Medium"),
        (Severity::Debug | Severity::Info, _) => (1, "Informational"),
    }
}

/// `status_id` of a finding says how far it is looked into, and not how something ended.
fn status(event: &LogEvent) -> (u64, &'static str) {
    if class_of(event).0.uid == DETECTION_FINDING.uid {
        return (1, "New");
    }
    match event.outcome.result.as_str() {
        "SUCCESS" | "ALLOW" => (1, "Success"),
        "FAILURE" | "DENY" => (2, "Failure"),
        other => (99, other),
    }
}

fn actor(event: &LogEvent) -> Value {
    let actor = &event.actor;
    let mut user = json!({"uid": actor.id, "type": actor.kind});
    fill(&mut user, "name", actor.alternate_id.as_deref());
    fill(&mut user, "full_name", actor.display_name.as_deref());
    user
}

fn user(target: &Target) -> Value {
    let mut user = json!({"uid": target.id, "type": target.kind});
    fill(&mut user, "name", target.alternate_id.as_deref());
    fill(&mut user, "full_name", target.display_name.as_deref());
    user
}

fn managed(target: &Target) -> Value {
    let mut entity = json!({"uid": target.id, "type": target.kind});
    fill(&mut entity, "name", target.display_name.as_deref());
    entity
}

fn managed_group(target: &Target) -> Value {
    let mut group = json!({"uid": target.id});
    fill(&mut group, "name", target.display_name.as_deref());
    group
}

fn resource(target: &Target) -> Value {
    let mut resource = json!({"uid": target.id, "type": target.kind});
    fill(&mut resource, "name", target.display_name.as_deref());
    resource
}

fn fill(object: &mut Value, name: &str, text: Option<&str>) {
    if let (Some(members), Some(text)) = (object.as_object_mut(), text) {
        members.insert(name.to_owned(), text.into());
    }
}

fn first_user(event: &LogEvent) -> Option<&Target> {
    event.target.iter().find(|target| target.kind == "User")
}

fn first_target(event: &LogEvent) -> Option<&Target> {
    event.target.first()
}

fn endpoint(event: &LogEvent) -> Option<Value> {
    let client = event.client.as_ref()?;
    let ip = client.ip_address?;
    let mut endpoint = json!({"ip": ip.to_string()});
    if let (Some(members), Some(place)) = (endpoint.as_object_mut(), &client.geographical_context) {
        let mut location = json!({});
        fill(&mut location, "city", place.city.as_deref());
        fill(&mut location, "country", place.country.as_deref());
        fill(&mut location, "region", place.state.as_deref());
        members.insert("location".to_owned(), location);
    }
    Some(endpoint)
}

/// Everything of the log's event that has no place above.
fn unmapped(entry: &LogEntry) -> Value {
    let wire = entry.to_wire();
    let names = [
        "eventType",
        "outcome",
        "debugContext",
        "securityContext",
        "authenticationContext",
        "target",
    ];
    let kept = names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), wire.get(*name)?.clone())));
    Value::Object(kept.collect())
}
