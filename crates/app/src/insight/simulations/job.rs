//! A simulation that runs, or is over.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use watchfire_domain::simulation::{Changes, Report};
use watchfire_model::{object::PolicySnapshot, time::Timestamp};

use super::{Held, Simulation};

/// How far a simulation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimulationStatus {
    /// It reads.
    Running,
    /// Its result is there.
    Done,
    /// The store did not answer.
    Failed,
    /// Somebody has ended it.
    Cancelled,
}

impl SimulationStatus {
    /// The word over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Done => "DONE",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// By what sign-ins are decided.
#[derive(Debug)]
pub(super) enum Policies {
    /// By what the policies were then.
    OfTheTime,
    /// By these.
    Draft(Arc<PolicySnapshot>),
}

/// A simulation in this process.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) expires_at: Timestamp,
    pub(super) policies: Policies,
    pub(super) changes: Arc<Changes>,
    view: Mutex<Simulation>,
    cancelled: CancellationToken,
    over: CancellationToken,
}

impl Job {
    pub(super) fn new(view: Simulation, policies: Policies, changes: Changes) -> Self {
        Self {
            id: view.id.clone(),
            expires_at: view.expires_at,
            policies,
            changes: Arc::new(changes),
            view: Mutex::new(view),
            cancelled: CancellationToken::new(),
            over: CancellationToken::new(),
        }
    }

    pub(super) fn view(&self) -> Simulation {
        self.view.lock().clone()
    }

    pub(super) fn is_running(&self) -> bool {
        self.view.lock().status == SimulationStatus::Running
    }

    pub(super) fn cancel(&self) {
        self.cancelled.cancel();
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.is_cancelled()
    }

    /// Waits until it is over.
    pub(super) async fn over(&self) {
        self.over.cancelled().await;
    }

    /// Notes how far it is.
    pub(super) fn progress(&self, read: u64, percent: u8) {
        let mut view = self.view.lock();
        view.read = read;
        view.percent = percent;
    }

    /// Notes what it holds.
    pub(super) fn holds(&self, held: Held) {
        let mut view = self.view.lock();
        view.most_held = view.most_held.most(held);
    }

    /// Ends it.
    pub(super) fn end(&self, status: SimulationStatus, report: Option<Report>, now: Timestamp) {
        let mut view = self.view.lock();
        view.status = status;
        view.finished = Some(now);
        view.report = report.map(|report| Arc::new(report.settled(view.limit)));
        if status == SimulationStatus::Done {
            view.percent = 100;
        }
        drop(view);
        self.over.cancel();
    }
}
