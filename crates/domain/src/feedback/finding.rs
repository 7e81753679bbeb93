//! What an opinion is about.

use watchfire_model::{
    entity::Entity,
    id::{ReceiptId, RiskProviderId, UserId},
    object::{Cause, CauseKind, FeedbackSubject, SignInRecord},
    signal::RiskLevel,
    time::Timestamp,
};

/// Something that was found, with what is known of it.
#[derive(Clone, Debug)]
pub(crate) enum Finding {
    /// A sign-in.
    SignIn(Box<SignInRecord>),
    /// A change of a user's risk.
    RiskChange {
        uuid: String,
        at: Timestamp,
        user: UserId,
        receipt: Option<ReceiptId>,
    },
    /// What a provider has sent.
    Receipt {
        id: ReceiptId,
        entities: Vec<Entity>,
        said: Option<(RiskProviderId, RiskLevel)>,
    },
}

impl Finding {
    pub(crate) fn subject(&self) -> FeedbackSubject {
        match self {
            Self::SignIn(record) => FeedbackSubject::SignIn(record.id.clone()),
            Self::RiskChange { uuid, .. } => FeedbackSubject::RiskChange(uuid.clone()),
            Self::Receipt { id, .. } => FeedbackSubject::Receipt(id.clone()),
        }
    }

    /// The user whom it is about, where it is about one.
    pub(crate) fn user(&self) -> Option<&UserId> {
        match self {
            Self::SignIn(record) => Some(&record.user_id),
            Self::RiskChange { user, .. } => Some(user),
            // A word about addresses is about nobody, whomever it has spoken against.
            Self::Receipt { said: Some(_), .. } => None,
            Self::Receipt { entities, .. } => entities.iter().find_map(Entity::user),
        }
    }

    pub(super) const fn record(&self) -> Option<&SignInRecord> {
        match self {
            Self::SignIn(record) => Some(record),
            Self::RiskChange { .. } | Self::Receipt { .. } => None,
        }
    }

    /// Whether it is a risk provider's word about addresses.
    pub(super) const fn is_of_addresses(&self) -> bool {
        matches!(self, Self::Receipt { said: Some(_), .. })
    }

    /// Whether it is what has put `cause` there.
    pub(super) fn has_raised(&self, cause: &Cause) -> bool {
        match self {
            Self::SignIn(record) => {
                let since = cause.since.as_printed();
                let ended = record.ended_at.map(Timestamp::as_printed);
                cause.kind == CauseKind::SignIn && (since == record.at || Some(since) == ended)
            }
            Self::RiskChange { receipt: Some(id), .. } | Self::Receipt { id, .. } => cause.receipt.as_ref() == Some(id),
            Self::RiskChange { at, .. } => cause.since == *at,
        }
    }
}
