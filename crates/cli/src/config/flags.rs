//! The flags of the table, as clap takes them.

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, error::Error};

use super::table::{Arity, Secrecy, Setting, settings};

/// What was given on the command line, not yet read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    /// `--config`.
    pub(crate) file: Option<PathBuf>,
    /// The values, by the settings' names.
    pub(crate) values: BTreeMap<&'static str, Vec<String>>,
}

const CONFIG: &str = "config";

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new(CONFIG)
            .long(CONFIG)
            .value_name("FILE")
            .env("WATCHFIRE_CONFIG")
            .value_parser(clap::value_parser!(PathBuf))
            .help_heading("Settings: Server")
            .help("A TOML file with any of these settings under the same names");
        let settings = settings().filter(|setting| setting.secrecy != Secrecy::Secret);
        command.arg(file).args(settings.map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = |setting: &Setting| {
            let values = matches.try_get_many::<String>(setting.name).ok().flatten()?;
            Some((find_static(setting.name)?, values.cloned().collect()))
        };
        Ok(Self {
            file: matches.get_one::<PathBuf>(CONFIG).cloned(),
            values: settings().filter_map(given).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn find_static(name: &str) -> Option<&'static str> {
    super::table::find(name).map(|setting| setting.name)
}

fn argument(setting: &'static Setting) -> Arg {
    let argument = Arg::new(setting.name)
        .long(setting.name)
        .help_heading(setting.section.heading())
        .help(help(setting))
        .value_parser(clap::value_parser!(String));
    match setting.arity {
        Arity::One => argument.action(ArgAction::Set).value_name(setting.form),
        Arity::Many => argument.action(ArgAction::Append).value_name(setting.form),
        Arity::Switch => argument
            .action(ArgAction::Set)
            .value_name(setting.form)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
    }
}

fn help(setting: &Setting) -> String {
    let variable = setting.variable();
    let repeated = if setting.arity == Arity::Many { " (repeatable)" } else { "" };
    match setting.default {
        Some(default) => format!("{}{repeated} [env: {variable}] [default: {default}]", setting.help),
        None => format!("{}{repeated} [env: {variable}]", setting.help),
    }
}
