use std::{net::IpAddr, sync::Arc, time::Duration};

use proptest::prelude::*;
use watchfire_model::id::{ReceiptId, RiskProviderId};

use super::*;
use crate::{
    assessment::{BehaviorResult, FactorName},
    model::{HashKey, Place, Population, Profile, Windows},
    testing::seeded_behaviors,
    user_agent::Device,
};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const HOME: &str = "198.51.100.2";
const AWAY: &str = "203.0.113.7";
const LAPTOP: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const SECRET: HashKey = HashKey::new([7; 16]);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn attempt(from: &str, user_agent: &str) -> Attempt {
    Attempt {
        at: NOW,
        address: ip(from),
        place: Place::default(),
        device: Device::parse(user_agent),
        user_agent: user_agent.to_owned(),
        token: None,
    }
}

fn report(name: &str, action: ProviderAction, level: RiskLevel) -> ProviderReport {
    ProviderReport {
        provider: RiskProvider {
            id: RiskProviderId::new(format!("rkp{name}")),
            name: name.to_owned(),
            client_id: None,
            action,
            created: NOW,
            last_updated: NOW,
        },
        receipt: Arc::new(ReceiptId::new(format!("rcp{name}"))),
        received_at: NOW.minus(Duration::from_secs(60)),
        signal: IpSignal {
            ip: ip(HOME),
            level,
            message: None,
            observed_at: None,
            expires_at: NOW.plus(Duration::from_secs(60)),
        },
        trust: 700_000,
        floor: true,
    }
}

fn judge_with(profile: &Profile, reports: &[ProviderReport], causes: &[Cause], attempt: &Attempt) -> Assessed {
    let behaviors = seeded_behaviors();
    let known = Known {
        profile,
        population: &Population::default(),
        windows: &Windows::default(),
        signals: &signals(
            reports,
            &Against {
                user: causes,
                ..Against::default()
            },
            None,
            attempt,
        ),
        behaviors: &behaviors.iter().collect::<Vec<_>>(),
    };
    assess(known, attempt, &Path::of(attempt, &SECRET), &Settings::default())
}

fn judge(profile: &Profile, reports: &[ProviderReport], attempt: &Attempt) -> Assessment {
    judge_with(profile, reports, &[], attempt).assessment
}

/// A user who has signed in so often from home with the laptop, a day apart.
fn usual(successes: u64) -> Profile {
    let mut profile = Profile::default();
    for day in 0..successes {
        let at = NOW.minus(Duration::from_secs((successes - day) * 86_400));
        let attempt = Attempt {
            at,
            ..attempt(HOME, LAPTOP)
        };
        profile.apply(&judge_with(&profile, &[], &[], &attempt).delta);
    }
    profile
}

fn names(assessment: &Assessment) -> Vec<FactorName> {
    assessment.factors.iter().map(|factor| factor.factor).collect()
}

#[test]
fn a_high_device_says_less_of_a_sign_in_than_a_high_user() {
    let cause = |kind, millinats| Cause {
        kind,
        source: CauseSource::Administrator,
        millinats,
        half_life: None,
        since: NOW,
        reason: None,
        receipt: None,
        transaction: None,
        step_ups: 0,
    };
    let nats = |kind, of: Of, millinats| {
        let cause = cause(kind, millinats);
        let against = match of {
            Of::User => Against {
                user: std::slice::from_ref(&cause),
                ..Against::default()
            },
            Of::Device | Of::Session => Against {
                device: vec![&cause],
                ..Against::default()
            },
        };
        causes_against(&against, NOW)[0].milli_nats
    };
    for (kind, of, stated, want) in [
        (CauseKind::UserRisk, Of::User, 4_000, 4_000),
        (CauseKind::RiskLevel, Of::User, 4_000, 4_000),
        (CauseKind::DeviceRisk, Of::Device, 4_000, 2_500),
        (CauseKind::DeviceRisk, Of::Device, 2_000, 1_250),
        (CauseKind::RiskLevel, Of::Device, 4_000, 2_500),
        // Where only its user is named.
        (CauseKind::DeviceRisk, Of::User, 4_000, 2_500),
        (CauseKind::DeviceNotCompliant, Of::Device, 1_500, 1_500),
    ] {
        assert_eq!(nats(kind, of, stated), want, "{kind:?} of {of:?}");
    }
}

#[test]
fn a_user_without_history_is_high_because_of_that_alone() {
    let it = judge_with(&Profile::default(), &[], &[], &attempt(HOME, LAPTOP));
    assert_eq!((it.assessment.score, it.assessment.level), (70, RiskLevel::High));
    assert_eq!(it.assessment.reasons, ["New User", "New Device", "New IP"]);
    assert_eq!(names(&it.assessment), [FactorName::ColdStart]);
    assert_eq!(it.assessment.factors[0].nats, None);
    assert!(it.teaches_alone);
}

#[test]
fn habits_make_low_and_what_is_new_is_told() {
    assert_eq!(judge(&usual(1), &[], &attempt(HOME, LAPTOP)).level, RiskLevel::Medium);
    let it = judge_with(&usual(5), &[], &[], &attempt(HOME, LAPTOP));
    assert_eq!(it.assessment.level, RiskLevel::Low);
    assert!(it.assessment.reasons.is_empty(), "{:?}", it.assessment.reasons);
    let away = judge_with(&usual(5), &[], &[], &attempt(AWAY, LAPTOP));
    assert_eq!(away.assessment.reasons, ["New IP"]);
    assert!(away.assessment.score > it.assessment.score);
    let both = judge_with(
        &usual(5),
        &[],
        &[],
        &attempt(AWAY, "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)"),
    );
    assert_eq!(both.assessment.reasons, ["New IP", "New Device"]);
    assert!(
        both.assessment.level > RiskLevel::Low && !both.teaches_alone,
        "{:?}",
        both.assessment
    );
    let network = &away.assessment.factors[0];
    assert_eq!(
        (network.factor, network.value.as_str(), network.seen.as_deref()),
        (FactorName::Network, "203.0.0.0/16", Some("0 of 4.9"))
    );
    assert!(network.nats.unwrap() > 0.0 && network.points > 0);
    assert_eq!(away.assessment.behavior("New IP"), BehaviorResult::Positive);
    assert_eq!(away.assessment.behavior("New Device"), BehaviorResult::Negative);
    assert_eq!(away.assessment.behavior("New City"), BehaviorResult::BadRequest);
}

/// risk-engine.md 5.6.
#[test]
fn an_enforced_word_is_a_floor_and_is_shown_as_a_rule() {
    let (profile, here) = (usual(5), attempt(HOME, LAPTOP));
    for (level, score) in [(RiskLevel::High, 70), (RiskLevel::Medium, 40)] {
        let it = judge(&profile, &[report("A", ProviderAction::EnforceAndLog, level)], &here);
        assert_eq!((it.score, it.level), (score, level));
        assert_eq!(it.reasons, ["Suspected Threat"]);
        let floor = &it.factors[0];
        assert_eq!((floor.factor, floor.nats), (FactorName::LevelFloor, None));
        assert_eq!(floor.value, level.as_str());
        assert!(floor.points > 30);
        assert!(it.threat_suspected);
    }
    let low = judge(&profile, &[report("A", ProviderAction::EnforceAndLog, RiskLevel::Low)], &here);
    assert_eq!((low.level, low.threat_suspected), (RiskLevel::Low, false));
    assert_eq!(low.partner_risk.len(), 1);
}

#[test]
fn a_logged_word_only_makes_a_counterfactual() {
    let (profile, here) = (usual(5), attempt(HOME, LAPTOP));
    let without = judge(&profile, &[], &here);
    let it = judge(&profile, &[report("A", ProviderAction::LogOnly, RiskLevel::High)], &here);
    assert_eq!(
        (it.score, it.level, &it.reasons),
        (without.score, without.level, &without.reasons)
    );
    assert!(it.partner_risk.is_empty() && !it.threat_suspected);
    let would_be = it.counterfactual.unwrap();
    assert_eq!((would_be.score, would_be.level), (70, RiskLevel::High));
    assert_eq!(would_be.reasons, ["Suspected Threat"]);
    assert_eq!(would_be.partner_risk.len(), 1);
}

#[test]
fn nothing_is_heard_of_providers_that_are_off_late_or_about_others() {
    let here = attempt(HOME, LAPTOP);
    let mut expired = report("A", ProviderAction::EnforceAndLog, RiskLevel::High);
    expired.signal.expires_at = NOW;
    let mut elsewhere = report("B", ProviderAction::EnforceAndLog, RiskLevel::High);
    elsewhere.signal.ip = ip(AWAY);
    let off = report("C", ProviderAction::None, RiskLevel::High);
    let it = judge(&usual(5), &[expired, elsewhere, off], &here);
    assert_eq!((it.level, it.counterfactual), (RiskLevel::Low, None));
}

#[test]
fn the_last_word_of_a_provider_counts() {
    let mut earlier = report("A", ProviderAction::EnforceAndLog, RiskLevel::High);
    earlier.received_at = NOW.minus(Duration::from_secs(90));
    let later = report("A", ProviderAction::EnforceAndLog, RiskLevel::Low);
    for reports in [[earlier.clone(), later.clone()], [later, earlier]] {
        let it = judge(&usual(5), &reports, &attempt(HOME, LAPTOP));
        assert_eq!(it.level, RiskLevel::Low);
    }
}

/// risk-engine.md 5.7; what our own sign-ins have said is not said again.
#[test]
fn what_speaks_against_a_user_is_evidence_and_told_by_its_detection() {
    let cause = |kind, source| Cause {
        kind,
        source,
        millinats: 4_000,
        half_life: None,
        since: NOW,
        reason: None,
        receipt: None,
        transaction: None,
        step_ups: 0,
    };
    let here = attempt(AWAY, LAPTOP);
    let of = |cause: Cause| judge_with(&usual(5), &[], &[cause], &here).assessment;
    let without = judge(&usual(5), &[], &here);
    let not_me = of(cause(CauseKind::NotMe, CauseSource::Engine));
    assert!(not_me.score > without.score);
    assert_eq!(not_me.reasons, ["New IP", "User Reported Suspicious Activity"]);
    let nats = not_me
        .factors
        .iter()
        .find(|it| it.factor == FactorName::UserRisk)
        .unwrap()
        .nats;
    assert_eq!(nats, Some(4.0));
    assert_eq!(of(cause(CauseKind::SignIn, CauseSource::Engine)).score, without.score);
}

#[test]
fn a_record_computes_to_the_same_assessment() {
    let reports = [report("A", ProviderAction::LogOnly, RiskLevel::High)];
    let it = judge_with(&usual(4), &reports, &[], &attempt(HOME, "curl/8.0"));
    let text = serde_json::to_string(&it.basis).unwrap();
    let basis: Basis = serde_json::from_str(&text).unwrap();
    let again = assessment(
        &basis,
        (it.assessment.behaviors.clone(), it.assessment.familiar),
        &attempt(HOME, "curl/8.0"),
    );
    assert_eq!(again, it.assessment);
}

proptest! {
    #[test]
    fn scores_stay_in_bounds_whatever_comes(
        seconds in any::<i64>(),
        address in any::<[u8; 4]>(),
        agent in ".{0,60}",
        days in 0_u64..6,
    ) {
        let mut it = attempt(HOME, &agent);
        it.at = Timestamp::from_micros(seconds);
        it.address = IpAddr::from(address);
        let judged = judge(&usual(days), &[report("A", ProviderAction::EnforceAndLog, RiskLevel::High)], &it);
        prop_assert!(judged.score <= 100);
        let all_are_numbers = judged.factors.iter().all(|f| f.nats.is_none_or(f64::is_finite));
        prop_assert!(all_are_numbers);
    }
}
