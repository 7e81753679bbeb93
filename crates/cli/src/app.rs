//! `watchfire app`: the service apps with which providers sign in.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    api::{Api, Connection, escape, text},
    command::Misuse,
    terminal::Terminal,
};

/// Service apps and what they are granted.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a service app for a provider
    Create(Create),
    /// List the apps
    List(List),
    /// Show an app and its grants
    Show(Named),
    /// Delete an app; its tokens stop working
    Delete(Named),
    /// Grant a scope to an app
    Grant(Grant),
    /// Take a scope away from an app
    RevokeGrant(Grant),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Create {
    /// Name of the app, usually the provider's
    name: String,
    /// File with a public JWK, a JWK set, or what `keygen --json` printed
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "jwks_uri",
        conflicts_with = "jwks_uri"
    )]
    public_key: Option<PathBuf>,
    /// URL of the provider's JWK set
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    /// Scope to grant at once (repeatable)
    #[arg(long, value_name = "SCOPE")]
    grant: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct List {
    /// Only names that begin so
    #[arg(long)]
    q: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Named {
    /// Client id of the app
    id: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Grant {
    /// Client id of the app
    id: String,
    /// Scope, such as okta.riskEvents.manage
    scope: String,
    #[command(flatten)]
    connection: Connection,
}

const CLIENTS: &str = "/oauth2/v1/clients";
const FIELDS: &[(&str, &str)] = &[
    ("client id", "/client_id"),
    ("name", "/client_name"),
    ("type", "/application_type"),
    ("signs in by", "/token_endpoint_auth_method"),
    ("key ids", "/kids"),
    ("key set", "/jwks_uri"),
    ("scopes", "/scopes"),
];
const COLUMNS: &[(&str, &str)] = &[
    ("CLIENT ID", "/client_id"),
    ("NAME", "/client_name"),
    ("TYPE", "/application_type"),
    ("SIGNS IN BY", "/token_endpoint_auth_method"),
];

/// Runs one of the commands.
///
/// # Errors
/// When the server says no, or cannot be reached.
pub(crate) async fn run(command: &Command, terminal: &Terminal) -> Result<()> {
    match command {
        Command::Create(arguments) => {
            let api = arguments.connection.open()?;
            let keys = match (&arguments.public_key, &arguments.jwks_uri) {
                (Some(path), _) => Keys::Inline(read_jwks(path)?),
                (None, Some(uri)) => Keys::Uri(uri.clone()),
                (None, None) => return Err(Misuse("give --public-key or --jwks-uri".to_owned()).into()),
            };
            let created = create(&api, &arguments.name, keys).await?;
            for scope in &arguments.grant {
                grant(&api, text(&created, "client_id"), scope).await?;
            }
            let whole = with_grants(&api, created).await?;
            terminal.print_object(&whole, FIELDS)?;
        }
        Command::List(arguments) => {
            let api = arguments.connection.open()?;
            let query = arguments.q.as_ref().map_or_else(String::new, |q| format!("&q={}", escape(q)));
            terminal.print_list(&api.list(&format!("{CLIENTS}?limit=200{query}")).await?, COLUMNS)?;
        }
        Command::Show(arguments) => {
            let api = arguments.connection.open()?;
            let app = api.get(&format!("{CLIENTS}/{}", escape(&arguments.id))).await?;
            terminal.print_object(&with_grants(&api, app).await?, FIELDS)?;
        }
        Command::Delete(arguments) => {
            let api = arguments.connection.open()?;
            api.delete(&format!("{CLIENTS}/{}", escape(&arguments.id))).await?;
            terminal.print_done("deleted", &arguments.id)?;
        }
        Command::Grant(arguments) => {
            let api = arguments.connection.open()?;
            let granted = grant(&api, &arguments.id, &arguments.scope).await?;
            terminal.print_object(
                &granted,
                &[
                    ("grant", "/id"),
                    ("app", "/clientId"),
                    ("scope", "/scopeId"),
                    ("status", "/status"),
                ],
            )?;
        }
        Command::RevokeGrant(arguments) => {
            let api = arguments.connection.open()?;
            let id = find_grant(&api, &arguments.id, &arguments.scope).await?;
            api.delete(&format!("{}/{}", grants_path(&arguments.id), escape(&id))).await?;
            terminal.print_done("revoked", &id)?;
        }
    }
    Ok(())
}

/// The keys that an app is registered with.
#[derive(Clone, Debug)]
pub(crate) enum Keys {
    /// This set.
    Inline(Value),
    /// What is found there.
    Uri(String),
}

/// Registers a service app as the guides do (okta.md 1.2.3).
///
/// # Errors
/// When the server says no.
pub(crate) async fn create(api: &Api, name: &str, keys: Keys) -> Result<Value> {
    let mut body = json!({
        "client_name": name,
        "grant_types": ["client_credentials"],
        "response_types": ["token"],
        "token_endpoint_auth_method": "private_key_jwt",
        "application_type": "service",
    });
    if let Some(members) = body.as_object_mut() {
        match keys {
            Keys::Inline(jwks) => members.insert("jwks".to_owned(), jwks),
            Keys::Uri(uri) => members.insert("jwks_uri".to_owned(), uri.into()),
        };
    }
    api.post(CLIENTS, &body).await
}

/// Grants a scope (okta.md 2.2).
///
/// # Errors
/// When the server says no.
pub(crate) async fn grant(api: &Api, client_id: &str, scope: &str) -> Result<Value> {
    api.post(&grants_path(client_id), &json!({ "scopeId": scope })).await
}

fn grants_path(client_id: &str) -> String {
    format!("/api/v1/apps/{}/grants", escape(client_id))
}

/// The scopes that an app is granted.
///
/// # Errors
/// When the server says no.
pub(crate) async fn granted_scopes(api: &Api, client_id: &str) -> Result<Vec<String>> {
    let grants = api.list(&grants_path(client_id)).await?;
    let active = grants.iter().filter(|grant| text(grant, "status") != "REVOKED");
    Ok(active.map(|grant| text(grant, "scopeId").to_owned()).collect())
}

async fn with_grants(api: &Api, mut app: Value) -> Result<Value> {
    let scopes = granted_scopes(api, text(&app, "client_id")).await?;
    let kids: Vec<Value> = app
        .pointer("/jwks/keys")
        .and_then(Value::as_array)
        .map_or_else(Vec::new, |keys| {
            keys.iter().map(|key| key.get("kid").cloned().unwrap_or_default()).collect()
        });
    if let Some(members) = app.as_object_mut() {
        members.insert("scopes".to_owned(), scopes.into());
        members.insert("kids".to_owned(), kids.into());
    }
    Ok(app)
}

/// The id of a grant, or of the grant of a scope.
async fn find_grant(api: &Api, client_id: &str, scope: &str) -> Result<String> {
    if scope.starts_with("oag") {
        return Ok(scope.to_owned());
    }
    let grants = api.list(&grants_path(client_id)).await?;
    let found = grants
        .iter()
        .find(|grant| text(grant, "scopeId") == scope && text(grant, "status") != "REVOKED");
    found
        .map(|grant| text(grant, "id").to_owned())
        .with_context(|| format!("{client_id} is not granted {scope}"))
}

fn read_jwks(path: &PathBuf) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let json: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    let set = match (json.get("jwks"), json.get("keys")) {
        (Some(set), _) => set.clone(),
        (None, Some(_)) => json,
        (None, None) => json!({ "keys": [json] }),
    };
    let keys = set
        .get("keys")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if keys.iter().any(|key| key.get("d").is_some()) {
        // The server would refuse it too (JWT-03), but then the key has already travelled.
        return Err(Misuse(format!("{} holds a private key; register the public one", path.display())).into());
    }
    Ok(set)
}
