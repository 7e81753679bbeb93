//! Reads of the index: order, pages, receipts, what has expired.

use anyhow::{Result, ensure};
use watchfire_model::{
    object::{Kind, Object},
    row::{Decision, Handling, Row},
    time::Timestamp,
};
use watchfire_store::index::{PageQuery, RangeQuery, ReceiptQuery};

use super::{
    Bench, at,
    rows::{membership, provider, put, receipt, revoked, set_receipt},
};
use crate::backend::Backend;

fn ids(objects: &[Object]) -> Vec<String> {
    objects.iter().map(|object| object.keys().id).collect()
}

/// Ids say nothing of the order.
pub async fn lists_in_the_order_of_making(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    let made = ["rkpC", "rkpA", "rkpB"];
    bench.commit(&made.map(|id| put(provider(id, id)))).await?;
    ensure!(ids(&bench.index.all(Kind::RiskProvider).await?) == made);
    Ok(())
}

/// Every object once, whatever the size of the page, while objects before it go.
pub async fn pages_without_gaps_or_repeats(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    let made: Vec<String> = (0..7).map(|n| format!("rkp{}", (n * 3) % 7)).collect();
    let decisions: Vec<_> = made.iter().map(|id| put(provider(id, id))).collect();
    bench.commit(&decisions).await?;
    for limit in 1..9 {
        let mut query = PageQuery {
            kind: Kind::RiskProvider,
            parent: None,
            after: 0,
            limit,
        };
        let mut got = Vec::new();
        loop {
            let page = bench.index.page(&query).await?;
            ensure!(page.objects.len() <= usize::try_from(limit)?);
            got.extend(ids(&page.objects));
            match page.next {
                Some(next) => query.after = next,
                None => break,
            }
        }
        ensure!(got == made, "limit {limit}: {got:?}");
    }
    Ok(())
}

/// Ids from one on and before another, in their own order, whoever came first.
pub async fn reads_a_range_of_ids(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    let made = ["rkpD", "rkpA", "rkpC", "rkpB", "rkpa"];
    // Names are compared without their case, ids are not.
    bench
        .commit(&made.map(|id| put(provider(id, &format!("{} {id}", id.ends_with('a'))))))
        .await?;
    let mut query = RangeQuery {
        kind: Kind::RiskProvider,
        parent: None,
        from: "rkpB".to_owned(),
        until: "rkpa".to_owned(),
        descending: false,
        limit: 10,
    };
    ensure!(ids(&bench.index.in_order(&query).await?) == ["rkpB", "rkpC", "rkpD"]);
    query.descending = true;
    query.limit = 2;
    ensure!(ids(&bench.index.in_order(&query).await?) == ["rkpD", "rkpC"]);
    query.parent = Some("00u1".to_owned());
    ensure!(bench.index.in_order(&query).await?.is_empty());
    Ok(())
}

/// A change does not move an object to the end.
pub async fn keeps_its_place_when_replaced(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    bench
        .commit(&["rkpA", "rkpB", "rkpC"].map(|id| put(provider(id, id))))
        .await?;
    bench.commit(&[put(provider("rkpA", "Renamed"))]).await?;
    ensure!(ids(&bench.index.all(Kind::RiskProvider).await?) == ["rkpA", "rkpB", "rkpC"]);
    ensure!(bench.index.find(Kind::RiskProvider, "rkpa").await?.is_none());
    ensure!(bench.index.find(Kind::RiskProvider, "renamed").await?.is_some());
    Ok(())
}

/// What is made after a restart stands behind what was made before.
pub async fn goes_on_counting_after_reopening(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    bench.commit(&["rkpC", "rkpB"].map(|id| put(provider(id, id)))).await?;
    let mut bench = bench.reopen().await?;
    bench.commit(&[put(provider("rkpA", "A"))]).await?;
    ensure!(ids(&bench.index.all(Kind::RiskProvider).await?) == ["rkpC", "rkpB", "rkpA"]);
    Ok(())
}

/// By the key that must be unique, and by what an object belongs to.
pub async fn finds_by_natural_key_and_parent(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    let mut decision = Decision::new();
    decision.put(provider("rkpA", "Ünïque"));
    decision.put(membership("00uA", "00gB"));
    decision.put(membership("00uA", "00gA"));
    decision.put(membership("00uB", "00gA"));
    bench.commit(&[decision]).await?;
    let found = bench.index.find(Kind::RiskProvider, "ünïque").await?;
    ensure!(found.is_some_and(|object| object.keys().id == "rkpA"));
    let members = bench.index.children(Kind::Membership, "00uA").await?;
    ensure!(ids(&members) == ["00gB.00uA", "00gA.00uA"], "{members:?}");
    ensure!(bench.index.children(Kind::Membership, "00uC").await?.is_empty());
    ensure!(bench.index.count(Kind::Membership).await? == 3);
    Ok(())
}

/// Oldest first, page by page, without those whose last signal has expired.
pub async fn gives_receipts_that_have_not_expired(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    let mut decision = Decision::new();
    for (id, received, expires) in [("rcpC", 1, 50), ("rcpB", 2, 10), ("rcpA", 2, 50), ("rcpD", 2, 50)] {
        decision.rows.push(Row::Receipt(receipt(id, at(received), at(expires))));
    }
    bench.commit(&[decision]).await?;
    let mut after = (Timestamp::from_micros(i64::MIN), String::new());
    let mut got = Vec::new();
    loop {
        let page = bench.index.live_receipts(at(20), after.clone(), 1).await?;
        let Some(last) = page.last() else { break };
        after = (last.received_at, last.id.clone());
        got.extend(page.iter().map(|receipt| receipt.id.clone()));
    }
    ensure!(got == ["rcpC", "rcpA", "rcpD"], "{got:?}");
    ensure!(bench.index.receipt_count().await? == 4);
    let stored = bench.index.receipt("rcpB").await?;
    ensure!(stored.is_some_and(|it| it.body.starts_with(r#"[{"subjects""#) && it.received_at == at(2)));
    Ok(())
}

/// Of both kinds, each once, and by what became of them.
pub async fn pages_through_receipts_newest_first(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    let mut decision = Decision::new();
    decision.rows.push(Row::Receipt(receipt("rcpA", at(1), at(50))));
    for (id, provider, received, handling) in [
        ("rcpB", "sseA", 2, Handling::Handled),
        ("rcpC", "sseB", 2, Handling::Unbound),
        ("rcpD", "sseA", 3, Handling::NotPermitted),
        ("rcpE", "sseA", 4, Handling::Unbound),
    ] {
        let row = set_receipt(id, provider, at(received), handling);
        decision.rows.push(Row::Receipt(row));
    }
    bench.commit(&[decision]).await?;
    let page = |query: ReceiptQuery| {
        let index = std::sync::Arc::clone(&bench.index);
        async move {
            let query = ReceiptQuery {
                limit: if query.limit == 0 { 10 } else { query.limit },
                ..query
            };
            let receipts = index.receipts(&query).await?;
            Ok::<_, anyhow::Error>(receipts.into_iter().map(|it| it.id).collect::<Vec<_>>())
        }
    };
    let mut query = ReceiptQuery {
        limit: 2,
        ..ReceiptQuery::default()
    };
    let mut got = Vec::new();
    loop {
        let ids = page(query.clone()).await?;
        let Some(last) = ids.last() else { break };
        let last = bench.index.receipt(last).await?.map(|it| (it.received_at, it.id));
        query.after = last;
        got.extend(ids);
    }
    ensure!(got == ["rcpE", "rcpD", "rcpC", "rcpB", "rcpA"], "{got:?}");

    let by = |handling| ReceiptQuery {
        handling: Some(handling),
        ..ReceiptQuery::default()
    };
    ensure!(page(by(Handling::Unbound)).await? == ["rcpE", "rcpC"]);
    ensure!(page(by(Handling::OptedOut)).await?.is_empty());
    let mut of_one = by(Handling::Unbound);
    of_one.provider = Some("sseA".to_owned());
    ensure!(page(of_one).await? == ["rcpE"]);
    let between = ReceiptQuery {
        since: Some(at(2)),
        until: Some(at(3)),
        ..ReceiptQuery::default()
    };
    ensure!(page(between).await? == ["rcpC", "rcpB"]);
    let stored = bench.index.receipt("rcpC").await?;
    ensure!(stored.is_some_and(|it| it.kind == "security_events" && it.note.is_some_and(|note| note.events.len() == 1)));
    Ok(())
}

/// Only what has an end, and only after it.
pub async fn purges_what_has_expired(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    let mut decision = Decision::new();
    decision.put(revoked("old", at(10)));
    decision.put(revoked("new", at(30)));
    decision.put(provider("rkpA", "A"));
    bench.commit(&[decision]).await?;
    let purged = bench.journal.purge(at(20)).await?;
    ensure!(purged == 1, "{purged}");
    ensure!(bench.index.get(Kind::RevokedToken, "old").await?.is_none());
    ensure!(bench.index.get(Kind::RevokedToken, "new").await?.is_some());
    ensure!(bench.index.count(Kind::RiskProvider).await? == 1);
    ensure!(bench.journal.purge(at(20)).await? == 0);
    Ok(())
}

/// A receipt stays as long as the log may show its event, and as long as a signal of it counts.
pub async fn keeps_receipts_as_long_as_the_log(backend: &dyn Backend) -> Result<()> {
    let mut bench = Bench::open(backend).await?;
    let retention = watchfire_model::log::RETENTION;
    let mut decision = Decision::new();
    let late = at(10).plus(retention);
    for (id, received, expires) in [("rcpOld", at(1), at(5)), ("rcpLive", at(1), late), ("rcpNew", at(9), at(9))] {
        decision.rows.push(Row::Receipt(receipt(id, received, expires)));
    }
    bench.commit(&[decision]).await?;
    bench.journal.purge(at(5).plus(retention)).await?;
    let mut kept = Vec::new();
    for id in ["rcpOld", "rcpLive", "rcpNew"] {
        kept.push(bench.index.receipt(id).await?.is_some());
    }
    ensure!(kept == [false, true, true], "{kept:?}");
    Ok(())
}
