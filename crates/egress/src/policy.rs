//! Which destinations data may name.

mod address;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use ipnet::IpNet;
use url::{Host, Url};

/// Longer URLs are refused (STRM-03 has the same bound for push endpoints).
pub const MAX_URL_BYTES: usize = 2048;
/// Longer names are none (RFC 1035).
const MAX_HOST_BYTES: usize = 253;

/// What a request is for; each purpose has its own list of exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// JWK sets, and the metadata that names them.
    Jwks,
    /// Stream management, token and poll requests to a transmitter.
    Streams,
    /// SETs pushed to receivers.
    Push,
    /// Event hooks.
    Hooks,
    /// Universal logout.
    Logout,
    /// OpenID providers.
    Oidc,
    /// Lists of addresses.
    Feeds,
    /// Where the System Log streams to.
    Logs,
}

/// One `--outbound-allow PURPOSE=CIDR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboundAllow {
    /// For which requests.
    pub purpose: Purpose,
    /// Which addresses they may reach although they are not public.
    pub network: IpNet,
}

/// A text that is no `PURPOSE=CIDR`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAllow {
    /// There is no `=` in it.
    #[error("expected PURPOSE=CIDR")]
    NoPurpose,
    /// The part before it.
    #[error("unknown purpose '{0}': one of jwks, streams, push, hooks, logout, oidc, feeds, logs")]
    UnknownPurpose(String),
    /// The part after it.
    #[error("'{0}' is no network in CIDR form")]
    NotANetwork(String),
}

/// What may be reached: public addresses over https, and what the operator adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Exceptions from the rule on addresses. They do not allow http.
    pub allow: Vec<OutboundAllow>,
    /// Whether this is a laptop: http and loopback addresses are allowed.
    pub dev: bool,
}

/// Why a destination is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No absolute URL with a host, or too long.
    #[error("not an absolute URL of at most {MAX_URL_BYTES} bytes")]
    NotAUrl,
    /// No host name and no address.
    #[error("not a host name or an address")]
    NotAHost,
    /// Neither https nor, in development, http.
    #[error("the scheme must be https")]
    Scheme,
    /// A user name or a password in the URL.
    #[error("the URL must not contain credentials")]
    Credentials,
    /// An address that is not public and not listed for this purpose.
    #[error("the address {0} is not allowed")]
    Address(IpAddr),
    /// A name with no address that is allowed.
    #[error("the name has no address that is allowed")]
    Name,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 8] = [
        Self::Jwks,
        Self::Streams,
        Self::Push,
        Self::Hooks,
        Self::Logout,
        Self::Oidc,
        Self::Feeds,
        Self::Logs,
    ];

    /// The name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jwks => "jwks",
            Self::Streams => "streams",
            Self::Push => "push",
            Self::Hooks => "hooks",
            Self::Logout => "logout",
            Self::Oidc => "oidc",
            Self::Feeds => "feeds",
            Self::Logs => "logs",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for OutboundAllow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.purpose, self.network)
    }
}

impl FromStr for OutboundAllow {
    type Err = InvalidAllow;

    fn from_str(text: &str) -> Result<Self, InvalidAllow> {
        let (name, network) = text.split_once('=').ok_or(InvalidAllow::NoPurpose)?;
        let purpose = Purpose::ALL
            .into_iter()
            .find(|purpose| purpose.name() == name.trim())
            .ok_or_else(|| InvalidAllow::UnknownPurpose(name.to_owned()))?;
        let network = network.trim();
        let network = network
            .parse::<IpNet>()
            .or_else(|_| network.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| InvalidAllow::NotANetwork(network.to_owned()))?;
        Ok(Self { purpose, network })
    }
}

impl Policy {
    /// Whether a request for `purpose` may connect to `address`.
    pub fn permits(&self, purpose: Purpose, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let listed = self
            .allow
            .iter()
            .any(|allow| allow.purpose == purpose && allow.network.contains(&address));
        listed || (self.dev && address.is_loopback()) || address::is_public(address)
    }

    /// Checks a URL as it is written: its names are resolved and checked when it is used.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(&self, purpose: Purpose, url: &str) -> Result<Url, Refusal> {
        if url.len() > MAX_URL_BYTES {
            return Err(Refusal::NotAUrl);
        }
        let url = Url::parse(url).map_err(|_| Refusal::NotAUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if self.dev => {}
            _ => return Err(Refusal::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        // The parser has turned decimal, octal and hexadecimal hosts into addresses.
        match url.host().ok_or(Refusal::NotAUrl)? {
            Host::Ipv4(address) => self.check_address(purpose, address.into())?,
            Host::Ipv6(address) => self.check_address(purpose, address.into())?,
            Host::Domain(name) => self.check_name(purpose, name)?,
        }
        Ok(url)
    }

    /// Checks the host of a connection that is no HTTP: a name or an address. Names are resolved and checked when
    /// it is used.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check_host(&self, purpose: Purpose, host: &str) -> Result<(), Refusal> {
        if host.is_empty() || host.len() > MAX_HOST_BYTES {
            return Err(Refusal::NotAHost);
        }
        match Host::parse(&bracketed(host)).map_err(|_| Refusal::NotAHost)? {
            Host::Ipv4(address) => self.check_address(purpose, address.into()),
            Host::Ipv6(address) => self.check_address(purpose, address.into()),
            Host::Domain(name) => self.check_name(purpose, &name),
        }
    }

    fn check_address(&self, purpose: Purpose, address: IpAddr) -> Result<(), Refusal> {
        if self.permits(purpose, address) {
            Ok(())
        } else {
            Err(Refusal::Address(address.to_canonical()))
        }
    }

    /// RFC 6761: these names are this machine, wherever they are looked up.
    fn check_name(&self, purpose: Purpose, name: &str) -> Result<(), Refusal> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let is_local = name == "localhost" || name.ends_with(".localhost");
        let loopback = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1_u16])];
        if is_local && !loopback.into_iter().any(|address| self.permits(purpose, address)) {
            return Err(Refusal::Name);
        }
        Ok(())
    }
}

/// An IPv6 address as it stands in URLs; everything else as it is.
fn bracketed(host: &str) -> String {
    match host.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host.to_owned(),
    }
}
