//! Keys that may come once, over partitions that follow each other.

use anyhow::{Result, ensure};
use watchfire_model::slice::Need;
use watchfire_store::StoreError;

use super::{
    Bench, at,
    rows::{key, provider, put, remember, remember_until},
};
use crate::backend::Backend;

impl Bench<'_> {
    async fn seen(&mut self, n: u8) -> Result<bool> {
        Ok(self.journal.load(&[Need::Dedupe(key(n))]).await?.seen(key(n)))
    }
}

/// Two calls with one key in one group: the second sees the first.
pub async fn finds_a_key_in_its_own_group(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    ensure!(!bench.seen(1).await?);
    bench.append(&remember(1)).await?;
    ensure!(bench.seen(1).await? && !bench.seen(2).await?);
    bench.sync().await?;
    ensure!(bench.seen(1).await?);
    Ok(())
}

/// The key of an older partition is a repeat too.
pub async fn finds_a_key_across_partitions(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::with_small_partitions(backend).await?;
    for n in 1..8 {
        bench.commit(&[remember(n)]).await?;
        for earlier in 1..=n {
            ensure!(bench.seen(earlier).await?, "{earlier} after {n}");
        }
        ensure!(!bench.seen(n + 1).await?, "{} after {n}", n + 1);
    }
    Ok(())
}

/// Also when the process has started anew.
pub async fn finds_a_key_after_reopening(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::with_small_partitions(backend).await?;
    bench.commit(&(1..8).map(remember).collect::<Vec<_>>()).await?;
    let mut bench = bench.reopen().await?;
    for n in 1..8 {
        ensure!(bench.seen(n).await?, "{n}");
    }
    ensure!(!bench.seen(8).await?);
    bench.commit(&[remember(8)]).await?;
    ensure!(bench.seen(8).await? && bench.seen(1).await?);
    Ok(())
}

/// A call that was not acknowledged may come again.
pub async fn forgets_a_key_that_was_rolled_back(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    bench.append(&remember(1)).await?;
    bench.journal.roll_back().await;
    ensure!(!bench.seen(1).await?);
    bench.commit(&[remember(1)]).await?;
    ensure!(bench.seen(1).await?);
    Ok(())
}

/// The group begins two partitions and is dropped; what comes then fills them from the start.
pub async fn a_partition_begun_in_a_group_goes_with_it(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::with_small_partitions(backend).await?;
    bench.commit(&[remember(1)]).await?;
    for n in 2..7 {
        bench.append(&remember(n)).await?;
    }
    bench.journal.roll_back().await;
    ensure!(bench.seen(1).await? && !bench.seen(2).await? && !bench.seen(6).await?);
    bench.commit(&(7..12).map(remember).collect::<Vec<_>>()).await?;
    let mut bench = bench.reopen().await?;
    for n in [1, 7, 8, 9, 10, 11] {
        ensure!(bench.seen(n).await?, "{n}");
    }
    ensure!(!bench.seen(2).await?);
    Ok(())
}

/// A decision that begins a partition and is then refused takes the partition back, and no more.
pub async fn a_refusal_after_a_change_of_partition_leaves_the_earlier_keys(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::with_small_partitions(backend).await?;
    bench.commit(&[put(provider("rkpA", "Taken"))]).await?;
    bench.append(&remember(1)).await?;
    bench.append(&remember(2)).await?;
    let mut refused = remember(3);
    refused.rows.extend(remember(4).rows);
    refused.put(provider("rkpB", "Taken"));
    let answer = bench.append(&refused).await;
    ensure!(matches!(answer, Err(StoreError::Refused(_))), "{answer:?}");
    ensure!(!bench.seen(3).await?);
    bench.append(&remember(5)).await?;
    bench.append(&remember(3)).await?;
    bench.sync().await?;
    for n in [1, 2, 3, 5] {
        ensure!(bench.seen(n).await?, "{n}");
    }
    ensure!(!bench.seen(4).await?);
    let mut bench = bench.reopen().await?;
    ensure!(bench.seen(5).await? && bench.seen(3).await? && !bench.seen(4).await?);
    Ok(())
}

/// A key is kept for as long as was asked for, and its partition goes with the last of its keys.
pub async fn forgets_what_has_expired_and_nothing_else(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::with_small_partitions(backend).await?;
    let decisions = [
        remember_until(1, at(10)),
        remember_until(2, at(20)),
        remember_until(3, at(10)),
        remember_until(4, at(60)),
        remember_until(5, at(10)),
    ];
    bench.commit(&decisions).await?;
    bench.journal.purge(at(15)).await?;
    ensure!(bench.seen(2).await?, "forgotten five seconds early");
    bench.journal.roll_back().await;
    bench.journal.purge(at(30)).await?;
    ensure!(bench.seen(4).await?);
    bench.journal.roll_back().await;
    let mut bench = bench.reopen().await?;
    ensure!(!bench.seen(1).await? && !bench.seen(2).await? && bench.seen(4).await?);
    Ok(())
}
