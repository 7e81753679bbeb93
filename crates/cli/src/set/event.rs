//! What can be said of an event by flags, and which member each becomes for which type (ssf.md 3).

use anyhow::Result;
use clap::Args;
use serde_json::{Map, Value, json};
use watchfire_model::time::Timestamp;
use watchfire_ssf::EventKind;

use crate::command::Misuse;

/// The members of an event.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "The event")]
pub(super) struct Members {
    /// Level that the subject has now: low, medium, high (secure, none); for assurance-level-change, as its namespace has it
    #[arg(long)]
    level: Option<String>,
    /// Level that it had before
    #[arg(long, value_name = "LEVEL")]
    previous_level: Option<String>,
    /// Status of the device (compliant, not-compliant) or of the stream
    #[arg(long)]
    status: Option<String>,
    /// Status that the device had before
    #[arg(long, value_name = "STATUS")]
    previous_status: Option<String>,
    /// Why: for administrators; the type's own `reason` where it has one
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Why: for the user
    #[arg(long, value_name = "TEXT")]
    reason_user: Option<String>,
    /// Who began it: admin, user, policy or system
    #[arg(long, value_name = "WHO")]
    initiating_entity: Option<String>,
    /// When it happened: seconds or milliseconds since 1970, or RFC 3339; without it, now
    #[arg(long, value_name = "TIME")]
    timestamp: Option<String>,
    /// New value of an identifier
    #[arg(long, value_name = "VALUE")]
    new_value: Option<String>,
    /// Type of the credential: password, fido2-roaming, app, …
    #[arg(long, value_name = "TYPE")]
    credential_type: Option<String>,
    /// What happened to the credential: create, revoke, update or delete
    #[arg(long, value_name = "CHANGE")]
    change_type: Option<String>,
    /// Namespace of assurance levels: NIST-AAL, RFC8176, …
    #[arg(long)]
    namespace: Option<String>,
    /// Where an assurance level went: increase or decrease
    #[arg(long)]
    direction: Option<String>,
    /// Whose risk: USER, DEVICE, SESSION, …
    #[arg(long)]
    principal: Option<String>,
    /// Address that the session has now
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<String>,
    /// Address that it had before
    #[arg(long, value_name = "ADDRESS")]
    previous_ip: Option<String>,
    /// State of a verification, as the receiver asked for it
    #[arg(long)]
    state: Option<String>,
    /// Claim of a token that has a new value (repeatable)
    #[arg(long, value_name = "NAME=VALUE")]
    claim: Vec<String>,
    /// Any other member of the event (repeatable); the value is JSON, or else text
    #[arg(long, value_name = "NAME=VALUE")]
    member: Vec<String>,
}

impl Members {
    /// The members, in the order of the guide's samples.
    ///
    /// # Errors
    /// [`Misuse`], when a flag is not for this type or cannot be read.
    pub(super) fn read(&self, kind: Option<EventKind>, now: Timestamp) -> Result<Map<String, Value>, Misuse> {
        let mut members = Map::new();
        for (flag, value) in self.given() {
            let Some(value) = value else { continue };
            let member = kind.and_then(|kind| member(flag, kind)).ok_or_else(|| no_such(flag, kind))?;
            members.insert(member.to_owned(), spelled(flag, kind, value));
        }
        if !self.claim.is_empty() {
            let claims = self.claim.iter().map(|text| pair("--claim", text));
            members.insert("claims".to_owned(), Value::Object(claims.collect::<Result<_, _>>()?));
        }
        for text in &self.member {
            members.extend([pair("--member", text)?]);
        }
        let of_stream = kind.is_some_and(EventKind::is_of_stream);
        if self.timestamp.is_some() || !(of_stream || members.contains_key("event_timestamp")) {
            members.insert("event_timestamp".to_owned(), self.time(now)?);
        }
        // `none` is Okta's word for "nothing is known".
        if kind.is_some_and(|kind| matches!(kind, EventKind::UserRiskChange | EventKind::DeviceRiskChange)) {
            members.entry("previous_level").or_insert_with(|| "none".into());
        }
        Ok(members)
    }

    fn given(&self) -> [(&'static str, Option<&String>); 16] {
        [
            ("level", self.level.as_ref()),
            ("previous-level", self.previous_level.as_ref()),
            ("status", self.status.as_ref()),
            ("previous-status", self.previous_status.as_ref()),
            ("ip", self.ip.as_ref()),
            ("previous-ip", self.previous_ip.as_ref()),
            ("new-value", self.new_value.as_ref()),
            ("credential-type", self.credential_type.as_ref()),
            ("change-type", self.change_type.as_ref()),
            ("namespace", self.namespace.as_ref()),
            ("direction", self.direction.as_ref()),
            ("principal", self.principal.as_ref()),
            ("state", self.state.as_ref()),
            ("initiating-entity", self.initiating_entity.as_ref()),
            ("reason", self.reason.as_ref()),
            ("reason-user", self.reason_user.as_ref()),
        ]
    }

    fn time(&self, now: Timestamp) -> Result<Value, Misuse> {
        let Some(text) = &self.timestamp else {
            return Ok(now.as_seconds().into());
        };
        // A number is sent as it was given: vendors send seconds, milliseconds and fractions (clients.md 9).
        if let Ok(number @ Value::Number(_)) = serde_json::from_str::<Value>(text) {
            return Ok(number);
        }
        let time = Timestamp::parse(text);
        let time = time.map_err(|_| {
            Misuse(format!(
                "--timestamp {text}: neither a number nor a time as RFC 3339 writes it"
            ))
        })?;
        Ok(time.as_seconds().into())
    }
}

/// The member that a flag is for a type; nothing when the type has no such member.
fn member(flag: &str, kind: EventKind) -> Option<&'static str> {
    use EventKind as E;
    let has = |member: &'static str, kinds: &[EventKind]| kinds.contains(&kind).then_some(member);
    let levels = [
        E::AssuranceLevelChange,
        E::RiskLevelChange,
        E::UserRiskChange,
        E::DeviceRiskChange,
    ];
    let credentials = [E::CredentialChange, E::CredentialCompromise];
    match flag {
        "level" => has("current_level", &levels),
        "previous-level" => has("previous_level", &levels),
        "status" => has("current_status", &[E::DeviceComplianceChange]).or(has("status", &[E::StreamUpdated])),
        "previous-status" => has("previous_status", &[E::DeviceComplianceChange]),
        "ip" => has("current_ip_address", &[E::IpChange]).or(has("current_ip", &[E::SessionRevoked])),
        "previous-ip" => has("previous_ip_address", &[E::IpChange]).or(has("last_known_ip", &[E::SessionRevoked])),
        "new-value" => has("new-value", &[E::IdentifierChanged]),
        "credential-type" => has("credential_type", &credentials),
        "change-type" => has("change_type", &[E::CredentialChange]),
        "namespace" => has("namespace", &[E::AssuranceLevelChange]),
        "direction" => has("change_direction", &[E::AssuranceLevelChange]),
        "principal" => has("principal", &[E::RiskLevelChange]),
        "state" => has("state", &[E::Verification]),
        "reason" => match kind {
            E::AccountDisabled | E::StreamUpdated => Some("reason"),
            E::RiskLevelChange => Some("risk_reason"),
            E::Verification => None,
            _ => Some("reason_admin"),
        },
        "reason-user" => (!kind.is_of_stream()).then_some("reason_user"),
        "initiating-entity" => (!kind.is_of_stream()).then_some("initiating_entity"),
        _ => None,
    }
}

/// A value as the type spells it: the standard's levels and principals are in capitals, Okta's are not, and
/// reasons come by their language.
fn spelled(flag: &str, kind: Option<EventKind>, value: &str) -> Value {
    let localised = |text: &str| json!({ "en": text });
    match (flag, kind) {
        ("level" | "previous-level" | "principal", Some(EventKind::RiskLevelChange)) => value.to_ascii_uppercase().into(),
        ("level" | "previous-level", Some(kind)) if kind.is_oktas() => value.to_ascii_lowercase().into(),
        ("reason-user", _) => localised(value),
        ("reason", Some(kind)) if member("reason", kind) == Some("reason_admin") => localised(value),
        _ => value.into(),
    }
}

fn no_such(flag: &str, kind: Option<EventKind>) -> Misuse {
    match kind {
        Some(kind) => Misuse(format!("--{flag} says nothing in an event of the type {}", kind.name())),
        None => Misuse(format!(
            "--{flag} is for the types that are known here: use --member NAME=VALUE"
        )),
    }
}

fn pair(flag: &str, text: &str) -> Result<(String, Value), Misuse> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| Misuse(format!("{flag} {text}: it is NAME=VALUE")))?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}
