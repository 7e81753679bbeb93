use std::net::IpAddr;

use watchfire_engine::{
    model::{Attempt, HashKey, Path, Place, Population, Settings, Windows},
    user_agent::Device,
};
use watchfire_model::{
    id::{FactorId, SessionId, SessionTokenId, UserId},
    log::{Actor, EventType, RequestOrigin},
    object::{
        AuthnTransaction, Factor, FactorState, FactorType, Kind, Object, Policy, Rule, SessionToken, SignInProfile, SignInRecord,
        SignInState, SignOnSession, Status, User, UserStatus,
    },
    row::{Decision, Row},
    signal::RiskLevel,
    slice::{Need, Slice},
};

use super::*;
use crate::{
    Rejection,
    bootstrap::{Bootstrap, NewSigningKey},
    command::{Command, Decided},
    session::StartSession,
    testing::{NOW, decide, event_types, events},
};

mod lock_out;

const HASH: &str = "$argon2id$1";

fn user(status: UserStatus) -> User {
    User {
        id: UserId::new("00u1"),
        login: "jo.lin@example.com".to_owned(),
        profile: serde_json::Map::new(),
        status,
        password_hash: Some(HASH.to_owned()),
        administrator: false,
        created: NOW,
        activated: Some(NOW),
        status_changed: Some(NOW),
        last_login: None,
        last_updated: NOW,
        password_changed: Some(NOW),
    }
}

/// What the first start leaves, with `objects`.
fn slice(objects: impl IntoIterator<Item = Object>) -> Slice {
    let first_start = Bootstrap {
        token_hash: "hash".to_owned(),
        signing_key: NewSigningKey {
            kid: "kid".to_owned(),
            public_jwk: serde_json::Value::Null,
            sealed_private: String::new(),
        },
    };
    let mut slice = Slice::default();
    put(&mut slice, &decide(&first_start, &Slice::default()).decision);
    objects.into_iter().for_each(|object| slice.insert(object));
    slice
}

/// Lays a decision over a slice of everything.
fn put(slice: &mut Slice, decision: &Decision) {
    let all: Vec<Need> = Kind::ALL.iter().map(|kind| Need::All(*kind)).collect();
    slice.overlay(&all, decision);
}

fn attempt(password: Checked) -> SignIn {
    SignIn {
        login: "jo.lin@example.com".to_owned(),
        user_id: Some(UserId::new("00u1")),
        password,
        seen: seen_from([203, 0, 113, 7]),
        client: Client::default(),
        application: None,
        kept_for: std::time::Duration::from_secs(90 * 24 * 60 * 60),
        expression_steps: 50_000,
        rules_kept: 20,
        session_token_hash: "session".to_owned(),
        state_token_hash: "state".to_owned(),
        relay_state: None,
        guard: crate::entity_risk::GuardLimits::default(),
        origin: RequestOrigin::default(),
    }
}

fn seen_from(address: [u8; 4]) -> Sighting {
    let attempt = Attempt {
        at: NOW,
        address: IpAddr::from(address),
        place: Place::default(),
        device: Device::default(),
        user_agent: String::new(),
        token: None,
    };
    Sighting {
        path: Path::of(&attempt, &HashKey::new([7; 16])),
        attempt,
        device: None,
        population: Population::default(),
        windows: Windows::default(),
        signals: Vec::new(),
        settings: Settings::default(),
    }
}

fn right() -> SignIn {
    attempt(Checked::Right(HASH.to_owned()))
}

fn reason(decided: &Decided<Progress>) -> Option<&str> {
    events(&decided.decision)
        .last()
        .and_then(|event| event.outcome.reason.as_deref())
}

fn puts(decision: &Decision, kind: Kind) -> usize {
    let is_put = |row: &&Row| matches!(row, Row::Put(object) if object.kind() == kind);
    decision.rows.iter().filter(is_put).count()
}

#[test]
fn a_password_that_was_changed_since_it_was_checked_is_wrong() {
    let slice = slice([user(UserStatus::Active).into()]);
    let old = attempt(Checked::Right("$argon2id$0".to_owned()));
    let decided = decide(&old, &slice);
    assert!(matches!(decided.outcome, Err(Rejection::AuthenticationFailed)));
    assert_eq!(reason(&decided), Some("INVALID_CREDENTIALS"));
    assert!(matches!(decide(&right(), &slice).outcome, Ok(Progress::Success(_))));
}

#[test]
fn a_user_that_was_removed_since_it_was_found_is_unknown() {
    let decided = decide(&right(), &slice([]));
    assert!(matches!(decided.outcome, Err(Rejection::AuthenticationFailed)));
    assert_eq!(events(&decided.decision)[0].actor, Actor::unknown_user("jo.lin@example.com"));
}

#[test]
fn only_success_teaches_the_profile() {
    let known = slice([user(UserStatus::Active).into()]);
    let success = decide(&right(), &known);
    assert_eq!(puts(&success.decision, Kind::SignInProfile), 1);
    assert_eq!(
        event_types(&success.decision),
        [EventType::PolicyEvaluateSignOn, EventType::UserSessionStart]
    );
    for failure in [
        decide(&attempt(Checked::Wrong { locks: false }), &known),
        decide(&attempt(Checked::Wrong { locks: true }), &known),
        decide(&right(), &slice([user(UserStatus::Suspended).into()])),
    ] {
        assert!(failure.outcome.is_err());
        assert_eq!(puts(&failure.decision, Kind::SignInProfile), 0);
        assert_eq!(puts(&failure.decision, Kind::SessionToken), 0);
    }
}

#[test]
fn the_failure_that_locks_is_logged_as_a_lock_once() {
    let locks = attempt(Checked::Wrong { locks: true });
    let mut slice = slice([user(UserStatus::Active).into()]);
    let first = decide(&locks, &slice);
    assert_eq!(
        event_types(&first.decision),
        [EventType::UserSessionStart, EventType::UserAccountLock]
    );
    put(&mut slice, &first.decision);
    let second = decide(&locks, &slice);
    assert_eq!(event_types(&second.decision), [EventType::UserSessionStart]);
    assert_eq!(reason(&second), Some("LOCKED_OUT"));
    // The right password of a locked account tells nothing either.
    let third = decide(&right(), &slice);
    assert!(matches!(third.outcome, Err(Rejection::AuthenticationFailed)));
    assert_eq!(reason(&third), Some("LOCKED_OUT"));
}

#[test]
fn without_any_policy_nobody_gets_in() {
    let mut empty = Slice::default();
    empty.insert(user(UserStatus::Active).into());
    let decided = decide(&right(), &empty);
    assert!(matches!(decided.outcome, Err(Rejection::AuthenticationFailed)));
    assert_eq!(reason(&decided), Some("Sign-on policy evaluation resulted in DENY"));
}

fn factor() -> Factor {
    Factor {
        id: FactorId::new("ost1"),
        user_id: UserId::new("00u1"),
        factor_type: FactorType::Totp,
        provider: "OKTA".to_owned(),
        state: FactorState::Active,
        sealed_secret: String::new(),
        last_step: Some(9),
        created: NOW,
        last_updated: NOW,
    }
}

/// A slice with a challenged sign-in.
fn challenged() -> Slice {
    let mut slice = slice([user(UserStatus::Active).into(), factor().into()]);
    let default = slice.all::<Policy>()[0].id.clone();
    let mut rule: Rule = slice.all::<Rule>()[0].clone();
    assert_eq!((&rule.policy_id, rule.status), (&default, Status::Active));
    rule.action.require_factor = true;
    slice.insert(rule.into());
    let first = decide(&right(), &slice);
    assert!(matches!(&first.outcome, Ok(Progress::Challenge(it)) if it.factors == [factor()]));
    assert_eq!(event_types(&first.decision), [EventType::PolicyEvaluateSignOn]);
    put(&mut slice, &first.decision);
    slice
}

fn verify(code: Code) -> VerifyFactor {
    VerifyFactor {
        state_token_hash: "state".to_owned(),
        user_id: UserId::new("00u1"),
        answer: FactorAnswer {
            factor_id: FactorId::new("ost1"),
            code,
        },
        session_token_hash: "session".to_owned(),
        origin: RequestOrigin::default(),
    }
}

#[test]
fn of_two_answers_with_one_code_only_the_first_counts() {
    let mut slice = challenged();
    let first = decide(&verify(Code::OfStep(10)), &slice);
    assert!(matches!(first.outcome, Ok(Progress::Success(_))));
    assert_eq!(
        event_types(&first.decision),
        [EventType::AuthViaMfa, EventType::UserSessionStart]
    );
    put(&mut slice, &first.decision);
    assert!(matches!(
        decide(&verify(Code::OfStep(11)), &slice).outcome,
        Err(Rejection::InvalidToken)
    ));
    // The same code for another sign-in, which was challenged before.
    let mut other = challenged();
    other.insert(slice.get::<Factor>("ost1").expect("the factor").clone().into());
    let replay = decide(&verify(Code::OfStep(10)), &other);
    assert!(matches!(replay.outcome, Err(Rejection::Catalogued { code: "E0000068", .. })));
    assert_eq!(puts(&replay.decision, Kind::SessionToken), 0);
}

#[test]
fn a_sign_in_under_way_ends_after_five_wrong_codes() {
    let mut slice = challenged();
    for failures in 1..=MAX_CODE_FAILURES {
        let decided = decide(&verify(Code::Wrong { locks: false }), &slice);
        assert!(matches!(decided.outcome, Err(Rejection::Catalogued { code: "E0000068", .. })));
        put(&mut slice, &decided.decision);
        let left = slice.by_natural::<AuthnTransaction>("state").map(|it| it.failures);
        assert_eq!(left, Some(failures).filter(|n| *n < MAX_CODE_FAILURES));
    }
}

/// The record of a sign-in as a decision writes it.
fn record(decision: &Decision) -> SignInRecord {
    let mut records = decision.rows.iter().filter_map(|row| match row {
        Row::Put(Object::SignInRecord(record)) => Some(&**record),
        _ => None,
    });
    records.next_back().expect("a record").clone()
}

#[test]
fn a_profile_that_cannot_be_read_is_that_of_a_new_user() {
    let broken = SignInProfile {
        user_id: UserId::new("00u1"),
        profile: "no profile".to_owned(),
    };
    let decided = decide(&right(), &slice([user(UserStatus::Active).into(), broken.into()]));
    let risk = record(&decided.decision).risk;
    assert_eq!((risk.level, risk.reasons[0].as_str()), (RiskLevel::High, "New User"));
}

#[test]
fn a_challenged_sign_in_is_learnt_when_its_factor_is_shown_and_not_before() {
    let mut slice = challenged();
    let pending = slice.all::<SignInRecord>()[0].clone();
    assert_eq!(pending.state, SignInState::Pending);
    assert!(pending.lesson.as_ref().is_some_and(|lesson| lesson.learnt_at.is_none()));
    assert!(slice.all::<SignInProfile>().is_empty());

    let passed = decide(&verify(Code::OfStep(10)), &slice);
    let done = record(&passed.decision);
    assert_eq!((&done.id, done.state), (&pending.id, SignInState::ChallengePassed));
    assert!(done.lesson.is_some_and(|lesson| lesson.learnt_at.is_some()));
    assert_eq!(puts(&passed.decision, Kind::SignInProfile), 1);

    let cancelled = decide(
        &CancelSignIn {
            state_token_hash: "state".to_owned(),
        },
        &slice,
    );
    let given_up = record(&cancelled.decision);
    assert_eq!((given_up.state, given_up.lesson), (SignInState::Abandoned, None));

    for _ in 0..MAX_CODE_FAILURES {
        let wrong = decide(&verify(Code::Wrong { locks: false }), &slice);
        put(&mut slice, &wrong.decision);
    }
    let failed = slice.all::<SignInRecord>()[0].clone();
    assert_eq!((failed.state, failed.lesson), (SignInState::ChallengeFailed, None));
}

#[test]
fn a_session_token_is_used_up_by_the_first_of_two_commands() {
    let token = SessionToken {
        id: SessionTokenId::new("stk1"),
        hash: "session".to_owned(),
        user_id: UserId::new("00u1"),
        amr: vec!["pwd".to_owned()],
        session: SignOnSession::default(),
        session_id: SessionId::new("1021"),
        password_verified_at: NOW,
        factor_verified_at: None,
        expires_at: NOW.plus(SESSION_TOKEN_LIFE),
    };
    let mut slice = slice([user(UserStatus::Active).into(), token.into()]);
    let start = StartSession {
        token_hash: "session".to_owned(),
        user_id: UserId::new("00u1"),
    };
    let first = decide(&start, &slice);
    assert!(first.outcome.is_ok());
    put(&mut slice, &first.decision);
    assert!(matches!(decide(&start, &slice).outcome, Err(Rejection::AuthenticationFailed)));
}

#[test]
fn asks_for_everything_that_it_decides_on() {
    let needs = right().needs();
    let id = "00u1";
    for need in [
        Need::object::<User>(id),
        Need::object::<SignInProfile>(id),
        Need::children::<Factor>(id),
        Need::all::<Policy>(),
        Need::all::<Rule>(),
    ] {
        assert!(needs.contains(&need), "{need:?}");
    }
}
