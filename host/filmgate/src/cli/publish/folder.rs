//! Whole directories: which files are in them, and by which key each is known when it is published again.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use filmgate::job::{IdempotencyKey, JobRequest, Slot};
use filmgate::publish::Asset;
use filmgate::report::JobReport;
use serde_json::json;

use crate::cli::problem::Problem;

/// So many files of directories have a manifest of their own.
pub(super) const MANIFEST_FROM: usize = 100;

/// Files of one call; more than that is a mistake, or wants several calls.
const FILES_MAX: usize = 1_000_000;

/// A file to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) file: PathBuf,
    /// Whether it was found in a directory: then it is published once.
    pub(super) is_found: bool,
}

/// The files that the arguments name: each file, and the files below each directory in order of their paths. Names that
/// begin with a dot are left out, links are not followed.
pub(super) fn expand(arguments: &[PathBuf]) -> Result<Vec<Item>, Problem> {
    let mut items = Vec::new();
    for argument in arguments {
        let fault = |fault: &str| {
            Problem::input(format!("{} {fault}", argument.display()))
                .with_next_step("name an existing file or directory")
        };
        if argument.is_file() {
            items.push(Item { file: argument.clone(), is_found: false });
        } else if argument.is_dir() {
            let before = items.len();
            walk(argument, &mut items).map_err(|error| fault(&format!("cannot be listed: {error}")))?;
            if items.len() == before {
                return Err(fault("has no files in it"));
            }
        } else {
            return Err(fault(if argument.exists() { "is not a file" } else { "does not exist" }));
        }
    }
    Ok(items)
}

fn walk(folder: &Path, items: &mut Vec<Item>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), items)?;
        } else if kind.is_file() {
            if items.len() >= FILES_MAX {
                return Err(io::Error::other(format!("more than {FILES_MAX} files")));
            }
            items.push(Item { file: entry.path(), is_found: true });
        }
    }
    Ok(())
}

/// The name of a publish of this very file, unchanged, for this request: it is published once, however often the directory
/// is.
pub(super) fn key_of(file: &Path, request: &JobRequest, slot: Option<&Slot>) -> io::Result<IdempotencyKey> {
    let found = fs::metadata(file)?;
    let path = fs::canonicalize(file)?;
    let mark = (found.ino(), found.size(), found.mtime(), found.mtime_nsec());
    Ok(IdempotencyKey::derived("file", &format!("{path:?} {mark:?} {slot:?} {request:?}")))
}

/// What was published from directories, as a file of its own: names below the directory as they were given, with keys.
pub(super) struct Manifest {
    pub(super) key: IdempotencyKey,
    /// Closed: nobody has it open for writing.
    pub(super) file: tempfile::TempPath,
}

impl Manifest {
    /// Writes it. The same files have the same manifest.
    pub(super) fn write(published: &[(PathBuf, JobReport)], request: &JobRequest) -> io::Result<Self> {
        let files =
            published.iter().flat_map(|(file, report)| report.assets.iter().map(move |asset| entry(file, asset)));
        let files: Vec<_> = files.collect();
        let content = serde_json::to_string_pretty(&json!({ "files": files }))?;
        let mut file = tempfile::Builder::new().suffix(".json").tempfile()?;
        file.write_all(content.as_bytes())?;
        file.flush()?;
        let key = IdempotencyKey::derived("manifest", &format!("{content} {request:?}"));
        Ok(Self { key, file: file.into_temp_path() })
    }
}

fn entry(file: &Path, asset: &Asset) -> serde_json::Value {
    json!({
        "file": file.display().to_string(),
        "key": asset.key.as_str(),
        "size": asset.size,
        "content_type": asset.kind.content_type(),
        "checksum": { "crc64nvme": asset.checksum.to_string() },
        "publish_id": asset.publish.to_string(),
    })
}
