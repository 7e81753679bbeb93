//! What speaks against users, devices and sessions, for those against whom anything does: lists of them are
//! asked for by people, and the store finds them only one by one.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::RwLock;
use watchfire_model::{
    object::{EntityRisk, Kind, Object},
    row::Row,
};

/// Named limits of the table.
#[derive(Clone, Copy, Debug)]
pub struct AtRiskLimits {
    /// Entities that are held.
    pub entities: usize,
}

impl Default for AtRiskLimits {
    fn default() -> Self {
        Self { entities: 500_000 }
    }
}

/// The table. Whoever has faded is in it until its record is written again.
#[derive(Debug)]
pub struct AtRisk {
    by_id: RwLock<HashMap<String, Arc<EntityRisk>>>,
    overflowed: AtomicBool,
    limits: AtRiskLimits,
}

impl AtRisk {
    pub(super) fn new(limits: AtRiskLimits) -> Self {
        Self {
            by_id: RwLock::default(),
            overflowed: AtomicBool::new(false),
            limits,
        }
    }

    /// Everybody against whom something speaks or spoke, in no order.
    pub fn all(&self) -> Vec<Arc<EntityRisk>> {
        self.by_id.read().values().cloned().collect()
    }

    /// Whether there were ever more than fit: lists are then not whole.
    pub fn has_overflowed(&self) -> bool {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// Takes over what the store has of an entity.
    pub fn put(&self, risk: &EntityRisk) {
        let id = risk.entity.to_string();
        let mut table = self.by_id.write();
        if risk.causes.is_empty() {
            table.remove(&id);
        } else if table.len() < self.limits.entities || table.contains_key(&id) {
            // Only what its level is made of is held.
            let known = EntityRisk {
                causes: risk.causes.clone(),
                user: risk.user.clone(),
                ..EntityRisk::new(risk.entity.clone(), risk.last_updated)
            };
            table.insert(id, Arc::new(known));
        } else {
            self.overflowed.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn publish(&self, row: &Row) {
        match row {
            Row::Put(Object::EntityRisk(risk)) => self.put(risk),
            Row::Delete {
                kind: Kind::EntityRisk,
                id,
            } => drop(self.by_id.write().remove(id)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use watchfire_model::{
        entity::Entity,
        id::UserId,
        object::{Cause, CauseKind, CauseSource},
        time::Timestamp,
    };

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn risk(id: &str, causes: usize) -> EntityRisk {
        let cause = Cause {
            kind: CauseKind::UserRisk,
            source: CauseSource::Administrator,
            millinats: 3_500,
            half_life: None,
            since: NOW,
            reason: None,
            receipt: None,
            transaction: None,
            step_ups: 0,
        };
        EntityRisk {
            causes: vec![cause; causes],
            ..EntityRisk::new(Entity::User(UserId::new(id)), NOW)
        }
    }

    #[test]
    fn who_has_no_cause_left_is_gone() {
        let table = AtRisk::new(AtRiskLimits::default());
        table.put(&risk("00u1", 1));
        table.put(&risk("00u2", 0));
        assert_eq!(table.all().len(), 1);
        table.put(&risk("00u1", 0));
        assert!(table.all().is_empty());
        table.put(&risk("00u1", 2));
        table.publish(&Row::Delete {
            kind: Kind::EntityRisk,
            id: "USER 00u1".to_owned(),
        });
        assert!(table.all().is_empty());
    }

    #[test]
    fn a_full_table_says_so_and_keeps_who_is_in_it() {
        let table = AtRisk::new(AtRiskLimits { entities: 1 });
        table.put(&risk("00u1", 1));
        table.put(&risk("00u1", 2));
        assert!(!table.has_overflowed());
        table.put(&risk("00u2", 1));
        assert!(table.has_overflowed());
        assert_eq!(table.all()[0].causes.len(), 2);
    }
}
