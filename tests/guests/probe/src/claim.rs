use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::thread;
use std::time::Duration;

use filmgate_plugin::bindings::wasi::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use filmgate_plugin::{Error, Outbox, Publication, store_video};
use serde_json::{Map, Value, json};

use crate::disk::preopen;
use crate::params::Kind;
use crate::{file, outcome, sample};

const SOME_BYTES: usize = 1000;

pub(crate) fn store_paths(paths: &[String]) -> Value {
    let outcome = |path: &String| (path.clone(), outcome::of_host(store_video(path).send()));
    Value::Object(paths.iter().map(outcome).collect::<Map<_, _>>())
}

pub(crate) fn store_dir() -> Result<Value, Error> {
    file::write("folder.mp4/inside.mp4", Kind::Mp4, SOME_BYTES)?;
    Ok(json!({ "stored": outcome::of_host(store_video("folder.mp4").send()) }))
}

pub(crate) fn store_empty() -> Result<Value, Error> {
    Outbox::new().write("empty.mp4", b"")?;
    Ok(json!({ "stored": outcome::of_host(store_video("empty.mp4").send()) }))
}

pub(crate) fn symlink(target: &str, name: &str) -> Result<Value, Error> {
    file::write("real.mp4", Kind::Mp4, SOME_BYTES)?;
    let linked = make_symlink(target, name);
    Ok(json!({ "linked": outcome::of_host(linked), "stored": outcome::of_host(store_video(name).send()) }))
}

pub(crate) fn hardlink() -> Result<Value, Error> {
    file::write("video.mp4", Kind::Mp4, SOME_BYTES)?;
    let linked = fs::hard_link("/out/video.mp4", "/out/alias.mp4");
    Ok(json!({ "linked": outcome::of_file(linked), "stored": outcome::of_host(store_video("video.mp4").send()) }))
}

pub(crate) fn linked_folder() -> Result<Value, Error> {
    file::write("folder/video.mp4", Kind::Mp4, SOME_BYTES)?;
    let linked = make_symlink("folder", "link");
    Ok(json!({ "linked": outcome::of_host(linked), "stored": outcome::of_host(store_video("link/video.mp4").send()) }))
}

fn make_symlink(target: &str, name: &str) -> Result<(), Error> {
    preopen("/out")?.symlink_at(target, name).map_err(|code| Error::new("io", code.name()))
}

pub(crate) fn open_while_store(ms: u64) -> Result<Value, Error> {
    let mut kept = open_video()?;
    let stored = store_video("video.mp4").send();
    thread::sleep(Duration::from_millis(ms));
    let written_later = kept.write_all(b"later");
    drop(kept);
    let again = store_video("video.mp4").send();
    Ok(json!({
        "stored": outcome::of_host(stored),
        "written_later": outcome::of_file(written_later),
        "again": outcome::of_host(again),
    }))
}

pub(crate) fn late_write(ms: u64) -> Result<Value, Error> {
    let mut kept = open_video()?;
    let publication = store_video("video.mp4").submit();
    let submitted = outcome::of_host(publication.as_ref().map(|_| ()).map_err(Clone::clone));
    thread::sleep(Duration::from_millis(ms));
    let written_later = kept.write_all(&vec![b'!'; 1 << 20]);
    Ok(json!({
        "submitted": submitted,
        "written_later": outcome::of_file(written_later),
        "stored": outcome::of_host(publication.and_then(Publication::wait)),
    }))
}

/// Still open for writing when it returns.
fn open_video() -> Result<File, Error> {
    file::write("video.mp4", Kind::Mp4, SOME_BYTES)?;
    Ok(File::options().append(true).open("/out/video.mp4")?)
}

/// The host finishes writes in the background, so that the file may still be open when its publish is asked for.
pub(crate) fn unflushed(bytes: usize) -> Result<Value, Error> {
    let named = |code: filmgate_plugin::bindings::wasi::filesystem::types::ErrorCode| Error::new("io", code.name());
    let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE;
    let descriptor =
        preopen("/out")?.open_at(PathFlags::empty(), "video.mp4", flags, DescriptorFlags::WRITE).map_err(named)?;
    let stream = descriptor.write_via_stream(0).map_err(named)?;
    let failed = |_| Error::new("io", "the stream failed");
    let mut block = vec![7; 1 << 20];
    let head = sample::head("mp4", bytes);
    block[..head.len()].copy_from_slice(&head);
    let mut written = 0;
    while written < bytes {
        stream.subscribe().block();
        let granted = usize::try_from(stream.check_write().map_err(failed)?).unwrap_or(usize::MAX);
        let count = granted.min(block.len()).min(bytes - written);
        stream.write(&block[..count]).map_err(failed)?;
        written += count;
    }
    drop(stream);
    drop(descriptor);
    Ok(json!({ "bytes": written, "stored": outcome::of_host(store_video("video.mp4").send()) }))
}

pub(crate) fn store_many(count: u64, real: bool) -> Result<Value, Error> {
    let mut stored = 0_u64;
    let mut errors = BTreeMap::<String, u64>::new();
    for number in 0..count {
        let sequence = u32::try_from(number % 1000).unwrap_or_default();
        if real {
            file::write("many.json", Kind::Json, SOME_BYTES)?;
        }
        match store_video("many.json").slot("timeline").sequence(sequence).send() {
            Ok(_) => stored += 1,
            Err(error) => *errors.entry(error.code.to_string()).or_default() += 1,
        }
    }
    Ok(json!({ "stored": stored, "errors": errors }))
}
