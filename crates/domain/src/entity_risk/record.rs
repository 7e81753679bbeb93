//! What the System Log says of entity risk (okta.md 8.6).

use watchfire_engine::entity::Evaluation;
use watchfire_model::{
    log::{EventType, LogEvent, Outcome, OutcomeResult, RiskContext, Target},
    object::{Action, EntityRiskAction, EntityRiskPolicy, EntityRiskRule, LogoutEndpoint, LogoutSelection},
};

use super::detect::{Case, Met};
use crate::user;

/// Characters of a reason that are kept in the log.
const REASON_CHARS: usize = 512;

/// `user.risk.detect`.
pub(super) fn detected(case: &Case<'_>) -> LogEvent {
    event(EventType::UserRiskDetect, case)
}

/// `policy.entity_risk.evaluate`.
pub(super) fn evaluated(case: &Case<'_>, policy: &EntityRiskPolicy, evaluation: &Evaluation<'_>) -> LogEvent {
    let event = event(EventType::PolicyEntityRiskEvaluate, case).target(policy_target(policy));
    match evaluation.rule {
        Some(rule) => event.target(rule_target(rule)),
        None => event.outcome(Outcome::of(OutcomeResult::Skipped).because("No rule matched")),
    }
}

/// `policy.entity_risk.action`: one for each action of the rule, whether it was done or not.
pub(super) fn acted(case: &Case<'_>, met: Met<'_>, action: &EntityRiskAction, apps: &[&LogoutEndpoint]) -> LogEvent {
    let name = name(action);
    let mut target = Target::new("PolicyAction", met.policy.id.as_str(), name).detail("policyAction", name);
    match action {
        EntityRiskAction::TerminateAllSessions { universal_logout } => {
            let (mode, enabled) = match universal_logout {
                LogoutSelection::None => ("NONE", false),
                LogoutSelection::All => ("ALL", true),
                LogoutSelection::Specified(_) => ("SPECIFIED", true),
            };
            target = target
                .detail("policySingleLogOutEnabled", enabled)
                .detail("policySingleLogOutSelectionMode", mode);
            if enabled {
                let ids: Vec<&str> = apps.iter().map(|endpoint| endpoint.app.as_str()).collect();
                target = target.detail("policySingleLogOutAppInstanceIds", ids);
            }
        }
        EntityRiskAction::RunWorkflow { workflow } => target = target.detail("policyWorkflowId", *workflow),
        EntityRiskAction::DeactivateUser => {}
    }
    event(EventType::PolicyEntityRiskAction, case)
        .target(policy_target(met.policy))
        .target(rule_target(met.rule))
        .target(target)
}

/// `security.action.approval.request`.
pub(super) fn approval_asked(case: &Case<'_>, met: Met<'_>, action: &Action, what: &str, why: &str) -> LogEvent {
    event(EventType::SecurityActionRequest, case)
        .outcome(Outcome::of(OutcomeResult::Deferred).because(why))
        .target(Target::new("Action", action.id.as_str(), what))
        .target(rule_target(met.rule))
}

/// `user.authentication.universal_logout`.
pub(super) fn universal_logout(case: &Case<'_>, apps: &[&LogoutEndpoint]) -> LogEvent {
    let ids: Vec<&str> = apps.iter().map(|endpoint| endpoint.app.as_str()).collect();
    event(EventType::UserUniversalLogout, case).debug("appInstanceIds", serde_json::json!(ids).to_string())
}

/// The name of an action in rules and in the log.
pub(super) const fn name(action: &EntityRiskAction) -> &'static str {
    match action {
        EntityRiskAction::TerminateAllSessions { .. } => "TERMINATE_ALL_SESSIONS",
        EntityRiskAction::RunWorkflow { .. } => "RUN_WORKFLOW",
        EntityRiskAction::DeactivateUser => "DEACTIVATE_USER",
    }
}

/// Free text as one value of `{key=value, …}`: it cannot open or close a member, nor a line.
pub(super) fn plain(text: &str) -> String {
    let plain = |c: char| {
        if c.is_control() || matches!(c, '{' | '}' | '=') {
            ' '
        } else {
            c
        }
    };
    text.chars().take(REASON_CHARS).map(plain).collect()
}

fn event(event_type: EventType, case: &Case<'_>) -> LogEvent {
    let reasons: Vec<String> = case.detected.reasons.iter().map(|reason| plain(reason)).collect();
    let detection = case.detected.detection.display_name();
    let issuer = case.detected.source.issuer();
    let (previous, level) = (case.previous.as_str(), case.level.as_str());
    let mut members = vec![
        format!("previousLevel={previous}"),
        format!("level={level}"),
        format!("detectionName={detection}"),
    ];
    if !reasons.is_empty() {
        members.push(format!("reasons={}", reasons.join(", ")));
    }
    members.push(format!("issuer={issuer}"));
    let mut event = user::event(event_type, &case.actor, case.detected.origin, &case.user)
        .debug("risk", format!("{{{}}}", members.join(", ")))
        .debug("traceId", &case.trace)
        .risk(RiskContext {
            previous_level: Some(case.previous),
            detection_name: Some(detection.to_owned()),
            issuer: Some(issuer.to_owned()),
            ..RiskContext::new(case.level, reasons)
        });
    event.debug_data.extend(case.detected.details.clone());
    event.receipt = case.detected.receipt.cloned();
    event
}

fn policy_target(policy: &EntityRiskPolicy) -> Target {
    Target::new("Policy", policy.id.as_str(), &policy.name)
}

fn rule_target(rule: &EntityRiskRule) -> Target {
    let target = Target::new("Rule", rule.id.as_str(), &rule.name);
    let target = match rule.actions.first() {
        Some(action) => target.detail("ruleAction", name(action)),
        None => target,
    };
    let workflow = rule.actions.iter().find_map(|action| match action {
        EntityRiskAction::RunWorkflow { workflow } => Some(*workflow),
        _ => None,
    });
    match workflow {
        Some(id) => target.detail("workflowId", id),
        None => target,
    }
}
