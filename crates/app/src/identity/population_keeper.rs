//! Keeps the statistics of everybody's sign-ins between starts: every so often, and at the end.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use watchfire_crypto::base64url;
use watchfire_domain::population::{KeepPopulation, KeepPopulationPart};
use watchfire_engine::model::Population;
use watchfire_model::{
    id::SignInId,
    object::{Kind, Object, PopulationPart, PopulationSnapshot, SignInRecord, TypedObject as _},
};
use watchfire_store::index::{Index, RangeQuery};

use crate::{
    App, Error, Result,
    identity::SignInLimits,
    sequencer::ErrorChain,
    state::{State, Until},
};

/// Bytes of a part: a command that does not hold up others.
const PART: usize = 192 * 1_024;
/// Records that are read at one time.
const PAGE: u32 = 500;
/// How long a sign-in of our own may wait for its second factor, and then some.
const OWN_SIGN_INS: Duration = Duration::from_secs(10 * 60);

impl App {
    /// Keeps the statistics every so often, and once more when `stop` is cancelled.
    pub(crate) async fn keep_population(self, stop: CancellationToken) {
        let mut kept = self.state.statistics().changes();
        loop {
            let is_over = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(self.settings.sign_ins.population_every) => false,
            };
            if self.state.statistics().changes() != kept {
                match self.keep_population_now().await {
                    Ok(changes) => kept = changes,
                    Err(error) => tracing::warn!(error = %ErrorChain(&error), "the statistics of sign-ins were not kept"),
                }
            }
            if is_over {
                return;
            }
        }
    }

    /// Keeps the statistics as they are. Gives how many changes led to them.
    async fn keep_population_now(&self) -> Result<u64> {
        let state = Arc::clone(&self.state);
        let snapshot = tokio::task::spawn_blocking(move || state.statistics().snapshot());
        let snapshot = snapshot.await.map_err(Error::internal)?;
        let before = self.get::<PopulationSnapshot>(PopulationSnapshot::ID).await?;
        let slot = before.map_or(0, |before| 1 - before.slot.min(1));
        let mut parts = 0;
        for bytes in snapshot.bytes.chunks(PART) {
            let part = PopulationPart {
                id: PopulationPart::id(slot, parts),
                bytes: base64url::encode(bytes),
            };
            self.commands.run(KeepPopulationPart(part)).await?;
            parts += 1;
        }
        let kept = PopulationSnapshot {
            slot,
            parts,
            latest: snapshot.until.latest,
            counted: snapshot.until.counted,
        };
        self.commands.run(KeepPopulation(kept)).await?;
        Ok(snapshot.changes)
    }
}

/// Loads what was kept, and counts what was learnt since. Statistics that cannot be read are made anew
/// from the records that are there.
pub(crate) async fn load_population(index: &dyn Index, state: &State, limits: &SignInLimits) -> Result<()> {
    let until = match kept(index).await? {
        Some((population, until)) => {
            state.statistics().restore(population, until.clone());
            until
        }
        None => Until::default(),
    };
    // A sign-in is learnt when its outcome is told, which is later than its id.
    let since = until.latest.minus(limits.outcome_within.max(OWN_SIGN_INS));
    let mut from = SignInId::first_at(since).to_string();
    loop {
        let query = RangeQuery {
            kind: Kind::SignInRecord,
            parent: None,
            from,
            until: format!("{}~", SignInId::PREFIX),
            descending: false,
            limit: PAGE,
        };
        let page = index.in_order(&query).await?;
        let Some(last) = page.last() else { return Ok(()) };
        from = format!("{}0", last.keys().id);
        for record in page.into_iter().filter_map(SignInRecord::from_object) {
            state.statistics().catch_up(&record, &until);
        }
    }
}

async fn kept(index: &dyn Index) -> Result<Option<(Population, Until)>> {
    let found = index.get(Kind::PopulationSnapshot, PopulationSnapshot::ID).await?;
    let Some(snapshot) = found.and_then(PopulationSnapshot::from_object) else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    for number in 0..snapshot.parts {
        let part = index
            .get(Kind::PopulationPart, &PopulationPart::id(snapshot.slot, number))
            .await?;
        match part {
            Some(Object::PopulationPart(part)) => bytes.extend(base64url::decode(&part.bytes).unwrap_or_default()),
            _ => break,
        }
    }
    match Population::from_bytes(&bytes) {
        Ok(population) => Ok(Some((
            population,
            Until {
                latest: snapshot.latest,
                counted: snapshot.counted,
            },
        ))),
        Err(error) => {
            tracing::warn!(%error, "the statistics of sign-ins cannot be read and are made anew");
            Ok(None)
        }
    }
}
