use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use watchfire_engine::{
    model::{Attempt, HashKey, Micro, Path, Place, Population, Settings, Tally, Windows},
    policy::PolicySet,
    user_agent::Device,
};
use watchfire_model::{
    id::{GroupId, IdSource, PolicyId, ReceiptId, RiskProviderId, RuleId, UserId},
    log::{Actor, RequestOrigin},
    object::{
        Access, Kind, NetworkCondition, NetworkConnection, Object, Policy, PolicyDraft, PolicySnapshot, ProviderAction,
        RiskProvider, RiskScoreLevel, Rule, RuleConditions, RuleDraft, RuleMode, SignInRecord, SignInState, SignInVerdict,
        SignOnAction, Status, User, UserStatus, ZoneDraft, ZoneEntry, ZoneUsage,
    },
    row::{Decision, Row},
    signal::{IpSignal, ProviderSignal, RiskLevel},
    slice::{Need, Slice},
    time::Timestamp,
};

use super::*;
use crate::{
    Rejection,
    behavior::EnsureBehaviors,
    bootstrap::{Bootstrap, NewSigningKey},
    command::{Command, Context, HookSubscriptions},
    policy_rule::{CreateRule, DeleteRule, SetRuleStatus},
    sign_in::{Checked, Client, Sighting, SignIn, recorded_delta},
    zone::CreateZone,
};

const HASH: &str = "$argon2id$1";
const SECRET: [u8; 16] = [7; 16];
const LIMITS: ReportLimits = ReportLimits {
    examples: 5,
    users: 1_000,
};

const STEPS: u32 = 50_000;
const RULES_KEPT: usize = 2;

struct Ids(u32);

impl IdSource for Ids {
    fn next_id(&mut self, prefix: &str) -> String {
        self.0 += 1;
        format!("{prefix}{:08}", self.0)
    }

    fn next_uuid(&mut self) -> String {
        self.next_id("uuid")
    }
}

/// An organisation whose state changes by commands alone.
struct World {
    slice: Slice,
    now: Timestamp,
    ids: Ids,
    population: Population,
    records: Vec<SignInRecord>,
    dice: u64,
}

/// What sign-ins and administrators look at; sessions and the like are of no use here.
const KEPT: [Kind; 12] = [
    Kind::Org,
    Kind::BehaviorRule,
    Kind::RiskProvider,
    Kind::User,
    Kind::Group,
    Kind::Membership,
    Kind::SignInProfile,
    Kind::Policy,
    Kind::Rule,
    Kind::Zone,
    Kind::PolicySnapshot,
    Kind::EntityRiskPolicy,
];

impl World {
    fn new(users: u32) -> Self {
        let mut world = Self {
            slice: Slice::default(),
            now: Timestamp::from_seconds(1_800_000_000),
            ids: Ids(0),
            population: Population::default(),
            records: Vec::new(),
            dice: 4,
        };
        let signing_key = NewSigningKey {
            kid: "kid".to_owned(),
            public_jwk: serde_json::Value::Null,
            sealed_private: String::new(),
        };
        let first_start = Bootstrap {
            token_hash: "hash".to_owned(),
            signing_key,
        };
        let started = world.run(&first_start);
        assert!(started.is_ok());
        assert!(world.run(&EnsureBehaviors).is_ok());
        for number in 0..users {
            world.slice.insert(user(number).into());
        }
        world
    }

    fn run<C: Command>(&mut self, command: &C) -> Result<C::Outcome, Rejection> {
        self.now = self.now.plus(Duration::from_millis(1_501));
        let decided = command.decide(
            &self.slice,
            &mut Context {
                now: self.now,
                ids: &mut self.ids,
                hooks: &HookSubscriptions::new(),
            },
        );
        self.put(&decided.decision);
        decided.outcome
    }

    fn put(&mut self, decision: &Decision) {
        for row in &decision.rows {
            match row {
                Row::Put(object) if KEPT.contains(&object.kind()) => self.slice.insert(object.clone()),
                Row::Delete { .. } => self.slice.overlay(&KEPT.map(Need::All), decision),
                _ => {}
            }
            let Row::Put(Object::SignInRecord(record)) = row else {
                continue;
            };
            if let Some(delta) =
                recorded_delta(record).filter(|_| record.lesson.as_ref().is_some_and(|it| it.learnt_at.is_some()))
            {
                self.population.apply(&delta);
            }
            self.records.push((**record).clone());
        }
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % sides
    }

    /// Somebody signs in: mostly from home, sometimes from elsewhere, with and without a provider's word.
    fn sign_in(&mut self, users: u64) {
        let user = u32::try_from(self.roll(users)).unwrap();
        let away = self.roll(12) == 0;
        let network = if away { self.roll(40) } else { u64::from(user) % 40 };
        let address = IpAddr::from([203, 0, u8::try_from(network).unwrap(), u8::try_from(user % 200).unwrap()]);
        let agents = [
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "curl/8.0",
            "",
        ];
        let agent = agents[if away { usize::try_from(self.roll(3)).unwrap() } else { 0 }];
        let provider = self.slice.all::<RiskProvider>()[0].id.clone();
        let word = (self.roll(6) == 0).then(|| self.word(&provider, address));
        let attempt = Attempt {
            at: self.now,
            address,
            place: Place {
                country: Some(if network < 20 { "DE" } else { "FR" }.to_owned()),
                asn: Some(64_500 + u32::try_from(network).unwrap()),
                ..Place::default()
            },
            device: Device::parse(agent),
            user_agent: agent.to_owned(),
            token: None,
        };
        let path = Path::of(&attempt, &HashKey::new(SECRET));
        let failing = u32::try_from(self.roll(9)).unwrap();
        let seen = Sighting {
            device: None,
            population: self.population.around(&path),
            path,
            attempt,
            windows: Windows {
                address: Tally { failing, succeeding: 1 },
                ..Windows::default()
            },
            signals: word.into_iter().collect(),
            settings: Settings::default(),
        };
        // Refusals are as good as the rest.
        let _ = self.run(&sign_in(user, seen));
    }

    fn word(&mut self, provider: &RiskProviderId, ip: IpAddr) -> ProviderSignal {
        let level = [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High][usize::try_from(self.roll(3)).unwrap()];
        ProviderSignal {
            provider: provider.clone(),
            receipt: Arc::new(ReceiptId::new("rcp1")),
            received_at: self.now,
            signal: IpSignal {
                ip,
                level,
                message: None,
                observed_at: None,
                expires_at: self.now.plus(Duration::from_secs(86_400)),
            },
        }
    }

    fn provider_does(&mut self, action: ProviderAction) {
        let provider = self.slice.all::<RiskProvider>()[0].clone();
        self.slice.insert(RiskProvider { action, ..provider }.into());
    }

    fn default_policy(&self) -> PolicyId {
        let policies = self.slice.all::<Policy>();
        policies.into_iter().find(|policy| policy.system).unwrap().id.clone()
    }

    fn create_rule(&mut self, draft: RuleDraft) -> Rule {
        let command = CreateRule {
            policy_id: self.default_policy(),
            draft,
            actor: admin(),
            origin: RequestOrigin::default(),
        };
        self.run(&command).unwrap()
    }

    /// Replays everything by what was kept of its time.
    fn unchanged(&self) -> Report {
        let mut report = Report::new(LIMITS);
        for record in &self.records {
            let kept = self.slice.get::<PolicySnapshot>(&record.asked.revision).unwrap();
            let record = stored(record);
            let replayed = replay(&record, &PolicySet::of(kept), false, &Changes::default()).unwrap();
            // All that the rules asked and got, though the record holds little of it.
            assert!(record.asked.outcomes.len() <= RULES_KEPT);
            assert_eq!(
                rules_again(&record, &PolicySet::of(kept)),
                Some(replayed.evaluation.explanation.clone())
            );
            report.add(&record, &replayed);
        }
        report
    }

    fn drafted(&self, draft: &Draft, changes: &Changes) -> Report {
        let laid = draft.lay_over(self.slice.clone(), &admin(), self.now, STEPS).unwrap();
        let mut report = Report::new(LIMITS);
        for record in &self.records {
            report.add(record, &replay(record, &PolicySet::of(&laid), true, changes).unwrap());
        }
        report
    }
}

/// A record as the store gives it back.
fn stored(record: &SignInRecord) -> SignInRecord {
    let document = Object::from(record.clone()).to_document().unwrap();
    match Object::from_document(Kind::SignInRecord, &document).unwrap() {
        Object::SignInRecord(record) => *record,
        other => panic!("{other:?}"),
    }
}

fn admin() -> Actor {
    Actor::user("00u00000000000000001", "admin@example.com", "An Administrator")
}

fn user(number: u32) -> User {
    let since = Timestamp::from_seconds(1_700_000_000);
    User {
        id: UserId::new(format!("00u{number:04}")),
        login: format!("user{number}@example.com"),
        profile: serde_json::Map::new(),
        status: UserStatus::Active,
        password_hash: Some(HASH.to_owned()),
        administrator: false,
        created: since,
        activated: Some(since),
        status_changed: Some(since),
        last_login: None,
        last_updated: since,
        password_changed: Some(since),
    }
}

fn sign_in(number: u32, seen: Sighting) -> SignIn {
    SignIn {
        login: format!("user{number}@example.com"),
        user_id: Some(UserId::new(format!("00u{number:04}"))),
        password: Checked::Right(HASH.to_owned()),
        seen,
        client: Client::default(),
        application: None,
        kept_for: Duration::from_secs(90 * 86_400),
        expression_steps: STEPS,
        rules_kept: RULES_KEPT,
        session_token_hash: "session".to_owned(),
        state_token_hash: "state".to_owned(),
        relay_state: None,
        guard: crate::entity_risk::GuardLimits::default(),
        origin: RequestOrigin::default(),
    }
}

fn rule(name: &str, level: RiskScoreLevel, access: Access, require_factor: bool) -> RuleDraft {
    RuleDraft {
        name: name.to_owned(),
        status: None,
        priority: Some(1),
        conditions: RuleConditions {
            risk_score: Some(level),
            ..RuleConditions::default()
        },
        action: SignOnAction {
            access,
            require_factor,
            ..SignOnAction::default()
        },
        mode: RuleMode::default(),
    }
}

fn zone(name: &str, net: &str) -> ZoneDraft {
    ZoneDraft {
        name: name.to_owned(),
        usage: ZoneUsage::Policy,
        status: None,
        gateways: vec![ZoneEntry::Cidr(net.parse().unwrap())],
        proxies: None,
        dynamic: None,
    }
}

fn in_zone(id: &str) -> NetworkCondition {
    NetworkCondition {
        connection: NetworkConnection::Zone,
        include: vec![id.to_owned()],
        exclude: Vec::new(),
    }
}

/// An organisation that changes its policies, zones and providers while people sign in.
fn a_range(sign_ins: usize) -> World {
    let users = 60;
    let mut world = World::new(users);
    let mut rules: Vec<Rule> = Vec::new();
    for number in 0..sign_ins {
        match number * 8 / sign_ins {
            _ if number % (sign_ins / 8).max(1) != 0 => {}
            1 => rules.push(world.create_rule(rule("High", RiskScoreLevel::High, Access::Deny, false))),
            2 => rules.push(world.create_rule(rule("Medium", RiskScoreLevel::Medium, Access::Allow, true))),
            3 => world.provider_does(ProviderAction::EnforceAndLog),
            4 => {
                let command = CreateZone {
                    draft: zone("Office", "203.0.0.0/20"),
                    actor: admin(),
                    origin: RequestOrigin::default(),
                    place: Place::default(),
                };
                let office = world.run(&command).unwrap();
                let mut inside = rule("Inside", RiskScoreLevel::Any, Access::Allow, false);
                inside.conditions.network = in_zone(office.id.as_str());
                inside.conditions.behaviors = vec!["New IP".to_owned()];
                rules.push(world.create_rule(inside));
            }
            5 => {
                let command = SetRuleStatus {
                    policy_id: world.default_policy(),
                    id: rules[0].id.clone(),
                    status: Status::Inactive,
                    actor: admin(),
                    origin: RequestOrigin::default(),
                };
                world.run(&command).unwrap();
            }
            6 => {
                let command = DeleteRule {
                    policy_id: world.default_policy(),
                    id: rules[1].id.clone(),
                    actor: admin(),
                    origin: RequestOrigin::default(),
                };
                world.run(&command).unwrap();
            }
            7 => world.provider_does(ProviderAction::LogOnly),
            _ => {}
        }
        world.sign_in(u64::from(users));
    }
    world
}

#[test]
fn ten_thousand_sign_ins_are_decided_again_as_they_were_while_policies_changed() {
    let world = a_range(10_000);
    assert_eq!(world.records.len(), 10_000);
    let report = world.unchanged();
    assert_eq!(report.compared, 10_000);
    assert_eq!((report.changed, report.differing), (0, 0), "{:#?}", report.examples.first());
    // The range is worth replaying: every decision is in it, by several states of the policies.
    assert_eq!(report.decisions.len(), 3, "{:?}", report.decisions);
    assert!(report.levels.len() == 3, "{:?}", report.levels);
    assert_eq!(world.slice.all::<PolicySnapshot>().len(), 6);
}

#[test]
fn a_record_is_small_however_many_rules_are_asked() {
    let mut world = World::new(1);
    let first = world.create_rule(rule("Rule 0", RiskScoreLevel::High, Access::Deny, false));
    for number in 1..500 {
        let rule = Rule {
            id: RuleId::new(format!("0pr{number:017}")),
            name: format!("Rule {number}"),
            conditions: RuleConditions {
                included_groups: vec![GroupId::new(format!("00g{number:017}"))],
                ..RuleConditions::default()
            },
            ..first.clone()
        };
        world.slice.insert(rule.into());
    }
    world.slice.insert(
        Rule {
            status: Status::Inactive,
            ..first
        }
        .into(),
    );
    world.sign_in(1);
    let record = stored(world.records.last().unwrap());
    let asked = &record.asked;
    assert_eq!((asked.rules(), asked.outcomes.len()), (500, RULES_KEPT));
    assert_eq!(asked.outcomes[0].no.as_deref(), Some("people"));
    assert_eq!(asked.outcomes[1].no, None, "the one that decided");
    let size = serde_json::to_vec(&record).unwrap().len();
    assert!(size < 4_096, "{size}");
    let kept = world.slice.get::<PolicySnapshot>(&asked.revision).unwrap();
    let again = rules_again(&record, &PolicySet::of(kept)).unwrap();
    assert_eq!(again.len(), 500);
    assert!(again.iter().all(|rule| rule.conditions.len() > 5));
    // Other policies do not come to what was recorded.
    assert_eq!(rules_again(&record, &PolicySet::default()), None);
}

#[test]
fn policies_are_kept_once_a_change() {
    let mut world = World::new(4);
    let kept = |world: &World| world.slice.all::<PolicySnapshot>().len();
    (0..20).for_each(|_| world.sign_in(4));
    assert_eq!(kept(&world), 1);
    let until = world.slice.all::<PolicySnapshot>()[0].expires_at;
    assert!(world.records.iter().all(|record| record.expires_at <= until));
    world.create_rule(rule("High", RiskScoreLevel::High, Access::Deny, false));
    (0..20).for_each(|_| world.sign_in(4));
    assert_eq!(kept(&world), 2);
    // A record must not outlive the policies that it names.
    world.now = until;
    world.sign_in(4);
    let last = world.records.last().unwrap();
    let named = world.slice.get::<PolicySnapshot>(&last.asked.revision).unwrap();
    assert!(named.expires_at >= last.expires_at);
}

#[test]
fn what_was_learnt_ended_or_disowned_since_changes_nothing() {
    let mut world = a_range(200);
    for record in &mut world.records {
        record.state = SignInState::NotMe;
        record.lesson = None;
    }
    let users: Vec<String> = (0..60).map(|number| user(number).id.to_string()).collect();
    let mut forgotten = Decision::new();
    users.iter().for_each(|id| forgotten.delete(Kind::SignInProfile, id.as_str()));
    world.slice.overlay(&KEPT.map(Need::All), &forgotten);
    world.provider_does(ProviderAction::None);
    let report = world.unchanged();
    assert_eq!((report.compared, report.differing), (200, 0));
}

#[test]
fn a_draft_that_refuses_high_changes_exactly_the_sign_ins_that_were_high() {
    let mut world = World::new(20);
    (0..400).for_each(|_| world.sign_in(20));
    let high = world.records.iter().filter(|it| it.risk.level == RiskLevel::High);
    let mut of_user: BTreeMap<&UserId, u64> = BTreeMap::new();
    high.for_each(|record| *of_user.entry(&record.user_id).or_default() += 1);
    let expected: u64 = of_user.values().sum();
    assert!(expected > 10, "{expected}");

    let draft = Draft {
        rules: vec![(
            None,
            Drafted {
                id: None,
                draft: rule("Refuse HIGH", RiskScoreLevel::High, Access::Deny, false),
            },
        )],
        ..Draft::default()
    };
    let report = world.drafted(&draft, &Changes::default());
    assert_eq!((report.compared, report.changed), (400, expected));
    assert_eq!(report.decisions.get(&("ALLOW", "DENY")), Some(&expected));
    assert_eq!(report.decisions.get(&("ALLOW", "ALLOW")), Some(&(400 - expected)));
    assert!(report.levels.keys().all(|(was, would_be)| was == would_be));
    let users: BTreeMap<&UserId, u64> = report.users.iter().map(|(id, it)| (id, it.changed)).collect();
    assert_eq!(users, of_user);
    let example = &report.examples[0];
    assert_eq!(example.before.rule.as_deref(), Some("Default Rule"));
    assert_eq!(example.after.rule.as_deref(), Some("Refuse HIGH"));
    assert_eq!(example.after.decision, SignInVerdict::Deny);
    assert!(example.factors.is_empty());
}

#[test]
fn thresholds_and_trust_change_levels_from_the_recorded_numbers() {
    let mut world = World::new(20);
    world.provider_does(ProviderAction::EnforceAndLog);
    (0..300).for_each(|_| world.sign_in(20));
    world.create_rule(rule("High", RiskScoreLevel::High, Access::Deny, false));
    (0..100).for_each(|_| world.sign_in(20));
    let provider = world.slice.all::<RiskProvider>()[0].id.to_string();

    let lenient = Changes {
        medium: Some(99),
        high: Some(100),
        ..Changes::default()
    };
    let report = world.drafted(&Draft::default(), &lenient);
    let fell = |counts: &Counts<&'static str>| counts.keys().any(|(was, is)| (*was, *is) == ("HIGH", "LOW"));
    assert!(fell(&report.levels), "{:?}", report.levels);

    let silent = Changes {
        providers: BTreeMap::from([(
            provider.clone(),
            ProviderChange {
                trust: None,
                action: Some(ProviderAction::None),
            },
        )]),
        ..Changes::default()
    };
    let report = world.drafted(&Draft::default(), &silent);
    assert!(report.changed > 0);
    let told = report.examples.iter().flat_map(|it| &it.factors);
    assert!(
        told.clone().any(|(name, ..)| name == "providers" || name == "level_floor"),
        "{told:?}"
    );

    let distrusted = Changes {
        providers: BTreeMap::from([(
            provider,
            ProviderChange {
                trust: Some(Micro::from_real(0.0)),
                action: None,
            },
        )]),
        ..Changes::default()
    };
    assert!(world.drafted(&Draft::default(), &distrusted).differing > 0);
}

#[test]
fn one_threshold_pushes_the_other_and_never_crosses_it() {
    let mut world = World::new(1);
    world.sign_in(1);
    let basis = crate::sign_in::recorded_basis(&world.records[0]).unwrap();
    for (medium, high, expected) in [
        (None, None, (40, 70)),
        (Some(80), None, (80, 80)),
        (None, Some(30), (30, 30)),
        (Some(10), Some(90), (10, 90)),
    ] {
        let changes = Changes {
            medium,
            high,
            ..Changes::default()
        };
        let mut changed = basis.clone();
        changes.apply(&mut changed);
        assert_eq!((changed.settings.medium, changed.settings.high), expected);
    }
}

#[test]
fn drafts_name_each_other_before_they_are_made() {
    let mut world = World::new(20);
    (0..100).for_each(|_| world.sign_in(20));
    let mut inside = rule("From the office", RiskScoreLevel::Any, Access::Deny, false);
    inside.conditions.network = in_zone("office");
    let draft = Draft {
        zones: vec![Drafted {
            id: Some("office".to_owned()),
            draft: zone("Office", "203.0.0.0/16"),
        }],
        policies: vec![Drafted {
            id: Some("strict".to_owned()),
            draft: PolicyDraft {
                name: "Strict".to_owned(),
                description: None,
                status: None,
                priority: Some(1),
                groups: Vec::new(),
            },
        }],
        rules: vec![(Some("strict".to_owned()), Drafted { id: None, draft: inside })],
    };
    let report = world.drafted(&draft, &Changes::default());
    assert_eq!(report.decisions.get(&("ALLOW", "DENY")), Some(&100));
    assert_eq!(report.examples[0].after.policy.as_deref(), Some("Strict"));
}

#[test]
fn a_drafted_blocklist_refuses_before_any_rule() {
    let mut world = World::new(20);
    (0..50).for_each(|_| world.sign_in(20));
    let blocked = ZoneDraft {
        usage: ZoneUsage::Blocklist,
        ..zone("Bad", "203.0.0.0/16")
    };
    let draft = Draft {
        zones: vec![Drafted {
            id: None,
            draft: blocked,
        }],
        ..Draft::default()
    };
    let report = world.drafted(&draft, &Changes::default());
    assert_eq!(report.decisions.get(&("ALLOW", "DENY")), Some(&50));
    assert_eq!(report.examples[0].after.rule.as_deref(), Some("Blocklist zone 'Bad'"));
}

#[test]
fn a_draft_is_refused_as_its_command_would() {
    let world = World::new(1);
    let named = |id: Option<&str>, draft: RuleDraft| {
        let id = id.map(str::to_owned);
        (None, Drafted { id, draft })
    };
    let high = || rule("High", RiskScoreLevel::High, Access::Deny, false);
    let unknown_zone = RuleDraft {
        conditions: RuleConditions {
            network: in_zone("nzo404"),
            ..RuleConditions::default()
        },
        ..rule("Zone", RiskScoreLevel::Any, Access::Deny, false)
    };
    let cases = [
        (vec![named(None, high()), named(None, high())], "rules[1]"),
        (vec![named(None, unknown_zone)], "rules[0]"),
        (
            vec![(Some("00p404".to_owned()), Drafted { id: None, draft: high() })],
            "rules[0]",
        ),
    ];
    for (rules, member) in cases {
        let draft = Draft {
            rules,
            ..Draft::default()
        };
        let fault = draft.lay_over(world.slice.clone(), &admin(), world.now, STEPS).unwrap_err();
        assert_eq!(fault.member, member, "{fault}");
    }
}

#[test]
fn a_report_is_as_small_as_its_limits_say_however_many_sign_ins() {
    let mut world = World::new(60);
    (0..300).for_each(|_| world.sign_in(60));
    let draft = Draft {
        rules: vec![(
            None,
            Drafted {
                id: None,
                draft: rule("Nobody", RiskScoreLevel::Any, Access::Deny, false),
            },
        )],
        ..Draft::default()
    };
    let laid = draft.lay_over(world.slice.clone(), &admin(), world.now, STEPS).unwrap();
    let mut report = Report::new(ReportLimits { examples: 3, users: 7 });
    for record in &world.records {
        report.add(
            record,
            &replay(record, &PolicySet::of(&laid), true, &Changes::default()).unwrap(),
        );
    }
    assert_eq!((report.examples.len(), report.users.len()), (3, 7));
    let counted: u64 = report.users.values().map(|user| user.changed).sum();
    assert_eq!((report.changed, counted + report.of_other_users), (300, 300));
    let most: Vec<UserId> = report.most_affected(2).into_iter().map(|(id, _)| id.clone()).collect();
    let settled = report.settled(2);
    assert_eq!((settled.affected, settled.changed, settled.examples.len()), (7, 300, 3));
    assert_eq!(settled.users.into_keys().collect::<BTreeSet<_>>(), most.into_iter().collect());
}
