//! The simulated disk does all that a disk may do, and what we write on it withstands that.

use std::{io, path::Path};

use watchfire_harness::sim_disk::SimDisk;
use watchfire_store::disk::{Disk, write_new};

const SEEDS: std::ops::Range<u64> = 0..200;

/// What is in `/f` after a power cut, for every seed: `write` is what was done before.
fn outcomes(write: impl Fn(&SimDisk) -> io::Result<()>) -> Vec<Option<Vec<u8>>> {
    let after = |seed| {
        let disk = SimDisk::new(seed);
        assert!(write(&disk).is_ok());
        disk.cut_power();
        disk.read(Path::new("/f")).ok()
    };
    SEEDS.map(after).collect()
}

fn entered(disk: &SimDisk) -> io::Result<Box<dyn watchfire_store::disk::DiskFile>> {
    let file = disk.create(Path::new("/f"))?;
    disk.sync_folder(Path::new("/"))?;
    Ok(file)
}

#[test]
fn what_is_not_synced_is_forgotten_kept_or_torn() {
    let seen = outcomes(|disk| entered(disk)?.write_at(0, b"abcd"));
    for content in [&b""[..], b"a", b"ab", b"abc", b"abcd"] {
        assert!(seen.iter().any(|it| it.as_deref() == Some(content)), "never {content:?}");
    }
    assert!(seen.iter().all(|it| it.as_deref().is_some_and(|it| b"abcd".starts_with(it))));
}

#[test]
fn a_later_write_may_be_there_without_an_earlier_one() {
    let seen = outcomes(|disk| {
        let mut file = entered(disk)?;
        file.write_at(0, b"a")?;
        file.write_at(1, b"b")
    });
    assert!(seen.contains(&Some(b"\0b".to_vec())) && seen.contains(&Some(b"a".to_vec())));
}

#[test]
fn what_is_synced_stays() {
    let seen = outcomes(|disk| {
        let mut file = entered(disk)?;
        file.write_at(0, b"abcd")?;
        file.sync()?;
        file.write_at(4, b"e")
    });
    assert!(seen.iter().all(|it| it.as_deref().is_some_and(|it| it.starts_with(b"abcd"))));
}

#[test]
fn a_name_is_lost_without_a_sync_of_its_folder() {
    let seen = outcomes(|disk| {
        let mut file = disk.create(Path::new("/f"))?;
        file.write_at(0, b"abcd")?;
        file.sync()
    });
    assert!(seen.contains(&None) && seen.contains(&Some(b"abcd".to_vec())));
}

#[test]
fn a_sync_that_failed_is_not_made_good_by_the_next() {
    let seen = outcomes(|disk| {
        let mut file = entered(disk)?;
        file.write_at(0, b"ab")?;
        disk.fail_syncs(true);
        assert!(file.sync().is_err());
        disk.fail_syncs(false);
        file.sync()
    });
    assert!(seen.contains(&Some(Vec::new())));
}

#[test]
fn a_full_disk_takes_a_part_and_says_so() {
    let disk = SimDisk::new(1);
    let mut file = entered(&disk).expect("room");
    disk.leave_room(Some(3));
    let full = file.write_at(0, b"abcd").expect_err("no room");
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert_eq!(disk.read(Path::new("/f")).expect("it"), b"abc");
    disk.leave_room(None);
    file.write_at(3, b"d").expect("room");
    assert_eq!(disk.read(Path::new("/f")).expect("it"), b"abcd");
}

#[test]
fn a_file_that_was_open_at_the_power_cut_is_no_longer() {
    let disk = SimDisk::new(1);
    let mut file = entered(&disk).expect("room");
    disk.cut_power();
    assert!(file.write_at(0, b"a").is_err() && file.sync().is_err());
}

/// Whether a writer withstands a power cut at every call: what it has said is done is there, and there is
/// never a part.
fn withstands(writer: fn(&SimDisk, &Path) -> io::Result<()>, path: &Path) -> bool {
    (0..20).all(|calls| {
        SEEDS.into_iter().all(|seed| {
            let disk = SimDisk::new(seed);
            disk.fail_after(calls);
            let done = writer(&disk, path).is_ok();
            disk.cut_power();
            match disk.read(path) {
                Ok(content) => content == b"the key",
                Err(_) => !done,
            }
        })
    })
}

#[test]
fn a_file_is_made_at_once_or_not_at_all() {
    let writer = |disk: &SimDisk, path: &Path| write_new(disk, path, b"the key");
    assert!(withstands(writer, Path::new("/key")));
    assert!(withstands(writer, Path::new("/deep/deeper/key")));
    let in_a_folder_that_is_not_synced = |disk: &SimDisk, path: &Path| {
        disk.create_folder(Path::new("/deep"))?;
        write_new(disk, path, b"the key")
    };
    assert!(!withstands(in_a_folder_that_is_not_synced, Path::new("/deep/key")));
}

#[test]
fn the_disk_finds_out_who_does_not_sync() {
    let without_any = |disk: &SimDisk, path: &Path| disk.create(path)?.write_at(0, b"the key");
    assert!(!withstands(without_any, Path::new("/key")));
    let without_the_folder = |disk: &SimDisk, path: &Path| {
        let mut file = disk.create(path)?;
        file.write_at(0, b"the key")?;
        file.sync()
    };
    assert!(!withstands(without_the_folder, Path::new("/key")));
    let in_place = |disk: &SimDisk, path: &Path| {
        let mut file = disk.create(path)?;
        file.write_at(0, b"the key")?;
        file.sync()?;
        disk.sync_folder(Path::new("/"))
    };
    assert!(!withstands(in_place, Path::new("/key")), "a part was there before the sync");
}

#[test]
fn a_full_disk_leaves_no_part_of_a_file() {
    for room in 0..7 {
        let disk = SimDisk::new(1);
        disk.leave_room(Some(room));
        let full = write_new(&disk, Path::new("/key"), b"the key").expect_err("no room");
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        assert!(disk.read(Path::new("/key")).is_err());
        disk.leave_room(None);
        write_new(&disk, Path::new("/key"), b"the key").expect("room");
    }
}
