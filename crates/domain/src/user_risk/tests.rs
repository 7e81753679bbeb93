//! Overrides and clearing.

use watchfire_model::{log::EventType, object::UserStatus, slice::Slice, time::Timestamp};

use super::*;
use crate::{
    entity_risk_policy::EnsureEntityRiskPolicy,
    testing::{NOW, admin, decide, event_types, events},
};

fn user() -> User {
    User {
        id: UserId::new("00u1"),
        login: "jo.lin@example.com".to_owned(),
        profile: serde_json::Map::new(),
        status: UserStatus::Active,
        password_hash: None,
        administrator: false,
        created: NOW,
        activated: Some(NOW),
        status_changed: Some(NOW),
        last_login: None,
        last_updated: NOW,
        password_changed: None,
    }
}

fn slice() -> Slice {
    let mut slice = Slice::default();
    slice.insert(user().into());
    put(&mut slice, &decide(&EnsureEntityRiskPolicy, &Slice::default()).decision);
    slice
}

fn put(slice: &mut Slice, decision: &Decision) {
    let all: Vec<Need> = watchfire_model::object::Kind::ALL
        .iter()
        .map(|kind| Need::All(*kind))
        .collect();
    slice.overlay(&all, decision);
}

fn set(level: RiskLevel) -> SetUserRisk {
    SetUserRisk {
        user: UserId::new("00u1"),
        level,
        reason: None,
        limits: GuardLimits::default(),
        actor: admin(),
        origin: RequestOrigin::default(),
    }
}

#[test]
fn the_first_override_makes_a_record_and_is_a_detection() {
    let mut slice = slice();
    let first = decide(&set(RiskLevel::High), &slice);
    assert_eq!(
        event_types(&first.decision),
        [EventType::UserRiskDetect, EventType::PolicyEntityRiskEvaluate]
    );
    let detected = events(&first.decision)[0];
    assert_eq!(detected.actor, admin());
    assert_eq!(
        detected.debug_data["risk"],
        "{previousLevel=LOW, level=HIGH, detectionName=Admin Reported User Risk, reasons=Admin override risk, issuer=OKTA}"
    );
    assert!(first.outcome.is_ok_and(|set| set.created));
    put(&mut slice, &first.decision);
    let second = decide(&set(RiskLevel::Low), &slice).outcome.expect("an override");
    assert!(!second.created);
    assert_eq!(second.risk.causes.len(), 1);
    assert_eq!(
        watchfire_engine::entity::level(&second.risk.causes, Timestamp::from_seconds(4_000_000_000)),
        Some(RiskLevel::Low)
    );
}

#[test]
fn nobody_is_nobody() {
    let decided = decide(&set(RiskLevel::High), &Slice::default());
    assert!(matches!(decided.outcome, Err(Rejection::NotFound { kind: "User", .. })));
}

#[test]
fn an_administrator_clears_one_kind_or_all_and_no_rule_is_asked() {
    let mut slice = slice();
    let high = decide(&set(RiskLevel::High), &slice);
    put(&mut slice, &high.decision);
    let clear = |kinds: Vec<CauseKind>| ClearCauses {
        entity: Entity::User(UserId::new("00u1")),
        kinds,
        limits: GuardLimits::default(),
        actor: admin(),
        origin: RequestOrigin::default(),
    };
    let other = decide(&clear(vec![CauseKind::UserRisk]), &slice);
    assert!(event_types(&other.decision).is_empty());
    assert_eq!(other.outcome.expect("a record").causes.len(), 1);
    let all = decide(&clear(Vec::new()), &slice);
    assert_eq!(event_types(&all.decision), [EventType::EntityRiskClear]);
    assert_eq!(events(&all.decision)[0].debug_data["clearedCauses"], "admin_override");
    assert!(all.outcome.expect("a record").causes.is_empty());
}
