//! What only local storage has: files on a disk.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use filmgate::job::JobId;
use filmgate::outbox::{Claimed, DataDir, Outbox};
use filmgate::storage::{LocalStorage, PublishId, PutStep, Source, Storage, StorageFault};
use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

use crate::bench::{Put, fetch, key, noise};

fn open(root: &Path) -> LocalStorage {
    LocalStorage::open(root).expect("open")
}

#[tokio::test]
async fn layout_equals_the_object_layout_and_anyone_can_read_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let storage = open(&dir.path().join("deep/er"));
    let (key, bytes) = (key("videos/u/2026/01/recap.mp4"), noise(100));
    Put::new(&key, &bytes).send(&storage).await.expect("put");
    let file = dir.path().join("deep/er/videos/u/2026/01/recap.mp4");
    assert!(fs::read(&file).expect("read") == bytes);
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o7777;
    assert_eq!(mode(&file), 0o644);
    for dir in file.ancestors().skip(1).take(4) {
        assert_eq!(mode(dir), 0o755, "{}", dir.display());
    }
    assert_eq!(fs::read_dir(dir.path().join("deep/er/.filmgate/tmp")).expect("read").count(), 0);
}

/// A staged file, claimed as from a plugin, with the folder that holds everything.
fn staged(folder: &Path, bytes: &[u8]) -> Arc<Claimed> {
    let data = Arc::new(DataDir::open(folder.join("data")).expect("a data directory"));
    let outbox = Outbox::create(&data, JobId::generate(), &[]).expect("an outbox");
    fs::write(outbox.out_path().join("film.mp4"), bytes).expect("write");
    let candidate = outbox.open("film.mp4", &CancellationToken::new()).expect("a candidate");
    Arc::new(candidate.take(PublishId::generate()).expect("a claim"))
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).expect("metadata").ino()
}

/// The bytes of a staged file are the object's, and the staged name stays until the publish is recorded.
#[tokio::test]
async fn a_staged_file_becomes_the_object_without_a_copy() {
    let dir = tempfile::tempdir().expect("a directory");
    let (storage, bytes) = (open(&dir.path().join("objects")), noise(3 << 20));
    let (key, claimed) = (key("a/film.mp4"), staged(dir.path(), &bytes));
    let put = Put::of(&key, Arc::clone(&claimed) as Arc<dyn Source>);
    let stored = put.send(&storage).await.expect("put");
    assert_eq!((stored.size, stored.checksum), (3 << 20, crate::bench::checksum(&bytes)));
    let object = dir.path().join("objects/a/film.mp4");
    assert_eq!(inode(&object), inode(&claimed.path()), "the object is a copy");
    assert_eq!(fs::metadata(&object).expect("metadata").permissions().mode() & 0o7777, 0o644);
    assert!(fs::read(&object).expect("read") == bytes);
    claimed.remove().expect("remove the staged name");
    assert!(!claimed.path().exists() && fs::read(&object).expect("read") == bytes);
    assert_eq!(fs::read_dir(dir.path().join("objects/.filmgate/tmp")).expect("read").count(), 0);
}

/// Its owner may write it again: the object must not change with it.
#[tokio::test]
async fn an_operators_file_is_copied() {
    let dir = tempfile::tempdir().expect("a directory");
    let (storage, bytes) = (open(&dir.path().join("objects")), noise(3 << 20));
    let (key, path) = (key("film.mp4"), dir.path().join("mine.mp4"));
    fs::write(&path, &bytes).expect("write");
    let claimed = Claimed::open(&path, &CancellationToken::new()).expect("a claim");
    Put::of(&key, Arc::new(claimed)).send(&storage).await.expect("put");
    let object = dir.path().join("objects/film.mp4");
    assert_ne!(inode(&object), inode(&path));
    fs::write(&path, "another film").expect("write");
    assert!(fs::read(&object).expect("read") == bytes);
}

/// Publishes an operator's file that lies in one folder to a storage in another, and holds the object against it.
async fn publish_across(from: &Path, to: &Path, bytes: &[u8]) {
    let (storage, key, path) = (open(&to.join("objects")), key("film.mp4"), from.join("mine.mp4"));
    fs::write(&path, bytes).expect("write");
    let claimed = Claimed::open(&path, &CancellationToken::new()).expect("a claim");
    let stored = Put::of(&key, Arc::new(claimed)).send(&storage).await.expect("put");
    let expected = crate::bench::checksum(&Bytes::copy_from_slice(bytes));
    assert_eq!((stored.size, stored.checksum), (bytes.len() as u64, expected));
    assert!(fs::read(to.join("objects/film.mp4")).expect("read") == bytes);
    assert_eq!(fs::read_dir(to.join("objects/.filmgate/tmp")).expect("read").count(), 0);
}

/// The kernel copies within a file system and not beyond it: in both directions the object is the file.
#[tokio::test]
async fn an_operators_file_is_copied_across_file_systems() {
    let disk = tempfile::tempdir().expect("a directory");
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
        println!("skipped: there is no file system in memory here");
        return;
    };
    let device = |folder: &Path| fs::metadata(folder).expect("metadata").dev();
    if device(disk.path()) == device(memory.path()) {
        println!("skipped: temporary files are in memory, too");
        return;
    }
    let bytes = noise((9 << 20) + 77);
    publish_across(disk.path(), memory.path(), &bytes).await;
    publish_across(memory.path(), disk.path(), &bytes).await;
}

/// Where the file system shares blocks, there is room for a file that would not fit twice.
#[tokio::test]
async fn an_operators_file_shares_blocks_where_it_can() {
    for (kind, make) in [("btrfs", "mkfs.btrfs"), ("xfs", "mkfs.xfs")] {
        let place = tempfile::tempdir().expect("a directory");
        let (image, folder) = (place.path().join("image"), place.path().join("mounted"));
        fs::create_dir(&folder).expect("create");
        fs::File::create(&image).and_then(|file| file.set_len(340 << 20)).expect("an image");
        let ran = |program: &str, arguments: &[&Path]| {
            let ended = std::process::Command::new(program).args(arguments).output();
            ended.is_ok_and(|ended| ended.status.success())
        };
        if !ran(make, &[&image]) || !ran("mount", &[Path::new("-oloop"), &image, &folder]) {
            println!("skipped: {kind} cannot be made or mounted here");
            continue;
        }
        let bytes = noise(1 << 20).repeat(200);
        let shared = publish_across(&folder, &folder, &bytes);
        let shared = std::panic::AssertUnwindSafe(shared).catch_unwind().await;
        assert!(ran("umount", &[&folder]), "unmount {kind}");
        assert!(matches!(shared, Ok(())), "{kind}: 200 MiB did not fit twice into 340 MiB");
    }
}

/// A put that fails after the second name was made leaves the staged file, and nothing else.
#[tokio::test]
async fn a_staged_file_outlives_a_put_that_fails() {
    let dir = tempfile::tempdir().expect("a directory");
    let (storage, bytes) = (open(&dir.path().join("objects")), noise(1000));
    let (key, claimed) = (key("film.mp4"), staged(dir.path(), &bytes));
    let mut put = Put::of(&key, Arc::clone(&claimed) as Arc<dyn Source>);
    put.watcher.refuse = Some(|step| *step == PutStep::Completing);
    assert_eq!(put.send(&storage).await.expect_err("refused").fault, StorageFault::Journal);
    assert!(fs::read(claimed.path()).expect("read") == bytes);
    assert_eq!(fs::metadata(claimed.path()).expect("metadata").nlink(), 1);
    assert!(storage.list("", None).await.expect("list").objects.is_empty());
    assert_eq!(fs::read_dir(dir.path().join("objects/.filmgate/tmp")).expect("read").count(), 0);
}

#[tokio::test]
async fn delete_removes_sidecar_and_empty_folders_only() {
    let dir = tempfile::tempdir().expect("a directory");
    let storage = open(dir.path());
    let (one, two) = (key("a/b/c/one"), key("a/two"));
    for key in [&one, &two] {
        Put::new(key, &noise(10)).send(&storage).await.expect("put");
    }
    storage.delete(&one).await.expect("delete");
    assert!(!dir.path().join("a/b").exists() && dir.path().join("a/two").exists());
    storage.delete(&two).await.expect("delete");
    let left: Vec<_> =
        fs::read_dir(dir.path()).expect("read").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left, [".filmgate"]);
    assert_eq!(fs::read_dir(dir.path().join(".filmgate/meta")).expect("read").count(), 0);
}

#[tokio::test]
async fn foreign_files_are_objects_of_nobody() {
    let dir = tempfile::tempdir().expect("a directory");
    let storage = open(dir.path());
    fs::write(dir.path().join("mine.txt"), "mine").expect("write");
    let foreign = key("mine.txt");
    assert!(fetch(&storage, &foreign, None).await.expect("get") == "mine");
    let error = Put::new(&foreign, &noise(4)).send(&storage).await.expect_err("taken");
    assert_eq!(error.fault, StorageFault::Exists);
    assert_eq!(fs::read(dir.path().join("mine.txt")).expect("read"), b"mine");
}

#[tokio::test]
async fn links_do_not_lead_out() {
    let outside = tempfile::tempdir().expect("a directory");
    fs::write(outside.path().join("secret"), "secret").expect("write");
    let dir = tempfile::tempdir().expect("a directory");
    let storage = open(dir.path());
    std::os::unix::fs::symlink(outside.path(), dir.path().join("out")).expect("link");
    std::os::unix::fs::symlink(outside.path().join("secret"), dir.path().join("file")).expect("link");
    for name in ["out/secret", "file"] {
        assert!(fetch(&storage, &key(name), None).await.is_err(), "{name}");
    }
    for name in ["out/new", "file"] {
        Put::new(&key(name), &noise(4)).send(&storage).await.expect_err(name);
    }
    assert!(storage.list("", None).await.expect("list").objects.is_empty());
    assert_eq!(fs::read_dir(outside.path()).expect("read").count(), 1);
}

#[tokio::test]
async fn keys_no_file_can_have_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let storage = open(dir.path());
    Put::new(&key("a"), &noise(4)).send(&storage).await.expect("put");
    for name in [".filmgate/meta/a", ".filmgate/lock", &"x".repeat(256), "a/below-a-file"] {
        let error = Put::new(&key(name), &noise(4)).send(&storage).await.expect_err(name);
        assert_eq!(error.fault, StorageFault::Unsupported, "{error}");
    }
    Put::new(&key(&"x".repeat(255)), &noise(4)).send(&storage).await.expect("the longest name");
    Put::new(&key("d/e"), &noise(4)).send(&storage).await.expect("put");
    let error = Put::new(&key("d"), &noise(4)).send(&storage).await.expect_err("a folder");
    assert_eq!(error.fault, StorageFault::Unsupported, "{error}");
}

#[tokio::test]
async fn a_full_disk_is_named_and_leaves_nothing() {
    // 4 MiB of memory as a file system; needs a right that not every machine gives.
    let dir = tempfile::tempdir().expect("a directory");
    let mounted =
        rustix::mount::mount("tmpfs", dir.path(), "tmpfs", rustix::mount::MountFlags::empty(), Some(c"size=4m"));
    if let Err(error) = mounted {
        println!("skipped: mounting a small file system is not allowed here ({error})");
        return;
    }
    let storage = open(dir.path());
    let error = Put::new(&key("large"), &noise(8 << 20)).send(&storage).await.expect_err("8 MiB in 4");
    let next = error.next_step();
    let small = Put::new(&key("small"), &noise(1 << 20)).send(&storage).await;
    let left = fs::read_dir(dir.path().join(".filmgate/tmp")).expect("read").count();
    drop(storage);
    rustix::mount::unmount(dir.path(), rustix::mount::UnmountFlags::DETACH).expect("unmount");
    assert_eq!((error.fault, next), (StorageFault::NoSpace, Some("free space on the disk")), "{error}");
    assert_eq!(left, 0);
    small.expect("a file that fits");
}

#[tokio::test]
async fn a_read_only_directory_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("write");
    let error = LocalStorage::open(file.join("below")).expect_err("below a file");
    assert_eq!(error.fault, StorageFault::Unsupported, "{error}");
    let error = LocalStorage::open("/proc/filmgate").expect_err("nobody creates folders there");
    assert!(matches!(error.fault, StorageFault::NotWritable | StorageFault::NoSuchBucket), "{error}");
    assert!(error.to_string().contains("/proc/filmgate"), "{error}");
}

#[tokio::test]
async fn files_of_killed_processes_are_removed_a_day_later() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(open(dir.path()));
    let temporary = dir.path().join(".filmgate/tmp");
    for (name, hours) in [("old", 25), ("new", 23)] {
        let file = fs::File::create(temporary.join(name)).expect("create");
        file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(hours * 3600))
            .expect("set time");
    }
    drop(open(dir.path()));
    assert!(!temporary.join("old").exists() && temporary.join("new").exists());
}
