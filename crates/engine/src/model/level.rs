//! The levels of place and device, each below the one before it in its chain.

use serde::{Deserialize, Serialize};

/// What a value is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The address's country.
    Country,
    /// The autonomous system.
    Network,
    /// The /24 or /48.
    Prefix,
    /// The address; of IPv6, the /64.
    Address,
    /// Phone, computer, tablet.
    Kind,
    /// Operating system and major version.
    System,
    /// The browser without its version.
    Family,
    /// The browser with its major version.
    Browser,
    /// The whole header.
    Agent,
    /// The token that a trusted application sends for its device.
    Token,
}

impl Level {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Country,
        Self::Network,
        Self::Prefix,
        Self::Address,
        Self::Kind,
        Self::System,
        Self::Family,
        Self::Browser,
        Self::Agent,
        Self::Token,
    ];
    /// Where the user is.
    pub const PLACE: [Self; 4] = [Self::Country, Self::Network, Self::Prefix, Self::Address];
    /// What the user holds.
    pub const DEVICE: [Self; 5] = [Self::Kind, Self::System, Self::Family, Self::Browser, Self::Agent];

    /// The number in stored profiles. Never given to another level.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Country => 0,
            Self::Network => 1,
            Self::Prefix => 2,
            Self::Address => 3,
            Self::Kind => 4,
            Self::System => 5,
            Self::Family => 6,
            Self::Browser => 7,
            Self::Agent => 8,
            Self::Token => 9,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// So many values of a level a profile keeps.
    pub(crate) const fn most_in_a_profile(self) -> usize {
        match self {
            Self::Kind => 4,
            Self::Country | Self::System | Self::Family | Self::Token => 8,
            Self::Network | Self::Browser | Self::Agent => 12,
            Self::Prefix => 16,
            Self::Address => 24,
        }
    }

    /// So many values of a level the population's statistics keep.
    pub(crate) const fn most_in_the_population(self) -> usize {
        match self {
            Self::Country => 512,
            Self::Kind => 64,
            Self::System => 4_096,
            Self::Family => 8_192,
            Self::Browser => 16_384,
            Self::Network => 200_000,
            Self::Prefix | Self::Address => 1 << 20,
            Self::Agent => 1 << 18,
            Self::Token => 0,
        }
    }

    /// How many values below a parent nobody has shown yet, for the share of what is unseen.
    pub(crate) const fn unseen_slots(self) -> f64 {
        match self {
            Self::Address | Self::Agent => 2_000.0,
            Self::Prefix => 200.0,
            Self::Country | Self::Network | Self::Kind | Self::System | Self::Family | Self::Browser | Self::Token => 8.0,
        }
    }

    /// What a level's evidence counts. The header is chosen by the client and so counts half; of its
    /// parts, versions change too often and are copied too easily to count more than a quarter.
    pub(crate) const fn weight(self) -> f64 {
        match self {
            Self::Country | Self::Network | Self::Prefix | Self::Address | Self::Token => 1.0,
            Self::Kind | Self::System | Self::Family => 0.5,
            Self::Browser | Self::Agent => 0.25,
        }
    }

    /// So many surprises of the user's own weigh as much as what is known of everybody. Few: people
    /// who are often abroad are quite unlike those who never are.
    pub(crate) const fn prior_surprises(self) -> f64 {
        match self {
            Self::Country => 0.2,
            _ => 1.0,
        }
    }

    /// The concentration before anything is learnt: the one whose expected share of new values is the
    /// published share among honest repeat sign-ins.
    pub(crate) const fn prior_concentration(self) -> f64 {
        match self {
            Self::Country => 0.021,
            Self::Network | Self::Token => 0.3,
            Self::Prefix => 0.7,
            Self::Address => 1.0,
            Self::Kind => 0.2,
            Self::System => 0.5,
            Self::Family => 0.3,
            Self::Browser => 0.8,
            Self::Agent => 0.5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_to_their_levels() {
        for level in Level::ALL {
            assert_eq!(Level::from_number(level.number()), Some(level));
        }
        assert_eq!(Level::from_number(10), None);
    }
}
