//! The policies of two stores (E1): a bucket behind the fault proxy, and a directory beside it.

mod kills;
mod matrix;
mod model;
mod steps;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use filmgate::storage::{BothStorage, Durability, LocalStorage, Mode};
use filmgate_tests::fault_proxy::{Fault, Operation, Rule};
use filmgate_tests::http;
use url::Url;

use crate::bench::{Bench, folder, hold};
use crate::cell::{ALWAYS, Server};

const MODES: [Mode; 2] = [Mode::Fallback, Mode::Mirror];

/// Both stores, and eyes of its own on each.
struct Pair {
    bench: Bench,
    both: Arc<BothStorage>,
    directory: tempfile::TempDir,
}

impl Pair {
    async fn new(server: Server, mode: Mode, patient: bool) -> Self {
        let bench = Bench::new(server, patient).await;
        let directory = folder();
        let local = LocalStorage::open(directory.path()).expect("open the directory");
        let both = Arc::new(BothStorage::new(local, Arc::clone(bench.host.storage()), mode));
        Self { bench, both, directory }
    }

    /// Where an object is in the end.
    fn end(&self) -> Durability {
        end_of(self.both.mode())
    }

    fn in_directory(&self, prefix: &str) -> Vec<(String, Bytes)> {
        objects_in(self.directory.path(), prefix)
    }

    /// The one object below a prefix is the file, and is where the policy wants it.
    async fn check_end(&self, prefix: &str, bytes: &Bytes) -> Result<(), String> {
        let (s3, directory) = (self.bench.objects(prefix).await, self.in_directory(prefix));
        hold(s3.len() == 1, || format!("{} objects in S3", s3.len()))?;
        hold(s3[0].1 == *bytes, || "another object in S3".to_owned())?;
        check_directory(self.both.mode(), &s3, &directory)
    }
}

/// Where an object of a policy is in the end.
fn end_of(mode: Mode) -> Durability {
    match mode {
        Mode::Fallback => Durability::S3,
        Mode::Mirror => Durability::Both,
    }
}

/// In the end the directory of a fallback is empty, and that of a mirror has what S3 has.
pub(crate) fn check_directory(mode: Mode, s3: &[(String, Bytes)], directory: &[(String, Bytes)]) -> Result<(), String> {
    let expected = if mode == Mode::Mirror { s3 } else { &[] };
    let keys = |objects: &[(String, Bytes)]| objects.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    hold(directory == expected, || format!("in the directory {:?}, in S3 {:?}", keys(directory), keys(s3)))
}

/// Every object below a prefix that a directory has, past the code under test.
pub(crate) fn objects_in(root: &Path, prefix: &str) -> Vec<(String, Bytes)> {
    let mut objects = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.map(|entry| entry.expect("an entry")) {
            let path = entry.path();
            if path.is_dir() {
                // What is not an object's is in there.
                folders.extend((entry.file_name() != ".filmgate").then_some(path));
                continue;
            }
            let key = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
            if key.starts_with(prefix) {
                objects.push((key, std::fs::read(&path).expect("read an object").into()));
            }
        }
    }
    objects.sort();
    objects
}

/// S3 is away: nothing arrives there.
fn outage() -> Vec<Rule> {
    use Operation as O;
    let operations = [
        O::CreateMultipartUpload,
        O::UploadPart,
        O::CompleteMultipartUpload,
        O::AbortMultipartUpload,
        O::ListParts,
        O::ListMultipartUploads,
        O::PutObject,
        O::HeadObject,
        O::GetObject,
        O::DeleteObject,
        O::ListObjectsV2,
    ];
    operations.map(|operation| Rule { operation, fault: Fault::Reset, after_commit: false, times: ALWAYS }).to_vec()
}

/// What whoever has a URL gets.
pub(crate) async fn fetched(url: &Url) -> Result<Bytes, String> {
    if let Ok(path) = url.to_file_path() {
        return std::fs::read(path).map(Bytes::from).map_err(|error| format!("the URL leads nowhere: {error}"));
    }
    let answer = http::get(url).await;
    hold(answer.status() == 200, || format!("the URL answers {}", answer.status()))?;
    Ok(answer.into_body())
}
