//! The seeds of the fuzz targets: what was found once is looked at by every run of the tests.

#[expect(clippy::expect_used, clippy::indexing_slicing, reason = "a check fails by a panic")]
#[path = "../../../../fuzz/checks.rs"]
mod checks;

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, Result, ensure};

#[test]
fn every_seed_of_every_fuzz_target_holds() -> Result<()> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let mut targets = BTreeSet::new();
    for entry in std::fs::read_dir(fuzz.join("fuzz_targets"))? {
        let path = entry?.path();
        targets.insert(path.file_stem().context("a name")?.to_string_lossy().into_owned());
    }
    let known: BTreeSet<String> = checks::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    ensure!(targets == known, "{targets:?} are not {known:?}");
    for (name, check) in checks::ALL {
        let mut seeds = 0;
        for entry in std::fs::read_dir(fuzz.join("seeds").join(name)).context(*name)? {
            check(&std::fs::read(entry?.path())?);
            seeds += 1;
        }
        ensure!(seeds > 0, "{name} has no seeds");
    }
    Ok(())
}
