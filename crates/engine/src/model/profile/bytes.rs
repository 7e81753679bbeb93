//! The stored form of a profile: a version, a header of sixty bytes, six bytes a value, eight a place, four a name.

mod former;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use watchfire_model::time::Timestamp;

use super::{Entry, Landmark, Level, MOST_NAMED, MOST_PLACES, Profile, Visit, compact};
use crate::model::key::Short;

const VERSION: u8 = 2;

/// Bytes that are no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Written by a later version.
    #[error("the profile has the unknown version {0}")]
    UnknownVersion(u8),
    /// Cut off, or too long.
    #[error("the profile does not have the length that it says")]
    WrongLength,
    /// A number that no profile can hold.
    #[error("the profile holds what no profile can hold")]
    Impossible,
}

impl Profile {
    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + 6 * self.entries.len() + 8 * self.places.len() + 4 * self.named.len());
        out.push(VERSION);
        out.extend(self.successes.to_le_bytes());
        out.extend(self.landmark.0.as_micros().to_le_bytes());
        out.extend(self.last.as_micros().to_le_bytes());
        out.extend(self.weight.to_le_bytes());
        out.extend(self.hours);
        let count = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
        for level in Level::ALL {
            out.push(count(self.of(level).count()));
        }
        out.push(count(self.places.len()));
        out.push(count(self.named.len()));
        let age = |nth: u32| compact::age(nth, self.successes);
        for level in Level::ALL {
            for entry in self.of(level) {
                out.extend(entry.key.bytes());
                out.extend(compact::packed(entry.weight).to_le_bytes());
                out.push(age(entry.nth));
            }
        }
        for visit in &self.places {
            out.extend(compact::packed_fix(visit.fix));
            out.push(age(visit.nth));
        }
        for (name, nth) in &self.named {
            out.extend(name.bytes());
            out.push(age(*nth));
        }
        out
    }

    fn of(&self, level: Level) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.level == level)
    }

    /// The stored form as text: base64url.
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.to_bytes())
    }

    /// Reads [`to_text`](Self::to_text).
    ///
    /// # Errors
    /// When the text is no profile of a version that is known.
    pub fn from_text(text: &str) -> Result<Self, ProfileError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ProfileError::WrongLength)?;
        Self::from_bytes(&bytes)
    }

    /// Reads the stored form, or the one before it.
    ///
    /// # Errors
    /// When the bytes are no profile of a version that is known.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProfileError> {
        let mut reader = Reader(bytes);
        let profile = match reader.take::<1>()? {
            [VERSION] => reader.profile()?,
            [former::VERSION] => former::profile(&mut reader)?,
            [other] => return Err(ProfileError::UnknownVersion(other)),
        };
        if !reader.0.is_empty() {
            return Err(ProfileError::WrongLength);
        }
        if profile.is_possible() {
            Ok(profile)
        } else {
            Err(ProfileError::Impossible)
        }
    }

    fn is_possible(&self) -> bool {
        let within = |level: Level| self.of(level).count() <= level.most_in_a_profile();
        self.places.len() <= MOST_PLACES && self.named.len() <= MOST_NAMED && Level::ALL.into_iter().all(within)
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ProfileError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(ProfileError::WrongLength)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn weight(&mut self) -> Result<f32, ProfileError> {
        let weight = f32::from_le_bytes(self.take()?);
        if weight.is_finite() && weight >= 0.0 {
            Ok(weight)
        } else {
            Err(ProfileError::Impossible)
        }
    }

    /// What both versions begin with.
    fn header(&mut self) -> Result<Profile, ProfileError> {
        Ok(Profile {
            successes: u32::from_le_bytes(self.take()?),
            landmark: Landmark(Timestamp::from_micros(i64::from_le_bytes(self.take()?))),
            last: Timestamp::from_micros(i64::from_le_bytes(self.take()?)),
            weight: self.weight()?,
            hours: self.take()?,
            ..Profile::default()
        })
    }

    fn profile(&mut self) -> Result<Profile, ProfileError> {
        let mut profile = self.header()?;
        let values: [u8; 10] = self.take()?;
        let [places, named] = self.take()?;
        let successes = profile.successes;
        for (level, values) in Level::ALL.into_iter().zip(values) {
            for _ in 0..values {
                profile.entries.push(self.entry(level, successes)?);
            }
        }
        profile.places = (0..places).map(|_| self.visit(successes)).collect::<Result<_, _>>()?;
        profile.named = (0..named).map(|_| self.named(successes)).collect::<Result<_, _>>()?;
        Ok(profile)
    }

    fn entry(&mut self, level: Level, successes: u32) -> Result<Entry, ProfileError> {
        Ok(Entry {
            level,
            key: Short::from_bytes(self.take()?),
            weight: compact::unpacked(u16::from_le_bytes(self.take()?)),
            nth: self.nth(successes)?,
        })
    }

    fn visit(&mut self, successes: u32) -> Result<Visit, ProfileError> {
        Ok(Visit {
            fix: compact::unpacked_fix(self.take()?).ok_or(ProfileError::Impossible)?,
            nth: self.nth(successes)?,
        })
    }

    fn named(&mut self, successes: u32) -> Result<(Short, u32), ProfileError> {
        Ok((Short::from_bytes(self.take()?), self.nth(successes)?))
    }

    fn nth(&mut self, successes: u32) -> Result<u32, ProfileError> {
        let [age] = self.take()?;
        Ok(successes.saturating_sub(u32::from(age)))
    }
}
