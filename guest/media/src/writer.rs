use crate::aac::{AudioEncoder, AudioFormat};
use crate::error::Error;
use crate::frame_rate::FrameRate;
use crate::h264::{VideoEncoder, VideoFormat};
use crate::mp4;
use std::io::Write;

/// Smallest width and height in pixels: one macroblock.
pub const SIDE_MIN: u32 = 16;
/// Largest width and height in pixels.
pub const SIDE_MAX: u32 = 4_096;
/// Most pixels of a frame: what H.264 level 5.2 holds.
pub const AREA_MAX: u32 = 4_096 * 2_304;
/// Finest quantizer: files grow fast below it and nobody sees the difference.
pub const QUANTIZER_MIN: u8 = 12;
/// Coarsest quantizer: blocks are plain to see above it.
pub const QUANTIZER_MAX: u8 = 42;

/// Frames and samples in, one MP4 out.
///
/// Call [`frame`](Self::frame) for each picture in order, [`audio`](Self::audio) with any amount of samples at any time
/// before the end (or never: the file then has no audio track), and one of the two `finish` functions at the end.
///
/// After an error the writer is in no useful state: drop it.
pub struct VideoWriter {
    video: VideoEncoder,
    audio: AudioEncoder,
}

/// Settings of a [`VideoWriter`]; each has a default.
#[derive(Debug, Clone)]
pub struct Builder {
    width: u32,
    height: u32,
    /// Frames in seconds.
    rate: (u32, u32),
    quantizer: u8,
    keyframe_interval: Option<u32>,
    audio: AudioFormat,
}

impl VideoWriter {
    /// A writer with default settings: quantizer 26, a key frame at least every three seconds, audio 48 kHz stereo at 128 kbit/s.
    ///
    /// Fails on a size or rate out of bounds.
    pub fn new(width: u32, height: u32, frames_per_second: u32) -> Result<VideoWriter, Error> {
        VideoWriter::builder(width, height, frames_per_second).build()
    }

    /// Starts with the defaults of [`new`](Self::new) and lets you change them; [`Builder::build`] checks them.
    #[must_use]
    pub fn builder(width: u32, height: u32, frames_per_second: u32) -> Builder {
        let audio = AudioFormat { sample_rate: 48_000, channels: 2, bits_per_second: 128_000 };
        Builder { width, height, rate: (frames_per_second, 1), quantizer: 26, keyframe_interval: None, audio }
    }

    /// Appends one picture: RGBA, 8 bits each, rows from the top without padding, alpha ignored.
    ///
    /// Fails unless `rgba` has exactly `width * height * 4` bytes.
    pub fn frame(&mut self, rgba: &[u8]) -> Result<(), Error> {
        self.video.push(rgba)
    }

    /// Makes the next frame a key frame. Worth it where a new scene starts without a transition.
    pub fn request_keyframe(&mut self) {
        self.video.request_keyframe();
    }

    /// Appends audio samples, interleaved by channel, full scale ±1; louder ones are clipped.
    ///
    /// Sound starts with the first frame and is neither padded nor cut to the picture's length.
    /// Fails if the samples do not divide by the channels or one is not finite.
    pub fn audio(&mut self, interleaved: &[f32]) -> Result<(), Error> {
        self.audio.push(interleaved)
    }

    /// Frames given so far.
    pub fn frames(&self) -> u64 {
        self.video.frames()
    }

    /// The whole file. Fails if there is no frame or the file would pass 4 GiB.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        let mut file = Vec::new();
        self.finish_into(&mut file)?;
        Ok(file)
    }

    /// Writes the whole file in pieces of about half a second and answers its size in bytes.
    ///
    /// Nothing is written before this call. The writer is not flushed. Fails like [`finish`](Self::finish) and if writing does.
    pub fn finish_into(self, file: impl Write) -> Result<u64, Error> {
        let video = self.video.finish()?;
        let audio = self.audio.finish()?;
        mp4::write(file, &video, audio.as_ref())
    }
}

impl Builder {
    /// An exact rate, for example 30,000 frames in 1,001 seconds. It must be 1 to 120 frames a second.
    #[must_use]
    pub fn frame_rate(mut self, frames: u32, seconds: u32) -> Builder {
        self.rate = (frames, seconds);
        self
    }

    /// Constant quantizer, 12 (fine, large) to 42 (coarse, small); 26 by default. Six steps halve or double the size.
    #[must_use]
    pub fn quantizer(mut self, quantizer: u8) -> Builder {
        self.quantizer = quantizer;
        self
    }

    /// Most frames from one key frame to the next; three seconds by default, 0 counts as 1. Players seek to key frames.
    #[must_use]
    pub fn keyframe_interval(mut self, frames: u32) -> Builder {
        self.keyframe_interval = Some(frames.max(1));
        self
    }

    /// Format of the samples for [`VideoWriter::audio`]: 48,000 Hz and 2 channels by default.
    #[must_use]
    pub fn audio_format(mut self, sample_rate: u32, channels: u16) -> Builder {
        self.audio.sample_rate = sample_rate;
        self.audio.channels = channels;
        self
    }

    /// Bits a second of the whole audio track: 128,000 by default.
    #[must_use]
    pub fn audio_bit_rate(mut self, bits_per_second: u32) -> Builder {
        self.audio.bits_per_second = bits_per_second;
        self
    }

    /// Checks the settings and starts the encoders.
    pub fn build(self) -> Result<VideoWriter, Error> {
        let Builder { width, height, rate, quantizer, .. } = self;
        let side = |pixels: u32| (SIDE_MIN..=SIDE_MAX).contains(&pixels) && pixels.is_multiple_of(2);
        if !side(width) || !side(height) || width * height > AREA_MAX {
            return Err(Error::Size { width, height });
        }
        if !(QUANTIZER_MIN..=QUANTIZER_MAX).contains(&quantizer) {
            return Err(Error::Quantizer(quantizer));
        }
        let rate = FrameRate::new(rate.0, rate.1)?;
        let three_seconds = (3 * rate.timescale()).div_ceil(rate.frame_ticks());
        let keyframe_interval = self.keyframe_interval.unwrap_or(three_seconds);
        let video = VideoEncoder::new(VideoFormat { width, height, rate, quantizer, keyframe_interval })?;
        Ok(VideoWriter { video, audio: AudioEncoder::new(self.audio)? })
    }
}
