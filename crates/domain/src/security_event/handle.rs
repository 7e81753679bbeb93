//! One event of a token, from its subject to its rows.

use std::collections::BTreeMap;

use watchfire_model::{
    entity::{Entity, EntityKind},
    id::{DeviceId, ReceiptId, SessionId, UserId},
    object::{
        Cause, CauseSource, Detection, DialectName, EntityRisk, Fact, LinkRef, Org, SecurityEventsProvider, Session, Sharing,
        StreamIn, SubjectLink, User,
    },
    row::{Decision, EventNote, Handling},
    slice::{Need, Slice},
    time::Timestamp,
};
use watchfire_ssf::{ErrorCode, Payload, SecurityEvent, SetError, SimpleSubject, Subject, VerifiedSet};

use super::{
    AcceptSet,
    effect::{self, Effect, Known},
    graph::Graph,
    is_reported,
    mention::{self, Mention, Rank},
    permission, report, sharing,
};
use crate::{
    command::Context,
    entity_risk::{self, Change, Detected, EntityRisks, From},
    stream_in,
};

/// Members of complex subjects that are understood here (SET-29, AMB-47).
const UNDERSTOOD: [&str; 3] = ["user", "device", "session"];
/// Identifiers that one entity is known under at the most; more are not remembered.
const MAX_LINKS: usize = 64;
/// Characters of a reason that are kept.
const MAX_REASON_CHARS: usize = 512;

/// Whether an event is about its stream (ssf.md 3.1).
pub(super) fn is_of_stream(event: &SecurityEvent) -> bool {
    event.kind().is_some_and(|kind| kind.is_of_stream())
}

/// What must be loaded for the events of `set`, as far as `slice` shows it.
pub(super) fn needs(
    set: &VerifiedSet,
    provider: &SecurityEventsProvider,
    org_urls: &[String],
    slice: &Slice,
    needs: &mut Vec<Need>,
) {
    needs.extend(entity_risk::needs());
    let graph = Graph::new(slice, provider, org_urls);
    let mut entities = Vec::new();
    for event in &set.events {
        let mut mentions = mention::of(event, &provider.issuer);
        if let Payload::IdentifierChanged { new_value: Some(value) } = &event.payload {
            mentions.extend(mention::renamed(event, value, &provider.issuer));
        }
        for mention in mentions {
            mention.needs(org_urls, needs);
            entities.extend(graph.named(&mention.identifier).cloned());
            entities.extend(graph.resolve(&mention));
        }
    }
    entities.sort_unstable();
    entities.dedup();
    for entity in &entities {
        needs.push(Need::object::<EntityRisk>(entity.to_string()));
        if let Entity::Session(id) = entity {
            needs.push(Need::object::<Session>(id.as_str()));
        }
    }
    let behind: Vec<Entity> = entities
        .iter()
        .filter_map(|entity| user_behind(entity, slice))
        .map(Entity::User)
        .collect();
    entities.extend(behind);
    needs.extend(entity_risk::follow_up(slice, &entities, Some(&provider.id)));
    // All that the provider calls them: what they have agreed to holds for each (EVT-20).
    for risk in slice.all::<EntityRisk>() {
        let own = risk.links.iter().filter(|link| link.provider == provider.id);
        needs.extend(own.map(|link| Need::object::<SubjectLink>(SubjectLink::key(&link.provider, &link.identifier))));
    }
}

fn user_behind(entity: &Entity, slice: &Slice) -> Option<UserId> {
    if let Entity::Session(id) = entity
        && let Some(session) = slice.get::<Session>(id.as_str())
    {
        return Some(session.user_id.clone());
    }
    slice.get::<EntityRisk>(&entity.to_string())?.user.clone()
}

/// Whom an event is about.
#[derive(Debug)]
struct Who {
    user: Option<UserId>,
    device: Option<Entity>,
    session: Option<Entity>,
}

impl Who {
    fn entities(&self) -> impl Iterator<Item = Entity> {
        let user = self.user.clone().map(Entity::User);
        user.into_iter().chain(self.device.clone()).chain(self.session.clone())
    }

    fn known(&self) -> Known {
        Known {
            device: self.device.is_some(),
            session: self.session.is_some(),
        }
    }

    fn of_kind(&self, kind: EntityKind) -> Option<Entity> {
        match kind {
            EntityKind::User => self.user.clone().map(Entity::User),
            EntityKind::Device => self.device.clone(),
            EntityKind::Session => self.session.clone(),
        }
    }
}

/// Handles the events of one token in their order.
#[derive(Debug)]
pub(super) struct Handler<'a> {
    command: &'a AcceptSet,
    provider: &'a SecurityEventsProvider,
    slice: &'a Slice,
    receipt: ReceiptId,
    now: Timestamp,
    source: CauseSource,
    graph: Graph<'a>,
    risks: EntityRisks<'a>,
}

impl<'a> Handler<'a> {
    pub(super) fn new(
        command: &'a AcceptSet,
        provider: &'a SecurityEventsProvider,
        slice: &'a Slice,
        receipt: ReceiptId,
        now: Timestamp,
    ) -> Self {
        Self {
            command,
            provider,
            slice,
            receipt,
            now,
            source: CauseSource::Provider {
                id: provider.id.clone(),
                issuer: provider.issuer.clone(),
            },
            graph: Graph::new(slice, provider, &command.org_urls),
            risks: EntityRisks::new(slice, command.guard, now),
        }
    }

    /// Does what `event` leads to, and says what that was.
    ///
    /// # Errors
    /// What the sender is told when the whole token is refused for it.
    pub(super) fn handle(
        &mut self,
        event: &SecurityEvent,
        decision: &mut Decision,
        context: &mut Context<'_>,
    ) -> Result<EventNote, SetError> {
        let (handling, entities) = self.handled(event, decision, context)?;
        Ok(EventNote {
            uri: event.uri.clone(),
            handling,
            entities,
        })
    }

    /// Writes what has changed.
    pub(super) fn finish(self, decision: &mut Decision) {
        self.graph.write(decision);
        self.risks.write(decision);
    }

    fn handled(
        &mut self,
        event: &SecurityEvent,
        decision: &mut Decision,
        context: &mut Context<'_>,
    ) -> Result<(Handling, Vec<Entity>), SetError> {
        let nobody = |handling| Ok((handling, Vec::new()));
        if !permission::allows(&self.provider.profile, event) {
            if self.provider.profile.profile == DialectName::Interop {
                return Err(SetError::new(
                    ErrorCode::AccessDenied,
                    "The provider may not send this security event",
                ));
            }
            return nobody(Handling::NotPermitted);
        }
        if is_of_stream(event) {
            self.stream_event(event, decision, context)?;
            return nobody(Handling::Handled);
        }
        if event.kind().is_none() {
            return nobody(Handling::Unhandled);
        }
        if self.needs_what_is_not_understood(event) {
            return nobody(Handling::DiscardedCritical);
        }
        let mentions = mention::of(event, &self.provider.issuer);
        let Some(who) = self.find(&mentions, context) else {
            return nobody(Handling::Unbound);
        };
        let entities: Vec<Entity> = who.entities().collect();
        let Some(primary) = entities.first() else {
            return nobody(Handling::Unbound);
        };
        let agreed = self.graph.sharing(primary);
        if agreed == Sharing::OptOut && sharing::after(agreed, &event.payload).is_none() {
            return Ok((Handling::OptedOut, entities));
        }
        self.remember_links(&mentions, &who);
        let handling = self.take_effect(event, &mentions, &who);
        if is_reported(handling) {
            self.report(event, &who, decision, context);
        }
        Ok((handling, entities))
    }

    /// 1, 2: about the stream that it came by, or one of the provider's.
    fn stream_event(&self, event: &SecurityEvent, decision: &mut Decision, context: &mut Context<'_>) -> Result<(), SetError> {
        let ids = self.command.stream.iter().chain(&self.command.streams);
        let streams: Vec<&StreamIn> = ids.filter_map(|id| self.slice.get::<StreamIn>(id.as_str())).collect();
        match &event.payload {
            Payload::Verification { state } => {
                stream_in::verification(&streams, state.as_deref(), self.now)?.note(self.provider, decision, context);
            }
            Payload::StreamUpdated {
                status: Some(status),
                reason,
            } => {
                let named = streams.iter().find(|stream| is_named(event, stream));
                let only = || streams.first().filter(|_| streams.len() == 1);
                if let Some(stream) = named.or_else(only) {
                    stream_in::event::note_status(stream, self.provider, (*status, reason.as_deref()), decision, context);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// SET-29, AMB-47
    fn needs_what_is_not_understood(&self, event: &SecurityEvent) -> bool {
        let critical = &self.provider.critical_subject_members;
        let Some(Subject::Complex(subject)) = &event.subject else {
            return false;
        };
        subject.members.iter().any(|(name, member)| {
            let understood = UNDERSTOOD.contains(&name.as_str()) && !matches!(member, SimpleSubject::Unknown { .. });
            critical.contains(name) && !understood
        })
    }

    /// Whom the mentions are about. All of them together describe one principal (SUB-13): a user who is
    /// not known makes the rest unknown too.
    fn find(&mut self, mentions: &[Mention], context: &mut Context<'_>) -> Option<Who> {
        let named_user = self.user_of(mentions)?;
        let mut who = Who {
            user: named_user,
            device: self.known(mentions, EntityKind::Device),
            session: self.known(mentions, EntityKind::Session),
        };
        if let (Some(user), Some(session)) = (&who.user, &who.session)
            && self.user_behind(session).is_some_and(|other| other != *user)
        {
            return None;
        }
        let names = |kind| mentions.iter().any(|it| it.kind == kind && it.rank == Rank::Subject);
        // A device is worth knowing before its user is; a session without one is not.
        if who.device.is_none() && names(EntityKind::Device) && (who.user.is_some() || who.session.is_none()) {
            let device = Entity::Device(DeviceId::generate(context.ids));
            who.device = Some(device);
        }
        if who.session.is_none() && names(EntityKind::Session) && who.user.is_some() {
            who.session = Some(Entity::Session(SessionId::generate(context.ids)));
        }
        let behind = || {
            let others = who.session.iter().chain(&who.device);
            others.filter_map(|entity| self.user_behind(entity)).next()
        };
        if who.user.is_none() {
            who.user = behind();
        }
        for made in who.device.iter().chain(&who.session) {
            if !self.graph.is_there(made) {
                self.graph.make(made.clone());
            }
        }
        Some(who)
    }

    /// The user that is named: nobody, when none is; `None` when one is and cannot be told.
    fn user_of(&self, mentions: &[Mention]) -> Option<Option<UserId>> {
        let led = |rank: Rank| {
            let named = mentions
                .iter()
                .filter(move |it| it.kind == EntityKind::User && it.rank == rank);
            named.filter_map(|it| self.graph.resolve(it)?.user().cloned())
        };
        let mut subjects: Vec<UserId> = led(Rank::Subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        match subjects.as_slice() {
            [one] => return Some(Some(one.clone())),
            [] => {}
            _ => return None,
        }
        if let Some(user) = led(Rank::Beside).next().or_else(|| led(Rank::Guess).next()) {
            return Some(Some(user));
        }
        let is_named = mentions
            .iter()
            .any(|it| it.kind == EntityKind::User && it.rank == Rank::Subject);
        let is_other = mentions
            .iter()
            .any(|it| it.rank == Rank::Guess && self.graph.resolve(it).is_some());
        (!is_named || is_other).then_some(None)
    }

    fn known(&self, mentions: &[Mention], kind: EntityKind) -> Option<Entity> {
        let mut named: Vec<&Mention> = mentions.iter().filter(|it| it.kind == kind).collect();
        named.sort_by_key(|it| it.rank);
        named.into_iter().find_map(|it| self.graph.resolve(it))
    }

    fn user_behind(&self, entity: &Entity) -> Option<UserId> {
        user_behind(entity, self.slice).filter(|user| self.slice.get::<User>(user.as_str()).is_some())
    }

    /// What is said together belongs together (architecture section 8 says how far that goes).
    fn remember_links(&mut self, mentions: &[Mention], who: &Who) {
        for entity in [&who.device, &who.session].into_iter().flatten() {
            if let Some(user) = &who.user
                && self.risks.risk(entity).user.is_none()
            {
                self.risks.change(entity, Change::SetUser(user.clone()));
            }
        }
        for mention in mentions.iter().filter(|it| it.rank != Rank::Guess) {
            if let Some(entity) = who.of_kind(mention.kind)
                && self.graph.resolve(mention).is_none()
            {
                self.bind(mention, &entity);
            }
        }
    }

    fn bind(&mut self, mention: &Mention, entity: &Entity) {
        if self.risks.risk(entity).links.len() < MAX_LINKS && self.graph.bind(mention, entity, self.now) {
            let link = LinkRef {
                identifier: mention.identifier.clone(),
                provider: self.provider.id.clone(),
            };
            self.risks.change(entity, Change::AddLink(link));
        }
    }

    fn take_effect(&mut self, event: &SecurityEvent, mentions: &[Mention], who: &Who) -> Handling {
        let effects = effect::of(event, who.known());
        let mut about: Vec<Entity> = effects.iter().filter_map(|it| who.of_kind(it.on())).collect();
        about.extend(who.entities().next().filter(|_| about.is_empty()));
        about.sort_unstable();
        about.dedup();
        if self.is_superseded(event, &about) {
            return Handling::Superseded;
        }
        for effect in effects {
            if let Some(entity) = who.of_kind(effect.on()) {
                self.apply(event, &entity, effect);
            }
        }
        self.change_identity(event, mentions, who);
        Handling::Handled
    }

    /// An event that comes late does not undo a newer one of its kind. Only times that were stated are
    /// compared: ours and the sender's clock differ.
    fn is_superseded(&mut self, event: &SecurityEvent, about: &[Entity]) -> bool {
        let Some(at) = event.occurred_at.map(|at| at.min(self.now)) else {
            return false;
        };
        let name = effect::state(event);
        let id = &self.provider.id;
        if about.iter().any(|entity| self.risks.is_superseded(entity, name, id, at)) {
            return true;
        }
        for entity in about {
            self.risks.arrived(entity, name, id, at);
        }
        false
    }

    fn apply(&mut self, event: &SecurityEvent, entity: &Entity, effect: Effect) {
        let at = event.occurred_at.unwrap_or(self.now).min(self.now);
        let change = match effect {
            Effect::Cause {
                kind,
                millinats,
                half_life,
                ..
            } => Change::Add(Cause {
                kind,
                source: self.source.clone(),
                millinats,
                half_life,
                // From when it was told: senders' times are of any age (okta.md 6.2).
                since: self.now,
                reason: reason(event),
                receipt: Some(self.receipt.clone()),
                transaction: self.command.set.txn.clone(),
                step_ups: 0,
            }),
            Effect::TakeBack { kind, .. } => Change::Clear {
                kinds: vec![kind],
                from: From::Source(self.source.clone()),
            },
            Effect::CredentialChanged => Change::CredentialChanged(at, self.source.clone()),
            Effect::NoFact { key, .. } => Change::RemoveFact(key),
            Effect::Fact { key, value, .. } => Change::SetFact {
                name: key,
                fact: Fact {
                    value,
                    source: self.source.clone(),
                    at,
                },
            },
        };
        self.risks.change(entity, change);
    }

    /// 12, 15, 16, 18 to 21: what changes whom identifiers lead to, and what subjects agree to.
    fn change_identity(&mut self, event: &SecurityEvent, mentions: &[Mention], who: &Who) {
        let Some(entity) = who.entities().next() else { return };
        match &event.payload {
            Payload::AccountPurged => {
                self.graph.forget(&entity);
                self.risks.change(&entity, Change::RemoveLinks(self.provider.id.clone()));
            }
            Payload::IdentifierChanged { new_value } => self.move_identifier(event, new_value.as_deref(), mentions, &entity),
            Payload::IdentifierRecycled => {
                for mention in self.decided(mentions) {
                    self.unbind(&mention);
                }
            }
            payload => {
                if let Some(state) = sharing::after(self.graph.sharing(&entity), payload) {
                    for mention in mentions.iter().filter(|it| it.rank == Rank::Subject) {
                        self.bind(mention, &entity);
                    }
                    self.graph.share(&entity, state);
                }
            }
        }
    }

    /// 15: bound anew only by a provider that decides about both identifiers.
    fn move_identifier(&mut self, event: &SecurityEvent, new_value: Option<&str>, mentions: &[Mention], entity: &Entity) {
        let Some(moved) = new_value.and_then(|value| mention::renamed(event, value, &self.provider.issuer)) else {
            return;
        };
        let old = self.decided(mentions);
        if old.is_empty() || !permission::is_authoritative(self.provider, &moved.identifier) {
            return;
        }
        for mention in old {
            self.unbind(&mention);
        }
        self.bind(&moved, entity);
    }

    /// The mentions of users about which the provider decides.
    fn decided(&self, mentions: &[Mention]) -> Vec<Mention> {
        let users = mentions
            .iter()
            .filter(|it| it.kind == EntityKind::User && it.rank == Rank::Subject);
        users
            .filter(|it| permission::is_authoritative(self.provider, &it.identifier))
            .cloned()
            .collect()
    }

    fn unbind(&mut self, mention: &Mention) {
        for link in self.graph.unbind(&mention.identifier) {
            let gone = LinkRef {
                identifier: link.identifier,
                provider: link.provider,
            };
            self.risks.change(&link.entity, Change::RemoveLink(gone));
        }
    }

    /// What the System Log says, and what the policy makes of it.
    fn report(&mut self, event: &SecurityEvent, who: &Who, decision: &mut Decision, context: &mut Context<'_>) {
        let Some(user) = who.user.as_ref().and_then(|id| self.risks.user(id)).cloned() else {
            return;
        };
        let org = self.slice.all::<Org>().first().map(|org| &org.id);
        let origin = &self.command.origin;
        let received = report::receive_event(self.provider, (org, &user), event, origin, self.receipt.clone());
        context.log(decision, received);
        let reasons: Vec<String> = reason(event)
            .or_else(|| event.kind().map(|kind| kind.name().to_owned()))
            .into_iter()
            .collect();
        let detected = Detected {
            user: &user.id,
            detection: Detection::SecurityEventsProviderReportedRisk,
            source: &self.source,
            reasons: &reasons,
            actor: None,
            origin,
            receipt: Some(&self.receipt),
            details: &BTreeMap::new(),
        };
        self.risks.detect(decision, context, &detected);
    }
}

/// `sub_id` of a framework event is the transmitter's id of the stream (EVT-02).
fn is_named(event: &SecurityEvent, stream: &StreamIn) -> bool {
    let Some(Subject::Simple(SimpleSubject::Opaque { id })) = &event.subject else {
        return false;
    };
    stream.remote_id.as_deref() == Some(id)
}

/// What was said, for people.
fn reason(event: &SecurityEvent) -> Option<String> {
    let of_payload = match &event.payload {
        Payload::RiskLevelChange { risk_reason, .. } => risk_reason.as_ref(),
        _ => None,
    };
    let text = event.reason_admin.as_ref().or(of_payload).or(event.reason_user.as_ref())?;
    Some(text.chars().take(MAX_REASON_CHARS).collect())
}
