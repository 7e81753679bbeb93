//! Under which names the organisation is addressed.

use url::Url;
use watchfire_oauth::discovery;

use crate::App;

/// Hosts that mean this machine.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl App {
    /// The org URL; on a laptop, its other spellings too (architecture section 4).
    pub(crate) fn org_urls(&self) -> Vec<String> {
        let org_url = self.settings.org_url.clone();
        let mut urls = vec![org_url];
        if self.settings.dev
            && let Ok(parsed) = Url::parse(&self.settings.org_url)
            && parsed.host_str().is_some_and(|host| LOCAL.contains(&host))
        {
            let port = parsed
                .port_or_known_default()
                .map(|port| format!(":{port}"))
                .unwrap_or_default();
            let local = ["http", "https"]
                .into_iter()
                .flat_map(|scheme| LOCAL.map(|host| format!("{scheme}://{host}{port}")));
            urls.extend(
                local
                    .collect::<Vec<_>>()
                    .into_iter()
                    .filter(|url| *url != self.settings.org_url),
            );
        }
        urls
    }

    /// `/.well-known/openid-configuration` (okta.md 1.6).
    pub fn openid_configuration(&self) -> serde_json::Value {
        discovery::openid_configuration(&self.settings.org_url)
    }

    /// `/.well-known/oauth-authorization-server` (RFC 8414).
    pub fn authorization_server_metadata(&self) -> serde_json::Value {
        discovery::authorization_server(&self.settings.org_url)
    }

    /// Whether `url` means this organisation; a slash at its end says nothing.
    pub(crate) fn is_org_url(&self, url: &str) -> bool {
        let url = url.trim_end_matches('/');
        self.org_urls().iter().any(|known| known == url)
    }
}
