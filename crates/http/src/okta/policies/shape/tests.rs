use serde_json::json;
use watchfire_app::Error;
use watchfire_model::{
    id::{PolicyId, RuleId},
    object::{PolicyDraft, RuleDraft},
    time::Timestamp,
};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_787_922_000);

/// The body that Terraform sends for `okta_policy_rule_signon`.
const TERRAFORM_RULE: &str = r#"{"name":"High risk -> MFA","status":"ACTIVE","type":"SIGN_ON","priority":1,
  "conditions":{"authContext":{"authType":"ANY"},"identityProvider":{"provider":"ANY"},"network":{"connection":"ANYWHERE"},
   "people":{"users":{"exclude":[]}},"riskScore":{"level":"HIGH"},"userStatus":null},
  "actions":{"signon":{"access":"ALLOW","factorPromptMode":"ALWAYS","primaryFactor":"","rememberDeviceByDefault":false,
   "requireFactor":true,"session":{"maxSessionIdleMinutes":120,"maxSessionLifetimeMinutes":120,"usePersistentCookie":false}}}}"#;

/// The body that Terraform sends for `okta_policy_signon`.
const TERRAFORM_POLICY: &str = r#"{"type":"OKTA_SIGN_ON","name":"Staff","status":"ACTIVE","description":"for staff","priority":1,
  "conditions":{"people":{"groups":{"include":["00g1a2b3c4D5e6F7g0h7"]}}},"settings":null,"x":[]}"#;

fn rule(draft: RuleDraft, system: bool) -> Rule {
    Rule {
        id: RuleId::new("0prk3b9dFq2LmXc5R0h7"),
        policy_id: PolicyId::new("00pk3b9"),
        name: draft.name,
        status: draft.status.unwrap_or_default(),
        priority: draft.priority.unwrap_or(1),
        system,
        conditions: draft.conditions,
        action: draft.action,
        mode: draft.mode,
        created: NOW,
        last_updated: NOW,
    }
}

fn policy(draft: PolicyDraft, system: bool) -> Policy {
    Policy {
        id: PolicyId::new("00pk3b9"),
        name: draft.name,
        description: draft.description,
        status: draft.status.unwrap_or_default(),
        priority: draft.priority.unwrap_or(1),
        system,
        groups: draft.groups,
        created: NOW,
        last_updated: NOW,
    }
}

fn causes(outcome: Result<impl std::fmt::Debug, Error>) -> (String, Vec<String>) {
    match outcome.unwrap_err() {
        Error::Invalid { field, causes } => (field, causes),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_rule_of_the_contract_comes_back() {
    let draft = parse_rule(&serde_json::from_str(TERRAFORM_RULE).unwrap()).unwrap();
    let text = serde_json::to_string(&render_rule(&rule(draft, false), "https://ORG")).unwrap();
    // okta.md 9.3, the example
    let want = concat!(
        r#"{"id":"0prk3b9dFq2LmXc5R0h7","status":"ACTIVE","name":"High risk -> MFA","priority":1,"#,
        r#""created":"2026-08-28T13:00:00.000Z","lastUpdated":"2026-08-28T13:00:00.000Z","system":false,"#,
        r#""conditions":{"people":{"users":{"exclude":[]}},"network":{"connection":"ANYWHERE"},"authContext":{"authType":"ANY"},"#,
        r#""risk":{"behaviors":[]},"riskScore":{"level":"HIGH"},"identityProvider":{"provider":"ANY"}},"#,
        r#""actions":{"signon":{"access":"ALLOW","requireFactor":true,"primaryFactor":"PASSWORD_IDP_ANY_FACTOR","factorPromptMode":"ALWAYS","rememberDeviceByDefault":false,"#,
        r#""session":{"usePersistentCookie":false,"maxSessionIdleMinutes":120,"maxSessionLifetimeMinutes":120}}},"#,
        r#""_links":{"self":{"href":"https://ORG/api/v1/policies/00pk3b9/rules/0prk3b9dFq2LmXc5R0h7","hints":{"allow":["GET","PUT","DELETE"]}},"#,
        r#""deactivate":{"href":"https://ORG/api/v1/policies/00pk3b9/rules/0prk3b9dFq2LmXc5R0h7/lifecycle/deactivate","hints":{"allow":["POST"]}}},"#,
        r#""type":"SIGN_ON"}"#,
    );
    assert_eq!(text, want);
}

#[test]
fn the_policy_that_terraform_sends_comes_back() {
    let draft = parse_policy(&serde_json::from_str(TERRAFORM_POLICY).unwrap()).unwrap();
    let body = serde_json::to_value(render_policy(&policy(draft, false), "https://ORG")).unwrap();
    let want = json!({
        "id": "00pk3b9", "status": "ACTIVE", "name": "Staff", "description": "for staff", "priority": 1, "system": false,
        "conditions": {"people": {"groups": {"include": ["00g1a2b3c4D5e6F7g0h7"]}}},
        "created": "2026-08-28T13:00:00.000Z", "lastUpdated": "2026-08-28T13:00:00.000Z",
        "_links": {
            "self": {"href": "https://ORG/api/v1/policies/00pk3b9", "hints": {"allow": ["GET", "PUT", "DELETE"]}},
            "rules": {"href": "https://ORG/api/v1/policies/00pk3b9/rules", "hints": {"allow": ["GET", "POST"]}},
            "deactivate": {"href": "https://ORG/api/v1/policies/00pk3b9/lifecycle/deactivate", "hints": {"allow": ["POST"]}}
        },
        "type": "OKTA_SIGN_ON"
    });
    assert_eq!(body, want);
}

#[test]
fn what_the_system_keeps_cannot_be_deleted_or_switched_off() {
    let draft = parse_policy(&json!({"type": "OKTA_SIGN_ON", "name": "Default Policy"})).unwrap();
    let body = serde_json::to_value(render_policy(&policy(draft, true), "https://ORG")).unwrap();
    assert_eq!(body["_links"]["self"]["hints"]["allow"], json!(["GET", "PUT"]));
    assert!(body["_links"].get("deactivate").is_none());
    let draft = parse_rule(&json!({"name": "Default Rule", "actions": {"signon": {"access": "ALLOW"}}})).unwrap();
    let body = serde_json::to_value(render_rule(&rule(draft, true), "https://ORG")).unwrap();
    let links: Vec<&String> = body["_links"].as_object().unwrap().keys().collect();
    assert_eq!(links, ["self"]);
}

#[test]
fn a_short_rule_gets_the_recorded_defaults() {
    let draft = parse_rule(&json!({"name": "r", "actions": {"signon": {"access": "DENY"}}})).unwrap();
    assert_eq!((draft.status, draft.priority), (None, None));
    let body = serde_json::to_value(render_rule(&rule(draft, false), "https://ORG")).unwrap();
    let want = json!({
        "people": {"users": {"exclude": []}}, "network": {"connection": "ANYWHERE"}, "authContext": {"authType": "ANY"},
        "identityProvider": {"provider": "ANY"}
    });
    assert_eq!(body["conditions"], want);
    assert_eq!(body["actions"]["signon"]["session"]["maxSessionIdleMinutes"], 120);
    assert_eq!(body["actions"]["signon"]["session"]["maxSessionLifetimeMinutes"], 0);
}

#[test]
fn every_condition_comes_back() {
    let sent = json!({
        "people": {"users": {"include": ["00u2"], "exclude": ["00u1"]}, "groups": {"include": ["00g1"], "exclude": ["00g2"]}},
        "network": {"connection": "ZONE", "include": ["ALL_ZONES"], "exclude": ["nzo1"]},
        "authContext": {"authType": "RADIUS"}, "risk": {"behaviors": ["bhv1"]}, "riskScore": {"level": "ANY", "minScore": 40, "maxScore": 69},
        "app": {"include": [{"type": "APP", "id": "payroll"}], "exclude": []}, "device": {"known": false},
        "elCondition": {"condition": "security.risk.level == 'HIGH'"},
        "identityProvider": {"provider": "OKTA"}
    });
    let draft = parse_rule(&json!({
        "name": "r", "type": "SIGN_ON", "mode": "MONITOR", "conditions": sent,
        "actions": {"signon": {"access": "ALLOW", "factorPromptMode": "SESSION", "factorLifetime": 15, "primaryFactor": "PASSWORD_IDP"}}
    }))
    .unwrap();
    let body = serde_json::to_value(render_rule(&rule(draft, false), "https://ORG")).unwrap();
    assert_eq!(body["conditions"], sent);
    assert_eq!(body["mode"], "MONITOR");
    assert_eq!(body["actions"]["signon"]["factorLifetime"], 15);
    assert_eq!(body["actions"]["signon"]["primaryFactor"], "PASSWORD_IDP");
}

#[test]
fn faults_of_a_policy_name_the_field() {
    let long = "x".repeat(256);
    for (body, want) in [
        (json!({"name": "p"}), "type: The field cannot be left blank"),
        (json!({"type": "PASSWORD", "name": "p"}), "type: Invalid value"),
        (json!({"type": "OKTA_SIGN_ON"}), "name: The field cannot be left blank"),
        (json!({"type": "OKTA_SIGN_ON", "name": long}), "name: The field is too long"),
        (json!({"type": "OKTA_SIGN_ON", "name": 5}), "name: Invalid value"),
        (
            json!({"type": "OKTA_SIGN_ON", "name": "p", "status": "ON"}),
            "status: Invalid value",
        ),
        (
            json!({"type": "OKTA_SIGN_ON", "name": "p", "priority": 0}),
            "priority: Invalid value",
        ),
        (
            json!({"type": "OKTA_SIGN_ON", "name": "p", "priority": "1"}),
            "priority: Invalid value",
        ),
        (
            json!({"type": "OKTA_SIGN_ON", "name": "p", "conditions": []}),
            "conditions: Invalid value",
        ),
        (
            json!({"type": "OKTA_SIGN_ON", "name": "p", "conditions": {"people": {"groups": {"include": "00g1"}}}}),
            "conditions.people.groups.include: Invalid value",
        ),
        (
            json!({"type": "OKTA_SIGN_ON", "name": "p", "conditions": {"people": {"users": {"exclude": ["00u1"]}}}}),
            "conditions.people.users.exclude: This is not supported here",
        ),
        (
            json!({"type": "OKTA_SIGN_ON", "name": "p", "conditions": {"moon": {"phase": "full"}}}),
            "conditions: Invalid condition type specified: moon.",
        ),
    ] {
        assert_eq!(causes(parse_policy(&body)).1, [want], "{body}");
    }
    assert!(matches!(parse_policy(&json!("p")), Err(Error::Malformed)));
}

#[test]
fn faults_of_a_rule_name_the_field() {
    let base = json!({"name": "r", "type": "SIGN_ON", "actions": {"signon": {"access": "ALLOW"}}});
    for (pointer, value, want) in [
        ("/name", json!(""), "name: The field cannot be left blank"),
        ("/type", json!("PASSWORD"), "type: Invalid value"),
        (
            "/actions",
            Value::Null,
            "actions.signon.access: The field cannot be left blank",
        ),
        (
            "/actions/signon/access",
            json!("CHALLENGE"),
            "actions.signon.access: Invalid value",
        ),
        (
            "/actions/signon/requireFactor",
            json!("yes"),
            "actions.signon.requireFactor: Invalid value",
        ),
        (
            "/actions/signon/factorPromptMode",
            json!("OFTEN"),
            "actions.signon.factorPromptMode: Invalid value",
        ),
        (
            "/actions/signon/primaryFactor",
            json!("RETINA"),
            "actions.signon.primaryFactor: Invalid value",
        ),
        (
            "/actions/signon/session",
            json!({"maxSessionIdleMinutes": -1}),
            "actions.signon.session.maxSessionIdleMinutes: Invalid value",
        ),
        (
            "/conditions",
            json!({"riskScore": {}}),
            "conditions.riskScore.level: The field cannot be left blank",
        ),
        (
            "/conditions",
            json!({"riskScore": {"level": "high"}}),
            "conditions.riskScore.level: Invalid value",
        ),
        ("/conditions", json!({"riskScore": 7}), "conditions.riskScore: Invalid value"),
        (
            "/conditions",
            json!({"network": {"connection": "MARS"}}),
            "conditions.network.connection: Invalid value",
        ),
        (
            "/conditions",
            json!({"network": {"connection": "ZONE"}}),
            "conditions.network.include: The field cannot be left blank",
        ),
        (
            "/conditions",
            json!({"network": {"connection": "ANYWHERE", "exclude": ["nzo1"]}}),
            "conditions.network.connection: Zones can be named only with ZONE",
        ),
        (
            "/conditions",
            json!({"authContext": {"authType": "SSH"}}),
            "conditions.authContext.authType: Invalid value",
        ),
        (
            "/conditions",
            json!({"identityProvider": {"provider": "X"}}),
            "conditions.identityProvider.provider: Invalid value",
        ),
        (
            "/conditions",
            json!({"people": {"groups": {"include": "00g1"}}}),
            "conditions.people.groups.include: Invalid value",
        ),
        (
            "/conditions",
            json!({"riskScore": {"level": "ANY", "minScore": 101}}),
            "conditions.riskScore.minScore: Invalid value",
        ),
        (
            "/conditions",
            json!({"riskScore": {"level": "ANY", "minScore": 70, "maxScore": 40}}),
            "conditions.riskScore.minScore: Must not be greater than maxScore",
        ),
        (
            "/conditions",
            json!({"riskScore": {"maxScore": 40}}),
            "conditions.riskScore.level: The field cannot be left blank",
        ),
        (
            "/conditions",
            json!({"app": {"include": [{"type": "APP_TYPE", "name": "salesforce"}]}}),
            "conditions.app.include: Invalid value",
        ),
        (
            "/conditions",
            json!({"app": {"include": ["  "]}}),
            "conditions.app.include: Invalid value",
        ),
        (
            "/conditions",
            json!({"app": {"only": ["payroll"]}}),
            "conditions.app.only: This is not supported here",
        ),
        (
            "/conditions",
            json!({"device": {"registered": true}}),
            "conditions.device.registered: This is not supported here",
        ),
        (
            "/conditions",
            json!({"people": {"user": {"include": ["00u1"]}}}),
            "conditions.people.user: This is not supported here",
        ),
        (
            "/conditions",
            json!({"people": {"users": {"inclde": ["00u1"]}}}),
            "conditions.people.users.inclde: This is not supported here",
        ),
        (
            "/conditions",
            json!({"risk": {"behaviours": ["New IP"]}}),
            "conditions.risk.behaviours: This is not supported here",
        ),
        (
            "/conditions",
            json!({"riskScore": {"level": "ANY", "minimum": 90}}),
            "conditions.riskScore.minimum: This is not supported here",
        ),
        (
            "/conditions",
            json!({"authContext": {"authtype": "RADIUS"}}),
            "conditions.authContext.authtype: This is not supported here",
        ),
        (
            "/conditions",
            json!({"identityProvider": {"provider": "SPECIFIC_IDP", "idpIds": ["0oa1"]}}),
            "conditions.identityProvider.idpIds: This is not supported here",
        ),
        (
            "/actions",
            json!({"signon": {"access": "ALLOW", "requirefactor": true}}),
            "actions.signon.requirefactor: This is not supported here",
        ),
        (
            "/conditions",
            json!({"device": {"known": "yes"}}),
            "conditions.device.known: Invalid value",
        ),
        (
            "/conditions",
            json!({"elCondition": {"condition": ""}}),
            "conditions.elCondition.condition: The field cannot be left blank",
        ),
        ("/mode", json!("WATCH"), "mode: Invalid value"),
        (
            "/conditions",
            json!({"risk": {"behaviors": [1]}}),
            "conditions.risk.behaviors: Invalid value",
        ),
        (
            "/conditions",
            json!({"device": {}}),
            "conditions.device.known: The field cannot be left blank",
        ),
        (
            "/conditions",
            json!({"userStatus": {"value": "ACTIVE"}}),
            "conditions: Invalid condition type specified: userStatus.",
        ),
    ] {
        let mut body = base.clone();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .insert(member.to_owned(), value);
        let (_, got) = causes(parse_rule(&body));
        assert!(got.contains(&want.to_owned()), "{pointer}: {got:?} lacks {want:?}");
    }
}
