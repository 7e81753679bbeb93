//! Whether the server knows where addresses are, and how old that is.

use serde_json::Value;

use super::finding::Finding;
use crate::api::{Api, text};

const CHECK: &str = "geo-data";
const IMPORT: &str = "Get a newer file and run watchfire data import FILE; the server takes it up by itself.";

pub(super) async fn check(api: &Api) -> Vec<Finding> {
    let data = match api.get("/watchfire/v1/geo-data").await {
        Ok(Value::Array(data)) => data,
        Ok(_) => return vec![Finding::skipped(CHECK, "the server answered no list")],
        Err(error) => return vec![Finding::skipped(CHECK, format!("it cannot be read: {error:#}"))],
    };
    if data.is_empty() {
        // An installation may do without: it is no warning.
        let found = "none: places are told apart by prefixes of addresses alone (watchfire data import FILE)";
        return vec![Finding::well(CHECK, found)];
    }
    data.iter().map(finding).collect()
}

fn finding(item: &Value) -> Finding {
    let (kind, built) = (text(item, "kind"), text(item, "built"));
    if let Some(problem) = item.get("problem").and_then(Value::as_str) {
        let kept = if item.get("inUse") == Some(&Value::Bool(true)) {
            "the one before it is still in use"
        } else {
            "nothing is in use"
        };
        let found = format!("the {kind} file is not used, {kept}: {problem}");
        return Finding::fault(CHECK, found, "Import it again: watchfire data import FILE checks it whole.");
    }
    match text(item, "freshness") {
        "FRESH" => Finding::well(CHECK, format!("{kind}: {} of {built}", text(item, "databaseType"))),
        "DOUBTFUL" => {
            let found = format!("the {kind} data of {built} is so old that its coordinates say little");
            Finding::warning(CHECK, found, IMPORT)
        }
        _ => Finding::warning(CHECK, format!("the {kind} data of {built} is stale"), IMPORT),
    }
}
