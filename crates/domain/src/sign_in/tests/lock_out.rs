//! What too many failures do, and what they cannot undo.

use super::*;

const STATUSES: [UserStatus; 8] = [
    UserStatus::Staged,
    UserStatus::Provisioned,
    UserStatus::Active,
    UserStatus::Recovery,
    UserStatus::LockedOut,
    UserStatus::PasswordExpired,
    UserStatus::Suspended,
    UserStatus::Deprovisioned,
];

/// Who locks and who unlocks an account would otherwise lift a suspension, or make an old password work.
#[test]
fn wrong_passwords_lock_an_active_account_and_change_no_other() {
    for status in STATUSES {
        let decided = decide(&attempt(Checked::Wrong { locks: true }), &slice([user(status).into()]));
        assert!(matches!(decided.outcome, Err(Rejection::AuthenticationFailed)), "{status:?}");
        let is_active = status == UserStatus::Active;
        assert_eq!(locked(&decided.decision), is_active, "{status:?}");
        let logged = event_types(&decided.decision).contains(&EventType::UserAccountLock);
        assert_eq!(logged, is_active, "{status:?}");
    }
}

#[test]
fn an_account_without_a_password_is_not_locked() {
    let none = User {
        password_hash: None,
        ..user(UserStatus::Active)
    };
    let decided = decide(&attempt(Checked::Wrong { locks: true }), &slice([none.into()]));
    assert!(decided.outcome.is_err() && !locked(&decided.decision));
}

/// Whoever tries codes at the same time must not spend the one that locks on a sign-in that has ended.
#[test]
fn the_wrong_code_that_locks_does_so_though_its_sign_in_has_ended() {
    let locks = verify(Code::Wrong { locks: true });
    for status in STATUSES {
        let ended = decide(&locks, &slice([user(status).into(), factor().into()]));
        assert!(matches!(ended.outcome, Err(Rejection::InvalidToken)), "{status:?}");
        assert_eq!(locked(&ended.decision), status == UserStatus::Active, "{status:?}");
    }
    let mut without_factor = challenged();
    without_factor.insert(
        Factor {
            state: FactorState::PendingActivation,
            ..factor()
        }
        .into(),
    );
    let decided = decide(&locks, &without_factor);
    assert!(matches!(decided.outcome, Err(Rejection::NotFound { .. })));
    assert!(locked(&decided.decision));
    // One that does not lock writes nothing.
    let ended = decide(
        &verify(Code::Wrong { locks: false }),
        &slice([user(UserStatus::Active).into()]),
    );
    assert!(ended.decision.rows.is_empty());
}

fn locked(decision: &Decision) -> bool {
    let mut users = decision.rows.iter().filter_map(|row| match row {
        Row::Put(Object::User(user)) => Some(user.status),
        _ => None,
    });
    users.next_back() == Some(UserStatus::LockedOut)
}
