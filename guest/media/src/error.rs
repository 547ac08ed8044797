use crate::writer::{AREA_MAX, QUANTIZER_MAX, QUANTIZER_MIN, SIDE_MAX, SIDE_MIN};

/// Why a video could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The picture size cannot be coded.
    #[error(
        "video size {width}x{height} is not allowed: both sides must be even and {SIDE_MIN} to {SIDE_MAX} pixels, together at most {AREA_MAX} pixels"
    )]
    Size {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// The frame rate is zero or out of bounds.
    #[error("frame rate {numerator}/{denominator} is not allowed: it must be 1 to 120 frames a second")]
    FrameRate {
        /// Frames …
        numerator: u32,
        /// … in this many seconds.
        denominator: u32,
    },
    /// The quantizer is out of bounds.
    #[error("quantizer {0} is not allowed: it must be {QUANTIZER_MIN} to {QUANTIZER_MAX}")]
    Quantizer(u8),
    /// A frame has the wrong number of bytes.
    #[error("frame {index} has {found} bytes: RGBA of this size needs {expected}")]
    FrameLength {
        /// Number of the frame, from 0.
        index: u64,
        /// Width times height times 4.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The audio format cannot be coded.
    #[error(
        "audio format {sample_rate} Hz, {channels} channels, {bits_per_second} bit/s is not allowed: rates are 8,000 to 48,000 Hz of the AAC table, channels 1 or 2, bit rates 16,000 to 320,000"
    )]
    AudioFormat {
        /// Samples a second and channel.
        sample_rate: u32,
        /// Channels.
        channels: u16,
        /// Target bit rate.
        bits_per_second: u32,
    },
    /// The interleaved samples do not divide into channels.
    #[error("{found} samples cannot be shared by {channels} channels")]
    SampleCount {
        /// What was given.
        found: usize,
        /// Channels of the track.
        channels: u16,
    },
    /// A sample is not a number.
    #[error("audio sample {index} is not a finite number")]
    Sample {
        /// Position in the slice that was given.
        index: usize,
    },
    /// `finish` came before the first frame.
    #[error("the video has no frames")]
    Empty,
    /// The file would pass 4 GiB or a table of it 2^32 entries.
    #[error("the video is too large: an MP4 file of this writer is at most 4 GiB")]
    TooLarge,
    /// The video encoder refused a picture.
    #[error("encode frame {index}")]
    Video {
        /// Number of the frame, from 0.
        index: u64,
        /// The encoder's reason.
        #[source]
        source: rusty_h264::EncodeError,
    },
    /// The video encoder made a stream that this crate cannot read. A bug.
    #[error("read the encoded frame {index}: {reason}")]
    Stream {
        /// Number of the frame, from 0.
        index: u64,
        /// What was missing.
        reason: &'static str,
    },
    /// The audio encoder refused samples.
    #[error("encode audio")]
    Audio(#[source] syom::AacError),
    /// The finished file could not be written.
    #[error("write the MP4 file")]
    Write(#[source] std::io::Error),
}
