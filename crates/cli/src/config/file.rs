//! The TOML file. A key that no setting has is refused, with its place.

use std::{collections::BTreeMap, fs, ops::Range, path::Path};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    ConfigError,
    table::{self, Arity, Secrecy, Setting, settings},
};

/// The values of a file, by the settings' names.
pub(super) type Values = BTreeMap<&'static str, Vec<String>>;

/// Reads the file at `path`.
///
/// # Errors
/// [`ConfigError`], with line and column.
pub(super) fn read(path: &Path) -> Result<Values, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    parse(&text).map_err(|fault| {
        let (line, column) = place(&text, fault.at);
        ConfigError::File {
            path: path.to_owned(),
            line,
            column,
            reason: fault.reason,
        }
    })
}

struct Fault {
    at: usize,
    reason: String,
}

fn parse(text: &str) -> Result<Values, Fault> {
    let document = DeTable::parse(text).map_err(|error| Fault {
        at: error.span().map_or(0, |span| span.start),
        reason: error.message().to_owned(),
    })?;
    let mut entries: Vec<_> = document.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
        .into_iter()
        .map(|(key, value)| entry(key.get_ref(), &key.span(), value))
        .collect()
}

fn entry(key: &str, at: &Range<usize>, value: &Spanned<DeValue<'_>>) -> Result<(&'static str, Vec<String>), Fault> {
    let fault = |reason| Fault { at: at.start, reason };
    let Some(setting) = table::find(key) else {
        let hint = nearest(key).map_or_else(String::new, |name| format!(", did you mean '{name}'?"));
        return Err(fault(format!("there is no setting '{key}'{hint}")));
    };
    if setting.secrecy == Secrecy::Secret {
        let variable = setting.variable();
        return Err(fault(format!(
            "'{key}' is a secret: put it into {variable}, or into a file named by {variable}_FILE"
        )));
    }
    Ok((setting.name, values(setting, value)?))
}

fn values(setting: &Setting, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, Fault> {
    match (setting.arity, value.get_ref()) {
        (Arity::Many, DeValue::Array(items)) => items.iter().map(|item| scalar(setting, item)).collect(),
        _ => Ok(vec![scalar(setting, value)?]),
    }
}

fn scalar(setting: &Setting, value: &Spanned<DeValue<'_>>) -> Result<String, Fault> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Boolean(switch) => Ok(switch.to_string()),
        other => Err(Fault {
            at: value.span().start,
            reason: format!(
                "'{}' must be {}, not of type {}",
                setting.name,
                setting.form,
                other.type_str()
            ),
        }),
    }
}

/// The setting whose name shares the longest beginning with `key`, if it is like it at all.
fn nearest(key: &str) -> Option<&'static str> {
    let plain = key.to_ascii_lowercase().replace('_', "-");
    let shared = |name: &str| name.bytes().zip(plain.bytes()).take_while(|(a, b)| a == b).count();
    let best = settings().max_by_key(|setting| shared(setting.name))?;
    (shared(best.name) * 2 >= plain.len()).then_some(best.name)
}

/// Line and column, both from 1, of the byte at `offset`.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count());
    (before.matches('\n').count() + 1, column + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (usize, usize, String) {
        let fault = parse(text).map(|_| ()).err().unwrap();
        let (line, column) = place(text, fault.at);
        (line, column, fault.reason)
    }

    #[test]
    fn reads_every_kind_of_value() {
        let values =
            parse("listen = \"[::1]:80\"\ndev = true\ncommand-queue = 7\ntrusted-proxy = [\"::1/128\", \"10.0.0.0/8\"]\n");
        let values = values.ok().unwrap();
        assert_eq!(values["listen"], ["[::1]:80"]);
        assert_eq!(values["dev"], ["true"]);
        assert_eq!(values["command-queue"], ["7"]);
        assert_eq!(values["trusted-proxy"], ["::1/128", "10.0.0.0/8"]);
    }

    #[test]
    fn refuses_what_it_does_not_know_with_its_place() {
        let table = [
            (
                "dev = true\n  public_url = \"http://x\"\n",
                (2, 3, "there is no setting 'public_url', did you mean 'public-url'?"),
            ),
            ("xyz = 1", (1, 1, "there is no setting 'xyz'")),
            ("[listen]\nport = 1", (1, 1, "'listen' must be ADDR:PORT, not of type table")),
            ("listen = 1.5", (1, 10, "'listen' must be ADDR:PORT, not of type float")),
            ("listen = [\"a\"]", (1, 10, "'listen' must be ADDR:PORT, not of type array")),
            (
                "admin-token = \"12345678\"",
                (
                    1,
                    1,
                    "'admin-token' is a secret: put it into WATCHFIRE_ADMIN_TOKEN, or into a file named by WATCHFIRE_ADMIN_TOKEN_FILE",
                ),
            ),
        ];
        for (text, (line, column, reason)) in table {
            assert_eq!(refused(text), (line, column, reason.to_owned()), "{text}");
        }
        assert_eq!(refused("dev = true\nlisten = \n").0, 2, "what is no TOML");
        assert_eq!(refused("dev = true\ndev = false\n").0, 2, "a key twice");
    }
}
