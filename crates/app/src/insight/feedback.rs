//! What somebody says of a finding: that there was an attacker, or that it was a false alarm.

pub use watchfire_domain::feedback::{Given, MAX_REASON_CHARS};
use watchfire_domain::{
    feedback::{About, GiveFeedback, WithdrawFeedback},
    risk_event::RiskEvents,
};
pub use watchfire_model::object::{Feedback, FeedbackLabel, FeedbackSubject};
use watchfire_model::{
    entity::Entity,
    id::{FeedbackId, ReceiptId, RiskProviderId, UserId},
    log::{EventType, RequestOrigin},
    object::Kind,
    row::Received,
};
use watchfire_store::index::{RangeQuery, StoredReceipt};

use super::log::listed_signals;
use crate::{App, Error, Result, access::Principal, reads::Listed};

/// The scope that reads it.
pub const READ: &str = "watchfire.feedback.read";
/// The scope that gives it.
pub const MANAGE: &str = "watchfire.feedback.manage";

/// Entities of which one opinion on a receipt clears causes.
const MOST_CLEARED: usize = 1_000;

/// What somebody says of a finding.
#[derive(Clone, Debug)]
pub struct NewFeedback {
    /// Of which.
    pub subject: FeedbackSubject,
    /// What.
    pub label: FeedbackLabel,
    /// Why, for people.
    pub reason: Option<String>,
}

/// Which feedback a page is taken from.
#[derive(Clone, Debug, Default)]
pub struct FeedbackQuery {
    /// Only on findings about this user.
    pub user: Option<UserId>,
    /// Begin behind this one.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
}

impl App {
    /// Makes this the one opinion on a finding; the same again changes nothing.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope; [`Error::Invalid`] for a finding that there is not.
    pub async fn give_feedback(&self, caller: &Principal, origin: RequestOrigin, new: NewFeedback) -> Result<Given> {
        caller.require(MANAGE)?;
        let command = GiveFeedback {
            about: self.about(new.subject).await?,
            label: new.label,
            reason: new.reason.filter(|reason| !reason.trim().is_empty()),
            kept_for: self.settings.sign_ins.kept_for,
            limits: self.settings.guard,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Takes an opinion back, and everything that it has done.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope; [`Error::NotFound`].
    pub async fn withdraw_feedback(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        let command = WithdrawFeedback {
            id: FeedbackId::new(id),
            limits: self.settings.guard,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// A page of feedback, newest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope; `E0000029` for an `after` that is no place.
    pub async fn feedback(&self, caller: &Principal, query: FeedbackQuery) -> Result<Listed<Feedback>> {
        caller.require(READ)?;
        if query.after.as_deref().is_some_and(|after| !is_id(after)) {
            return Err(Error::catalogued("E0000029", Vec::new()));
        }
        let range = RangeQuery {
            kind: Kind::Feedback,
            parent: query.user.as_ref().map(ToString::to_string),
            from: FeedbackId::PREFIX.to_owned(),
            // `~` is behind every digit.
            until: query.after.unwrap_or_else(|| format!("{}~", FeedbackId::PREFIX)),
            descending: true,
            limit: 0,
        };
        self.page_in_order(range, query.limit, |it: &Feedback| it.id.as_str()).await
    }

    /// The feedback with `id`.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope; [`Error::NotFound`].
    pub async fn one_feedback(&self, caller: &Principal, id: &str) -> Result<Feedback> {
        caller.require(READ)?;
        let found = self.get::<Feedback>(id).await?;
        found.ok_or_else(|| Error::not_found(id, "Feedback"))
    }

    /// The opinion on a finding, if there is one.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope.
    pub async fn feedback_on(&self, caller: &Principal, subject: &FeedbackSubject) -> Result<Option<Feedback>> {
        caller.require(READ)?;
        self.find::<Feedback>(&subject.key()).await
    }

    /// What a finding is about, as far as it never changes.
    async fn about(&self, subject: FeedbackSubject) -> Result<About> {
        self.commands.wait_for_index().await;
        match subject {
            FeedbackSubject::SignIn(id) => Ok(About::SignIn(id)),
            FeedbackSubject::RiskChange(uuid) => self.risk_change(uuid).await,
            FeedbackSubject::Receipt(id) => {
                let receipt = self.index.receipt(id.as_str()).await?;
                let receipt = receipt.ok_or_else(|| Error::invalid("subject.id", "No receipt has this id"))?;
                let spoken_against = self.spoken_against(&id);
                Ok(received(id, receipt, spoken_against))
            }
        }
    }

    /// Against whom sign-ins speak that were HIGH for what came with a receipt.
    fn spoken_against(&self, receipt: &ReceiptId) -> Vec<Entity> {
        let at_risk = self.state.at_risk().all();
        let by_it = at_risk
            .iter()
            .filter(|risk| risk.causes.iter().any(|cause| cause.receipt.as_ref() == Some(receipt)));
        by_it.map(|risk| risk.entity.clone()).take(MOST_CLEARED).collect()
    }

    async fn risk_change(&self, uuid: String) -> Result<About> {
        let found = self.index.log_event(&uuid, listed_signals).await?;
        let event = found.map(|entry| entry.event);
        let event = event.filter(|event| event.event_type == EventType::UserRiskDetect);
        let user = event
            .as_ref()
            .and_then(|event| event.target.iter().find(|target| target.kind == "User"));
        let user = user.map(|target| UserId::new(&target.id));
        let (event, user) = event
            .zip(user)
            .ok_or_else(|| Error::invalid("subject.id", "No user.risk.detect event has this uuid"))?;
        Ok(About::RiskChange {
            uuid,
            at: event.published,
            user,
            receipt: event.receipt,
        })
    }
}

fn is_id(text: &str) -> bool {
    text.starts_with(FeedbackId::PREFIX) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn received(id: ReceiptId, receipt: StoredReceipt, spoken_against: Vec<Entity>) -> About {
    let said = if receipt.kind == Received::RISK_EVENTS {
        let body = serde_json::from_str(&receipt.body).ok();
        let events = body.and_then(|body| RiskEvents::read(&body).ok());
        let levels = events.into_iter().flat_map(|events| events.listed());
        let highest = levels.map(|(_, level)| level).max();
        highest.map(|level| (RiskProviderId::new(&receipt.provider), level))
    } else {
        None
    };
    let events = receipt.note.into_iter().flat_map(|note| note.events);
    let mut entities: Vec<_> = events.flat_map(|event| event.entities).collect();
    entities.dedup();
    for entity in spoken_against {
        if !entities.contains(&entity) {
            entities.push(entity);
        }
    }
    About::Receipt {
        id,
        entities,
        said,
        expires_at: receipt.expires_at,
    }
}
