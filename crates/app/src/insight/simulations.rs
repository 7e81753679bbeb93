//! Simulations: recorded sign-ins, decided again by other policies, thresholds or providers. Nothing that a
//! simulation does changes anything, so it is no command; its result is kept in memory for a while.

mod job;
mod run;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use watchfire_domain::simulation::ReportLimits;
pub use watchfire_domain::simulation::{Change, Changes, Counts, Draft, Drafted, ProviderChange, Report, Side};
pub use watchfire_engine::model::Micro;
use watchfire_model::{
    object::{PolicySnapshot, RiskProvider},
    slice::{Need, Slice},
    time::Timestamp,
};

pub use self::job::SimulationStatus;
use self::job::{Job, Policies};
use crate::{App, Error, Result, access::Principal, entropy::base62};

/// The scope that reads simulations.
pub const READ: &str = "watchfire.simulations.read";
/// The scope that starts and ends them.
pub const MANAGE: &str = "watchfire.simulations.manage";

/// Named limits of simulations.
#[derive(Clone, Copy, Debug)]
pub struct SimulationLimits {
    /// How many run at one time.
    pub running: usize,
    /// How many are kept at one time; the oldest that is over goes first.
    pub kept: usize,
    /// How long the result of one is kept.
    pub kept_for: Duration,
    /// Users whose changed sign-ins one counts each; the others' are counted together.
    pub users: usize,
    /// Changed sign-ins that one tells, at most.
    pub examples: usize,
    /// Policies, rules and zones that a draft may have, of each kind.
    pub drafts: usize,
    /// Records that one holds in memory at a time.
    pub page: u32,
    /// Sets of policies of one time that one holds in memory at a time.
    pub policies: usize,
    /// How long a call waits for the result, before it is answered with what there is.
    pub answer_within: Duration,
}

impl Default for SimulationLimits {
    fn default() -> Self {
        Self {
            running: 2,
            kept: 50,
            kept_for: Duration::from_secs(60 * 60),
            users: 10_000,
            examples: 1_000,
            drafts: 100,
            page: 200,
            policies: 8,
            answer_within: Duration::from_millis(500),
        }
    }
}

/// A simulation that is asked for.
#[derive(Clone, Debug, Default)]
pub struct NewSimulation {
    /// Sign-ins of then or later; the first that is kept, when absent.
    pub since: Option<Timestamp>,
    /// Sign-ins before that; now, when absent.
    pub until: Option<Timestamp>,
    /// Whether sign-ins are decided by the policies of now, and not by those of their time.
    pub current: bool,
    /// What is to be other about the policies of now.
    pub draft: Draft,
    /// What is to be other about the model and its providers.
    pub changes: Changes,
    /// Changed sign-ins and users that are told.
    pub limit: usize,
}

/// A simulation, as far as it has come.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// `sim…`
    pub id: String,
    /// How far it is.
    pub status: SimulationStatus,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it was over.
    pub finished: Option<Timestamp>,
    /// When it is forgotten.
    pub expires_at: Timestamp,
    /// Its range, as it was asked for.
    pub since: Option<Timestamp>,
    /// Its end.
    pub until: Timestamp,
    /// Records read.
    pub read: u64,
    /// Of the range, by time.
    pub percent: u8,
    /// The most that it has held in memory at one time, beside the report.
    pub most_held: Held,
    /// Changed sign-ins and users that are told.
    pub limit: usize,
    /// What would have changed, once it is done.
    pub report: Option<Arc<Report>>,
}

/// What a simulation holds in memory at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Records.
    pub records: usize,
    /// Sets of policies of one time.
    pub policies: usize,
}

impl Held {
    fn most(self, other: Self) -> Self {
        Self {
            records: self.records.max(other.records),
            policies: self.policies.max(other.policies),
        }
    }
}

/// The simulations of this process. Nobody misses them after it.
#[derive(Debug, Default)]
pub(crate) struct Simulations {
    jobs: Mutex<Vec<Arc<Job>>>,
}

impl Simulations {
    /// Takes one more, unless too many run.
    fn add(&self, job: Arc<Job>, limits: &SimulationLimits, now: Timestamp) -> Result<()> {
        let mut jobs = self.jobs.lock();
        forget(&mut jobs, now);
        if jobs.iter().filter(|job| job.is_running()).count() >= limits.running {
            return Err(Error::RateLimited);
        }
        if jobs.len() >= limits.kept
            && let Some(oldest) = jobs.iter().position(|job| !job.is_running())
        {
            jobs.remove(oldest);
        }
        jobs.push(job);
        Ok(())
    }

    fn all(&self, now: Timestamp) -> Vec<Arc<Job>> {
        let mut jobs = self.jobs.lock();
        forget(&mut jobs, now);
        jobs.iter().filter(|job| !job.is_cancelled()).cloned().collect()
    }

    fn find(&self, id: &str, now: Timestamp) -> Result<Arc<Job>> {
        let found = self.all(now).into_iter().find(|job| job.id == id);
        found.ok_or_else(|| Error::not_found(id, "Simulation"))
    }
}

fn forget(jobs: &mut Vec<Arc<Job>>, now: Timestamp) {
    // One that was ended is there for nobody, but counts until it has noticed.
    jobs.retain(|job| job.is_running() || (job.expires_at > now && !job.is_cancelled()));
}

impl App {
    /// Starts a simulation, and waits a moment for its end.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a draft that could not be made, a provider that there is not, or a range without
    /// time; [`Error::RateLimited`] while too many run.
    pub async fn simulate(&self, caller: &Principal, asked: NewSimulation) -> Result<Simulation> {
        caller.require(MANAGE)?;
        let limits = self.settings.simulations;
        let now = self.clock.now();
        // What happens right now is still in.
        let until = asked.until.unwrap_or_else(|| now.plus(Duration::from_micros(1)));
        if asked.since.is_some_and(|since| since >= until) {
            return Err(Error::invalid("until", "It must be after since"));
        }
        self.check_providers(&asked.changes).await?;
        let policies = if asked.current || !asked.draft.is_empty() {
            Policies::Draft(Arc::new(self.lay_over(caller, &asked.draft).await?))
        } else {
            Policies::OfTheTime
        };
        let job = Arc::new(Job::new(
            Simulation {
                id: format!("sim{}", base62(&*self.entropy, 17)),
                status: SimulationStatus::Running,
                created: now,
                finished: None,
                expires_at: now.plus(limits.kept_for),
                since: asked.since,
                until,
                read: 0,
                percent: 0,
                most_held: Held::default(),
                limit: asked.limit.min(limits.examples),
                report: None,
            },
            policies,
            asked.changes,
        ));
        self.simulations.add(Arc::clone(&job), &limits, now)?;
        tokio::spawn(run::run(self.clone(), Arc::clone(&job)));
        // Small ones are answered with their result.
        let _ = tokio::time::timeout(limits.answer_within, job.over()).await;
        Ok(job.view())
    }

    /// How far a simulation is, or its result.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or not any more.
    pub fn simulation(&self, caller: &Principal, id: &str) -> Result<Simulation> {
        caller.require(READ)?;
        Ok(self.simulations.find(id, self.clock.now())?.view())
    }

    /// Every simulation that is kept, oldest first.
    ///
    /// # Errors
    /// Without the scope.
    pub fn simulations(&self, caller: &Principal) -> Result<Vec<Simulation>> {
        caller.require(READ)?;
        let jobs = self.simulations.all(self.clock.now());
        Ok(jobs.iter().map(|job| job.view()).collect())
    }

    /// Ends a simulation, if it still runs, and forgets it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or not any more.
    pub fn end_simulation(&self, caller: &Principal, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        self.simulations.find(id, self.clock.now())?.cancel();
        Ok(())
    }

    async fn check_providers(&self, changes: &Changes) -> Result<()> {
        for id in changes.providers.keys() {
            if self.get::<RiskProvider>(id).await?.is_none() {
                let member = format!("draft.providers.{id}");
                return Err(Error::invalid(&member, "No risk provider has this id"));
            }
        }
        Ok(())
    }

    async fn lay_over(&self, caller: &Principal, draft: &Draft) -> Result<PolicySnapshot> {
        let slice = self.slice_of(&draft.needs()).await?;
        let laid = draft.lay_over(
            slice,
            &caller.actor,
            self.clock.now(),
            self.settings.sign_ins.expression_steps,
        );
        laid.map_err(|fault| within(&format!("draft.{}", fault.member), Error::from(fault.rejection)))
    }

    /// What a command would be decided on, read from the index.
    async fn slice_of(&self, needs: &[Need]) -> Result<Slice> {
        self.commands.wait_for_index().await;
        let mut slice = Slice::default();
        for need in needs {
            let found = match need {
                Need::Object(kind, id) => self.index.get(*kind, id).await?.into_iter().collect(),
                Need::Natural(kind, key) => self.index.find(*kind, key).await?.into_iter().collect(),
                Need::Children(kind, parent) => self.index.children(*kind, parent).await?,
                Need::All(kind) => self.index.all(*kind).await?,
                Need::Dedupe(_) => Vec::new(),
            };
            found.into_iter().for_each(|object| slice.insert(object));
        }
        Ok(slice)
    }

    fn report_limits(&self, limit: usize) -> ReportLimits {
        ReportLimits {
            examples: limit,
            users: self.settings.simulations.users,
        }
    }
}

/// The fault of something inside a member, as one of the whole.
pub fn within(member: &str, error: Error) -> Error {
    match error {
        Error::Invalid { field, causes } => Error::Invalid {
            field: format!("{member}.{field}"),
            causes: causes.iter().map(|cause| format!("{member}.{cause}")).collect(),
        },
        Error::NotFound { id, kind } => Error::invalid(member, &format!("There is no {kind} with the id {id}")),
        Error::Malformed => Error::invalid(member, "Invalid value"),
        other => other,
    }
}
