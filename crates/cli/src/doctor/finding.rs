//! What a check found.

use serde_json::{Value, json};

use crate::terminal::{Style, Terminal, printable};

/// How well it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Well,
    Warning,
    Fault,
    Skipped,
}

impl Health {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Warning => "warning",
            Self::Fault => "fault",
            Self::Skipped => "skipped",
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::Well => Style::Good,
            Self::Warning => Style::Warning,
            Self::Fault => Style::Bad,
            Self::Skipped => Style::Faint,
        }
    }
}

/// One check's answer.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// A name that does not change, for programs.
    pub(super) check: &'static str,
    pub(super) health: Health,
    found: String,
    advice: Option<String>,
}

impl Finding {
    pub(super) fn well(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Health::Well, found, None)
    }

    pub(super) fn skipped(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Health::Skipped, found, None)
    }

    pub(super) fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, Health::Warning, found, Some(advice.into()))
    }

    pub(super) fn fault(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, Health::Fault, found, Some(advice.into()))
    }

    fn new(check: &'static str, health: Health, found: impl Into<String>, advice: Option<String>) -> Self {
        let found = found.into();
        Self {
            check,
            health,
            found,
            advice,
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({"check": self.check, "status": self.health.as_str(), "found": self.found, "advice": self.advice})
    }

    pub(super) fn line(&self, terminal: &Terminal) -> String {
        let word = format!("{:<8}", self.health.as_str());
        let mut line = format!(
            "{} {:<20} {}",
            terminal.paint(self.health.style(), word),
            self.check,
            printable(&self.found)
        );
        if let Some(advice) = &self.advice {
            line.push_str(&format!("\n{:29} {}", "", printable(advice)));
        }
        line
    }
}
