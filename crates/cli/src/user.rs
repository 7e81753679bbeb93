//! `watchfire user`: the people who sign in.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use watchfire_app::Clock as _;
use watchfire_crypto::totp;

use crate::{
    api::{Api, Connection, escape, text},
    system::SystemClock,
    terminal::Terminal,
};

/// Users.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a user
    Create(Create),
    /// List users
    List(List),
    /// Show a user, by id or login
    Show(Named),
    /// Activate a user who is staged or deprovisioned
    Activate(Named),
    /// Suspend a user: no more sign-ins until it is unsuspended
    Suspend(Named),
    /// End a suspension
    Unsuspend(Named),
    /// Unlock a user who was locked out
    Unlock(Named),
    /// Deactivate a user for good
    Deactivate(Named),
    /// Delete a user; an active one is deactivated first
    Delete(Named),
    /// Enrol a TOTP authenticator as the user's second factor
    EnrolTotp(EnrolTotp),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Create {
    /// Login, which is an e-mail address
    login: String,
    /// First name
    #[arg(long)]
    first_name: String,
    /// Last name
    #[arg(long)]
    last_name: String,
    /// E-mail address; without it, the login
    #[arg(long)]
    email: Option<String>,
    /// File with the password; or give it in WATCHFIRE_USER_PASSWORD; without one, the user is only provisioned
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Leave the user STAGED
    #[arg(long)]
    staged: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct List {
    /// Search expression, such as profile.lastName eq "Lin"
    #[arg(long)]
    search: Option<String>,
    /// Filter expression, such as status eq "SUSPENDED"
    #[arg(long)]
    filter: Option<String>,
    /// Beginning of a name or address
    #[arg(long)]
    q: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Named {
    /// Id or login
    user: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct EnrolTotp {
    /// Id or login
    user: String,
    /// Id of a factor that waits for its first code
    #[arg(long, value_name = "ID", requires = "code")]
    factor: Option<String>,
    /// The first code that the authenticator shows, which activates the factor
    #[arg(long, requires = "factor")]
    code: Option<String>,
    /// Activate at once, with a code that this program makes of the secret
    #[arg(long, conflicts_with = "factor")]
    activate: bool,
    #[command(flatten)]
    connection: Connection,
}

const FIELDS: &[(&str, &str)] = &[
    ("id", "/id"),
    ("login", "/profile/login"),
    ("first name", "/profile/firstName"),
    ("last name", "/profile/lastName"),
    ("status", "/status"),
    ("created", "/created"),
    ("last sign-in", "/lastLogin"),
];
const COLUMNS: &[(&str, &str)] = &[
    ("ID", "/id"),
    ("LOGIN", "/profile/login"),
    ("FIRST NAME", "/profile/firstName"),
    ("LAST NAME", "/profile/lastName"),
    ("STATUS", "/status"),
    ("LAST SIGN-IN", "/lastLogin"),
];

/// Runs one of the commands.
///
/// # Errors
/// When the server says no, or cannot be reached.
pub(crate) async fn run(command: &Command, terminal: &Terminal) -> Result<()> {
    match command {
        Command::Create(arguments) => {
            let password = read_password(arguments.password_file.as_ref())?;
            let new = NewUser {
                login: &arguments.login,
                email: arguments.email.as_deref().unwrap_or(&arguments.login),
                first_name: &arguments.first_name,
                last_name: &arguments.last_name,
                password: password.as_ref(),
            };
            let created = create(&arguments.connection.open()?, &new, !arguments.staged).await?;
            terminal.print_object(&created, FIELDS)?;
        }
        Command::List(arguments) => {
            let mut path = "/api/v1/users?limit=200".to_owned();
            for (name, value) in [
                ("search", &arguments.search),
                ("filter", &arguments.filter),
                ("q", &arguments.q),
            ] {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={}", escape(value)));
                }
            }
            terminal.print_list(&arguments.connection.open()?.list(&path).await?, COLUMNS)?;
        }
        Command::Show(named) => {
            let user = named.connection.open()?.get(&path(&named.user)).await?;
            terminal.print_object(&user, FIELDS)?;
        }
        Command::Activate(named) => life_cycle(named, "activate?sendEmail=false", terminal).await?,
        Command::Suspend(named) => life_cycle(named, "suspend", terminal).await?,
        Command::Unsuspend(named) => life_cycle(named, "unsuspend", terminal).await?,
        Command::Unlock(named) => life_cycle(named, "unlock", terminal).await?,
        Command::Deactivate(named) => life_cycle(named, "deactivate", terminal).await?,
        Command::Delete(named) => delete(named, terminal).await?,
        Command::EnrolTotp(arguments) => enrol(arguments, terminal).await?,
    }
    Ok(())
}

fn path(user: &str) -> String {
    format!("/api/v1/users/{}", escape(user))
}

/// A user to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewUser<'a> {
    pub(crate) login: &'a str,
    pub(crate) email: &'a str,
    pub(crate) first_name: &'a str,
    pub(crate) last_name: &'a str,
    pub(crate) password: Option<&'a SecretString>,
}

/// Makes a user (okta.md 10.1).
///
/// # Errors
/// When the server says no.
pub(crate) async fn create(api: &Api, new: &NewUser<'_>, activate: bool) -> Result<Value> {
    let profile = json!({"login": new.login, "email": new.email, "firstName": new.first_name, "lastName": new.last_name});
    let mut body = json!({ "profile": profile });
    if let (Some(members), Some(password)) = (body.as_object_mut(), new.password) {
        members.insert(
            "credentials".to_owned(),
            json!({"password": {"value": password.expose_secret()}}),
        );
    }
    api.post(&format!("/api/v1/users?activate={activate}"), &body).await
}

async fn life_cycle(named: &Named, step: &str, terminal: &Terminal) -> Result<()> {
    let api = named.connection.open()?;
    api.post_empty(&format!("{}/lifecycle/{step}", path(&named.user))).await?;
    terminal.print_object(&api.get(&path(&named.user)).await?, FIELDS)?;
    Ok(())
}

/// The first call on an active user deactivates it, the second deletes it (okta.md 10.1).
async fn delete(named: &Named, terminal: &Terminal) -> Result<()> {
    let api = named.connection.open()?;
    let user = api.get(&path(&named.user)).await?;
    let id = text(&user, "id");
    if text(&user, "status") != "DEPROVISIONED" {
        api.delete(&path(id)).await?;
    }
    api.delete(&path(id)).await?;
    Ok(terminal.print_done("deleted", id)?)
}

async fn enrol(arguments: &EnrolTotp, terminal: &Terminal) -> Result<()> {
    let api = arguments.connection.open()?;
    let user = api.get(&path(&arguments.user)).await?;
    let user_id = text(&user, "id");
    if let (Some(factor), Some(code)) = (&arguments.factor, &arguments.code) {
        let factor = activate(&api, user_id, factor, code).await?;
        return Ok(terminal.print_object(&factor, FACTOR_FIELDS)?);
    }
    let factor = start_enrolment(&api, user_id).await?;
    let secret = shared_secret(&factor)?.to_owned();
    let mut shown = factor.clone();
    if arguments.activate {
        shown = activate(&api, user_id, text(&factor, "id"), &code(&secret)?).await?;
    }
    if let Some(members) = shown.as_object_mut() {
        members.insert("sharedSecret".to_owned(), secret.as_str().into());
        let login = user.pointer("/profile/login").and_then(Value::as_str).unwrap_or(user_id);
        let uri = format!("otpauth://totp/Watchfire:{}?secret={secret}&issuer=Watchfire", escape(login));
        members.insert("uri".to_owned(), uri.into());
    }
    terminal.print_object(&shown, FACTOR_FIELDS)?;
    if !arguments.activate && !terminal.json() {
        let again = format!(
            "watchfire user enrol-totp {} --factor {} --code CODE",
            arguments.user,
            text(&factor, "id")
        );
        terminal.print(&format!(
            "\nPut the secret into an authenticator, then activate it with its first code:\n  {again}"
        ))?;
    }
    Ok(())
}

const FACTOR_FIELDS: &[(&str, &str)] = &[
    ("factor", "/id"),
    ("status", "/status"),
    ("secret", "/sharedSecret"),
    ("uri", "/uri"),
];

/// Begins the enrolment of a TOTP factor; the answer holds its secret.
///
/// # Errors
/// When the server says no.
pub(crate) async fn start_enrolment(api: &Api, user_id: &str) -> Result<Value> {
    let body = json!({"factorType": "token:software:totp", "provider": "OKTA"});
    api.post(&format!("{}/factors", path(user_id)), &body).await
}

/// The secret of a factor that is being enrolled, base32.
///
/// # Errors
/// When the answer holds none.
pub(crate) fn shared_secret(factor: &Value) -> Result<&str> {
    let secret = factor.pointer("/_embedded/activation/sharedSecret").and_then(Value::as_str);
    secret.context("the server sent no secret for the factor")
}

/// The code that an authenticator with this secret shows now.
///
/// # Errors
/// When the secret is not base32.
pub(crate) fn code(secret: &str) -> Result<String> {
    let bytes = totp::decode_secret(secret)?;
    Ok(totp::code_at_step(&bytes, totp::step_at(SystemClock.now().as_seconds())))
}

/// Ends the enrolment with a first code.
///
/// # Errors
/// When the server says no, or the factor is not active then.
pub(crate) async fn activate(api: &Api, user_id: &str, factor_id: &str, code: &str) -> Result<Value> {
    let activate = format!("{}/factors/{}/lifecycle/activate", path(user_id), escape(factor_id));
    let factor = api.post(&activate, &json!({ "passCode": code })).await?;
    if text(&factor, "status") != "ACTIVE" {
        bail!("the factor is {} and not ACTIVE", text(&factor, "status"));
    }
    Ok(factor)
}

fn read_password(file: Option<&PathBuf>) -> Result<Option<SecretString>> {
    let Some(path) = file else {
        let given = std::env::var("WATCHFIRE_USER_PASSWORD")
            .ok()
            .filter(|value| !value.is_empty());
        return Ok(given.map(SecretString::from));
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(SecretString::from(text.trim_end_matches(['\r', '\n']))))
}
