//! What the tools print: tables and colour on a terminal, JSON for programs.

use std::{
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

/// How this process speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    json: bool,
    colour: bool,
}

/// How a word looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Good,
    Bad,
    Warning,
    Heading,
    Command,
    Faint,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "31",
            Self::Warning => "33",
            Self::Heading => "1",
            Self::Command => "36",
            Self::Faint => "2",
        }
    }
}

impl Terminal {
    /// Looks at standard output and `NO_COLOR` (no-color.org).
    pub(crate) fn new(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            json,
            colour: wanted && !json && io::stdout().is_terminal(),
        }
    }

    /// Whether `--json` was given.
    pub(crate) const fn json(&self) -> bool {
        self.json
    }

    /// Prints `text` as it stands.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(crate) fn print(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Prints one JSON value: spread out on a terminal, one line elsewhere.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(crate) fn print_json(&self, value: &Value) -> io::Result<()> {
        let text = if io::stdout().is_terminal() {
            format!("{value:#}")
        } else {
            value.to_string()
        };
        self.print(&text)
    }

    /// Prints an object: as JSON, or as the lines that `fields` picks from it.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(crate) fn print_object(&self, object: &Value, fields: &[(&str, &str)]) -> io::Result<()> {
        if self.json {
            return self.print_json(object);
        }
        let row = |(title, pointer): &(&str, &str)| vec![self.paint(Style::Faint, title), cell(object.pointer(pointer))];
        self.print(&plain_table(None, fields.iter().map(row)))
    }

    /// Prints a list: as JSON, or as a table of what `columns` picks from each item.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(crate) fn print_list(&self, items: &[Value], columns: &[(&str, &str)]) -> io::Result<()> {
        if self.json {
            return self.print_json(&Value::Array(items.to_vec()));
        }
        let header: Vec<&str> = columns.iter().map(|(title, _)| *title).collect();
        let row = |item: &Value| columns.iter().map(|(_, pointer)| cell(item.pointer(pointer))).collect();
        self.print(&table(&header, items.iter().map(row)))
    }

    /// Says that something was done: a line for people, an object for programs.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(crate) fn print_done(&self, done: &str, id: &str) -> io::Result<()> {
        if self.json {
            return self.print_json(&serde_json::json!({ "done": done, "id": id }));
        }
        self.print(&format!("{} {}", self.paint(Style::Good, done), printable(id)))
    }

    /// `text` in a style, if there is colour.
    pub(crate) fn paint(&self, style: Style, text: impl Display) -> String {
        if self.colour {
            format!("\u{1b}[{}m{text}\u{1b}[0m", style.code())
        } else {
            text.to_string()
        }
    }
}

/// A table without lines, as wide as the terminal at the most.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    plain_table(
        Some(header),
        rows.into_iter().map(|row| row.iter().map(|cell| printable(cell)).collect()),
    )
}

fn plain_table(header: Option<&[&str]>, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    if let Some(header) = header {
        table.set_header(header);
    }
    for row in rows {
        table.add_row(row);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim().to_owned()).collect();
    lines.join("\n")
}

/// A JSON value in a table.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => printable(text),
        Some(Value::Array(items)) => items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join(" "),
        Some(other) => other.to_string(),
    }
}

/// Names and messages are made by others: what a terminal would obey is shown as it is written.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|character| {
            if character.is_control() {
                character.escape_default().collect()
            } else {
                vec![character]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_not_passed_on() {
        assert_eq!(printable("a\u{1b}[31mb\n\u{9b}c ü"), "a\\u{1b}[31mb\\n\\u{9b}c ü");
    }
}
