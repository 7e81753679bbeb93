//! The statistics of everybody's sign-ins, as they are kept between starts.

use serde::{Deserialize, Serialize};

use super::{Keyed, Keys};
use crate::{id::SignInId, time::Timestamp};

/// Which parts make the statistics, and up to which sign-in they count. There is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PopulationSnapshot {
    /// Which of the two sets of parts it is: the next one is written beside it.
    pub slot: u8,
    /// How many parts there are.
    pub parts: u32,
    /// When the last sign-in was learnt that is counted in it.
    pub latest: Timestamp,
    /// The sign-ins that were learnt just then and are counted: those of that time that are not among them
    /// came later.
    pub counted: Vec<SignInId>,
}

impl PopulationSnapshot {
    /// Its id.
    pub const ID: &'static str = "population";
}

impl Keyed for PopulationSnapshot {
    fn keys(&self) -> Keys {
        Keys {
            id: Self::ID.to_owned(),
            ..Keys::default()
        }
    }
}

/// A part of the statistics' bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PopulationPart {
    /// [`Self::id`]
    pub id: String,
    /// The bytes as base64url.
    pub bytes: String,
}

impl PopulationPart {
    /// The id of a part of a set.
    pub fn id(slot: u8, number: u32) -> String {
        format!("{slot}/{number:08}")
    }
}

impl Keyed for PopulationPart {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.clone(),
            ..Keys::default()
        }
    }
}
