//! Directories of runners whose host is gone: the next host with the data directory deletes them, and no others.

use std::fs::{self, File, FileTimes};
use std::time::{Duration, SystemTime};

use filmgate::outbox::DataDir;
use rustix::fs::{FlockOperation, flock};

/// Makes a directory of that age, as an [`Outbox`](filmgate::outbox::Outbox) that waits has it.
fn directory(data: &std::path::Path, name: &str, age: Duration) -> File {
    let home = data.join("waiting").join(name);
    fs::create_dir_all(home.join("out/folder")).unwrap();
    fs::create_dir(home.join("in")).unwrap();
    fs::write(home.join("out/folder/film.mp4"), "left").unwrap();
    let opened = File::open(&home).unwrap();
    opened.set_times(FileTimes::new().set_modified(SystemTime::now() - age)).unwrap();
    opened
}

#[test]
fn a3_directories_of_hosts_that_are_gone_are_deleted() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    drop(DataDir::open(&data).unwrap());
    let (old, new) = (Duration::from_secs(3600), Duration::ZERO);
    directory(&data, "left", old);
    let in_use = directory(&data, "in-use", old);
    flock(&in_use, FlockOperation::LockExclusive).unwrap();
    // Its host may not have locked it yet.
    directory(&data, "just-made", new);
    let left = || {
        let entries = fs::read_dir(data.join("waiting")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(left(), ["in-use", "just-made", "left"]);
    drop(DataDir::open(&data).unwrap());
    assert_eq!(left(), ["in-use", "just-made"]);
    assert!(data.join("waiting/in-use/out/folder/film.mp4").exists());
    // The lock goes with the process that held it.
    drop(in_use);
    drop(DataDir::open(&data).unwrap());
    assert_eq!(left(), ["just-made"]);
}
