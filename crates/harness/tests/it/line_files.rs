//! Files of lines on a disk that forgets: what was appended is there after a power cut, whole and in its order.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test")]

use std::{path::Path, sync::Arc, time::Duration};

use watchfire_harness::{entropy::SeededEntropy, sim_disk::SimDisk};
use watchfire_model::time::Timestamp;
use watchfire_store::{
    disk::Disk,
    line_files::{LineFileLimits, LineFiles},
};

const FOLDER: &str = "/streams/lgs1";
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const LIMITS: LineFileLimits = LineFileLimits {
    max_bytes: 60,
    max_age: Duration::from_secs(3_600),
    keep: 0,
};

/// The numbers in all files: closed ones in their order, the growing one last.
fn numbers(disk: &SimDisk) -> Vec<u64> {
    let mut files = disk.list(Path::new(FOLDER)).unwrap_or_default();
    files.retain(|file| file.extension().is_some_and(|end| end == "jsonl"));
    files.sort();
    let texts = files
        .iter()
        .map(|file| String::from_utf8(disk.read(file).unwrap_or_default()).expect("text"));
    let texts: String = texts.collect();
    let number = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).expect("a whole line");
        line["n"].as_u64().expect("a number")
    };
    texts.lines().map(number).collect()
}

#[test]
fn what_was_appended_survives_power_cuts_whole_and_in_its_order() {
    for seed in 0..300 {
        let disk = SimDisk::new(seed);
        let random = SeededEntropy::new(seed);
        let mut durable = 0_u64;
        for _ in 0..8 {
            disk.fail_after(random.below(60));
            // A process: it goes on behind what it knows to be durable, until the power goes.
            let shared: Arc<dyn Disk> = Arc::new(disk.clone());
            if let Ok(mut files) = LineFiles::open(shared, FOLDER.into(), LIMITS) {
                loop {
                    let count = 1 + random.below(3);
                    let lines: String = (durable..durable + count).map(|n| format!("{{\"n\":{n}}}\n")).collect();
                    if files.append(lines.as_bytes(), NOW).is_err() {
                        break;
                    }
                    durable += count;
                }
            }
            disk.cut_power();
        }
        let reopened = LineFiles::open(Arc::new(disk.clone()), FOLDER.into(), LIMITS);
        assert!(reopened.is_ok(), "seed {seed}");
        let mut seen = Vec::new();
        for number in numbers(&disk) {
            if !seen.contains(&number) {
                seen.push(number);
            }
        }
        let expected: Vec<u64> = (0..durable).collect();
        assert!(seen.starts_with(&expected), "seed {seed}: {seen:?}, {durable} were durable");
        assert!(seen.is_sorted(), "seed {seed}: {seen:?}");
    }
}

#[test]
fn a_sync_that_fails_or_a_full_disk_loses_nothing_that_was_appended() {
    for seed in 0..100 {
        let disk = SimDisk::new(seed);
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let mut files = LineFiles::open(shared, FOLDER.into(), LIMITS).expect("files");
        let mut appended = Vec::new();
        for number in 0..30_u64 {
            if number % 7 == 3 {
                disk.fail_syncs(true);
            }
            if number % 7 == 5 {
                disk.leave_room(Some(4));
            }
            let line = format!("{{\"n\":{number}}}\n");
            if files.append(line.as_bytes(), NOW).is_err() {
                disk.fail_syncs(false);
                disk.leave_room(None);
                files.append(line.as_bytes(), NOW).expect("it goes again");
            }
            appended.push(number);
        }
        disk.cut_power();
        let mut seen = numbers(&disk);
        seen.dedup();
        assert_eq!(seen, appended, "seed {seed}");
    }
}
