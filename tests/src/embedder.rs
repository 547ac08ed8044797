//! What `embedder`, a program of the tests that embeds the library, is told to do, and what it says.
//!
//! It publishes one file as a plugin's is published, or recovers, and kills itself at a given step of the journal.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use filmgate::job::JobId;
use filmgate::storage::Mode;
use filmgate::storage::s3::S3Settings;
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::bucket::TestBucket;

/// What to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// The data directory.
    pub data: PathBuf,
    /// Where to publish.
    pub storage: Place,
    /// Publish or recover.
    pub act: Act,
    /// Dies at this edge: 2n is before the journal's nth change, counted from 0, 2n + 1 after it.
    pub die_at: Option<usize>,
}

/// One life of the program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Act {
    /// Publishes a file under the identity of a job.
    Publish {
        /// The job.
        job: JobId,
        /// The object's key, should this be the first publish of the identity.
        key: String,
        /// The file's size.
        bytes: usize,
        /// What tells it from other files ([`crate::film::of`]).
        mark: u64,
    },
    /// Takes up what earlier lives left.
    Recover,
    /// Tries again what has failed, and gives up for good what is lost.
    Retry,
}

/// A storage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Place {
    /// Local, in this directory.
    Directory(PathBuf),
    /// A bucket.
    #[expect(missing_docs, reason = "the fields of a test bucket")]
    Bucket {
        endpoint: String,
        region: String,
        name: String,
        access_key_id: String,
        secret_access_key: String,
        /// Where it is noted what the endpoint can do.
        remember: PathBuf,
        /// Parts are as small as S3 takes them, and files above that go up in parts; else from a thousand bytes on.
        large: bool,
    },
    /// A bucket and a directory.
    Both {
        /// The bucket.
        bucket: Box<Self>,
        /// The directory.
        directory: PathBuf,
        /// Whether every object belongs into both, else into the bucket alone.
        mirror: bool,
    },
}

/// What the program says of a publish or a recovery, as one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// The answer.
    Answer {
        /// Id of the publish.
        publish: String,
        /// The object's key.
        key: String,
        /// Bytes.
        size: u64,
        /// Their CRC64NVME.
        checksum: String,
        /// Where it can be fetched.
        url: String,
    },
    /// The publish failed.
    Failed {
        /// Why.
        error: String,
        /// Where the file is.
        kept: PathBuf,
    },
    /// The recovery came to its end.
    Recovered {
        /// What became of each publish: `published`, `under way`, or `failed`, `lost` or `left` and why.
        publishes: Vec<String>,
        /// Publishes that are still neither published nor failed.
        unfinished: usize,
    },
}

/// How a life ended.
#[derive(Debug)]
pub enum Ended {
    /// Killed, after it had said this.
    Killed(Option<Said>),
    /// By itself.
    Said(Said),
    /// With an error of its own: nothing that a test expects, unless its disk is gone.
    Broke(String),
}

impl Said {
    /// Whether this is the same answer, perhaps with another URL.
    pub fn is_same_answer(&self, other: &Self) -> bool {
        let without_url = |said: &Self| match said {
            Self::Answer { publish, key, size, checksum, .. } => {
                Some((publish.clone(), key.clone(), *size, checksum.clone()))
            }
            _ => None,
        };
        without_url(self).is_some() && without_url(self) == without_url(other)
    }
}

impl Place {
    /// A bucket, seen from another process.
    pub fn bucket(bucket: &TestBucket, remember: &Path, large: bool) -> Self {
        Self::Bucket {
            endpoint: bucket.endpoint.to_string(),
            region: bucket.region.clone(),
            name: bucket.name.clone(),
            access_key_id: bucket.access_key_id.clone(),
            secret_access_key: bucket.secret_access_key.clone(),
            remember: remember.to_owned(),
            large,
        }
    }

    /// A bucket and a directory.
    pub fn both(bucket: Self, directory: PathBuf, mode: Mode) -> Self {
        Self::Both { bucket: Box::new(bucket), directory, mirror: mode == Mode::Mirror }
    }

    /// The settings of a bucket; none where there is another store.
    pub fn settings(&self) -> Option<S3Settings> {
        let Self::Bucket { endpoint, region, name, access_key_id, secret_access_key, remember, large } = self else {
            return None;
        };
        let bucket = TestBucket {
            endpoint: endpoint.parse().expect("a URL"),
            region: region.clone(),
            name: name.clone(),
            access_key_id: access_key_id.clone(),
            secret_access_key: secret_access_key.clone(),
        };
        let mut settings = bucket.settings();
        settings.upload.part_bytes = 5 << 20;
        settings.upload.multipart_threshold = if *large { 5 << 20 } else { 1000 };
        settings.upload.retries = 2;
        settings.upload.retry_delay = std::time::Duration::from_millis(2);
        settings.remember = Some(remember.clone());
        Some(settings)
    }
}

/// A life that somebody else may end.
#[derive(Debug, Default)]
pub struct Victim(Mutex<Option<Pid>>);

impl Victim {
    /// Kills the process at once, while it lives.
    pub fn kill(&self) {
        // Held until it is done: a process that has ended is not waited for meanwhile, so that nobody else has its id.
        let id = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = *id {
            let _ = rustix::process::kill_process(id, Signal::KILL);
        }
    }

    fn set(&self, id: Option<Pid>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }
}

impl Order {
    /// Lives it to its end.
    ///
    /// # Panics
    /// If the program cannot be started.
    pub async fn live(&self, program: &Path, victim: &Victim) -> Ended {
        let order = serde_json::to_string(self).expect("an order is JSON");
        let mut command = tokio::process::Command::new(program);
        command.arg(order).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("start the embedder");
        victim.set(child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)));
        let (mut output, mut complaint) = (String::new(), String::new());
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        let read = async {
            // Both end with the process.
            let said = async { read_all(stdout.as_mut(), &mut output).await };
            let complained = async { read_all(stderr.as_mut(), &mut complaint).await };
            tokio::join!(said, complained);
        };
        read.await;
        victim.set(None);
        let status = child.wait().await.expect("wait for the embedder");
        let said = output.lines().next().map(|line| serde_json::from_str(line).expect("an answer"));
        match said {
            said if status.code().is_none() => Ended::Killed(said),
            Some(said) if status.success() => Ended::Said(said),
            said => Ended::Broke(format!("{status} after {said:?}: {complaint}")),
        }
    }
}

async fn read_all(from: Option<&mut (impl AsyncRead + Unpin)>, to: &mut String) {
    if let Some(from) = from {
        from.read_to_string(to).await.expect("read what the embedder says");
    }
}
