//! From an open store to a running application.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use watchfire_crypto::digest::sha256_hex;
use watchfire_domain::{
    behavior::EnsureBehaviors,
    bootstrap::{Bootstrap, Bootstrapped},
    entity_risk_policy::EnsureEntityRiskPolicy,
    risk_event::RiskEvents,
};
use watchfire_model::{
    id::{ReceiptId, RiskProviderId},
    object::{ActionState, Kind, Object},
    time::Timestamp,
};
use watchfire_store::{
    cluster::Nodes,
    index::{Index, PageQuery},
    journal::Journal,
};

use crate::{
    App, Clock, Entropy, Error, Given, Result, Vault,
    duty::Duty,
    entropy::url_safe,
    identity::{
        population_keeper::load_population,
        signing_keys::{generate, seal_new},
    },
    ids::KeyedIds,
    response::delivery::Delivery,
    sequencer::{Ended, Sequencer},
    settings::Settings,
    state::{Directory, State},
};

/// Everything that an application is made of.
#[derive(Debug)]
pub struct Parts<J> {
    /// Where decisions become durable.
    pub journal: J,
    /// Where they are found again.
    pub index: Arc<dyn Index>,
    /// What this node shares with others, where the store is one for several.
    pub nodes: Option<Nodes>,
    /// The number of this process start.
    pub epoch: u64,
    /// No decision is dated before this.
    pub last_decision: Timestamp,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The key from outside the database.
    pub vault: Vault,
    /// What the operator decided.
    pub settings: Settings,
    /// The first administrator's token, where the operator chose one.
    pub first_token: Option<String>,
}

/// A running application.
#[derive(Debug)]
pub struct Started {
    /// The use cases.
    pub app: App,
    /// The first administrator's token, when this was the first start: it is not kept anywhere.
    pub first_token: Option<String>,
    /// What the first administrator's link to the Admin Console ends with, until it was used once.
    pub first_invitation: Option<String>,
    /// The sequencer; it ends when `stop` is cancelled or a sync fails.
    pub sequencer: JoinHandle<Ended>,
}

/// Loads the hot state, starts the sequencer and makes the organisation if there is none.
///
/// # Errors
/// When the store does not answer, or its keys were sealed under another key file.
pub async fn start<J: Journal + 'static>(parts: Parts<J>, stop: CancellationToken) -> Result<Started> {
    let state = Arc::new(
        State::new(parts.settings.signals)
            .with_outbox(parts.settings.delivery.outbox)
            .with_hook_quota(parts.settings.delivery.hook_quota),
    );
    // What others decide from the state on that is loaded comes by the journal: nothing twice, and nothing not at all.
    let (loading, cluster) = match parts.nodes {
        Some(nodes) => (nodes.loading, Some(nodes.cluster)),
        None => (Arc::clone(&parts.index), None),
    };
    load_directory(&*loading, &state).await?;
    load_hook_quota(&*loading, &state, parts.clock.now()).await?;
    load_signals(&*loading, &state, parts.clock.now()).await?;
    load_at_risk(&*loading, &state).await?;
    load_population(&*loading, &state, &parts.settings.sign_ins).await?;
    drop(loading);
    let ids = KeyedIds::new(parts.vault.id_key(), parts.epoch);
    let (sequencer, commands) = Sequencer::new(
        parts.journal,
        Arc::clone(&state),
        Arc::clone(&parts.clock),
        ids,
        parts.last_decision,
        parts.settings.sequencer,
    );
    // Whatever works by itself ends before the sequencer, so that its last results are written down.
    let sequencer_stop = CancellationToken::new();
    let sequencer = tokio::spawn(sequencer.run(sequencer_stop.clone()));
    let epoch = parts.epoch;
    let app = App::new(
        commands,
        parts.index,
        state,
        Given {
            clock: parts.clock,
            entropy: parts.entropy,
            vault: parts.vault,
            settings: parts.settings,
            cluster: cluster.clone(),
        },
    )?;
    let first_token = make_organisation(&app, parts.first_token).await?;
    app.commands.run(EnsureEntityRiskPolicy).await?;
    app.commands.run(EnsureBehaviors).await?;
    let first_invitation = app.first_invitation().await?;
    app.open_signing_keys()?;
    app.refresh_geo_data().await;
    if app.settings.geo.folder.is_some() {
        tokio::spawn(app.clone().keep_geo_data(stop.clone()));
    }
    tokio::spawn(app.clone().watch_hook_quota(stop.clone()));
    if cluster.is_some() {
        tokio::spawn(app.clone().follow_signing_keys(stop.clone()));
    }
    let duty = Duty::begin(cluster, &stop).await;
    let workers = vec![
        duty.work({
            let (app, on_duty) = (app.clone(), duty.watch());
            move |stop| Delivery::new(app.clone(), epoch, on_duty.clone()).run(stop)
        }),
        duty.work({
            let app = app.clone();
            move |stop| app.clone().keep_streams_in(stop)
        }),
        duty.work({
            let app = app.clone();
            move |stop| app.clone().keep_log_streams(epoch, stop)
        }),
        duty.work({
            let app = app.clone();
            move |stop| app.clone().keep_population(stop)
        }),
    ];
    duty.work({
        let app = app.clone();
        move |stop| app.clone().keep_thresholds(stop)
    });
    if let Some(lifetime) = app.settings.signing_key_lifetime {
        let app = app.clone();
        duty.work(move |stop| app.clone().rotate_when_due(lifetime, stop));
    }
    if let Some(period) = app.settings.metadata.refresh {
        let app = app.clone();
        duty.work(move |stop| app.clone().refresh_metadata_when_due(period, stop));
    }
    tokio::spawn(end_in_order(stop, duty, workers, sequencer_stop));
    Ok(Started {
        app,
        first_token,
        first_invitation,
        sequencer,
    })
}

/// Ends the sequencer once the workers have ended. Each of them takes a short time of its own.
async fn end_in_order(stop: CancellationToken, duty: Duty, workers: Vec<JoinHandle<()>>, sequencer: CancellationToken) {
    stop.cancelled().await;
    for worker in workers {
        if worker.await.is_err() {
            tracing::error!("a worker has panicked");
        }
    }
    duty.let_go().await;
    sequencer.cancel();
}

async fn load_directory(index: &dyn Index, state: &State) -> Result<()> {
    let mut objects = Vec::new();
    for kind in Directory::KINDS {
        objects.extend(index.all(*kind).await?);
    }
    let owners: Vec<String> = objects
        .iter()
        .filter_map(|object| match object {
            Object::ApiToken(token) => Some(token.user_id.to_string()),
            Object::Administrator(administrator) => Some(administrator.user_id.to_string()),
            _ => None,
        })
        .collect();
    for owner in owners {
        objects.extend(index.get(Kind::User, &owner).await?);
    }
    state.load(objects);
    Ok(())
}

/// Deliveries that are read at one time while they are counted.
const DELIVERY_PAGE: u32 = 1_000;

/// What event hooks were given in the last day. Such rows are kept for a day, so that all are there.
async fn load_hook_quota(index: &dyn Index, state: &State, now: Timestamp) -> Result<()> {
    if state.directory().event_hooks().next().is_none() {
        return Ok(());
    }
    for action_state in [ActionState::Pending, ActionState::Done, ActionState::Dead] {
        let mut query = PageQuery {
            kind: Kind::Action,
            parent: Some(action_state.as_str().to_owned()),
            after: 0,
            limit: DELIVERY_PAGE,
        };
        loop {
            let page = index.page(&query).await?;
            for object in &page.objects {
                if let Object::Action(action) = object {
                    state.hook_quota().load(action, now);
                }
            }
            match page.next {
                Some(next) => query.after = next,
                None => break,
            }
        }
    }
    Ok(())
}

/// Records of risk that are read at one time while those at risk are looked for.
const RISK_PAGE: u32 = 1_000;

/// Against whom something speaks, out of everybody of whom anything is known.
async fn load_at_risk(index: &dyn Index, state: &State) -> Result<()> {
    let mut query = PageQuery {
        kind: Kind::EntityRisk,
        parent: None,
        after: 0,
        limit: RISK_PAGE,
    };
    loop {
        let page = index.page(&query).await?;
        for object in &page.objects {
            if let Object::EntityRisk(risk) = object {
                state.at_risk().put(risk);
            }
        }
        match page.next {
            Some(next) => query.after = next,
            None => return Ok(()),
        }
    }
}

/// Receipts that are read at one time while the table of addresses is rebuilt.
const RECEIPT_PAGE: u32 = 500;

/// The table of addresses is rebuilt from what has not expired.
async fn load_signals(index: &dyn Index, state: &State, now: Timestamp) -> Result<()> {
    let mut after = (Timestamp::from_micros(i64::MIN), String::new());
    loop {
        let receipts = index.live_receipts(now, after.clone(), RECEIPT_PAGE).await?;
        let Some(last) = receipts.last() else { return Ok(()) };
        after = (last.received_at, last.id.clone());
        for receipt in &receipts {
            let corrupt = || Error::internal(format!("receipt {} cannot be read", receipt.id));
            let body: serde_json::Value = serde_json::from_str(&receipt.body).map_err(|_| corrupt())?;
            let signals = RiskEvents::read(&body).map_err(|_| corrupt())?.effective(receipt.received_at);
            let said = (RiskProviderId::new(&receipt.provider), ReceiptId::new(&receipt.id));
            state.hear((&said.0, &said.1), receipt.received_at, &signals, now);
        }
    }
}

/// Characters of a made API token behind its `00`.
const TOKEN_CHARS: usize = 40;

/// A fresh API token secret (okta.md 1.1: it begins with `00`).
pub(crate) fn new_token(entropy: &dyn Entropy) -> String {
    format!("00{}", url_safe(entropy, TOKEN_CHARS))
}

async fn make_organisation(app: &App, chosen: Option<String>) -> Result<Option<String>> {
    if app.state.directory().org().is_some() {
        return Ok(None);
    }
    let key = generate().await?;
    let token = chosen.unwrap_or_else(|| new_token(&*app.entropy));
    let command = Bootstrap {
        token_hash: sha256_hex(&token),
        signing_key: seal_new(&app.vault, &key)?,
    };
    match app.commands.run(command).await? {
        Bootstrapped::FirstStart => Ok(Some(token)),
        Bootstrapped::Existing => Ok(None),
    }
}
