use serde_json::{Map, Value};
use watchfire_model::{
    object::{AdminRole, AdminSession, Object, OwnFactor, Status, TypedObject, UserStatus},
    row::Row,
    time::Timestamp,
};

use super::*;
use crate::{
    admin_session::{BeginSession, SecondStep},
    testing::{NOW, admin, decide, event_types, events},
};

const ISSUER: &str = "https://idp.example";

fn user(id: &str, login: &str) -> User {
    let mut profile = Map::new();
    profile.insert("email".to_owned(), Value::from(format!("mail.of.{login}")));
    User {
        id: UserId::new(id),
        login: login.to_owned(),
        profile,
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

fn administrator(role: AdminRole) -> Administrator {
    Administrator {
        user_id: UserId::new("00u1"),
        role,
        password_hash: None,
        sealed_totp: None,
        last_step: None,
        invitation: None,
        created: NOW,
        last_updated: NOW,
    }
}

fn link(user: &str, subject: &str) -> AdministratorLink {
    AdministratorLink {
        id: AdministratorLinkId::new(format!("adl-{subject}")),
        user_id: UserId::new(user),
        issuer: ISSUER.to_owned(),
        subject: subject.to_owned(),
        email: "jo@example.com".to_owned(),
        created: NOW,
    }
}

fn identity(subject: &str, email: Option<&str>) -> IdpIdentity {
    IdpIdentity {
        issuer: ISSUER.to_owned(),
        subject: subject.to_owned(),
        email: email.map(str::to_owned),
    }
}

fn slice(objects: impl IntoIterator<Item = Object>) -> Slice {
    let mut slice = Slice::default();
    objects.into_iter().for_each(|object| slice.insert(object));
    slice
}

fn put<T: TypedObject + Clone>(decision: &Decision) -> Option<T> {
    decision.rows.iter().find_map(|row| match row {
        Row::Put(object) => T::from_object_ref(object).cloned(),
        _ => None,
    })
}

fn begin(identity: IdpIdentity) -> BeginSession {
    BeginSession {
        user_id: UserId::new("00u1"),
        second: SecondStep::AtProvider,
        identity: Some(identity),
        hash: "new".to_owned(),
        replaces: None,
        lifetime: std::time::Duration::from_secs(60),
        origin: RequestOrigin::default(),
    }
}

#[test]
fn an_identity_is_somebodys_by_its_link_or_by_its_verified_address() {
    let (jo, al) = (user("00u1", "jo@example.com"), user("00u2", "al@example.com"));
    let off = User {
        status: UserStatus::Suspended,
        ..user("00u3", "off@example.com")
    };
    let twin = user("00u4", "mail.of.al@example.com");
    let everybody = [&jo, &al, &off, &twin];
    let linked = link("00u1", "jo-1");
    for (subject, email, found) in [
        ("jo-1", None, Ok("00u1")),
        // The address went to somebody else since: the link stays.
        ("jo-1", Some("al@example.com"), Ok("00u1")),
        ("al-1", Some("AL@example.com"), Ok("00u2")),
        ("jo-2", Some("jo@example.com"), Err(NotLinked::OtherSubject)),
        ("jo-2", Some("mail.of.jo@example.com"), Err(NotLinked::OtherSubject)),
        ("new", None, Err(NotLinked::NoEmail)),
        ("new", Some("nobody@example.com"), Err(NotLinked::Nobody)),
        ("new", Some("off@example.com"), Err(NotLinked::Nobody)),
        ("new", Some("mail.of.al@example.com"), Err(NotLinked::Ambiguous)),
    ] {
        let whose = whose(&identity(subject, email), everybody, &[&linked]);
        assert_eq!(whose.map(|user| user.id.as_str()), found, "{subject} {email:?}");
    }
}

#[test]
fn a_subject_of_another_issuer_is_another_one() {
    let jo = user("00u1", "jo@example.com");
    let other = IdpIdentity {
        issuer: "https://other.example".to_owned(),
        ..identity("jo-1", None)
    };
    assert_eq!(whose(&other, [&jo], &[&link("00u1", "jo-1")]), Err(NotLinked::NoEmail));
}

#[test]
fn the_first_sign_in_makes_the_link_and_the_next_one_finds_it() {
    let base = || {
        [
            Object::from(user("00u1", "jo@example.com")),
            administrator(AdminRole::ReadOnly).into(),
        ]
    };
    let first = decide(&begin(identity("jo-1", Some("jo@example.com"))), &slice(base()));
    assert!(first.outcome.is_ok());
    let made: AdministratorLink = put(&first.decision).unwrap();
    assert_eq!((made.subject.as_str(), made.user_id.as_str()), ("jo-1", "00u1"));
    assert_eq!(
        event_types(&first.decision),
        [
            EventType::IdentityLinkCreate,
            EventType::AuthViaIdp,
            EventType::UserSessionStart,
            EventType::UserSessionAccessAdminApp
        ]
    );
    let context = &events(&first.decision)[1].authentication_context;
    assert_eq!(context.authentication_provider.as_deref(), Some("FEDERATION"));
    let mut with_link = slice(base());
    with_link.insert(made.into());
    let second = decide(&begin(identity("jo-1", None)), &with_link);
    assert!(second.outcome.is_ok() && put::<AdministratorLink>(&second.decision).is_none());
}

/// What was true when the browser was asked for its code may not be any more.
#[test]
fn whose_an_identity_is_is_decided_once_more_with_the_session() {
    let base = |login: &str| [Object::from(user("00u1", login)), administrator(AdminRole::ReadOnly).into()];
    let renamed = decide(
        &begin(identity("jo-1", Some("jo@example.com"))),
        &slice(base("x@example.com")),
    );
    assert_eq!(renamed.outcome.unwrap_err(), Rejection::AuthenticationFailed);
    let mut taken = slice(base("jo@example.com"));
    taken.insert(link("00u1", "jo-2").into());
    let other = decide(&begin(identity("jo-1", Some("jo@example.com"))), &taken);
    assert!(other.outcome.is_err());
    let mut elsewhere = slice(base("jo@example.com"));
    elsewhere.insert(link("00u9", "jo-1").into());
    let theirs = decide(&begin(identity("jo-1", Some("jo@example.com"))), &elsewhere);
    assert!(theirs.outcome.is_err() && put::<AdminSession>(&theirs.decision).is_none());
}

#[test]
fn only_who_may_everything_now_changes_the_ways_in_and_no_secret_is_logged() {
    let command = SetConsoleSignIn {
        settings: ConsoleSignIn {
            password: false,
            oidc: Some(OidcProvider {
                status: Status::Active,
                name: "Example".to_owned(),
                issuer: ISSUER.to_owned(),
                client_id: "watchfire".to_owned(),
                authentication: OidcAuthentication::ClientSecret {
                    sealed_secret: "sealed-secret".to_owned(),
                },
                scopes: Vec::new(),
                own_factor: OwnFactor::Ask,
                trusted_acr: Vec::new(),
                trusted_amr: Vec::new(),
            }),
            last_updated: Timestamp::default(),
        },
        asked_by: UserId::new("00u1"),
        actor: admin(),
        origin: RequestOrigin::default(),
    };
    let by = |role: AdminRole| slice([Object::from(user("00u1", "jo@example.com")), administrator(role).into()]);
    assert!(decide(&command, &by(AdminRole::SecurityAnalyst)).outcome.is_err());
    let decided = decide(&command, &by(AdminRole::SuperAdmin));
    assert!(decided.outcome.is_ok());
    let logged = serde_json::to_string(&events(&decided.decision)).unwrap();
    assert!(logged.contains(ISSUER) && !logged.contains("sealed-secret"), "{logged}");
}

#[test]
fn unlinking_is_for_super_administrators_and_is_logged() {
    let command = UnlinkAdministrator {
        user_id: UserId::new("00u1"),
        asked_by: UserId::new("00u1"),
        actor: admin(),
        origin: RequestOrigin::default(),
    };
    let with = |role: AdminRole, linked: bool| {
        let mut slice = slice([Object::from(user("00u1", "jo@example.com")), administrator(role).into()]);
        if linked {
            slice.insert(link("00u1", "jo-1").into());
        }
        slice
    };
    assert!(decide(&command, &with(AdminRole::ReadOnly, true)).outcome.is_err());
    assert!(decide(&command, &with(AdminRole::SuperAdmin, false)).outcome.is_err());
    let decided = decide(&command, &with(AdminRole::SuperAdmin, true));
    assert_eq!(event_types(&decided.decision), [EventType::IdentityLinkDelete]);
}

#[test]
fn a_refusal_says_who_and_why() {
    let command = RefuseIdpSignIn {
        reason: "ID_TOKEN_NONCE".to_owned(),
        detail: "the ID token answers another request".to_owned(),
        login: "jo@example.com".to_owned(),
        user_id: None,
        issuer: ISSUER.to_owned(),
        origin: RequestOrigin::default(),
    };
    let decided = decide(&command, &Slice::default());
    assert_eq!(decided.outcome.unwrap_err(), Rejection::AuthenticationFailed);
    let event = events(&decided.decision)[0];
    assert_eq!(event.actor.alternate_id.as_deref(), Some("jo@example.com"));
    assert_eq!(event.outcome.reason.as_deref(), Some("ID_TOKEN_NONCE"));
}
