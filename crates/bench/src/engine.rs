//! A score by the engine alone: the profile from its stored text, the user agent, the place, everybody's
//! numbers, the last hour's, the verdict in Okta's words. Profiles are fetched from the store before the
//! clock runs: reading SQLite is part of the measurement over HTTP.

use std::hint::black_box;

use anyhow::Result;
use watchfire_app::{Clock as _, Vault};
use watchfire_engine::{
    assess,
    model::{Attempt as Tried, HashKey, Known, Path, Profile, Settings, Signals},
    user_agent::Device,
};
use watchfire_model::object::{Kind, Object};

use crate::{
    Score,
    attempts::Attempt,
    figures::{micros, say, spread},
    machine::{SystemClock, thread_cpu},
    server::{KEY, Server},
    world::LENGTHS,
};

pub(crate) async fn measure(options: &Score, server: &Server, attempts: &[Attempt]) -> Result<()> {
    let mut stored = Vec::with_capacity(attempts.len());
    for attempt in attempts {
        stored.push((attempt, profile(server, attempt).await?));
    }
    let scorer = Scorer {
        server,
        secret: *Vault::new(&KEY)?.model_key(),
        settings: Settings::default(),
    };
    let of_all: Vec<_> = stored.iter().filter(|(attempt, _)| attempt.length == 0).collect();
    // Once through for the caches of code and allocator.
    of_all.iter().take(2_000).for_each(|(attempt, profile)| {
        black_box(scorer.time(attempt, profile));
    });
    let mut costs: Vec<Cost> = of_all
        .iter()
        .cycle()
        .take(options.scores)
        .map(|(attempt, profile)| scorer.time(attempt, profile))
        .collect();
    let overhead = overhead();
    say(&format!("the clock itself takes {} us, taken off", micros(overhead)));
    costs.iter_mut().for_each(|cost| cost.less(overhead));
    let of = |part: fn(&Cost) -> u64| spread(costs.iter().map(part).collect(), micros);
    say(&format!("CPU of one score in us: {}", of(|cost| cost.total)));
    say(&format!("  profile from its stored text: {}", of(|cost| cost.profile)));
    say(&format!("  user agent: {}", of(|cost| cost.agent)));
    say(&format!("  place: {}", of(|cost| cost.place)));
    say(&format!(
        "  hashes, statistics, verdict, reasons: {}",
        of(|cost| cost.verdict)
    ));
    for length in LENGTHS {
        let of_length: Vec<_> = stored.iter().filter(|(attempt, _)| attempt.length == length).collect();
        let costs = of_length.iter().cycle().take((options.scores / 20).min(of_length.len() * 50));
        let costs = costs.map(|(attempt, profile)| scorer.time(attempt, profile).total.saturating_sub(overhead));
        say(&format!(
            "CPU of one score after {length} sign-ins in us: {}",
            spread(costs.collect(), micros)
        ));
    }
    Ok(())
}

async fn profile(server: &Server, attempt: &Attempt) -> Result<String> {
    match server.index.get(Kind::SignInProfile, &attempt.user).await? {
        Some(Object::SignInProfile(profile)) => Ok(profile.profile),
        _ => anyhow::bail!("{} has no profile", attempt.user),
    }
}

struct Scorer<'a> {
    server: &'a Server,
    secret: HashKey,
    settings: Settings,
}

/// Nanoseconds.
struct Cost {
    total: u64,
    profile: u64,
    agent: u64,
    place: u64,
    verdict: u64,
}

impl Cost {
    /// Each part was measured with one reading of the clock, the whole with four.
    fn less(&mut self, overhead: u64) {
        self.total = self.total.saturating_sub(4 * overhead);
        for part in [&mut self.profile, &mut self.agent, &mut self.place, &mut self.verdict] {
            *part = part.saturating_sub(overhead);
        }
    }
}

impl Scorer<'_> {
    fn time(&self, attempt: &Attempt, profile: &str) -> Cost {
        let now = SystemClock.now();
        let begun = thread_cpu();
        let profile = Profile::from_text(profile).unwrap_or_default();
        let decoded = thread_cpu();
        let device = Device::parse(&attempt.user_agent);
        let parsed = thread_cpu();
        let place = self.server.app.place_of(attempt.ip);
        let located = thread_cpu();
        let tried = Tried {
            at: now,
            address: attempt.ip,
            place,
            device,
            user_agent: attempt.user_agent.clone(),
            token: None,
        };
        let path = Path::of(&tried, &self.secret);
        let statistics = self.server.app.state().statistics();
        let known = Known {
            profile: &profile,
            population: &statistics.around(&path),
            windows: &statistics.windows(&self.secret, &tried, &attempt.user),
            signals: &Signals::default(),
            behaviors: &[],
        };
        black_box(assess(known, &tried, &path, &self.settings));
        let ended = thread_cpu();
        Cost {
            total: ended - begun,
            profile: decoded - begun,
            agent: parsed - decoded,
            place: located - parsed,
            verdict: ended - located,
        }
    }
}

/// What one reading of the clock costs, at the median.
fn overhead() -> u64 {
    let mut taken: Vec<u64> = (0..10_000)
        .map(|_| {
            let begun = thread_cpu();
            thread_cpu() - begun
        })
        .collect();
    taken.sort_unstable();
    crate::figures::quantile(&taken, 500)
}
