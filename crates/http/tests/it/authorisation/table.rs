//! The table that says who may do what, and the calls of it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// What is expected: read and kept by people, never computed from the code that it is about.
const TABLE: &str = include_str!("matrix.txt");

/// Who may call an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clients {
    /// Everybody; a credential is not looked at.
    Everybody,
    /// Everybody, but a credential that is shown must be good.
    Optional,
    /// Whoever has one of these scopes; nobody when there is none.
    Scopes(BTreeSet<String>),
}

/// What an answer says: the status, and the code of its error.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) code: String,
}

/// A line of the table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) method: String,
    pub(super) template: String,
    pub(super) clients: Clients,
    /// `S`, `A`, `R`: the roles that reach it.
    pub(super) roles: String,
    /// What somebody who may is answered, to a call about nothing that exists.
    pub(super) reached: Said,
    /// What some credential is answered instead.
    pub(super) instead: BTreeMap<String, Said>,
}

impl Said {
    pub(super) fn new(status: u16, code: &str) -> Self {
        let code = code.to_owned();
        Self { status, code }
    }

    fn parse(text: &str) -> Result<Self> {
        let (status, code) = text.split_once(' ').unwrap_or((text, ""));
        Ok(Self::new(status.parse().with_context(|| text.to_owned())?, code))
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.code)
    }
}

impl Row {
    fn parse(line: &str) -> Result<Self> {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let (Some(operation), Some(clients), Some(roles), Some(reached)) =
            (cells.first(), cells.get(1), cells.get(2), cells.get(3))
        else {
            anyhow::bail!("no row: {line}");
        };
        let (method, template) = operation.split_once(' ').context("no operation")?;
        let instead = cells.get(4).into_iter().flat_map(|cell| cell.split(','));
        let instead = instead.map(str::trim).filter(|cell| !cell.is_empty()).map(|cell| {
            let (who, said) = cell.split_once('=').context("no exception")?;
            anyhow::Ok((who.to_owned(), Said::parse(said)?))
        });
        Ok(Self {
            method: method.to_owned(),
            template: template.to_owned(),
            clients: match *clients {
                "everybody" => Clients::Everybody,
                "optional" => Clients::Optional,
                "none" => Clients::Scopes(BTreeSet::new()),
                scopes => Clients::Scopes(scopes.split(' ').map(str::to_owned).collect()),
            },
            roles: roles.replace('-', ""),
            reached: Said::parse(reached)?,
            instead: instead.collect::<Result<_>>()?,
        })
    }

    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }
}

/// All rows.
pub(super) fn rows() -> Result<Vec<Row>> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let rows: Vec<Row> = lines.map(Row::parse).collect::<Result<_>>()?;
    let names: BTreeSet<String> = rows.iter().map(Row::name).collect();
    ensure!(names.len() == rows.len(), "an operation has two rows");
    Ok(rows)
}

/// An operation of the document: what it says of credentials, and of its body.
#[derive(Clone, Debug)]
pub(super) struct Documented {
    pub(super) clients: Clients,
    pub(super) body: Option<String>,
}

/// The operations of the document by name.
pub(super) fn documented() -> Result<BTreeMap<String, Documented>> {
    let document: Value = serde_json::from_str(&watchfire_http::document()?)?;
    let mut operations = BTreeMap::new();
    for (path, item) in document["paths"].as_object().context("no paths")? {
        for (method, operation) in item.as_object().context("no operations")? {
            operations.insert(format!("{} {path}", method.to_uppercase()), read(operation));
        }
    }
    Ok(operations)
}

fn read(operation: &Value) -> Documented {
    let needs: Vec<&Value> = operation["security"].as_array().into_iter().flatten().collect();
    let is_open = needs.iter().any(|one| one.as_object().is_some_and(serde_json::Map::is_empty));
    let takes_tokens = needs.iter().any(|one| one.get("apiToken").is_some());
    let scopes = needs.iter().filter_map(|one| one["oauth2"].as_array()).flatten();
    Documented {
        clients: match (takes_tokens, is_open) {
            (false, _) => Clients::Everybody,
            (true, true) => Clients::Optional,
            (true, false) => Clients::Scopes(scopes.filter_map(Value::as_str).map(str::to_owned).collect()),
        },
        body: operation["requestBody"]["content"]
            .as_object()
            .and_then(|content| content.keys().next().cloned()),
    }
}
