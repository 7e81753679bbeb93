//! What every journal and its index must do. Each case is a function over a [`Backend`];
//! [`store_conformance!`](crate::store_conformance) makes tests of all of them.
//!
//! A case speaks of decisions and reads alone, never of SQL: the segment journal and PostgreSQL are put
//! through the same cases.

pub mod decisions;
pub mod dedupe;
pub mod reads;
pub mod rows;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use watchfire_model::{row::Decision, time::Timestamp};
use watchfire_store::{
    StoreError,
    index::Index,
    journal::{Journal, Seq},
    settings::Settings,
};

use crate::backend::{Backend, Opened};

/// Makes a module `$name` with one test a case, each on a fresh `$backend`.
#[macro_export]
macro_rules! store_conformance {
    ($name:ident, $backend:expr) => {
        mod $name {
            use super::*;

            $crate::store_conformance!(@cases $backend,
                decisions::loads_what_was_appended_before_the_sync,
                decisions::takes_a_decision_whole_or_not_at_all,
                decisions::a_refused_decision_leaves_its_neighbours,
                decisions::a_group_that_is_rolled_back_leaves_nothing,
                decisions::goes_on_after_a_roll_back,
                decisions::writing_a_decision_again_gives_the_same_rows,
                decisions::numbers_decisions_upwards,
                decisions::syncing_nothing_is_no_fault,
                decisions::forgets_answers_and_looks_them_up_again,
                dedupe::finds_a_key_in_its_own_group,
                dedupe::finds_a_key_across_partitions,
                dedupe::finds_a_key_after_reopening,
                dedupe::forgets_a_key_that_was_rolled_back,
                dedupe::a_partition_begun_in_a_group_goes_with_it,
                dedupe::a_refusal_after_a_change_of_partition_leaves_the_earlier_keys,
                dedupe::forgets_what_has_expired_and_nothing_else,
                reads::lists_in_the_order_of_making,
                reads::pages_without_gaps_or_repeats,
                reads::reads_a_range_of_ids,
                reads::keeps_its_place_when_replaced,
                reads::goes_on_counting_after_reopening,
                reads::finds_by_natural_key_and_parent,
                reads::gives_receipts_that_have_not_expired,
                reads::pages_through_receipts_newest_first,
                reads::purges_what_has_expired,
                reads::keeps_receipts_as_long_as_the_log,
            );
        }
    };
    (@cases $backend:expr, $($module:ident::$case:ident,)*) => {$(
        #[tokio::test]
        async fn $case() -> ::anyhow::Result<()> {
            let backend = $backend;
            $crate::conformance::$module::$case(&backend).await
        }
    )*};
}

/// An open store in a folder of its own.
struct Bench<'a> {
    backend: &'a dyn Backend,
    folder: TempDir,
    settings: Settings,
    journal: Box<dyn Journal>,
    index: Arc<dyn Index>,
    last_seq: Seq,
}

/// How long an index may take to catch up before the case has failed.
const CATCH_UP: Duration = Duration::from_secs(10);

impl<'a> Bench<'a> {
    async fn open(backend: &'a dyn Backend) -> Result<Self> {
        Self::with(backend, Settings::default()).await
    }

    /// With so few keys in a partition that a case passes its end.
    async fn with_small_partitions(backend: &'a dyn Backend) -> Result<Self> {
        let settings = Settings {
            dedupe_partition_rows: 2,
            log_partition_rows: 2,
            ..Settings::default()
        };
        Self::with(backend, settings).await
    }

    /// With room for one answer.
    async fn with_a_small_cache(backend: &'a dyn Backend) -> Result<Self> {
        let settings = Settings {
            cached_answers: 1,
            cached_bytes: 1,
            ..Settings::default()
        };
        Self::with(backend, settings).await
    }

    async fn with(backend: &'a dyn Backend, settings: Settings) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let Opened { journal, index, .. } = backend.open(folder.path(), &settings).await?;
        Ok(Self {
            backend,
            folder,
            settings,
            journal,
            index,
            last_seq: 0,
        })
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn contents(&self) -> Result<String> {
        self.backend.contents(self.folder()).await
    }

    /// Closes the store and opens it again.
    async fn reopen(self) -> Result<Self> {
        drop((self.journal, self.index));
        let Opened { journal, index, .. } = self.backend.open(self.folder.path(), &self.settings).await?;
        Ok(Self {
            backend: self.backend,
            folder: self.folder,
            settings: self.settings,
            journal,
            index,
            last_seq: 0,
        })
    }

    /// Appends as the sequencer does: after loading something.
    async fn append(&mut self, decision: &Decision) -> Result<Seq, StoreError> {
        self.journal.load(&[]).await?;
        self.last_seq = self.journal.append(Arc::new(decision.clone())).await?;
        Ok(self.last_seq)
    }

    /// Makes a group of `decisions` durable and waits until the index has it.
    async fn commit(&mut self, decisions: &[Decision]) -> Result<()> {
        for decision in decisions {
            self.append(decision).await?;
        }
        self.sync().await
    }

    async fn sync(&mut self) -> Result<()> {
        self.journal.sync().await?;
        let (mut applied, last) = (self.journal.applied(), self.last_seq);
        let caught_up = tokio::time::timeout(CATCH_UP, applied.wait_for(|seq| *seq >= last)).await;
        caught_up
            .context("the index did not catch up")?
            .context("the journal is gone")?;
        Ok(())
    }
}

/// An instant `s` seconds after the beginning of the cases' time.
fn at(s: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + s)
}
