//! `watchfire stream`: our streams at transmitters, over the API of a running server.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use serde_json::{Map, Value, json};

use crate::{
    api::{Api, Connection, escape, text},
    command::Misuse,
    terminal::Terminal,
};

/// Incoming streams.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// List the streams
    List(Connection),
    /// Show a stream
    Get(Named),
    /// Make a stream at a transmitter, or adopt the one that is there
    Create(Box<Create>),
    /// Show a stream's status at its transmitter, or set it
    Status(Status),
    /// Ask the transmitter for a verification event
    Verify(Named),
    /// Add a subject to a stream
    AddSubject(Subject),
    /// Take a subject out of a stream
    RemoveSubject(Subject),
    /// Show the public keys of our assertions, for the transmitter to be given
    Keys(Named),
    /// Delete a stream, here and at its transmitter
    Delete(Named),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Named {
    /// Id of the stream here, or the transmitter's id of it
    stream: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Create {
    /// Issuer of the transmitter, or URL of its metadata
    transmitter: String,
    /// The issuer in the metadata, where it is another and that is right
    #[arg(long, value_name = "ISSUER")]
    issuer_override: Option<String>,
    /// Name of the provider that is made with it
    #[arg(long)]
    name: Option<String>,
    /// How its tokens are read: standard, interop, caep.dev, authentik, …
    #[arg(long)]
    profile: Option<String>,
    /// How tokens come; without it, pushed where the org URL is https, else polled
    #[arg(long, value_enum)]
    delivery: Option<Delivery>,
    /// Polls wait for an event
    #[arg(long)]
    long_poll: bool,
    /// File with the bearer token that the transmitter gave us
    #[arg(long, value_name = "FILE", conflicts_with = "client_id")]
    bearer_file: Option<PathBuf>,
    /// Our client id at the transmitter's authorization server
    #[arg(long, value_name = "ID", required_unless_present = "bearer_file")]
    client_id: Option<String>,
    /// File with the client's secret
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    secret_file: Option<PathBuf>,
    /// The secret goes into the body instead of a header
    #[arg(long, requires = "secret_file")]
    secret_in_body: bool,
    /// The client's private key, as a JWK or PEM; without it and a secret, a key is made
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Token endpoint of the authorization server
    #[arg(long, value_name = "URL")]
    token_url: Option<String>,
    /// The authorization server, which says where its token endpoint is
    #[arg(long, value_name = "ISSUER", conflicts_with = "token_url")]
    authorization_server: Option<String>,
    /// What is asked for; without it, ssf.read ssf.manage
    #[arg(long)]
    scope: Option<String>,
    /// `aud` to expect (repeatable); without it, what the transmitter says
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,
    /// Event type to ask for (repeatable); without it, those of CAEP and RISC
    #[arg(long, value_name = "URI")]
    event: Vec<String>,
    /// Description, here and at the transmitter
    #[arg(long)]
    description: Option<String>,
    /// Id of a stream that is there already
    #[arg(long, value_name = "STREAM_ID")]
    adopt: Option<String>,
    /// Ask for no verification event
    #[arg(long)]
    no_verify: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Delivery {
    /// The transmitter posts them to us
    Push,
    /// We fetch them
    Poll,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Status {
    /// Id of the stream here, or the transmitter's id of it
    stream: String,
    /// The status to set
    #[arg(long, value_enum)]
    set: Option<StatusWord>,
    /// Why, for the transmitter
    #[arg(long, requires = "set")]
    reason: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StatusWord {
    /// Events flow
    Enabled,
    /// Events are held
    Paused,
    /// Events are lost
    Disabled,
}

impl StatusWord {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Subject {
    /// Id of the stream here, or the transmitter's id of it
    stream: String,
    /// E-mail address of the subject
    #[arg(long, required_unless_present = "subject", conflicts_with = "subject")]
    email: Option<String>,
    /// The subject identifier as JSON
    #[arg(long, value_name = "JSON")]
    subject: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

const STREAMS: &str = "/watchfire/v1/streams-in";

const COLUMNS: &[(&str, &str)] = &[
    ("ID", "/id"),
    ("ISSUER", "/issuer"),
    ("METHOD", "/delivery/method"),
    ("STATUS", "/status"),
    ("VERIFIED", "/verifiedAt"),
    ("LAST ERROR", "/lastError"),
];
const FIELDS: &[(&str, &str)] = &[
    ("id", "/id"),
    ("provider", "/providerId"),
    ("issuer", "/issuer"),
    ("stream id there", "/streamId"),
    ("status", "/status"),
    ("reason", "/statusReason"),
    ("method", "/delivery/method"),
    ("endpoint", "/delivery/endpointUrl"),
    ("audience", "/audience"),
    ("events delivered", "/eventsDelivered"),
    ("verified", "/verifiedAt"),
    ("last error", "/lastError"),
    ("created", "/created"),
];

/// Runs one of the commands.
///
/// # Errors
/// When the server says no, or cannot be reached.
pub(crate) async fn run(command: &Command, terminal: &Terminal) -> Result<()> {
    match command {
        Command::List(connection) => terminal.print_list(&list(&connection.open()?).await?, COLUMNS)?,
        Command::Get(named) => {
            let api = named.connection.open()?;
            terminal.print_object(&find(&api, &named.stream).await?, FIELDS)?;
        }
        Command::Create(arguments) => {
            let api = arguments.connection.open()?;
            terminal.print_object(&api.post(STREAMS, &new_stream(arguments)?).await?, FIELDS)?;
        }
        Command::Status(arguments) => {
            let api = arguments.connection.open()?;
            terminal.print_object(&status(&api, arguments).await?, FIELDS)?;
        }
        Command::Verify(named) => {
            let api = named.connection.open()?;
            let path = path(&api, &named.stream, "/verify").await?;
            let asked = api.send(Method::POST, &path, None).await?.accepted()?;
            terminal.print_object(&asked, FIELDS)?;
        }
        Command::AddSubject(arguments) => subject(arguments, "add", terminal).await?,
        Command::RemoveSubject(arguments) => subject(arguments, "remove", terminal).await?,
        Command::Keys(named) => {
            let api = named.connection.open()?;
            let path = path(&api, &named.stream, "/jwks").await?;
            terminal.print_json(&api.get(&path).await?)?;
        }
        Command::Delete(named) => {
            let api = named.connection.open()?;
            let found = find(&api, &named.stream).await?;
            api.delete(&format!("{STREAMS}/{}", escape(text(&found, "id")))).await?;
            terminal.print_done("deleted", text(&found, "id"))?;
        }
    }
    Ok(())
}

async fn list(api: &Api) -> Result<Vec<Value>> {
    api.list(STREAMS).await
}

/// The stream with this id, ours or the transmitter's.
async fn find(api: &Api, wanted: &str) -> Result<Value> {
    let all = list(api).await?;
    let is_wanted = |stream: &&Value| text(stream, "id") == wanted || text(stream, "streamId") == wanted;
    let found = all.iter().find(is_wanted).cloned();
    found.with_context(|| {
        let ids: Vec<&str> = all.iter().map(|stream| text(stream, "id")).collect();
        format!("there is no stream '{wanted}', but {}", ids.join(", "))
    })
}

async fn path(api: &Api, wanted: &str, rest: &str) -> Result<String> {
    let found = find(api, wanted).await?;
    Ok(format!("{STREAMS}/{}{rest}", escape(text(&found, "id"))))
}

async fn status(api: &Api, arguments: &Status) -> Result<Value> {
    let path = path(api, &arguments.stream, "/status").await?;
    match arguments.set {
        None => api.get(&path).await,
        Some(word) => {
            let body = json!({"status": word.as_str(), "reason": arguments.reason});
            api.post(&path, &body).await
        }
    }
}

async fn subject(arguments: &Subject, verb: &str, terminal: &Terminal) -> Result<()> {
    let subject = match (&arguments.email, &arguments.subject) {
        (Some(email), _) => json!({"format": "email", "email": email}),
        (None, Some(json)) => serde_json::from_str(json).map_err(|error| Misuse(format!("the subject is not JSON: {error}")))?,
        (None, None) => return Err(Misuse("name the subject with --email or --subject".to_owned()).into()),
    };
    let api = arguments.connection.open()?;
    let path = path(&api, &arguments.stream, &format!("/subjects/{verb}")).await?;
    api.post(&path, &json!({ "subject": subject })).await?;
    let done = if verb == "add" { "added" } else { "removed" };
    terminal.print_done(done, &subject.to_string())?;
    Ok(())
}

fn new_stream(arguments: &Create) -> Result<Value> {
    let mut body = Map::new();
    let member = if arguments.transmitter.contains("/.well-known/") {
        "wellKnownUrl"
    } else {
        "issuer"
    };
    body.insert(member.to_owned(), arguments.transmitter.as_str().into());
    let texts = [
        ("issuerOverride", &arguments.issuer_override),
        ("name", &arguments.name),
        ("profile", &arguments.profile),
        ("description", &arguments.description),
        ("adopt", &arguments.adopt),
    ];
    for (member, value) in texts {
        if let Some(value) = value {
            body.insert(member.to_owned(), value.as_str().into());
        }
    }
    for (member, values) in [("audience", &arguments.audience), ("eventsRequested", &arguments.event)] {
        if !values.is_empty() {
            body.insert(member.to_owned(), values.as_slice().into());
        }
    }
    if let Some(delivery) = arguments.delivery {
        let method = match delivery {
            Delivery::Push => "push",
            Delivery::Poll => "poll",
        };
        body.insert(
            "delivery".to_owned(),
            json!({"method": method, "longPoll": arguments.long_poll}),
        );
    }
    body.insert("verify".to_owned(), (!arguments.no_verify).into());
    body.insert("authorization".to_owned(), authorization(arguments)?);
    Ok(Value::Object(body))
}

fn authorization(arguments: &Create) -> Result<Value> {
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
        text.map(|text| text.trim().to_owned())
    };
    if let Some(path) = &arguments.bearer_file {
        return Ok(json!({"type": "bearer", "token": read(path)?}));
    }
    if arguments.token_url.is_none() && arguments.authorization_server.is_none() {
        return Err(Misuse("say where tokens are with --token-url or --authorization-server".to_owned()).into());
    }
    let mut authorization = json!({
        "clientId": arguments.client_id, "tokenUrl": arguments.token_url,
        "authorizationServer": arguments.authorization_server, "scope": arguments.scope,
    });
    let (kind, member, secret) = match (&arguments.secret_file, &arguments.key) {
        (Some(path), _) if arguments.secret_in_body => ("client_secret_post", "clientSecret", Some(read(path)?)),
        (Some(path), _) => ("client_secret_basic", "clientSecret", Some(read(path)?)),
        (None, Some(path)) => ("private_key_jwt", "key", Some(read(path)?)),
        (None, None) => ("private_key_jwt", "key", None),
    };
    if let Some(members) = authorization.as_object_mut() {
        members.insert("type".to_owned(), kind.into());
        members.insert(member.to_owned(), secret.into());
    }
    Ok(authorization)
}
