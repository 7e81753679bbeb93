//! What is known of an address now.

use std::net::IpAddr;

pub use watchfire_engine::zone::Membership;
use watchfire_engine::zone::membership;
use watchfire_model::{
    id::ReceiptId,
    object::{Feedback, FeedbackSubject, ProviderAction, Status, Zone},
    signal::ProviderSignal,
};

use crate::{App, Result, access::Principal, geo::Located};

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

impl App {
    /// What is known of an address.
    ///
    /// # Errors
    /// Without the scope.
    pub async fn address_report(&self, caller: &Principal, ip: IpAddr) -> Result<AddressReport> {
        caller.require(READ)?;
        let ip = ip.to_canonical();
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
        signals.sort_by_key(|it| std::cmp::Reverse((!it.called_false, it.signal.signal.level, it.signal.received_at)));
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
}
