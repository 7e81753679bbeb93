//! A whole server on a store of its own. Requests go through the router, without a socket.

use std::{net::IpAddr, sync::Arc};

use anyhow::Result;
use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt as _;
use watchfire_app::{App, Settings};
use watchfire_http::{
    Edge, Limits, Site,
    links::Links,
    listener::{self, ListenerLimits},
    request::Peer,
};
use watchfire_model::row::Decision;

use crate::{
    app::{ADMIN_TOKEN, ORG_URL, TestApp},
    clock::FakeClock,
    documented,
    entropy::SeededEntropy,
};

/// A running server. It ends when it is dropped.
#[derive(Debug)]
pub struct TestServer {
    /// Its use cases.
    pub app: App,
    /// Its clock.
    pub clock: Arc<FakeClock>,
    site: Site,
    running: TestApp,
    stop: CancellationToken,
    _stop: DropGuard,
}

impl TestServer {
    /// A server with the default settings, without rate limits.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub async fn start() -> Result<Self> {
        Self::start_with(Settings {
            risk_calls_per_minute: 0,
            api_calls_per_minute: 0,
            logins_per_second: 0,
            sign_in_calls_per_second: 0,
            token_calls_per_second: 0,
            ..Settings::new(ORG_URL)
        })
        .await
    }

    /// A server with these settings.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub async fn start_with(settings: Settings) -> Result<Self> {
        Ok(Self::over(TestApp::builder().settings(|it| *it = settings).start().await?))
    }

    /// A server on an application that runs.
    pub fn over(running: TestApp) -> Self {
        let app = running.app.clone();
        let edge = Edge {
            links: Links::new(ORG_URL),
            clock: Arc::clone(app.clock()),
            entropy: Arc::new(SeededEntropy::new(2)),
            trusted_proxies: Vec::new(),
            tls: false,
            limits: Limits {
                api_calls_per_minute: app.settings().api_calls_per_minute,
                ..Limits::default()
            },
        };
        let (edge, api) = (Arc::new(edge), watchfire_http::router(app.clone()));
        let console = watchfire_console::router(app.clone());
        let pages = watchfire_http::pages(app.clone(), Arc::clone(&edge), api.clone(), console);
        let site = Site::new(edge, api.merge(pages));
        let stop = CancellationToken::new();
        Self {
            app,
            clock: Arc::clone(&running.clock),
            site,
            running,
            stop: stop.clone(),
            _stop: stop.drop_guard(),
        }
    }

    /// What the first administrator's link to the Admin Console ends with.
    pub fn first_invitation(&self) -> Option<&str> {
        self.running.first_invitation.as_deref()
    }

    /// Ends and starts again on the same folder.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart(self) -> Result<Self> {
        Ok(Self::over(self.running.restart().await?))
    }

    /// Ends and starts again on the same folder with other settings.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart_with(self, change: impl FnOnce(&mut Settings)) -> Result<Self> {
        Ok(Self::over(self.running.restart_with(change).await?))
    }

    /// Everything that decisions have written, as text.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn contents(&self) -> Result<String> {
        self.running.contents().await
    }

    /// Ends and starts again; in between, somebody has written `decision` into the store.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart_after(self, decision: &Decision) -> Result<Self> {
        Ok(Self::over(self.running.restart_after(decision).await?))
    }

    /// Listens on a port of loopback too, until the server is dropped: for those who call by themselves.
    /// Gives the base of its URLs.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn listen(&self) -> Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let serving = listener::serve(
            listener,
            None,
            self.site.clone(),
            ListenerLimits::default(),
            self.stop.clone(),
        );
        tokio::spawn(serving);
        Ok(base)
    }

    /// A call of `method` on `path` as the first administrator, from 198.51.100.2.
    pub fn call(&self, method: &str, path: &str) -> Call<'_> {
        Call {
            server: self,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![("authorization".to_owned(), format!("SSWS {ADMIN_TOKEN}"))],
            body: String::new(),
            from: IpAddr::from([198, 51, 100, 2]),
        }
    }
}

/// A request that is being put together.
#[derive(Debug)]
pub struct Call<'s> {
    server: &'s TestServer,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
    from: IpAddr,
}

impl Call<'_> {
    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").text(body.to_string())
    }

    /// With a form as its body.
    #[must_use]
    pub fn form(self, pairs: &[(&str, String)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        self.header("content-type", "application/x-www-form-urlencoded").text(body)
    }

    /// With an access token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With these bytes as its body.
    #[must_use]
    pub fn text(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    /// With a header; it replaces one of the same name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without a credential.
    #[must_use]
    pub fn anonymous(mut self) -> Self {
        self.headers.retain(|(known, _)| known != "authorization");
        self
    }

    /// From another address.
    #[must_use]
    pub fn from(mut self, ip: impl Into<IpAddr>) -> Self {
        self.from = ip.into();
        self
    }

    /// Sends it.
    ///
    /// # Errors
    /// When it is no HTTP request, the answer's body breaks off, or the OpenAPI document does not name the answer.
    pub async fn send(self) -> Result<Answer> {
        let mut request = Request::builder().method(self.method.as_str()).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(Body::from(self.body))?;
        request.extensions_mut().insert(Peer((self.from, 4_711).into()));
        let response = match self.server.site.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await?.to_bytes();
        let text = String::from_utf8(bytes.to_vec())?;
        let answer = Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
        };
        documented::check(&self.method, &self.path, &answer)?;
        Ok(answer)
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null when it is none.
    pub json: Value,
}

impl Answer {
    /// The text at a JSON pointer (RFC 6901); empty when there is none.
    pub fn text_at(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// `errorCode` and the first cause of an error object.
    pub fn error(&self) -> (&str, &str) {
        (self.text_at("/errorCode"), self.text_at("/errorCauses/0/errorSummary"))
    }
}
