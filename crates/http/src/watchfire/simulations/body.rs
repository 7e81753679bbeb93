//! Simulations over the wire.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::insight::simulations::{Change, Counts, Report, Side, Simulation};
use watchfire_model::time::Timestamp;

/// A simulation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Simulation)]
pub(super) struct SimulationBody {
    /// `sim…`
    id: String,
    /// `RUNNING`, `DONE`, `FAILED` or `CANCELLED`.
    status: &'static str,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    finished: Option<Timestamp>,
    /// When it is forgotten.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Its range, as it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// The end of it.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// How far it is.
    progress: ProgressBody,
    /// What would have changed, once it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<ResultBody>,
}

/// How far a simulation is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProgressBody {
    /// Records read.
    read: u64,
    /// Of the range, by time.
    percent: u8,
    /// The most that it has held in memory at one time, beside the result.
    most_held: HeldBody,
}

/// What is in memory at one time.
#[derive(Debug, Serialize, ToSchema)]
struct HeldBody {
    /// Records of sign-ins.
    records: usize,
    /// Sets of policies of one time.
    policies: usize,
}

/// What would have changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ResultBody {
    /// Sign-ins that were judged and decided again.
    compared: u64,
    /// Those that could not be.
    skipped: SkippedBody,
    /// Sign-ins with another decision.
    changed: u64,
    /// Sign-ins with another score, level, reason, policy or rule, whatever the decision.
    differing: u64,
    /// Counts by the decision that was and the one that would have been.
    #[schema(value_type = Object)]
    decisions: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// Counts by the level that was and the one that would have been.
    #[schema(value_type = Object)]
    levels: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// Whom it would have concerned.
    users: UsersBody,
    /// The first changed sign-ins.
    examples: Vec<ExampleBody>,
}

/// Sign-ins that could not be decided again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SkippedBody {
    /// Their records are of another version of the model's formulas.
    other_version: u64,
    /// The policies of their time are not kept.
    without_policies: u64,
}

/// Whom it would have concerned.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UsersBody {
    /// Users with a changed sign-in, as far as they are counted.
    affected: usize,
    /// Changed sign-ins of users beyond those.
    of_others: u64,
    /// Those with the most, at most `limit`.
    most: Vec<UserBody>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
struct UserBody {
    /// Its id.
    id: String,
    /// The name that it signed in with.
    login: String,
    /// Changed sign-ins.
    changed: u64,
    /// Of these, those with a second factor more, or a refusal.
    stricter: u64,
}

/// A changed sign-in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExampleBody {
    /// `sgn…`
    sign_in: String,
    /// Whose.
    user_id: String,
    /// The name that was typed.
    login: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// As it was.
    before: SideBody,
    /// As it would have been.
    after: SideBody,
    /// The factors that would have weighed otherwise, in points of the score.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    factors: Vec<FactorBody>,
}

/// What became of a sign-in.
#[derive(Debug, Serialize, ToSchema)]
struct SideBody {
    /// `ALLOW`, `CHALLENGE` or `DENY`.
    decision: &'static str,
    /// 0 to 100.
    score: u8,
    /// `LOW`, `MEDIUM` or `HIGH`.
    level: &'static str,
    /// Why, most important first.
    reasons: Vec<String>,
    /// The name of the policy.
    policy: Option<String>,
    /// The name of its rule.
    rule: Option<String>,
}

/// A factor that weighs otherwise.
#[derive(Debug, Serialize, ToSchema)]
struct FactorBody {
    /// Which.
    factor: String,
    /// By how many points the score was higher for it.
    before: i64,
    /// By how many points it would have been.
    after: i64,
}

impl SimulationBody {
    pub(super) fn new(simulation: &Simulation) -> Self {
        Self {
            result: simulation.report.as_deref().map(|report| result(report, simulation.limit)),
            ..Self::without_result(simulation)
        }
    }

    pub(super) fn without_result(simulation: &Simulation) -> Self {
        Self {
            id: simulation.id.clone(),
            status: simulation.status.as_str(),
            created: simulation.created,
            finished: simulation.finished,
            expires_at: simulation.expires_at,
            since: simulation.since,
            until: simulation.until,
            progress: ProgressBody {
                read: simulation.read,
                percent: simulation.percent,
                most_held: HeldBody {
                    records: simulation.most_held.records,
                    policies: simulation.most_held.policies,
                },
            },
            result: None,
        }
    }
}

fn result(report: &Report, limit: usize) -> ResultBody {
    let most = report.most_affected(limit).into_iter().map(|(id, user)| UserBody {
        id: id.to_string(),
        login: user.login.clone(),
        changed: user.changed,
        stricter: user.stricter,
    });
    ResultBody {
        compared: report.compared,
        skipped: SkippedBody {
            other_version: report.other_version,
            without_policies: report.without_policies,
        },
        changed: report.changed,
        differing: report.differing,
        decisions: matrix(&report.decisions),
        levels: matrix(&report.levels),
        users: UsersBody {
            affected: report.affected,
            of_others: report.of_other_users,
            most: most.collect(),
        },
        examples: report.examples.iter().map(example).collect(),
    }
}

fn matrix(counts: &Counts<&'static str>) -> BTreeMap<&'static str, BTreeMap<&'static str, u64>> {
    let mut rows: BTreeMap<&'static str, BTreeMap<&'static str, u64>> = BTreeMap::new();
    for ((was, would_be), count) in counts {
        rows.entry(was).or_default().insert(would_be, *count);
    }
    rows
}

fn example(change: &Change) -> ExampleBody {
    let factors = change.factors.iter().map(|(factor, before, after)| FactorBody {
        factor: factor.clone(),
        before: *before,
        after: *after,
    });
    ExampleBody {
        sign_in: change.id.to_string(),
        user_id: change.user.to_string(),
        login: change.login.clone(),
        at: change.at,
        before: side(&change.before),
        after: side(&change.after),
        factors: factors.collect(),
    }
}

fn side(side: &Side) -> SideBody {
    SideBody {
        decision: side.decision.as_str(),
        score: side.score,
        level: side.level.as_str(),
        reasons: side.reasons.clone(),
        policy: side.policy.clone(),
        rule: side.rule.clone(),
    }
}
