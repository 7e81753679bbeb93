//! `POST /watchfire/v1/sign-ins` over loopback. The clients' threads count their own CPU; what is left of
//! the process' is the server's, the store's threads included.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::{
    Score,
    attempts::Attempt,
    figures::{micros, quantile, say},
    machine::{process_cpu, thread_cpu},
    server::{Server, TOKEN},
    world::LENGTHS,
};

pub(crate) fn measure(options: &Score, server: &Server, attempts: &[Attempt]) -> Result<()> {
    let of_all: Vec<&Attempt> = attempts.iter().filter(|attempt| attempt.length == 0).collect();
    round(server, &of_all, (options.requests / 10, options.connections))?;
    let figures = round(server, &of_all, (options.requests, options.connections))?;
    say(&format!("HTTP, {} connections: {figures}", options.connections));
    for length in LENGTHS {
        let of_length: Vec<&Attempt> = attempts.iter().filter(|attempt| attempt.length == length).collect();
        let figures = round(server, &of_length, (options.requests / 10, options.connections))?;
        say(&format!("HTTP after {length} sign-ins: {figures}"));
    }
    Ok(())
}

/// Asks so many times over so many connections.
fn round(server: &Server, attempts: &[&Attempt], (requests, connections): (usize, usize)) -> Result<String> {
    let (begun, cpu_before) = (Instant::now(), process_cpu());
    let each = (requests / connections).max(1);
    let workers = std::thread::scope(|scope| {
        let work = |number: usize| move || ask(server, attempts.iter().cycle().skip(number * each).take(each));
        let handles: Vec<_> = (0..connections).map(|number| scope.spawn(work(number))).collect();
        handles.into_iter().map(join).collect::<Result<Vec<_>>>()
    })?;
    let elapsed = begun.elapsed();
    let clients: u64 = workers.iter().map(|worker| worker.cpu).sum();
    let servers = (process_cpu() - cpu_before).saturating_sub(clients);
    let mut latencies: Vec<u64> = workers.into_iter().flat_map(|worker| worker.latencies).collect();
    latencies.sort_unstable();
    let asked = u64::try_from(latencies.len())?;
    Ok(format!(
        "{} requests/s, CPU of the server {} us a request, latency in us p50 {}, p99 {}",
        u128::from(asked) * 1_000 / elapsed.as_millis().max(1),
        micros(servers / asked.max(1)),
        micros(quantile(&latencies, 500)),
        micros(quantile(&latencies, 990)),
    ))
}

fn join(handle: std::thread::ScopedJoinHandle<'_, Result<Worker>>) -> Result<Worker> {
    handle.join().map_err(|_| anyhow::anyhow!("a client has panicked"))?
}

struct Worker {
    cpu: u64,
    /// Nanoseconds.
    latencies: Vec<u64>,
}

fn ask<'a>(server: &Server, attempts: impl Iterator<Item = &'a &'a Attempt>) -> Result<Worker> {
    let cpu_before = thread_cpu();
    let mut stream = TcpStream::connect(server.address)?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut latencies = Vec::new();
    for attempt in attempts {
        let body = json!({
            "user": {"id": attempt.user},
            "client": {"ipAddress": attempt.ip, "userAgent": attempt.user_agent},
        })
        .to_string();
        let request = format!(
            "POST /watchfire/v1/sign-ins HTTP/1.1\r\nHost: {}\r\nAuthorization: SSWS {TOKEN}\r\nContent-Type: \
             application/json\r\nAccept: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            server.address,
            body.len()
        );
        let begun = Instant::now();
        stream.write_all(request.as_bytes())?;
        let (status, answer) = read(&mut answers)?;
        latencies.push(u64::try_from(begun.elapsed().as_nanos())?);
        ensure!(status.contains(" 200 "), "{status}{answer}");
        ensure!(!answer.contains("\"degraded\":true"), "a degraded answer: {answer}");
    }
    Ok(Worker {
        cpu: thread_cpu() - cpu_before,
        latencies,
    })
}

fn read(answers: &mut BufReader<TcpStream>) -> Result<(String, String)> {
    let mut status = String::new();
    answers.read_line(&mut status)?;
    let mut length = None;
    loop {
        let mut line = String::new();
        ensure!(answers.read_line(&mut line)? > 0, "the server has hung up after {status}");
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = Some(value.trim().parse()?);
        }
    }
    let mut body = vec![0; length.context("an answer without a length")?];
    answers.read_exact(&mut body)?;
    Ok((status, String::from_utf8(body)?))
}
