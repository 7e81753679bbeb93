//! The server, in this process, over the store that was seeded.

use std::{net::SocketAddr, path::Path, sync::Arc};

use anyhow::Result;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use watchfire_app::{
    App, Parts, Settings, Vault,
    geo::{Folder, GeoSettings},
    intake::security_events::SetLimits,
    sequencer::Ended,
    start,
};
use watchfire_http::{
    Edge, Limits, Site,
    links::Links,
    listener::{self, ListenerLimits},
};
use watchfire_store::{index::Index, settings::Settings as StoreSettings, sqlite};

use crate::machine::{SystemClock, SystemEntropy};

/// The installation's key: the seed must hash as the server does.
pub(crate) const KEY: [u8; 32] = [7; 32];
/// The administrator's token.
pub(crate) const TOKEN: &str = "00bench-administrator-token";

/// A running server.
pub(crate) struct Server {
    pub(crate) app: App,
    pub(crate) index: Arc<dyn Index>,
    pub(crate) address: SocketAddr,
    /// What the first administrator's link ends with.
    pub(crate) first_invitation: Option<String>,
    sequencer: tokio::task::JoinHandle<Ended>,
    stop: CancellationToken,
}

impl Server {
    /// Opens the store and listens on a free port of loopback.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let data = folder.join("data");
        let clock = Arc::new(SystemClock);
        let store = sqlite::open(&data, &StoreSettings::default(), watchfire_app::Clock::now(&*clock)).await?;
        let index: Arc<dyn Index> = Arc::new(store.reader);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let settings = Settings {
            api_calls_per_minute: 0,
            log_calls_per_minute: 0,
            // Keys are served on loopback.
            dev: true,
            sets: SetLimits {
                calls_per_address: 0,
                calls_per_issuer: 0,
                ..SetLimits::default()
            },
            sign_in_calls_per_second: 0,
            geo: GeoSettings {
                folder: Some(Folder::of(&data).path().to_owned()),
                ..GeoSettings::default()
            },
            ..Settings::new(format!("http://{address}"))
        };
        let parts = Parts {
            last_decision: store.last_published,
            journal: store.journal,
            index: Arc::clone(&index),
            nodes: None,
            epoch: store.epoch,
            clock,
            entropy: Arc::new(SystemEntropy),
            vault: Vault::new(&KEY)?,
            settings,
            first_token: Some(TOKEN.to_owned()),
        };
        let started = start(parts, stop.clone()).await?;
        let edge = Edge {
            links: Links::new(&format!("http://{address}")),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            trusted_proxies: Vec::new(),
            tls: false,
            limits: Limits {
                api_calls_per_minute: 0,
                ..Limits::default()
            },
        };
        let (edge, api) = (Arc::new(edge), watchfire_http::router(started.app.clone()));
        let console = watchfire_console::router(started.app.clone());
        let pages = watchfire_http::pages(started.app.clone(), Arc::clone(&edge), api.clone(), console);
        let site = Site::new(edge, api.merge(pages));
        tokio::spawn(listener::serve(listener, None, site, ListenerLimits::default(), stop.clone()));
        Ok(Self {
            app: started.app,
            index,
            address,
            first_invitation: started.first_invitation,
            sequencer: started.sequencer,
            stop,
        })
    }

    /// The org URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A whole request to it.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], media_type: &str, body: &str) -> Vec<u8> {
        request(self.address, (method, path), headers, media_type, body)
    }

    /// Ends it.
    pub(crate) async fn stop(self) -> Result<()> {
        self.stop.cancel();
        self.sequencer.await?;
        Ok(())
    }
}

/// A whole request to whoever listens at `host`.
pub(crate) fn request(
    host: SocketAddr,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    media_type: &str,
    body: &str,
) -> Vec<u8> {
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{more}Content-Type: {media_type}\r\nAccept: \
         application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
