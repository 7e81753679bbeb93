//! Work that one node does for all: deliveries, polls, rotations. Whoever holds its lease does it; another takes over
//! when the lease has run out.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use watchfire_store::cluster::Cluster;

use crate::sequencer::ErrorChain;

/// The lease's name.
const LEASE: &str = "background";
/// How long it holds.
const HOLD: Duration = Duration::from_secs(10);
/// How often it is taken or kept.
const KEEP_EVERY: Duration = Duration::from_secs(2);
/// How much earlier than it runs out the work is stopped.
const MARGIN: Duration = Duration::from_secs(2);

/// Whether this node is on duty.
#[derive(Debug)]
pub(crate) struct Duty {
    /// Nobody else could be: then it always is.
    cluster: Option<Arc<dyn Cluster>>,
    until: watch::Receiver<Option<Instant>>,
    stop: CancellationToken,
}

/// Tells a worker whether this node is on duty now. A process that was stopped and goes on knows it by the time.
#[derive(Clone, Debug)]
pub(crate) struct OnDuty(Option<watch::Receiver<Option<Instant>>>);

impl OnDuty {
    pub(crate) fn now(&self) -> bool {
        let Some(until) = &self.0 else { return true };
        until.borrow().is_some_and(|until| Instant::now() < until)
    }
}

impl Duty {
    /// Tries for it, and goes on trying until `stop`.
    pub(crate) async fn begin(cluster: Option<Arc<dyn Cluster>>, stop: &CancellationToken) -> Self {
        let (sender, until) = watch::channel(None);
        if let Some(cluster) = &cluster {
            take(&**cluster, &sender).await;
            tokio::spawn(stop.clone().run_until_cancelled_owned(hold(Arc::clone(cluster), sender)));
        }
        Self {
            cluster,
            until,
            stop: stop.clone(),
        }
    }

    /// For those who must know at the time.
    pub(crate) fn watch(&self) -> OnDuty {
        OnDuty(self.cluster.is_some().then(|| self.until.clone()))
    }

    /// Has `worker` work whenever this node is on duty. It ends when the token that it is given is cancelled.
    pub(crate) fn work<W, F>(&self, worker: W) -> JoinHandle<()>
    where
        W: Fn(CancellationToken) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (mut until, stop) = (self.until.clone(), self.stop.clone());
        if self.cluster.is_none() {
            return tokio::spawn(worker(stop));
        }
        tokio::spawn(async move {
            while stop.run_until_cancelled(turn_of(&mut until, true)).await == Some(true) {
                let turn = stop.child_token();
                let mut working = std::pin::pin!(worker(turn.clone()));
                tokio::select! {
                    () = &mut working => {
                        // It has nothing more to do, or was stopped.
                        if stop.is_cancelled() {
                            return;
                        }
                        let _ = stop.run_until_cancelled(turn_of(&mut until, false)).await;
                    }
                    _ = turn_of(&mut until, false) => {
                        turn.cancel();
                        working.as_mut().await;
                    }
                }
            }
        })
    }

    /// Another node need not wait until the lease has run out.
    pub(crate) async fn let_go(self) {
        if let Some(cluster) = &self.cluster
            && let Err(error) = cluster.let_go(LEASE).await
        {
            tracing::debug!(error = %ErrorChain(&error), "the lease of the work for all was not given back");
        }
    }
}

/// Waits until this node is on duty, or off it; false when that will not be any more.
async fn turn_of(until: &mut watch::Receiver<Option<Instant>>, on: bool) -> bool {
    until.wait_for(|until| until.is_some() == on).await.is_ok()
}

/// Keeps the lease, or takes it when it is free.
async fn hold(cluster: Arc<dyn Cluster>, until: watch::Sender<Option<Instant>>) {
    loop {
        tokio::time::sleep(KEEP_EVERY).await;
        take(&*cluster, &until).await;
    }
}

/// The lease is held from before the store was asked.
async fn take(cluster: &dyn Cluster, until: &watch::Sender<Option<Instant>>) {
    let asked = Instant::now();
    match tokio::time::timeout(KEEP_EVERY, cluster.hold(LEASE, HOLD)).await {
        Ok(Ok(true)) => set(until, Some(asked + HOLD.saturating_sub(MARGIN))),
        Ok(Ok(false)) => set(until, None),
        Ok(Err(error)) => tracing::debug!(error = %ErrorChain(&error), "the lease of the work for all was not kept"),
        Err(_) => tracing::debug!("the lease of the work for all was not kept in time"),
    }
    // What is not kept runs out.
    let is_over = until.borrow().is_some_and(|until| until <= Instant::now());
    if is_over {
        set(until, None);
    }
}

fn set(until: &watch::Sender<Option<Instant>>, now: Option<Instant>) {
    if until.send_replace(now).is_some() != now.is_some() {
        tracing::info!(on_duty = now.is_some(), "the work that one node does for all");
    }
}
