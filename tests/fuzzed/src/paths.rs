use std::fs;
use std::os::unix::fs::symlink;
use std::sync::{Arc, LazyLock};

use filmgate::job::JobId;
use filmgate::media::MediaKind;
use filmgate::outbox::{DataDir, Outbox};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The honest files' content; nothing outside has it.
const CONTENT: &[u8] = b"GIF89a honest";

/// An outbox with everything a path can go wrong at.
struct Fixture {
    outbox: Outbox,
    _folder: TempDir,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::write(folder.path().join("outside.gif"), b"outside").expect("write");
    let data = Arc::new(DataDir::open(folder.path().join("data")).expect("a data directory"));
    let outbox = Outbox::create(&data, JobId::generate(), &[]).expect("an outbox");
    let out = outbox.out_path();
    fs::create_dir_all(out.join("a/b")).expect("make a directory");
    for name in ["x", "a/x", "a/b/x", "é.gif", "...", "a b", "%2e%2e", "x.gif"] {
        fs::write(out.join(name), CONTENT).expect("write");
    }
    for (target, name) in [
        ("/", "root"),
        ("..", "up"),
        ("../../../outside.gif", "outside"),
        ("a", "folder"),
        ("a/x", "a/b/link"),
        ("/proc/self/fd", "fd"),
        ("loop", "loop"),
    ] {
        symlink(target, out.join(name)).expect("link");
    }
    Fixture { outbox, _folder: folder }
});

/// A path that a plugin hands over: whatever it is, what it opens is a file of the outbox.
pub fn paths(bytes: &[u8]) {
    let path = String::from_utf8_lossy(bytes);
    match FIXTURE.outbox.open(&path, &CancellationToken::new()) {
        Ok(found) => {
            assert_eq!(found.size(), CONTENT.len() as u64, "{path:?}");
            assert_eq!(found.media_kind().expect("read"), Some(MediaKind::Gif), "{path:?}");
            assert!(!path.starts_with('/') && !path.split('/').any(|part| matches!(part, "" | "." | "..")), "{path:?}");
        }
        // A message shows a part of the path, escaped.
        Err(error) => assert!(!error.to_string().chars().any(char::is_control), "{error:?}"),
    }
}
