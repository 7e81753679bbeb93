//! Learns the thresholds once a day from the honest sign-ins of the day before, where administrators want it.

use std::{collections::HashMap, time::Duration};

use tokio_util::sync::CancellationToken;
use watchfire_domain::{risk_tuning::FitThresholds, sign_in::recorded_basis};
use watchfire_engine::{
    learning::{bin_of, day_of},
    model::MODEL_VERSION,
};
use watchfire_model::{
    id::UserId,
    object::{EvidenceDay, RiskTuning, SignInRecord, ThresholdLearning},
    time::Timestamp,
};

use crate::{App, Result, insight::sign_ins::SignInQuery, sequencer::ErrorChain};

/// How often it is looked whether a day is over.
const EVERY: Duration = Duration::from_secs(30 * 60);
/// Records that are read at one time.
const PAGE: u32 = 500;
/// Records of a day that are looked at; of a busier day, the first.
const MOST_RECORDS: usize = 200_000;
/// Sign-ins of one user that count on a day, so that nobody moves the thresholds alone.
const OF_A_USER: u32 = 3;
const DAY_SECONDS: i64 = 86_400;

impl App {
    /// Learns the thresholds whenever a day is over, until `stop` is cancelled.
    pub(crate) async fn keep_thresholds(self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.learn_thresholds().await {
                tracing::warn!(error = %ErrorChain(&error), "the thresholds were not learnt");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Learns from the day before, unless that has been done or is not wanted. Says whether it has.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn learn_thresholds(&self) -> Result<bool> {
        let tuning = self.get::<RiskTuning>(RiskTuning::ID).await?;
        if !tuning.is_some_and(|tuning| tuning.thresholds.learn) {
            return Ok(false);
        }
        let yesterday = day_of(self.clock.now()).saturating_sub(1);
        let learnt = self.get::<ThresholdLearning>(ThresholdLearning::ID).await?;
        let last = learnt.and_then(|learnt| learnt.days.last().map(|day| day.day));
        if last.is_some_and(|last| last >= yesterday) {
            return Ok(false);
        }
        let command = FitThresholds {
            day: self.evidence_of_day(yesterday).await?,
            set: self.settings.sign_ins.model,
        };
        Ok(self.commands.run(command).await?.is_some())
    }

    async fn evidence_of_day(&self, day: i64) -> Result<EvidenceDay> {
        let start = day.saturating_mul(DAY_SECONDS);
        let mut query = SignInQuery {
            since: Some(Timestamp::from_seconds(start)),
            until: Some(Timestamp::from_seconds(start.saturating_add(DAY_SECONDS))),
            limit: PAGE,
            ..SignInQuery::default()
        };
        let mut counted = EvidenceDay {
            day,
            ..EvidenceDay::default()
        };
        let (mut users, mut read): (HashMap<UserId, u32>, usize) = (HashMap::new(), 0);
        loop {
            let page = self.recorded_sign_ins(query.clone()).await?;
            read = read.saturating_add(page.items.len());
            for record in &page.items {
                count(record, &mut users, &mut counted);
            }
            match page.next.filter(|_| read < MOST_RECORDS) {
                Some(next) => query.after = Some(next),
                None => return Ok(counted),
            }
        }
    }
}

/// A sign-in that let its user in, and that could be compared with others of the user.
fn count(record: &SignInRecord, users: &mut HashMap<UserId, u32>, counted: &mut EvidenceDay) {
    let basis = recorded_basis(record).filter(|basis| basis.version == MODEL_VERSION && basis.successes > 0);
    let Some(basis) = basis.filter(|_| record.state.is_success()) else {
        return;
    };
    let of_user = users.entry(record.user_id.clone()).or_default();
    if *of_user >= OF_A_USER {
        return;
    }
    *of_user = of_user.saturating_add(1);
    let bin = counted.bins.entry(bin_of(basis.verdict().evidence)).or_default();
    *bin = bin.saturating_add(1);
}
