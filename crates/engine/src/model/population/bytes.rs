//! The stored form of the population's statistics: a version, a header, twenty-four bytes a value.

use watchfire_model::time::Timestamp;

use super::{Concentration, Count, Key, KeyMap, Landmark, Level, Population};

const VERSION: u8 = 1;

/// Bytes that are no statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PopulationError {
    /// Written by a later version.
    #[error("the statistics have the unknown version {0}")]
    UnknownVersion(u8),
    /// Cut off, or too long.
    #[error("the statistics do not have the length that they say")]
    WrongLength,
}

impl Population {
    /// The stored form; the same for the same statistics.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512 + 24 * self.len());
        out.push(VERSION);
        out.extend(self.landmark.0.as_micros().to_le_bytes());
        out.extend(self.last.as_micros().to_le_bytes());
        out.extend(self.weight.to_le_bytes());
        out.extend(self.hours.iter().flat_map(|hour| hour.to_le_bytes()));
        for concentration in &self.concentrations {
            out.extend(concentration.ln_b.to_le_bytes());
            out.extend(concentration.learnt_from.to_le_bytes());
        }
        out.extend(self.roots.iter().flat_map(|root| root.to_le_bytes()));
        for table in &self.tables {
            write_table(table, &mut out);
        }
        out
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When the bytes are no statistics of this version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PopulationError> {
        let mut reader = Reader(bytes);
        match reader.take::<1>()? {
            [VERSION] => {}
            [other] => return Err(PopulationError::UnknownVersion(other)),
        }
        let mut population = Self {
            landmark: Landmark(reader.time()?),
            last: reader.time()?,
            weight: reader.u64()?,
            ..Self::default()
        };
        for hour in &mut population.hours {
            *hour = reader.u64()?;
        }
        for concentration in &mut population.concentrations {
            *concentration = Concentration {
                ln_b: i64::from_le_bytes(reader.take()?),
                learnt_from: reader.u64()?,
            };
        }
        for root in &mut population.roots {
            *root = reader.u32()?;
        }
        for (level, table) in Level::ALL.into_iter().zip(&mut population.tables) {
            reader.table(table, level.most_in_the_population())?;
        }
        if reader.0.is_empty() {
            Ok(population)
        } else {
            Err(PopulationError::WrongLength)
        }
    }
}

fn write_table(table: &KeyMap<Count>, out: &mut Vec<u8>) {
    let mut values: Vec<(&Key, &Count)> = table.iter().collect();
    values.sort_unstable_by_key(|(key, _)| **key);
    out.extend(u32::try_from(values.len()).unwrap_or(u32::MAX).to_le_bytes());
    for (key, count) in values {
        out.extend(key.bits().to_le_bytes().into_iter().take(6));
        out.extend(count.weight.to_le_bytes());
        out.extend(count.children.to_le_bytes());
        out.extend(count.parent.bits().to_le_bytes().into_iter().take(6));
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], PopulationError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(PopulationError::WrongLength)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> Result<u32, PopulationError> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    fn u64(&mut self) -> Result<u64, PopulationError> {
        Ok(u64::from_le_bytes(self.take()?))
    }

    fn time(&mut self) -> Result<Timestamp, PopulationError> {
        Ok(Timestamp::from_micros(i64::from_le_bytes(self.take()?)))
    }

    fn key(&mut self) -> Result<Key, PopulationError> {
        let mut bits = [0; 8];
        for (to, from) in bits.iter_mut().zip(self.take::<6>()?) {
            *to = from;
        }
        Ok(Key::from_bits(u64::from_le_bytes(bits)))
    }

    fn table(&mut self, table: &mut KeyMap<Count>, most: usize) -> Result<(), PopulationError> {
        let values = usize::try_from(self.u32()?).unwrap_or(usize::MAX);
        if values > most.saturating_add(1) {
            return Err(PopulationError::WrongLength);
        }
        table.reserve(values);
        for _ in 0..values {
            let key = self.key()?;
            let count = Count {
                weight: self.u64()?,
                children: self.u32()?,
                parent: self.key()?,
            };
            table.insert(key, count);
        }
        Ok(())
    }
}
