//! Whether an address is in a network zone (okta.md 10.2).
//!
//! A dynamic zone asks what data sets say of an address, and there may be none, or none that says it. Then
//! the answer is that nobody knows, and whoever asks has to err on the safe side: nothing is taken to be in
//! a zone, or outside of one, by omission.

use std::net::IpAddr;

use watchfire_model::object::{DynamicZone, ProxyType, Status, Zone, ZoneLists, ZoneLocation};

use crate::model::Place;

/// Whether an address is in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It is.
    Inside,
    /// It is not.
    Outside,
    /// There is no data that would tell.
    Unknown,
}

use Membership::{Inside, Outside, Unknown};

impl Membership {
    const fn of(is_inside: bool) -> Self {
        if is_inside { Inside } else { Outside }
    }

    /// In both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Outside, _) | (_, Outside) => Outside,
            (Unknown, _) | (_, Unknown) => Unknown,
            (Inside, Inside) => Inside,
        }
    }

    /// In one of the two.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Inside, _) | (_, Inside) => Inside,
            (Unknown, _) | (_, Unknown) => Unknown,
            (Outside, Outside) => Outside,
        }
    }

    /// Not in it.
    #[must_use]
    pub const fn not(self) -> Self {
        match self {
            Inside => Outside,
            Outside => Inside,
            Unknown => Unknown,
        }
    }
}

/// Whether `ip`, of which `place` is known, is in `zone`. Inactive zones contain nothing.
pub fn membership(zone: &Zone, ip: IpAddr, place: &Place) -> Membership {
    if zone.status == Status::Inactive {
        return Outside;
    }
    match &zone.dynamic {
        None => {
            let ip = ip.to_canonical();
            Membership::of(zone.gateways.iter().any(|entry| entry.contains(ip)))
        }
        Some(DynamicZone::Dynamic {
            locations,
            asns,
            proxy_type,
        }) => {
            let located = one_of(locations.as_deref().unwrap_or_default(), |it| at(it, place));
            located
                .and(one_of(asns, |asn| runs(*asn, place)))
                .and(behind(*proxy_type, place))
        }
        Some(DynamicZone::DynamicV2 {
            locations,
            asns,
            ip_service_categories,
        }) => both(locations, |it| at(it, place))
            .and(both(asns, |asn| runs(*asn, place)))
            .and(both(ip_service_categories, |category| serves(category, place))),
    }
}

/// One of what is included and none of what is excluded.
fn both<T>(lists: &ZoneLists<T>, is: impl Fn(&T) -> Membership) -> Membership {
    let excluded = lists.exclude.iter().map(&is).fold(Outside, Membership::or);
    one_of(&lists.include, is).and(excluded.not())
}

/// Any of them; where none is named, everything is.
fn one_of<T>(list: &[T], is: impl Fn(&T) -> Membership) -> Membership {
    if list.is_empty() {
        return Inside;
    }
    list.iter().map(is).fold(Outside, Membership::or)
}

fn at(location: &ZoneLocation, place: &Place) -> Membership {
    let is =
        |known: Option<&String>, asked: &str| known.map_or(Unknown, |known| Membership::of(known.eq_ignore_ascii_case(asked)));
    let country = is(place.country.as_ref(), &location.country);
    let region = location.region.as_ref();
    country.and(region.map_or(Inside, |region| is(place.region.as_ref(), region)))
}

fn runs(asn: u32, place: &Place) -> Membership {
    place.asn.map_or(Unknown, |known| Membership::of(known == asn))
}

fn behind(proxy: ProxyType, place: &Place) -> Membership {
    match proxy {
        ProxyType::Unasked => Inside,
        ProxyType::Any => anonymous(place, true),
        ProxyType::Tor | ProxyType::NotTorAnonymizer | ProxyType::TorAnonymizer => anonymous(place, false),
    }
}

fn serves(category: &str, place: &Place) -> Membership {
    anonymous(place, category.starts_with("ALL_"))
}

/// Whether machines, VPN exits or relays are at the address. Data sets tell these from people, and not from
/// each other: of one that is in a network of machines, nobody knows which service it is.
fn anonymous(place: &Place, any_service: bool) -> Membership {
    match place.hosting {
        Some(true) if any_service => Inside,
        Some(true) | None => Unknown,
        Some(false) => Outside,
    }
}

#[cfg(test)]
mod tests;
