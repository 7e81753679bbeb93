//! `POST /watchfire/v1/sign-ins` over loopback.

use anyhow::Result;
use serde_json::json;

use crate::{
    Score,
    attempts::Attempt,
    figures::say,
    load::{self, Load, Outcome},
    server::{Server, TOKEN},
    world::LENGTHS,
};

pub(crate) fn measure(options: &Score, server: &Server, attempts: &[Attempt]) -> Result<()> {
    let of_all: Vec<&Attempt> = attempts.iter().filter(|attempt| attempt.length == 0).collect();
    round(server, &of_all, options.requests / 10, options.connections)?;
    let outcome = round(server, &of_all, options.requests, options.connections)?;
    say(&format!("HTTP, {} connections: {outcome}", options.connections));
    for length in LENGTHS {
        let of_length: Vec<&Attempt> = attempts.iter().filter(|attempt| attempt.length == length).collect();
        let outcome = round(server, &of_length, options.requests / 10, options.connections)?;
        say(&format!("HTTP after {length} sign-ins: {outcome}"));
    }
    Ok(())
}

/// Asks so many times over so many connections.
fn round(server: &Server, attempts: &[&Attempt], requests: usize, connections: usize) -> Result<Outcome> {
    let asked = attempts.iter().cycle().take(requests);
    let requests: Vec<Vec<u8>> = asked.map(|attempt| request(server, attempt)).collect();
    let load = Load {
        requests: &requests,
        connections,
        status: 200,
        rate: None,
        never: Some("\"degraded\":true"),
    };
    load::run(server.address, load)
}

fn request(server: &Server, attempt: &Attempt) -> Vec<u8> {
    let body = json!({
        "user": {"id": attempt.user},
        "client": {"ipAddress": attempt.ip, "userAgent": attempt.user_agent},
    });
    let authorization = format!("SSWS {TOKEN}");
    server.request(
        "POST",
        "/watchfire/v1/sign-ins",
        &[("Authorization", &authorization)],
        "application/json",
        &body.to_string(),
    )
}
