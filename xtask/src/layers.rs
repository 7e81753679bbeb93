//! The direction of dependencies, as a table, held against what the manifests say.

use anyhow::{Result, bail};
use serde_json::Value;

use crate::workspace::{Workspace, say};

/// A crate and the workspace crates that its normal dependencies may name.
struct Layer {
    name: &'static str,
    may_use: &'static [&'static str],
}

const PREFIX: &str = "watchfire-";

/// From the outside inwards. A crate without a row is an error: a new crate gets its place here first.
const LAYERS: &[Layer] = &[
    Layer {
        name: "watchfire",
        may_use: &[
            "http", "console", "app", "domain", "oauth", "ssf", "engine", "store", "egress", "crypto", "model",
        ],
    },
    Layer {
        name: "http",
        may_use: &["app", "model"],
    },
    Layer {
        name: "console",
        may_use: &["app", "model"],
    },
    Layer {
        name: "app",
        may_use: &["domain", "oauth", "ssf", "engine", "store", "egress", "crypto", "model"],
    },
    Layer {
        name: "domain",
        may_use: &["oauth", "ssf", "engine", "model"],
    },
    Layer {
        name: "oauth",
        may_use: &["crypto", "model"],
    },
    Layer {
        name: "ssf",
        may_use: &["crypto", "model"],
    },
    Layer {
        name: "engine",
        may_use: &["model"],
    },
    Layer {
        name: "store",
        may_use: &["crypto", "model"],
    },
    Layer {
        name: "egress",
        may_use: &["crypto", "model"],
    },
    Layer {
        name: "crypto",
        may_use: &[],
    },
    Layer {
        name: "model",
        may_use: &[],
    },
    // For tests and measurements only: nothing that is shipped may name these three.
    Layer {
        name: "harness",
        may_use: &[
            "http", "console", "app", "domain", "store", "egress", "engine", "ssf", "crypto", "model", "fixtures",
        ],
    },
    Layer {
        name: "bench",
        may_use: &["http", "console", "app", "store", "engine", "crypto", "model", "fixtures"],
    },
    Layer {
        name: "fixtures",
        may_use: &[],
    },
    Layer {
        name: "xtask",
        may_use: &[],
    },
];

/// A third-party crate that only some crates may name in their normal dependencies, and why.
struct Fence {
    name: &'static str,
    only: &'static [&'static str],
    why: &'static str,
}

const FENCES: &[Fence] = &[
    Fence {
        name: "axum",
        only: &["http", "console", "harness"],
        why: "HTTP is an adapter",
    },
    Fence {
        name: "utoipa-axum",
        only: &["http", "console", "harness"],
        why: "HTTP is an adapter",
    },
    Fence {
        name: "sqlx",
        only: &["store", "harness"],
        why: "SQL lives in one crate; tests look into its files from outside",
    },
    Fence {
        name: "reqwest",
        only: &["egress", "harness"],
        why: "outbound requests pass the SSRF policy",
    },
    Fence {
        name: "maxminddb",
        only: &["app"],
        why: "data files of addresses are read in one place",
    },
    Fence {
        name: "aws-lc-rs",
        only: &["crypto"],
        why: "cryptography lives in one crate",
    },
    Fence {
        name: "libsqlite3-sys",
        only: &["harness"],
        why: "only the counting VFS looks below sqlx",
    },
];

/// Crates that must stay free of input, output and clocks (architecture invariant 4).
const PURE: &[&str] = &["model", "crypto", "oauth", "ssf", "engine", "domain"];
const IMPURE_DEPENDENCIES: &[&str] = &[
    "tokio",
    "tokio-util",
    "hyper",
    "reqwest",
    "sqlx",
    "axum",
    "tracing-subscriber",
];

/// One dependency of a manifest.
struct Edge<'a> {
    from: &'a str,
    to: &'a str,
    /// Whether `to` is a crate of the workspace: `watchfire-http` is, `http` is not.
    ours: bool,
    dev: bool,
}

/// Compares every manifest with the tables and names each edge that breaks a rule.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let packages = packages(&workspace.metadata);
    let faults = faults(&packages);
    if !faults.is_empty() {
        bail!("{} broken layer rule(s):\n  {}", faults.len(), faults.join("\n  "));
    }
    say(&format!("layers: {} crates keep their place", packages.len()));
    Ok(())
}

/// The crates of the workspace, each with its dependencies.
fn packages(metadata: &Value) -> Vec<(&str, Vec<Edge<'_>>)> {
    let mut packages = Vec::new();
    for package in metadata.get("packages").and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = package.get("name").and_then(Value::as_str) else {
            continue;
        };
        let from = short(name);
        let dependencies = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        let edges = dependencies
            .filter_map(|dependency| {
                let name = dependency.get("name").and_then(Value::as_str)?;
                let ours = name.starts_with(PREFIX);
                let dev = dependency.get("kind").and_then(Value::as_str) == Some("dev");
                Some(Edge {
                    from,
                    to: short(name),
                    ours,
                    dev,
                })
            })
            .collect();
        packages.push((from, edges));
    }
    packages
}

/// `watchfire-app` is `app`; the binary keeps its name.
fn short(name: &str) -> &str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

fn faults(packages: &[(&str, Vec<Edge<'_>>)]) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, edges) in packages {
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == *name) else {
            faults.push(format!("{name}: has no row in the table of layers (xtask/src/layers.rs)"));
            continue;
        };
        faults.extend(edges.iter().filter_map(|edge| fault(edge, layer)));
    }
    faults
}

fn fault(edge: &Edge<'_>, layer: &Layer) -> Option<String> {
    let Edge { from, to, ours, dev } = *edge;
    if dev {
        return None;
    }
    if ours {
        let rule = if layer.may_use.is_empty() {
            "no crate of the workspace".to_owned()
        } else {
            layer.may_use.join(", ")
        };
        return (!layer.may_use.contains(&to)).then(|| format!("{from} -> {to}: {from} may use only {rule}"));
    }
    if let Some(fence) = FENCES.iter().find(|fence| fence.name == to && !fence.only.contains(&from)) {
        return Some(format!(
            "{from} -> {to}: only {} may use {to}: {}",
            fence.only.join(", "),
            fence.why
        ));
    }
    let impure = PURE.contains(&from) && IMPURE_DEPENDENCIES.contains(&to);
    impure.then(|| format!("{from} -> {to}: {from} is pure (no input, output or clock)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults_of(metadata: &Value) -> Vec<String> {
        faults(&packages(metadata))
    }

    #[test]
    fn this_workspace_keeps_the_rules() {
        check(&Workspace::load().unwrap()).unwrap();
    }

    #[test]
    fn names_the_edge_and_the_rule_that_it_breaks() {
        let metadata = json!({ "packages": [
            { "name": "watchfire-store", "dependencies": [{ "name": "watchfire-app", "kind": null }] },
            { "name": "watchfire-app", "dependencies": [{ "name": "sqlx", "kind": null }] },
            { "name": "watchfire-domain", "dependencies": [{ "name": "tokio", "kind": null }] },
        ]});
        assert_eq!(
            faults_of(&metadata),
            [
                "store -> app: store may use only crypto, model",
                "app -> sqlx: only store, harness may use sqlx: SQL lives in one crate; tests look into its files from outside",
                "domain -> tokio: domain is pure (no input, output or clock)",
            ]
        );
    }

    #[test]
    fn tests_may_use_what_the_crate_may_not() {
        let metadata = json!({ "packages": [
            { "name": "watchfire-http", "dependencies": [
                { "name": "watchfire-harness", "kind": "dev" }, { "name": "reqwest", "kind": "dev" }] },
            { "name": "watchfire-harness", "dependencies": [] },
        ]});
        assert!(faults_of(&metadata).is_empty());
    }

    #[test]
    fn the_test_harness_never_reaches_the_product() {
        let metadata = json!({ "packages": [
            { "name": "watchfire", "dependencies": [{ "name": "watchfire-harness", "kind": null }] },
            { "name": "watchfire-harness", "dependencies": [] },
        ]});
        assert_eq!(faults_of(&metadata).len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_refused() {
        let metadata = json!({ "packages": [{ "name": "watchfire-misc", "dependencies": [] }] });
        assert_eq!(faults_of(&metadata).len(), 1);
    }
}
