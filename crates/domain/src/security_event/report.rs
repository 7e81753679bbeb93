//! What the System Log says of an event (okta.md 8.6).

use serde_json::{Map, Value, json};
use watchfire_model::{
    id::{OrgId, ReceiptId},
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{SecurityEventsProvider, User},
};
use watchfire_ssf::SecurityEvent;

/// The provider as the one who did something.
pub(super) fn actor(provider: &SecurityEventsProvider) -> Actor {
    Actor::new(
        "SecurityEventProvider",
        provider.id.as_str(),
        &provider.issuer,
        &provider.name,
    )
}

/// The provider as the one to whom something was done.
pub(super) fn target(provider: &SecurityEventsProvider) -> Target {
    Target::new("SecurityEventProvider", provider.id.as_str(), &provider.name).alternate_id(&provider.issuer)
}

/// `security.events.provider.receive_event`, with both spellings of its details (okta.md 13, 24).
pub(super) fn receive_event(
    provider: &SecurityEventsProvider,
    (org, user): (Option<&OrgId>, &User),
    event: &SecurityEvent,
    origin: &RequestOrigin,
    receipt: ReceiptId,
) -> LogEvent {
    let mut partner = Map::new();
    partner.insert("issuer".to_owned(), json!(provider.issuer));
    partner.insert(event.uri.clone(), Value::Object(event.claims.clone()));
    let reported = json!({
        "type": event.uri,
        "issuer": provider.issuer,
        "orgId": org,
        "userId": user.id,
        "claims": event.claims,
    });
    LogEvent::new(EventType::SecurityEventsProviderReceiveEvent, actor(provider))
        .from_request(origin)
        .target(Target::user(user.id.as_str(), &user.login, user.display_name()))
        .debug("partnerRiskReportData", Value::Object(partner).to_string())
        .debug("securityEventsProviderReportedRisk", reported.to_string())
        .receipt(receipt)
}
