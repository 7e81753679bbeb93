//! Names, resolved to nothing but addresses that a policy permits.
//!
//! The connection uses exactly the addresses that are checked here, so a name that changes between the
//! check and the connection gains nothing.

use std::{
    fmt,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::policy::{Policy, Purpose, Refusal};

/// Looks a name up.
pub(crate) trait Lookup: fmt::Debug + Send + Sync {
    fn addresses(&self, name: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// The system's own resolver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemLookup;

impl Lookup for SystemLookup {
    fn addresses(&self, name: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name, 0)).await?;
            Ok(addresses.map(|address| address.ip()).collect())
        })
    }
}

/// What one purpose's client resolves names with.
#[derive(Clone, Debug)]
pub(crate) struct PolicyResolver {
    pub(crate) policy: Arc<Policy>,
    pub(crate) purpose: Purpose,
    pub(crate) lookup: Arc<dyn Lookup>,
}

impl Resolve for PolicyResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { policy, purpose, lookup } = self.clone();
        Box::pin(async move {
            let mut addresses = lookup.addresses(name.as_str().to_owned()).await?;
            addresses.retain(|&address| policy.permits(purpose, address));
            if addresses.is_empty() {
                return Err(Refusal::Name.into());
            }
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}
