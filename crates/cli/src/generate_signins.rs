//! `watchfire generate-signins`: a file of invented sign-ins, honest and not, for `watchfire eval`.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::json;
use watchfire_engine::generate::{HEADER, Parameters, SignIn, TUNING_SEEDS, World, generate};

use crate::terminal::Terminal;

/// Generate a file of sign-ins, honest and hostile, out of a seed.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Everything random follows from it: the same seed gives the same file on every machine
    #[arg(long, default_value_t = TUNING_SEEDS[0])]
    seed: u64,
    /// So many people; attempts on their accounts come on top
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    users: u32,
    /// What the people are like: settled, on which figures are published, or roving, hard to tell from others
    #[arg(long, default_value = World::Settled.as_str(), value_parser = world)]
    world: World,
    /// Write there instead of to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Generates the sign-ins and writes them.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<()> {
    let rows = generate(Parameters {
        seed: arguments.seed,
        users: arguments.users,
        world: arguments.world,
    });
    let Some(path) = &arguments.out else {
        return Ok(write(&rows, &mut BufWriter::new(io::stdout().lock()))?);
    };
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    write(&rows, &mut BufWriter::new(file)).with_context(|| format!("cannot write {}", path.display()))?;
    if terminal.json() {
        terminal.print_json(&json!({ "out": path, "rows": rows.len(), "seed": arguments.seed, "users": arguments.users }))?;
    } else {
        terminal.print(&format!("wrote {} sign-ins to {}", rows.len(), path.display()))?;
    }
    Ok(())
}

fn world(name: &str) -> Result<World, String> {
    let known = World::ALL.into_iter().find(|world| world.as_str() == name);
    known.ok_or_else(|| format!("must be one of {}", World::ALL.map(World::as_str).join(", ")))
}

fn write(rows: &[SignIn], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{HEADER}")?;
    for (index, row) in rows.iter().enumerate() {
        writeln!(out, "{}", row.csv(index))?;
    }
    out.flush()
}
