//! Tells the story; a line is only told as true when the server said so.

use std::fmt::Display;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{cast::Cast, stage::Stage};
use crate::terminal::{Style, Terminal, printable};

/// Tells the story to people, or as JSON lines to programs.
#[derive(Debug)]
pub(super) struct Narrator {
    terminal: Terminal,
    act: String,
}

impl Narrator {
    pub(super) const fn new(terminal: Terminal) -> Self {
        Self {
            terminal,
            act: String::new(),
        }
    }

    /// Begins an act.
    pub(super) fn act(&mut self, title: &str, who: &str) -> Result<()> {
        title.clone_into(&mut self.act);
        if !self.terminal.json() {
            let heading = self.terminal.paint(Style::Heading, title);
            let who = self.terminal.paint(Style::Faint, format!("({who})"));
            self.terminal.print(&format!("\n{heading} {who}"))?;
        }
        Ok(())
    }

    /// Says what comes; a program that reads along need not know.
    pub(super) fn tell(&self, text: &str) -> Result<()> {
        if !self.terminal.json() {
            self.terminal.print(&format!("    {text}"))?;
        }
        Ok(())
    }

    /// Shows a call or a command that does what the next line checks.
    pub(super) fn call(&self, call: impl Display) -> Result<()> {
        if !self.terminal.json() {
            self.terminal
                .print(&format!("  {}", self.terminal.paint(Style::Command, call)))?;
        }
        Ok(())
    }

    /// A line of the story, and what the server says about it.
    ///
    /// # Errors
    /// When it does not hold.
    pub(super) fn line(&self, line: &str, holds: bool, found: impl Display) -> Result<()> {
        let found = found.to_string();
        if self.terminal.json() {
            self.terminal
                .print(&json!({"act": self.act, "line": line, "holds": holds, "found": found}).to_string())?;
        } else {
            let (mark, style) = if holds { ("✓", Style::Good) } else { ("✗", Style::Bad) };
            let found = self.terminal.paint(Style::Faint, printable(&found));
            self.terminal
                .print(&format!("  {} {line}: {found}", self.terminal.paint(style, mark)))?;
        }
        if !holds {
            bail!(
                "the demo ends here: \"{line}\" does not hold, the server says {}",
                printable(&found)
            );
        }
        Ok(())
    }

    /// Shows an event as `watchfire log` does.
    pub(super) fn event(&self, event: &Value) -> Result<()> {
        if !self.terminal.json() {
            self.terminal
                .print(&format!("    {}", crate::log::line(event, &self.terminal)))?;
        }
        Ok(())
    }

    /// What became of the things that the demo made on a running server.
    pub(super) fn taken_away(&self, left: usize) -> Result<()> {
        match left {
            0 => self.tell("What the demo made is taken away again; the System Log keeps the story."),
            left => self.tell(&format!("{left} of the things that the demo made could not be taken away.")),
        }
    }

    /// Where to go on from here.
    pub(super) fn addresses(&self, stage: &Stage, cast: &Cast, is_over: bool) -> Result<()> {
        let url = stage.api().base();
        if self.terminal.json() {
            let mut last = json!({"url": url, "user": cast.user.login, "provider": cast.provider.id});
            if let (Some(token), Some(members), false) = (stage.token(), last.as_object_mut(), is_over) {
                members.insert("token".to_owned(), token.into());
            }
            return Ok(self.terminal.print(&last.to_string())?);
        }
        let done = self.terminal.paint(Style::Good, "Every line held.");
        self.terminal.print(&format!("\n{done}"))?;
        let (Some(token), false) = (stage.token(), is_over) else {
            return Ok(());
        };
        let rows = [
            ("API reference", format!("{url}/docs")),
            ("administrator's token", token.to_owned()),
            ("user", format!("{} / {}", cast.user.login, cast.user.password)),
            ("user's TOTP secret", cast.user.totp_secret.clone()),
            ("provider's app", cast.provider.client_id.clone()),
        ];
        let rows = rows.map(|(what, value)| format!("  {what:<22} {value}"));
        let follow = format!("WATCHFIRE_URL={url} WATCHFIRE_TOKEN={token} watchfire log --follow");
        self.terminal.print(&format!(
            "The server stays up on {url} until Ctrl-C; its store is a temporary one.\n\n{}",
            rows.join("\n")
        ))?;
        self.terminal
            .print(&format!("\nWatch it:\n  {}", self.terminal.paint(Style::Command, follow)))?;
        Ok(())
    }
}
