//! Risk events about addresses (okta.md 4): reading them, and accepting a call.

use std::{net::IpAddr, sync::Arc, time::Duration};

use serde_json::Value;
use watchfire_model::{
    id::{ReceiptId, RiskProviderId},
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{ProviderAction, RiskProvider},
    row::{Decision, DedupeKey, Receipt, Received, Row},
    signal::{IpSignal, RiskLevel, parse_ip},
    slice::{Need, Slice},
    time::Timestamp,
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// Events of one call at the most (okta.md 4.1).
pub const MAX_EVENTS: usize = 20;
/// Subjects of one event at the most (okta.md 4.1).
pub const MAX_SUBJECTS: usize = 50;
/// Characters of a message at the most (okta.md 4.1).
pub const MAX_MESSAGE_CHARS: usize = 512;
/// How long a signal counts when the provider does not say (okta.md 13, row 8).
pub const DEFAULT_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

const BLANK: &str = "The field cannot be left blank";

/// The signals of one call, checked. The expiry of those that name none is set when they are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskEvents {
    signals: Vec<Signal>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Signal {
    ip: IpAddr,
    level: RiskLevel,
    message: Option<String>,
    observed_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
}

impl RiskEvents {
    /// Reads the body of a call. One fault anywhere refuses the whole call (okta.md 4.2).
    ///
    /// # Errors
    /// [`Rejection::Invalid`] with one cause a fault; the summary names the first faulty member.
    pub fn read(body: &Value) -> Result<Self, Rejection> {
        let mut faults = Faults::default();
        let mut signals = Vec::new();
        match body.as_array() {
            None => faults.add("riskEvents", "The request body must be an array of risk events"),
            Some(events) if events.len() > MAX_EVENTS => {
                faults.say(
                    "riskEvents",
                    format!("Number of risk events exceeds the maximum of {MAX_EVENTS}"),
                );
            }
            Some(events) if events.is_empty() => faults.add("riskEvents", BLANK),
            Some(events) => events.iter().for_each(|event| read_event(event, &mut signals, &mut faults)),
        }
        faults.into_result().map(|()| Self { signals })
    }

    /// How many subjects there are.
    pub fn len(&self) -> usize {
        self.signals.len()
    }

    /// Whether there are none; a call that was read has at least one.
    pub fn is_empty(&self) -> bool {
        self.signals.is_empty()
    }

    /// The signals as they count from `now` on: for every address the one with the later timestamp,
    /// else the later in the body (okta.md 4.3). Order of the body otherwise.
    pub fn effective(&self, now: Timestamp) -> Vec<IpSignal> {
        let mut latest: std::collections::HashMap<IpAddr, usize> = std::collections::HashMap::new();
        for (at, signal) in self.signals.iter().enumerate() {
            let newer = latest
                .get(&signal.ip)
                .and_then(|&old| self.signals.get(old))
                .is_none_or(|old| signal.observed_at.unwrap_or(now) >= old.observed_at.unwrap_or(now));
            if newer {
                latest.insert(signal.ip, at);
            }
        }
        self.signals
            .iter()
            .enumerate()
            .filter(|(at, signal)| latest.get(&signal.ip) == Some(at))
            .map(|(_, signal)| signal.accepted(now))
            .collect()
    }

    /// Every subject in the order of the body: what the System Log lists.
    pub fn listed(&self) -> Vec<(IpAddr, RiskLevel)> {
        self.signals.iter().map(|signal| (signal.ip, signal.level)).collect()
    }
}

impl Signal {
    fn accepted(&self, now: Timestamp) -> IpSignal {
        IpSignal {
            ip: self.ip,
            level: self.level,
            message: self.message.clone(),
            observed_at: self.observed_at,
            expires_at: self.expires_at.unwrap_or_else(|| now.plus(DEFAULT_LIFE)),
        }
    }
}

fn read_event(event: &Value, signals: &mut Vec<Signal>, faults: &mut Faults) {
    if !event.is_object() {
        return faults.add("riskEvents", "Each risk event must be an object");
    }
    let observed_at = read_instant(event, "timestamp", faults);
    let expires_at = read_instant(event, "expiresAt", faults);
    match event.get("subjects") {
        None | Some(Value::Null) => faults.add("subjects", BLANK),
        Some(Value::Array(subjects)) if subjects.is_empty() => faults.add("subjects", BLANK),
        Some(Value::Array(subjects)) if subjects.len() > MAX_SUBJECTS => {
            faults.say(
                "subjects",
                format!("Number of subjects exceeds the maximum of {MAX_SUBJECTS}"),
            );
        }
        Some(Value::Array(subjects)) => {
            for subject in subjects {
                if let Some((ip, level, message)) = read_subject(subject, faults) {
                    signals.push(Signal {
                        ip,
                        level,
                        message,
                        observed_at,
                        expires_at,
                    });
                }
            }
        }
        Some(_) => faults.add("subjects", "The field must be an array"),
    }
}

fn read_instant(event: &Value, member: &str, faults: &mut Faults) -> Option<Timestamp> {
    match event.get(member) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Timestamp::parse(text).map_err(|_| faults.add(member, "Invalid date")).ok(),
        Some(_) => {
            faults.add(member, "Invalid date");
            None
        }
    }
}

fn read_subject(subject: &Value, faults: &mut Faults) -> Option<(IpAddr, RiskLevel, Option<String>)> {
    if !subject.is_object() {
        faults.add("subjects", "Each subject must be an object");
        return None;
    }
    let ip = subject.get("ip").and_then(Value::as_str).and_then(parse_ip);
    if ip.is_none() {
        faults.add("ip", "Invalid IP address");
    }
    let level = match subject.get("riskLevel") {
        None | Some(Value::Null) => {
            faults.add("riskLevel", BLANK);
            None
        }
        Some(word) => {
            let level = word.as_str().and_then(RiskLevel::parse);
            if level.is_none() {
                faults.add("riskLevel", "Invalid value");
            }
            level
        }
    };
    let message = read_message(subject, faults);
    Some((ip?, level?, message))
}

fn read_message(subject: &Value, faults: &mut Faults) -> Option<String> {
    match subject.get("message") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.chars().count() > MAX_MESSAGE_CHARS => {
            faults.add("message", "The field is too long");
            None
        }
        Some(Value::String(text)) if text.chars().all(|c| c.is_ascii_alphanumeric() || " .-_".contains(c)) => Some(text.clone()),
        Some(_) => {
            faults.add("message", "Invalid characters");
            None
        }
    }
}

/// Collects faults; says each sentence once.
#[derive(Default)]
struct Faults {
    field: Option<String>,
    causes: Vec<String>,
}

impl Faults {
    fn add(&mut self, field: &str, message: &str) {
        self.say(field, format!("{field}: {message}"));
    }

    fn say(&mut self, field: &str, cause: String) {
        self.field.get_or_insert_with(|| field.to_owned());
        if !self.causes.contains(&cause) {
            self.causes.push(cause);
        }
    }

    fn into_result(self) -> Result<(), Rejection> {
        match self.field {
            None => Ok(()),
            Some(field) => Err(Rejection::Invalid {
                field,
                causes: self.causes,
            }),
        }
    }
}

/// Accepts the risk events of one call.
#[derive(Clone, Debug)]
pub struct AcceptRiskEvents {
    /// Who sends.
    pub provider: RiskProviderId,
    /// What it says.
    pub events: RiskEvents,
    /// The body as it came.
    pub body: Arc<str>,
    /// The hash of an `Idempotency-Key`, where the call has one (architecture section 5).
    pub idempotency: Option<DedupeKey>,
    /// The client app, or the administrator whose token was used.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

/// How long an `Idempotency-Key` is remembered.
const IDEMPOTENCY_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Command for AcceptRiskEvents {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        let mut needs = vec![Need::object::<RiskProvider>(self.provider.as_str())];
        needs.extend(self.idempotency.map(Need::Dedupe));
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        // It may have been deleted since its token was checked.
        let Some(provider) = slice.get::<RiskProvider>(self.provider.as_str()) else {
            return Decided::rejected(Rejection::Forbidden);
        };
        let mut decision = Decision::new();
        if let Some(key) = self.idempotency {
            if slice.seen(key) {
                return Decided::done(decision, ());
            }
            decision.remember(key, context.now.plus(IDEMPOTENCY_LIFE));
        }
        let receipt = self.receipt(context);
        let id = receipt.id.clone();
        decision.rows.push(Row::Receipt(receipt));
        // A provider whose action is `none` is heard and not written about (okta.md 8.6).
        if provider.action != ProviderAction::None {
            context.log(&mut decision, self.event(provider, id));
        }
        Decided::done(decision, ())
    }
}

impl AcceptRiskEvents {
    fn receipt(&self, context: &mut Context<'_>) -> Receipt {
        let signals: Arc<[IpSignal]> = self.events.effective(context.now).into();
        let expires_at = signals.iter().map(|s| s.expires_at).max().unwrap_or(context.now);
        Receipt {
            id: ReceiptId::generate(context.ids),
            content: Received::RiskEvents {
                provider: self.provider.clone(),
                signals,
            },
            body: Arc::clone(&self.body),
            received_at: context.now,
            expires_at,
        }
    }

    fn event(&self, provider: &RiskProvider, receipt: ReceiptId) -> LogEvent {
        LogEvent::new(EventType::SecurityRiskSignalConsume, self.actor.clone())
            .from_request(&self.origin)
            .target(Target::new("RiskProvider", provider.id.as_str(), &provider.name))
            .debug("riskSignalProviderAction", provider.action.as_str().to_uppercase())
            .debug("riskSignalProviderName", &provider.name)
            .debug("riskSignalProviderId", provider.id.as_str())
            .receipt(receipt)
    }
}

#[cfg(test)]
mod tests;
