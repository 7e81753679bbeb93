//! What is handed out: a list of what the binary is made of (CycloneDX 1.5), and a Debian package of a release build.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::workspace::{self, Workspace, say};

/// The package whose binary is handed out.
const PACKAGE: &str = "watchfire";

/// Writes the list of components and, of a release build that is there, the Debian package; gives neither a time nor a
/// random id, so that two of the same commit are equal.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join("package");
    std::fs::create_dir_all(&folder)?;
    let list = folder.join("watchfire.cdx.json");
    let text = serde_json::to_string_pretty(&sbom(&resolved(workspace)?)?)?;
    std::fs::write(&list, text + "\n").with_context(|| list.display().to_string())?;
    say(&format!("wrote {}", list.display()));
    let binary = workspace.binary("release");
    if !binary.is_file() {
        say("no release build: cargo build --release --locked -p watchfire, and again");
        return Ok(());
    }
    debian(workspace, &folder, &binary, &list)
}

/// What `cargo` has resolved for this machine, without what only tests need.
fn resolved(workspace: &Workspace) -> Result<Value> {
    let host = host(workspace)?;
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", &host];
    let output = workspace.cargo(&arguments).output().context("cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("the answer of cargo metadata")
}

fn host(workspace: &Workspace) -> Result<String> {
    let output = workspace.command("rustc").arg("-vV").output().context("rustc -vV")?;
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc names no host")?.to_owned())
}

/// The components below [`PACKAGE`], and who depends on whom.
fn sbom(metadata: &Value) -> Result<Value> {
    let list = |place: &str| metadata.pointer(place).and_then(Value::as_array).into_iter().flatten();
    let packages: BTreeMap<&str, &Value> = list("/packages").map(|package| (text(package, "id"), package)).collect();
    let nodes: BTreeMap<&str, &Value> = list("/resolve/nodes").map(|node| (text(node, "id"), node)).collect();
    let root = packages.values().find(|package| text(package, "name") == PACKAGE);
    let root = text(root.context("no such package")?, "id");
    let mut reached = BTreeSet::from([root]);
    let mut waiting = vec![root];
    let mut dependencies = BTreeMap::new();
    while let Some(id) = waiting.pop() {
        let of = needed(nodes.get(id).copied().unwrap_or(&Value::Null));
        waiting.extend(of.iter().filter(|id| reached.insert(id)));
        dependencies.insert(id, of);
    }
    let name = |id: &str| packages.get(id).map_or_else(String::new, |package| purl(package));
    let components = reached.iter().filter(|id| **id != root).filter_map(|id| packages.get(*id));
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": packages.get(root).map(|package| component(package, "application"))},
        "components": components.map(|package| component(package, "library")).collect::<Vec<_>>(),
        "dependencies": dependencies
            .iter()
            .map(|(id, of)| json!({"ref": name(id), "dependsOn": of.iter().map(|id| name(id)).collect::<Vec<_>>()}))
            .collect::<Vec<_>>(),
    }))
}

/// What a package is built with, but for tests alone.
fn needed(node: &Value) -> Vec<&str> {
    let all = node.get("deps").and_then(Value::as_array).into_iter().flatten();
    let in_build = all.filter(|one| {
        let kinds = one.get("dep_kinds").and_then(Value::as_array).into_iter().flatten();
        let mut kinds = kinds.map(|kind| text(kind, "kind"));
        kinds.any(|kind| kind != "dev")
    });
    in_build.map(|one| text(one, "pkg")).collect()
}

fn component(package: &Value, kind: &str) -> Value {
    let reference = purl(package);
    let licence = text(package, "license");
    json!({
        "type": kind,
        "bom-ref": reference,
        "name": text(package, "name"),
        "version": text(package, "version"),
        "purl": reference,
        "licenses": if licence.is_empty() { json!([]) } else { json!([{ "expression": licence.replace('/', " OR ") }]) },
    })
}

fn purl(package: &Value) -> String {
    format!("pkg:cargo/{}@{}", text(package, "name"), text(package, "version"))
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn debian(workspace: &Workspace, folder: &Path, binary: &Path, list: &Path) -> Result<()> {
    if !workspace::on_path("dpkg-deb") {
        say("dpkg-deb is not installed: no Debian package");
        return Ok(());
    }
    let tree = folder.join("tree");
    if tree.exists() {
        std::fs::remove_dir_all(&tree)?;
    }
    let root = &workspace.root;
    for (from, to) in [
        (binary.to_owned(), "usr/bin/watchfire"),
        (
            root.join("deploy/systemd/watchfire.service"),
            "usr/lib/systemd/system/watchfire.service",
        ),
        (root.join("deploy/debian/watchfire.toml"), "etc/watchfire/watchfire.toml"),
        (root.join("LICENSE-MIT"), "usr/share/doc/watchfire/LICENSE-MIT"),
        (root.join("LICENSE-APACHE"), "usr/share/doc/watchfire/LICENSE-APACHE"),
        (list.to_owned(), "usr/share/doc/watchfire/watchfire.cdx.json"),
        (root.join("deploy/debian/postinst"), "DEBIAN/postinst"),
        (root.join("deploy/debian/conffiles"), "DEBIAN/conffiles"),
    ] {
        put(&from, &tree.join(to))?;
    }
    let version = workspace.metadata.pointer("/packages/0/version").and_then(Value::as_str);
    let version = version.context("no version")?;
    let output = workspace.command("dpkg").arg("--print-architecture").output();
    let architecture = String::from_utf8(output.context("dpkg")?.stdout)?.trim().to_owned();
    let control = std::fs::read_to_string(root.join("deploy/debian/control"))?
        .replace("@VERSION@", version)
        .replace("@ARCHITECTURE@", &architecture);
    std::fs::write(tree.join("DEBIAN/control"), control)?;
    let package = folder.join(format!("watchfire_{version}_{architecture}.deb"));
    let mut build = workspace.command("dpkg-deb");
    // The times of the files are not those of this minute: two packages of one build are equal.
    build.env("SOURCE_DATE_EPOCH", "1").args(["--root-owner-group", "--build"]);
    workspace::run(build.arg(&tree).arg(&package))
}

fn put(from: &Path, to: &PathBuf) -> Result<()> {
    let folder = to.parent().context("no folder")?;
    std::fs::create_dir_all(folder)?;
    std::fs::copy(from, to).with_context(|| from.display().to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_what_is_built_in_and_not_what_tests_need() {
        let package = |name: &str| json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0"});
        let needs = |name: &str, kind: Value| json!({"pkg": name, "dep_kinds": [{ "kind": kind }]});
        let metadata = json!({
            "packages": [package("watchfire"), package("in"), package("deeper"), package("test"), package("other")],
            "resolve": {"nodes": [
                {"id": "watchfire", "deps": [needs("in", Value::Null), needs("test", json!("dev"))]},
                {"id": "in", "deps": [needs("deeper", json!("build"))]},
            ]},
        });
        let list = sbom(&metadata).unwrap();
        let names: Vec<&str> = list["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| text(one, "name"))
            .collect();
        assert_eq!(names, ["deeper", "in"]);
        assert_eq!(list["components"][1]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(list["metadata"]["component"]["purl"], "pkg:cargo/watchfire@1.0.0");
        let of_root = &list["dependencies"].as_array().unwrap()[2];
        assert_eq!(of_root["dependsOn"], json!(["pkg:cargo/in@1.0.0"]));
    }
}
