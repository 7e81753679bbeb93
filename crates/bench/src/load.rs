//! So many connections, each of which sends its next request when the last was answered (a closed loop), or
//! requests that are due at fixed times, whatever the server does (an open loop): the time of an answer then counts
//! from when its request was due, so that a server that stalls is charged for all who would have come meanwhile.
//!
//! One thread runs all of them and counts its own CPU; what is left of the process' is the server's, the
//! store's threads included.

use std::{
    cell::Cell,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    figures::{micros, quantile},
    machine::{process_cpu, thread_cpu},
};

/// What is sent, and what each answer must be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    /// Whole requests, in the order in which they are sent.
    pub(crate) requests: &'a [Vec<u8>],
    /// Connections at one time.
    pub(crate) connections: usize,
    /// The status of every answer.
    pub(crate) status: u16,
    /// Requests that are due a second; without it the loop is closed.
    pub(crate) rate: Option<u32>,
    /// What no answer may contain.
    pub(crate) never: Option<&'static str>,
}

/// What it came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    answers: u64,
    nanoseconds: u128,
    server_cpu: u64,
    client_cpu: u64,
    /// Nanoseconds, in order.
    latencies: Vec<u64>,
    largest: usize,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let answers = self.answers.max(1);
        write!(
            f,
            "{} requests/s, CPU a request in us: server {}, client {}; latency in us p50 {}, p99 {}",
            self.per_second(),
            micros(self.server_cpu / answers),
            micros(self.client_cpu / answers),
            micros(quantile(&self.latencies, 500)),
            micros(quantile(&self.latencies, 990)),
        )
    }
}

impl Outcome {
    /// Answers a second.
    pub(crate) fn per_second(&self) -> u128 {
        u128::from(self.answers) * 1_000_000_000 / self.nanoseconds.max(1)
    }

    /// The same of a server that is another process, which took so many nanoseconds of CPU.
    pub(crate) fn of_another_process(self, server_cpu: u64) -> Self {
        Self { server_cpu, ..self }
    }

    /// Nanoseconds that so many of a thousand answers did not take longer than.
    pub(crate) fn latency(&self, per_mille: usize) -> u64 {
        quantile(&self.latencies, per_mille)
    }

    /// Bytes of the largest answer, its head included.
    pub(crate) const fn largest(&self) -> usize {
        self.largest
    }
}

/// Sends the load, on a thread of its own.
pub(crate) fn run(address: SocketAddr, load: Load<'_>) -> Result<Outcome> {
    std::thread::scope(|scope| {
        let client = scope.spawn(|| on_this_thread(address, load));
        client.join().map_err(|_| anyhow::anyhow!("the client has panicked"))?
    })
}

fn on_this_thread(address: SocketAddr, load: Load<'_>) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (begun, process, thread) = (Instant::now(), process_cpu(), thread_cpu());
    let (mut latencies, largest) = runtime.block_on(all(address, load))?;
    let client_cpu = thread_cpu() - thread;
    let outcome = Outcome {
        answers: u64::try_from(latencies.len())?,
        nanoseconds: begun.elapsed().as_nanos(),
        server_cpu: (process_cpu() - process).saturating_sub(client_cpu),
        client_cpu,
        largest,
        latencies: {
            latencies.sort_unstable();
            latencies
        },
    };
    Ok(outcome)
}

/// How long each took, and how much the largest was.
async fn all(address: SocketAddr, load: Load<'_>) -> Result<(Vec<u64>, usize)> {
    let next = Cell::new(0);
    let first = Instant::now();
    let connections = (0..load.connections).map(|_| one(address, load, first, &next));
    let latencies = futures_util::future::try_join_all(connections).await?;
    let (latencies, sizes): (Vec<Vec<u64>>, Vec<usize>) = latencies.into_iter().unzip();
    Ok((
        latencies.into_iter().flatten().collect(),
        sizes.into_iter().max().unwrap_or(0),
    ))
}

/// Takes the next request that nobody has sent, until there is none.
async fn one(address: SocketAddr, load: Load<'_>, first: Instant, next: &Cell<usize>) -> Result<(Vec<u64>, usize)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut latencies, mut largest) = (Vec::new(), 0);
    let mut answer = Vec::with_capacity(16 * 1_024);
    loop {
        let number = next.replace(next.get() + 1);
        let Some(request) = load.requests.get(number) else {
            return Ok((latencies, largest));
        };
        let begun = match load.rate {
            None => Instant::now(),
            Some(rate) => {
                let due = first + Duration::from_secs_f64(f64::from(u32::try_from(number)?) / f64::from(rate.max(1)));
                tokio::time::sleep_until(due.into()).await;
                due
            }
        };
        stream.write_all(request).await?;
        read(&mut stream, &mut answer).await?;
        latencies.push(u64::try_from(begun.elapsed().as_nanos())?);
        largest = largest.max(answer.len());
        let text = String::from_utf8_lossy(&answer);
        let is_expected = text.get(9..12) == Some(load.status.to_string().as_str());
        ensure!(is_expected && load.never.is_none_or(|never| !text.contains(never)), "{text}");
    }
}

/// Reads one whole answer into `answer`.
async fn read(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<()> {
    answer.clear();
    loop {
        ensure!(stream.read_buf(answer).await? > 0, "the server has hung up");
        let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let length = length(answer.get(..head).unwrap_or_default())?;
        if answer.len() >= head + 4 + length {
            return Ok(());
        }
    }
}

fn length(head: &[u8]) -> Result<usize> {
    let head = String::from_utf8_lossy(head);
    let named = |line: &&str| {
        line.get(..15)
            .is_some_and(|name| name.eq_ignore_ascii_case("content-length:"))
    };
    let line = head.lines().find(named).context("an answer without a length")?;
    Ok(line.get(15..).unwrap_or_default().trim().parse()?)
}
