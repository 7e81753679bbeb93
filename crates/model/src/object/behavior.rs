//! Behaviours: how administrators want sign-ins compared with a user's habits (okta.md 10.3).

use serde::{Deserialize, Serialize};

use super::{Keyed, Keys, Status, fold};
use crate::{id::BehaviorId, time::Timestamp};

/// One comparison with a user's habits that rules may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BehaviorRule {
    /// Its id.
    pub id: BehaviorId,
    /// Name, unique without regard to case.
    pub name: String,
    /// Inactive ones are not compared.
    pub status: Status,
    /// What is compared.
    #[serde(flatten)]
    pub settings: BehaviorSettings,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl Keyed for BehaviorRule {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            natural: Some(fold(&self.name)),
            ..Keys::default()
        }
    }
}

/// What is compared, with how much of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "settings", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BehaviorSettings {
    /// Whether the place is new.
    AnomalousLocation {
        /// The sign-ins that are looked at.
        window: EventWindow,
        /// How exact a place is.
        granularity: Granularity,
    },
    /// Whether the address is new.
    AnomalousIp(EventWindow),
    /// Whether the device is new.
    AnomalousDevice(EventWindow),
    /// Whether the autonomous system is new.
    AnomalousAsn(EventWindow),
    /// Whether nobody travels this fast.
    Velocity {
        /// Kilometres an hour that are too fast.
        velocity_kph: u32,
    },
}

impl BehaviorSettings {
    /// What an organisation comes with, in the order in which the System Log has them (okta.md 8.6, 10.3).
    pub const SEEDS: [(&'static str, Self); 7] = [
        (
            "New Geo-Location",
            Self::AnomalousLocation {
                window: EventWindow::last(20),
                granularity: Granularity::LatLong { radius_kilometers: 20 },
            },
        ),
        ("New Device", Self::AnomalousDevice(EventWindow::last(20))),
        ("New IP", Self::AnomalousIp(EventWindow::last(50))),
        (
            "New State",
            Self::AnomalousLocation {
                window: EventWindow::last(15),
                granularity: Granularity::Subdivision,
            },
        ),
        (
            "New Country",
            Self::AnomalousLocation {
                window: EventWindow::last(10),
                granularity: Granularity::Country,
            },
        ),
        ("Velocity", Self::Velocity { velocity_kph: 805 }),
        (
            "New City",
            Self::AnomalousLocation {
                window: EventWindow::last(20),
                granularity: Granularity::City,
            },
        ),
    ];

    /// The type over the wire.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::AnomalousLocation { .. } => "ANOMALOUS_LOCATION",
            Self::AnomalousIp(_) => "ANOMALOUS_IP",
            Self::AnomalousDevice(_) => "ANOMALOUS_DEVICE",
            Self::AnomalousAsn(_) => "ANOMALOUS_ASN",
            Self::Velocity { .. } => "VELOCITY",
        }
    }

    /// The sign-ins that are looked at; a journey is always that from the last one.
    pub const fn window(&self) -> EventWindow {
        match self {
            Self::AnomalousLocation { window, .. }
            | Self::AnomalousIp(window)
            | Self::AnomalousDevice(window)
            | Self::AnomalousAsn(window) => *window,
            Self::Velocity { .. } => EventWindow::last(1),
        }
    }
}

/// The sign-ins that a comparison looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventWindow {
    /// `maxEventsUsedForEvaluation`: the latest so many.
    pub most: u32,
    /// `minEventsNeededForEvaluation`: with fewer, the result is UNKNOWN.
    pub least: u32,
}

impl EventWindow {
    /// The latest `most`, however few there are.
    pub const fn last(most: u32) -> Self {
        Self { most, least: 0 }
    }
}

/// How exact a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Granularity {
    /// A city.
    City,
    /// A country.
    Country,
    /// A state or province.
    Subdivision,
    /// A point on the map.
    LatLong {
        /// Within which two points are one place.
        radius_kilometers: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_behaviour_is_read_back_as_it_was_written() {
        for (name, settings) in BehaviorSettings::SEEDS {
            let behavior = BehaviorRule {
                id: BehaviorId::new("bhv1"),
                name: name.to_owned(),
                status: Status::Active,
                settings,
                created: Timestamp::from_seconds(1),
                last_updated: Timestamp::from_seconds(2),
            };
            let document = serde_json::to_string(&behavior).unwrap();
            assert!(document.contains(settings.type_name()), "{document}");
            assert_eq!(serde_json::from_str::<BehaviorRule>(&document).unwrap(), behavior);
        }
    }
}
