//! Whether a provider's signals arrive and count: app, key, grant, provider, action, rule.

use serde_json::Value;

use super::finding::Finding;
use crate::{
    api::{Api, escape, problem::Problem, text},
    app, policy,
    provider::{self, RISK_EVENTS_SCOPE},
};

/// Checks every provider; says whether one of them is to be enforced.
pub(super) async fn check(api: &Api, findings: &mut Vec<Finding>) -> bool {
    let providers = match provider::list(api).await {
        Ok(providers) => providers,
        Err(error) => {
            findings.push(Finding::fault("providers", format!("{error:#}"), "Look at the server's log."));
            return false;
        }
    };
    let (assigned, idle): (Vec<_>, Vec<_>) = providers.iter().partition(|it| text(it, "clientId") != "null");
    if assigned.is_empty() {
        findings.push(Finding::fault(
            "providers",
            "no risk provider has a service app",
            "Make one and assign it: watchfire app create NAME --public-key FILE --grant okta.riskEvents.manage, then watchfire \
             provider update default --name NAME --client-id ID --action enforce_and_log.",
        ));
    }
    for provider in assigned.iter().copied() {
        findings.push(named(provider));
        findings.push(service_app(api, provider).await);
        findings.push(granted(api, provider).await);
        findings.push(action(provider));
    }
    if !assigned.is_empty() {
        for provider in idle {
            let found = format!("'{}' has no service app", text(provider, "name").trim());
            findings.push(Finding::warning("provider", found, "Assign one, or delete the provider."));
        }
    }
    assigned.iter().any(|provider| text(provider, "action") == "enforce_and_log")
}

fn named(provider: &Value) -> Finding {
    let name = text(provider, "name");
    if name.trim() == "Default" {
        return Finding::warning(
            "provider",
            "the default provider still has its first name",
            "Name it, so that the log tells who reported: watchfire provider update default --name NAME.",
        );
    }
    Finding::well("provider", format!("'{name}' is {}", text(provider, "id")))
}

async fn service_app(api: &Api, provider: &Value) -> Finding {
    let client_id = text(provider, "clientId");
    let client = match api.get(&format!("/oauth2/v1/clients/{}", escape(client_id))).await {
        Ok(client) => client,
        Err(error) => {
            let is_gone = error.downcast_ref::<Problem>().is_some_and(|problem| problem.status == 404);
            let found = if is_gone {
                format!("the app {client_id} does not exist")
            } else {
                format!("{error:#}")
            };
            return Finding::fault(
                "service-app",
                found,
                "Assign an app that exists: watchfire provider update ID --client-id ID.",
            );
        }
    };
    let (kind, method) = (text(&client, "application_type"), text(&client, "token_endpoint_auth_method"));
    if (kind, method) != ("service", "private_key_jwt") {
        return Finding::fault(
            "service-app",
            format!("the app {client_id} is of type {kind} and signs in by {method}"),
            "It must be a service app that signs in by private_key_jwt: watchfire app create NAME --public-key FILE.",
        );
    }
    Finding::well("service-app", format!("{client_id} signs in by its key"))
}

async fn granted(api: &Api, provider: &Value) -> Finding {
    let client_id = text(provider, "clientId");
    let advice = format!("Grant it: watchfire app grant {client_id} {RISK_EVENTS_SCOPE}.");
    match app::granted_scopes(api, client_id).await {
        Ok(scopes) if scopes.iter().any(|scope| scope == RISK_EVENTS_SCOPE) => {
            Finding::well("grant", format!("{client_id} is granted {RISK_EVENTS_SCOPE}"))
        }
        Ok(_) => Finding::fault("grant", format!("{client_id} is not granted {RISK_EVENTS_SCOPE}"), advice),
        Err(error) => Finding::fault("grant", format!("{error:#}"), advice),
    }
}

fn action(provider: &Value) -> Finding {
    let id = text(provider, "id");
    let advice = format!("If they are to count: watchfire provider update {id} --action enforce_and_log.");
    match text(provider, "action") {
        "enforce_and_log" => Finding::well("action", "its signals count at sign-ins"),
        "log_only" => Finding::warning("action", "its signals are only logged", advice),
        other => Finding::warning("action", format!("its signals do nothing ({other})"), advice),
    }
}

/// Whether a sign-on rule looks at risk: without one, a provider's signal changes no sign-in.
pub(super) async fn rule(api: &Api, enforced: bool) -> Finding {
    const CHECK: &str = "risk-rule";
    let advice = "Add one: watchfire policy recommend.";
    match policy::all_rules(api).await {
        Ok(rules) => match rules.iter().find(|rule| policy::answers_high_risk(rule)) {
            Some(rule) => Finding::well(CHECK, format!("'{}' answers HIGH", text(rule, "name"))),
            None if enforced => Finding::fault(CHECK, "no sign-on rule looks at risk, so signals change no sign-in", advice),
            None => Finding::warning(CHECK, "no sign-on rule looks at risk", advice),
        },
        Err(error) => Finding::fault(CHECK, format!("{error:#}"), "Look at the server's log."),
    }
}
