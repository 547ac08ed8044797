//! Claiming files from a hostile outbox (publish order: claim first; P1, P3).

#![expect(clippy::unwrap_used, reason = "what cannot be set up is a failed test")]

mod attacks;
mod paths;
mod removal;
mod waiting;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use filmgate::job::JobId;
use filmgate::outbox::{ClaimError, Claimed, DataDir, Outbox};
use filmgate::storage::{PublishId, Source as _};
use tokio_util::sync::CancellationToken;

/// An outbox in a temporary data directory.
struct Fixture {
    _folder: tempfile::TempDir,
    data: Arc<DataDir>,
    outbox: Outbox,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = Arc::new(DataDir::open(folder.path().join("data")).unwrap());
        let outbox = Outbox::create(&data, JobId::generate(), &[]).unwrap();
        Self { _folder: folder, data, outbox }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.outbox.out_path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn claim(&self, path: &str) -> Result<Claimed, ClaimError> {
        self.outbox.open(path, &CancellationToken::new())?.take(PublishId::generate())
    }

    fn staged(&self) -> usize {
        std::fs::read_dir(self.data.path().join("staging")).unwrap().count()
    }
}

fn contents(claimed: &Claimed) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(claimed.size()).unwrap()];
    claimed.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

fn append(path: &std::path::Path) -> File {
    File::options().append(true).open(path).unwrap()
}
