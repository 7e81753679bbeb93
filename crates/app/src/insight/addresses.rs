//! What is known of an address now.

use std::{cmp::Reverse, net::IpAddr};

pub use watchfire_engine::zone::Membership;
use watchfire_engine::zone::membership;
use watchfire_model::{
    id::ReceiptId,
    object::{Feedback, FeedbackSubject, ProviderAction, Status, Zone},
    signal::{ProviderSignal, RiskLevel, parse_ip},
    time::Timestamp,
};

use crate::{App, Error, Result, access::Principal, geo::Located, reads::Listed, state::AddressPlace};

/// The scope that reads it.
pub const READ: &str = "watchfire.read";

/// What is known of an address.
#[derive(Clone, Debug)]
pub struct AddressReport {
    /// In its one form.
    pub ip: IpAddr,
    /// What providers say of it now, the worst first; behind it what was called a false alarm.
    pub signals: Vec<AddressSignal>,
    /// What data sets say of it.
    pub located: Located,
    /// The active zones that it is in, or may be in.
    pub zones: Vec<(Zone, Membership)>,
}

/// What a provider says of it.
#[derive(Clone, Debug)]
pub struct AddressSignal {
    /// What, and until when.
    pub signal: ProviderSignal,
    /// The provider's name now; `None` when it is gone.
    pub name: Option<String>,
    /// What is done with what it says.
    pub action: ProviderAction,
    /// Whether somebody has called it a false alarm: then it does not count.
    pub called_false: bool,
}

/// Which addresses are listed.
#[derive(Clone, Debug, Default)]
pub struct AddressQuery {
    /// At least so risky.
    pub least: Option<RiskLevel>,
    /// Begin behind this place.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// An address that providers speak of.
#[derive(Clone, Debug)]
pub struct AddressAtRisk {
    /// In its one form.
    pub ip: IpAddr,
    /// The worst that is said of it.
    pub level: RiskLevel,
    /// What is said, the worst first.
    pub signals: Vec<AddressSignal>,
    /// Where it is: ISO 3166-1 code.
    pub country: Option<String>,
}

impl App {
    /// A page of the addresses that providers speak of, the worst first.
    ///
    /// # Errors
    /// Without the scope; `E0000029` for an `after` that is no place.
    pub async fn addresses_at_risk(&self, caller: &Principal, query: &AddressQuery) -> Result<Listed<AddressAtRisk>> {
        caller.require(READ)?;
        let behind = query.after.as_deref().map(place).transpose()?;
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let (now, least) = (self.clock.now(), query.least.unwrap_or(RiskLevel::Low));
        let mut places = self
            .state
            .signals()
            .worst(now, least, behind.as_ref(), limit.saturating_add(1));
        let has_more = places.len() > limit;
        places.truncate(limit);
        let next = places.last().filter(|_| has_more).map(printed);
        let mut items = Vec::with_capacity(places.len());
        for (Reverse(level), _, ip) in places {
            items.push(AddressAtRisk {
                ip,
                level,
                signals: self.said_of(ip).await?,
                country: self.locate(ip).place.country,
            });
        }
        Ok(Listed { items, next })
    }

    /// What is known of an address.
    ///
    /// # Errors
    /// Without the scope.
    pub async fn address_report(&self, caller: &Principal, ip: IpAddr) -> Result<AddressReport> {
        caller.require(READ)?;
        let ip = ip.to_canonical();
        let directory = self.state.directory();
        let signals = self.said_of(ip).await?;
        let located = self.locate(ip);
        let zones = directory.zones().filter(|zone| zone.status == Status::Active);
        let zones = zones.map(|zone| (Zone::clone(zone), membership(zone, ip, &located.place)));
        let zones = zones.filter(|(_, membership)| *membership != Membership::Outside).collect();
        Ok(AddressReport {
            ip,
            signals,
            located,
            zones,
        })
    }

    /// What providers say of an address now, the worst first.
    async fn said_of(&self, ip: IpAddr) -> Result<Vec<AddressSignal>> {
        let directory = self.state.directory();
        let named = |signal: ProviderSignal| {
            let provider = directory.risk_providers().find(|it| it.id == signal.provider);
            AddressSignal {
                name: provider.map(|it| it.name.clone()),
                // What a provider has said that is gone now counts for nothing.
                action: provider.map_or(ProviderAction::None, |it| it.action),
                called_false: false,
                signal,
            }
        };
        let mut signals: Vec<AddressSignal> = self.state.signals().at(ip, self.clock.now()).into_iter().map(named).collect();
        for it in &mut signals {
            let subject = FeedbackSubject::Receipt(ReceiptId::clone(&it.signal.receipt));
            let judged = self.find::<Feedback>(&subject.key()).await?;
            it.called_false = judged.is_some_and(|it| it.effects.silenced);
        }
        signals.sort_by_key(|it| Reverse((!it.called_false, it.signal.signal.level, it.signal.received_at)));
        Ok(signals)
    }
}

fn printed((Reverse(level), Reverse(at), ip): &AddressPlace) -> String {
    format!("{}.{}.{ip}", level.as_str(), at.as_micros())
}

fn place(text: &str) -> Result<AddressPlace> {
    let invalid = || Error::catalogued("E0000029", Vec::new());
    let mut parts = text.splitn(3, '.');
    let mut part = || parts.next().ok_or_else(invalid);
    let level = RiskLevel::parse(part()?).ok_or_else(invalid)?;
    let at = part()?.parse().map_err(|_| invalid())?;
    let ip = parse_ip(part()?).ok_or_else(invalid)?;
    Ok((Reverse(level), Reverse(Timestamp::from_micros(at)), ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_and_nothing_else_does() {
        for ip in ["203.0.113.7", "2001:db8::15"] {
            let it = (
                Reverse(RiskLevel::High),
                Reverse(Timestamp::from_micros(-5)),
                ip.parse().unwrap(),
            );
            assert_eq!(place(&printed(&it)).unwrap(), it);
        }
        for text in [
            "",
            "HIGH",
            "HIGH.1",
            "HIGH.x.203.0.113.7",
            "WORSE.1.203.0.113.7",
            "HIGH.1.home",
        ] {
            assert!(place(text).is_err(), "{text}");
        }
    }
}
