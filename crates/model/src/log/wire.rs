//! The form that clients see (okta.md 8.4, 8.5): every member is there, `null` where there is nothing.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::{Actor, ClientContext, EventType, GeographicalContext, IpHop, LogEvent, SecurityContext, Target};
use crate::signal::RiskLevel;

/// The strict Python SDK refuses longer texts (okta.md 8.4).
const MAX_REASON_CHARS: usize = 255;

impl LogEvent {
    /// The wire form without what only the receipt knows.
    pub fn to_wire(&self) -> Value {
        self.render(None)
    }

    /// The wire form. `signals` are those of the receipt; they fill `riskSignalList` and
    /// `riskSignalSize` of `security.risk.signal.consume` and are not used for other types.
    pub fn render(&self, signals: Option<&[(IpAddr, RiskLevel)]>) -> Value {
        let mut debug_data: Map<String, Value> = self.debug_data.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        if let Some(signals) = signals.filter(|_| self.event_type == EventType::SecurityRiskSignalConsume) {
            debug_data.insert("riskSignalList".to_owned(), json!(signal_list(signals)));
            debug_data.insert("riskSignalSize".to_owned(), json!(signals.len().to_string()));
        }
        json!({
            "actor": actor(&self.actor),
            "client": self.client.as_ref().map(client),
            "device": null,
            "authenticationContext": self.wire_authentication(),
            "displayMessage": self.event_type.display_message(),
            "eventType": self.event_type.as_str(),
            "outcome": { "result": self.outcome.result.as_str(), "reason": self.outcome.reason.as_deref().and_then(reason) },
            "published": self.published,
            "securityContext": security(&self.security_context),
            "severity": self.severity.as_str(),
            "debugContext": { "debugData": debug_data },
            "legacyEventType": self.legacy_event_type(),
            "transaction": self.wire_transaction(),
            "uuid": self.uuid,
            "version": "0",
            "request": { "ipChain": self.ip_chain.iter().map(hop).collect::<Vec<_>>() },
            "target": (!self.target.is_empty()).then(|| self.target.iter().map(target).collect::<Vec<_>>()),
        })
    }

    fn wire_authentication(&self) -> Value {
        let context = &self.authentication_context;
        json!({
            "authenticationProvider": context.authentication_provider,
            "credentialProvider": context.credential_provider,
            "credentialType": context.credential_type,
            "issuer": context.issuer,
            "interface": context.interface,
            "authenticationStep": 0,
            "rootSessionId": context.root_session_id,
            "externalSessionId": context.external_session_id,
        })
    }

    fn wire_transaction(&self) -> Value {
        let mut detail = Map::new();
        if let Some(token) = &self.transaction.request_api_token_id {
            detail.insert("requestApiTokenId".to_owned(), json!(token));
        }
        json!({ "type": self.transaction.kind.as_str(), "id": self.transaction.id, "detail": detail })
    }
}

fn actor(actor: &Actor) -> Value {
    json!({
        "id": actor.id,
        "type": actor.kind,
        "alternateId": actor.alternate_id,
        "displayName": actor.display_name,
        "detailEntry": null,
    })
}

fn client(client: &ClientContext) -> Value {
    json!({
        "userAgent": client.user_agent.as_ref().map(|agent| json!({
            "rawUserAgent": agent.raw_user_agent,
            "os": agent.os,
            "browser": agent.browser,
        })),
        "zone": client.zone.as_deref().unwrap_or("null"),
        "device": client.device,
        "id": client.id,
        "ipAddress": client.ip_address,
        "geographicalContext": client.geographical_context.as_ref().map(geography),
    })
}

fn geography(place: &GeographicalContext) -> Value {
    json!({
        "city": place.city,
        "state": place.state,
        "country": place.country,
        "postalCode": place.postal_code,
        "geolocation": place.geolocation,
    })
}

fn security(context: &SecurityContext) -> Value {
    let behaviors = || -> Vec<Value> {
        let wire = |b: &super::UserBehavior| json!({ "id": b.id, "name": b.name, "result": b.result.as_str() });
        context.user_behaviors.iter().map(wire).collect()
    };
    json!({
        "asNumber": context.as_number,
        "asOrg": context.as_org,
        "isp": context.isp,
        "domain": context.domain,
        "isProxy": context.is_proxy,
        "risk": context.risk.as_ref().map(|risk| json!({
            "level": risk.level.as_str(),
            "previousLevel": risk.previous_level.map(RiskLevel::as_str),
            "reasons": risk.reasons,
            "detectionName": risk.detection_name,
            "issuer": risk.issuer,
        })),
        "userBehaviors": (!context.user_behaviors.is_empty()).then(behaviors),
    })
}

fn hop(hop: &IpHop) -> Value {
    json!({
        "ip": hop.ip,
        "geographicalContext": hop.geographical_context.as_ref().map(geography),
        "version": hop.version(),
        "source": hop.source,
    })
}

fn target(target: &Target) -> Value {
    let mut wire = json!({
        "id": target.id,
        "type": target.kind,
        "alternateId": target.alternate_id,
        "displayName": target.display_name,
        "detailEntry": target.detail_entry,
    });
    if let (Some(members), Some(changes)) = (wire.as_object_mut(), &target.change_details) {
        members.insert("changeDetails".to_owned(), changes.clone());
    }
    wire
}

fn reason(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.chars().take(MAX_REASON_CHARS).collect())
}

/// `[{ip=203.0.113.7, riskLevel=HIGH}, …]` (okta.md 8.6).
fn signal_list(signals: &[(IpAddr, RiskLevel)]) -> String {
    let items: Vec<String> = signals
        .iter()
        .map(|(ip, level)| format!("{{ip={ip}, riskLevel={}}}", level.as_str()))
        .collect();
    format!("[{}]", items.join(", "))
}
