//! Files and folders through WASI itself, where the standard library would hide something.

use std::io::Write as _;

use crate::bindings::wasi::filesystem::preopens::get_directories;
use crate::bindings::wasi::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};
use crate::{Error, failed};

/// The first bytes of an MP4.
pub const FILM_HEAD: &[u8] = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2";

/// One mebibyte.
pub const MIB: usize = 1024 * 1024;

/// The outbox.
pub fn out() -> Descriptor {
    folder("/out")
}

/// The inputs.
pub fn inputs() -> Descriptor {
    folder("/in")
}

fn folder(name: &str) -> Descriptor {
    get_directories().into_iter().find(|(_, path)| path == name).expect("the folder is there").0
}

/// Opens a file for reading and writing, making it where it is missing.
pub fn create(path: &str) -> Result<Descriptor, ErrorCode> {
    let flags = DescriptorFlags::READ | DescriptorFlags::WRITE;
    out().open_at(PathFlags::empty(), path, OpenFlags::CREATE, flags)
}

/// Opens a folder below another.
pub fn open_folder(parent: &Descriptor, name: &str) -> Result<Descriptor, ErrorCode> {
    let flags = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
    parent.open_at(PathFlags::empty(), name, OpenFlags::DIRECTORY, flags)
}

/// Writes a film of so many bytes: the right first ones, then 7.
pub fn film(path: &str, bytes: usize) -> Result<(), Error> {
    let mut file = std::fs::File::create(format!("/out/{path}")).map_err(failed)?;
    let mut content = FILM_HEAD.to_vec();
    content.resize(bytes, 7);
    file.write_all(&content).map_err(failed)
}

/// Writes a file with this content.
pub fn file(path: &str, content: &[u8]) -> Result<(), Error> {
    std::fs::write(format!("/out/{path}"), content).map_err(failed)
}
