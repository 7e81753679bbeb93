//! Groups over a journal whose every step is scripted.

use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use watchfire_domain::command::Decided;
use watchfire_model::{
    id::RiskProviderId,
    object::{ProviderAction, RiskProvider},
    slice::{Need, Slice},
};

use super::*;
use crate::state::SignalLimits;

/// A name that the index refuses.
const REFUSED: &str = "refused";
/// A name that the index refuses only when the group is written.
const REFUSED_LATE: &str = "late";
/// A name at which the disk is full.
const FULL: &str = "full";

/// What the journal was asked to do, in order.
type Steps = Arc<Mutex<Vec<String>>>;

#[derive(Debug)]
struct Scripted {
    steps: Steps,
    state: Arc<State>,
    group: Vec<Arc<Decision>>,
    durable: Vec<Arc<Decision>>,
    applied: watch::Sender<Seq>,
}

impl Scripted {
    fn step(&self, what: impl Into<String>) {
        self.steps.lock().push(what.into());
    }
}

#[async_trait]
impl Journal for Scripted {
    async fn load(&mut self, needs: &[Need]) -> Result<Slice, StoreError> {
        let mut slice = Slice::default();
        let decisions = self.durable.iter().chain(&self.group);
        decisions.for_each(|decision| slice.overlay(needs, decision));
        Ok(slice)
    }

    async fn append(&mut self, decision: Arc<Decision>) -> Result<Seq, StoreError> {
        let text = format!("{decision:?}");
        if text.contains(REFUSED) {
            return Err(StoreError::Corrupt {
                table: "objects",
                column: "document",
                id: REFUSED.to_owned(),
            });
        }
        if text.contains(FULL) {
            return Err(StoreError::Timeout);
        }
        self.step("append");
        self.group.push(decision);
        Ok(u64::try_from(self.durable.len() + self.group.len()).unwrap())
    }

    async fn sync(&mut self) -> Result<(), StoreError> {
        let published = self.state.directory().risk_providers().count();
        if self
            .group
            .iter()
            .any(|decision| format!("{decision:?}").contains(REFUSED_LATE))
        {
            self.group.clear();
            self.step("refused sync");
            return Err(StoreError::Corrupt {
                table: "objects",
                column: "document",
                id: REFUSED_LATE.to_owned(),
            });
        }
        self.step(format!("sync with {published} published"));
        self.durable.append(&mut self.group);
        self.applied.send_replace(u64::try_from(self.durable.len()).unwrap());
        Ok(())
    }

    async fn roll_back(&mut self) {
        self.step("roll back");
        self.group.clear();
    }

    async fn purge(&mut self, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn applied(&self) -> watch::Receiver<Seq> {
        self.applied.subscribe()
    }
}

#[derive(Debug, Default)]
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
    }
}

/// Makes a provider; answers with how many there were, and the time of the decision.
struct Make(&'static str);

impl Command for Make {
    type Outcome = (usize, Timestamp);

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<RiskProvider>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Self::Outcome> {
        let mut decision = Decision::new();
        if !self.0.is_empty() {
            decision.put(RiskProvider {
                id: RiskProviderId::generate(context.ids),
                name: self.0.to_owned(),
                client_id: None,
                action: ProviderAction::LogOnly,
                created: context.now,
                last_updated: context.now,
            });
        }
        Decided::done(decision, (slice.all::<RiskProvider>().len(), context.now))
    }
}

struct Bench {
    sequencer: Sequencer<Scripted>,
    commands: Commands,
    state: Arc<State>,
    steps: Steps,
    clock: Arc<Hands>,
}

fn bench(queue: usize) -> Bench {
    let (state, steps, clock) = (
        Arc::new(State::new(SignalLimits::default())),
        Steps::default(),
        Arc::default(),
    );
    let journal = Scripted {
        steps: Arc::clone(&steps),
        state: Arc::clone(&state),
        group: Vec::new(),
        durable: Vec::new(),
        applied: watch::Sender::new(0),
    };
    let limits = SequencerLimits {
        queue,
        ..SequencerLimits::default()
    };
    let ids = KeyedIds::new(b"key", 1);
    let (sequencer, commands) = Sequencer::new(
        journal,
        Arc::clone(&state),
        Arc::<Hands>::clone(&clock),
        ids,
        Timestamp::default(),
        limits,
    );
    Bench {
        sequencer,
        commands,
        state,
        steps,
        clock,
    }
}

/// Gives all commands before the sequencer runs: they are one group.
macro_rules! one_group {
    ($bench:expr, $($name:expr),+) => {{
        let answers = tokio::join!($($bench.commands.run(Make($name))),+, async {
            let stop = CancellationToken::new();
            stop.cancel();
            $bench.sequencer.run(stop).await
        });
        answers
    }};
}

#[tokio::test]
async fn a_group_shares_one_sync_and_is_published_after_it() {
    let bench = bench(8);
    let (a, b, c, ended) = one_group!(bench, "A", "", "B");
    assert_eq!(
        (a.unwrap().0, b.unwrap().0, c.unwrap().0),
        (0, 1, 1),
        "each sees those before it"
    );
    assert!(matches!(ended, Ended::Stopped));
    assert_eq!(*bench.steps.lock(), ["append", "append", "sync with 0 published"]);
    assert_eq!(bench.state.directory().risk_providers().count(), 2);
}

#[tokio::test]
async fn a_decision_that_the_index_refuses_fails_alone() {
    let bench = bench(8);
    let (a, refused, b, _) = one_group!(bench, "A", REFUSED, "B");
    assert!(matches!(refused, Err(Error::Internal(_))), "{refused:?}");
    assert_eq!((a.unwrap().0, b.unwrap().0), (0, 1), "the later one is decided without it");
    assert_eq!(*bench.steps.lock(), ["append", "append", "sync with 0 published"]);
    assert_eq!(bench.state.directory().risk_providers().count(), 2);
}

#[tokio::test]
async fn a_decision_that_is_refused_with_its_group_fails_alone() {
    let bench = bench(8);
    let (a, refused, b, _) = one_group!(bench, "A", REFUSED_LATE, "B");
    assert!(matches!(refused, Err(Error::Internal(_))), "{refused:?}");
    assert_eq!((a.unwrap().0, b.unwrap().0), (0, 1), "the later one is decided without it");
    let steps = "append,append,append,refused sync,append,sync with 0 published,append,refused sync,append,sync with 1 published";
    assert_eq!(bench.steps.lock().join(","), steps);
    assert_eq!(bench.state.directory().risk_providers().count(), 2);
}

#[tokio::test]
async fn a_full_disk_turns_the_whole_group_away() {
    let bench = bench(8);
    let (a, full, b, _) = one_group!(bench, "A", FULL, "B");
    for answer in [a, full, b] {
        assert!(matches!(answer, Err(Error::Unavailable { .. })), "{answer:?}");
    }
    assert_eq!(*bench.steps.lock(), ["append", "roll back"]);
    assert_eq!(bench.state.directory().risk_providers().count(), 0);
}

#[tokio::test]
async fn a_full_queue_turns_the_next_command_away() {
    let bench = bench(2);
    let (a, b, turned_away, _) = one_group!(bench, "A", "B", "C");
    assert!(a.is_ok() && b.is_ok());
    assert!(matches!(turned_away, Err(Error::Unavailable { .. })), "{turned_away:?}");
}

#[tokio::test]
async fn whoever_asks_after_the_end_is_turned_away() {
    let bench = bench(2);
    drop(bench.sequencer);
    let answer = bench.commands.run(Make("A")).await;
    assert!(matches!(answer, Err(Error::Unavailable { .. })), "{answer:?}");
}

#[tokio::test]
async fn decisions_are_not_dated_back_when_the_clock_is() {
    let bench = bench(8);
    let stop = CancellationToken::new();
    let running = tokio::spawn(bench.sequencer.run(stop.clone()));
    let mut dates = Vec::new();
    for (seconds, name) in [(10, "A"), (5, "B"), (20, "C")] {
        bench.clock.0.store(seconds, Ordering::SeqCst);
        dates.push(bench.commands.run(Make(name)).await.unwrap().1.as_seconds());
    }
    assert_eq!(dates, [10, 10, 20]);
    stop.cancel();
    assert!(matches!(running.await.unwrap(), Ended::Stopped));
}
