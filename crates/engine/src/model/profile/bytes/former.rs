//! The first stored form, of fifteen bytes a value; it is read and never written.

use super::{Entry, Level, Profile, ProfileError, Reader, Visit};
use crate::model::{
    attempt::Fix,
    key::{Key, Short},
};

pub(super) const VERSION: u8 = 1;

pub(super) fn profile(reader: &mut Reader<'_>) -> Result<Profile, ProfileError> {
    let mut profile = reader.header()?;
    let [entries, places, named] = reader.take()?;
    profile.entries = (0..entries).map(|_| entry(reader)).collect::<Result<_, _>>()?;
    profile.places = (0..places).map(|_| visit(reader)).collect::<Result<_, _>>()?;
    profile.named = (0..named).map(|_| self::named(reader)).collect::<Result<_, _>>()?;
    for level in Level::ALL {
        // It kept more of some levels.
        while profile.of(level).count() > level.most_in_a_profile() {
            profile.evict(level);
        }
    }
    profile.compact();
    Ok(profile)
}

fn entry(reader: &mut Reader<'_>) -> Result<Entry, ProfileError> {
    let key = key(reader)?;
    let [level] = reader.take()?;
    Ok(Entry {
        level: Level::from_number(level).ok_or(ProfileError::Impossible)?,
        key,
        weight: reader.weight()?,
        nth: u32::from_le_bytes(reader.take()?),
    })
}

fn named(reader: &mut Reader<'_>) -> Result<(Short, u32), ProfileError> {
    Ok((key(reader)?, u32::from_le_bytes(reader.take()?)))
}

fn visit(reader: &mut Reader<'_>) -> Result<Visit, ProfileError> {
    let at = Fix {
        latitude: i32::from_le_bytes(reader.take()?),
        longitude: i32::from_le_bytes(reader.take()?),
        radius: u16::from_le_bytes(reader.take()?),
    };
    Ok(Visit {
        fix: super::compact::fix(at),
        nth: u32::from_le_bytes(reader.take()?),
    })
}

/// Of the 48 bits of a key, what is kept now.
fn key(reader: &mut Reader<'_>) -> Result<Short, ProfileError> {
    let [first, second, third, fourth, fifth, sixth] = reader.take()?;
    let bits = u64::from_le_bytes([first, second, third, fourth, fifth, sixth, 0, 0]);
    Ok(Key::from_bits(bits).short())
}
