//! How a sign-in ended that was assessed for somebody else: told once, in time, by the one who asked.
//! Only a success teaches, and "this was not me" takes the lesson back.

use std::time::Duration;

use watchfire_engine::Assessment;
use watchfire_model::{
    entity::Entity,
    id::SignInId,
    log::{EventType, GeographicalContext, Outcome, OutcomeResult, RequestOrigin, SecurityContext, UserAgent},
    object::{AskedBy, EntityRisk, Feedback, FeedbackLabel, FeedbackSubject, SignInProfile, SignInRecord, SignInState, User},
    row::Decision,
    signal::RiskLevel,
    slice::{Need, Slice},
    time::Timestamp,
};

use super::{
    history::{accepted, ended, recorded_assessment, recorded_basis},
    influence::{Influence, raise, settled},
    password::Client,
    record::{Record, actor},
    sighting::feedback_on,
};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
    entity_risk::{self, EntityRisks, GuardLimits},
    feedback::{self, Finding, Opinion},
    risk_learning::{self, stepped_up},
    user,
};

/// So long its user may say that a sign-in was somebody else's.
pub const NOT_ME_WITHIN: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Tells how a sign-in ended.
#[derive(Clone, Debug)]
pub struct TellOutcome {
    /// Which.
    pub id: SignInId,
    /// How.
    pub result: Told,
    /// The client or the API token that tells.
    pub told_by: String,
    /// Whether it is an administrator's: it may say "not me" of our own sign-ins, for their users.
    pub administrator: bool,
    /// So long after the attempt it may be told.
    pub within: Duration,
    /// What rules of the entity risk policy may do by themselves.
    pub guard: GuardLimits,
    /// From where.
    pub origin: RequestOrigin,
}

/// How a sign-in ended, as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The user is in.
    Success,
    /// The password was wrong, or the like.
    Failure,
    /// The user has shown a second factor and is in.
    ChallengePassed,
    /// The user has not shown one.
    ChallengeFailed,
    /// Given up.
    Abandoned,
    /// The user says that it was somebody else.
    NotMe,
}

impl Told {
    /// Every word, as it goes over the wire.
    pub const WORDS: [(&'static str, Self); 6] = [
        ("SUCCESS", Self::Success),
        ("FAILURE", Self::Failure),
        ("CHALLENGE_PASSED", Self::ChallengePassed),
        ("CHALLENGE_FAILED", Self::ChallengeFailed),
        ("ABANDONED", Self::Abandoned),
        ("NOT_ME", Self::NotMe),
    ];

    const fn state(self) -> SignInState {
        match self {
            Self::Success => SignInState::Success,
            Self::Failure => SignInState::Failure,
            Self::ChallengePassed => SignInState::ChallengePassed,
            Self::ChallengeFailed => SignInState::ChallengeFailed,
            Self::Abandoned => SignInState::Abandoned,
            Self::NotMe => SignInState::NotMe,
        }
    }

    const fn outcome(self) -> (OutcomeResult, Option<&'static str>) {
        match self {
            Self::Success | Self::ChallengePassed => (OutcomeResult::Success, None),
            Self::Failure => (OutcomeResult::Failure, Some("INVALID_CREDENTIALS")),
            Self::ChallengeFailed => (OutcomeResult::Failure, Some("VERIFICATION_ERROR")),
            Self::Abandoned | Self::NotMe => (OutcomeResult::Abandoned, None),
        }
    }
}

impl Command for TellOutcome {
    type Outcome = SignInRecord;

    fn needs(&self) -> Vec<Need> {
        let mut needs = entity_risk::needs();
        needs.push(Need::object::<SignInRecord>(self.id.as_str()));
        needs.extend(risk_learning::needs());
        if self.result == Told::NotMe {
            needs.extend(feedback::needs(&FeedbackSubject::SignIn(self.id.clone())));
        }
        needs
    }

    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        let Some(record) = slice.get::<SignInRecord>(self.id.as_str()) else {
            return Vec::new();
        };
        let id = record.user_id.as_str();
        let mut needs = vec![
            Need::object::<User>(id),
            Need::object::<SignInProfile>(id),
            Need::children::<EntityRisk>(id),
        ];
        needs.extend(entity_risk::follow_up(slice, &[Entity::User(record.user_id.clone())], None));
        let made_high_by = recorded_basis(record).and_then(|basis| basis.made_high_by().cloned());
        needs.extend(made_high_by.map(|receipt| Need::natural::<Feedback>(feedback_on(&receipt))));
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<SignInRecord> {
        self.try_decide(slice, context).into()
    }
}

impl TellOutcome {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, SignInRecord), Rejection> {
        let unknown = || Rejection::not_found(self.id.as_str(), "SignIn");
        let record = slice
            .get::<SignInRecord>(self.id.as_str())
            .filter(|record| self.may_tell(record));
        let record = record.ok_or_else(unknown)?;
        self.check(record, context.now)?;
        let user = slice.get::<User>(record.user_id.as_str()).ok_or_else(unknown)?;
        let end = End {
            told: self,
            record,
            user,
            origin: self.origin_of(record),
            assessment: recorded_assessment(record),
        };
        let mut decision = Decision::new();
        if self.result == Told::NotMe {
            let record = end.not_me((slice, &mut decision), context);
            return Ok((decision, record));
        }
        let mut record = end.write(slice, &mut decision, context);
        match self.result {
            Told::ChallengePassed => stepped_up(&mut record, true, slice, &mut decision, context.now),
            Told::ChallengeFailed => stepped_up(&mut record, false, slice, &mut decision, context.now),
            Told::Success | Told::Failure | Told::Abandoned | Told::NotMe => {}
        }
        decision.put(record.clone());
        Ok((decision, record))
    }

    /// Of others' sign-ins nobody learns even that they are there.
    fn may_tell(&self, record: &SignInRecord) -> bool {
        match &record.asked_by {
            AskedBy::Caller(id) => *id == self.told_by || (self.administrator && self.result == Told::NotMe),
            AskedBy::Authn => self.administrator && self.result == Told::NotMe,
        }
    }

    fn check(&self, record: &SignInRecord, now: Timestamp) -> Result<(), Rejection> {
        let after_success = self.result == Told::NotMe && record.state.is_success();
        if record.state != SignInState::Pending && !after_success {
            return Err(Rejection::invalid("result", "The outcome has been told already"));
        }
        let within = if self.result == Told::NotMe {
            NOT_ME_WITHIN
        } else {
            self.within
        };
        if now > record.at.plus(within) {
            return Err(Rejection::invalid("result", "The time to tell the outcome is over"));
        }
        Ok(())
    }

    /// The request of the one who tells, from where the user was.
    fn origin_of(&self, record: &SignInRecord) -> RequestOrigin {
        let mut origin = self.origin.clone();
        origin.client.ip_address = Some(record.client.ip);
        origin.client.user_agent = record.client.user_agent.clone().map(|raw_user_agent| UserAgent {
            raw_user_agent,
            ..UserAgent::default()
        });
        let client = &record.client;
        origin.client.geographical_context = client.country.is_some().then(|| GeographicalContext {
            city: client.city.clone(),
            state: client.state.clone(),
            country: client.country.clone(),
            ..GeographicalContext::default()
        });
        origin.network = SecurityContext {
            as_number: client.asn,
            ..SecurityContext::default()
        };
        origin
    }
}

struct End<'a> {
    told: &'a TellOutcome,
    record: &'a SignInRecord,
    user: &'a User,
    origin: RequestOrigin,
    assessment: Option<Assessment>,
}

impl End<'_> {
    fn write(&self, slice: &Slice, decision: &mut Decision, context: &mut Context<'_>) -> SignInRecord {
        let (record, state) = (self.record.clone(), self.told.result.state());
        match self.told.result {
            Told::Success | Told::ChallengePassed => {
                self.start(decision, context);
                self.influence(slice, decision, context);
                accepted(record, state, (slice, decision), context)
            }
            Told::ChallengeFailed => {
                self.start(decision, context);
                self.influence(slice, decision, context);
                ended(record, state, context)
            }
            Told::Failure | Told::Abandoned | Told::NotMe => {
                self.start(decision, context);
                ended(record, state, context)
            }
        }
    }

    fn log_record(&self) -> Record {
        let client = Client {
            fingerprint: None,
            device_token_hash: self.record.client.device_token_hash.clone(),
        };
        let record = Record::of_client(&client, &self.origin);
        match &self.assessment {
            Some(assessment) => record.with(assessment),
            None => record,
        }
    }

    /// `user.session.start`: the session is at the identity provider.
    fn start(&self, decision: &mut Decision, context: &mut Context<'_>) {
        let (result, reason) = self.told.result.outcome();
        let outcome = match reason {
            Some(reason) => Outcome::of(result).because(reason),
            None => Outcome::of(result),
        };
        let event = self.log_record().session_start(actor(self.user), &self.origin, outcome);
        context.log(decision, event);
    }

    /// A HIGH sign-in whose password was right speaks against its user; a second factor settles what it can.
    fn influence(&self, slice: &Slice, decision: &mut Decision, context: &mut Context<'_>) {
        let Some(assessment) = &self.assessment else { return };
        let basis = recorded_basis(self.record);
        let influence = Influence {
            user: self.user,
            assessment,
            basis: basis.as_ref(),
            details: &self.log_record().debug_data,
            origin: &self.origin,
        };
        let mut risks = EntityRisks::new(slice, self.told.guard, context.now);
        raise(&influence, &mut risks, slice, (decision, context));
        if self.told.result == Told::ChallengePassed {
            settled(&mut risks, (self.user, slice), assessment.level != RiskLevel::High);
        }
        risks.write(decision);
    }

    /// "This was not me": as bad as a stolen credential, and an opinion like an administrator's.
    fn not_me(&self, (slice, decision): (&Slice, &mut Decision), context: &mut Context<'_>) -> SignInRecord {
        let user = actor(self.user);
        let event = user::event(EventType::UserReportSuspiciousActivity, &user, &self.origin, self.user);
        context.log(decision, event.debug("signInId", self.record.id.as_str()));
        let reason = format!("The user reports sign-in {}", self.record.id);
        let opinion = Opinion {
            label: FeedbackLabel::TruePositive,
            reason: Some(&reason),
            limits: self.told.guard,
            actor: &user,
            origin: &self.origin,
            expires_at: self.record.expires_at,
        };
        let finding = Finding::SignIn(Box::new(self.record.clone()));
        let (_, record) = opinion.form(&finding, (slice, decision), context);
        record.unwrap_or_else(|| self.record.clone())
    }
}
