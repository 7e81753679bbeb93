use serde_json::Map;
use watchfire_model::{id::SessionId, object::Object, row::Row};

use super::*;
use crate::{
    admin_session::{BeginSession, EndSession, RefusePassword, SecondStep, UseSession},
    api_token::CreateApiToken,
    testing::{NOW, admin, decide, event_types, events},
};

mod authority;

const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);

fn user(id: &str) -> User {
    User {
        id: UserId::new(id),
        login: "jo@example.com".to_owned(),
        profile: Map::new(),
        status: UserStatus::Active,
        password_hash: None,
        administrator: true,
        created: NOW,
        activated: None,
        status_changed: None,
        last_login: None,
        last_updated: NOW,
        password_changed: None,
    }
}

fn administrator(last_step: Option<u64>) -> Administrator {
    Administrator {
        user_id: UserId::new("00u1"),
        role: AdminRole::SuperAdmin,
        password_hash: Some("$argon2id$".to_owned()),
        sealed_totp: Some("sealed".to_owned()),
        last_step,
        invitation: Some(invitation("open")),
        created: NOW,
        last_updated: NOW,
    }
}

fn invitation(hash: &str) -> Invitation {
    Invitation {
        hash: hash.to_owned(),
        expires_at: NOW.plus(HOUR),
    }
}

fn session() -> AdminSession {
    AdminSession {
        id: SessionId::new("102old"),
        user_id: UserId::new("00u1"),
        hash: "old".to_owned(),
        ip_address: None,
        created: NOW,
        last_used: NOW,
        expires_at: NOW.plus(HOUR),
    }
}

fn slice(objects: impl IntoIterator<Item = Object>) -> Slice {
    let mut slice = Slice::default();
    objects.into_iter().for_each(|object| slice.insert(object));
    slice
}

fn put<T: watchfire_model::object::TypedObject + Clone>(decision: &Decision) -> Option<T> {
    decision.rows.iter().find_map(|row| match row {
        Row::Put(object) => T::from_object_ref(object).cloned(),
        _ => None,
    })
}

fn begin(step: Option<u64>) -> BeginSession {
    BeginSession {
        user_id: UserId::new("00u1"),
        second: SecondStep::Code(step),
        identity: None,
        hash: "new".to_owned(),
        replaces: Some("old".to_owned()),
        lifetime: HOUR,
        origin: RequestOrigin::default(),
    }
}

fn accept(hash: &str) -> AcceptInvitation {
    AcceptInvitation {
        user_id: UserId::new("00u1"),
        invitation_hash: hash.to_owned(),
        password_hash: "$new".to_owned(),
        sealed_totp: "new".to_owned(),
        step: 7,
        origin: RequestOrigin::default(),
    }
}

#[test]
fn the_first_link_is_made_until_somebody_has_accepted_one() {
    let command = InviteFirst {
        user_id: UserId::new("00u1"),
        invitation: invitation("first"),
    };
    let decided = decide(&command, &slice([user("00u1").into()]));
    assert!(decided.outcome.unwrap());
    let made: Administrator = put(&decided.decision).unwrap();
    assert_eq!((made.role, made.is_enrolled()), (AdminRole::SuperAdmin, false));
    let waiting = slice([user("00u1").into(), made.into()]);
    assert!(decide(&command, &waiting).outcome.unwrap());
    let accepted = slice([user("00u1").into(), administrator(None).into()]);
    let decided = decide(&command, &accepted);
    assert!(!decided.outcome.unwrap() && decided.decision.rows.is_empty());
}

#[test]
fn an_invitation_works_once_in_time_and_ends_sessions() {
    let before = slice([user("00u1").into(), administrator(None).into(), session().into()]);
    assert!(decide(&accept("another"), &before).outcome.is_err());
    let decided = decide(&accept("open"), &before);
    assert!(decided.outcome.is_ok());
    let now: Administrator = put(&decided.decision).unwrap();
    assert_eq!((now.invitation.is_none(), now.last_step), (true, Some(7)));
    assert!(
        decided
            .decision
            .rows
            .iter()
            .any(|row| matches!(row, Row::Delete { id, .. } if id == "102old"))
    );
    assert_eq!(
        event_types(&decided.decision),
        [EventType::UserUpdatePassword, EventType::FactorActivate]
    );
    let after = slice([user("00u1").into(), now.into()]);
    assert!(decide(&accept("open"), &after).outcome.is_err());
    assert!(!is_open(&administrator(None), "open", NOW.plus(HOUR)));
}

#[test]
fn a_session_begins_anew_with_a_fresh_code_only() {
    let before = slice([user("00u1").into(), administrator(Some(5)).into(), session().into()]);
    for stale in [None, Some(4), Some(5)] {
        let decided = decide(&begin(stale), &before);
        assert_eq!(decided.outcome.unwrap_err(), Rejection::AuthenticationFailed);
        assert_eq!(event_types(&decided.decision), [EventType::AuthViaMfa]);
    }
    let decided = decide(&begin(Some(6)), &before);
    let begun = decided.outcome.unwrap();
    assert_eq!((begun.hash.as_str(), begun.expires_at), ("new", NOW.plus(HOUR)));
    assert!(
        decided
            .decision
            .rows
            .iter()
            .any(|row| matches!(row, Row::Delete { id, .. } if id == "102old"))
    );
    let logged = events(&decided.decision);
    assert_eq!(
        event_types(&decided.decision),
        [
            EventType::AuthViaMfa,
            EventType::UserSessionStart,
            EventType::UserSessionAccessAdminApp
        ]
    );
    assert_eq!(
        logged[1].authentication_context.external_session_id.as_deref(),
        Some(begun.id.as_str())
    );
}

/// ADR 0013: anybody can lock the user's account, or let its password grow old.
#[test]
fn who_is_switched_off_gets_no_session_and_no_way_in_and_nobody_else_is_kept_out() {
    for (status, gets_in) in [
        (UserStatus::Active, true),
        (UserStatus::LockedOut, true),
        (UserStatus::PasswordExpired, true),
        (UserStatus::Recovery, true),
        (UserStatus::Suspended, false),
        (UserStatus::Deprovisioned, false),
    ] {
        let user = User { status, ..user("00u1") };
        let before = slice([user.into(), administrator(None).into()]);
        let begun = decide(&begin(Some(9)), &before);
        assert_eq!(begun.outcome.is_ok(), gets_in, "{status:?}");
        assert_eq!(begun.decision.rows.is_empty(), !gets_in, "{status:?}");
        let accepted = decide(&accept("open"), &before);
        assert_eq!(accepted.outcome.is_ok(), gets_in, "{status:?}");
        let token = CreateApiToken {
            name: "ci".to_owned(),
            user_id: UserId::new("00u1"),
            hash: "hash".to_owned(),
            expires_at: None,
            actor: admin(),
            origin: RequestOrigin::default(),
        };
        assert_eq!(decide(&token, &before).outcome.is_ok(), gets_in, "{status:?}");
    }
}

#[test]
fn a_wrong_password_is_in_the_log_under_the_name_that_was_typed() {
    let command = RefusePassword {
        login: "nobody".to_owned(),
        user_id: None,
        reason: "INVALID_CREDENTIALS",
        origin: RequestOrigin::default(),
    };
    let decided = decide(&command, &Slice::default());
    assert_eq!(decided.outcome.unwrap_err(), Rejection::AuthenticationFailed);
    assert_eq!(events(&decided.decision)[0].actor.alternate_id.as_deref(), Some("nobody"));
}

#[test]
fn use_is_written_once_a_minute_and_the_end_once() {
    let used = |at: i64| AdminSession {
        last_used: Timestamp::from_seconds(NOW.as_seconds() - at),
        ..session()
    };
    let command = UseSession {
        id: SessionId::new("102old"),
    };
    assert!(decide(&command, &slice([used(59).into()])).decision.rows.is_empty());
    assert_eq!(decide(&command, &slice([used(60).into()])).decision.rows.len(), 1);
    let end = EndSession {
        id: SessionId::new("102old"),
        user_id: UserId::new("00u1"),
        origin: RequestOrigin::default(),
    };
    let decided = decide(&end, &slice([user("00u1").into(), session().into()]));
    assert_eq!(event_types(&decided.decision), [EventType::UserSessionEnd]);
    assert!(decide(&end, &slice([user("00u1").into()])).decision.rows.is_empty());
}

#[test]
fn passwords_that_are_easy_are_refused() {
    for (password, taken) in [
        ("correct horse", true),
        ("elevenchars", false),
        ("jo@example.com", false),
        ("JO@example.COM", false),
        ("aaaaaaaaaaaaaa", false),
    ] {
        assert_eq!(check_password(password, "jo@example.com").is_ok(), taken, "{password}");
    }
    assert!(check_password(&"ab".repeat(200), "jo").is_err());
}
