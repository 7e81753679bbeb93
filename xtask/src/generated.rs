//! Files that the binary writes and the repository keeps: written again, or compared.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Stdio;

use crate::workspace::{self, Workspace, say};

/// A checked-in file and the arguments with which `watchfire` prints it.
struct Generated {
    path: &'static str,
    arguments: &'static [&'static str],
}

const FILES: &[Generated] = &[
    Generated {
        path: "docs/reference/openapi.json",
        arguments: &["openapi"],
    },
    Generated {
        path: "docs/reference/configuration.md",
        arguments: &["config", "--reference"],
    },
    Generated {
        path: "docs/reference/cli.md",
        arguments: &["cli-reference"],
    },
];

/// Writes the generated files, or with `check` fails if one of them is not what the code says.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Result<()> {
    if check {
        workspace.build_with_tests()?;
    } else {
        workspace::run(&mut workspace.cargo(&["build", "--quiet", "--package", "watchfire"]))?;
    }
    for file in FILES {
        let wanted = print(workspace, file)?;
        let path = workspace.root.join(file.path);
        if check {
            compare(&path, file.path, &wanted)?;
        } else {
            write(&path, &wanted)?;
            say(&format!("wrote {}", file.path));
        }
    }
    Ok(())
}

fn print(workspace: &Workspace, file: &Generated) -> Result<Vec<u8>> {
    let mut command = workspace.command(workspace.binary("debug"));
    command.args(file.arguments).stdin(Stdio::null()).stderr(Stdio::inherit());
    let shown = workspace::shown(&command);
    let output = command.output().with_context(|| shown.clone())?;
    if !output.status.success() || output.stdout.is_empty() {
        bail!("{shown}: {}, {} bytes", output.status, output.stdout.len());
    }
    Ok(output.stdout)
}

fn compare(path: &Path, name: &str, wanted: &[u8]) -> Result<()> {
    let kept = std::fs::read(path).with_context(|| format!("{name} (cargo xtask openapi writes it)"))?;
    if kept != wanted {
        bail!("{name} is not what the code says: run cargo xtask openapi and commit the file");
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    std::fs::write(path, bytes).with_context(|| path.display().to_string())
}
