//! Flag before environment before file before default: the raw value of every setting and where it
//! is from.

use std::{collections::BTreeMap, fmt, fs, path::PathBuf};

use watchfire_app::settings::EffectiveSetting;

use super::{
    ConfigError, file,
    flags::Flags,
    table::{Arity, Secrecy, Setting, settings},
};

/// Where a value is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The command line.
    Flag,
    /// This variable of the environment.
    Environment(String),
    /// This file, named by a variable of the environment.
    SecretFile(PathBuf),
    /// The configuration file.
    File(PathBuf),
    /// The table.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment(variable) => f.write_str(variable),
            Self::SecretFile(path) | Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Origin {
    /// The kind of place, for programs.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment(_) => "environment",
            Self::SecretFile(_) => "secret-file",
            Self::File(_) => "file",
            Self::Default => "default",
        }
    }
}

/// A setting's value, not yet read.
#[derive(Clone)]
pub(crate) struct Raw {
    pub(crate) setting: &'static Setting,
    /// Empty where nothing is set.
    pub(crate) values: Vec<String>,
    pub(crate) origin: Origin,
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {:?} ({})", self.setting.name, self.shown(), self.origin)
    }
}

/// What stands in the place of a secret.
const MASK: &str = "********";

impl Raw {
    /// The values as anybody may see them.
    pub(crate) fn shown(&self) -> Vec<String> {
        let mask = |value: &String| match self.setting.secrecy {
            Secrecy::Public => value.clone(),
            Secrecy::Secret => MASK.to_owned(),
            Secrecy::Url => without_password(value),
        };
        self.values.iter().map(mask).collect()
    }

    /// The value as the API shows it.
    pub(super) fn effective(&self) -> EffectiveSetting {
        EffectiveSetting {
            name: self.setting.name,
            help: self.setting.help,
            values: self.shown(),
            origin: self.origin.to_string(),
        }
    }
}

fn without_password(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => {
            let masked = parsed.set_password(Some(MASK)).is_ok();
            if masked { parsed.to_string() } else { MASK.to_owned() }
        }
        _ => url.to_owned(),
    }
}

/// The value of every setting, in the order of the table.
#[derive(Clone, Debug)]
pub(crate) struct Layers(BTreeMap<&'static str, Raw>);

/// The variables of the process. A function, so that tests need not change their own.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Layers {
    /// Puts the layers over each other.
    ///
    /// # Errors
    /// [`ConfigError`] when a file cannot be read or holds what no setting is.
    pub(crate) fn read(flags: &Flags, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let from_file = match &flags.file {
            None => BTreeMap::new(),
            Some(path) => file::read(path)?,
        };
        let mut raw = BTreeMap::new();
        for setting in settings() {
            let (values, origin) = if let Some(values) = flags.values.get(setting.name) {
                (values.clone(), Origin::Flag)
            } else if let Some(found) = from_environment(setting, environment)? {
                found
            } else if let (Some(values), Some(path)) = (from_file.get(setting.name), &flags.file) {
                (values.clone(), Origin::File(path.clone()))
            } else {
                (setting.default.into_iter().map(str::to_owned).collect(), Origin::Default)
            };
            raw.insert(setting.name, Raw { setting, values, origin });
        }
        Ok(Self(raw))
    }

    /// The value called `name`.
    pub(super) fn get(&self, name: &str) -> Option<&Raw> {
        self.0.get(name)
    }

    /// Every value, in the order of the table.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Raw> {
        settings().filter_map(|setting| self.0.get(setting.name))
    }
}

/// An empty variable is one that is not set: that is how compose files write it.
fn from_environment(setting: &Setting, environment: Environment<'_>) -> Result<Option<(Vec<String>, Origin)>, ConfigError> {
    let variable = setting.variable();
    let given = environment(&variable).filter(|value| !value.is_empty());
    let named = if setting.secrecy == Secrecy::Public {
        None
    } else {
        environment(&format!("{variable}_FILE"))
    };
    match (given, named.filter(|value| !value.is_empty())) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(ConfigError::Twice { variable }),
        (Some(value), None) => Ok(Some((split(setting, value), Origin::Environment(variable)))),
        (None, Some(path)) => {
            let path = PathBuf::from(path);
            let value = fs::read_to_string(&path).map_err(|source| ConfigError::Unreadable {
                path: path.clone(),
                source,
            })?;
            Ok(Some((
                vec![value.trim_end_matches(['\r', '\n']).to_owned()],
                Origin::SecretFile(path),
            )))
        }
    }
}

fn split(setting: &Setting, value: String) -> Vec<String> {
    if setting.arity == Arity::Many {
        let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    } else {
        vec![value]
    }
}
