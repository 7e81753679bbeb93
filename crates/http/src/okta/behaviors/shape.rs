//! Behaviours as Okta has them in JSON (okta.md 10.3).

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use watchfire_app::Error;
use watchfire_model::object::{BehaviorDraft, BehaviorRule, BehaviorSettings, EventWindow, Granularity, Status};

use super::super::members::{Faults, Members};

/// The longest name, in characters.
const MAX_NAME: usize = 128;
const MOST_EVENTS: u32 = 100;
const MOST_NEEDED_EVENTS: u32 = 10;
/// Half of the way around the earth: farther apart nothing is.
const MOST_KILOMETERS: u32 = 20_038;
const MOST_KPH: u32 = 1_000_000;
const DEFAULT_KPH: u32 = 805;
const DEFAULT_EVENTS: u32 = 20;
const DEFAULT_EVENTS_OF_IPS: u32 = 50;

/// A behavior: how a sign-in is compared with the user's habits.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BehaviorRule)]
pub struct BehaviorBody {
    /// `bhv…`
    #[schema(read_only)]
    id: String,
    /// Unique, at most 128 characters.
    name: String,
    /// `ANOMALOUS_LOCATION`, `ANOMALOUS_IP`, `ANOMALOUS_DEVICE`, `ANOMALOUS_ASN` or `VELOCITY`; it cannot be changed.
    #[serde(rename = "type")]
    behavior_type: &'static str,
    /// `ACTIVE` or `INACTIVE`; PUT leaves it alone.
    status: &'static str,
    /// `maxEventsUsedForEvaluation` 1 to 100, `minEventsNeededForEvaluation` 0 to 10; of places `granularity`
    /// `CITY`, `COUNTRY`, `SUBDIVISION` or `LAT_LONG` with `radiusKilometers`; of `VELOCITY` `velocityKph`.
    #[schema(value_type = Object)]
    settings: Value,
    #[schema(read_only)]
    created: String,
    #[serde(rename = "lastUpdated")]
    #[schema(read_only)]
    last_updated: String,
    #[serde(rename = "_links")]
    #[schema(read_only, value_type = Object)]
    links: Value,
}

/// Writes a behaviour. `org_url` has no trailing slash.
pub fn render(behavior: &BehaviorRule, org_url: &str) -> BehaviorBody {
    BehaviorBody {
        id: behavior.id.to_string(),
        name: behavior.name.clone(),
        behavior_type: behavior.settings.type_name(),
        status: behavior.status.as_str(),
        settings: settings_body(&behavior.settings),
        created: behavior.created.to_string(),
        last_updated: behavior.last_updated.to_string(),
        links: links(behavior, org_url),
    }
}

/// Reads the body of POST and PUT.
///
/// # Errors
/// [`Error::Malformed`] for no object, [`Error::Invalid`] with every fault otherwise.
pub fn parse(body: &Value) -> Result<BehaviorDraft, Error> {
    let body = Members::of(body)?;
    let mut faults = Faults::default();
    let draft = BehaviorDraft {
        name: body.required_text("name", MAX_NAME, &mut faults),
        status: body.choice(
            "status",
            &[("ACTIVE", Status::Active), ("INACTIVE", Status::Inactive)],
            &mut faults,
        ),
        settings: settings(&body, &mut faults),
    };
    faults.or(draft)
}

/// What the body says of the past and of how exact a comparison is; what it leaves out is Okta's default.
fn settings(body: &Members<'_>, faults: &mut Faults) -> BehaviorSettings {
    let kind = body.required_text("type", usize::MAX, faults);
    let said = body.child("settings", faults);
    match kind.as_str() {
        "ANOMALOUS_LOCATION" => BehaviorSettings::AnomalousLocation {
            window: window(&said, DEFAULT_EVENTS, faults),
            granularity: granularity(&said, faults),
        },
        "ANOMALOUS_IP" => BehaviorSettings::AnomalousIp(window(&said, DEFAULT_EVENTS_OF_IPS, faults)),
        "ANOMALOUS_ASN" => BehaviorSettings::AnomalousAsn(window(&said, DEFAULT_EVENTS, faults)),
        "VELOCITY" => BehaviorSettings::Velocity {
            velocity_kph: said.whole("velocityKph", 1..=MOST_KPH, faults).unwrap_or(DEFAULT_KPH),
        },
        other => {
            // Blank and wrongly typed ones have their fault already.
            if !matches!(other, "ANOMALOUS_DEVICE" | "") {
                faults.add("type", "Invalid value");
            }
            BehaviorSettings::AnomalousDevice(window(&said, DEFAULT_EVENTS, faults))
        }
    }
}

fn window(said: &Members<'_>, most: u32, faults: &mut Faults) -> EventWindow {
    let window = EventWindow {
        most: said
            .whole("maxEventsUsedForEvaluation", 1..=MOST_EVENTS, faults)
            .unwrap_or(most),
        least: said
            .whole("minEventsNeededForEvaluation", 0..=MOST_NEEDED_EVENTS, faults)
            .unwrap_or_default(),
    };
    if window.least > window.most {
        faults.add(
            said.path_of("minEventsNeededForEvaluation"),
            "Must not be greater than maxEventsUsedForEvaluation",
        );
    }
    window
}

fn granularity(said: &Members<'_>, faults: &mut Faults) -> Granularity {
    const RADIUS: &str = "radiusKilometers";
    let exact = Granularity::LatLong { radius_kilometers: 20 };
    let words = [
        ("CITY", Granularity::City),
        ("COUNTRY", Granularity::Country),
        ("SUBDIVISION", Granularity::Subdivision),
        ("LAT_LONG", exact),
    ];
    said.require("granularity", faults);
    let chosen = said.choice("granularity", &words, faults).unwrap_or(Granularity::City);
    if chosen != exact {
        return chosen;
    }
    said.require(RADIUS, faults);
    let radius_kilometers = said.whole(RADIUS, 1..=MOST_KILOMETERS, faults).unwrap_or(1);
    Granularity::LatLong { radius_kilometers }
}

fn settings_body(settings: &BehaviorSettings) -> Value {
    let mut body = Map::new();
    if let BehaviorSettings::Velocity { velocity_kph } = settings {
        body.insert("velocityKph".to_owned(), (*velocity_kph).into());
        return Value::Object(body);
    }
    let window = settings.window();
    body.insert("maxEventsUsedForEvaluation".to_owned(), window.most.into());
    body.insert("minEventsNeededForEvaluation".to_owned(), window.least.into());
    if let BehaviorSettings::AnomalousLocation { granularity, .. } = settings {
        let (word, radius) = match granularity {
            Granularity::City => ("CITY", None),
            Granularity::Country => ("COUNTRY", None),
            Granularity::Subdivision => ("SUBDIVISION", None),
            Granularity::LatLong { radius_kilometers } => ("LAT_LONG", Some(*radius_kilometers)),
        };
        body.insert("granularity".to_owned(), word.into());
        if let Some(kilometers) = radius {
            body.insert("radiusKilometers".to_owned(), kilometers.into());
        }
    }
    Value::Object(body)
}

fn links(behavior: &BehaviorRule, org_url: &str) -> Value {
    let href = format!("{org_url}/api/v1/behaviors/{}", behavior.id);
    let lifecycle = match behavior.status {
        Status::Active => "deactivate",
        Status::Inactive => "activate",
    };
    json!({
        "self": {"href": href, "hints": {"allow": ["GET", "PUT", "DELETE"]}},
        lifecycle: {"href": format!("{href}/lifecycle/{lifecycle}"), "hints": {"allow": ["POST"]}},
    })
}

#[cfg(test)]
mod tests;
