//! `docs/contract.md` maps each requirement of the wire contract to the tests that hold it, `docs/threat-model.md` each
//! attack to the tests that show what stops it; this keeps the maps true.

use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::workspace::{Workspace, say};

const TABLES: [&str; 2] = ["docs/contract.md", "docs/threat-model.md"];

/// Fails if an id stands twice in a table, or a test that one names is not there.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let functions = functions(&workspace.root.join("crates"))?;
    TABLES
        .into_iter()
        .try_for_each(|table| check_table(workspace, table, &functions))
}

fn check_table(workspace: &Workspace, table: &str, functions: &BTreeSet<String>) -> Result<()> {
    let text = std::fs::read_to_string(workspace.root.join(table)).with_context(|| table.to_owned())?;
    let rows = rows(&text).with_context(|| table.to_owned())?;
    let mut missing = Vec::new();
    for (id, names) in &rows {
        let unknown = names
            .iter()
            .filter(|name| !functions.contains(*name) && !workspace.root.join(name).is_file());
        missing.extend(unknown.map(|name| format!("{id} names {name}")));
    }
    if !missing.is_empty() {
        bail!("{table} names tests that are not there:\n  {}", missing.join("\n  "));
    }
    say(&format!("{table}: {} rows, every test named is there", rows.len()));
    Ok(())
}

/// The rows `| id | ... | tests in backticks |` of all tables, by id.
fn rows(text: &str) -> Result<BTreeMap<String, Vec<String>>> {
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let (Some(id), Some(tests)) = (cells.first(), cells.last()) else {
            continue;
        };
        if id.starts_with("---") || id.eq_ignore_ascii_case("id") {
            continue;
        }
        let names: Vec<String> = tests.split('`').skip(1).step_by(2).map(last_segment).collect();
        if names.is_empty() {
            bail!("{id} names no test");
        }
        if rows.insert((*id).to_owned(), names).is_some() {
            bail!("{id} stands twice");
        }
    }
    Ok(rows)
}

/// `http::okta::tests::refuses_x` is the function `refuses_x`; a path of a file stays what it is.
fn last_segment(name: &str) -> String {
    name.rsplit("::").next().unwrap_or(name).to_owned()
}

/// The names of all functions below a folder.
fn functions(folder: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for path in rust_files(folder)? {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        names.extend(text.lines().filter_map(function_name).map(str::to_owned));
    }
    Ok(names)
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

fn function_name(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("fn ")?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    rest.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ids_and_test_names() {
        let text = "| ID | what | tests |\n|---|---|---|\n| okta.md 3.2 | three at most | `it::risk::refuses_a_fourth`, `clients/x.py` |\n";
        let rows = rows(text).unwrap();
        assert_eq!(rows.get("okta.md 3.2").unwrap(), &["refuses_a_fourth", "clients/x.py"]);
    }

    #[test]
    fn refuses_a_row_without_a_test_and_an_id_that_stands_twice() {
        assert!(rows("| A-1 | something | later |\n").is_err());
        assert!(rows("| A-1 | x | `a` |\n| A-1 | y | `b` |\n").is_err());
    }

    #[test]
    fn finds_the_names_of_functions() {
        assert_eq!(function_name("    async fn refuses_it() {"), Some("refuses_it"));
        assert_eq!(function_name("let x = 1;"), None);
    }
}
