//! The stored form of a profile: a version, a header, thirteen bytes and a half or so a value.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use watchfire_model::time::Timestamp;

use super::{Entry, Landmark, Level, MOST_NAMED, MOST_PLACES, Profile, Visit};
use crate::model::{attempt::Fix, key::Key};

const VERSION: u8 = 1;

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
        let mut out = Vec::with_capacity(64 + 15 * self.entries.len());
        out.push(VERSION);
        out.extend(self.successes.to_le_bytes());
        out.extend(self.landmark.0.as_micros().to_le_bytes());
        out.extend(self.last.as_micros().to_le_bytes());
        out.extend(self.weight.to_le_bytes());
        out.extend(self.hours);
        out.push(u8::try_from(self.entries.len()).unwrap_or(u8::MAX));
        out.push(u8::try_from(self.places.len()).unwrap_or(u8::MAX));
        out.push(u8::try_from(self.named.len()).unwrap_or(u8::MAX));
        for entry in &self.entries {
            // The level fits above the 48 bits of the key.
            let packed = entry.key.bits() | u64::from(entry.level.number()) << 48;
            out.extend(packed.to_le_bytes().into_iter().take(7));
            out.extend(entry.weight.to_le_bytes());
            out.extend(entry.nth.to_le_bytes());
        }
        for visit in &self.places {
            out.extend(visit.fix.latitude.to_le_bytes());
            out.extend(visit.fix.longitude.to_le_bytes());
            out.extend(visit.fix.radius.to_le_bytes());
            out.extend(visit.nth.to_le_bytes());
        }
        for (name, nth) in &self.named {
            out.extend(name.bits().to_le_bytes().into_iter().take(6));
            out.extend(nth.to_le_bytes());
        }
        out
    }

    /// The stored form as text: base64url.
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.to_bytes())
    }

    /// Reads [`to_text`](Self::to_text).
    ///
    /// # Errors
    /// When the text is no profile of this version.
    pub fn from_text(text: &str) -> Result<Self, ProfileError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ProfileError::WrongLength)?;
        Self::from_bytes(&bytes)
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When the bytes are no profile of this version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProfileError> {
        let mut reader = Reader(bytes);
        match reader.take::<1>()? {
            [VERSION] => {}
            [other] => return Err(ProfileError::UnknownVersion(other)),
        }
        let successes = u32::from_le_bytes(reader.take()?);
        let landmark = Landmark(Timestamp::from_micros(i64::from_le_bytes(reader.take()?)));
        let last = Timestamp::from_micros(i64::from_le_bytes(reader.take()?));
        let weight = reader.weight()?;
        let hours = reader.take()?;
        let [entries, places, named] = reader.take()?;
        let profile = Self {
            successes,
            landmark,
            last,
            weight,
            hours,
            entries: (0..entries).map(|_| reader.entry()).collect::<Result<_, _>>()?,
            places: (0..places).map(|_| reader.visit()).collect::<Result<_, _>>()?,
            named: (0..named).map(|_| reader.named()).collect::<Result<_, _>>()?,
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
        let within = |level: Level| self.entries.iter().filter(|entry| entry.level == level).count() <= level.most_in_a_profile();
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

    fn entry(&mut self) -> Result<Entry, ProfileError> {
        let mut packed = [0_u8; 8];
        for (to, from) in packed.iter_mut().zip(self.take::<7>()?) {
            *to = from;
        }
        let [.., level, _] = packed;
        Ok(Entry {
            level: Level::from_number(level).ok_or(ProfileError::Impossible)?,
            key: Key::from_bits(u64::from_le_bytes(packed)),
            weight: self.weight()?,
            nth: u32::from_le_bytes(self.take()?),
        })
    }

    fn named(&mut self) -> Result<(Key, u32), ProfileError> {
        let mut packed = [0_u8; 8];
        for (to, from) in packed.iter_mut().zip(self.take::<6>()?) {
            *to = from;
        }
        Ok((Key::from_bits(u64::from_le_bytes(packed)), u32::from_le_bytes(self.take()?)))
    }

    fn visit(&mut self) -> Result<Visit, ProfileError> {
        Ok(Visit {
            fix: Fix {
                latitude: i32::from_le_bytes(self.take()?),
                longitude: i32::from_le_bytes(self.take()?),
                radius: u16::from_le_bytes(self.take()?),
            },
            nth: u32::from_le_bytes(self.take()?),
        })
    }
}
