//! `watchfire transmitter serve`.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;
use watchfire_http::{
    Edge, Limits, Site,
    links::Links,
    listener::{self, ListenerLimits},
    transmitter_files::{KEY_SET, TransmitterFiles, WELL_KNOWN},
};

use super::{
    DEFAULT_FOLDER,
    folder::{Folder, Metadata},
};
use crate::{
    serve::StopSignals,
    system::{SystemClock, SystemEntropy},
    terminal::Terminal,
};

#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The transmitter's folder
    #[arg(long, value_name = "DIR", default_value = DEFAULT_FOLDER)]
    dir: PathBuf,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// URL at which receivers reach this process; without it, http:// and the address
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

/// Serves until SIGTERM or Ctrl-C.
///
/// # Errors
/// When there is no transmitter in the folder, or the address is taken.
pub(super) async fn run(arguments: &Arguments, terminal: &Terminal) -> Result<()> {
    let folder = Folder::new(&arguments.dir);
    folder.signing_key()?;
    let bound = TcpListener::bind(arguments.listen).await;
    let bound = bound.with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let address = format!("http://{}", bound.local_addr()?);
    let url = arguments.public_url.as_deref().unwrap_or(&address).trim_end_matches('/');
    let known = folder.metadata()?;
    let metadata = Metadata {
        issuer: known.as_ref().map_or(url, |known| &known.issuer).to_owned(),
        // The keys are where this process is, wherever the folder's own files may be published besides.
        jwks_uri: format!("{url}{KEY_SET}"),
    };
    if known.is_none() {
        // From now on tokens are signed in this name.
        folder.write_metadata(&metadata)?;
    }
    let mut signals = StopSignals::listen()?;
    announce(&metadata, url, terminal)?;
    let files = TransmitterFiles {
        metadata: metadata.document(),
        issuer_path: path_of(&metadata.issuer),
        key_set: folder.key_set(),
    };
    let edge = Edge {
        links: Links::new(url),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        trusted_proxies: Vec::new(),
        tls: false,
        limits: Limits::default(),
    };
    let site = Site::new(Arc::new(edge), files.router());
    let stop = CancellationToken::new();
    let stopper = stop.clone();
    tokio::spawn(async move {
        signals.requested().await;
        stopper.cancel();
    });
    listener::serve(bound, None, site, ListenerLimits::default(), stop).await;
    Ok(())
}

fn announce(metadata: &Metadata, url: &str, terminal: &Terminal) -> Result<()> {
    let well_known = format!("{url}{WELL_KNOWN}");
    if terminal.json() {
        return Ok(terminal.print_json(&json!({
            "url": url, "issuer": metadata.issuer, "wellKnownUrl": well_known, "jwksUrl": metadata.jwks_uri,
        }))?);
    }
    terminal.print(&format!(
        "issuer          {}\nwell-known URL  {well_known}\nJWKS URL        {}",
        metadata.issuer, metadata.jwks_uri
    ))?;
    Ok(())
}

/// The path of an issuer that is a URL, without a slash at its end (META-01).
fn path_of(issuer: &str) -> String {
    let url = Url::parse(issuer).ok().filter(Url::has_host);
    url.map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default()
}
