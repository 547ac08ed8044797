//! Disks that are full, cannot be written or lose their power: needs root, for file systems of the tests' own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use filmgate::job::JobRequest;
use filmgate::media::FactsPolicy;
use filmgate::publish::{PublishError, Recovered};
use filmgate::report::{JobError, JobFault};
use filmgate::{BuildError, DiskReserve, Host, Runner};
use filmgate_tests::fault_proxy::Operation;
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, number};
use crate::cell::{Server, Size};
use crate::crash::{Death, World};
use crate::schedule;

/// EXT4_IOC_SHUTDOWN, `_IOR('X', 125, __u32)`.
const EXT4_SHUTDOWN: rustix::ioctl::Opcode = 0x8004_587d;
/// Nothing that is not on the disk comes there any more, the file system's own log included.
const WITHOUT_LOG: u32 = 2;

/// A file system of the test's own, mounted until it is dropped.
struct Mount {
    folder: tempfile::TempDir,
    image: Option<PathBuf>,
}

impl Mount {
    /// In memory, of so many bytes.
    fn tmpfs(bytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let mount = Self { folder, image: None };
        std::fs::create_dir(mount.path()).expect("a mount point");
        let options = format!("size={bytes}");
        mount.run(&["mount", "-t", "tmpfs", "-o", &options, "tmpfs"]).then_some(mount)
    }

    /// On a file, as a disk has it.
    fn ext4() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let image = folder.path().join("image");
        let mount = Self { folder, image: Some(image.clone()) };
        std::fs::create_dir(mount.path()).expect("a mount point");
        let file = std::fs::File::create(&image).expect("make an image");
        file.set_len(128 << 20).expect("make an image");
        let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image).output();
        (made.is_ok_and(|made| made.status.success()) && mount.mount()).then_some(mount)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    fn run(&self, command: &[&str]) -> bool {
        let output = Command::new(command[0]).args(&command[1..]).arg(self.path()).output();
        output.is_ok_and(|output| output.status.success())
    }

    fn mount(&self) -> bool {
        let image = self.image.as_ref().expect("an image").display().to_string();
        self.run(&["mount", "-t", "ext4", "-o", "loop", &image])
    }

    /// Cuts the power: what was not synced is gone.
    fn cut(&self) {
        let root = std::fs::File::open(self.path()).expect("open the file system");
        #[expect(unsafe_code, reason = "an ioctl that rustix does not name")]
        // SAFETY: the request reads the one number that it is given.
        let cut = unsafe {
            let request = rustix::ioctl::Setter::<EXT4_SHUTDOWN, u32>::new(WITHOUT_LOG);
            rustix::ioctl::ioctl(&root, request)
        };
        cut.expect("shut the file system down");
    }

    /// The power is back.
    fn restart(&self) {
        // A process that another test has just forked may hold a descriptor for a moment longer.
        let gone = (0..100).any(|_| {
            let gone = self.run(&["umount"]);
            if !gone {
                std::thread::sleep(Duration::from_millis(50));
            }
            gone
        });
        assert!(gone, "unmount {:?}", self.path());
        assert!(self.mount(), "mount {:?}", self.path());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if !self.run(&["umount"]) {
            self.run(&["umount", "-l"]);
        }
    }
}

fn host(bench: &Bench, data: &Path) -> Result<Host, BuildError> {
    let builder = Host::builder().data_dir(data).runner(Runner::InProcess).runners_ahead(0);
    // The disk is to be full, not refused before.
    let builder = builder.disk_reserve(DiskReserve::Bytes(0));
    builder.media_facts(FactsPolicy::Off).storage(Arc::clone(bench.host.storage())).build()
}

async fn publish(host: &Host, path: &Path) -> Result<String, JobError> {
    let user = format!("d{:x}", number());
    let job = host.publish(JobRequest::new(user.parse().expect("a user")), None, path, true)?;
    job.wait().await.map(|_| user)
}

fn sent(bench: &Bench) -> bool {
    let writes = [Operation::PutObject, Operation::CreateMultipartUpload, Operation::UploadPart];
    bench.proxy.seen().iter().any(|operation| writes.contains(operation))
}

#[track_caller]
fn assert_nothing_sent(bench: &Bench) {
    assert!(!sent(bench), "{:?}", bench.proxy.seen());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_a_full_disk_fails_a_publish_before_anything_is_sent() {
    let Some(disk) = Mount::tmpfs(8 << 20) else { return schedule::skipped("full disk: no tmpfs can be mounted") };
    let bench = Bench::new(Server::Garage, true).await;
    let host = host(&bench, &disk.path().join("data")).expect("build a host");
    let filler = disk.path().join("filler");
    for size in [Size::Small, Size::Parts] {
        let (path, bytes, error) = loop_until_full(&bench, &host, size, &filler).await;
        assert!(
            matches!(error.fault, JobFault::Publish(PublishError::Journal { .. }) | JobFault::Internal(_)),
            "{error:?}"
        );
        assert!(error.to_string().contains("full") || error.to_string().contains("space"), "{error}");
        assert_nothing_sent(&bench);
        assert!(std::fs::read(&path).expect("the file is kept") == bytes);
        std::fs::remove_file(&filler).expect("free the space");
        let user = publish(&host, &path).await.unwrap_or_else(|error| panic!("with space again: {error}"));
        assert!(!path.exists());
        bench.clear(&format!("videos/{user}/")).await;
    }
}

/// Publishes on a full disk. The journal has some space of its own, left from what it wrote before: a publish that needs no
/// more succeeds, and the next one is tried.
async fn loop_until_full(bench: &Bench, host: &Host, size: Size, filler: &Path) -> (PathBuf, Bytes, JobError) {
    for _ in 0..100 {
        let (path, bytes) = bench.file(size);
        // Fails in the end: that is its purpose.
        let _ = std::fs::write(filler, vec![0; 16 << 20]);
        bench.proxy.plan([]);
        match publish(host, &path).await {
            Ok(user) => {
                assert_eq!(bench.objects(&format!("videos/{user}/")).await[0].1, bytes);
                bench.clear(&format!("videos/{user}/")).await;
            }
            // The space ended between two notes of one publish: it goes on once there is some.
            Err(error) if sent(bench) => {
                assert!(std::fs::read(&path).expect("the file is kept") == bytes, "{error}");
                std::fs::remove_file(filler).expect("free the space");
                let recovery = host.recover(&CancellationToken::new()).await.expect("recover");
                assert!(matches!(recovery.publishes[..], [(_, Recovered::Published(_))]), "{recovery:?}");
                assert!(!path.exists());
            }
            Err(error) => return (path, bytes, error),
        }
    }
    panic!("a hundred publishes needed no space")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_a_data_directory_that_cannot_be_written_fails_before_anything_is_sent() {
    let Some(disk) = Mount::tmpfs(8 << 20) else { return schedule::skipped("read-only: no tmpfs can be mounted") };
    let bench = Bench::new(Server::Garage, true).await;
    let data = disk.path().join("data");
    drop(host(&bench, &data).expect("build a host"));
    assert!(disk.run(&["mount", "-o", "remount,ro"]), "make it read-only");
    bench.proxy.plan([]);
    let error = host(&bench, &data).expect_err("nothing can be written");
    assert!(error.to_string().contains("Read-only file system"), "{error}");
    assert_eq!(bench.proxy.seen(), []);
}

/// The disk goes away under a host that is at work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_a_disk_that_goes_away_fails_a_publish_before_anything_is_sent() {
    let Some(disk) = Mount::ext4() else { return schedule::skipped("lost disk: no ext4 can be mounted on a file") };
    let bench = Bench::new(Server::Garage, true).await;
    let host = host(&bench, &disk.path().join("data")).expect("build a host");
    let (path, bytes) = bench.file(Size::Small);
    disk.cut();
    bench.proxy.plan([]);
    let error = publish(&host, &path).await.expect_err("the disk is gone");
    assert_nothing_sent(&bench);
    assert!(std::fs::read(&path).expect("the file is kept") == bytes, "{error}");
}

/// Power cuts at every edge of the journal, and at times between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_a_power_cut_loses_no_answer() {
    let Some(disk) = Mount::ext4() else { return schedule::skipped("power cuts: no ext4 can be mounted on a file") };
    let garage = Bench::new(Server::Garage, false).await;
    let mut cuts = 0;
    for (bench, bytes) in [(None, 990), (Some(&garage), 990), (Some(&garage), 200_000)] {
        let edges = (0..16).map(Death::Edge).chain([Death::Never]);
        let times = (0..8).map(|step| Death::After(Duration::from_millis(10 + 12 * step)));
        for death in edges.chain(times) {
            let world = World::in_folder(&disk.path(), bench, bytes, false);
            let first = world.publish_until(death, &|| disk.cut()).await;
            disk.restart();
            let settled = world.settle_after(&first, true).await;
            settled.unwrap_or_else(|said| panic!("{death:?}, bucket: {}: {said}", bench.is_some()));
            world.clear().await;
            cuts += 1;
        }
    }
    schedule::row("power cuts", &cuts.to_string(), "every edge, and at times between", Some(cuts));
}
