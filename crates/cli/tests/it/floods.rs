//! What thousands of connections, long bodies and a proxy in the environment do to a real server: nothing that
//! others notice. Times are not looked at but to give up; what is bounded is work and memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use reqwest::StatusCode;
use serde_json::json;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

use crate::server::Server;

/// Connections that do nothing; the long form has 10000.
const CONNECTIONS: &str = "WATCHFIRE_TEST_IDLE_CONNECTIONS";
/// Shorter than any of the server's own time-outs here: who is answered within it did not wait for one.
const SOON: Duration = Duration::from_secs(20);
const MIB: u64 = 1024 * 1024;

async fn connect(server: &Server) -> Result<TcpStream> {
    let address = server.url.strip_prefix("http://").context("an address")?;
    Ok(TcpStream::connect(address).await?)
}

/// Somebody who has just come, with a connection of their own.
async fn newcomer(server: &Server) -> Result<StatusCode> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let answer = client.get(format!("{}/readyz", server.url)).send();
    Ok(timeout(SOON, answer).await.context("kept out")??.status())
}

/// Memory of the process that is in use.
fn resident(server: &Server) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid().context("it has ended")?))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    let kib: u64 = line.split_whitespace().next().context("no number")?.parse()?;
    Ok(kib * 1024)
}

#[tokio::test]
async fn idle_and_slow_connections_keep_nobody_out() -> Result<()> {
    let many: usize = match std::env::var(CONNECTIONS) {
        Ok(number) => number.parse()?,
        Err(_) => 1_000,
    };
    let options = ["--max-connections", "256", "--header-timeout", "10m", "--body-timeout", "10m"];
    let server = Server::start(&options).await?;
    ensure!(newcomer(&server).await? == 200);
    let before = resident(&server)?;
    let mut held = Vec::new();
    for number in 0..many {
        let mut stream = connect(&server).await?;
        let part: &[u8] = match number % 3 {
            0 => b"",
            1 => b"GET /readyz HTTP/1.1\r\nHost: org.exa",
            _ => b"POST /security/api/v1/security-events HTTP/1.1\r\nHost: org.example\r\nContent-Length: 1000\r\n\r\nabc",
        };
        // The server may have closed it by now: that is what this is about.
        let _ = stream.write_all(part).await;
        held.push(stream);
        if number % 100 == 99 {
            ensure!(newcomer(&server).await? == 200, "{number}");
        }
    }
    let grown = resident(&server)?.saturating_sub(before);
    ensure!(grown < 48 * MIB, "{} MiB for {many} connections", grown / MIB);
    ensure!(
        server.get("/api/v1/groups").await?.status == 200,
        "with a connection that was there before"
    );
    ensure!(server.stop().await? == Some(0));
    Ok(())
}

#[tokio::test]
async fn bodies_at_the_limit_stay_within_their_memory() -> Result<()> {
    const SENDERS: usize = 200;
    let options = [
        "--max-body-memory",
        "16MiB",
        "--body-timeout",
        "10m",
        "--set-calls-per-second",
        "0",
    ];
    let server = Server::start(&options).await?;
    ensure!(newcomer(&server).await? == 200);
    let before = resident(&server)?;
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let mut stream = connect(&server).await?;
        senders.spawn(async move {
            let head = "POST /security/api/v1/security-events HTTP/1.1\r\nHost: org.example\r\nContent-Length: 1048576\r\n\r\n";
            // All but the last byte; most are told that there is no room, and closed.
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&vec![b'a'; 1_048_575]).await;
            stream
        });
    }
    let mut held = Vec::new();
    while let Some(stream) = timeout(SOON, senders.join_next()).await? {
        held.push(stream?);
    }
    let grown = resident(&server)?.saturating_sub(before);
    ensure!(grown < 80 * MIB, "{} MiB for {SENDERS} bodies of 1 MiB", grown / MIB);
    let short = server.send(|http, at| http.post(at("/security/api/v1/security-events")).body("no token"));
    let short = timeout(SOON, short).await??;
    ensure!(short.status == 400, "{short:?}");
    // What was held is given back with the connections.
    drop(held);
    let long = || server.send(|http, at| http.post(at("/security/api/v1/security-events")).body(vec![b'a'; 1_000_000]));
    let answered = async {
        loop {
            // Whoever is told that there is no room may still be sending when the connection is closed.
            if let Ok(answer) = long().await
                && answer.status != 503
            {
                return answer.status;
            }
        }
    };
    let status = timeout(SOON, answered).await?;
    ensure!(status == 400 || status == 413, "{status}");
    Ok(())
}

/// A proxy would resolve names by itself, past every rule on addresses.
#[tokio::test]
async fn no_proxy_of_the_environment_is_used() -> Result<()> {
    let proxy = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", proxy.local_addr()?);
    let asked = Arc::new(AtomicUsize::new(0));
    tokio::spawn({
        let asked = Arc::clone(&asked);
        async move {
            while proxy.accept().await.is_ok() {
                asked.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let names = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ];
    let environment = names.map(|name| (name, url.as_str()));
    let server = Server::start_in(&["--dev", "--metadata-timeout", "1s"], &environment).await?;
    // Nobody is at port 1 of this machine, nor at a name that there is not.
    for well_known in ["http://127.0.0.1:1/ssf", "http://nowhere.invalid/ssf"] {
        let body = json!({"name": "x", "type": "x", "settings": {"well_known_url": well_known}});
        let answer = server.post("/watchfire/v1/security-events-providers/test", &body).await?;
        ensure!(answer.status.is_client_error() || answer.status.is_success(), "{answer:?}");
    }
    ensure!(asked.load(Ordering::SeqCst) == 0, "the proxy was asked");
    Ok(())
}
