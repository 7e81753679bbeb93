//! The attempts that are scored, as the seed leaves them for the measurement.

use std::{
    fs,
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    net::IpAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// An attempt to sign in.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// Of how many sign-ins the user's profile was made; 0: as many as the generator gave.
    pub(crate) length: u32,
    pub(crate) user: String,
    pub(crate) ip: IpAddr,
    pub(crate) user_agent: String,
}

fn path(folder: &Path) -> PathBuf {
    folder.join("attempts")
}

pub(crate) fn write(folder: &Path, attempts: &[Attempt]) -> Result<()> {
    let mut out = BufWriter::new(fs::File::create(path(folder))?);
    for attempt in attempts {
        let Attempt {
            length,
            user,
            ip,
            user_agent,
        } = attempt;
        writeln!(out, "{length}\t{user}\t{ip}\t{user_agent}")?;
    }
    Ok(out.flush()?)
}

pub(crate) fn read(folder: &Path) -> Result<Vec<Attempt>> {
    let file = fs::File::open(path(folder)).context("nothing was seeded here")?;
    BufReader::new(file).lines().map(|line| parse(&line?)).collect()
}

fn parse(line: &str) -> Result<Attempt> {
    let mut parts = line.splitn(4, '\t');
    let mut next = || parts.next().context("a line that is no attempt");
    Ok(Attempt {
        length: next()?.parse()?,
        user: next()?.to_owned(),
        ip: next()?.parse()?,
        user_agent: next()?.to_owned(),
    })
}
