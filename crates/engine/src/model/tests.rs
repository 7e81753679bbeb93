//! The model's promises.

use std::time::Duration;

use proptest::prelude::*;
use watchfire_model::{
    id::ReceiptId,
    object::{BehaviorSettings, EventWindow, Granularity, Status},
    signal::RiskLevel,
    time::Timestamp,
};

use super::*;
use crate::{
    assessment::BehaviorResult,
    testing::{behavior, seeded_behaviors},
    user_agent::Device,
};

const SECRET: HashKey = HashKey::new([7; 16]);
const DAY: u64 = 86_400;

fn day(day: u64) -> Timestamp {
    Timestamp::from_seconds(1_600_000_000).plus(Duration::from_secs(day * DAY))
}

fn device(browser: &str, system: &str) -> Device {
    Device::given("a header", browser, system, "desktop")
}

fn at_home(at: Timestamp) -> Attempt {
    Attempt {
        at,
        address: "192.0.2.7".parse().unwrap(),
        place: Place {
            country: Some("NO".to_owned()),
            asn: Some(2119),
            ..Place::default()
        },
        device: device("Firefox 75", "Windows 10"),
        user_agent: "a header".to_owned(),
        token: None,
    }
}

fn abroad(at: Timestamp) -> Attempt {
    Attempt {
        address: "198.51.100.9".parse().unwrap(),
        place: Place {
            country: Some("BR".to_owned()),
            asn: Some(28573),
            ..Place::default()
        },
        ..at_home(at)
    }
}

/// A user, everybody, and what is said.
#[derive(Default)]
struct World {
    profile: Profile,
    population: Population,
    windows: Windows,
    signals: Signals,
}

impl World {
    fn judge(&self, attempt: &Attempt) -> Judged {
        let behaviors = seeded_behaviors();
        let known = Known {
            profile: &self.profile,
            population: &self.population,
            windows: &self.windows,
            signals: &self.signals,
            behaviors: &behaviors.iter().collect::<Vec<_>>(),
        };
        judge(known, attempt, &Path::of(attempt, &SECRET), &Settings::default())
    }

    fn accept(&mut self, attempt: &Attempt) -> Delta {
        let delta = self.judge(attempt).delta;
        self.profile.apply(&delta);
        self.population.apply(&delta);
        delta
    }

    /// Somebody who has signed in from home once a day.
    fn with_a_habit(days: u64) -> Self {
        let mut world = Self::default();
        for day_number in 0..days {
            world.accept(&at_home(day(day_number)));
        }
        world
    }
}

fn word(level: RiskLevel, id: usize) -> ProviderWord {
    ProviderWord {
        id: format!("rpr{id}"),
        name: "Feed".to_owned(),
        receipt: None,
        level,
        message: None,
        since: day(30),
        expires: day(40),
        trust: Micro::from_real(1.0),
        line: Line::Hosting,
        counts: true,
        floor: false,
    }
}

#[test]
fn the_usual_is_low_and_another_country_on_another_device_is_high() {
    let world = World::with_a_habit(30);
    let usual = world.judge(&at_home(day(30))).verdict;
    assert_eq!(usual.level, RiskLevel::Low);
    assert!(usual.score <= 5, "{usual:?}");
    assert!(usual.reasons().is_empty());

    let stranger = Attempt {
        device: device("Chrome 81", "Android 9"),
        ..abroad(day(30))
    };
    let verdict = world.judge(&stranger).verdict;
    assert_eq!(verdict.level, RiskLevel::High);
    assert_eq!(verdict.reasons()[..2], ["New Country", "New Device"]);
    assert_eq!(verdict.contributions[0].factor, Factor::Level(Level::Country));
    let (seen, of) = verdict.contributions[0].seen.unwrap();
    assert!(seen == 0.0 && of > 20.0);
}

#[test]
fn a_record_gives_the_same_verdict_to_the_bit() {
    let mut world = World::with_a_habit(17);
    world.signals.providers = vec![word(RiskLevel::High, 1), word(RiskLevel::Low, 2)];
    world.windows.address.failing = 5;
    for attempt in [at_home(day(31)), abroad(day(32))] {
        let judged = world.judge(&attempt);
        let stored = serde_json::to_string(&judged.basis).unwrap();
        let read: Basis = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, judged.basis);
        let again = read.verdict();
        assert_eq!(again.evidence.to_bits(), judged.verdict.evidence.to_bits());
        assert_eq!(again, judged.verdict);
        let delta: Delta = serde_json::from_str(&serde_json::to_string(&judged.delta).unwrap()).unwrap();
        assert_eq!(delta.nodes, judged.delta.nodes);
    }
}

/// Pinned: the formulas may not change without a new version, and records of a former one are computed by it.
#[test]
fn every_version_computes_what_it_computed() {
    let judged = World::with_a_habit(20).judge(&abroad(day(21)));
    let evidence = |version: u16| {
        let basis = Basis {
            version,
            ..judged.basis.clone()
        };
        format!("{:.6}", basis.verdict().evidence)
    };
    assert_eq!((judged.basis.version, MODEL_VERSION), (2, 2));
    // With profiles in single precision, version 1 came to 6.098325.
    assert_eq!([evidence(1), evidence(2)], ["6.098323", "3.545669"]);
    assert!(is_known_version(1) && is_known_version(2) && !is_known_version(0) && !is_known_version(3));
}

#[test]
fn nothing_is_learnt_from_failures() {
    let world = World::with_a_habit(10);
    let attempt = abroad(day(10).plus(Duration::from_secs(201)));
    let before = world.judge(&attempt);
    let mut observatory = Observatory::new(1_000);
    for second in 0..200 {
        let attempt = abroad(day(10).plus(Duration::from_secs(second)));
        observatory.observe(&SECRET, &attempt, "ada", Outcome::Failed { known_network: false });
    }
    let world = World {
        windows: observatory.windows(&SECRET, &attempt, "ada"),
        ..world
    };
    let after = world.judge(&attempt);
    assert!(world.windows.account.failures >= 200);
    let seen = |judged: &Judged| judged.basis.levels.iter().map(|level| level.seen).collect::<Vec<_>>();
    assert_eq!(seen(&before), seen(&after));
    assert!(after.verdict.score >= before.verdict.score);
}

#[test]
fn an_attacker_cannot_lock_the_owner_out() {
    let mut world = World::with_a_habit(10);
    let usual = world.judge(&at_home(day(10))).verdict;
    world.windows.account = AccountTally {
        failures: 10_000,
        new_networks: 32,
    };
    assert_eq!(world.judge(&at_home(day(10))).verdict, usual);
    let elsewhere = world.judge(&abroad(day(10))).verdict;
    assert!(elsewhere.floors.iter().any(|floor| floor.rule == FloorRule::UnderAttack));
}

#[test]
fn a_lying_provider_is_bounded() {
    let evidence = |providers: Vec<ProviderWord>, attempt: &Attempt| {
        let mut world = World::with_a_habit(10);
        world.signals.providers = providers;
        world.judge(attempt).verdict.evidence
    };
    for attempt in [at_home(day(30)), abroad(day(30))] {
        let silent = evidence(Vec::new(), &attempt);
        let reassured = evidence((0..50).map(|id| word(RiskLevel::Low, id)).collect(), &attempt);
        assert!((-0.3 - 1e-9..=0.0).contains(&(reassured - silent)));
        let alarmed = evidence((0..50).map(|id| word(RiskLevel::High, id)).collect(), &attempt);
        assert!((0.0..=4.0 + 1e-9).contains(&(alarmed - silent)));
    }
}

#[test]
fn a_word_ages_expires_and_binds_only_where_it_counts() {
    let fresh = word(RiskLevel::High, 1);
    assert!((fresh.nats(day(30)) - 2.3).abs() < 1e-9);
    assert!((fresh.nats(day(35)) - 1.15).abs() < 1e-9);
    assert!(fresh.nats(day(40)).abs() < 1e-12);

    let mut world = World::with_a_habit(10);
    let usual = world.judge(&at_home(day(30))).verdict;
    world.signals.providers = vec![ProviderWord {
        floor: true,
        ..fresh.clone()
    }];
    let bound = world.judge(&at_home(day(30))).verdict;
    assert_eq!((bound.level, bound.counterfactual), (RiskLevel::High, None));
    assert!(bound.score >= 70 && bound.reasons().contains(&"Suspected Threat"));

    world.signals.providers = vec![ProviderWord {
        floor: true,
        counts: false,
        ..fresh
    }];
    let logged = world.judge(&at_home(day(30))).verdict;
    assert_eq!((logged.score, logged.level), (usual.score, usual.level));
    assert_eq!(logged.counterfactual.map(|(_, level)| level), Some(RiskLevel::High));
}

#[test]
fn the_word_that_makes_it_high_is_told_where_there_is_one() {
    let floor = |level, id: usize, counts| ProviderWord {
        receipt: Some(ReceiptId::new(format!("rcp{id}"))),
        floor: true,
        counts,
        ..word(level, id)
    };
    let (high, low) = (floor(RiskLevel::High, 1, true), floor(RiskLevel::Low, 2, true));
    let other = floor(RiskLevel::High, 3, true);
    let logged = floor(RiskLevel::High, 4, false);
    for (words, from, want) in [
        (vec![low.clone(), high.clone()], at_home(day(30)), Some("rcp1")),
        (vec![logged.clone(), high.clone()], at_home(day(30)), Some("rcp1")),
        // Without the one, the other would do.
        (vec![high.clone(), other], at_home(day(30)), None),
        (vec![logged, low], at_home(day(30)), None),
        // HIGH by itself.
        (vec![high], abroad(day(30)), None),
    ] {
        let mut world = World::with_a_habit(30);
        world.signals.providers = words;
        let basis = world.judge(&from).basis;
        assert_eq!(basis.made_high_by().map(ReceiptId::as_str), want);
    }
}

#[test]
fn new_users_start_high_and_become_known() {
    let mut world = World::default();
    let levels: Vec<RiskLevel> = (0..4)
        .map(|day_number| {
            let attempt = at_home(day(day_number));
            let level = world.judge(&attempt).verdict.level;
            world.accept(&attempt);
            level
        })
        .collect();
    assert_eq!(
        levels,
        [RiskLevel::High, RiskLevel::Medium, RiskLevel::Medium, RiskLevel::Low]
    );
    assert_eq!(World::default().judge(&at_home(day(0))).verdict.reasons(), ["New User"]);
}

#[test]
fn a_sign_in_that_was_not_me_is_taken_out_again() {
    let mut world = World::with_a_habit(12);
    let before = world.judge(&abroad(day(13))).verdict;
    let delta = world.accept(&abroad(day(12)));
    let fooled = world.judge(&abroad(day(13))).verdict;
    assert!(fooled.evidence < before.evidence - 1.0);
    world.profile.remove(&delta);
    world.population.remove(&delta);
    let after = world.judge(&abroad(day(13))).verdict;
    // The concentrations keep a trace, which is small.
    assert!(
        (after.evidence - before.evidence).abs() < 0.6,
        "{} {}",
        after.evidence,
        before.evidence
    );
    assert_eq!(world.profile.successes(), 12);

    let mut only = Profile::default();
    only.apply(&delta);
    only.remove(&delta);
    assert_eq!(only, Profile::default());
    only.remove(&delta);
    assert_eq!(only, Profile::default());
}

#[test]
fn a_stuffing_network_stands_out_and_an_office_does_not() {
    let mut observatory = Observatory::new(1_000);
    let mut world = World::with_a_habit(10);
    let attempt = at_home(day(10));
    for name in 0..40 {
        let outcome = Outcome::Failed { known_network: false };
        observatory.observe(&SECRET, &attempt, &format!("user{name}"), outcome);
    }
    world.windows = observatory.windows(&SECRET, &attempt, "ada");
    let nats = |world: &World| {
        let contributions = world.judge(&attempt).verdict.contributions;
        contributions
            .iter()
            .find(|c| c.factor == Factor::Neighbours)
            .map_or(0.0, |c| c.nats)
    };
    assert!((nats(&world) - 4.0).abs() < 1e-9);

    let mut observatory = Observatory::new(1_000);
    for name in 0..30 {
        let outcome = if name % 6 == 0 {
            Outcome::Failed { known_network: true }
        } else {
            Outcome::Accepted
        };
        observatory.observe(&SECRET, &attempt, &format!("user{name}"), outcome);
    }
    world.windows = observatory.windows(&SECRET, &attempt, "ada");
    assert!(nats(&world) <= 0.0);
    let later = at_home(day(11));
    assert_eq!(observatory.windows(&SECRET, &later, "ada"), Windows::default());
}

#[test]
fn windows_are_bounded_in_number() {
    let mut observatory = Observatory::new(100);
    for number in 0..10_000_u32 {
        let attempt = Attempt {
            address: std::net::Ipv4Addr::from_bits(number << 8).into(),
            ..at_home(day(1))
        };
        let outcome = Outcome::Failed { known_network: false };
        observatory.observe(&SECRET, &attempt, &number.to_string(), outcome);
        assert!(observatory.len() <= 302);
    }
}

#[test]
fn a_journey_counts_instead_of_the_country_and_not_on_top() {
    let fix = |latitude: i32, longitude: i32| {
        Some(Fix {
            latitude,
            longitude,
            radius: 50,
        })
    };
    let place = |attempt: Attempt, fix: Option<Fix>| Attempt {
        place: Place {
            fix,
            ..attempt.place.clone()
        },
        ..attempt
    };
    let mut world = World::default();
    for day_number in 0..10 {
        world.accept(&place(at_home(day(day_number)), fix(599_139, 107_522)));
    }
    let hour_later = day(9).plus(Duration::from_secs(3_600));
    let moved = place(
        Attempt {
            address: "203.0.113.1".parse().unwrap(),
            ..at_home(hour_later)
        },
        fix(403_000, -740_000),
    );
    let velocity = |attempt: &Attempt| {
        let contributions = world.judge(attempt).verdict.contributions;
        contributions
            .iter()
            .find(|c| c.factor == Factor::Velocity)
            .map_or(0.0, |c| c.nats)
    };
    // The network is one that the user has: the address may simply be placed wrongly.
    assert!((velocity(&moved) - 0.9).abs() < 0.5);
    let stranger = place(abroad(hour_later), fix(-235_000, -466_000));
    assert!(velocity(&stranger).abs() < 1e-9, "the country says more");
    let behaviors = world.judge(&stranger).behaviors;
    let result = |name: &str| behaviors.iter().find(|b| b.name == name).unwrap().result;
    assert_eq!(result("Velocity"), BehaviorResult::Positive);
    assert_eq!(result("New Geo-Location"), BehaviorResult::Positive);
    assert_eq!(result("New Country"), BehaviorResult::Positive);
    assert_eq!(result("New Device"), BehaviorResult::Negative);
    assert_eq!(result("New City"), BehaviorResult::BadRequest);
}

#[test]
fn behaviours_forget_what_okta_forgets() {
    let mut world = World::default();
    world.accept(&abroad(day(0)));
    let result = |world: &World, name: &str| {
        let judged = world.judge(&abroad(day(60)));
        judged.behaviors.iter().find(|b| b.name == name).unwrap().result
    };
    for day_number in 1..=9 {
        world.accept(&at_home(day(day_number)));
    }
    assert_eq!(result(&world, "New Country"), BehaviorResult::Negative);
    world.accept(&at_home(day(10)));
    assert_eq!(result(&world, "New Country"), BehaviorResult::Positive);
    assert_eq!(result(&world, "New IP"), BehaviorResult::Negative);
    assert_eq!(result(&World::default(), "New IP"), BehaviorResult::Unknown);
}

/// One behaviour by itself, with the settings that an administrator gave it.
#[test]
fn settings_steer_what_is_compared() {
    use BehaviorResult::{BadRequest, Negative, Positive, Unknown};
    let window = |most, least| EventWindow { most, least };
    let within = |radius_kilometers| BehaviorSettings::AnomalousLocation {
        window: window(20, 0),
        granularity: Granularity::LatLong { radius_kilometers },
    };
    let country = |most| BehaviorSettings::AnomalousLocation {
        window: window(most, 0),
        granularity: Granularity::Country,
    };
    let kph = |velocity_kph| BehaviorSettings::Velocity { velocity_kph };
    let place = |attempt: Attempt, (latitude, longitude): (i32, i32)| Attempt {
        place: Place {
            fix: Some(Fix {
                latitude,
                longitude,
                radius: 10,
            }),
            ..attempt.place
        },
        ..attempt
    };
    let mut world = World::default();
    world.accept(&abroad(day(0)));
    for day_number in 1..=5 {
        // Oslo, certain to ten kilometres.
        world.accept(&place(at_home(day(day_number)), (599_139, 107_522)));
    }
    // Bergen, three hundred kilometres and a day away.
    let bergen = place(at_home(day(6)), (603_913, 53_221));
    let nowhere = Attempt {
        place: Place::default(),
        ..abroad(day(6))
    };
    for (settings, attempt, want) in [
        (within(20), &bergen, Positive),
        (within(1_000), &bergen, Negative),
        (within(20), &nowhere, BadRequest),
        (kph(805), &bergen, Negative),
        (kph(1), &bergen, Positive),
        (kph(1), &nowhere, BadRequest),
        (country(6), &abroad(day(6)), Negative),
        (country(5), &abroad(day(6)), Positive),
        (BehaviorSettings::AnomalousIp(window(1, 0)), &bergen, Negative),
        (BehaviorSettings::AnomalousIp(window(20, 10)), &bergen, Unknown),
        (BehaviorSettings::AnomalousAsn(window(20, 0)), &nowhere, BadRequest),
        (BehaviorSettings::AnomalousAsn(window(5, 0)), &abroad(day(6)), Positive),
        (BehaviorSettings::AnomalousDevice(window(1, 6)), &bergen, Negative),
    ] {
        let path = Path::of(attempt, &SECRET);
        let one = behavior("bhv1", "One", settings);
        let got = behaviors(&[&one], &world.profile, attempt, &path);
        assert_eq!(got[0].result, want, "{settings:?}");
        assert_eq!(got[0].id.as_ref(), Some(&one.id));
    }
    let mut off = behavior("bhv1", "One", kph(1));
    off.status = Status::Inactive;
    assert_eq!(behaviors(&[&off], &world.profile, &bergen, &Path::of(&bergen, &SECRET)), []);
}

#[test]
fn a_token_of_a_trusted_application_says_more_than_a_header() {
    let with = |token: &str, at: Timestamp| Attempt {
        token: Some(token.to_owned()),
        ..at_home(at)
    };
    let mut world = World::default();
    for day_number in 0..10 {
        world.accept(&with("mine", day(day_number)));
    }
    let mine = world.judge(&with("mine", day(10))).verdict.evidence;
    let other = world.judge(&with("other", day(10))).verdict;
    assert!(other.evidence > mine + 3.0);
    assert_eq!(other.reasons(), ["New Device"]);
}

fn any_attempt() -> impl Strategy<Value = Attempt> {
    let place = (
        proptest::option::of(".{0,3}"),
        proptest::option::of(any::<u32>()),
        proptest::option::of((any::<i32>(), any::<i32>(), any::<u16>())),
    );
    let times = prop_oneof![any::<i64>(), 1_600_000_000_000_000_i64..1_700_000_000_000_000];
    (
        times,
        any::<std::net::IpAddr>(),
        place,
        ".{0,20}",
        proptest::option::of(".{0,8}"),
    )
        .prop_map(|(at, address, (country, asn, fix), header, token)| Attempt {
            at: Timestamp::from_micros(at),
            address,
            place: Place {
                country,
                asn,
                fix: fix.map(|(latitude, longitude, radius)| Fix {
                    latitude,
                    longitude,
                    radius,
                }),
                ..Place::default()
            },
            device: Device::given(&header, &header, "Linux", "desktop"),
            user_agent: header,
            token,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Absurd times, clocks that go back, absent data, any text: a number, a score, a bound.
    #[test]
    fn whatever_comes_a_verdict_is_one(
        attempts in proptest::collection::vec(any_attempt(), 1..30),
        failing in any::<u32>(), succeeding in any::<u32>(), milli_nats in any::<i64>(),
    ) {
        let mut world = World::default();
        world.windows.address = Tally { failing, succeeding };
        world.signals.causes = vec![Cause { of: Of::Device, detection: "d".to_owned(), milli_nats }; 3];
        for attempt in &attempts {
            let judged = world.judge(attempt);
            prop_assert!(judged.verdict.evidence.is_finite());
            prop_assert!(judged.verdict.evidence.abs() < 60.0);
            prop_assert!(judged.verdict.score <= 100);
            prop_assert!(serde_json::to_string(&judged.basis).is_ok());
            let delta = world.accept(attempt);
            let read = Profile::from_bytes(&world.profile.to_bytes());
            prop_assert_eq!(read.as_ref(), Ok(&world.profile));
            if attempts.len() % 3 == 0 {
                world.profile.remove(&delta);
            }
        }
    }

    #[test]
    fn more_evidence_never_means_fewer_points(one in -50.0..50.0_f64, more in 0.0..50.0_f64) {
        prop_assert!(score(one + more) >= score(one));
    }

    /// The more often a value was seen, the less it weighs; a new one weighs the more, the longer the
    /// history without it.
    #[test]
    fn a_level_is_monotone(
        seen in 0.0..500.0_f64, more in 0.0..500.0_f64, rest in 0.0..500.0_f64,
        g in 0.0..1_000.0_f64, b in 0.001..20.0_f64,
    ) {
        let level = |seen: f64, below: f64| LevelBasis {
            level: Level::Network,
            seen: Micro::from_real(seen),
            below: Micro::from_real(below),
            population: Micro::from_real(g),
            population_below: Micro::from_real(g + 100.0),
            children: 5,
            concentration: Micro::from_real(b),
            recent: true,
        };
        let below = seen + more + rest + 1.0;
        prop_assert!(level(seen + more, below).nats(MODEL_VERSION) <= level(seen, below).nats(MODEL_VERSION) + 1e-9);
        prop_assert!(level(0.0, below + more).nats(MODEL_VERSION) >= level(0.0, below).nats(MODEL_VERSION) - 1e-9);
        prop_assert!((-2.0..=8.0).contains(&level(seen, below).nats(MODEL_VERSION)));
        prop_assert!(level(0.0, 0.0).nats(MODEL_VERSION).abs() < 1e-12);
    }
}

#[test]
fn scores_cover_the_scale_and_end_at_its_ends() {
    let at = [-1e300, -6.0, 0.0, 1.33, 2.0, 3.39, 6.2, 1e300, f64::INFINITY];
    assert_eq!(at.map(score), [0, 1, 23, 40, 50, 70, 93, 100, 100]);
}
