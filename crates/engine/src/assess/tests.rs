use std::{net::IpAddr, time::Duration};

use proptest::prelude::*;
use watchfire_model::id::{RiskProviderId, UserId};

use super::*;
use crate::assessment::{BehaviorName, BehaviorResult};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const HOME: &str = "198.51.100.2";
const AWAY: &str = "203.0.113.7";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn attempt(from: &str, device: &str) -> Attempt {
    Attempt {
        at: NOW,
        ip: ip(from),
        device: device.to_owned(),
    }
}

fn profile(successes: &[(&str, &str)]) -> SignInProfile {
    let empty = SignInProfile {
        user_id: UserId::new("00u1"),
        successes: 0,
        sources: Vec::new(),
    };
    successes.iter().fold(empty, |profile, (from, device)| {
        ProfileDelta {
            ip: ip(from),
            device: (*device).to_owned(),
            at: NOW,
        }
        .apply(&profile)
    })
}

fn provider(name: &str, action: ProviderAction) -> RiskProvider {
    RiskProvider {
        id: RiskProviderId::new(format!("rkp{name}")),
        name: name.to_owned(),
        client_id: None,
        action,
        created: NOW,
        last_updated: NOW,
    }
}

fn report(name: &str, action: ProviderAction, level: RiskLevel) -> ProviderReport {
    ProviderReport {
        provider: provider(name, action),
        received_at: NOW.minus(Duration::from_secs(60)),
        signal: IpSignal {
            ip: ip(HOME),
            level,
            message: None,
            observed_at: None,
            expires_at: NOW.plus(Duration::from_secs(60)),
        },
    }
}

fn judge(profile: &SignInProfile, reports: Vec<ProviderReport>, attempt: &Attempt) -> Assessment {
    assess(
        profile,
        &GlobalStats::default(),
        &Windows::default(),
        &Signals { reports },
        attempt,
    )
    .assessment
}

fn usual() -> SignInProfile {
    profile(&[(HOME, "laptop"); 3])
}

#[test]
fn history_makes_the_level() {
    type Case<'a> = (
        &'a str,
        &'a [(&'a str, &'a str)],
        (&'a str, &'a str),
        RiskLevel,
        &'a [&'a str],
    );
    let cases: [Case<'_>; 9] = [
        (
            "no sign-in yet",
            &[],
            (HOME, "laptop"),
            RiskLevel::High,
            &["New User", "New Device", "New IP"],
        ),
        (
            "one success",
            &[(HOME, "laptop")],
            (HOME, "laptop"),
            RiskLevel::High,
            &["New User"],
        ),
        (
            "two successes",
            &[(HOME, "laptop"); 2],
            (HOME, "laptop"),
            RiskLevel::High,
            &["New User"],
        ),
        (
            "three from one pair",
            &[(HOME, "laptop"); 3],
            (HOME, "laptop"),
            RiskLevel::Low,
            &[],
        ),
        (
            "new address",
            &[(HOME, "laptop"); 3],
            (AWAY, "laptop"),
            RiskLevel::Medium,
            &["New IP"],
        ),
        (
            "new device",
            &[(HOME, "laptop"); 3],
            (HOME, "phone"),
            RiskLevel::Medium,
            &["New Device"],
        ),
        (
            "both new",
            &[(HOME, "laptop"); 3],
            (AWAY, "phone"),
            RiskLevel::High,
            &["New Device", "New IP"],
        ),
        (
            "a pair seen once",
            &[(HOME, "laptop"), (HOME, "laptop"), (HOME, "laptop"), (AWAY, "laptop")],
            (AWAY, "laptop"),
            RiskLevel::Medium,
            &["Anomalous Location"],
        ),
        (
            "known things in a new pair",
            &[(HOME, "laptop"), (HOME, "laptop"), (HOME, "laptop"), (AWAY, "phone")],
            (HOME, "phone"),
            RiskLevel::Medium,
            &["Anomalous Location"],
        ),
    ];
    for (name, history, (from, device), level, reasons) in cases {
        let got = judge(&profile(history), Vec::new(), &attempt(from, device));
        assert_eq!((got.level, got.reasons.as_slice()), (level, reasons), "{name}");
        assert!(!got.threat_suspected && got.counterfactual.is_none(), "{name}");
    }
}

#[test]
fn a_mapped_address_is_the_same_address() {
    let got = judge(&usual(), Vec::new(), &attempt("::ffff:198.51.100.2", "laptop"));
    assert_eq!(got.level, RiskLevel::Low);
}

#[test]
fn behaviours_compare_with_the_history_and_places_are_unknown_to_us() {
    let behaviors = |history: &SignInProfile| {
        let got = judge(history, Vec::new(), &attempt(AWAY, "laptop"));
        (
            got.behavior("New IP"),
            got.behavior("New Device"),
            got.behavior("New City"),
            got.behavior("Velocity"),
        )
    };
    use BehaviorResult::{BadRequest, Negative, Positive, Unknown};
    assert_eq!(behaviors(&profile(&[])), (Unknown, Unknown, BadRequest, BadRequest));
    assert_eq!(behaviors(&usual()), (Positive, Negative, BadRequest, BadRequest));
    let got = judge(&usual(), Vec::new(), &attempt(HOME, "laptop"));
    assert_eq!(got.behaviors.iter().map(|b| b.name).collect::<Vec<_>>(), BehaviorName::ALL);
    assert_eq!(got.behavior("New Moon"), Unknown);
}

#[test]
fn an_enforced_provider_sets_a_floor() {
    use ProviderAction::{EnforceAndLog, LogOnly, None};
    use RiskLevel::{High, Low, Medium};
    type Case<'a> = (
        &'a str,
        &'a [(&'a str, ProviderAction, RiskLevel)],
        RiskLevel,
        Option<&'a str>,
    );
    let cases: [Case<'_>; 9] = [
        ("high", &[("a", EnforceAndLog, High)], High, Some("a")),
        ("medium", &[("a", EnforceAndLog, Medium)], Medium, Some("a")),
        ("low", &[("a", EnforceAndLog, Low)], Low, Option::None),
        (
            "highest of two",
            &[("a", EnforceAndLog, Medium), ("b", EnforceAndLog, High)],
            High,
            Some("b"),
        ),
        (
            "low beside high",
            &[("a", EnforceAndLog, Low), ("b", EnforceAndLog, High)],
            High,
            Some("b"),
        ),
        ("log only", &[("a", LogOnly, High)], Low, Option::None),
        ("none", &[("a", None, High)], Low, Option::None),
        (
            "logged high, enforced medium",
            &[("a", LogOnly, High), ("b", EnforceAndLog, Medium)],
            Medium,
            Some("b"),
        ),
        ("nothing", &[], Low, Option::None),
    ];
    for (name, said, level, source) in cases {
        let reports = said.iter().map(|(n, a, l)| report(n, *a, *l)).collect();
        let got = judge(&usual(), reports, &attempt(HOME, "laptop"));
        let floor = got.factors.iter().find(|f| f.factor == FactorName::LevelFloor);
        let floored_by = floor.map(|f| match &f.source {
            FactorSource::Provider { name, .. } => name.as_str(),
            FactorSource::History => panic!("{name}: a floor without a provider"),
        });
        assert_eq!((got.level, floored_by), (level, source), "{name}");
        assert_eq!(got.threat_suspected, source.is_some(), "{name}");
        assert_eq!(got.reasons.contains(&"Suspected Threat"), source.is_some(), "{name}");
    }
}

#[test]
fn the_floor_says_by_how_much_it_raised_the_score() {
    let got = judge(
        &usual(),
        vec![report("a", ProviderAction::EnforceAndLog, RiskLevel::High)],
        &attempt(HOME, "laptop"),
    );
    assert_eq!((got.score, got.factors.len()), (HIGH_SCORE, 1));
    assert_eq!((got.factors[0].points, got.factors[0].value.as_str()), (HIGH_SCORE, "HIGH"));
}

#[test]
fn an_enforced_low_is_recorded() {
    let got = judge(
        &usual(),
        vec![report("a", ProviderAction::EnforceAndLog, RiskLevel::Low)],
        &attempt(HOME, "laptop"),
    );
    assert_eq!(got.partner_risk.len(), 1);
    assert_eq!(got.partner_risk[0].level, RiskLevel::Low);
}

#[test]
fn what_is_only_logged_shows_in_the_counterfactual() {
    let mut said = report("a", ProviderAction::LogOnly, RiskLevel::High);
    said.signal.message = Some("Tor exit".to_owned());
    let got = judge(&usual(), vec![said], &attempt(HOME, "laptop"));
    let without = got.counterfactual.unwrap();
    assert_eq!((got.level, got.partner_risk.len()), (RiskLevel::Low, 0));
    assert_eq!((without.level, without.reasons), (RiskLevel::High, vec!["Suspected Threat"]));
    assert_eq!(without.partner_risk[0].reasons.as_deref(), Some("Tor exit"));
}

#[test]
fn words_that_have_expired_are_elsewhere_or_are_replaced_do_not_count() {
    let high = || report("a", ProviderAction::EnforceAndLog, RiskLevel::High);
    let mut expired = high();
    expired.signal.expires_at = NOW;
    let mut elsewhere = high();
    elsewhere.signal.ip = ip(AWAY);
    let mut later = report("a", ProviderAction::EnforceAndLog, RiskLevel::Low);
    later.received_at = NOW;
    for (name, reports, partners) in [
        ("expired", vec![expired], 0),
        ("elsewhere", vec![elsewhere], 0),
        ("replaced", vec![later.clone(), high()], 1),
        ("replaced, other order", vec![high(), later], 1),
    ] {
        let got = judge(&usual(), reports, &attempt(HOME, "laptop"));
        assert_eq!((got.level, got.partner_risk.len()), (RiskLevel::Low, partners), "{name}");
    }
}

#[test]
fn a_signal_belongs_to_the_provider_that_sent_it() {
    let a = provider("a", ProviderAction::EnforceAndLog);
    let said = ProviderSignal {
        provider: a.id.clone(),
        received_at: NOW,
        signal: report("a", ProviderAction::EnforceAndLog, RiskLevel::High).signal,
    };
    assert!(ProviderReport::new(&a, &said).is_some());
    assert!(ProviderReport::new(&provider("b", ProviderAction::None), &said).is_none());
}

#[test]
fn success_teaches_and_the_oldest_pair_is_forgotten() {
    let many = (0..40).fold(profile(&[]), |profile, n| {
        let attempt = attempt(&format!("10.0.0.{n}"), "laptop");
        let assessed = assess(
            &profile,
            &GlobalStats::default(),
            &Windows::default(),
            &Signals::default(),
            &attempt,
        );
        assessed.on_success.apply(&profile)
    });
    assert_eq!((many.successes, many.sources.len()), (40, SignInProfile::MAX_SOURCES));
    assert_eq!(many.sources[0].ip, ip("10.0.0.39"));
    assert!(many.sources.iter().all(|s| s.ip != ip("10.0.0.7")));
}

#[test]
fn a_delta_survives_the_wait_for_the_second_factor() {
    let assessed = assess(
        &usual(),
        &GlobalStats::default(),
        &Windows::default(),
        &Signals::default(),
        &attempt(AWAY, "phone"),
    );
    let kept = SignInSource::from(&assessed.on_success);
    assert_eq!(kept.successes, 0);
    assert_eq!(ProfileDelta::from(&kept), assessed.on_success);
}

fn any_level() -> impl Strategy<Value = RiskLevel> {
    prop_oneof![Just(RiskLevel::Low), Just(RiskLevel::Medium), Just(RiskLevel::High)]
}

fn any_action() -> impl Strategy<Value = ProviderAction> {
    prop_oneof![
        Just(ProviderAction::None),
        Just(ProviderAction::LogOnly),
        Just(ProviderAction::EnforceAndLog)
    ]
}

fn any_reports() -> impl Strategy<Value = Vec<ProviderReport>> {
    prop::collection::vec(("[a-c]", any_action(), any_level()), 0..4).prop_map(|said| {
        said.iter()
            .map(|(name, action, level)| report(name, *action, *level))
            .collect()
    })
}

fn any_profile() -> impl Strategy<Value = SignInProfile> {
    let source = prop_oneof![Just(HOME), Just(AWAY)];
    let device = prop_oneof![Just("laptop"), Just("phone")];
    prop::collection::vec((source, device), 0..6).prop_map(|successes| profile(&successes))
}

proptest! {
    #[test]
    fn a_low_signal_never_lowers(profile in any_profile(), reports in any_reports(), action in any_action()) {
        let here = attempt(HOME, "laptop");
        let before = judge(&profile, reports.clone(), &here);
        let with_low = reports.into_iter().chain([report("z", action, RiskLevel::Low)]).collect();
        let after = judge(&profile, with_low, &here);
        prop_assert_eq!((before.level, before.score), (after.level, after.score));
    }

    #[test]
    fn log_only_never_changes_the_level(profile in any_profile(), reports in any_reports(), level in any_level()) {
        let here = attempt(HOME, "laptop");
        let before = judge(&profile, reports.clone(), &here);
        let with_logged = reports.into_iter().chain([report("z", ProviderAction::LogOnly, level)]).collect();
        let after = judge(&profile, with_logged, &here);
        prop_assert_eq!((before.score, before.level, before.reasons), (after.score, after.level, after.reasons));
        prop_assert!(after.counterfactual.is_some_and(|c| c.level >= after.level));
    }

    #[test]
    fn the_verdict_does_not_depend_on_the_order_of_providers(profile in any_profile(), a in any_level(), b in any_level()) {
        let here = attempt(HOME, "laptop");
        let said = [
            report("a", ProviderAction::EnforceAndLog, a),
            report("b", ProviderAction::EnforceAndLog, b),
        ];
        let forward = judge(&profile, said.to_vec(), &here);
        let backward = judge(&profile, said.iter().rev().cloned().collect(), &here);
        prop_assert_eq!(forward, backward);
    }
}
