use std::fs::{self, File, FileTimes};
use std::io::{self, Seek, SeekFrom, Write};
use std::time::SystemTime;

use filmgate_plugin::bindings::wasi::filesystem::preopens;
use filmgate_plugin::bindings::wasi::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};
use filmgate_plugin::{Error, Outbox, store_video};
use serde_json::{Map, Value, json};

use crate::outcome;
use crate::params::SparseBy;
use crate::sample;

pub(crate) fn fill(mib: Option<u64>) -> Result<Value, Error> {
    let block = vec![0x5a; 1 << 20];
    let mut file = File::create("/out/fill.bin")?;
    let mut bytes = 0_u64;
    while mib.is_none_or(|mib| bytes < mib << 20) {
        match file.write(&block) {
            Ok(count) => bytes += count as u64,
            Err(error) => return Ok(json!({ "bytes": bytes, "error": error.to_string() })),
        }
    }
    Ok(json!({ "bytes": bytes, "error": null }))
}

pub(crate) fn sparse(bytes: u64, by: SparseBy, store: bool) -> Result<Value, Error> {
    let mut file = File::create("/out/sparse.mp4")?;
    file.write_all(&sample::whole("mp4", 1000))?;
    let made = match by {
        SparseBy::SetSize => file.set_len(bytes),
        SparseBy::Seek => file.seek(SeekFrom::Start(bytes - 1)).and_then(|_| file.write_all(b"x")),
    };
    drop(file);
    let stored = store.then(|| outcome::of_host(store_video("sparse.mp4").send()));
    Ok(json!({ "made": outcome::of_file(made), "stored": stored }))
}

pub(crate) fn many_files(count: u64) -> Value {
    for number in 0..count {
        if let Err(error) = Outbox::new().write(&format!("{number}"), b"x") {
            return json!({ "files": number, "error": error.to_string() });
        }
    }
    json!({ "files": count, "error": null })
}

/// Goes down by handles: paths of that length cannot be written.
pub(crate) fn deep_tree(depth: u64) -> Result<Value, Error> {
    let mut folder = preopen("/out")?;
    for level in 0..depth {
        let made = folder.create_directory_at("d").and_then(|()| {
            let flags = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
            folder.open_at(PathFlags::empty(), "d", OpenFlags::DIRECTORY, flags)
        });
        match made {
            Ok(next) => folder = next,
            Err(code) => return Ok(json!({ "depth": level, "error": code.name() })),
        }
    }
    Ok(json!({ "depth": depth, "error": null }))
}

pub(crate) fn write_in(name: &str) -> Value {
    let path = format!("/in/{name}");
    let write = |options: &mut fs::OpenOptions| options.open(&path).and_then(|mut file| file.write_all(b"changed"));
    let times = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
    let raw_truncate = preopen("/in").and_then(|folder| {
        let opened = folder.open_at(PathFlags::empty(), name, OpenFlags::TRUNCATE, DescriptorFlags::READ);
        opened.map(|_| ()).map_err(|code| Error::new("io", code.name()))
    });
    json!({
        "create": outcome::of_file(File::create_new("/in/new.bin").map(|_| ())),
        "create-folder": outcome::of_file(fs::create_dir("/in/folder")),
        "append": outcome::of_file(write(File::options().append(true))),
        "overwrite": outcome::of_file(write(File::options().write(true))),
        "truncate": outcome::of_file(write(File::options().write(true).truncate(true))),
        "truncate-while-reading": outcome::of_host(raw_truncate),
        "times": outcome::of_file(File::open(&path).and_then(|file| file.set_times(times))),
        "link-out": outcome::of_file(fs::hard_link(&path, "/out/linked.bin")),
        "rename": outcome::of_file(fs::rename(&path, "/in/renamed.bin")),
        "rename-out": outcome::of_file(fs::rename(&path, "/out/renamed.bin")),
        "remove": outcome::of_file(fs::remove_file(&path)),
    })
}

/// What a plugin might hope to find outside.
const SUSPECTS: [&str; 14] = [
    "..",
    "../..",
    "../../../../../../../../etc/passwd",
    "x/../../etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "/proc/self/environ",
    "/proc/self/fd/3",
    "/proc/self/root/etc/passwd",
    "../in",
    "../out",
    "./..",
    "..\\..",
    "/",
];

pub(crate) fn escape_read(paths: &[String]) -> Value {
    let mut tries = Map::new();
    for path in paths.iter().map(String::as_str).chain(SUSPECTS) {
        for root in ["/out", "/in"] {
            let opened = preopen(root).and_then(|folder| open_below(&folder, path));
            tries.insert(format!("{root} {path}"), outcome::of_host(opened));
        }
        tries.insert(format!("std {path}"), outcome::of_file(fs::metadata(path).map(|_| "seen")));
    }
    Value::Object(tries)
}

fn open_below(folder: &Descriptor, path: &str) -> Result<&'static str, Error> {
    let flags = PathFlags::SYMLINK_FOLLOW;
    let opened = folder.open_at(flags, path, OpenFlags::empty(), DescriptorFlags::READ);
    opened.map(|_| "opened").map_err(|code| Error::new("io", code.name()))
}

pub(crate) fn preopen(path: &str) -> Result<Descriptor, Error> {
    let found = preopens::get_directories().into_iter().find(|(_, name)| name == path);
    let missing = || io::Error::new(io::ErrorKind::NotFound, format!("{path} is not a preopen"));
    Ok(found.ok_or_else(missing)?.0)
}
