//! Frames and samples in, a fast-start MP4 (H.264 and AAC) out: pure Rust, for plugins.
//!
//! ```
//! use filmgate_media::VideoWriter;
//!
//! # fn main() -> Result<(), filmgate_media::Error> {
//! let mut video = VideoWriter::new(64, 48, 24)?;
//! for frame in 0..12_u8 {
//!     let grey = [frame * 16, frame * 16, frame * 16, 255];
//!     video.frame(&grey.repeat(64 * 48))?; // RGBA, row by row
//! }
//! video.audio(&vec![0.0; 2 * 24_000])?; // half a second of 48 kHz stereo
//! let mp4 = video.finish()?;
//! assert_eq!(&mp4[4..8], b"ftyp");
//! # Ok(())
//! # }
//! ```
//!
//! Settings go through [`VideoWriter::builder`]; [`VideoWriter::finish_into`] writes to a file without a second copy in
//! memory.
//!
//! # What the file is
//! - Video: H.264 High profile, CABAC, 4:2:0, no reordering, square pixels, ITU-R BT.709 in the limited range. The colours are
//!   tagged in the bitstream and in the container.
//! - Audio: AAC-LC. The encoder's 1,024 priming samples are hidden by an edit list, so sound and picture start together.
//! - Container: `ftyp`, `moov`, `mdat` in this order, so that playback starts before the file is complete; both tracks
//!   interleaved every half second.
//!
//! # Limits
//! - The encoded samples stay in memory until the end: about 0.2 MiB a second of 720p at the default quality.
//! - At most [`SIDE_MAX`] pixels a side, [`AREA_MAX`] pixels a frame, 4 GiB a file.
//! - The same input gives the same bytes on one machine: no clock, no random number, no thread takes part.

mod aac;
mod bits;
mod colour;
mod error;
mod frame_rate;
mod h264;
mod mp4;
mod writer;

pub use error::Error;
pub use writer::{AREA_MAX, Builder, QUANTIZER_MAX, QUANTIZER_MIN, SIDE_MAX, SIDE_MIN, VideoWriter};
