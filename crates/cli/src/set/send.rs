//! `watchfire set send`: RFC 8935's sender, with the retries of ssf.md 4.1.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use clap::Args;
use http::{HeaderValue, Method, header};
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;
use watchfire_crypto::{jws::UnverifiedJws, random};
use watchfire_egress::operator::{Operator, OperatorRequest, OperatorSettings};

use super::{
    read_token,
    refusal::{Answer, Outcome, Refusal},
};
use crate::{
    api::secret,
    command::{self, Misuse},
    terminal::{Style, Terminal, printable},
};

#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The token, or a file with it; without it, or with -, standard input
    token: Option<String>,
    /// Org URL of the receiver: the token goes to /security/api/v1/security-events there
    #[arg(long, value_name = "URL", env = "WATCHFIRE_URL", required_unless_present = "endpoint")]
    to: Option<String>,
    /// Whole URL of a receiver's endpoint, such as a stream's
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// `Authorization` header that a stream asks for, scheme included
    #[arg(long, value_name = "VALUE", env = "WATCHFIRE_PUSH_AUTHORIZATION", hide_env_values = true, value_parser = secret)]
    authorization: Option<SecretString>,
    /// How often the same token is posted at the most
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    attempts: u32,
    /// Milliseconds of the first pause; it doubles, and a random part of it is waited
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1000)]
    pause: u64,
    /// CA certificate (PEM) that is trusted beside the system's
    #[arg(long, env = "WATCHFIRE_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// Where Okta-shaped receivers take tokens (okta.md 6.1).
const SECURITY_EVENTS: &str = "/security/api/v1/security-events";
/// The longest pause between two attempts (ssf.md 4.1).
const MAX_PAUSE: Duration = Duration::from_secs(15 * 60);
/// How long one attempt may take (PUSH-23).
const TIMEOUT: Duration = Duration::from_secs(30);
/// No answer to a token is long.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Delivers a token.
///
/// # Errors
/// When the arguments do not go together, or a file cannot be read.
pub(super) async fn run(arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode> {
    let endpoint = endpoint(arguments)?;
    let token = read_token(arguments.token.as_deref())?;
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let settings = OperatorSettings {
        ca_pem: arguments.ca.as_ref().map(read).transpose()?,
        timeout: TIMEOUT,
        max_bytes: MAX_ANSWER_BYTES,
    };
    let sender = Sender {
        operator: Operator::new(&settings)?,
        endpoint,
        // The same bytes each time (PUSH-21).
        token: Bytes::from(token.clone()),
        authorization: arguments.authorization.clone(),
    };
    let delivery = sender
        .deliver(arguments.attempts, Duration::from_millis(arguments.pause))
        .await?;
    report(&delivery, &token, terminal)
}

fn endpoint(arguments: &Arguments) -> Result<String, Misuse> {
    let url = match (&arguments.endpoint, &arguments.to) {
        (Some(endpoint), _) => endpoint.clone(),
        (None, Some(org)) => format!("{}{SECURITY_EVENTS}", org.trim_end_matches('/')),
        (None, None) => return Err(Misuse("whereto? --to ORG_URL or --endpoint URL".to_owned())),
    };
    let usable = Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    usable
        .then_some(url.clone())
        .ok_or_else(|| Misuse(format!("'{url}' is no URL of a receiver")))
}

struct Sender {
    operator: Operator,
    endpoint: String,
    token: Bytes,
    authorization: Option<SecretString>,
}

/// How a delivery went.
struct Delivery {
    attempts: u32,
    outcome: Outcome,
}

impl Sender {
    async fn deliver(&self, most: u32, first_pause: Duration) -> Result<Delivery> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let outcome = self.post().await?;
            let Outcome::Later { wait, why } = &outcome else {
                return Ok(Delivery { attempts, outcome });
            };
            if attempts >= most || wait.is_some_and(|wait| wait > MAX_PAUSE) {
                return Ok(Delivery { attempts, outcome });
            }
            let pause = wait.map_or_else(|| jittered(first_pause, attempts), Ok)?;
            eprintln!("watchfire: {why}; again in {:.1} s", pause.as_secs_f32());
            tokio::time::sleep(pause).await;
        }
    }

    async fn post(&self) -> Result<Outcome> {
        let mut request = OperatorRequest::new(Method::POST, &self.endpoint);
        request.authorization.clone_from(&self.authorization);
        let content_type = HeaderValue::from_static("application/secevent+jwt");
        request.headers.insert(header::CONTENT_TYPE, content_type);
        request
            .headers
            .insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        request.body = Some(self.token.clone());
        Ok(match self.operator.send(request).await {
            Ok(response) => {
                let retry_after = response.headers.get(header::RETRY_AFTER);
                let answer = Answer {
                    status: response.status.as_u16(),
                    retry_after: retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok()),
                    json: serde_json::from_slice(&response.body).unwrap_or_default(),
                };
                answer.outcome()
            }
            // Of the request itself nothing is wrong: the endpoint was looked at before.
            Err(error) => Outcome::Later {
                wait: None,
                why: format!("{:#}", anyhow::Error::from(error)),
            },
        })
    }
}

/// Full jitter: a random part of a pause that doubles each time.
fn jittered(first: Duration, attempts: u32) -> Result<Duration> {
    let ceiling = first
        .saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)))
        .min(MAX_PAUSE);
    let millis = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX);
    let drawn = u64::from_le_bytes(random::bytes()?);
    Ok(Duration::from_millis(drawn % millis.saturating_add(1)))
}

fn report(delivery: &Delivery, token: &str, terminal: &Terminal) -> Result<ExitCode> {
    let attempts = delivery.attempts;
    let tries = if attempts == 1 {
        "1 attempt".to_owned()
    } else {
        format!("{attempts} attempts")
    };
    match &delivery.outcome {
        Outcome::Taken { status } => {
            if terminal.json() {
                terminal.print_json(&json!({"delivered": true, "status": status, "attempts": attempts}))?;
            } else {
                let said = terminal.paint(Style::Good, format!("{status} Accepted"));
                let odd = if *status == 202 { "" } else { "; RFC 8935 asks for 202" };
                terminal.print(&format!("{said} ({tries}{odd})"))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Outcome::Later { why, .. } => {
            if terminal.json() {
                let explained = json!({"delivered": false, "attempts": attempts, "reason": why, "retry": true});
                terminal.print_json(&explained)?;
            } else {
                let said = terminal.paint(Style::Bad, "not delivered");
                let advice = "The token is as good as before: post the same bytes again later.";
                terminal.print(&format!("{said} after {tries}: {}\n{advice}", printable(why)))?;
            }
            Ok(ExitCode::from(command::FAILED))
        }
        Outcome::Refused(refusal) => {
            let claims = UnverifiedJws::parse(token)
                .ok()
                .and_then(|jws| Some((Value::Object(jws.header().members().clone()), jws.unverified_claims().ok()?)));
            let (header, claims) = claims.map_or_else(Default::default, |(header, claims)| (header, Value::Object(claims)));
            let advice = refusal.advice(&header, &claims);
            print_refusal(refusal, &advice, attempts, terminal)?;
            Ok(ExitCode::from(command::FAILED))
        }
    }
}

fn print_refusal(refusal: &Refusal, advice: &[String], attempts: u32, terminal: &Terminal) -> Result<()> {
    if terminal.json() {
        terminal.print_json(&json!({
            "delivered": false, "status": refusal.status, "attempts": attempts, "err": refusal.err,
            "description": refusal.description, "advice": advice, "retry": false,
        }))?;
        return Ok(());
    }
    let code = refusal.err.as_deref().unwrap_or("without an err");
    let said = terminal.paint(Style::Bad, format!("{} {}", refusal.status, printable(code)));
    let mut text = format!(
        "{said}: {}",
        printable(refusal.description.as_deref().unwrap_or("(no description)"))
    );
    for line in advice {
        text.push_str("\n  ");
        text.push_str(&printable(line));
    }
    terminal.print(&text)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ssf.md 4.1: base ×2, capped, and never more than that.
    #[test]
    fn pauses_grow_and_have_an_end() {
        for (attempts, ceiling) in [(1, 1_000), (2, 2_000), (5, 16_000), (40, 900_000)] {
            for _ in 0..50 {
                let pause = jittered(Duration::from_secs(1), attempts).unwrap();
                assert!(pause <= Duration::from_millis(ceiling), "{attempts}: {pause:?}");
            }
        }
        assert_eq!(jittered(Duration::ZERO, 3).unwrap(), Duration::ZERO);
    }
}
