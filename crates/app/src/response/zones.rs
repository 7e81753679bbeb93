//! Network zones (okta.md 10.2).

use std::{net::IpAddr, sync::Arc};

use watchfire_domain::zone::{CreateZone, DeleteZone, ReplaceZone, SetZoneStatus};
use watchfire_engine::{model::Place, policy::blocking_zone};
use watchfire_model::{
    id::ZoneId,
    log::RequestOrigin,
    object::{Status, Zone, ZoneDraft, ZoneUsage},
};

use crate::{App, Error, Result, access::Principal};

/// The scope that reads zones.
pub const READ: &str = "okta.networkZones.read";
/// The scope that changes them.
pub const MANAGE: &str = "okta.networkZones.manage";

impl App {
    /// Every zone, oldest first.
    ///
    /// # Errors
    /// Without the scope, or when the store does not answer.
    pub async fn zones(&self, caller: &Principal) -> Result<Vec<Zone>> {
        caller.require(READ)?;
        self.all().await
    }

    /// One zone.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for the list.
    pub async fn zone(&self, caller: &Principal, id: &str) -> Result<Zone> {
        caller.require(READ)?;
        self.get(id).await?.ok_or_else(|| Error::not_found(id, "NetworkZone"))
    }

    /// Makes a zone.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a taken name, one zone too many, or a blocklist that holds the caller.
    pub async fn create_zone(&self, caller: &Principal, origin: RequestOrigin, draft: ZoneDraft) -> Result<Zone> {
        caller.require(MANAGE)?;
        self.commands
            .run(CreateZone {
                draft,
                place: self.place_of_origin(&origin),
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Replaces a zone.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for making one.
    pub async fn replace_zone(&self, caller: &Principal, origin: RequestOrigin, id: &str, draft: ZoneDraft) -> Result<Zone> {
        caller.require(MANAGE)?;
        self.commands
            .run(ReplaceZone {
                id: ZoneId::new(id),
                draft,
                place: self.place_of_origin(&origin),
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Removes a zone.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] while a rule or a token names it.
    pub async fn delete_zone(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        self.commands
            .run(DeleteZone {
                id: ZoneId::new(id),
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Switches a zone on or off.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a blocklist that holds the caller.
    pub async fn set_zone_status(&self, caller: &Principal, origin: RequestOrigin, id: &str, status: Status) -> Result<Zone> {
        caller.require(MANAGE)?;
        self.commands
            .run(SetZoneStatus {
                id: ZoneId::new(id),
                status,
                place: self.place_of_origin(&origin),
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// The name of the blocklist that `ip` is in, if it is in one: its requests are refused before
    /// authentication.
    pub fn blocked_by(&self, ip: IpAddr) -> Option<String> {
        self.blocklist_of(ip).map(|zone| zone.name.clone())
    }

    /// The blocklist that `ip` is in. Where it is matters to dynamic ones only.
    pub(crate) fn blocklist_of(&self, ip: IpAddr) -> Option<Arc<Zone>> {
        let directory = self.state.directory();
        let is_dynamic = |zone: &Arc<Zone>| zone.usage == ZoneUsage::Blocklist && zone.dynamic.is_some();
        let place = match directory.zones().any(is_dynamic) {
            true => self.place_of(ip),
            false => Place::default(),
        };
        let mut zones = directory.zones();
        zones.find(|zone| blocking_zone([&***zone], ip, &place).is_some()).cloned()
    }

    fn place_of_origin(&self, origin: &RequestOrigin) -> Place {
        let ip = origin.client.ip_address;
        ip.map(|ip| self.place_of(ip)).unwrap_or_default()
    }
}
