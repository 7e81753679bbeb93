//! The texts of an assessment in a sign-in's `debugContext.debugData` (okta.md 8.6).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use watchfire_model::signal::RiskLevel;

use crate::assessment::{Assessment, PartnerRisk};

/// Every debug member that the assessment has something to say about.
pub fn debug_data(assessment: &Assessment) -> BTreeMap<String, String> {
    [
        ("risk", Some(risk(assessment.level, &assessment.reasons))),
        ("behaviors", Some(behaviors(assessment))),
        ("partnerRisk", partner_risk(&assessment.partner_risk)),
        ("logOnlySecurityData", log_only_security_data(assessment)),
        ("threatSuspected", Some(assessment.threat_suspected.to_string())),
    ]
    .into_iter()
    .filter_map(|(key, text)| Some((key.to_owned(), text?)))
    .collect()
}

/// `{reasons=New Device, New IP, level=HIGH}`, or `{level=LOW}` without reasons.
pub fn risk(level: RiskLevel, reasons: &[String]) -> String {
    if reasons.is_empty() {
        return format!("{{level={}}}", level.as_str());
    }
    format!("{{reasons={}, level={}}}", reasons.join(", "), level.as_str())
}

/// `{New Geo-Location=BAD_REQUEST, New Device=POSITIVE, …}`
pub fn behaviors(assessment: &Assessment) -> String {
    let parts: Vec<String> = assessment
        .behaviors
        .iter()
        .map(|b| format!("{}={}", b.name, b.result.as_str()))
        .collect();
    format!("{{{}}}", parts.join(", "))
}

/// `[{reasons=…, level=HIGH, name=…}, {name=…, level=LOW}]`; `None` when no provider says anything.
pub fn partner_risk(risks: &[PartnerRisk]) -> Option<String> {
    let parts: Vec<String> = risks
        .iter()
        .map(|risk| match &risk.reasons {
            Some(reasons) => format!("{{reasons={reasons}, level={}, name={}}}", risk.level.as_str(), risk.name),
            None => format!("{{name={}, level={}}}", risk.name, risk.level.as_str()),
        })
        .collect();
    (!parts.is_empty()).then(|| format!("[{}]", parts.join(", ")))
}

/// The counterfactual as JSON text; `None` when providers that are only logged say nothing.
pub fn log_only_security_data(assessment: &Assessment) -> Option<String> {
    let counterfactual = assessment.counterfactual.as_ref()?;
    let mut risk = Map::new();
    if !counterfactual.reasons.is_empty() {
        risk.insert("reasons".to_owned(), counterfactual.reasons.join(", ").into());
    }
    risk.insert("level".to_owned(), counterfactual.level.as_str().into());
    let behaviors: Map<String, Value> = assessment
        .behaviors
        .iter()
        .map(|b| (b.name.clone(), b.result.as_str().into()))
        .collect();
    Some(json!({"risk": risk, "behaviors": behaviors}).to_string())
}

#[cfg(test)]
mod tests {
    use watchfire_model::{id::RiskProviderId, object::BehaviorSettings};

    use super::*;
    use crate::assessment::{Behavior, BehaviorResult, Counterfactual, Familiarity};

    fn partner(name: &str, level: RiskLevel, reasons: Option<&str>) -> PartnerRisk {
        PartnerRisk {
            provider: RiskProviderId::new("rkp1"),
            name: name.to_owned(),
            level,
            reasons: reasons.map(str::to_owned),
        }
    }

    fn assessment() -> Assessment {
        Assessment {
            score: 70,
            level: RiskLevel::High,
            reasons: vec!["Suspected Threat".to_owned(), "New Device".to_owned()],
            factors: Vec::new(),
            behaviors: BehaviorSettings::SEEDS
                .map(|(name, _)| Behavior {
                    id: None,
                    name: name.to_owned(),
                    result: if name == "New Device" {
                        BehaviorResult::Positive
                    } else {
                        BehaviorResult::BadRequest
                    },
                })
                .into(),
            partner_risk: vec![partner("Acme Risk Feed", RiskLevel::High, Some("Credential stuffing node"))],
            counterfactual: None,
            threat_suspected: true,
            familiar: Familiarity::default(),
        }
    }

    #[test]
    fn texts_are_as_the_log_has_them() {
        let data = debug_data(&assessment());
        let want = [
            (
                "behaviors",
                "{New Geo-Location=BAD_REQUEST, New Device=POSITIVE, New IP=BAD_REQUEST, New State=BAD_REQUEST, \
                 New Country=BAD_REQUEST, Velocity=BAD_REQUEST, New City=BAD_REQUEST}",
            ),
            (
                "partnerRisk",
                "[{reasons=Credential stuffing node, level=HIGH, name=Acme Risk Feed}]",
            ),
            ("risk", "{reasons=Suspected Threat, New Device, level=HIGH}"),
            ("threatSuspected", "true"),
        ];
        assert_eq!(data.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), want);
    }

    #[test]
    fn a_risk_without_reasons_is_only_its_level() {
        assert_eq!(risk(RiskLevel::Low, &[]), "{level=LOW}");
    }

    #[test]
    fn partners_without_a_reason_put_the_name_first() {
        let risks = [
            partner("provider-a", RiskLevel::High, None),
            partner("provider-b", RiskLevel::Medium, Some("malware suspected")),
        ];
        assert_eq!(
            partner_risk(&risks).as_deref(),
            Some("[{name=provider-a, level=HIGH}, {reasons=malware suspected, level=MEDIUM, name=provider-b}]")
        );
        assert_eq!(partner_risk(&[]), None);
    }

    #[test]
    fn what_did_not_count_is_json_text() {
        let mut it = assessment();
        it.behaviors.truncate(2);
        it.counterfactual = Some(Counterfactual {
            score: 70,
            level: RiskLevel::High,
            reasons: vec!["Suspected Threat".to_owned()],
            partner_risk: Vec::new(),
        });
        assert_eq!(
            log_only_security_data(&it).as_deref(),
            Some(
                r#"{"risk":{"reasons":"Suspected Threat","level":"HIGH"},"behaviors":{"New Geo-Location":"BAD_REQUEST","New Device":"POSITIVE"}}"#
            )
        );
    }
}
