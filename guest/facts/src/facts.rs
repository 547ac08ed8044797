use std::{fmt, io};

use serde::{Deserialize, Serialize};

/// Tracks of a file that are told of. More are [`FaultCode::TooComplex`].
pub const TRACKS_MAX: usize = 32;

/// What the first bytes say a file is; the host has looked at them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// ISO base media.
    Mp4,
    /// QuickTime.
    Mov,
    /// Matroska of document type `webm`.
    Webm,
    /// PNG, animated or not.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// MPEG audio layer III.
    Mp3,
    /// RIFF WAVE.
    Wav,
    /// One JSON value.
    Json,
}

/// What a file holds. The host has the same record; it believes none of it unseen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facts {
    /// What was examined.
    pub container: Kind,
    /// The longest track in milliseconds; absent for still pictures and where the file does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Pictures; a picture file has one.
    pub video: Vec<VideoTrack>,
    /// Sound.
    pub audio: Vec<AudioTrack>,
    /// Tracks that are neither: subtitles, timecodes.
    pub other_tracks: u32,
    /// MP4 and MOV: whether a player can start before it has the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fast_start: Option<bool>,
    /// What is wrong with it; empty for a sound file. The first one is where the examination ended, or all were found at
    /// its end.
    pub faults: Vec<Fault>,
}

/// A sequence of pictures.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct VideoTrack {
    /// A common name such as `h264`; `unknown` where this crate has none.
    pub codec: &'static str,
    /// The container's own name of it, for example `avc1` or `V_VP9`: at most 32 printable characters.
    pub codec_id: String,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Pictures a second on average, to three decimals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fps: Option<f64>,
    /// How many pictures, where the container counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<u64>,
}

/// A sequence of samples.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct AudioTrack {
    /// A common name such as `aac`; `unknown` where this crate has none.
    pub codec: &'static str,
    /// The container's own name of it.
    pub codec_id: String,
    /// Channels.
    pub channels: u32,
    /// Samples a second.
    pub sample_rate: u32,
}

/// Something wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// What kind of thing.
    pub code: FaultCode,
    /// What and where, for people: at most 200 bytes, never text from the file.
    pub detail: String,
}

/// The kinds of [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultCode {
    /// The file ends before its own structure does.
    Truncated,
    /// The structure contradicts the format.
    Malformed,
    /// Bytes lie behind the end.
    TrailingBytes,
    /// The same bytes are also a file of another format.
    Polyglot,
    /// A video file without a video track, or a track without a picture.
    NoPictures,
    /// A sound file without sound.
    NoSound,
    /// A picture without width or height.
    ZeroDimensions,
    /// More structure than any honest file has.
    TooComplex,
}

/// Why an examination ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    Fault(Fault),
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Ends the examination with a fault.
pub(crate) fn stop<T>(code: FaultCode, detail: impl fmt::Display) -> Result<T, Stop> {
    Err(Stop::Fault(Fault { code, detail: detail.to_string() }))
}

impl Facts {
    pub(crate) fn new(container: Kind) -> Self {
        Self {
            container,
            duration_ms: None,
            video: Vec::new(),
            audio: Vec::new(),
            other_tracks: 0,
            fast_start: None,
            faults: Vec::new(),
        }
    }

    /// Notes a still picture or an animation.
    pub(crate) fn picture(&mut self, codec: &'static str, width: u32, height: u32) -> &mut VideoTrack {
        let track = VideoTrack { codec, codec_id: codec.to_owned(), width, height, ..VideoTrack::default() };
        self.video.insert(0, track);
        &mut self.video[0]
    }

    pub(crate) fn count_tracks(&self) -> Result<(), Stop> {
        let other = usize::try_from(self.other_tracks).unwrap_or(usize::MAX);
        if self.video.len() + self.audio.len() >= TRACKS_MAX.saturating_sub(other) {
            return stop(FaultCode::TooComplex, format!("more than {TRACKS_MAX} tracks"));
        }
        Ok(())
    }

    /// Adds what can only be said of a file whose structure is whole.
    pub(crate) fn judge(&mut self) {
        let mut add = |code, detail: &str| self.faults.push(Fault { code, detail: detail.to_owned() });
        let is_sound = matches!(self.container, Kind::Mp3 | Kind::Wav);
        if is_sound {
            if !self.audio.iter().any(|track| track.channels > 0 && track.sample_rate > 0) {
                add(FaultCode::NoSound, "there is no track with channels and a sample rate");
            }
        } else if self.container != Kind::Json {
            if self.video.is_empty() {
                add(FaultCode::NoPictures, "there is no video track");
            } else if self.video.iter().any(|track| track.width == 0 || track.height == 0) {
                add(FaultCode::ZeroDimensions, "a video track has no width or no height");
            } else if self.video.iter().all(|track| track.frames == Some(0)) {
                add(FaultCode::NoPictures, "no video track has a picture");
            }
        }
    }
}

/// Milliseconds of `ticks`, where there is a scale.
pub(crate) fn milliseconds(ticks: u64, scale: u64) -> Option<u64> {
    let milliseconds = (u128::from(ticks) * 1000).checked_div(u128::from(scale))?;
    u64::try_from(milliseconds).ok()
}

/// `count` a `ticks / scale` seconds, to three decimals; absent where that is no number or none a picture has.
pub(crate) fn rate(count: u64, ticks: u64, scale: u64) -> Option<f64> {
    let milli =
        (u128::from(count) * u128::from(scale) * 1000 + u128::from(ticks) / 2).checked_div(u128::from(ticks))?;
    let milli = u32::try_from(milli).ok().filter(|milli| (1..=1_000_000_000).contains(milli))?;
    Some(f64::from(milli) / 1000.0)
}

/// A name from the file: printable ASCII only, cut.
pub(crate) fn shown(name: &[u8]) -> String {
    let text: String =
        name.iter().take(32).map(|byte| if byte.is_ascii_graphic() { *byte as char } else { '.' }).collect();
    text.trim_end_matches('.').to_owned()
}
