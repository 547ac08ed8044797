use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use filmgate::outbox::{ClaimError, Claimed};
use filmgate::storage::{PublishId, Source as _, SourceError};
use rustix::fs::{Mode, mkfifoat};
use tokio_util::sync::CancellationToken;

use crate::{Fixture, append, contents};

#[test]
fn a_finished_file_is_moved_out_of_the_outbox_and_read_through_its_descriptor() {
    let fixture = Fixture::new();
    let path = fixture.write("deep/er/video.mp4", b"the render");
    let claimed = fixture.claim("deep/er/video.mp4").unwrap();
    assert!(!path.exists());
    assert_eq!(contents(&claimed), b"the render");
    claimed.verify_unchanged().unwrap();
    assert!(claimed.path().exists());
    claimed.remove().unwrap();
    assert_eq!(fixture.staged(), 0);
}

#[test]
fn a_file_with_a_second_name_is_refused_and_stays() {
    let fixture = Fixture::new();
    let path = fixture.write("video.mp4", b"bytes");
    fs::hard_link(&path, fixture.path("alias.mp4")).unwrap();
    assert!(matches!(fixture.claim("video.mp4"), Err(ClaimError::Linked(_, 2))));
    assert!(path.exists());
    assert_eq!(fixture.staged(), 0);
}

#[test]
fn a_file_that_stays_open_for_writing_is_busy_and_stays() {
    let fixture = Fixture::new();
    let path = fixture.write("video.mp4", b"bytes");
    let writer = append(&path);
    assert!(matches!(fixture.claim("video.mp4"), Err(ClaimError::Busy(_))));
    assert!(path.exists());
    drop(writer);
    assert_eq!(contents(&fixture.claim("video.mp4").unwrap()), b"bytes");
}

#[test]
fn a_write_that_ends_soon_is_waited_for() {
    let fixture = Fixture::new();
    let path = fixture.write("video.mp4", b"first ");
    let mut writer = append(&path);
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        writer.write_all(b"and last").unwrap();
    });
    let claimed = fixture.claim("video.mp4").unwrap();
    late.join().unwrap();
    assert_eq!(contents(&claimed), b"first and last");
}

#[test]
fn cancelling_ends_the_wait_for_a_writer() {
    let fixture = Fixture::new();
    let path = fixture.write("video.mp4", b"bytes");
    let _writer = append(&path);
    let cancel = CancellationToken::new();
    cancel.cancel();
    assert!(matches!(fixture.outbox.open("video.mp4", &cancel), Err(ClaimError::Cancelled)));
    assert!(path.exists());
}

/// An open for writing blocks on the lease; opened without waiting, it breaks the lease, and the end check sees that.
#[test]
fn a_late_opening_for_writing_is_seen_at_the_end() {
    let fixture = Fixture::new();
    fixture.write("video.mp4", b"bytes");
    let claimed = fixture.claim("video.mp4").unwrap();
    let staged = claimed.path();
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
    let opened = rustix::fs::open(&staged, flags, Mode::empty());
    assert_eq!(opened.unwrap_err(), rustix::io::Errno::WOULDBLOCK);
    assert!(matches!(claimed.verify_unchanged(), Err(SourceError::Changed(_))));
}

#[test]
fn a_changed_length_is_seen_at_the_end() {
    let fixture = Fixture::new();
    fixture.write("video.mp4", b"bytes");
    let claimed = fixture.claim("video.mp4").unwrap();
    let path = claimed.path();
    // Truncating waits for the lease, which ends with the descriptor: it happens in a thread of its own.
    let truncating = thread::spawn(move || fs::File::options().write(true).open(path).and_then(|file| file.set_len(1)));
    while claimed.verify_unchanged().is_ok() {
        thread::sleep(Duration::from_millis(1));
    }
    drop(claimed);
    truncating.join().unwrap().unwrap();
}

#[test]
fn swapping_files_during_claims_never_yields_a_third_file() {
    let fixture = Fixture::new();
    let secret = fixture.data.path().join("secret");
    fs::write(&secret, b"secret").unwrap();
    let (a, b, path) = (fixture.path("a"), fixture.path("b"), fixture.path("video.mp4"));
    let stop = Arc::new(AtomicBool::new(false));
    let swapper = {
        let (stop, secret) = (Arc::clone(&stop), secret.clone());
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let _ = fs::write(&a, b"aaaa");
                let _ = fs::rename(&a, &path);
                let _ = symlink(&secret, &b);
                let _ = fs::rename(&b, &path);
                let _ = fs::remove_file(&path);
            }
        })
    };
    let (mut tries, mut claims) = (0, 0);
    // On a busy machine the honest moments are rare.
    while tries < 2_000 || (claims == 0 && tries < 1_000_000) {
        tries += 1;
        if let Ok(claimed) = fixture.claim("video.mp4") {
            assert_eq!(contents(&claimed), b"aaaa");
            claims += 1;
            claimed.remove().unwrap();
        }
    }
    stop.store(true, Ordering::Relaxed);
    swapper.join().unwrap();
    assert!(claims > 0, "the honest moments were never hit");
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.path("folder")).unwrap();
    let out = fs::File::open(fixture.outbox.out_path()).unwrap();
    mkfifoat(&out, "fifo", Mode::RUSR | Mode::WUSR).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(fixture.path("socket")).unwrap();
    for name in ["folder", "fifo", "socket"] {
        assert!(matches!(fixture.claim(name), Err(ClaimError::NotAFile(_))), "{name}");
    }
    fixture.write("empty", b"");
    assert!(matches!(fixture.claim("empty"), Err(ClaimError::Empty(_))));
    assert!(matches!(fixture.claim("absent"), Err(ClaimError::NotFound(_))));
    assert!(matches!(fixture.claim("absent/absent"), Err(ClaimError::NotFound(_))));
}

#[test]
fn set_user_id_does_not_survive_a_claim() {
    let fixture = Fixture::new();
    let path = fixture.write("video.mp4", b"bytes");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o6755)).unwrap();
    let claimed = fixture.claim("video.mp4").unwrap();
    assert_eq!(fs::metadata(claimed.path()).unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn another_file_at_the_staged_path_is_not_deleted() {
    let fixture = Fixture::new();
    fixture.write("video.mp4", b"bytes");
    let claimed = fixture.claim("video.mp4").unwrap();
    fs::remove_file(claimed.path()).unwrap();
    fs::write(claimed.path(), b"another").unwrap();
    assert!(claimed.remove().is_err());
    assert_eq!(fs::read(claimed.path()).unwrap(), b"another");
}

#[test]
fn dropping_a_candidate_leaves_the_file() {
    let fixture = Fixture::new();
    let path = fixture.write("video.mp4", b"bytes");
    drop(fixture.outbox.open("video.mp4", &CancellationToken::new()).unwrap());
    assert!(path.exists());
    let candidate = fixture.outbox.open("video.mp4", &CancellationToken::new()).unwrap();
    assert_eq!(candidate.size(), 5);
    candidate.take(PublishId::generate()).unwrap();
    assert!(!path.exists());
}

#[test]
fn an_operators_file_is_read_where_it_is_and_removed_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    fs::write(&path, b"film").unwrap();
    let open = |path: &Path| Claimed::open(path, &CancellationToken::new());
    let claimed = open(&path).unwrap();
    assert_eq!(contents(&claimed), b"film");
    assert!(!claimed.is_staged());
    drop(claimed);
    assert!(path.exists());
    open(&path).unwrap().remove().unwrap();
    assert!(!path.exists());
    assert!(matches!(open(&path), Err(ClaimError::NotFound(_))));
}

/// Between the upload's last look and the deletion somebody adds to the file: these bytes are nowhere else.
#[test]
fn an_operators_file_that_was_changed_since_is_not_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    fs::write(&path, b"film").unwrap();
    let claimed = Claimed::open(&path, &CancellationToken::new()).unwrap();
    let late = {
        let path = path.clone();
        thread::spawn(move || append(&path).write_all(b", last edit"))
    };
    // The writer waits for the lease; from then on the lease is being broken.
    while claimed.verify_unchanged().is_ok() {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(claimed.remove().is_err());
    drop(claimed);
    late.join().unwrap().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"film, last edit");
}

#[test]
fn a_link_to_an_operators_file_is_not_deleted_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("film.mp4"), folder.path().join("link.mp4"));
    fs::write(&path, b"film").unwrap();
    symlink(&path, &link).unwrap();
    let claimed = Claimed::open(&link, &CancellationToken::new()).unwrap();
    assert!(claimed.remove().is_err());
    assert!(link.exists());
}
