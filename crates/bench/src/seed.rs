//! Writes the store: users, their profiles, the statistics of everybody, through the journal as the server
//! does.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use watchfire_app::{Clock as _, Vault, geo::Geo};
use watchfire_crypto::base64url;
use watchfire_engine::{
    model::{self, Attempt as Tried, HashKey, Known, Population, Profile, Settings, Signals, Windows, judge},
    user_agent::Device,
};
use watchfire_model::{
    id::UserId,
    object::{Object, PopulationPart, PopulationSnapshot, SignInProfile, User, UserStatus},
    row::Decision,
    time::Timestamp,
};
use watchfire_store::{journal::Journal, settings::Settings as StoreSettings, sqlite};

use crate::{
    Score,
    attempts::{self, Attempt},
    figures::{say, spread},
    machine::SystemClock,
    server::KEY,
    world::{self, LENGTHS, Seen},
};

/// Users that are written in one transaction.
const GROUP: usize = 5_000;
/// Users of each length of history.
const OF_EACH_LENGTH: usize = 200;
/// Bytes of a part of the statistics.
const PART: usize = 192 * 1_024;
/// Attempts that are left for the measurement.
const ATTEMPTS: usize = 100_000;

pub(crate) async fn run(options: &Score, folder: &Path) -> Result<()> {
    let begun = Instant::now();
    std::fs::create_dir_all(folder)?;
    let data = folder.join("data");
    let mut prefixes = BTreeMap::new();
    let mut lives: Vec<Vec<Seen>> = Vec::new();
    world::lives(
        options.distinct.min(options.users),
        |life| {
            lives.push(life);
            Ok(())
        },
        |rows| {
            for row in rows {
                prefixes.entry(world::prefix(row.ip)).or_insert((row.country, row.asn));
            }
        },
    )?;
    world::write_geo(&data, &prefixes)?;
    say(&format!(
        "{} lives and {} networks made in {} s",
        lives.len(),
        prefixes.len(),
        begun.elapsed().as_secs()
    ));
    let mut teacher = Teacher::new(&data)?;
    let taught: Vec<Taught> = lives.iter().filter_map(|life| teacher.live(life)).collect();
    say(&format!("profiles made in {} s", begun.elapsed().as_secs()));
    let lengths = |length: u32| {
        lives
            .iter()
            .filter(|life| life.len() > 3)
            .take(OF_EACH_LENGTH)
            .map(move |life| (length, life))
    };
    let of_lengths: Vec<Taught> = LENGTHS
        .into_iter()
        .flat_map(lengths)
        .filter_map(|(length, life)| teacher.live_for(life, length))
        .collect();
    Writer::open(&data)
        .await?
        .write(options, &teacher, (taught, of_lengths), folder)
        .await?;
    say(&format!("seeded in {} s", begun.elapsed().as_secs()));
    Ok(())
}

/// A profile as it is stored, and the attempt on it.
type Taught = (String, Attempt);

/// Makes profiles by the engine, as accepted sign-ins do.
struct Teacher {
    secret: HashKey,
    geo: Geo,
    population: Population,
    settings: Settings,
}

impl Teacher {
    fn new(data: &Path) -> Result<Self> {
        Ok(Self {
            secret: *Vault::new(&KEY)?.model_key(),
            geo: world::geo(data),
            population: Population::default(),
            settings: Settings::default(),
        })
    }

    /// The profile of a life but for its last sign-in, which is the attempt.
    fn live(&mut self, life: &[Seen]) -> Option<Taught> {
        let (last, before) = life.split_last()?;
        let mut profile = Profile::default();
        for seen in before {
            self.learn(&mut profile, seen);
        }
        Some((profile.to_text(), attempt(last, 0)))
    }

    /// The profile of so many sign-ins, evenly over the last year, of the kinds that this life has.
    fn live_for(&mut self, life: &[Seen], length: u32) -> Option<Taught> {
        let (last, before) = life.split_last()?;
        let mut profile = Profile::default();
        let pause = Duration::from_secs(365 * 24 * 3_600) / length;
        let mut at = last.at.minus(Duration::from_secs(365 * 24 * 3_600));
        for seen in before.iter().cycle().take(usize::try_from(length).ok()?) {
            let seen = Seen { at, ..seen.clone() };
            self.learn(&mut profile, &seen);
            at = at.plus(pause);
        }
        Some((profile.to_text(), attempt(last, length)))
    }

    fn learn(&mut self, profile: &mut Profile, seen: &Seen) {
        let tried = tried(seen, &self.geo);
        let path = model::Path::of(&tried, &self.secret);
        let known = Known {
            profile,
            population: &self.population,
            windows: &Windows::default(),
            signals: &Signals::default(),
            behaviors: &[],
        };
        let delta = judge(known, &tried, &path, &self.settings).delta;
        profile.apply(&delta);
        self.population.apply(&delta);
    }
}

fn attempt(seen: &Seen, length: u32) -> Attempt {
    Attempt {
        length,
        user: String::new(),
        ip: seen.ip,
        user_agent: seen.user_agent.clone(),
    }
}

fn tried(seen: &Seen, geo: &Geo) -> Tried {
    Tried {
        at: seen.at,
        address: seen.ip,
        place: geo.locate(seen.ip, seen.at).place,
        device: Device::parse(&seen.user_agent),
        user_agent: seen.user_agent.clone(),
        token: None,
    }
}

struct Writer {
    journal: Box<dyn Journal>,
    decision: Decision,
    now: Timestamp,
    written: usize,
}

impl Writer {
    async fn open(data: &Path) -> Result<Self> {
        let now = SystemClock.now();
        let store = sqlite::open(data, &StoreSettings::default(), now).await?;
        Ok(Self {
            journal: store.journal,
            decision: Decision::new(),
            now,
            written: 0,
        })
    }

    async fn write(
        mut self,
        options: &Score,
        teacher: &Teacher,
        (taught, of_lengths): (Vec<Taught>, Vec<Taught>),
        folder: &Path,
    ) -> Result<()> {
        let users = usize::try_from(options.users)?;
        let mut left = Vec::new();
        let mut sizes = Vec::new();
        let every = (users / ATTEMPTS).max(1);
        let all = of_lengths.iter().chain(taught.iter().cycle()).take(users).enumerate();
        for (number, (profile, attempt)) in all {
            let user = format!("00u{number:017}");
            self.put(number, &user, profile).await?;
            sizes.push(u64::try_from(profile.len()).unwrap_or(0));
            if attempt.length > 0 || number % every == 0 {
                left.push(Attempt { user, ..attempt.clone() });
            }
        }
        self.put_population(&teacher.population).await?;
        let bytes = sizes.iter().map(|size| size * 3 / 4).collect();
        say(&format!("bytes of a profile: {}", spread(bytes, |bytes| bytes.to_string())));
        say(&format!(
            "the same as it is stored, as text: {}",
            spread(sizes, |bytes| bytes.to_string())
        ));
        say(&format!("values in everybody's statistics: {}", teacher.population.len()));
        attempts::write(folder, &left)
    }

    async fn put(&mut self, number: usize, user: &str, profile: &str) -> Result<()> {
        self.decision.put(self.user(number, user));
        self.decision.put(SignInProfile {
            user_id: UserId::new(user),
            profile: profile.to_owned(),
        });
        self.written += 1;
        if self.written.is_multiple_of(GROUP) {
            self.flush().await?;
        }
        if self.written.is_multiple_of(100_000) {
            say(&format!("{} users written", self.written));
        }
        Ok(())
    }

    fn user(&self, number: usize, id: &str) -> Object {
        let login = format!("user{number}@example.com");
        let profile = serde_json::json!({"login": login, "email": login, "firstName": "User", "lastName": number.to_string()});
        User {
            id: UserId::new(id),
            login,
            profile: profile.as_object().cloned().unwrap_or_default(),
            status: UserStatus::Active,
            password_hash: None,
            administrator: false,
            created: self.now,
            activated: Some(self.now),
            status_changed: Some(self.now),
            last_login: None,
            last_updated: self.now,
            password_changed: None,
        }
        .into()
    }

    async fn put_population(&mut self, population: &Population) -> Result<()> {
        let bytes = population.to_bytes();
        let mut parts = 0;
        for part in bytes.chunks(PART) {
            self.decision.put(PopulationPart {
                id: PopulationPart::id(0, parts),
                bytes: base64url::encode(part),
            });
            parts += 1;
        }
        self.decision.put(PopulationSnapshot {
            slot: 0,
            parts,
            latest: self.now,
            counted: Vec::new(),
        });
        self.flush().await
    }

    async fn flush(&mut self) -> Result<()> {
        let decision = std::mem::take(&mut self.decision);
        self.journal.append(Arc::new(decision)).await.context("a group of users")?;
        Ok(self.journal.sync().await?)
    }
}
