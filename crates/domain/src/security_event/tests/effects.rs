//! Each of the 27 types by its effect (ssf.md annex B); verification and stream-updated, which are about
//! streams, are in `stream_in` and in the tests over HTTP.

use std::time::Duration;

use serde_json::{Value, json};
use watchfire_model::{
    entity::Entity,
    id::SessionId,
    log::EventType::{self, SecurityEventsProviderReceiveEvent, UserRiskDetect},
    object::{CauseKind, Sharing, SubjectLink},
    row::Handling,
    signal::RiskLevel,
};

use super::world::*;

const DAY: Option<u64> = Some(24);
const THREE_DAYS: Option<u64> = Some(72);
const WEEK: Option<u64> = Some(168);

/// One row: a type, what it says beside its subject, and the cause that Jo has then.
type Row = (
    &'static str,
    &'static str,
    serde_json::Value,
    (CauseKind, i32, Option<u64>),
    RiskLevel,
);

fn of_users() -> Vec<Row> {
    use CauseKind as K;
    use RiskLevel::{High, Low, Medium};
    vec![
        (CAEP, "session-revoked", json!({}), (K::SessionRevoked, 1_500, DAY), Medium),
        (
            CAEP,
            "credential-change",
            json!({"credential_type": "password", "change_type": "update"}),
            (K::CredentialChange, 800, DAY),
            Low,
        ),
        (
            CAEP,
            "assurance-level-change",
            json!({"namespace": "NIST-AAL", "current_level": "nist-aal1", "previous_level": "nist-aal2", "change_direction": "decrease"}),
            (K::AssuranceDecrease, 1_500, DAY),
            Medium,
        ),
        (
            CAEP,
            "device-compliance-change",
            json!({"previous_status": "compliant", "current_status": "not-compliant"}),
            (K::DeviceNotCompliant, 1_500, None),
            Medium,
        ),
        (
            CAEP,
            "risk-level-change",
            json!({"principal": "USER", "current_level": "HIGH", "risk_reason": "PASSWORD_FOUND_IN_DATA_BREACH"}),
            (K::RiskLevel, 4_000, WEEK),
            High,
        ),
        (
            CAEP,
            "risk-level-change",
            json!({"principal": "USER", "current_level": "MEDIUM", "previous_level": "LOW"}),
            (K::RiskLevel, 2_000, THREE_DAYS),
            Medium,
        ),
        (
            RISC,
            "account-credential-change-required",
            json!({}),
            (K::CredentialChangeRequired, 2_000, THREE_DAYS),
            Medium,
        ),
        (
            RISC,
            "account-disabled",
            json!({"reason": "hijacking"}),
            (K::AccountDisabled, 4_000, WEEK),
            High,
        ),
        (
            RISC,
            "account-disabled",
            json!({"reason": "bulk-account"}),
            (K::AccountDisabled, 2_000, THREE_DAYS),
            Medium,
        ),
        (RISC, "account-disabled", json!({}), (K::AccountDisabled, 1_500, DAY), Medium),
        (
            RISC,
            "identifier-changed",
            json!({"new-value": "john.roe@example.com"}),
            (K::IdentifierChanged, 800, DAY),
            Low,
        ),
        (
            RISC,
            "identifier-recycled",
            json!({}),
            (K::IdentifierRecycled, 2_000, THREE_DAYS),
            Medium,
        ),
        (
            RISC,
            "credential-compromise",
            json!({"credential_type": "password"}),
            (K::CredentialCompromise, 4_000, WEEK),
            High,
        ),
        (
            RISC,
            "recovery-activated",
            json!({}),
            (K::RecoveryActivated, 1_500, DAY),
            Medium,
        ),
        (
            RISC,
            "recovery-information-changed",
            json!({}),
            (K::RecoveryInformationChanged, 800, DAY),
            Low,
        ),
        (RISC, "sessions-revoked", json!({}), (K::SessionRevoked, 1_500, DAY), Medium),
        (
            OKTA,
            "user-risk-change",
            json!({"previous_level": "low", "current_level": "high"}),
            (K::UserRisk, 4_000, WEEK),
            High,
        ),
        (
            OKTA,
            "user-risk-change",
            json!({"previous_level": "none", "current_level": "medium"}),
            (K::UserRisk, 2_000, THREE_DAYS),
            Medium,
        ),
        (
            OKTA,
            "device-risk-change",
            json!({"previous_level": "low", "current_level": "high"}),
            (K::DeviceRisk, 4_000, WEEK),
            High,
        ),
        (
            OKTA,
            "ip-change",
            json!({"previous_ip_address": "203.0.113.7", "current_ip_address": "198.51.100.9"}),
            (K::IpChange, 800, DAY),
            Low,
        ),
    ]
}

/// Rows 3, 5 to 7, 10, 11, 13, 15 to 17, 22 to 27: strength, half-life and level; and one event received
/// and one detected in the log.
#[test]
fn what_speaks_against_a_user_is_a_cause() {
    for (base, name, members, cause, level) in of_users() {
        let mut world = World::new();
        let about = world.take(ACME, &format!("{base}{name}"), about_jo(members.clone()));
        assert_eq!(about, [jo()], "{name}");
        assert_eq!(world.causes(&jo()), [cause], "{name} {members}");
        assert_eq!(world.level(&jo()), Some(level), "{name} {members}");
        assert_eq!(world.count(SecurityEventsProviderReceiveEvent), 1, "{name}");
        assert_eq!(world.count(UserRiskDetect), 1, "{name}");
    }
}

/// A later SET of the same kind of the same provider replaces the cause; another provider's stands beside.
#[test]
fn a_provider_has_one_cause_of_a_kind() {
    let mut world = World::new();
    let uri = format!("{OKTA}user-risk-change");
    let says = |level: &str| about_jo(json!({"previous_level": "low", "current_level": level}));
    world.take(ACME, &uri, says("high"));
    world.take(ACME, &uri, says("medium"));
    world.take(OTHER, &uri, says("high"));
    let high = (CauseKind::UserRisk, 4_000, WEEK);
    assert_eq!(world.causes(&jo()), [(CauseKind::UserRisk, 2_000, THREE_DAYS), high]);
    for level in ["low", "secure", "none"] {
        let mut world = World::new();
        world.take(ACME, &uri, says("high"));
        world.take(OTHER, &uri, says("high"));
        world.take(ACME, &uri, says(level));
        assert_eq!(world.causes(&jo()), [high], "{level} takes back the provider's own");
        assert_eq!(world.fact(&jo(), "statedLevel"), Some(level));
    }
}

/// Rows 6, 7, 10, 14, 26: what takes a cause back, and that only the same provider can.
#[test]
fn causes_are_taken_back_by_their_provider() {
    let assurance =
        |direction: &str| json!({"namespace": "NIST-AAL", "current_level": "nist-aal2", "change_direction": direction});
    let compliance = |now: &str| json!({"previous_status": "compliant", "current_status": now});
    let level = |now: &str| json!({"principal": "USER", "current_level": now});
    let device = |now: &str| json!({"previous_level": "low", "current_level": now});
    let table = [
        (
            CAEP,
            "assurance-level-change",
            assurance("decrease"),
            "assurance-level-change",
            assurance("increase"),
        ),
        (
            CAEP,
            "device-compliance-change",
            compliance("not-compliant"),
            "device-compliance-change",
            compliance("compliant"),
        ),
        (CAEP, "risk-level-change", level("HIGH"), "risk-level-change", level("LOW")),
        (
            RISC,
            "account-disabled",
            json!({"reason": "hijacking"}),
            "account-enabled",
            json!({}),
        ),
        (
            OKTA,
            "device-risk-change",
            device("high"),
            "device-risk-change",
            device("low"),
        ),
    ];
    for (base, bad, bad_members, good, good_members) in table {
        let mut world = World::new();
        world.take(ACME, &format!("{base}{bad}"), about_jo(bad_members));
        assert_eq!(world.causes(&jo()).len(), 1, "{bad}");
        world.take(OTHER, &format!("{base}{good}"), about_jo(good_members.clone()));
        assert_eq!(world.causes(&jo()).len(), 1, "{good} of another");
        world.take(ACME, &format!("{base}{good}"), about_jo(good_members));
        assert_eq!(world.causes(&jo()), [], "{good}");
        assert_eq!(world.level(&jo()), None);
        assert_eq!(world.count(UserRiskDetect), 3, "each time, also when the level stays");
    }
}

/// Row 5: a changed credential ends row 11, whoever said it, and row 17 once the sessions have ended too.
#[test]
fn a_changed_credential_ends_what_asked_for_it() {
    let mut world = World::new();
    world.take(
        OTHER,
        &format!("{RISC}account-credential-change-required"),
        about_jo(json!({})),
    );
    world.take(
        OTHER,
        &format!("{RISC}credential-compromise"),
        about_jo(json!({"credential_type": "password"})),
    );
    let changed = json!({"credential_type": "fido2-roaming", "change_type": "create", "friendly_name": "Jo's key"});
    world.take(ACME, &format!("{CAEP}credential-change"), about_jo(changed));
    let kinds: Vec<CauseKind> = world.causes(&jo()).into_iter().map(|(kind, _, _)| kind).collect();
    assert_eq!(kinds, [CauseKind::CredentialCompromise, CauseKind::CredentialChange]);
    assert_eq!(world.fact(&jo(), "authenticator fido2-roaming Jo's key"), Some("created"));
}

/// Row 5: the list of the devices that authenticate a user, one by one, in the words of SSF and of Okta's
/// own transmitter. What is no device is not on it, and what is gone is not either.
#[test]
fn a_changed_credential_keeps_the_list_of_devices() {
    let mut world = World::new();
    let mut change = |credential_type: &str, change_type: &str, members: Value| {
        let mut changed = json!({"credential_type": credential_type, "change_type": change_type});
        let given = members.as_object().cloned().unwrap_or_default();
        changed.as_object_mut().unwrap().extend(given);
        world.take(ACME, &format!("{CAEP}credential-change"), about_jo(changed));
        let facts = &world.risk(&jo()).unwrap().facts;
        let devices = facts
            .iter()
            .filter_map(|(name, fact)| Some((name.strip_prefix("authenticator ")?, fact)));
        let list: Vec<String> = devices.map(|(name, fact)| format!("{name}: {}", fact.value)).collect();
        list.join("; ")
    };
    let (blue, red) = (json!({"friendly_name": "blue"}), json!({"friendly_name": "red"}));
    assert_eq!(change("password", "update", json!({})), "");
    assert_eq!(change("fido2-roaming", "create", blue.clone()), "fido2-roaming blue: created");
    assert_eq!(
        change("FIDO2-roaming", "create", red.clone()),
        "fido2-roaming blue: created; fido2-roaming red: created"
    );
    assert_eq!(
        change("fido2-roaming", "update", red.clone()),
        "fido2-roaming blue: created; fido2-roaming red: updated"
    );
    assert_eq!(change("fido2-roaming", "delete", blue), "fido2-roaming red: updated");
    assert_eq!(change("fido2-roaming", "revoke", red), "");
    let certificate = json!({"x509_serial": "4711", "x509_issuer": "C=DE", "friendly_name": "laptop"});
    assert_eq!(change("x509", "create", certificate), "x509 4711: created");
    assert_eq!(change("x509", "revoke", json!({"x509_serial": "4711"})), "");
    assert_eq!(change("OKTA_VERIFY_PUSH", "create", json!({})), "okta_verify_push: created");
    assert_eq!(change("security_question", "create", json!({})), "okta_verify_push: created");
    for number in 0..200 {
        change("app", "create", json!({ "friendly_name": number.to_string() }));
    }
    assert!(
        change("app", "other", json!({})).split("; ").count() <= 128,
        "a provider cannot fill the record"
    );
}

/// Row 4: the user is marked, and nothing speaks against it.
#[test]
fn changed_claims_mark_the_user() {
    let mut world = World::new();
    let members = json!({"claims": {"role": "ro-admin"}});
    world.take(ACME, &format!("{CAEP}token-claims-change"), about_jo(members));
    assert_eq!(
        (world.causes(&jo()), world.fact(&jo(), "reevaluate")),
        (Vec::new(), Some("role"))
    );
    assert_eq!(world.count(UserRiskDetect), 1);
}

/// Rows 8 and 9: the inventory of sessions, under the user that they are of.
#[test]
fn sessions_are_remembered() {
    let mut world = World::new();
    let subject = json!({"user": email("jo.lin@example.com"), "session": opaque("dMTlD|1600802906337.16")});
    let established = json!({"fp_ua": "abb0b6e7da81a42233f8f2b1a8ddb1b9a4c81611", "acr": "AAL2", "amr": ["otp"]});
    let entities = world.take(
        ACME,
        &format!("{CAEP}session-established"),
        about(subject.clone(), established),
    );
    let session = entities[1].clone();
    assert_eq!(session.kind(), "SESSION");
    assert_eq!(world.fact(&session, "acr"), Some("AAL2"));
    assert_eq!(world.fact(&session, "amr"), Some("otp"));
    assert_eq!(
        world
            .risk(&session)
            .and_then(|risk| risk.user.clone())
            .as_ref()
            .map(|id| id.as_str()),
        Some(JO)
    );
    assert!(world.causes(&session).is_empty() && world.causes(&jo()).is_empty());

    let presented = about(subject, json!({"fp_ua": "another"}));
    assert_eq!(world.take(ACME, &format!("{CAEP}session-presented"), presented)[1], session);
    assert_eq!(world.fact(&session, "userAgent"), Some("another"));
    assert!(world.fact(&session, "sessionPresented").is_some());

    // The session alone is enough now.
    let revoked = world.take(
        ACME,
        &format!("{CAEP}session-revoked"),
        about(json!({"session": opaque("dMTlD|1600802906337.16")}), json!({})),
    );
    assert_eq!(revoked, [jo(), session.clone()]);
    assert_eq!(world.causes(&session), [(CauseKind::SessionRevoked, 1_500, DAY)]);
    assert_eq!(world.causes(&jo()), [], "the session's, not the user's");
    assert_eq!(world.count(UserRiskDetect), 3);
}

/// Row 3 with a session of ours by its id.
#[test]
fn our_own_sessions_are_known_by_their_id() {
    let mut world = World::new();
    let uri = format!("{CAEP}session-revoked");
    let session = Entity::Session(SessionId::new(SESSION));
    assert_eq!(
        world.take(ACME, &uri, about(json!({"session": opaque(SESSION)}), json!({}))),
        [jo(), session.clone()]
    );
    assert_eq!(world.take(ACME, &uri, about(opaque(SESSION), json!({}))), [jo(), session]);
    let not_hers = json!({"user": email("sam@example.com"), "session": opaque(SESSION)});
    assert_eq!(world.tell(ACME, &uri, about(not_hers, json!({}))).handling, Handling::Unbound);
}

/// Rows 7, 10 and 26 about a device, whose user is told all the same.
#[test]
fn devices_have_their_own_risk() {
    let table = [
        (
            CAEP,
            "device-compliance-change",
            json!({"previous_status": "compliant", "current_status": "not-compliant"}),
            (CauseKind::DeviceNotCompliant, 1_500, None),
        ),
        (
            CAEP,
            "risk-level-change",
            json!({"principal": "DEVICE", "current_level": "HIGH"}),
            (CauseKind::RiskLevel, 4_000, WEEK),
        ),
        (
            OKTA,
            "device-risk-change",
            json!({"previous_level": "low", "current_level": "medium"}),
            (CauseKind::DeviceRisk, 2_000, THREE_DAYS),
        ),
    ];
    for (base, name, members, cause) in table {
        let mut world = World::new();
        let uri = format!("{base}{name}");
        let subject = json!({"user": email("jo.lin@example.com"), "device": opaque("D-42")});
        let entities = world.take(ACME, &uri, about(subject, members.clone()));
        let device = entities[1].clone();
        assert_eq!(
            (world.causes(&device), world.causes(&jo())),
            (vec![cause], Vec::new()),
            "{name}"
        );
        // From now on the device alone leads to both.
        let alone = world.take(ACME, &uri, about(json!({"device": opaque("D-42")}), members));
        assert_eq!(alone, [jo(), device.clone()]);
        assert_eq!(world.causes(&device), [cause], "{name}");
        assert_eq!(
            (world.count(SecurityEventsProviderReceiveEvent), world.count(UserRiskDetect)),
            (2, 2),
            "{name}"
        );
    }
}

/// Row 10: principals that are nobody here are kept, and nothing else.
#[test]
fn levels_of_tenants_are_kept_without_effect() {
    let mut world = World::new();
    for principal in ["TENANT", "ORG_UNIT", "GROUP", "SPACESHIP"] {
        let members = json!({"principal": principal, "current_level": "HIGH"});
        let subject = json!({"format": "complex", "tenant": opaque("t-1")});
        let note = world.tell(ACME, &format!("{CAEP}risk-level-change"), about(subject, members));
        assert_eq!(note.handling, Handling::Unbound, "{principal}");
    }
    assert!(world.log.is_empty());
}

/// Row 12: the provider's links end; what others say stands; the policy is asked.
#[test]
fn a_purged_account_is_no_longer_known_by_its_names() {
    let mut world = World::new();
    let aliases = |id: &str| json!({"format": "aliases", "identifiers": [email("jo.lin@example.com"), {"format": "iss_sub", "iss": "https://idp.example", "sub": id}]});
    let risk = json!({"principal": "USER", "current_level": "MEDIUM"});
    world.take(
        ACME,
        &format!("{CAEP}risk-level-change"),
        about(aliases("acme-1"), risk.clone()),
    );
    world.take(OTHER, &format!("{CAEP}risk-level-change"), about(aliases("other-1"), risk));
    assert_eq!((world.links(ACME).len(), world.links(OTHER).len()), (1, 1));
    world.take(ACME, &format!("{RISC}account-purged"), about_jo(json!({})));
    assert_eq!((world.links(ACME).len(), world.links(OTHER).len()), (0, 1));
    assert_eq!(world.risk(&jo()).map(|risk| risk.links.len()), Some(1));
    assert_eq!(world.count(UserRiskDetect), 3);
}

/// Rows 18 to 21: the state machine of EVT-20, and what it means for what follows.
#[test]
fn a_subject_that_opts_out_is_left_alone() {
    let mut world = World::new();
    let risk = || about_jo(json!({"previous_level": "low", "current_level": "high"}));
    let uri = format!("{OKTA}user-risk-change");
    let sharing = |world: &World| world.all::<SubjectLink>().first().map(|link| link.sharing);
    for (name, state) in [
        ("opt-out-initiated", Sharing::OptOutInitiated),
        ("opt-out-cancelled", Sharing::OptIn),
        ("opt-out-initiated", Sharing::OptOutInitiated),
    ] {
        world.take(ACME, &format!("{RISC}{name}"), about_jo(json!({})));
        assert_eq!(sharing(&world), Some(state), "{name}");
    }
    world.take(ACME, &uri, risk());
    assert_eq!(world.causes(&jo()).len(), 1, "announced is not yet done");
    world.take(ACME, &format!("{RISC}opt-out-effective"), about_jo(json!({})));
    assert_eq!(sharing(&world), Some(Sharing::OptOut));

    let (logged, notes) = (world.log.len(), world.notes.len());
    let low = about_jo(json!({"previous_level": "high", "current_level": "low"}));
    assert_eq!(world.tell(ACME, &uri, low).handling, Handling::OptedOut);
    let by_id = about(
        json!({"user": {"format": "iss_sub", "iss": ORG_URL, "sub": JO}}),
        json!({"previous_level": "high", "current_level": "low"}),
    );
    assert_eq!(world.tell(ACME, &uri, by_id).handling, Handling::OptedOut, "under every name");
    assert_eq!(world.causes(&jo()).len(), 1);
    assert_eq!((world.log.len(), world.notes.len()), (logged, notes + 2), "kept, not used");
    world.take(OTHER, &uri, risk());

    world.take(ACME, &format!("{RISC}opt-in"), about_jo(json!({})));
    assert_eq!(sharing(&world), Some(Sharing::OptIn));
    world.take(ACME, &uri, risk());
}

/// Row 27: both addresses are kept.
#[test]
fn a_changed_address_is_kept() {
    let mut world = World::new();
    let members = json!({"previous_ip_address": "203.0.113.7", "current_ip_address": "2001:db8::7"});
    world.take(ACME, &format!("{OKTA}ip-change"), about_jo(members));
    assert_eq!(world.fact(&jo(), "currentIp"), Some("2001:db8::7"));
    assert_eq!(world.fact(&jo(), "previousIp"), Some("203.0.113.7"));
}

/// Annex B: an event that comes late does not undo a newer one, of the same provider and entity.
#[test]
fn an_older_event_does_not_undo_a_newer_one() {
    let mut world = World::new();
    let uri = format!("{OKTA}user-risk-change");
    let at = |seconds: i64, level: &str| {
        let time = world_time(seconds);
        let mut event = about_jo(json!({"previous_level": "low", "current_level": level}));
        event["event_timestamp"] = json!(time);
        event
    };
    world.take(ACME, &uri, at(-10, "high"));
    assert_eq!(world.tell(ACME, &uri, at(-20, "low")).handling, Handling::Superseded);
    assert_eq!(world.level(&jo()), Some(RiskLevel::High));
    assert_eq!(
        world.count(SecurityEventsProviderReceiveEvent),
        2,
        "it was received all the same"
    );
    world.take(OTHER, &uri, at(-20, "low"));
    world.take(ACME, &uri, at(-10, "low"));
    assert_eq!(world.level(&jo()), None, "of the same time, the later one holds");

    // A sender whose clock is ahead does not shut itself out.
    world.take(ACME, &uri, at(86_400, "high"));
    world.now = world.now.plus(Duration::from_secs(60));
    world.take(ACME, &uri, at(30, "low"));
    assert_eq!(world.level(&jo()), None);
}

fn world_time(offset: i64) -> i64 {
    crate::testing::NOW.as_seconds() + offset
}

/// clients.md 9: one event received and one detected for each event of a token.
#[test]
fn each_event_of_a_token_counts() {
    let mut world = World::new();
    let (one, two) = (format!("{OKTA}user-risk-change"), format!("{CAEP}session-revoked"));
    let events = [
        (
            one.as_str(),
            about_jo(json!({"previous_level": "low", "current_level": "medium"})),
        ),
        (two.as_str(), about(json!({"user": email("sam@example.com")}), json!({}))),
        (
            "https://vendor.example/event/unheard-of",
            json!({"subject": email("jo.lin@example.com")}),
        ),
    ];
    assert!(world.receive(ACME, &claims(ACME, "several", &events)).is_ok());
    let handled: Vec<Handling> = world.notes[0].events.iter().map(|note| note.handling).collect();
    assert_eq!(handled, [Handling::Handled, Handling::Handled, Handling::Unhandled]);
    assert_eq!(
        world.notes[0].normalisations,
        ["several_events", "complex_without_format", "subject_in_event"]
    );
    assert_eq!(
        (world.level(&jo()), world.level(&sam())),
        (Some(RiskLevel::Medium), Some(RiskLevel::Medium))
    );
    let types: Vec<EventType> = world.log.iter().map(|event| event.event_type).collect();
    assert_eq!(
        types,
        [
            SecurityEventsProviderReceiveEvent,
            UserRiskDetect,
            SecurityEventsProviderReceiveEvent,
            UserRiskDetect
        ]
    );
}
