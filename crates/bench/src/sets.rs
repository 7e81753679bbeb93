//! `cargo xtask bench sets`: what an accepted Security Event Token costs, over HTTP, with real signatures and
//! real syncs, and all that follows from one: dedupe, receipt, log events, the user's risk, the policy.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    thread,
    time::Instant,
};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use watchfire_app::Clock as _;
use watchfire_crypto::{
    jwk::{Curve, KeySet},
    jws::UnverifiedJws,
    signing::{NewKey, PrivateKey},
};

use crate::{
    baseline::{AUDIENCE, Baseline, Receiver},
    figures::{micros, say},
    load::{self, Load, Outcome},
    machine::{self, SystemClock, thread_cpu},
    server::{self, Server, TOKEN},
};

/// What is measured.
#[derive(Args, Clone, Debug)]
pub(crate) struct Sets {
    /// Tokens that are sent
    #[arg(long, default_value_t = 50_000)]
    sets: usize,
    /// Connections that send at one time
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// What the tokens are signed with
    #[arg(long, default_value = "RS256", ignore_case = true)]
    algorithm: Signature,
    /// Users that the tokens are about
    #[arg(long, default_value_t = 1_000)]
    users: usize,
    /// Tokens that are due a second, whatever the server does; without it each connection waits for its answer
    #[arg(long)]
    rate: Option<u32>,
    /// Who receives them; `bench/baselines/install` makes what the others need
    #[arg(long, default_value = "watchfire")]
    receiver: Receiver,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Signature {
    #[value(name = "RS256")]
    Rs256,
    #[value(name = "ES256")]
    Es256,
}

/// Who sends the tokens.
pub(crate) const ISSUER: &str = "https://bench.example";
const EVENT: &str = "https://schemas.okta.com/secevent/okta/event-type/user-risk-change";
/// Tokens by which caches and the store's tables are warm before the measurement.
const WARM_UP: usize = 2_000;

pub(crate) fn measure(options: &Sets) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let key = PrivateKey::generate(match options.algorithm {
        Signature::Rs256 => NewKey::Rsa2048,
        Signature::Es256 => NewKey::Ec(Curve::P256),
    })?;
    if options.receiver == Receiver::Watchfire {
        of_watchfire(options, folder.path(), &key)
    } else {
        of_another(options, folder.path(), &key)
    }
}

fn of_watchfire(options: &Sets, folder: &Path, key: &PrivateKey) -> Result<()> {
    std::fs::create_dir(folder.join("data"))?;
    let serving = machine::runtime("server")?;
    let server = serving.block_on(Server::start(folder))?;
    let users = register(&server, key, options.users)?;
    let outcome = push(options, key, server.address, &server.url(), &users, || Ok(()))?;
    say(&format!("SETs, {} connections: {outcome}", options.connections));
    say(&format!("resident at the end: {} MiB", machine::resident_kib() / 1_024));
    serving.block_on(server.stop())
}

fn of_another(options: &Sets, folder: &Path, key: &PrivateKey) -> Result<()> {
    let jwks = json!({"keys": [key.public_jwk()]}).to_string();
    let baseline = Baseline::start(options.receiver, folder, &jwks, options.users)?;
    let mut before = 0;
    let outcome = push(options, key, baseline.address, AUDIENCE, &logins(options.users), || {
        before = baseline.cpu()?;
        Ok(())
    })?;
    let outcome = outcome.of_another_process(baseline.cpu()? - before);
    say(&format!(
        "SETs, {:?}, {} connections: {outcome}",
        options.receiver, options.connections
    ));
    say(&format!("resident at the end: {} MiB", baseline.resident_kib()? / 1_024));
    Ok(())
}

/// Signs the tokens and sends them; `warm` is told when the measurement begins.
fn push(
    options: &Sets,
    key: &PrivateKey,
    address: SocketAddr,
    audience: &str,
    users: &[String],
    mut warm: impl FnMut() -> Result<()>,
) -> Result<Outcome> {
    let tokens = signed(key, audience, users, options.sets + WARM_UP)?;
    verification(key, &tokens)?;
    let requests: Vec<Vec<u8>> = tokens.iter().map(|token| request(address, token)).collect();
    let (first, measured) = requests.split_at(WARM_UP);
    let load = |requests, rate| Load {
        requests,
        connections: options.connections,
        status: 202,
        rate,
        never: None,
    };
    load::run(address, load(first, None))?;
    warm()?;
    load::run(address, load(measured, options.rate))
}

/// The signature alone, on this thread: the limit that the figures are held against.
fn verification(key: &PrivateKey, tokens: &[String]) -> Result<()> {
    let keys = KeySet::from_jwks([&key.public_jwk()], &[key.algorithm()]);
    let some = tokens.get(..WARM_UP).unwrap_or(tokens);
    let (begun, cpu) = (Instant::now(), thread_cpu());
    for token in some {
        UnverifiedJws::parse(token)?.verify(&keys)?;
    }
    let each = (thread_cpu() - cpu) / u64::try_from(some.len())?.max(1);
    say(&format!(
        "one signature: {} us of CPU ({} ms for {})",
        micros(each),
        begun.elapsed().as_millis(),
        some.len()
    ));
    Ok(())
}

/// Makes the provider and the users, by the API.
fn register(server: &Server, key: &PrivateKey, users: usize) -> Result<Vec<String>> {
    let keys = serve_keys(&json!({"keys": [key.public_jwk()]}))?;
    let provider = json!({"name": "bench", "type": "bench", "settings": {"issuer": ISSUER, "jwks_url": keys}});
    let authorization = format!("SSWS {TOKEN}");
    let post = |path: &str, body: &Value| {
        server.request(
            "POST",
            path,
            &[("Authorization", &authorization)],
            "application/json",
            &body.to_string(),
        )
    };
    let logins = logins(users);
    let people = logins.iter().map(|login| {
        let profile = json!({"firstName": "A", "lastName": "B", "email": login, "login": login});
        post("/api/v1/users?activate=true", &json!({"profile": profile}))
    });
    let requests: Vec<Vec<u8>> = std::iter::once(post("/api/v1/security-events-providers", &provider))
        .chain(people)
        .collect();
    let load = Load {
        requests: &requests,
        connections: 1.max(users.min(16)),
        status: 200,
        rate: None,
        never: None,
    };
    load::run(server.address, load)?;
    Ok(logins)
}

/// Whom the tokens are about.
fn logins(users: usize) -> Vec<String> {
    (0..users).map(|number| format!("user{number}@bench.example")).collect()
}

/// Serves a key set on loopback for as long as the process lives; gives its address.
fn serve_keys(keys: &Value) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let body = keys.to_string();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    Ok(format!("http://{address}/keys"))
}

/// Tokens, each about another user, by as many threads as there are processors.
fn signed(key: &PrivateKey, audience: &str, users: &[String], count: usize) -> Result<Vec<String>> {
    let threads = thread::available_parallelism()?.get();
    let share = count.div_ceil(threads);
    let sign = |part: usize| -> Result<Vec<String>> {
        let numbers = part * share..count.min((part + 1) * share);
        numbers.map(|number| token(key, audience, users, number)).collect()
    };
    thread::scope(|scope| {
        let parts: Vec<_> = (0..threads).map(|part| scope.spawn(move || sign(part))).collect();
        let mut tokens = Vec::with_capacity(count);
        for part in parts {
            tokens.append(&mut part.join().map_err(|_| anyhow::anyhow!("a signer has panicked"))??);
        }
        Ok(tokens)
    })
}

fn token(key: &PrivateKey, audience: &str, users: &[String], number: usize) -> Result<String> {
    let levels = ["low", "medium", "high"];
    let user = users.get(number % users.len().max(1)).context("no users")?;
    let now = SystemClock.now().as_seconds();
    let claims = json!({
        "iss": ISSUER,
        "aud": audience,
        "iat": now,
        "jti": format!("bench-{number}"),
        "events": {EVENT: {
            "subject": {"user": {"format": "email", "email": user}},
            "event_timestamp": now,
            "current_level": levels.get(number / users.len().max(1) % levels.len()),
            "previous_level": "low",
            "reason_admin": {"en": "a bench"},
        }},
    });
    let typ = json!({"typ": "secevent+jwt"});
    let members = typ.as_object().context("an object")?;
    Ok(key.sign_compact(members, claims.to_string().as_bytes())?)
}

fn request(address: SocketAddr, token: &str) -> Vec<u8> {
    let to = ("POST", "/security/api/v1/security-events");
    server::request(address, to, &[], "application/secevent+jwt", token)
}
