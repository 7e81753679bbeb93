//! What may be done to administrators.

use watchfire_model::{
    log::Actor,
    object::{AdminRole, Administrator},
    slice::Need,
};

use super::*;
use crate::{Rejection, command::Command};

const APPROVER: &str = "00u00000000000000009";

fn approve(by: &str) -> DecideApproval {
    DecideApproval {
        actor: Actor::user(by, by, by),
        ..verdict(Verdict::Approve)
    }
}

fn target() -> User {
    User {
        administrator: true,
        ..user()
    }
}

fn approver(status: UserStatus, role: Option<AdminRole>) -> Vec<Object> {
    let user = User {
        id: UserId::new(APPROVER),
        status,
        administrator: role.is_some(),
        ..user()
    };
    let access = role.map(|role| Administrator {
        user_id: UserId::new(APPROVER),
        role,
        password_hash: None,
        sealed_totp: None,
        last_step: None,
        invitation: None,
        created: NOW,
        last_updated: NOW,
    });
    [Object::from(user)].into_iter().chain(access.map(Object::from)).collect()
}

/// ADR 0009: with a rule and an approval nobody gets rid of the last super administrator either, because
/// whoever approves is one and stays.
#[test]
fn only_another_super_administrator_approves_that_an_administrator_is_switched_off() {
    let off = || waiting(ActionCall::DeactivateUser { user: user_id() });
    let ends = || waiting(ActionCall::EndSessions { user: user_id() });
    let (active, super_admin) = (UserStatus::Active, Some(AdminRole::SuperAdmin));
    let analyst = Some(AdminRole::SecurityAnalyst);
    for (name, action, by, approver, may) in [
        ("a super administrator", off(), APPROVER, approver(active, super_admin), true),
        ("an analyst", off(), APPROVER, approver(active, analyst), false),
        (
            "a reader",
            off(),
            APPROVER,
            approver(active, Some(AdminRole::ReadOnly)),
            false,
        ),
        ("no administrator", off(), APPROVER, approver(active, None), false),
        (
            "one who is suspended",
            off(),
            APPROVER,
            approver(UserStatus::Suspended, super_admin),
            false,
        ),
        ("a service app", off(), "0oa00000000000000001", Vec::new(), false),
        ("the target", off(), user_id().as_str(), Vec::new(), false),
        ("sessions, an analyst", ends(), APPROVER, approver(active, analyst), true),
    ] {
        let objects: [Object; 3] = [action.into(), target().into(), rule("00uother").into()];
        let slice = slice(objects.into_iter().chain(approver));
        let decided = decide(&approve(by), &slice);
        let refusal = (!may).then_some(Rejection::Forbidden);
        assert_eq!(decided.decision.rows.is_empty(), !may, "{name}");
        assert_eq!(decided.outcome.err(), refusal, "{name}");
    }
}

#[test]
fn anybody_who_may_approve_may_reject_it_and_switch_others_off() {
    let off = waiting(ActionCall::DeactivateUser { user: user_id() });
    let reject = DecideApproval {
        verdict: Verdict::Reject,
        ..approve(APPROVER)
    };
    let rule = || Object::from(rule("00uother"));
    let rejected = decide(&reject, &slice([off.clone().into(), target().into(), rule()]));
    assert_eq!(rejected.outcome.unwrap().state, ActionState::Rejected);
    let other = decide(&approve("0oa00000000000000001"), &slice([off.into(), user().into(), rule()]));
    assert_eq!(other.outcome.unwrap().state, ActionState::Done);
}

#[test]
fn who_approves_is_loaded() {
    let mut slice = Slice::default();
    slice.insert(waiting(ActionCall::DeactivateUser { user: user_id() }).into());
    let needs = approve(APPROVER).follow_up(&slice);
    for need in [Need::object::<User>(APPROVER), Need::object::<Administrator>(APPROVER)] {
        assert!(needs.contains(&need), "{need:?}");
    }
}
