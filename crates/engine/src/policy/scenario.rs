//! What policies may ask about, with room for what somebody who only imagines a sign-in has left open.

use std::net::IpAddr;

use watchfire_model::{
    id::{GroupId, UserId, ZoneId},
    object::{Status, Zone},
    signal::RiskLevel,
};

use super::SignIn;
use crate::{
    assessment::Assessment,
    model::Place,
    zone::{Membership, membership},
};

/// A sign-in, as it is or as somebody imagines it. What is `None` is left open.
#[derive(Clone, Copy, Debug)]
pub struct Scenario<'a> {
    /// Who.
    pub user: Option<&'a UserId>,
    /// The groups it is in.
    pub groups: &'a [GroupId],
    /// From where.
    pub whereabouts: Whereabouts<'a>,
    /// For which application; no name is a sign-in that names none.
    pub application: Option<&'a str>,
    /// How risky it is.
    pub level: Option<RiskLevel>,
    /// In points.
    pub score: Option<u8>,
    /// What holds the results of the behaviours.
    pub behaviors: Option<&'a Assessment>,
    /// Whether the user has signed in with the device before.
    pub device_known: Option<bool>,
}

/// From where a sign-in comes.
#[derive(Clone, Copy, Debug)]
pub enum Whereabouts<'a> {
    /// From an address.
    Address {
        /// Which.
        ip: IpAddr,
        /// What is known of it.
        place: &'a Place,
    },
    /// From within all of these zones and no other, wherever that is.
    Zones(&'a [ZoneId]),
    /// Left open.
    Open,
}

impl<'a> Scenario<'a> {
    /// A sign-in as it is: nothing is open.
    pub fn of(sign_in: &SignIn<'a>) -> Self {
        Self {
            user: Some(sign_in.user),
            groups: sign_in.groups,
            whereabouts: Whereabouts::Address {
                ip: sign_in.ip.to_canonical(),
                place: sign_in.place,
            },
            application: sign_in.application,
            level: Some(sign_in.assessment.level),
            score: Some(sign_in.assessment.score),
            behaviors: Some(sign_in.assessment),
            // A device that cannot be compared with anything is none that the user is known by.
            device_known: Some(sign_in.assessment.familiar.device == Some(true)),
        }
    }

    /// Whether it comes from within `zone`; `None` where that is left open.
    pub(super) fn membership(&self, zone: &Zone) -> Option<Membership> {
        match self.whereabouts {
            Whereabouts::Address { ip, place } => Some(membership(zone, ip, place)),
            Whereabouts::Zones(zones) if zone.status == Status::Active && zones.contains(&zone.id) => Some(Membership::Inside),
            Whereabouts::Zones(_) => Some(Membership::Outside),
            Whereabouts::Open => None,
        }
    }

    /// Whether an expression mentions something that is left open. By its words: one that hides them well is
    /// answered as if nothing were known.
    pub(super) fn leaves_open(&self, expression: &str) -> bool {
        let is_there = [
            ("level", self.level.is_some()),
            ("score", self.score.is_some()),
            ("behaviors", self.behaviors.is_some()),
            ("known", self.device_known.is_some()),
            ("request", matches!(self.whereabouts, Whereabouts::Address { .. })),
            ("user.id", self.user.is_some()),
        ];
        is_there.iter().any(|(word, is_there)| !is_there && expression.contains(word))
    }
}
