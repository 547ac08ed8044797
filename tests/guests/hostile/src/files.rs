//! Behaviours that grow files.

use std::fs::{self, File};
use std::io::Write;

use crate::Answer;
use crate::bindings::wasi::filesystem::preopens::get_directories;
use crate::bindings::wasi::filesystem::types::{
    Descriptor, DescriptorFlags, OpenFlags, PathFlags, filesystem_error_code,
};
use crate::bindings::wasi::io::streams::{OutputStream, StreamError};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

pub(crate) fn run(behaviour: &str, number: usize) -> Option<Answer> {
    Some(match behaviour {
        "fill-disk" => fill_disk(number),
        "fill-disk-and-carry-on" => fill_disk(number).or_else(|error| Ok(format!("saw {error}"))),
        "sparse" => sparse(number),
        "far-write" => far_write(number),
        "offset-overflow" => offset_overflow(),
        "rewrite" => rewrite(number),
        "delete-and-repeat" => delete_and_repeat(number),
        "truncate-and-repeat" => truncate_and_repeat(number),
        "many-handles" => many_handles(number),
        "overlapping-streams" => overlapping_streams(number),
        "large-stream-writes" => large_stream_writes(number),
        "write-unasked" => write_unasked(number),
        "zeroes" => zeroes(number),
        "rename-and-append" => rename_and_append(number),
        "write-honest" => write_honest(number),
        _ => return None,
    })
}

/// The outbox itself.
pub(crate) fn outbox() -> Descriptor {
    directory("/out")
}

pub(crate) fn directory(name: &str) -> Descriptor {
    get_directories().into_iter().find(|(_, path)| path == name).expect("the preopen is there").0
}

pub(crate) fn create(path: &str) -> Result<Descriptor, String> {
    let flags = DescriptorFlags::READ | DescriptorFlags::WRITE;
    outbox().open_at(PathFlags::empty(), path, OpenFlags::CREATE, flags).map_err(|code| format!("open {code:?}"))
}

/// WASI's own name of a stream's error, which the standard library loses.
fn stream_error(error: StreamError) -> String {
    match error {
        StreamError::Closed => "closed".into(),
        StreamError::LastOperationFailed(error) => format!("{:?}", filesystem_error_code(&error)),
    }
}

fn put(stream: &OutputStream, bytes: usize) -> Result<(), String> {
    let block = [7_u8; 4 * KIB];
    for _ in 0..bytes.div_ceil(block.len()) {
        stream.blocking_write_and_flush(&block).map_err(stream_error)?;
    }
    Ok(())
}

fn fill_disk(mebibytes: usize) -> Answer {
    let mut file = File::create("/out/full").map_err(|error| error.to_string())?;
    let block = vec![1_u8; MIB];
    for _ in 0..mebibytes {
        file.write_all(&block).map_err(|error| format!("write: {error}"))?;
    }
    Ok("filled".into())
}

fn write_honest(kibibytes: usize) -> Answer {
    fs::write("/out/honest.bin", vec![5_u8; kibibytes * KIB]).map_err(|error| error.to_string())?;
    Ok("written".into())
}

fn sparse(mebibytes: usize) -> Answer {
    let file = File::create("/out/sparse").map_err(|error| error.to_string())?;
    file.set_len(mebibytes as u64 * MIB as u64).map_err(|error| format!("set_len: {error}"))?;
    Ok("sparse".into())
}

fn far_write(mebibytes: usize) -> Answer {
    let file = create("far")?;
    file.write(b"x", mebibytes as u64 * MIB as u64).map_err(|code| format!("write {code:?}"))?;
    Ok("written".into())
}

fn offset_overflow() -> Answer {
    let file = create("overflow")?;
    let direct = file.write(b"xyz", u64::MAX - 1).is_ok();
    let resized = file.set_size(u64::MAX).is_ok();
    let stream = file.write_via_stream(u64::MAX - 1).map_err(|code| format!("{code:?}"))?;
    let streamed = stream.blocking_write_and_flush(b"xyz").is_ok();
    let empty = file.write(b"", u64::MAX).is_ok();
    let size = file.stat().map_err(|code| format!("{code:?}"))?.size;
    Ok(format!("direct {direct} resized {resized} streamed {streamed} empty {empty} size {size}"))
}

/// The same first mebibyte again and again, by both ways of writing: it grows once.
fn rewrite(rounds: usize) -> Answer {
    let file = create("rewritten")?;
    for _ in 0..rounds {
        file.write(&vec![1; 256 * KIB], 0).map_err(|code| format!("{code:?}"))?;
        let stream = file.write_via_stream(0).map_err(|code| format!("{code:?}"))?;
        put(&stream, MIB)?;
    }
    Ok("rewritten".into())
}

fn delete_and_repeat(rounds: usize) -> Answer {
    for _ in 0..rounds {
        fs::write("/out/again", vec![1_u8; MIB]).map_err(|error| format!("write: {error}"))?;
        fs::remove_file("/out/again").map_err(|error| format!("remove: {error}"))?;
    }
    Ok("repeated".into())
}

fn truncate_and_repeat(rounds: usize) -> Answer {
    let file = create("again")?;
    for _ in 0..rounds {
        file.write(&vec![1; 512 * KIB], 0).map_err(|code| format!("write {code:?}"))?;
        file.set_size(0).map_err(|code| format!("set-size {code:?}"))?;
    }
    Ok("repeated".into())
}

/// Appends through one handle after the other: one file, growing by all of them.
fn many_handles(rounds: usize) -> Answer {
    let files = (0..8).map(|_| create("shared")).collect::<Result<Vec<_>, _>>()?;
    let streams = files.iter().map(Descriptor::append_via_stream).collect::<Result<Vec<_>, _>>();
    let streams = streams.map_err(|code| format!("{code:?}"))?;
    for _ in 0..rounds {
        for stream in &streams {
            put(stream, 64 * KIB)?;
        }
    }
    let size = files[0].stat().map_err(|code| format!("{code:?}"))?.size;
    Ok(size.to_string())
}

/// Two streams over the same range, without waiting between the writes.
fn overlapping_streams(kibibytes: usize) -> Answer {
    let file = create("overlap")?;
    let streams = [0, 0].map(|offset| file.write_via_stream(offset));
    for stream in streams {
        let stream = stream.map_err(|code| format!("{code:?}"))?;
        stream.check_write().map_err(stream_error)?;
        stream.write(&vec![2; kibibytes * KIB]).map_err(stream_error)?;
    }
    let size = file.stat().map_err(|code| format!("{code:?}"))?.size;
    Ok(size.to_string())
}

fn large_stream_writes(mebibytes: usize) -> Answer {
    let stream = create("large")?.write_via_stream(0).map_err(|code| format!("{code:?}"))?;
    let block = vec![3_u8; MIB];
    let mut left = mebibytes * MIB;
    while left > 0 {
        let allowed = stream.check_write().map_err(stream_error)?;
        let now = usize::try_from(allowed).unwrap_or(usize::MAX).min(block.len()).min(left);
        stream.write(&block[..now]).map_err(stream_error)?;
        left -= now;
    }
    stream.blocking_flush().map_err(stream_error)?;
    Ok("written".into())
}

/// More in one call than the stream allows.
fn write_unasked(bytes: usize) -> Answer {
    let stream = create("unasked")?.write_via_stream(0).map_err(|code| format!("{code:?}"))?;
    stream.write(&vec![1; bytes]).map_err(stream_error)?;
    Ok("written".into())
}

fn zeroes(rounds: usize) -> Answer {
    let stream = create("zeroes")?.append_via_stream().map_err(|code| format!("{code:?}"))?;
    for _ in 0..rounds {
        stream.blocking_write_zeroes_and_flush(4096).map_err(stream_error)?;
    }
    Ok("written".into())
}

fn rename_and_append(rounds: usize) -> Answer {
    let file = create("before")?;
    let stream = file.append_via_stream().map_err(|code| format!("{code:?}"))?;
    fs::rename("/out/before", "/out/after").map_err(|error| error.to_string())?;
    for _ in 0..rounds {
        put(&stream, 64 * KIB)?;
    }
    Ok("appended".into())
}
