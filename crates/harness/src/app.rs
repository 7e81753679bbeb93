//! The application over a real store in a temporary folder.

use std::{net::IpAddr, net::Ipv4Addr, path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use watchfire_app::{
    App, Clock, Parts, Settings, Started, Vault, access::Principal, intake::risk_events::RiskCall, sequencer::Ended, start,
};
use watchfire_model::{log::RequestOrigin, object::RiskProvider, row::Decision, time::Timestamp};
use watchfire_store::{index::Index, settings::Settings as StoreSettings};

use crate::{
    backend::{self, Backend, Opened},
    clock::FakeClock,
    entropy::SeededEntropy,
};

/// The org URL of a test.
pub const ORG_URL: &str = "https://org.example";
/// The first administrator's token of a test.
pub const ADMIN_TOKEN: &str = "00test-administrator-token";

/// What a test's application is made of.
#[derive(Debug)]
pub struct Builder {
    /// The environment's, unless the test has one.
    backend: Option<Arc<dyn Backend>>,
    folder: Option<Arc<TempDir>>,
    clock: Arc<FakeClock>,
    store: StoreSettings,
    settings: Settings,
    seed: u64,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            backend: None,
            folder: None,
            clock: Arc::default(),
            store: StoreSettings::default(),
            // Tests make more calls a minute than a provider may.
            settings: Settings {
                token_calls_per_second: 0,
                risk_calls_per_minute: 0,
                api_calls_per_minute: 0,
                logins_per_second: 0,
                sign_in_calls_per_second: 0,
                ..Settings::new(ORG_URL)
            },
            seed: 1,
        }
    }
}

impl Builder {
    /// Keeps decisions in `backend`.
    #[must_use]
    pub fn backend(mut self, backend: impl Backend + 'static) -> Self {
        self.backend = Some(Arc::new(backend));
        self
    }

    /// Uses a folder that the test has made.
    #[must_use]
    pub fn folder(mut self, folder: TempDir) -> Self {
        self.folder = Some(Arc::new(folder));
        self
    }

    /// Uses a folder that others use too.
    #[must_use]
    pub fn shared_folder(mut self, folder: Arc<TempDir>) -> Self {
        self.folder = Some(folder);
        self
    }

    /// Draws other bytes: two nodes on one store must.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Changes the settings of the use cases.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Changes the settings of the store.
    #[must_use]
    pub fn store(mut self, change: impl FnOnce(&mut StoreSettings)) -> Self {
        change(&mut self.store);
        self
    }

    async fn open(&self, folder: &Path) -> Result<Opened> {
        let backend = match &self.backend {
            Some(backend) => Arc::clone(backend),
            None => backend::of_environment()?,
        };
        backend.open(folder, &self.store).await
    }

    /// Opens the store and starts.
    ///
    /// # Errors
    /// When either does not work.
    pub async fn start(self) -> Result<TestApp> {
        let folder = match &self.folder {
            Some(folder) => Arc::clone(folder),
            None => Arc::new(tempfile::tempdir()?),
        };
        let opened = self.open(folder.path()).await?;
        let stop = CancellationToken::new();
        let clock: Arc<dyn Clock> = Arc::<FakeClock>::clone(&self.clock);
        let parts = Parts {
            journal: opened.journal,
            index: Arc::clone(&opened.index),
            nodes: opened.nodes,
            epoch: opened.epoch,
            last_decision: opened.last_decision,
            clock,
            entropy: Arc::new(SeededEntropy::new(self.seed)),
            vault: Vault::new(&[7; 32])?,
            settings: self.settings.clone(),
            first_token: Some(ADMIN_TOKEN.to_owned()),
        };
        let Started {
            app,
            first_token,
            first_invitation,
            sequencer,
        } = start(parts, stop.clone()).await?;
        Ok(TestApp {
            app,
            clock: Arc::clone(&self.clock),
            index: opened.index,
            first_start: first_token.is_some(),
            first_invitation,
            builder: self,
            folder,
            sequencer,
            stop: stop.drop_guard(),
        })
    }
}

/// A running application.
#[derive(Debug)]
pub struct TestApp {
    /// The use cases.
    pub app: App,
    /// Time.
    pub clock: Arc<FakeClock>,
    /// The index, past the rule that reads wait for it.
    pub index: Arc<dyn Index>,
    /// Whether the store was empty.
    pub first_start: bool,
    /// What the first administrator's link to the Admin Console ends with.
    pub first_invitation: Option<String>,
    builder: Builder,
    folder: Arc<TempDir>,
    sequencer: JoinHandle<Ended>,
    stop: DropGuard,
}

impl TestApp {
    /// What it shall be made of.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// With everything as it comes.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// What the clock shows.
    pub fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The folder of the store.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The first administrator.
    ///
    /// # Errors
    /// When the token is not taken.
    pub fn administrator(&self) -> Result<Principal> {
        Ok(self
            .app
            .authenticate_api_token(ADMIN_TOKEN, IpAddr::V4(Ipv4Addr::LOCALHOST))?)
    }

    /// The one provider that there is after the first start.
    ///
    /// # Errors
    /// When it is gone.
    pub fn default_provider(&self) -> Result<RiskProvider> {
        let directory = self.app.state().directory();
        directory
            .risk_providers()
            .next()
            .map(|it| (**it).clone())
            .context("no provider")
    }

    /// Sends a risk call about `ip` for the default provider.
    ///
    /// # Errors
    /// As the use case.
    pub async fn send_risk(&self, ip: &str, idempotency_key: Option<&str>) -> watchfire_app::Result<()> {
        let (caller, provider) = (self.administrator(), self.default_provider());
        let caller = caller.map_err(|e| watchfire_app::Error::internal(e.to_string()))?;
        let provider = provider.map_err(|e| watchfire_app::Error::internal(e.to_string()))?;
        let parsed = serde_json::json!([{ "subjects": [{ "ip": ip, "riskLevel": "HIGH" }] }]);
        let call = RiskCall {
            body: parsed.to_string().into(),
            parsed,
            idempotency_key: idempotency_key.map(str::to_owned),
        };
        self.app
            .accept_risk_events(&caller, &provider, RequestOrigin::default(), call)
            .await
    }

    /// Ends the sequencer and says how it ended; the store is closed then.
    ///
    /// # Errors
    /// When the sequencer panicked.
    pub async fn stop(self) -> Result<Ended> {
        drop(self.stop);
        Ok(self.sequencer.await?)
    }

    /// Waits until the sequencer ends by itself.
    ///
    /// # Errors
    /// When it panicked.
    pub async fn ended(&mut self) -> Result<Ended> {
        Ok((&mut self.sequencer).await?)
    }

    /// Starts once more on the same folder; in between, somebody has written `decision` into the store.
    ///
    /// # Errors
    /// When the store does not take it, or it does not start.
    pub async fn restart_after(self, decision: &Decision) -> Result<Self> {
        drop(self.stop);
        if !self.sequencer.is_finished() {
            self.sequencer.await?;
        }
        let mut opened = self.builder.open(self.folder.path()).await?;
        opened.journal.append(Arc::new(decision.clone())).await?;
        opened.journal.sync().await?;
        drop(opened);
        let builder = Builder {
            folder: Some(self.folder),
            seed: self.builder.seed.wrapping_add(1),
            ..self.builder
        };
        builder.start().await
    }

    /// Everything that decisions have written, as text.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn contents(&self) -> Result<String> {
        let backend = match &self.builder.backend {
            Some(backend) => Arc::clone(backend),
            None => backend::of_environment()?,
        };
        // What was answered may be on its way into the tables.
        while self.app.decisions_behind() > 0 {
            tokio::task::yield_now().await;
        }
        backend.contents(self.folder.path()).await
    }

    /// Starts once more on the same folder, with other settings.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart_with(mut self, change: impl FnOnce(&mut Settings)) -> Result<Self> {
        change(&mut self.builder.settings);
        self.restart().await
    }

    /// Starts once more on the same folder, with what the first start was made of.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart(self) -> Result<Self> {
        drop(self.stop);
        if !self.sequencer.is_finished() {
            self.sequencer.await?;
        }
        let builder = Builder {
            folder: Some(self.folder),
            // Another start draws other bytes.
            seed: self.builder.seed.wrapping_add(1),
            ..self.builder
        };
        builder.start().await
    }
}
