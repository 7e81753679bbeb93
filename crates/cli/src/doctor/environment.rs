//! An exported Postman environment: the guides' troubleshooting tips, applied to it.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::finding::Finding;
use crate::api::text;

/// Variables of the guides, spelled as they spell them.
const KNOWN: &[&str] = &[
    "url",
    "apiKey",
    "providerName",
    "publicKey",
    "clientId",
    "providerId",
    "clientAssertion",
    "accessToken",
    "keyPair",
];

const CHECK: &str = "postman-environment";

/// Checks the variables of the environment in `path`.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn check(path: &Path, url: &str) -> Result<Vec<Finding>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let json: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    let values = json.get("values").and_then(Value::as_array);
    let values = values.with_context(|| format!("{} is no Postman environment", path.display()))?;
    let mut findings: Vec<Finding> = values.iter().flat_map(variable).collect();
    let given = values
        .iter()
        .find(|value| text_of(value).0 == "url")
        .map(|value| text_of(value).1.to_owned());
    if let Some(given) = given.filter(|given| given.trim_end_matches('/') != url.trim_end_matches('/')) {
        findings.push(Finding::fault(
            CHECK,
            format!("its url is {given}"),
            format!("Set it to {url}."),
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::well(CHECK, "its variables are spelled well"));
    }
    Ok(findings)
}

fn text_of(variable: &Value) -> (&str, &str) {
    (text(variable, "key"), text(variable, "value"))
}

fn variable(variable: &Value) -> Vec<Finding> {
    let (key, value) = text_of(variable);
    let fault = |found: String, advice: &str| Finding::fault(CHECK, found, advice);
    let mut findings = Vec::new();
    if key.trim() != key {
        findings.push(fault(format!("the name [{key}] has blanks around it"), "Take them away."));
    }
    let meant = KNOWN
        .iter()
        .find(|known| known.eq_ignore_ascii_case(key.trim()) && **known != key.trim());
    if let Some(meant) = meant {
        findings.push(fault(
            format!("there is a variable {key}"),
            &format!("Write {meant}: capital letters count."),
        ));
    }
    if value.trim() != value {
        findings.push(fault(format!("{key} has blanks around it"), "Take them away."));
    }
    if value.starts_with('"') || value.ends_with('"') {
        findings.push(fault(format!("{key} has quotes around it"), "Take them away."));
    }
    if key == "url" && value.contains("-admin.") {
        findings.push(fault(format!("url is an admin URL: {value}"), "Leave \"-admin\" out."));
    }
    if key == "url" && value.ends_with('/') {
        findings.push(fault(
            format!("url ends with a slash: {value}"),
            "Leave the slash out: the requests put one behind it.",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Health;

    #[test]
    fn the_guides_mistakes_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("environment.json");
        let faults = |key: &str, value: &str| {
            let environment = serde_json::json!({"values": [{"key": key, "value": value}]});
            fs::write(&path, environment.to_string()).unwrap();
            let findings = check(&path, "https://risk.example.com").unwrap();
            findings.iter().filter(|finding| finding.health == Health::Fault).count()
        };
        assert_eq!(faults("url", "https://risk.example.com"), 0);
        for (key, value) in [
            ("clientid", "0oa1"),
            (" clientId", "0oa1"),
            ("clientId", "0oa1 "),
            ("accessToken", "\"eyJ\""),
            ("url", "https://risk.example.com/"),
            ("url", "https://other.example.com"),
        ] {
            assert!(faults(key, value) > 0, "{key} {value}");
        }
    }
}
