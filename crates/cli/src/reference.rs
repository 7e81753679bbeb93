//! `docs/reference/cli.md`, from the commands' own help.

use std::fmt::Write as _;

use clap::{Command, CommandFactory};

use crate::command::EXIT_CODES;

const OPENING: &str = "\
# Command line

<!-- Made by `watchfire cli-reference` (`cargo xtask openapi` writes it): change the help in crates/cli/src. -->

Every command takes `--json`. Commands that talk to a server take `--url` (`WATCHFIRE_URL`) and `--token` (`WATCHFIRE_TOKEN`, \
or `WATCHFIRE_TOKEN_FILE`). Answers go to standard output, everything else to standard error; colour is for terminals only, and \
`NO_COLOR` switches it off. The settings of `serve` and `config` are in [configuration.md](configuration.md).

## Exit codes

| code | meaning |
|---|---|
";

/// Columns of the help texts.
const WIDTH: usize = 110;

/// The reference as Markdown.
pub(crate) fn markdown<C: CommandFactory>() -> String {
    let mut page = OPENING.to_owned();
    for (code, meaning) in EXIT_CODES {
        let _ = writeln!(page, "| {code} | {meaning} |");
    }
    let mut root = C::command().term_width(WIDTH);
    root.build();
    for command in root.get_subcommands_mut() {
        write_command(&mut page, command);
    }
    page
}

fn write_command(page: &mut String, command: &mut Command) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    // The settings have a reference of their own.
    let hide = |argument: clap::Arg| {
        let is_setting = argument
            .get_help_heading()
            .is_some_and(|heading| heading.starts_with("Settings"));
        argument.hide(is_setting).hide_env_values(true)
    };
    let mut shown = command.clone().mut_args(hide).term_width(WIDTH);
    let _ = write!(
        page,
        "\n## {name}\n\n```text\n{}\n```\n",
        shown.render_help().to_string().trim_end()
    );
    for sub in command.get_subcommands_mut() {
        write_command(page, sub);
    }
}
