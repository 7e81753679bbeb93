use std::fs;

use crate::program::{run, text};

fn kept(name: &str) -> String {
    let path = format!("{}/../../docs/reference/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn the_reference_of_settings_is_what_the_binary_prints() {
    let printed = text(&run(&["config", "--reference"]));
    assert!(
        printed == kept("configuration.md"),
        "run cargo xtask openapi and commit docs/reference"
    );
}

#[test]
fn the_reference_of_commands_is_what_the_binary_prints() {
    let printed = text(&run(&["cli-reference"]));
    assert!(printed == kept("cli.md"), "run cargo xtask openapi and commit docs/reference");
}
