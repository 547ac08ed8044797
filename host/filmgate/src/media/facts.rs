use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::job::{InvalidValue, first_outside, parsed_text};
use crate::media::MediaKind;

/// What the examination in the sandbox found in a file. Nothing in it is to be trusted further than its types: it comes
/// from a component that has read a stranger's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaFacts {
    /// What was examined: the kind that the first bytes say.
    pub container: MediaKind,
    /// The longest track in milliseconds; absent for still pictures and where the file does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Pictures; a picture file has one.
    pub video: Vec<VideoFacts>,
    /// Sound.
    pub audio: Vec<AudioFacts>,
    /// Tracks that are neither: subtitles, timecodes.
    pub other_tracks: u32,
    /// MP4 and MOV: whether a player can start before it has the whole file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast_start: Option<bool>,
    /// What is wrong with it. Empty unless unsound files are let in.
    pub faults: Vec<MediaFault>,
}

/// A sequence of pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoFacts {
    /// A common name such as `h264`; `unknown` where there is none.
    pub codec: CodecName,
    /// The container's own name of it, for example `avc1`.
    pub codec_id: CodecId,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Pictures a second on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<FrameRate>,
    /// How many pictures, where the container counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<u64>,
}

/// A sequence of samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioFacts {
    /// A common name such as `aac`; `unknown` where there is none.
    pub codec: CodecName,
    /// The container's own name of it, for example `A_OPUS`.
    pub codec_id: CodecId,
    /// Channels.
    pub channels: u32,
    /// Samples a second.
    pub sample_rate: u32,
}

/// Something wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaFault {
    /// What kind of thing.
    pub code: MediaFaultCode,
    /// What and where, for people.
    pub detail: FaultDetail,
}

/// The kinds of [`MediaFault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediaFaultCode {
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

parsed_text! {
    /// A common name of a codec, for example `h264`, `vp9`, `aac`, `opus`.
    ///
    /// Invariant: 1 to 16 characters of `a-z 0-9`.
    CodecName,
    what: "codec",
    allowed: "1 to 16 characters of a-z 0-9, for example h264, hevc, av1, vp8, vp9, aac, mp3, opus, vorbis, pcm",
    check: codec_name_fault
}

parsed_text! {
    /// A container's own name of a codec: text from the file.
    ///
    /// Invariant: at most 32 printable characters of ASCII.
    CodecId,
    what: "codec id",
    allowed: "at most 32 printable characters of ASCII",
    check: codec_id_fault
}

parsed_text! {
    /// What is wrong, for people.
    ///
    /// Invariant: 1 to 200 printable characters of ASCII.
    FaultDetail,
    what: "fault",
    allowed: "1 to 200 printable characters of ASCII",
    check: detail_fault
}

fn codec_name_fault(text: &str) -> Option<String> {
    if text.is_empty() || text.len() > 16 {
        return Some(format!("has {} characters", text.len()));
    }
    first_outside(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

fn codec_id_fault(text: &str) -> Option<String> {
    if text.len() > 32 {
        return Some(format!("has {} bytes", text.len()));
    }
    first_outside(text, |c| matches!(c, ' '..='~'))
}

fn detail_fault(text: &str) -> Option<String> {
    if text.is_empty() || text.len() > 200 {
        return Some(format!("has {} bytes", text.len()));
    }
    first_outside(text, |c| matches!(c, ' '..='~'))
}

/// Pictures a second, kept in thousandths.
///
/// Invariant: more than 0, at most 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct FrameRate(u32);

impl FrameRate {
    /// Thousandths of a picture a second.
    pub fn thousandths(self) -> u32 {
        self.0
    }
}

impl TryFrom<f64> for FrameRate {
    type Error = InvalidValue;

    fn try_from(rate: f64) -> Result<Self, InvalidValue> {
        let thousandths = (rate * 1000.0).round();
        if !(1.0..=1e9).contains(&thousandths) {
            return Err(InvalidValue::new("frame rate", &rate.to_string(), "is out of range", "0.001 to 1000000"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above")]
        Ok(Self(thousandths as u32))
    }
}

impl From<FrameRate> for f64 {
    fn from(rate: FrameRate) -> Self {
        Self::from(rate.0) / 1000.0
    }
}

/// Tracks and faults that are believed of one file.
const LIST_MAX: usize = 32;

impl MediaFacts {
    /// Reads what the component answered of a file of this kind. Fails for everything but a record in bounds.
    pub fn parse(answer: &str, kind: MediaKind) -> Result<Self, String> {
        let facts: Self = serde_json::from_str(answer).map_err(|error| error.to_string())?;
        if facts.container != kind {
            return Err(format!("it speaks of {} where {kind} was asked for", facts.container));
        }
        if [facts.video.len(), facts.audio.len(), facts.faults.len()].iter().any(|length| *length > LIST_MAX) {
            return Err(format!("it lists more than {LIST_MAX} tracks or faults"));
        }
        Ok(facts)
    }

    /// The codecs of all pictures and sounds.
    pub fn codecs(&self) -> impl Iterator<Item = &CodecName> {
        self.video.iter().map(|track| &track.codec).chain(self.audio.iter().map(|track| &track.codec))
    }
}

impl fmt::Display for MediaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.code {
            MediaFaultCode::Truncated => "it is cut off",
            MediaFaultCode::Malformed => "its structure is broken",
            MediaFaultCode::TrailingBytes => "something lies behind its end",
            MediaFaultCode::Polyglot => "it is a file of another kind too",
            MediaFaultCode::NoPictures => "it has no pictures",
            MediaFaultCode::NoSound => "it has no sound",
            MediaFaultCode::ZeroDimensions => "its pictures have no size",
            MediaFaultCode::TooComplex => "it is too complex to be examined",
        };
        write!(f, "{what}: {}", self.detail)
    }
}

/// What is made of [`MediaFacts`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FactsPolicy {
    /// Every file is examined; one that is unsound, or cannot be examined, is refused.
    #[default]
    Require,
    /// Every file is examined and what was found is kept; nothing is refused for it.
    Record,
    /// No file is examined: its first bytes decide alone.
    Off,
}

impl FromStr for FactsPolicy {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "require" => Ok(Self::Require),
            "record" => Ok(Self::Record),
            "off" => Ok(Self::Off),
            _ => Err(InvalidValue::new("use of media facts", text, "is unknown", "require, record, off")),
        }
    }
}

impl fmt::Display for FactsPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Require => "require",
            Self::Record => "record",
            Self::Off => "off",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"container":"mp4","duration_ms":1500,"video":[{"codec":"h264","codec_id":"avc1","width":16,"height":9,"fps":29.97,"frames":45}],"audio":[],"other_tracks":0,"fast_start":true,"faults":[]}"#;

    #[test]
    fn an_answer_is_read_and_written_alike() {
        let facts = MediaFacts::parse(ANSWER, MediaKind::Mp4).unwrap();
        assert_eq!(facts.video[0].fps.map(FrameRate::thousandths), Some(29_970));
        assert_eq!(serde_json::to_string(&facts).unwrap(), ANSWER);
    }

    #[test]
    fn m2_an_answer_that_is_no_record_in_bounds_is_not_believed() {
        let track = r#"{"codec":"h264","codec_id":"avc1","width":16,"height":9},"#;
        let many = ANSWER.replace(r#""video":["#, &format!(r#""video":[{}"#, track.repeat(32)));
        let cases = [
            (String::new(), "EOF"),
            ("null".to_owned(), "null"),
            (ANSWER.replace("mp4", "webm"), "speaks of video/webm"),
            (ANSWER.replace("h264", "H264"), "codec \"H264\""),
            (ANSWER.replace("h264", ""), "codec"),
            (ANSWER.replace("avc1", "\\u001b[2J"), "codec id"),
            (ANSWER.replace("29.97", "-1"), "frame rate"),
            (ANSWER.replace("29.97", "1e300"), "frame rate"),
            (ANSWER.replace("\"width\":16", "\"width\":-16"), "-16"),
            (ANSWER.replace("\"other_tracks\":0", "\"other_tracks\":0,\"url\":\"x\""), "url"),
            (ANSWER.replace("\"faults\":[]", "\"faults\":[{\"code\":\"odd\",\"detail\":\"x\"}]"), "odd"),
            (ANSWER.replace("\"faults\":[]", "\"faults\":[{\"code\":\"malformed\",\"detail\":\"\\n\"}]"), "fault"),
            (many, "more than 32"),
        ];
        for (answer, part) in cases {
            let error = MediaFacts::parse(&answer, MediaKind::Mp4).unwrap_err();
            assert!(error.contains(part), "{part:?} is missing in {error:?}");
        }
    }
}
