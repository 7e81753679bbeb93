//! `docs/reference/configuration.md`, from the table.

use std::fmt::Write as _;

use super::table::{Arity, Secrecy, Section, Setting, settings};

const OPENING: &str = "\
# Configuration

<!-- Made by `watchfire config --reference` (`cargo xtask openapi` writes it): change crates/cli/src/config/table.rs. -->

Every setting is a flag of `watchfire serve`, a variable of the environment and a key in the TOML file that `--config FILE` \
(`WATCHFIRE_CONFIG`) names. A flag goes before the environment, the environment before the file, the file before the default. \
An empty variable counts as not set. A key that is not in this list stops the start and is named with its line and column.

`watchfire config` prints the values that count and where each is from, and fails where a server would not start; \
`watchfire config --json` prints them for programs. Secrets are never printed.

- A secret has no flag and no key in the file. It is read from its variable, or from the file that the variable with `_FILE` \
behind its name points to.
- A list is a repeated flag, a variable with commas, a list in the file.
- TIME is a whole number with `ms`, `s`, `m`, `h` or `d`. SIZE is a whole number of bytes, or one with `KiB`, `MiB` or `GiB`.

```toml
# watchfire.toml
listen = \"0.0.0.0:8080\"
public-url = \"https://risk.example.com\"
data-dir = \"/var/lib/watchfire\"
trusted-proxy = [\"10.0.0.0/8\"]
risk-calls-per-minute = 30
```
";

/// The reference as Markdown.
pub(crate) fn markdown() -> String {
    let mut page = OPENING.to_owned();
    for section in Section::ALL {
        let _ = write!(
            page,
            "\n## {}\n\n| setting | value | default | what it is |\n|---|---|---|---|\n",
            section.title()
        );
        for setting in settings().filter(|setting| setting.section == section) {
            page.push_str(&row(setting));
        }
    }
    page
}

fn row(setting: &Setting) -> String {
    let Setting { name, form, help, .. } = setting;
    let variable = setting.variable();
    let names = match setting.secrecy {
        Secrecy::Secret => format!("`{name}`: `{variable}` or `{variable}_FILE` only"),
        Secrecy::Url => format!("`--{name}`, `{variable}` or `{variable}_FILE`"),
        Secrecy::Public => format!("`--{name}`, `{variable}`"),
    };
    let form = form.replace('|', "\\|");
    let form = if setting.arity == Arity::Many {
        format!("list of `{form}`")
    } else {
        format!("`{form}`")
    };
    let default = setting
        .default
        .map_or_else(|| setting.without.to_owned(), |value| format!("`{value}`"));
    format!("| {names} | {form} | {default} | {help}. |\n")
}
