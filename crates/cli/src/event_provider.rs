//! `watchfire event-provider`: security events providers, whose Security Event Tokens are taken.

mod profile;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    api::{Api, Connection, escape, text},
    terminal::Terminal,
};

/// Security events providers.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// List the security events providers
    List(Connection),
    /// Show a security events provider
    Get(Named),
    /// Register a vendor by its metadata's URL, or by issuer and key set
    Create(Create),
    /// Replace name, type and settings of a security events provider
    Replace(Replace),
    /// Listen to a security events provider again
    Activate(Named),
    /// Stop listening to a security events provider
    Deactivate(Named),
    /// Delete a security events provider, and the streams that feed it
    Delete(Named),
    /// Show or change how a provider is read and what it may speak about
    Profile(Box<profile::Arguments>),
    /// Forget a provider's keys and fetch them now
    RefreshKeys(Named),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Named {
    /// Id, name or issuer
    provider: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Create {
    /// Name, of 100 characters at the most
    name: String,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Replace {
    /// Id, name or issuer
    provider: String,
    /// Name; without it, the name that it has
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    connection: Connection,
}

/// The two shapes of a provider's settings.
#[derive(Args, Clone, Debug)]
struct Settings {
    /// What kind of product it is: free text
    #[arg(long = "type", value_name = "TEXT", default_value = "ssf")]
    product: String,
    /// URL of its metadata (ssf-configuration), which is fetched at once
    #[arg(
        long,
        value_name = "URL",
        required_unless_present = "issuer",
        conflicts_with_all = ["issuer", "jwks_url"]
    )]
    well_known_url: Option<String>,
    /// `iss` of its tokens, to the letter
    #[arg(long, requires = "jwks_url")]
    issuer: Option<String>,
    /// URL of its JWK set
    #[arg(long, value_name = "URL", requires = "issuer")]
    jwks_url: Option<String>,
}

impl Settings {
    fn body(&self, name: &str) -> Value {
        let settings = match &self.well_known_url {
            Some(url) => json!({ "well_known_url": url }),
            None => json!({"issuer": self.issuer, "jwks_url": self.jwks_url}),
        };
        json!({"name": name, "type": self.product, "settings": settings})
    }
}

const PROVIDERS: &str = "/api/v1/security-events-providers";

const COLUMNS: &[(&str, &str)] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("TYPE", "/type"),
    ("STATUS", "/status"),
    ("ISSUER", "/settings/issuer"),
];
const FIELDS: &[(&str, &str)] = &[
    ("id", "/id"),
    ("name", "/name"),
    ("type", "/type"),
    ("status", "/status"),
    ("issuer", "/settings/issuer"),
    ("key set", "/settings/jwks_url"),
    ("metadata", "/settings/well_known_url"),
];
const KEY_COLUMNS: &[(&str, &str)] = &[
    ("KEY ID", "/kid"),
    ("ALGORITHMS", "/algorithms"),
    ("THUMBPRINT", "/thumbprint"),
];

/// Runs one of the commands.
///
/// # Errors
/// When the server says no, or cannot be reached.
pub(crate) async fn run(command: &Command, terminal: &Terminal) -> Result<()> {
    match command {
        Command::List(connection) => terminal.print_list(&list(&connection.open()?).await?, COLUMNS)?,
        Command::Get(arguments) => {
            let (_, found) = arguments.find().await?;
            terminal.print_object(&found, FIELDS)?;
        }
        Command::Create(arguments) => {
            let body = arguments.settings.body(&arguments.name);
            let made = arguments.connection.open()?.post(PROVIDERS, &body).await?;
            terminal.print_object(&made, FIELDS)?;
        }
        Command::Replace(arguments) => {
            let api = arguments.connection.open()?;
            let found = find(&api, &arguments.provider).await?;
            let name = arguments.name.as_deref().unwrap_or(text(&found, "name"));
            let replaced = api.put(&path(&found, ""), &arguments.settings.body(name)).await?;
            terminal.print_object(&replaced, FIELDS)?;
        }
        Command::Activate(arguments) => step(arguments, "activate", terminal).await?,
        Command::Deactivate(arguments) => step(arguments, "deactivate", terminal).await?,
        Command::Delete(arguments) => {
            let (api, found) = arguments.find().await?;
            api.delete(&path(&found, "")).await?;
            terminal.print_done("deleted", text(&found, "id"))?;
        }
        Command::Profile(arguments) => profile::run(arguments, terminal).await?,
        Command::RefreshKeys(arguments) => {
            let (api, found) = arguments.find().await?;
            let id = escape(text(&found, "id"));
            let refreshed = api
                .post_empty(&format!("/watchfire/v1/security-events-providers/{id}/keys/refresh"))
                .await?;
            let keys = refreshed.get("keys").and_then(Value::as_array).cloned();
            terminal.print_list(&keys.unwrap_or_default(), KEY_COLUMNS)?;
        }
    }
    Ok(())
}

async fn step(arguments: &Named, step: &str, terminal: &Terminal) -> Result<()> {
    let (api, found) = arguments.find().await?;
    let changed = api.post_empty(&path(&found, &format!("/lifecycle/{step}"))).await?;
    Ok(terminal.print_object(&changed, FIELDS)?)
}

impl Named {
    async fn find(&self) -> Result<(Api, Value)> {
        let api = self.connection.open()?;
        let found = find(&api, &self.provider).await?;
        Ok((api, found))
    }
}

async fn list(api: &Api) -> Result<Vec<Value>> {
    api.list(PROVIDERS).await
}

fn path(provider: &Value, rest: &str) -> String {
    format!("{PROVIDERS}/{}{rest}", escape(text(provider, "id")))
}

/// The provider with this id, issuer or name; names have no case.
async fn find(api: &Api, wanted: &str) -> Result<Value> {
    let all = list(api).await?;
    let issuer = |provider: &Value| {
        provider
            .pointer("/settings/issuer")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let exactly = all
        .iter()
        .find(|it| text(it, "id") == wanted || issuer(it).as_deref() == Some(wanted));
    let mut named = all.iter().filter(|it| text(it, "name").eq_ignore_ascii_case(wanted));
    let found = exactly.or_else(|| named.next()).cloned();
    found.with_context(|| {
        if all.is_empty() {
            return format!(
                "there is no security events provider '{wanted}', and no other: see 'watchfire event-provider create'"
            );
        }
        let names: Vec<String> = all
            .iter()
            .map(|it| format!("{} ({})", text(it, "id"), text(it, "name")))
            .collect();
        format!("there is no security events provider '{wanted}', but {}", names.join(", "))
    })
}
