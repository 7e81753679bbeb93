//! What every surface needs to know about the installation.

use std::{sync::Arc, time::Duration};

use ipnet::IpNet;
use watchfire_app::{Clock, Entropy};

use crate::links::Links;

/// The settings and sources that all requests share.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Links and the issuer are made from the org URL.
    pub links: Links,
    /// Time for headers and rate windows.
    pub clock: Arc<dyn Clock>,
    /// Randomness for request and error ids.
    pub entropy: Arc<dyn Entropy>,
    /// Only these peers are believed about whom they speak for (architecture section 4).
    pub trusted_proxies: Vec<IpNet>,
    /// Whether our own listener speaks TLS.
    pub tls: bool,
    /// What a request may cost.
    pub limits: Limits,
}

/// What one request may cost (architecture invariant 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `max_body_bytes`: a longer body is answered with 413.
    pub max_body_bytes: usize,
    /// `max_body_memory`: what the bodies of all requests take together, short ones not counted; past it a longer
    /// one is answered with 503.
    pub max_body_memory: usize,
    /// `body_timeout`: a body that takes longer to arrive is answered with 408.
    pub body_timeout: Duration,
    /// `handler_timeout`: work that takes longer is answered with 503.
    pub handler_timeout: Duration,
    /// `max_parameters`: parameters in a query or a form.
    pub max_parameters: usize,
    /// `api_calls_per_minute`: what the rate headers say where no credential was counted; 0 is off.
    pub api_calls_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 1024 * 1024,
            max_body_memory: 64 * 1024 * 1024,
            body_timeout: Duration::from_secs(20),
            handler_timeout: Duration::from_secs(60),
            max_parameters: 64,
            api_calls_per_minute: 1200,
        }
    }
}
