//! An OpenID provider on a real port of loopback: discovery, keys, a token endpoint that checks what it is shown,
//! and the ways in which one can go wrong.

#![expect(
    clippy::expect_used,
    reason = "it is a part of tests: its refusals are its answers, and a panic is a failed test"
)]

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context as _, Result};
use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;
use watchfire_app::Clock as _;
use watchfire_crypto::{
    digest::sha256_base64url,
    jwk::Curve,
    signing::{NewKey, PrivateKey},
};

use crate::clock::FakeClock;

/// The client that it knows.
pub const CLIENT_ID: &str = "watchfire console";
/// That client's secret.
pub const CLIENT_SECRET: &str = "s3cret/with+signs and blanks";

/// The provider. It ends when it is dropped.
#[derive(Clone, Debug)]
pub struct FakeOpenIdProvider {
    inner: Arc<Inner>,
}

/// Somebody who signs in there.
#[derive(Clone, Debug)]
pub struct Person {
    /// `sub`
    pub subject: String,
    /// What else is known of them: claims of the ID token.
    pub claims: Value,
}

/// How it behaves.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// Every answer has this status.
    pub status: Option<u16>,
    /// It answers nothing any more, and keeps connections open.
    pub hangs: bool,
    /// Members of the discovery document over its own; null takes one out.
    pub metadata: Map<String, Value>,
    /// Claims of the ID token over its own; null takes one out.
    pub claims: Map<String, Value>,
    /// The ID token as it is, whatever that is.
    pub id_token: Option<String>,
    /// It signs with a key that it has not published.
    pub strange_key: bool,
    /// It keeps who somebody is out of the ID token.
    pub thin: bool,
}

#[derive(Debug)]
struct Inner {
    base: String,
    clock: Arc<FakeClock>,
    strange: PrivateKey,
    state: Mutex<Known>,
    _stop: DropGuard,
}

#[derive(Debug)]
struct Known {
    key: PrivateKey,
    manners: Manners,
    codes: HashMap<String, Issued>,
    people: HashMap<String, Person>,
    tokens: Vec<TokenCall>,
    calls: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct Issued {
    nonce: String,
    challenge: String,
    redirect_uri: String,
    person: Person,
}

/// A call of its token endpoint.
#[derive(Clone, Debug)]
pub struct TokenCall {
    /// `Authorization`, if there was one.
    pub authorization: Option<String>,
    /// The form.
    pub form: HashMap<String, String>,
}

impl Person {
    /// Somebody whose address the provider has verified.
    pub fn verified(subject: &str, email: &str) -> Self {
        Self {
            subject: subject.to_owned(),
            claims: json!({"email": email, "email_verified": true, "amr": ["pwd"]}),
        }
    }

    /// The same with other methods.
    #[must_use]
    pub fn by(mut self, amr: &[&str]) -> Self {
        if let Some(claims) = self.claims.as_object_mut() {
            claims.insert("amr".to_owned(), json!(amr));
        }
        self
    }
}

impl FakeOpenIdProvider {
    /// Starts one that does everything right, in the time of `clock`.
    ///
    /// # Errors
    /// When there is no port or no key.
    pub async fn start(clock: Arc<FakeClock>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let stop = CancellationToken::new();
        let inner = Arc::new(Inner {
            base: format!("http://{}", listener.local_addr()?),
            clock,
            strange: PrivateKey::generate(NewKey::Ec(Curve::P256))?,
            state: Mutex::new(Known {
                key: PrivateKey::generate(NewKey::Ec(Curve::P256))?,
                manners: Manners::default(),
                codes: HashMap::new(),
                people: HashMap::new(),
                tokens: Vec::new(),
                calls: Vec::new(),
            }),
            _stop: stop.clone().drop_guard(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            // The server must not keep alive what ends it.
            .with_state(Arc::downgrade(&inner));
        tokio::spawn(async move {
            let serving = axum::serve(listener, router);
            let _ = stop.run_until_cancelled(serving.into_future()).await;
        });
        Ok(Self { inner })
    }

    /// Its issuer.
    pub fn issuer(&self) -> &str {
        &self.inner.base
    }

    /// Changes how it behaves.
    pub fn manners(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.inner.state.lock().manners);
    }

    /// Signs with another key from now on, and publishes only that one.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn rotate(&self) -> Result<()> {
        self.inner.state.lock().key = PrivateKey::generate(NewKey::Ec(Curve::P256))?;
        Ok(())
    }

    /// Lets `person` sign in, whose browser was sent to `address`; where the browser goes then.
    ///
    /// # Errors
    /// When that is no authorization request of the client.
    pub fn authorize(&self, address: &str, person: &Person) -> Result<String> {
        let url = Url::parse(address)?;
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let of = |name: &str| query.get(name).cloned().with_context(|| format!("no {name}"));
        anyhow::ensure!(address.starts_with(&format!("{}/authorize?", self.inner.base)), "{address}");
        anyhow::ensure!(of("response_type")? == "code" && of("client_id")? == CLIENT_ID);
        anyhow::ensure!(of("code_challenge_method")? == "S256", "no PKCE");
        anyhow::ensure!(of("scope")?.split(' ').any(|scope| scope == "openid"));
        let issued = Issued {
            nonce: of("nonce")?,
            challenge: of("code_challenge")?,
            redirect_uri: of("redirect_uri")?,
            person: person.clone(),
        };
        let mut state = self.inner.state.lock();
        let code = format!("code-{}", state.codes.len());
        let mut back = Url::parse(&issued.redirect_uri)?;
        state.codes.insert(code.clone(), issued);
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &of("state")?)
            .append_pair("iss", &self.inner.base);
        Ok(format!("{}?{}", back.path(), back.query().unwrap_or_default()))
    }

    /// Every call of its token endpoint.
    pub fn token_calls(&self) -> Vec<TokenCall> {
        self.inner.state.lock().tokens.clone()
    }

    /// How often this was asked for: `discovery`, `keys`, `token`, `userinfo`.
    pub fn calls(&self, what: &str) -> usize {
        self.inner.state.lock().calls.iter().filter(|call| **call == what).count()
    }
}

type Provider = State<std::sync::Weak<Inner>>;

/// What it does before anything else.
async fn enter(State(inner): Provider, what: &'static str) -> Result<Arc<Inner>, Response> {
    let gone = || StatusCode::SERVICE_UNAVAILABLE.into_response();
    let inner = inner.upgrade().ok_or_else(gone)?;
    let manners = {
        let mut state = inner.state.lock();
        state.calls.push(what);
        state.manners.clone()
    };
    if manners.hangs {
        drop(inner);
        std::future::pending::<()>().await;
        return Err(gone());
    }
    match manners.status {
        Some(status) => Err(StatusCode::from_u16(status).unwrap_or_default().into_response()),
        None => Ok(inner),
    }
}

async fn discovery(provider: Provider) -> Result<Json<Value>, Response> {
    let inner = enter(provider, "discovery").await?;
    let base = &inner.base;
    let mut document = json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "userinfo_endpoint": format!("{base}/userinfo"),
        "jwks_uri": format!("{base}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    lay_over(&mut document, &inner.state.lock().manners.metadata);
    Ok(Json(document))
}

async fn keys(provider: Provider) -> Result<Json<Value>, Response> {
    let inner = enter(provider, "keys").await?;
    let jwk = inner.state.lock().key.public_jwk();
    Ok(Json(json!({ "keys": [jwk] })))
}

async fn token(provider: Provider, headers: HeaderMap, body: String) -> Result<Json<Value>, Response> {
    let inner = enter(provider, "token").await?;
    let form: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    let call = TokenCall {
        authorization: authorization.map(str::to_owned),
        form,
    };
    let mut state = inner.state.lock();
    state.tokens.push(call.clone());
    let field = |name: &str| call.form.get(name).map(String::as_str).unwrap_or_default();
    let refuse = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    if field("grant_type") != "authorization_code" {
        return Err(refuse("unsupported_grant_type"));
    }
    // A code works once, whatever becomes of it.
    let issued = state.codes.remove(field("code")).ok_or_else(|| refuse("invalid_grant"))?;
    let is_its = issued.redirect_uri == field("redirect_uri") && issued.challenge == sha256_base64url(field("code_verifier"));
    if !is_its {
        return Err(refuse("invalid_grant"));
    }
    let access_token = format!("access-{}", state.tokens.len());
    state.people.insert(access_token.clone(), issued.person.clone());
    let id_token = match &state.manners.id_token {
        Some(token) => token.clone(),
        None => inner.id_token(&state, &issued),
    };
    Ok(Json(json!({
        "access_token": access_token, "token_type": "Bearer", "expires_in": 300, "id_token": id_token,
    })))
}

async fn userinfo(provider: Provider, headers: HeaderMap) -> Result<Json<Value>, Response> {
    let inner = enter(provider, "userinfo").await?;
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|bearer| bearer.strip_prefix("Bearer ")).unwrap_or_default();
    let person = inner.state.lock().people.get(token).cloned();
    let person = person.ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())?;
    let mut claims = person.claims;
    if let Some(members) = claims.as_object_mut() {
        members.insert("sub".to_owned(), person.subject.into());
    }
    Ok(Json(claims))
}

impl Inner {
    fn id_token(&self, state: &Known, issued: &Issued) -> String {
        let now = self.clock.now().as_seconds();
        let mut claims = json!({
            "iss": self.base, "sub": issued.person.subject, "aud": CLIENT_ID, "nonce": issued.nonce,
            "iat": now, "exp": now + 300,
        });
        if !state.manners.thin
            && let Some(known) = issued.person.claims.as_object()
        {
            lay_over(&mut claims, known);
        }
        lay_over(&mut claims, &state.manners.claims);
        let key = if state.manners.strange_key {
            &self.strange
        } else {
            &state.key
        };
        key.sign_compact(&Map::new(), claims.to_string().as_bytes())
            .expect("its key signs")
    }
}

fn lay_over(document: &mut Value, over: &Map<String, Value>) {
    let Some(members) = document.as_object_mut() else { return };
    for (name, value) in over {
        match value {
            Value::Null => drop(members.shift_remove(name)),
            value => drop(members.insert(name.clone(), value.clone())),
        }
    }
}
