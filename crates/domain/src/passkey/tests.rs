use serde_json::{Map, Value};
use watchfire_model::{
    object::{AdminRole, AdminSession, Object, TypedObject, UserStatus},
    row::Row,
};

use super::*;
use crate::{
    admin_session::{BeginSession, SecondStep},
    testing::{NOW, admin, decide, event_types, events},
};

fn user(id: &str) -> User {
    User {
        id: UserId::new(id),
        login: format!("{id}@example.com"),
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

fn administrator(id: &str, role: AdminRole) -> Administrator {
    Administrator {
        user_id: UserId::new(id),
        role,
        password_hash: None,
        sealed_totp: None,
        last_step: None,
        invitation: None,
        created: NOW,
        last_updated: NOW,
    }
}

fn passkey(user: &str, credential_id: &str, counter: u32) -> Passkey {
    Passkey {
        id: PasskeyId::new(format!("pky-{credential_id}")),
        user_id: UserId::new(user),
        name: "Laptop".to_owned(),
        credential_id: credential_id.to_owned(),
        counter,
        credential: Value::Null,
        created: NOW,
        last_used: None,
    }
}

fn slice(objects: impl IntoIterator<Item = Object>) -> Slice {
    let mut slice = Slice::default();
    let base = [user("00u1"), user("00u2")].map(Object::from);
    let access = [
        administrator("00u1", AdminRole::ReadOnly),
        administrator("00u2", AdminRole::SuperAdmin),
    ];
    let all = base.into_iter().chain(access.map(Object::from)).chain(objects);
    all.for_each(|object| slice.insert(object));
    slice
}

fn put<T: TypedObject + Clone>(decision: &Decision) -> Option<T> {
    decision.rows.iter().find_map(|row| match row {
        Row::Put(object) => T::from_object_ref(object).cloned(),
        _ => None,
    })
}

fn add(name: &str, credential_id: &str) -> AddPasskey {
    AddPasskey {
        user_id: UserId::new("00u1"),
        name: name.to_owned(),
        credential_id: credential_id.to_owned(),
        counter: 3,
        credential: Value::Null,
        origin: RequestOrigin::default(),
    }
}

#[test]
fn a_passkey_has_a_name_and_is_registered_once() {
    let decided = decide(&add(" Laptop ", "A"), &slice([]));
    let made = decided.outcome.unwrap();
    assert_eq!((made.name.as_str(), made.counter), ("Laptop", 3));
    assert_eq!(event_types(&decided.decision), [EventType::FactorActivate]);
    for (name, credential_id) in [
        ("", "A"),
        ("a\nb", "A"),
        (&"x".repeat(61), "A"),
        ("Laptop", "B"),
        ("Laptop", "C"),
    ] {
        let known = slice([passkey("00u1", "B", 0).into(), passkey("00u2", "C", 0).into()]);
        assert!(
            decide(&add(name, credential_id), &known).outcome.is_err(),
            "{name} {credential_id}"
        );
    }
    let many = (0..MAX_PASSKEYS).map(|n| passkey("00u1", &format!("K{n}"), 0).into());
    assert!(decide(&add("Laptop", "A"), &slice(many)).outcome.is_err());
}

#[test]
fn owners_and_super_administrators_take_passkeys_away() {
    let remove = |by: &str, of: &str| RemovePasskey {
        user_id: UserId::new(of),
        id: PasskeyId::new("pky-A"),
        asked_by: UserId::new(by),
        actor: admin(),
        origin: RequestOrigin::default(),
    };
    let mine = || slice([passkey("00u1", "A", 0).into()]);
    for (by, of, taken) in [("00u1", "00u1", true), ("00u2", "00u1", true), ("00u2", "00u2", false)] {
        assert_eq!(decide(&remove(by, of), &mine()).outcome.is_ok(), taken, "{by} {of}");
    }
    let theirs = slice([passkey("00u2", "A", 0).into()]);
    assert_eq!(
        decide(&remove("00u1", "00u2"), &theirs).outcome.unwrap_err(),
        Rejection::Forbidden
    );
}

#[test]
fn a_session_begins_with_a_passkey_of_the_same_person_whose_count_has_risen() {
    let begin = |credential_id: &str, counter: u32| BeginSession {
        user_id: UserId::new("00u1"),
        second: SecondStep::Passkey {
            credential_id: credential_id.to_owned(),
            counter,
        },
        identity: None,
        hash: "new".to_owned(),
        replaces: None,
        lifetime: std::time::Duration::from_secs(60),
        origin: RequestOrigin::default(),
    };
    let known = || slice([passkey("00u1", "A", 5).into(), passkey("00u2", "B", 0).into()]);
    let decided = decide(&begin("A", 6), &known());
    assert!(decided.outcome.is_ok());
    let used: Passkey = put(&decided.decision).unwrap();
    assert_eq!((used.counter, used.last_used), (6, Some(NOW)));
    assert_eq!(
        event_types(&decided.decision),
        [
            EventType::AuthViaMfa,
            EventType::UserSessionStart,
            EventType::UserSessionAccessAdminApp
        ]
    );
    assert_eq!(
        events(&decided.decision)[0].debug_data.get("factor").map(String::as_str),
        Some("WEBAUTHN")
    );
    for (credential_id, counter) in [("A", 5), ("A", 0), ("B", 1), ("gone", 1)] {
        let refused = decide(&begin(credential_id, counter), &known());
        assert_eq!(
            refused.outcome.unwrap_err(),
            Rejection::AuthenticationFailed,
            "{credential_id} {counter}"
        );
        assert!(put::<AdminSession>(&refused.decision).is_none());
        assert_eq!(event_types(&refused.decision), [EventType::AuthViaMfa]);
    }
}
