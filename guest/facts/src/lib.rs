//! Says what a file holds: container, codecs, duration, dimensions, frame rate, and what is wrong with it.
//!
//! The host carries this crate as a component and runs it in the sandbox with every claimed file as its only input,
//! because a parser of strangers' files is the last thing that should run beside credentials. [`examine`] is the whole of
//! it; `plugin.rs` makes it a plugin of the world `render-plugin`.
//!
//! Guarantee: any bytes end in [`Facts`], with what is wrong among them. Memory is one window of 64 KiB and at most
//! [`TRACKS_MAX`] tracks, whatever sizes the file claims. Time is at most one pass over the file; MP4, MOV, WebM, PNG and
//! WAV are walked by their headers without reading what lies between. Structures without end are given up as
//! [`FaultCode::TooComplex`]. Nothing is decoded: pictures and sound may still be damaged inside.
//!
//! Why parsers of our own: those with good names are under licences this project does not take (`mp4parse`, `symphonia`:
//! MPL), or believe the sizes they read when they allocate; none of them looks for what lies behind the end.

mod ebml;
mod facts;
mod gif;
mod iso;
mod jpeg;
mod json;
mod mp3;
mod png;
mod polyglot;
mod source;
mod wav;
mod webm;

#[cfg(target_family = "wasm")]
mod plugin;

pub use facts::{AudioTrack, Facts, Fault, FaultCode, Kind, TRACKS_MAX, VideoTrack};
pub use source::ReadAt;

use facts::Stop;
use source::Reader;
use std::io;

/// Examines a file that its first bytes say is of `kind`.
///
/// Fails only where the file cannot be read; everything that is wrong with it is in [`Facts::faults`].
pub fn examine(file: &mut dyn ReadAt, kind: Kind) -> io::Result<Facts> {
    let mut reader = Reader::new(file)?;
    let mut facts = Facts::new(kind);
    let walked = match kind {
        Kind::Mp4 | Kind::Mov => iso::walk(&mut reader, &mut facts),
        Kind::Webm => webm::walk(&mut reader, &mut facts),
        Kind::Png => png::walk(&mut reader, &mut facts),
        Kind::Jpeg => jpeg::walk(&mut reader, &mut facts),
        Kind::Gif => gif::walk(&mut reader, &mut facts),
        Kind::Mp3 => mp3::walk(&mut reader, &mut facts),
        Kind::Wav => wav::walk(&mut reader, &mut facts),
        Kind::Json => json::walk(&mut reader),
    };
    match walked.and_then(|()| polyglot::look(&mut reader, kind)) {
        Ok(()) => facts.judge(),
        Err(Stop::Fault(fault)) => facts.faults.push(fault),
        Err(Stop::Io(error)) => return Err(error),
    }
    Ok(facts)
}
