//! Decisions: whole or not at all, seen before they are durable, gone when the group is.

use anyhow::{Result, ensure};
use watchfire_model::{
    object::{Kind, RiskProvider},
    row::Decision,
    slice::Need,
};
use watchfire_store::StoreError;

use super::{
    Bench,
    rows::{key, one_of_each, provider, put, remember},
};
use crate::backend::Backend;

/// A command sees what the one before it in its group decided.
pub async fn loads_what_was_appended_before_the_sync(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    bench.append(&put(provider("rkpA", "A"))).await?;
    let needs = [
        Need::object::<RiskProvider>("rkpA"),
        Need::natural::<RiskProvider>("a"),
        Need::object::<RiskProvider>("rkpB"),
    ];
    let slice = bench.journal.load(&needs).await?;
    ensure!(slice.get::<RiskProvider>("rkpA").is_some());
    ensure!(slice.by_natural::<RiskProvider>("a").is_some());
    ensure!(slice.get::<RiskProvider>("rkpB").is_none());
    ensure!(
        bench.index.get(Kind::RiskProvider, "rkpA").await?.is_none(),
        "read before it was durable"
    );

    let mut removal = Decision::new();
    removal.delete(Kind::RiskProvider, "rkpA");
    bench.append(&removal).await?;
    let slice = bench.journal.load(&needs).await?;
    ensure!(slice.get::<RiskProvider>("rkpA").is_none());
    bench.sync().await?;
    ensure!(bench.index.get(Kind::RiskProvider, "rkpA").await?.is_none());
    Ok(())
}

/// The last row is refused, so the rows before it are not there either.
pub async fn takes_a_decision_whole_or_not_at_all(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    bench.commit(&[put(provider("rkpA", "Taken"))]).await?;
    let mut decision = one_of_each(1);
    decision.put(provider("rkpB", "taken"));
    let refused = bench.append(&decision).await;
    ensure!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    let slice = bench
        .journal
        .load(&[Need::all::<RiskProvider>(), Need::Dedupe(key(1))])
        .await?;
    ensure!(slice.all::<RiskProvider>().len() == 1 && !slice.seen(key(1)));
    bench.commit(&[put(provider("rkpC", "C"))]).await?;
    ensure!(bench.index.count(Kind::RiskProvider).await? == 2);
    ensure!(bench.index.receipt("rcp1").await?.is_none());
    Ok(())
}

/// Before and behind it, the group is as if it had never come.
pub async fn a_refused_decision_leaves_its_neighbours(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    bench.append(&one_of_each(1)).await?;
    let refused = bench.append(&put(provider("rkpX", "Provider 1"))).await;
    ensure!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    bench.append(&one_of_each(2)).await?;
    bench.sync().await?;
    for n in [1, 2] {
        ensure!(bench.index.receipt(&format!("rcp{n}")).await?.is_some());
        ensure!(bench.index.get(Kind::RiskProvider, &format!("rkp{n}")).await?.is_some());
        let slice = bench.journal.load(&[Need::Dedupe(key(n))]).await?;
        ensure!(slice.seen(key(n)), "key {n}");
    }
    ensure!(bench.index.get(Kind::RiskProvider, "rkpX").await?.is_none());
    Ok(())
}

/// Nothing of it is there: not for slices, not for reads, not after reopening.
pub async fn a_group_that_is_rolled_back_leaves_nothing(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::with_small_partitions(backend).await?;
    bench.commit(&[one_of_each(1)]).await?;
    let before = bench.contents().await?;
    for n in 2..6 {
        bench.append(&one_of_each(n)).await?;
    }
    bench.journal.roll_back().await;
    let slice = bench
        .journal
        .load(&[Need::all::<RiskProvider>(), Need::Dedupe(key(2))])
        .await?;
    ensure!(slice.all::<RiskProvider>().len() == 1 && !slice.seen(key(2)));
    bench.journal.roll_back().await;
    let bench = bench.reopen().await?;
    let after = bench.contents().await?;
    ensure!(before == after, "{before}\n--\n{after}");
    Ok(())
}

/// What was rolled back can be written afterwards as if for the first time.
pub async fn goes_on_after_a_roll_back(backend: &dyn Backend) -> Result<()> {
    let (mut tried, mut straight) = (
        Bench::with_small_partitions(backend).await?,
        Bench::with_small_partitions(backend).await?,
    );
    let decisions: Vec<_> = (1..8).map(one_of_each).collect();
    for decision in &decisions {
        tried.append(decision).await?;
    }
    tried.journal.roll_back().await;
    // The group stood in the same order before, so the places in lists are those of the straight way.
    let tried = tried.reopen().await?;
    let mut tried = tried;
    tried.commit(&decisions).await?;
    straight.commit(&decisions).await?;
    let (a, b) = (tried.contents().await?, straight.contents().await?);
    ensure!(a == b, "{a}\n--\n{b}");
    Ok(())
}

/// A replay writes what is there already.
pub async fn writing_a_decision_again_gives_the_same_rows(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    bench.commit(&[one_of_each(1), one_of_each(2)]).await?;
    let before = bench.contents().await?;
    bench.commit(&[one_of_each(1), one_of_each(2)]).await?;
    let after = bench.contents().await?;
    ensure!(before == after, "{before}\n--\n{after}");
    let mut bench = bench.reopen().await?;
    bench.commit(&[one_of_each(2)]).await?;
    let reopened = bench.contents().await?;
    ensure!(before == reopened, "{before}\n--\n{reopened}");
    Ok(())
}

/// Later decisions have higher numbers, also after a group that was dropped.
pub async fn numbers_decisions_upwards(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    let first = bench.append(&remember(1)).await?;
    let second = bench.append(&remember(2)).await?;
    bench.sync().await?;
    let dropped = bench.append(&remember(3)).await?;
    bench.journal.roll_back().await;
    let third = bench.append(&remember(4)).await?;
    bench.sync().await?;
    ensure!(first < second && second < third, "{first} {second} {third}");
    ensure!(*bench.journal.applied().borrow() >= third.max(dropped.min(third)));
    Ok(())
}

/// A group of commands that changed nothing.
pub async fn syncing_nothing_is_no_fault(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    bench.journal.sync().await?;
    bench.journal.load(&[]).await?;
    bench.journal.sync().await?;
    bench.journal.roll_back().await;
    bench.commit(&[remember(1)]).await
}

/// A cache that is too small for one command forgets, and nothing else changes.
pub async fn forgets_answers_and_looks_them_up_again(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::with_a_small_cache(backend).await?;
    for n in 1..8 {
        bench.commit(&[one_of_each(n)]).await?;
        let slice = bench.journal.load(&[Need::all::<RiskProvider>()]).await?;
        ensure!(slice.all::<RiskProvider>().len() == usize::from(n), "after {n}");
    }
    Ok(())
}
