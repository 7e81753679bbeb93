//! What this process costs: time, CPU, memory.

use std::fs;

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};
use watchfire_app::{Clock, Entropy};
use watchfire_model::time::Timestamp;

/// A runtime whose threads have this name.
pub(crate) fn runtime(name: &str) -> Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.enable_all().thread_name(name).build()?)
}

/// Nanoseconds of CPU of this thread.
pub(crate) fn thread_cpu() -> u64 {
    cpu(ClockId::ThreadCPUTime)
}

/// Nanoseconds of CPU of all threads.
pub(crate) fn process_cpu() -> u64 {
    cpu(ClockId::ProcessCPUTime)
}

fn cpu(clock: ClockId) -> u64 {
    let spent = clock_gettime(clock);
    let nanoseconds = spent.tv_sec.saturating_mul(1_000_000_000).saturating_add(spent.tv_nsec);
    u64::try_from(nanoseconds).unwrap_or(0)
}

/// Resident memory.
pub(crate) fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "a bench runs at the real time, as a server does")]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::expect_used, reason = "without randomness there is nothing to measure")]
    fn fill(&self, out: &mut [u8]) {
        watchfire_crypto::random::fill(out).expect("the operating system gives random bytes");
    }
}
