use watchfire_model::{id::BehaviorId, time::Timestamp};

use super::*;

fn read(body: &Value) -> Result<BehaviorDraft, String> {
    parse(body).map_err(|error| match error {
        Error::Invalid { causes, .. } => causes.join("; "),
        other => other.to_string(),
    })
}

/// What administrators' tools get back they may send back, numbers with a fraction of zero included.
#[test]
fn every_seed_goes_out_and_comes_back() {
    for (name, settings) in BehaviorSettings::SEEDS {
        let behavior = BehaviorRule {
            id: BehaviorId::new("bhv1"),
            name: name.to_owned(),
            status: Status::Active,
            settings,
            created: Timestamp::from_seconds(1),
            last_updated: Timestamp::from_seconds(1),
        };
        let body = serde_json::to_value(render(&behavior, "https://org.example")).unwrap();
        let back = read(&body).unwrap();
        assert_eq!((back.name.as_str(), back.settings), (name, settings));
    }
    let body =
        json!({"name": "x", "type": "ANOMALOUS_LOCATION", "settings": {"granularity": "LAT_LONG", "radiusKilometers": 20.0}});
    let want = Granularity::LatLong { radius_kilometers: 20 };
    assert!(matches!(
        read(&body).unwrap().settings,
        BehaviorSettings::AnomalousLocation { granularity, .. } if granularity == want
    ));
}

#[test]
fn what_is_left_out_is_oktas_default() {
    for (kind, want) in [
        ("ANOMALOUS_IP", BehaviorSettings::AnomalousIp(EventWindow::last(50))),
        ("ANOMALOUS_DEVICE", BehaviorSettings::AnomalousDevice(EventWindow::last(20))),
        ("ANOMALOUS_ASN", BehaviorSettings::AnomalousAsn(EventWindow::last(20))),
        ("VELOCITY", BehaviorSettings::Velocity { velocity_kph: 805 }),
    ] {
        assert_eq!(read(&json!({"name": "x", "type": kind})).unwrap().settings, want);
    }
}

#[test]
fn faults_are_named() {
    let ip = |settings: Value| json!({"name": "x", "type": "ANOMALOUS_IP", "settings": settings});
    let place = |settings: Value| json!({"name": "x", "type": "ANOMALOUS_LOCATION", "settings": settings});
    for (body, want) in [
        (json!({"type": "ANOMALOUS_IP"}), "name: The field cannot be left blank"),
        (json!({"name": "x"}), "type: The field cannot be left blank"),
        (json!({"name": "x", "type": "NEW_MOON"}), "type: Invalid value"),
        (json!({"name": "x", "type": 7}), "type: Invalid value"),
        (
            json!({"name": "x".repeat(129), "type": "VELOCITY"}),
            "name: The field is too long",
        ),
        (
            json!({"name": "x", "type": "VELOCITY", "settings": {"velocityKph": 0}}),
            "settings.velocityKph: Invalid value",
        ),
        (ip(json!("many")), "settings: Invalid value"),
        (
            ip(json!({"maxEventsUsedForEvaluation": 101})),
            "settings.maxEventsUsedForEvaluation: Invalid value",
        ),
        (
            ip(json!({"maxEventsUsedForEvaluation": 1.5})),
            "settings.maxEventsUsedForEvaluation: Invalid value",
        ),
        (
            ip(json!({"minEventsNeededForEvaluation": 11})),
            "settings.minEventsNeededForEvaluation: Invalid value",
        ),
        (
            ip(json!({"maxEventsUsedForEvaluation": 2, "minEventsNeededForEvaluation": 3})),
            "settings.minEventsNeededForEvaluation: Must not be greater than maxEventsUsedForEvaluation",
        ),
        (place(json!({})), "settings.granularity: The field cannot be left blank"),
        (place(json!({"granularity": "STREET"})), "settings.granularity: Invalid value"),
        (
            place(json!({"granularity": "LAT_LONG"})),
            "settings.radiusKilometers: The field cannot be left blank",
        ),
        (
            place(json!({"granularity": "LAT_LONG", "radiusKilometers": -1})),
            "settings.radiusKilometers: Invalid value",
        ),
    ] {
        assert_eq!(read(&body).unwrap_err(), want, "{body}");
    }
}
