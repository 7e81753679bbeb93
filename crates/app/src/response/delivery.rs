//! The worker that carries out what is to be done outside (architecture section 2): it leases an action,
//! calls its target, and has the result written down under the lease. A call is made at least once, each
//! time under the same id.

mod call;
mod hook;
mod hook_quota;
mod logout;
mod webhook;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use watchfire_domain::action::{CallResult, LeaseAction, RecordAttempt, Recorded, retry::RetryPolicy};
use watchfire_model::{
    object::{Action, ActionState, Kind, Object},
    time::Timestamp,
};
use watchfire_store::index::PageQuery;

pub(crate) use self::{hook::EVENT_HOOK_SECRET, webhook::WORKFLOW_SECRET};
pub(super) use self::{hook::challenge, webhook::Webhook};
use crate::{
    App, Error, Result,
    duty::OnDuty,
    sequencer::ErrorChain,
    state::{Due, HookQuotaLimits, OutboxLimits, TargetKey},
};

/// Named limits of the deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryLimits {
    /// Calls at one time, of all targets together.
    pub calls: usize,
    /// Time of one call to a webhook or a logout endpoint. (An event hook has three seconds: okta.md 10.4.)
    pub timeout: Duration,
    /// How long a call is tried again before it is a dead letter.
    pub horizon: Duration,
    /// How long the end of the process waits for calls that are under way.
    pub drain: Duration,
    /// The queues.
    pub outbox: OutboxLimits,
    /// What event hooks are given in a day.
    pub hook_quota: HookQuotaLimits,
    /// Whether no other process works on this store, so that the leases of earlier starts are void.
    pub sole: bool,
}

impl Default for DeliveryLimits {
    fn default() -> Self {
        Self {
            calls: 64,
            timeout: Duration::from_secs(10),
            horizon: Duration::from_secs(24 * 3_600),
            drain: Duration::from_millis(500),
            outbox: OutboxLimits::default(),
            hook_quota: HookQuotaLimits::default(),
            sole: true,
        }
    }
}

/// How long a lease outlives the call that it is for.
const LEASE_MARGIN: Duration = Duration::from_secs(60);
/// How often the queues are looked at although nothing was said to have changed: the clock may be set.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// When something is tried again that the store did not take.
const STORE_RETRY: Duration = Duration::from_secs(1);
/// Actions that are read at one time.
const PAGE: u32 = 500;

/// The worker.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    app: App,
    epoch: u64,
    duty: OnDuty,
    leases: Arc<AtomicU64>,
}

impl Delivery {
    pub(crate) fn new(app: App, epoch: u64, duty: OnDuty) -> Self {
        Self {
            app,
            epoch,
            duty,
            leases: Arc::default(),
        }
    }

    /// Works until `stop`, then waits a little for what is under way: a result that is not written down
    /// costs a second call.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let outbox = self.app.state.outbox();
        let limits = self.app.settings.delivery;
        let mut calls = JoinSet::new();
        let mut loading = true;
        while !stop.is_cancelled() {
            if std::mem::take(&mut loading) {
                self.load(None).await;
            }
            let full = outbox.to_refill();
            if !full.is_empty() {
                self.load(Some(&full)).await;
            }
            while calls.len() < limits.calls {
                let Some(due) = outbox.take(self.app.clock.now()) else { break };
                let this = self.clone();
                calls.spawn(async move { this.work(due).await });
            }
            let idle = if calls.len() < limits.calls {
                outbox.idle_for(self.app.clock.now(), LOOK_EVERY)
            } else {
                LOOK_EVERY
            };
            tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = calls.join_next(), if !calls.is_empty() => {}
                () = outbox.changed() => {}
                () = tokio::time::sleep(idle) => {}
            }
        }
        let ended = async { while calls.join_next().await.is_some() {} };
        if tokio::time::timeout(limits.drain, ended).await.is_err() {
            tracing::info!("calls under way were left; they are made again under the same ids");
        }
    }

    /// Reads what is pending from the store: all of it, or what is for `targets`.
    async fn load(&self, targets: Option<&BTreeSet<TargetKey>>) {
        let mut after = 0;
        loop {
            let query = PageQuery {
                kind: Kind::Action,
                parent: Some(ActionState::Pending.as_str().to_owned()),
                after,
                limit: PAGE,
            };
            self.app.commands.wait_for_index().await;
            let page = match self.app.index.page(&query).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(error = %ErrorChain(&error), "the outbox could not be read");
                    tokio::time::sleep(STORE_RETRY).await;
                    continue;
                }
            };
            for object in &page.objects {
                let Object::Action(action) = object else { continue };
                let wanted = |all: &BTreeSet<TargetKey>| TargetKey::of(&action.call).is_some_and(|target| all.contains(&target));
                if targets.is_none_or(wanted) {
                    self.app
                        .state
                        .outbox()
                        .load(action, self.epoch, self.app.settings.delivery.sole);
                }
            }
            match page.next {
                Some(next) => after = next,
                None => return,
            }
        }
    }

    async fn work(self, due: Due) {
        let outbox = self.app.state.outbox();
        let (failed, rest) = match self.lease(&due).await {
            Ok(Some((action, number))) => self.carry_out(&action, number).await,
            Ok(None) => (None, None),
            Err(error) => {
                tracing::debug!(error = %ErrorChain(&error), action = %due.id, "an action could not be leased");
                outbox.put_back(&due, self.app.clock.now().plus(STORE_RETRY));
                (None, None)
            }
        };
        outbox.finished(&due.target, failed, rest);
    }

    async fn lease(&self, due: &Due) -> Result<Option<(Action, u64)>> {
        // A process that was stopped may have come back into the middle of another's work.
        if !self.duty.now() {
            return Err(self.app.commands.unavailable());
        }
        let number = self.leases.fetch_add(1, Ordering::Relaxed);
        let limits = self.app.settings.delivery;
        let command = LeaseAction {
            id: due.id.clone(),
            epoch: self.epoch,
            number,
            hold: limits.timeout.saturating_add(LEASE_MARGIN),
            sole: limits.sole,
        };
        let leased = self.app.commands.run(command).await?;
        Ok(leased.map(|action| (action, number)))
    }

    /// Makes the call and has its result written down. Says whether it failed, and until when the target
    /// wants to be left alone.
    async fn carry_out(&self, action: &Action, number: u64) -> (Option<bool>, Option<Timestamp>) {
        let result = self.app.call(action).await;
        let mut jitter = [0; 4];
        self.app.entropy.fill(&mut jitter);
        let command = RecordAttempt {
            id: action.id.clone(),
            epoch: self.epoch,
            number,
            policy: RetryPolicy::of(&action.call, self.app.settings.delivery.horizon),
            jitter: u32::from_be_bytes(jitter),
            result,
        };
        let rest = match &command.result {
            CallResult::Failed {
                retry_after: Some(rest), ..
            } => Some(self.app.clock.now().plus((*rest).min(command.policy.retry_after_cap))),
            _ => None,
        };
        // What the target refuses is about this call; what fails is about the target.
        let failed = matches!(command.result, CallResult::Failed { .. });
        let until = action.lease.map_or(action.due_at, |lease| lease.until);
        self.record(command, until, action).await;
        (Some(failed), rest)
    }

    async fn record(&self, command: RecordAttempt, until: Timestamp, action: &Action) {
        loop {
            match self.app.commands.run(command.clone()).await {
                Ok(recorded) => {
                    self.count(&command.result, recorded, action);
                    self.app.state.outbox().recorded();
                    return;
                }
                // After the lease somebody else may be at work, and the result would not count.
                Err(Error::Unavailable { .. }) if self.app.clock.now() < until => tokio::time::sleep(STORE_RETRY).await,
                Err(error) => {
                    tracing::warn!(error = %ErrorChain(&error), action = %action.id, "a result could not be written down");
                    return;
                }
            }
        }
    }

    fn count(&self, result: &CallResult, recorded: Recorded, action: &Action) {
        let word = match (recorded, result) {
            (Recorded::Ignored, _) => "ignored",
            (_, CallResult::Delivered { .. }) => "delivered",
            (_, CallResult::Failed { .. }) => "failed",
            (_, CallResult::Refused { .. }) => "refused",
        };
        let metrics = self.app.commands.metrics();
        metrics.attempted(action.call.kind(), word);
        if recorded == Recorded::Dead {
            metrics.given_up(action.call.kind());
            tracing::warn!(action = %action.id, kind = action.call.kind(), "an action was given up: it is a dead letter");
        }
    }
}
