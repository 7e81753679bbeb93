//! Who may invite, change, remove and switch off whom.

use watchfire_model::{id::ApiTokenId, object::TokenNetwork};

use super::*;
use crate::user::{ChangeUser, DeleteUser, UserChange};

const TARGET: &str = "00u1";
const ASKER: &str = "00u2";

fn by(id: &str) -> Actor {
    Actor::user(id, id, id)
}

fn invite(by_whom: &str, role: AdminRole) -> Invite {
    Invite {
        user_id: UserId::new(TARGET),
        role,
        invitation: invitation("new"),
        asked_by: UserId::new(by_whom),
        actor: by(by_whom),
        origin: RequestOrigin::default(),
    }
}

fn change(by_whom: &str) -> ChangeRole {
    ChangeRole {
        user_id: UserId::new(TARGET),
        role: AdminRole::ReadOnly,
        asked_by: UserId::new(by_whom),
        actor: by(by_whom),
        origin: RequestOrigin::default(),
    }
}

fn remove(by_whom: &str) -> Remove {
    Remove {
        user_id: UserId::new(TARGET),
        asked_by: UserId::new(by_whom),
        actor: by(by_whom),
        origin: RequestOrigin::default(),
    }
}

fn switch_off(by_whom: &str, change: UserChange) -> ChangeUser {
    ChangeUser {
        id: UserId::new(TARGET),
        change,
        actor: by(by_whom),
        origin: RequestOrigin::default(),
    }
}

fn delete(by_whom: &str) -> DeleteUser {
    DeleteUser {
        id: UserId::new(TARGET),
        actor: by(by_whom),
        origin: RequestOrigin::default(),
    }
}

/// The asker as they are at the moment of the decision; without a role where they have only a token.
fn asker(status: UserStatus, administrator: bool, role: Option<AdminRole>) -> Vec<Object> {
    let user = User {
        status,
        administrator,
        ..user(ASKER)
    };
    let access = role.map(|role| Administrator {
        user_id: UserId::new(ASKER),
        role,
        ..super::administrator(None)
    });
    [Object::from(user)].into_iter().chain(access.map(Object::from)).collect()
}

/// Two who take each other's role away at the same time: the second one is no super administrator any more.
#[test]
fn the_askers_authority_is_that_of_the_moment_of_the_decision() {
    use UserStatus as S;
    let super_admin = Some(AdminRole::SuperAdmin);
    for (name, asker, may) in [
        ("a super administrator", asker(S::Active, true, super_admin), true),
        ("the first one, with a token alone", asker(S::Active, true, None), true),
        ("one whose account is locked", asker(S::LockedOut, true, super_admin), true),
        ("an analyst", asker(S::Active, true, Some(AdminRole::SecurityAnalyst)), false),
        ("a reader", asker(S::Active, true, Some(AdminRole::ReadOnly)), false),
        ("one who is suspended", asker(S::Suspended, true, super_admin), false),
        ("one who is deactivated", asker(S::Deprovisioned, true, super_admin), false),
        ("one whose access was taken away", asker(S::Active, false, None), false),
        ("one who is gone", Vec::new(), false),
    ] {
        let target: [Object; 2] = [user(TARGET).into(), administrator(None).into()];
        let before = slice(target.into_iter().chain(asker));
        let forbidden = (!may).then_some(Rejection::Forbidden);
        assert_eq!(
            decide(&invite(ASKER, AdminRole::ReadOnly), &before).outcome.err(),
            forbidden,
            "{name}"
        );
        assert_eq!(decide(&change(ASKER), &before).outcome.err(), forbidden, "{name}");
        assert_eq!(decide(&remove(ASKER), &before).outcome.err(), forbidden, "{name}");
        for off in [UserChange::Suspend, UserChange::Deactivate] {
            assert_eq!(
                decide(&switch_off(ASKER, off), &before).outcome.err(),
                forbidden,
                "{name} {off:?}"
            );
        }
        assert_eq!(decide(&delete(ASKER), &before).outcome.err(), forbidden, "{name}");
    }
}

#[test]
fn who_asks_is_loaded_with_whom_it_is_about() {
    for needs in [
        invite(ASKER, AdminRole::ReadOnly).needs(),
        change(ASKER).needs(),
        remove(ASKER).needs(),
        switch_off(ASKER, UserChange::Suspend).needs(),
        delete(ASKER).needs(),
    ] {
        assert!(needs.contains(&Need::object::<User>(ASKER)), "{needs:?}");
        assert!(needs.contains(&Need::object::<Administrator>(ASKER)), "{needs:?}");
    }
}

#[test]
fn nobody_changes_removes_or_switches_off_themselves() {
    let before = slice([user(TARGET).into(), administrator(None).into(), session().into()]);
    let forbidden = Some(Rejection::Forbidden);
    assert_eq!(decide(&change(TARGET), &before).outcome.err(), forbidden);
    assert_eq!(decide(&remove(TARGET), &before).outcome.err(), forbidden);
    assert_eq!(decide(&delete(TARGET), &before).outcome.err(), forbidden);
    let suspend = switch_off(TARGET, UserChange::Suspend);
    assert_eq!(decide(&suspend, &before).outcome.err(), forbidden);
    for role in [AdminRole::ReadOnly, AdminRole::SecurityAnalyst] {
        assert_eq!(decide(&invite(TARGET, role), &before).outcome.err(), forbidden, "{role:?}");
    }
    // A new link with the role that one has is the way back for who has lost the phone.
    let relinked = decide(&invite(TARGET, AdminRole::SuperAdmin), &before).outcome.unwrap();
    assert_eq!(relinked.invitation, Some(invitation("new")));
}

#[test]
fn an_invitation_with_another_role_is_a_change_of_it() {
    let with = |target: Vec<Object>| slice(target.into_iter().chain(asker(UserStatus::Active, true, None)));
    let outsider = User {
        administrator: false,
        ..user(TARGET)
    };
    let (revoke, grant) = (EventType::UserPrivilegeRevoke, EventType::UserPrivilegeGrant);
    for (before, role, logged) in [
        (with(vec![outsider.into()]), AdminRole::ReadOnly, vec![grant]),
        (
            with(vec![user(TARGET).into(), administrator(None).into()]),
            AdminRole::SuperAdmin,
            vec![grant],
        ),
        (
            with(vec![user(TARGET).into(), administrator(None).into()]),
            AdminRole::ReadOnly,
            vec![revoke, grant],
        ),
        // The first administrator, who may everything without any access to the console.
        (with(vec![user(TARGET).into()]), AdminRole::ReadOnly, vec![revoke, grant]),
    ] {
        let decided = decide(&invite(ASKER, role), &before);
        assert_eq!(event_types(&decided.decision), logged);
        assert_eq!(decided.outcome.unwrap().role, role);
    }
}

#[test]
fn who_is_switched_off_is_not_invited() {
    for status in [UserStatus::Suspended, UserStatus::Deprovisioned] {
        let target = User { status, ..user(TARGET) };
        let before = slice(
            [Object::from(target)]
                .into_iter()
                .chain(asker(UserStatus::Active, true, None)),
        );
        let decided = decide(&invite(ASKER, AdminRole::ReadOnly), &before);
        assert!(matches!(decided.outcome, Err(Rejection::Invalid { .. })), "{status:?}");
        assert!(decided.decision.rows.is_empty(), "{status:?}");
    }
}

#[test]
fn who_is_removed_keeps_no_api_token() {
    let token = |id: &str, user: &str| ApiToken {
        id: ApiTokenId::new(id),
        name: id.to_owned(),
        user_id: UserId::new(user),
        hash: id.to_owned(),
        network: TokenNetwork::Anywhere,
        expires_at: None,
        window_seconds: None,
        created: NOW,
        last_updated: NOW,
    };
    let target: [Object; 6] = [
        user(TARGET).into(),
        administrator(None).into(),
        session().into(),
        token("00Tone", TARGET).into(),
        token("00Ttwo", TARGET).into(),
        token("00Tother", ASKER).into(),
    ];
    let before = slice(target.into_iter().chain(asker(UserStatus::Active, true, None)));
    let removed = decide(&remove(ASKER), &before);
    assert!(removed.outcome.is_ok());
    let gone: Vec<&str> = removed
        .decision
        .rows
        .iter()
        .filter_map(|row| match row {
            Row::Delete { id, .. } => Some(id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(gone, [TARGET, "102old", "00Tone", "00Ttwo"]);
    assert_eq!(
        event_types(&removed.decision),
        [
            EventType::ApiTokenRevoke,
            EventType::ApiTokenRevoke,
            EventType::UserPrivilegeRevoke
        ]
    );
    let user: User = put(&removed.decision).unwrap();
    assert!(!user.administrator);
    assert!(remove(ASKER).needs().contains(&Need::children::<ApiToken>(TARGET)));
}
