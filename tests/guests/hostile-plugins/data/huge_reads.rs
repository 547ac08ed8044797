//! Reads, skips and splices 16 EiB at once, in every way there is.

use hostile_plugins::bindings::wasi::io::streams::StreamError;
use hostile_plugins::files::{create, file};
use hostile_plugins::{failed, say};

fn length(read: Result<Vec<u8>, StreamError>) -> usize {
    read.map_or(0, |bytes| bytes.len())
}

hostile_plugins::plugin!(|_| {
    file("source", &vec![7; 1 << 20])?;
    let source = create("source").map_err(failed)?;
    let (bytes, _) = source.read(u64::MAX, 0).map_err(failed)?;
    let end = source.read(u64::MAX, u64::MAX).map(|(bytes, _)| bytes.len());
    let stream = source.read_via_stream(0).map_err(failed)?;
    let (now, blocking) = (length(stream.read(u64::MAX)), length(stream.blocking_read(u64::MAX)));
    let skipped = stream.blocking_skip(u64::MAX).map_err(failed)?;
    let target = create("target").map_err(failed)?.write_via_stream(0).map_err(failed)?;
    let spliced = target.blocking_splice(&stream, u64::MAX).map_err(failed)?;
    let most = [bytes.len() as u64, now as u64, blocking as u64, skipped, spliced].into_iter().max();
    say(format_args!("most {most:?} end {}", end.unwrap_or(0)));
    Ok(String::new())
});
