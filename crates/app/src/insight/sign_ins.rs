//! The records of sign-ins.

use serde_json::{Value, json};
use watchfire_domain::{
    sign_in::{recorded_assessment, recorded_basis},
    simulation::rules_again,
};
use watchfire_engine::{Assessment, model::FloorRule, policy::PolicySet};
use watchfire_model::{
    id::{SignInId, UserId},
    object::{Kind, PolicySnapshot, RuleOutcome, SignInRecord},
    signal::RiskLevel,
    time::Timestamp,
};
use watchfire_store::index::RangeQuery;

use crate::{App, Error, Result, access::Principal, identity::evaluation::LATE, reads::Listed};

/// The scope that reads them.
pub const READ: &str = "watchfire.signIns.read";

/// Records that are read at one time where none of the page before was of the range.
const PASSED_OVER: u32 = 200;

/// A recorded verdict computed again.
#[derive(Clone, Debug)]
pub struct Recomputed {
    /// What the numbers come to.
    pub assessment: Assessment,
    /// The weight of all evidence, in nats.
    pub evidence: f64,
    /// The rules that the verdict may not fall below, and their levels.
    pub floors: Vec<(&'static str, RiskLevel)>,
    /// From which scores on it is MEDIUM and HIGH.
    pub thresholds: (u8, u8),
    /// The version of the formulas.
    pub version: u16,
    /// Whether that is what was recorded.
    pub matches: bool,
}

/// Computes a recorded verdict again; `None` when its numbers are of another version of the model.
pub fn recomputed(record: &SignInRecord) -> Option<Recomputed> {
    let basis = recorded_basis(record)?;
    let assessment = recorded_assessment(record)?;
    let verdict = basis.verdict();
    let risk = &record.risk;
    let floors = verdict.floors.iter().map(|floor| {
        let rule = match floor.rule {
            FloorRule::ColdStart => "cold_start",
            FloorRule::UnderAttack => "under_attack",
            FloorRule::Provider(_) => "level_floor",
        };
        (rule, floor.level)
    });
    Some(Recomputed {
        floors: floors.collect(),
        evidence: verdict.evidence,
        thresholds: (basis.settings.medium, basis.settings.high),
        version: basis.version,
        matches: (assessment.score, assessment.level, &assessment.reasons) == (risk.score, risk.level, &risk.reasons),
        assessment,
    })
}

/// The rules that were asked of a sign-in.
#[derive(Clone, Debug)]
pub struct RulesAsked {
    /// How many.
    pub count: usize,
    /// Each, in order, with what its conditions asked and got. Where the policies of its time are gone, what the
    /// record says of the last of them: whether they matched, or the first condition that did not hold.
    pub rules: Vec<Value>,
    /// Whether the policies of its time have been asked again, and come to what the record says.
    pub recomputed: bool,
}

/// Which records a page is taken from.
#[derive(Clone, Debug, Default)]
pub struct SignInQuery {
    /// Only this user's.
    pub user: Option<UserId>,
    /// Only those of then or later.
    pub since: Option<Timestamp>,
    /// Only those before that.
    pub until: Option<Timestamp>,
    /// The newest first.
    pub descending: bool,
    /// Begin behind this one.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
}

impl App {
    /// A page of records of a range of time, in the order in which they were written.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope; `E0000029` for an `after` that is no place.
    pub async fn sign_in_records(&self, caller: &Principal, query: SignInQuery) -> Result<Listed<SignInRecord>> {
        caller.require(READ)?;
        self.sign_ins_between(query).await
    }

    /// The record with `id`.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope; [`Error::NotFound`].
    pub async fn sign_in_record(&self, caller: &Principal, id: &str) -> Result<SignInRecord> {
        caller.require(READ)?;
        let found = self.get::<SignInRecord>(id).await?;
        found.ok_or_else(|| Error::not_found(id, "SignIn"))
    }

    /// The rules that were asked of a sign-in, by the policies of its time.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope.
    pub async fn rules_asked(&self, caller: &Principal, record: &SignInRecord) -> Result<RulesAsked> {
        caller.require(READ)?;
        let asked = &record.asked;
        let kept = self.get::<PolicySnapshot>(&asked.revision).await?;
        let again = kept.and_then(|kept| rules_again(record, &PolicySet::of(&kept)));
        let rules = match (&again, &asked.explanation) {
            (Some(again), _) => again.iter().map(|rule| json!(rule)).collect(),
            (None, Value::Array(old)) => old.clone(),
            (None, _) => asked.outcomes.iter().map(outcome).collect(),
        };
        Ok(RulesAsked {
            count: asked.rules(),
            rules,
            recomputed: again.is_some(),
        })
    }

    /// [`Self::sign_in_records`] for those who have their own scope. Records are found by when they were written,
    /// up to [`LATE`] after the time of their sign-in. A page may have fewer, but none is empty that is not the last.
    pub(crate) async fn sign_ins_between(&self, query: SignInQuery) -> Result<Listed<SignInRecord>> {
        let (since, until) = (query.since, query.until);
        let is_between = |at: Timestamp| since.is_none_or(|since| at >= since) && until.is_none_or(|until| at < until);
        let mut query = SignInQuery {
            until: until.map(|until| until.plus(LATE)),
            ..query
        };
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        loop {
            let mut page = self.recorded_sign_ins(query.clone()).await?;
            page.items.retain(|record| is_between(record.at));
            if page.items.len() > limit {
                page.items.truncate(limit);
                page.next = page.items.last().map(|last| last.id.to_string());
            }
            if page.next.is_none() || !page.items.is_empty() {
                return Ok(page);
            }
            query.after = page.next;
            query.limit = query.limit.max(PASSED_OVER);
        }
    }

    /// A page of records by when they were written: each is in one range and in no other, whenever it is asked.
    pub(crate) async fn recorded_sign_ins(&self, query: SignInQuery) -> Result<Listed<SignInRecord>> {
        self.page_in_order(range(&query)?, query.limit, |it: &SignInRecord| it.id.as_str())
            .await
    }
}

/// In the form of what is computed again, as far as it is known.
fn outcome(it: &RuleOutcome) -> Value {
    let conditions: Vec<Value> = it.no.iter().map(|no| json!({"condition": no, "result": false})).collect();
    json!({"id": it.id, "matched": it.no.is_none(), "conditions": conditions})
}

fn range(query: &SignInQuery) -> Result<RangeQuery> {
    let first = |at: Timestamp| SignInId::first_at(at).as_str().to_owned();
    let (mut from, mut until) = (
        first(query.since.unwrap_or_default()),
        // `~` is behind every digit.
        query.until.map_or_else(|| format!("{}~", SignInId::PREFIX), first),
    );
    if let Some(after) = &query.after {
        let is_one = after.starts_with(SignInId::PREFIX) && after.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_one {
            return Err(Error::catalogued("E0000029", Vec::new()));
        }
        if query.descending {
            until = until.min(after.clone());
        } else {
            from = from.max(format!("{after}0"));
        }
    }
    Ok(RangeQuery {
        kind: Kind::SignInRecord,
        parent: query.user.as_ref().map(ToString::to_string),
        from,
        until,
        descending: query.descending,
        limit: 0,
    })
}

#[cfg(test)]
mod tests {
    use watchfire_model::id::RuleId;

    use super::*;

    #[test]
    fn an_outcome_says_what_is_known_of_it() {
        let of = |no: Option<&str>| {
            outcome(&RuleOutcome {
                id: RuleId::new("0pr1"),
                no: no.map(str::to_owned),
            })
        };
        assert_eq!(of(None), json!({"id": "0pr1", "matched": true, "conditions": []}));
        assert_eq!(
            of(Some("network")),
            json!({"id": "0pr1", "matched": false, "conditions": [{"condition": "network", "result": false}]})
        );
    }
}
