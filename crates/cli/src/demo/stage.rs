//! The server that the demo plays on: a temporary one of its own, or a running one.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use watchfire_crypto::random;

use super::Arguments;
use crate::{
    api::{Api, Connection},
    config::{Config, flags::Flags},
    serve::{Server, start_logging},
};

/// Where the demo plays.
pub(super) struct Stage {
    api: Api,
    own: Option<OwnServer>,
}

struct OwnServer {
    folder: TempDir,
    token: String,
    stop: CancellationToken,
    running: JoinHandle<Result<ExitCode>>,
}

impl Stage {
    /// Connects to the named server, or starts one on an empty store in a temporary folder.
    pub(super) async fn open(arguments: &Arguments) -> Result<Self> {
        if let Some(url) = &arguments.url {
            let connection = Connection {
                url: url.clone(),
                token: arguments.token.clone(),
                token_file: None,
                ca: arguments.ca.clone(),
            };
            let api = connection.open()?;
            return Ok(Self { api, own: None });
        }
        let folder = tempfile::Builder::new().prefix("watchfire-demo-").tempdir()?;
        let token = format!("00{}", random::base62(40)?);
        let config = config(free(arguments.listen), &folder, &token)?;
        start_logging(&config)?;
        let server = Server::start(&config).await.context("the demo's server cannot start")?;
        let connection = Connection {
            url: server.org_url.clone(),
            token: Some(token.clone().into()),
            token_file: None,
            ca: None,
        };
        let stop = CancellationToken::new();
        let running = tokio::spawn(server.run(stop.clone()));
        let own = OwnServer {
            folder,
            token,
            stop,
            running,
        };
        Ok(Self {
            api: connection.open()?,
            own: Some(own),
        })
    }

    /// The administrator's client.
    pub(super) const fn api(&self) -> &Api {
        &self.api
    }

    /// Whether the server is the demo's own.
    pub(super) const fn is_ours(&self) -> bool {
        self.own.is_some()
    }

    /// The administrator's token of the demo's own server.
    pub(super) fn token(&self) -> Option<&str> {
        self.own.as_ref().map(|own| own.token.as_str())
    }

    /// Ends the server, if it is the demo's own, and removes its store.
    pub(super) async fn close(self) -> Result<()> {
        if let Some(own) = self.own {
            own.stop.cancel();
            own.running.await??;
            own.folder.close()?;
        }
        Ok(())
    }
}

/// The demo's settings. The environment and files of the user have no say in them.
fn config(listen: SocketAddr, folder: &TempDir, token: &str) -> Result<Config> {
    let inside = |name: &str| folder.path().join(name).display().to_string();
    let values = [
        ("listen", vec![listen.to_string()]),
        ("data-dir", vec![inside("data")]),
        ("key-file", vec![inside("key")]),
        ("dev", vec!["true".to_owned()]),
        // So that the user can sign in from an address of the documentation range.
        ("trusted-proxy", vec!["127.0.0.0/8".to_owned(), "::1/128".to_owned()]),
        ("log", vec!["error".to_owned()]),
    ];
    let flags = Flags {
        file: None,
        values: BTreeMap::from(values),
    };
    let environment = |name: &str| (name == "WATCHFIRE_ADMIN_TOKEN").then(|| token.to_owned());
    Ok(Config::load_in(&flags, &environment)?)
}

/// `wanted`, or a free port where it is taken.
fn free(wanted: SocketAddr) -> SocketAddr {
    match TcpListener::bind(wanted) {
        Ok(_) => wanted,
        Err(_) => SocketAddr::new(wanted.ip(), 0),
    }
}
