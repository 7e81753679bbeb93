//! Reads the records of a range page by page. Never more than a page and the policies of a few times are in
//! memory, beside the report.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use watchfire_domain::simulation::{Changes, Report};
use watchfire_engine::policy::PolicySet;
use watchfire_model::{
    object::{PolicySnapshot, SignInRecord},
    time::Timestamp,
};

use super::{
    Held,
    job::{Job, Policies, SimulationStatus},
};
use crate::{App, Error, Result, insight::sign_ins::SignInQuery};

/// The policies that sign-ins of a page are decided by, by their revision.
type Kept = BTreeMap<String, Arc<PolicySnapshot>>;

pub(super) async fn run(app: App, job: Arc<Job>) {
    let read = read(&app, &job).await;
    let now = app.clock().now();
    match read {
        Ok(Some(report)) => job.end(SimulationStatus::Done, Some(report), now),
        Ok(None) => job.end(SimulationStatus::Cancelled, None, now),
        Err(error) => {
            tracing::warn!(simulation = %job.id, error = %error, "a simulation failed");
            job.end(SimulationStatus::Failed, None, now);
        }
    }
}

/// The report; `None` when somebody has ended it.
async fn read(app: &App, job: &Job) -> Result<Option<Report>> {
    let asked = job.view();
    let mut report = Report::new(app.report_limits(asked.limit));
    let mut query = SignInQuery {
        since: asked.since,
        until: Some(asked.until),
        limit: app.settings().simulations.page,
        ..SignInQuery::default()
    };
    let (mut kept, mut read, mut first) = (Kept::new(), 0_u64, asked.since);
    loop {
        if job.is_cancelled() {
            return Ok(None);
        }
        let page = app.sign_ins_between(query.clone()).await?;
        read = read.saturating_add(u64::try_from(page.items.len()).unwrap_or(u64::MAX));
        let last = page.items.last().map(|record| record.at);
        first = first.or_else(|| page.items.first().map(|record| record.at));
        let records = page.items.len();
        for part in parts(page.items, app.settings().simulations.policies) {
            kept = policies(app, job, &part, kept).await?;
            job.holds(Held {
                records,
                policies: kept.len(),
            });
            report = compare(report, part, kept.clone(), job).await?;
        }
        job.progress(read, percent(first, last, asked.until));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(Some(report)),
        }
    }
}

/// The records of a page in their order, cut where the policies of more than so many times would be needed.
fn parts(records: Vec<SignInRecord>, most: usize) -> Vec<Vec<SignInRecord>> {
    let (mut parts, mut part, mut revisions) = (Vec::new(), Vec::new(), BTreeSet::new());
    for record in records {
        if revisions.insert(record.asked.revision.clone()) && revisions.len() > most.max(1) {
            revisions = BTreeSet::from([record.asked.revision.clone()]);
            parts.push(std::mem::take(&mut part));
        }
        part.push(record);
    }
    parts.push(part);
    parts
}

/// The policies of these sign-ins; those of the ones before are not read again.
async fn policies(app: &App, job: &Job, records: &[SignInRecord], mut before: Kept) -> Result<Kept> {
    let mut kept = Kept::new();
    if matches!(job.policies, Policies::Draft(_)) {
        return Ok(kept);
    }
    let revisions: BTreeSet<&String> = records.iter().map(|record| &record.asked.revision).collect();
    // What is not needed any more goes before anything else is read.
    before.retain(|revision, _| revisions.contains(revision));
    for revision in revisions {
        let found = match before.remove(revision) {
            Some(known) => Some(known),
            None => app.get::<PolicySnapshot>(revision).await?.map(Arc::new),
        };
        if let Some(found) = found {
            kept.insert(revision.clone(), found);
        }
    }
    Ok(kept)
}

/// Judging is work for the processor: it must not keep sign-ins waiting.
async fn compare(mut report: Report, records: Vec<SignInRecord>, kept: Kept, job: &Job) -> Result<Report> {
    let changes: Arc<Changes> = Arc::clone(&job.changes);
    let draft = match &job.policies {
        Policies::OfTheTime => None,
        Policies::Draft(draft) => Some(Arc::clone(draft)),
    };
    let work = move || {
        for record in &records {
            let by = draft.as_ref().or_else(|| kept.get(&record.asked.revision));
            let policies = by.map(|policies| PolicySet::of(policies));
            report.replay(record, policies.as_ref(), draft.is_some(), &changes);
        }
        report
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

fn percent(first: Option<Timestamp>, last: Option<Timestamp>, until: Timestamp) -> u8 {
    let Some((first, last)) = first.zip(last) else {
        return 0;
    };
    let (done, all) = (last.since(first).as_millis(), until.since(first).as_millis());
    let percent = done.saturating_mul(100).checked_div(all).unwrap_or(0);
    u8::try_from(percent).unwrap_or(99).min(99)
}
