//! What rules say and how they are refused.

use serde_json::{Value, json};
use watchfire_app::Error;
use watchfire_model::{
    id::ClientId,
    object::{Detection, EntityRiskAction, LogoutSelection},
    signal::RiskLevel,
};

use super::*;

fn rule(conditions: Value, actions: Value) -> Value {
    json!({"type": "ENTITY_RISK", "name": "r", "conditions": conditions, "actions": {"entityRisk": {"actions": actions}}})
}

fn fault(body: &Value) -> String {
    match parse_entity_risk_rule(body) {
        Err(Error::Invalid { causes, .. }) => causes.join("; "),
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn a_rule_is_read_and_written_as_it_came() {
    let conditions = json!({
        "people": {"users": {"include": ["00u1"], "exclude": []}, "groups": {"include": [], "exclude": ["00g1"]}},
        "entityRisk": {"level": "HIGH"},
        "riskDetectionTypes": {"include": ["SECURITY_EVENTS_PROVIDER_REPORTED_RISK"], "exclude": []},
    });
    let actions = json!([
        {"action": "TERMINATE_ALL_SESSIONS", "universalLogout": {"mode": "SPECIFIED", "apps": ["0oa1"]}},
        {"action": "RUN_WORKFLOW", "workflow": {"id": 572_749}},
        {"action": "DEACTIVATE_USER"},
    ]);
    let draft = parse_entity_risk_rule(&rule(conditions.clone(), actions.clone())).expect("a rule");
    assert_eq!(draft.conditions.level, Some(RiskLevel::High));
    assert_eq!(
        draft.conditions.detections.include,
        [Detection::SecurityEventsProviderReportedRisk]
    );
    let apps = LogoutSelection::Specified(vec![ClientId::new("0oa1")]);
    assert_eq!(
        draft.actions,
        [
            EntityRiskAction::TerminateAllSessions { universal_logout: apps },
            EntityRiskAction::RunWorkflow { workflow: 572_749 },
            EntityRiskAction::DeactivateUser
        ]
    );
    assert_eq!(super::conditions(&draft.conditions), conditions);
    assert_eq!(Value::Array(draft.actions.iter().map(action).collect()), actions);
}

/// okta.md 13, row 32.
#[test]
fn a_workflow_is_an_integer_or_a_text_and_shown_as_an_integer() {
    for id in [json!(572_749), json!("572749")] {
        let draft = parse_entity_risk_rule(&rule(json!({}), json!([{"action": "RUN_WORKFLOW", "workflow": {"id": id}}])));
        let draft = draft.expect("a rule");
        assert_eq!(action(&draft.actions[0])["workflow"]["id"], json!(572_749));
    }
}

/// okta.md 13, row 33.
#[test]
fn both_lists_of_detections_are_shown() {
    let draft = parse_entity_risk_rule(&rule(
        json!({"riskDetectionTypes": {"exclude": ["BRUTE_FORCE_ATTACK"]}}),
        json!([]),
    ));
    let shown = super::conditions(&draft.expect("a rule").conditions);
    assert_eq!(
        shown,
        json!({"entityRisk": {"level": "ANY"}, "riskDetectionTypes": {"include": [], "exclude": ["BRUTE_FORCE_ATTACK"]}})
    );
}

#[test]
fn what_a_rule_cannot_mean_is_refused_by_name() {
    const ACTIONS: &str = "actions.entityRisk.actions";
    for (conditions, actions, want) in [
        (
            json!({"risk": {}}),
            json!([]),
            "conditions: Invalid condition type specified: risk.".to_owned(),
        ),
        (
            json!({"entityRisk": {}}),
            json!([]),
            "conditions.entityRisk.level: The field cannot be left blank".to_owned(),
        ),
        (
            json!({"entityRisk": {"level": "high"}}),
            json!([]),
            "conditions.entityRisk.level: Invalid value".to_owned(),
        ),
        (
            json!({"riskDetectionTypes": {"include": ["BREACHED_CREDENTIAL"]}}),
            json!([]),
            "conditions.riskDetectionTypes.include: Invalid risk detection type: BREACHED_CREDENTIAL".to_owned(),
        ),
        (
            json!({"riskDetectionTypes": {"include": ["BRUTE_FORCE_ATTACK"], "exclude": ["SUSPICIOUS_APP_ACCESS"]}}),
            json!([]),
            "conditions.riskDetectionTypes: Only one of include and exclude can be used".to_owned(),
        ),
        (json!({}), json!(null), format!("{ACTIONS}: The field cannot be left blank")),
        (json!({}), json!({}), format!("{ACTIONS}: Invalid value")),
        (
            json!({}),
            json!(["TERMINATE_ALL_SESSIONS"]),
            format!("{ACTIONS}: Invalid value"),
        ),
        (
            json!({}),
            json!([{}]),
            format!("{ACTIONS}.action: The field cannot be left blank"),
        ),
        (
            json!({}),
            json!([{"action": "LOCK"}]),
            format!("{ACTIONS}: Invalid action: LOCK"),
        ),
        (
            json!({}),
            json!([{"action": "RUN_WORKFLOW"}]),
            format!("{ACTIONS}.workflow.id: The field cannot be left blank"),
        ),
        (
            json!({}),
            json!([{"action": "RUN_WORKFLOW", "workflow": {"id": "7a"}}]),
            format!("{ACTIONS}.workflow.id: Invalid value"),
        ),
        (
            json!({}),
            json!([{"action": "RUN_WORKFLOW", "workflow": {"id": -1}}]),
            format!("{ACTIONS}.workflow.id: Invalid value"),
        ),
        (
            json!({}),
            json!([{"action": "DEACTIVATE_USER"}, {"action": "DEACTIVATE_USER"}]),
            format!("{ACTIONS}: Each action can be used only once"),
        ),
        (
            json!({}),
            json!([{"action": "TERMINATE_ALL_SESSIONS", "universalLogout": {"mode": "SPECIFIED"}}]),
            format!("{ACTIONS}.universalLogout.apps: The field cannot be left blank"),
        ),
        (
            json!({}),
            json!([{"action": "TERMINATE_ALL_SESSIONS", "universalLogout": {"mode": "ALL", "apps": ["0oa1"]}}]),
            format!("{ACTIONS}.universalLogout.apps: Apps can be named only with SPECIFIED"),
        ),
        (
            json!({}),
            json!([{"action": "TERMINATE_ALL_SESSIONS", "universalLogout": {"mode": "SOME"}}]),
            format!("{ACTIONS}.universalLogout.mode: Invalid value"),
        ),
    ] {
        assert_eq!(fault(&rule(conditions, actions)), want);
    }
}
