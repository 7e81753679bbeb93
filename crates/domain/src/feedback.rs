//! What somebody says of a finding: that there was an attacker, or that it was a false alarm.
//!
//! There is one opinion on each finding. The same one again changes nothing; another one takes back what the
//! first has done, to the bit, before it does its own; one that is withdrawn only takes back.
//!
//! | module | holds |
//! |---|---|
//! | `finding` | what an opinion is about, and what that finding has said against whom |
//! | `opinion` | what an opinion does, and how it is taken back |

mod finding;
mod opinion;

use std::time::Duration;

pub(crate) use self::{finding::Finding, opinion::Opinion};

use watchfire_model::{
    entity::Entity,
    id::{FeedbackId, ReceiptId, RiskProviderId, SignInId, UserId},
    log::{Actor, EventType, LogEvent, RequestOrigin},
    object::{EntityRisk, Feedback, FeedbackLabel, FeedbackSubject, Kind, SignInProfile, SignInRecord, User},
    row::Decision,
    signal::RiskLevel,
    slice::{Need, Slice},
    time::Timestamp,
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
    entity_risk::{self, GuardLimits},
    risk_learning, user,
};

/// Characters of a reason that are kept.
pub const MAX_REASON_CHARS: usize = 1_000;

/// What feedback is about. What never changes once it is written, a log event or a receipt, has been looked
/// up before; a sign-in is looked up when it is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A sign-in.
    SignIn(SignInId),
    /// A change of a user's risk.
    RiskChange {
        /// `uuid` of its `user.risk.detect`.
        uuid: String,
        /// When.
        at: Timestamp,
        /// Whose.
        user: UserId,
        /// What it came with.
        receipt: Option<ReceiptId>,
    },
    /// What a provider has sent.
    Receipt {
        /// Which.
        id: ReceiptId,
        /// What it was found to be about, or has spoken against.
        entities: Vec<Entity>,
        /// The risk provider that sent it and the highest level that it speaks of.
        said: Option<(RiskProviderId, RiskLevel)>,
        /// When the last of its signals expires.
        expires_at: Timestamp,
    },
}

impl About {
    /// As it is kept.
    pub fn subject(&self) -> FeedbackSubject {
        match self {
            Self::SignIn(id) => FeedbackSubject::SignIn(id.clone()),
            Self::RiskChange { uuid, .. } => FeedbackSubject::RiskChange(uuid.clone()),
            Self::Receipt { id, .. } => FeedbackSubject::Receipt(id.clone()),
        }
    }
}

/// Somebody says what a finding was.
#[derive(Clone, Debug)]
pub struct GiveFeedback {
    /// Which finding.
    pub about: About,
    /// What it was.
    pub label: FeedbackLabel,
    /// Why, for people.
    pub reason: Option<String>,
    /// How long it is kept, where the finding does not say.
    pub kept_for: Duration,
    /// What rules of the entity risk policy may do by themselves.
    pub limits: GuardLimits,
    /// Who says so.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The one opinion on the finding.
    pub feedback: Feedback,
    /// Whether it is the first.
    pub is_new: bool,
}

impl Command for GiveFeedback {
    type Outcome = Given;

    fn needs(&self) -> Vec<Need> {
        let mut needs = needs(&self.about.subject());
        match &self.about {
            About::SignIn(_) => {}
            About::RiskChange { user, .. } => needs.push(Need::children::<EntityRisk>(user.as_str())),
            About::Receipt { entities, .. } => {
                needs.extend(entities.iter().map(|it| Need::object::<EntityRisk>(it.to_string())));
            }
        }
        needs
    }

    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        let entities = match &self.about {
            About::SignIn(_) => Vec::new(),
            About::RiskChange { user, .. } => vec![Entity::User(user.clone())],
            About::Receipt { entities, .. } => entities.clone(),
        };
        follow_up(slice, entities)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Given> {
        self.try_decide(slice, context).into()
    }
}

impl GiveFeedback {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Given), Rejection> {
        let finding = self.finding(slice)?;
        let opinion = Opinion {
            label: self.label,
            reason: self.reason.as_deref(),
            limits: self.limits,
            actor: &self.actor,
            origin: &self.origin,
            expires_at: match (&finding, &self.about) {
                (Finding::SignIn(record), _) => record.expires_at,
                // What it silences must not speak again.
                (_, About::Receipt { expires_at, .. }) => context.now.plus(self.kept_for).max(*expires_at),
                _ => context.now.plus(self.kept_for),
            },
        };
        let known = slice.by_natural::<Feedback>(&finding.subject().key());
        if let Some(known) = known.filter(|known| known.label == self.label) {
            let feedback = known.clone();
            return Ok((Decision::new(), Given { feedback, is_new: false }));
        }
        let mut decision = Decision::new();
        let (feedback, _) = opinion.form(&finding, (slice, &mut decision), context);
        let logged = event(EventType::FeedbackProvide, &feedback, slice, (&self.actor, &self.origin));
        context.log(&mut decision, logged.debug("label", feedback.label.logged()));
        let is_new = known.is_none();
        Ok((decision, Given { feedback, is_new }))
    }

    fn finding(&self, slice: &Slice) -> Result<Finding, Rejection> {
        Ok(match self.about.clone() {
            About::SignIn(id) => {
                let record = slice.get::<SignInRecord>(id.as_str()).cloned();
                let record = record.ok_or_else(|| Rejection::invalid("subject.id", "No sign-in has this id"))?;
                Finding::SignIn(Box::new(record))
            }
            About::RiskChange { uuid, at, user, receipt } => Finding::RiskChange { uuid, at, user, receipt },
            About::Receipt { id, entities, said, .. } => Finding::Receipt { id, entities, said },
        })
    }
}

/// Takes an opinion back.
#[derive(Clone, Debug)]
pub struct WithdrawFeedback {
    /// Which.
    pub id: FeedbackId,
    /// What rules of the entity risk policy may do by themselves.
    pub limits: GuardLimits,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for WithdrawFeedback {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        let mut needs = entity_risk::needs();
        needs.push(Need::object::<Feedback>(self.id.as_str()));
        needs
    }

    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        let Some(feedback) = slice.get::<Feedback>(self.id.as_str()) else {
            return Vec::new();
        };
        let effects = &feedback.effects;
        let entities = effects
            .cleared
            .iter()
            .chain(&effects.raised)
            .map(|(entity, _)| entity.clone());
        let mut needs = needs(&feedback.subject);
        needs.extend(follow_up(slice, entities.collect()));
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let Some(feedback) = slice.get::<Feedback>(self.id.as_str()) else {
            return Decided::rejected(Rejection::not_found(self.id.as_str(), "Feedback"));
        };
        let mut decision = Decision::new();
        opinion::withdraw(feedback, self.limits, (slice, &mut decision), context);
        decision.delete(Kind::Feedback, self.id.as_str());
        let logged = event(EventType::FeedbackWithdraw, feedback, slice, (&self.actor, &self.origin));
        context.log(&mut decision, logged.debug("label", feedback.label.logged()));
        Decided::done(decision, ())
    }
}

/// What a command needs that gives an opinion on `subject`.
pub(crate) fn needs(subject: &FeedbackSubject) -> Vec<Need> {
    let mut needs = entity_risk::needs();
    needs.extend(risk_learning::needs());
    needs.push(Need::natural::<Feedback>(subject.key()));
    if let FeedbackSubject::SignIn(id) = subject {
        needs.push(Need::object::<SignInRecord>(id.as_str()));
    }
    needs
}

/// What it needs beside that, about what the finding and an earlier opinion on it concern.
pub(crate) fn follow_up(slice: &Slice, mut entities: Vec<Entity>) -> Vec<Need> {
    let mut needs = Vec::new();
    for record in slice.all::<SignInRecord>() {
        entities.push(Entity::User(record.user_id.clone()));
        needs.push(Need::object::<SignInProfile>(record.user_id.as_str()));
    }
    for feedback in slice.all::<Feedback>() {
        let effects = &feedback.effects;
        entities.extend(
            effects
                .cleared
                .iter()
                .chain(&effects.raised)
                .map(|(entity, _)| entity.clone()),
        );
    }
    let users = entities.iter().filter_map(Entity::user);
    needs.extend(users.map(|user| Need::object::<User>(user.as_str())));
    needs.extend(entity_risk::follow_up(slice, &entities, None));
    needs
}

fn event(event_type: EventType, feedback: &Feedback, slice: &Slice, (actor, origin): (&Actor, &RequestOrigin)) -> LogEvent {
    let mut event = LogEvent::new(event_type, actor.clone()).from_request(origin);
    let user = feedback.user_id.as_ref().and_then(|id| slice.get::<User>(id.as_str()));
    if let Some(user) = user {
        event = event.target(user::target(user));
    }
    let member = match &feedback.subject {
        FeedbackSubject::SignIn(_) => "signInId",
        FeedbackSubject::RiskChange(_) => "eventUuid",
        FeedbackSubject::Receipt(_) => "receiptId",
    };
    event = event.debug(member, feedback.subject.id());
    if feedback.effects.silenced && event_type == EventType::FeedbackProvide {
        event = event.debug("silencedSignals", "true");
    }
    let cleared: Vec<_> = feedback.effects.cleared.iter().map(|(_, cause)| cause.kind).collect();
    if !cleared.is_empty() && event_type == EventType::FeedbackProvide {
        event = event.debug("clearedCauses", entity_risk::names(&cleared));
    }
    event
}
