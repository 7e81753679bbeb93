//! `watchfire set decode`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};
use watchfire_app::Clock as _;
use watchfire_crypto::{
    jwk::{Algorithm, KeySet},
    jws::UnverifiedJws,
};
use watchfire_egress::operator::{Operator, OperatorRequest, OperatorSettings};
use watchfire_model::object::DialectName;
use watchfire_ssf::{
    Dialect, Expected, UnverifiedSet,
    catalogue::{Named, named},
    set::ClockSkew,
};

use super::read_token;
use crate::{
    command,
    system::SystemClock,
    terminal::{Style, Terminal, printable},
};

#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The token, or a file with it; without it, or with -, standard input
    token: Option<String>,
    /// File or URL of the sender's JWK set, to verify the token with
    #[arg(long, value_name = "FILE|URL")]
    jwks: Option<String>,
}

/// Shows a token, and verifies it where keys are given.
///
/// # Errors
/// When it is no token, or the keys cannot be read.
pub(super) async fn run(arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode> {
    let token = read_token(arguments.token.as_deref())?;
    let jws = UnverifiedJws::parse(&token)?;
    let (header, claims) = (jws.header().members().clone(), jws.unverified_claims()?);
    let (verdict, receivers) = match &arguments.jwks {
        None => (None, Vec::new()),
        Some(name) => {
            let keys = read_keys(name).await?;
            (Some(verify(jws, &keys)), receivers(&token, &claims, &keys))
        }
    };
    let faults = faults(&header, &claims);
    if terminal.json() {
        let mut shown =
            json!({"verified": matches!(verdict, Some(Ok(()))), "header": header, "claims": claims, "faults": faults});
        if let (Some(Err(reason)), Some(members)) = (&verdict, shown.as_object_mut()) {
            members.insert("reason".to_owned(), reason.as_str().into());
        }
        if let (Some(_), Some(members)) = (&verdict, shown.as_object_mut()) {
            members.insert("receivers".to_owned(), receivers.iter().map(Receiver::json).collect());
        }
        terminal.print_json(&shown)?;
    } else {
        let title = match &verdict {
            None => terminal.paint(Style::Warning, "UNVERIFIED: anybody can have written this"),
            Some(Ok(())) => terminal.paint(Style::Good, "the signature is valid"),
            Some(Err(reason)) => format!("{}: {reason}", terminal.paint(Style::Bad, "not valid")),
        };
        let part = |name: &str, members: Map<String, Value>| {
            let members = Value::Object(members);
            format!("\n{}\n{members:#}", terminal.paint(Style::Heading, name))
        };
        let mut text = format!("{title}\n{}{}", part("Header", header), part("Claims", claims));
        for fault in &faults {
            text.push_str(&format!("\n{} {}", terminal.paint(Style::Warning, "!"), printable(fault)));
        }
        for receiver in &receivers {
            text.push_str(&format!("\n{}", receiver.text(terminal)));
        }
        terminal.print(&text)?;
    }
    Ok(match verdict {
        Some(Err(_)) => ExitCode::from(command::FAILED),
        _ => ExitCode::SUCCESS,
    })
}

fn verify(jws: UnverifiedJws, keys: &KeySet) -> Result<(), String> {
    let verified = jws.verify(keys).map_err(|error| match std::error::Error::source(&error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    })?;
    verified.claims().map(drop).map_err(|error| error.to_string())
}

/// What a receiver of one profile would answer, if it knew this issuer and this audience.
struct Receiver {
    profile: DialectName,
    refusal: Option<(&'static str, String)>,
}

/// The three profiles that receivers of today have (ssf.md annex B).
const PROFILES: [DialectName; 3] = [DialectName::Okta, DialectName::Standard, DialectName::Interop];

fn receivers(token: &str, claims: &Map<String, Value>, keys: &KeySet) -> Vec<Receiver> {
    let audiences: Vec<String> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    let answer = |profile| {
        let set = UnverifiedSet::parse(token.as_bytes())?;
        let expected = Expected {
            dialect: Dialect::named(profile),
            issuer: set.issuer(),
            audiences: &audiences,
            now: SystemClock.now(),
            skew: ClockSkew::default(),
        };
        set.verify(keys, &expected)
            .map(drop)
            .map_err(watchfire_ssf::VerifyFailure::into_error)
    };
    let receiver = |profile| Receiver {
        profile,
        refusal: answer(profile)
            .err()
            .map(|error| (error.code.as_str(), error.description.into_owned())),
    };
    PROFILES.into_iter().map(receiver).collect()
}

impl Receiver {
    fn json(&self) -> Value {
        let profile = self.profile.as_str();
        match &self.refusal {
            None => json!({"profile": profile, "taken": true}),
            Some((err, description)) => json!({"profile": profile, "taken": false, "err": err, "description": description}),
        }
    }

    fn text(&self, terminal: &Terminal) -> String {
        let profile = self.profile.as_str();
        match &self.refusal {
            None => format!(
                "{} by receivers of the profile {profile}",
                terminal.paint(Style::Good, "taken")
            ),
            Some((err, description)) => {
                let refused = terminal.paint(Style::Bad, "refused");
                format!(
                    "{refused} by receivers of the profile {profile}: {err}: {}",
                    printable(description)
                )
            }
        }
    }
}

/// What a receiver would find fault with, whoever signed it (ssf.md 1.1, 1.2).
fn faults(header: &Map<String, Value>, claims: &Map<String, Value>) -> Vec<String> {
    let mut faults = Vec::new();
    let typ = header.get("typ").and_then(Value::as_str).unwrap_or_default();
    if !["secevent+jwt", "application/secevent+jwt"]
        .iter()
        .any(|it| typ.eq_ignore_ascii_case(it))
    {
        faults.push("typ is not secevent+jwt: receivers refuse it (SET-02)".to_owned());
    }
    if !header.contains_key("kid") {
        faults.push("there is no kid: a receiver finds the key only if the sender has just one (SET-06)".to_owned());
    }
    for name in ["iss", "aud", "iat", "jti", "events"] {
        if !claims.contains_key(name) {
            faults.push(format!("there is no {name}: every receiver refuses it"));
        }
    }
    for name in ["sub", "exp"] {
        if claims.contains_key(name) {
            faults.push(format!(
                "there is {name}: receivers of the standard refuse it, Okta's do not mind"
            ));
        }
    }
    let events = claims.get("events").and_then(Value::as_object);
    if events.is_some_and(|events| events.len() > 1) {
        faults.push("there are several events: some receivers take one only (SET-24)".to_owned());
    }
    for uri in events.into_iter().flat_map(Map::keys) {
        if named(uri) == Named::Unknown {
            faults.push(format!(
                "the event type {uri} is not known here: it is stored and has no effect"
            ));
        }
    }
    faults
}

async fn read_keys(name: &str) -> Result<KeySet> {
    let set: Value = if name.starts_with("http://") || name.starts_with("https://") {
        let operator = Operator::new(&OperatorSettings::default())?;
        let response = operator.send(OperatorRequest::new(Method::GET, name)).await?;
        anyhow::ensure!(response.status.is_success(), "{name} answered {}", response.status);
        serde_json::from_slice(&response.body).with_context(|| format!("{name} is not JSON"))?
    } else {
        let text = std::fs::read_to_string(name).with_context(|| format!("cannot read {name}"))?;
        serde_json::from_str(&text).with_context(|| format!("{name} is not JSON"))?
    };
    let keys = KeySet::parse(&set, Algorithm::ALL).with_context(|| name.to_owned())?;
    if let (true, Some(rejected)) = (keys.is_empty(), keys.rejected().first()) {
        return Err(anyhow::Error::new(rejected.reason.clone()).context(format!("{name} has no usable key")));
    }
    Ok(keys)
}
