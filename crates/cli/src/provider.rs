//! `watchfire provider`: risk providers, and sending risk events as one of them.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use serde_json::{Value, json};
use watchfire_app::Clock as _;
use watchfire_crypto::signing::PrivateKey;

use crate::{
    api::{Answer, Api, Connection, escape, text},
    command::Misuse,
    key::{Assertion, read_private, token_endpoint},
    system::SystemClock,
    terminal::Terminal,
};

/// Risk providers.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// List the risk providers
    List(Connection),
    /// Show a risk provider
    Show(Named),
    /// Make a risk provider; there can be three
    Create(Create),
    /// Change a risk provider; what is not given stays
    Update(Update),
    /// Delete a risk provider
    Delete(Named),
    /// Send risk events as a provider: sign an assertion, get an access token, post
    Send(Send),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Named {
    /// Id or name; `default` is the one that every organisation starts with
    provider: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Create {
    /// Name, of 50 characters at the most
    name: String,
    /// Client id of the service app that sends its events
    #[arg(long)]
    client_id: String,
    /// What its events do
    #[arg(long, value_enum, default_value_t = Action::LogOnly)]
    action: Action,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Update {
    /// Id or name; `default` is the one that every organisation starts with
    provider: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    /// Client id of the service app that sends its events
    #[arg(long)]
    client_id: Option<String>,
    /// What its events do
    #[arg(long, value_enum)]
    action: Option<Action>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Action {
    /// Nothing
    None,
    /// They are written to the System Log
    LogOnly,
    /// They are written to the System Log and count at sign-ins
    EnforceAndLog,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::LogOnly => "log_only",
            Self::EnforceAndLog => "enforce_and_log",
        }
    }
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Send {
    /// Client id of the provider's service app
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// The provider's private key: JWK, what `keygen --json` printed, or PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Address to report (repeatable)
    #[arg(long, value_name = "ADDRESS", required_unless_present = "file", conflicts_with = "file")]
    ip: Vec<String>,
    /// Risk of the addresses
    #[arg(long, value_enum, ignore_case = true, default_value_t = Level::High)]
    level: Level,
    /// Why: letters, digits, blanks, dots, hyphens and underscores
    #[arg(long)]
    message: Option<String>,
    /// When the events were produced (RFC 3339); without it, now
    #[arg(long, value_name = "TIME")]
    timestamp: Option<String>,
    /// When they end to count (RFC 3339); without it, a day after they arrive
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// File with the whole list of risk events, as the API takes it
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Org URL of the server
    #[arg(long, env = "WATCHFIRE_URL", help_heading = "Server")]
    url: String,
    /// CA certificate (PEM) that is trusted beside the system's
    #[arg(long, env = "WATCHFIRE_CA", value_name = "FILE", help_heading = "Server")]
    ca: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
enum Level {
    Low,
    Medium,
    High,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }
}

const PROVIDERS: &str = "/api/v1/risk/providers";
/// The scope that risk events need (okta.md 4.2).
pub(crate) const RISK_EVENTS_SCOPE: &str = "okta.riskEvents.manage";

const COLUMNS: &[(&str, &str)] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("CLIENT ID", "/clientId"),
    ("ACTION", "/action"),
];
const FIELDS: &[(&str, &str)] = &[
    ("id", "/id"),
    ("name", "/name"),
    ("client id", "/clientId"),
    ("action", "/action"),
    ("created", "/created"),
    ("changed", "/lastUpdated"),
];

/// Runs one of the commands.
///
/// # Errors
/// When the server says no, or cannot be reached.
pub(crate) async fn run(command: &Command, terminal: &Terminal) -> Result<()> {
    match command {
        Command::List(connection) => terminal.print_list(&list(&connection.open()?).await?, COLUMNS)?,
        Command::Show(arguments) => {
            let found = find(&arguments.connection.open()?, &arguments.provider).await?;
            terminal.print_object(&found, FIELDS)?;
        }
        Command::Create(Create {
            name,
            client_id,
            action,
            connection,
        }) => {
            let new = Provider {
                name: name.clone(),
                client_id: client_id.clone(),
                action: action.as_str().to_owned(),
            };
            terminal.print_object(&create(&connection.open()?, &new).await?, FIELDS)?;
        }
        Command::Update(arguments) => {
            let api = arguments.connection.open()?;
            let current = find(&api, &arguments.provider).await?;
            let kept = |given: Option<&str>, member: &str| given.unwrap_or(text(&current, member)).to_owned();
            let changed = Provider {
                name: kept(arguments.name.as_deref(), "name"),
                client_id: kept(arguments.client_id.as_deref(), "clientId"),
                action: kept(arguments.action.map(Action::as_str), "action"),
            };
            terminal.print_object(&replace(&api, text(&current, "id"), &changed).await?, FIELDS)?;
        }
        Command::Delete(arguments) => {
            let api = arguments.connection.open()?;
            let found = find(&api, &arguments.provider).await?;
            api.delete(&format!("{PROVIDERS}/{}", escape(text(&found, "id")))).await?;
            terminal.print_done("deleted", text(&found, "id"))?;
        }
        Command::Send(arguments) => send(arguments, terminal).await?,
    }
    Ok(())
}

/// The risk providers.
///
/// # Errors
/// When the server says no.
pub(crate) async fn list(api: &Api) -> Result<Vec<Value>> {
    api.list(PROVIDERS).await
}

/// What of a risk provider can be changed.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    pub(crate) name: String,
    pub(crate) client_id: String,
    pub(crate) action: String,
}

impl Provider {
    fn json(&self) -> Value {
        json!({"name": self.name, "clientId": self.client_id, "action": self.action})
    }
}

/// Makes a risk provider (okta.md 3.2).
///
/// # Errors
/// When the server says no.
pub(crate) async fn create(api: &Api, provider: &Provider) -> Result<Value> {
    api.post(PROVIDERS, &provider.json()).await
}

/// Replaces a risk provider (okta.md 3.2).
///
/// # Errors
/// When the server says no.
pub(crate) async fn replace(api: &Api, id: &str, provider: &Provider) -> Result<Value> {
    api.put(&format!("{PROVIDERS}/{}", escape(id)), &provider.json()).await
}

/// The provider with this id, or this name in whatever case: the default's ends with a blank, which
/// nobody types.
async fn find(api: &Api, wanted: &str) -> Result<Value> {
    let all = list(api).await?;
    let by_id = all.iter().find(|provider| text(provider, "id") == wanted);
    let mut named = all
        .iter()
        .filter(|provider| text(provider, "name").trim().eq_ignore_ascii_case(wanted.trim()));
    let found = by_id.or_else(|| named.next()).cloned();
    found.with_context(|| {
        let names: Vec<String> = all
            .iter()
            .map(|it| format!("{} ({})", text(it, "id"), text(it, "name").trim()))
            .collect();
        format!("there is no risk provider '{wanted}', but {}", names.join(", "))
    })
}

async fn send(arguments: &Send, terminal: &Terminal) -> Result<()> {
    let connection = Connection {
        url: arguments.url.clone(),
        token: None,
        token_file: None,
        ca: arguments.ca.clone(),
    };
    let api = connection.open_unauthorized()?;
    let events = events(arguments)?;
    let key = read_private(&arguments.key)?;
    let token = access_token(&api, &arguments.client_id, &key).await?;
    let answer = post_events(&api.with_bearer(text(&token, "access_token")), &events).await?;
    let remaining = answer.header("x-rate-limit-remaining").map(str::to_owned);
    let status = answer.status.as_u16();
    answer.accepted()?;
    if terminal.json() {
        terminal.print_json(&json!({"status": status, "events": events, "remaining": remaining}))?;
    } else {
        terminal.print_done(
            &format!("{status} Accepted"),
            &format!("({} calls left in this minute)", remaining.unwrap_or_default()),
        )?;
    }
    Ok(())
}

fn events(arguments: &Send) -> Result<Value> {
    if let Some(path) = &arguments.file {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        return serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()));
    }
    if arguments.ip.is_empty() {
        return Err(Misuse("name an address with --ip, or a file with --file".to_owned()).into());
    }
    let subject = |ip: &String| {
        let mut subject = json!({"ip": ip, "riskLevel": arguments.level.as_str()});
        set(&mut subject, "message", arguments.message.as_deref());
        subject
    };
    let now = SystemClock.now().to_string();
    let mut event = json!({"timestamp": arguments.timestamp.as_ref().unwrap_or(&now)});
    set(&mut event, "expiresAt", arguments.expires_at.as_deref());
    if let Some(members) = event.as_object_mut() {
        members.insert("subjects".to_owned(), arguments.ip.iter().map(subject).collect());
    }
    Ok(json!([event]))
}

fn set(object: &mut Value, member: &str, value: Option<&str>) {
    if let (Some(members), Some(value)) = (object.as_object_mut(), value) {
        members.insert(member.to_owned(), value.into());
    }
}

/// Seconds that our assertions live.
const ASSERTION_LIFE: i64 = 300;

/// An access token for risk events, as the provider's service app gets it (okta.md 1.3).
///
/// # Errors
/// When the server says no.
pub(crate) async fn access_token(api: &Api, client_id: &str, key: &PrivateKey) -> Result<Value> {
    let audience = issuer_endpoint(api).await;
    let assertion = Assertion {
        client_id,
        audience: &audience,
        now: SystemClock.now().as_seconds(),
        expires_in: ASSERTION_LIFE,
        with_jti: true,
    };
    request_token(api, &assertion.sign(key)?).await
}

/// Exchanges an assertion for an access token.
///
/// # Errors
/// When the server says no.
pub(crate) async fn request_token(api: &Api, assertion: &str) -> Result<Value> {
    let fields = [
        ("grant_type", "client_credentials"),
        ("scope", RISK_EVENTS_SCOPE),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", assertion),
    ];
    let token = api.send_form("/oauth2/v1/token", &fields).await?.accepted()?;
    if text(&token, "access_token").is_empty() {
        bail!("the token endpoint answered without an access token");
    }
    Ok(token)
}

/// The token endpoint as the server itself calls it, which may not be the URL that we reach it by.
pub(crate) async fn issuer_endpoint(api: &Api) -> String {
    let metadata = api
        .anonymous()
        .get("/.well-known/oauth-authorization-server")
        .await
        .unwrap_or_default();
    let published = text(&metadata, "token_endpoint");
    if published.is_empty() {
        token_endpoint(api.base())
    } else {
        published.to_owned()
    }
}

/// Posts risk events.
///
/// # Errors
/// When there is no answer.
pub(crate) async fn post_events(api: &Api, events: &Value) -> Result<Answer> {
    api.send(Method::POST, "/api/v1/risk/events/ip", Some(events)).await
}
