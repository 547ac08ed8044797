//! What a file is: by its first bytes, and by what the examination in the sandbox says.
//!
//! Only signatures are read here. Containers are never parsed in the process that holds the credentials: the component
//! `guest/facts` does that, in the sandbox, and answers [`MediaFacts`].

mod facts;

pub use facts::{
    AudioFacts, CodecId, CodecName, FactsPolicy, FaultDetail, FrameRate, MediaFacts, MediaFault, MediaFaultCode,
    VideoFacts,
};

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of file that a slot of a layout may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// ISO base media, any brand but QuickTime's.
    Mp4,
    /// QuickTime.
    Mov,
    /// Matroska with document type `webm`.
    Webm,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF 87a or 89a.
    Gif,
    /// MPEG audio layer III, with or without an ID3v2 tag.
    Mp3,
    /// RIFF WAVE.
    Wav,
    /// A JSON object or array in UTF-8.
    Json,
}

impl MediaKind {
    /// Every kind.
    pub const ALL: [Self; 9] =
        [Self::Mp4, Self::Mov, Self::Webm, Self::Png, Self::Jpeg, Self::Gif, Self::Mp3, Self::Wav, Self::Json];

    /// How many first bytes [`MediaKind::sniff`] wants to see; fewer only at the end of the file.
    pub const SNIFF_BYTES: usize = 512;

    /// Recognises a file by its first bytes; `None` for every kind that is not listed here.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        match head {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Self::Wav),
            [b'I', b'D', b'3', 2..=4, ..] => Some(Self::Mp3),
            [0x1a, 0x45, 0xdf, 0xa3, rest @ ..] => has_webm_document_type(rest).then_some(Self::Webm),
            [_, _, _, _, b'f', b't', b'y', b'p', b'q', b't', b' ', b' ', ..] => Some(Self::Mov),
            [_, _, _, _, b'f', b't', b'y', b'p', _, _, _, _, ..] => Some(Self::Mp4),
            [0xff, second, third, ..] if is_mpeg_layer_3(*second, *third) => Some(Self::Mp3),
            _ => looks_like_json(head).then_some(Self::Json),
        }
    }

    /// The content type the object gets.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Mp4 => "video/mp4",
            Self::Mov => "video/quicktime",
            Self::Webm => "video/webm",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Mp3 => "audio/mpeg",
            Self::Wav => "audio/wav",
            Self::Json => "application/json",
        }
    }

    /// Its name in settings and manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            _ => self.extension(),
        }
    }

    /// The extension an object key gets, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Webm => "webm",
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Gif => "gif",
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
            Self::Json => "json",
        }
    }

    /// Whether a declared content type means this kind. Parameters (`; codecs=…`) and case do not matter, and the common
    /// second names of WAV and MP3 count.
    pub fn is_declared_by(self, content_type: &str) -> bool {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == self.content_type()
            || match self {
                Self::Wav => matches!(essence.as_str(), "audio/x-wav" | "audio/wave" | "audio/vnd.wave"),
                Self::Mp3 => essence == "audio/mp3",
                _ => false,
            }
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.content_type())
    }
}

/// EBML header element `DocType` (0x4282) with the value `webm`. Found by search: walking the header would be parsing.
fn has_webm_document_type(header: &[u8]) -> bool {
    header.windows(7).any(|w| w == [0x42, 0x82, 0x84, b'w', b'e', b'b', b'm'])
}

/// Frame header of MPEG 1, 2 or 2.5 layer III with a possible bit rate and sample rate.
fn is_mpeg_layer_3(second: u8, third: u8) -> bool {
    let sync_and_layer = second & 0xe6 == 0xe2;
    let version = (second >> 3) & 3;
    let bit_rate = third >> 4;
    let sample_rate = (third >> 2) & 3;
    sync_and_layer && version != 1 && bit_rate != 0 && bit_rate != 15 && sample_rate != 3
}

/// A `{` or `[` after optional white space, and no byte that UTF-8 text of JSON cannot hold.
fn looks_like_json(head: &[u8]) -> bool {
    let first = head.iter().find(|b| !b.is_ascii_whitespace());
    let opens = matches!(first, Some(b'{' | b'['));
    opens && head.iter().all(|b| !b.is_ascii_control() || b.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b10_recognises_each_kind_by_its_first_bytes() {
        let cases: [(&[u8], MediaKind); 11] = [
            (b"\0\0\0\x20ftypisom\0\0\x02\0", MediaKind::Mp4),
            (b"\0\0\0\x14ftypqt  \0\0\x02\0", MediaKind::Mov),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", MediaKind::Webm),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", MediaKind::Png),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", MediaKind::Jpeg),
            (b"GIF89a\x01\0\x01\0", MediaKind::Gif),
            (b"ID3\x04\0\0\0\0\0\0", MediaKind::Mp3),
            (b"\xff\xfb\x90\x64\0\0\0\0", MediaKind::Mp3),
            (b"RIFF\x24\0\0\0WAVEfmt ", MediaKind::Wav),
            (b" \n{\"a\": 1}", MediaKind::Json),
            ("[\"é\"]".as_bytes(), MediaKind::Json),
        ];
        for (head, kind) in cases {
            assert_eq!(MediaKind::sniff(head), Some(kind), "{kind}");
        }
    }

    #[test]
    fn b10_refuses_what_only_claims_to_be_media() {
        let cases: [&[u8]; 10] = [
            b"",
            b"<!doctype html><script>",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\">",
            b"ftypisom\0\0\0\0\0\0\0\0",
            b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska",
            b"RIFF\x24\0\0\0AVI LIST",
            b"\xff\xff\xff\xff",
            b"\x89PNG\r\n",
            b"{\0\0\0}",
            b"MZ\x90\0",
        ];
        for head in cases {
            assert_eq!(MediaKind::sniff(head), None, "{head:?}");
        }
    }

    #[test]
    fn a_declared_type_may_carry_parameters_and_case() {
        assert!(MediaKind::Mp4.is_declared_by("Video/MP4; codecs=\"avc1\""));
        assert!(MediaKind::Wav.is_declared_by("audio/x-wav"));
        assert!(!MediaKind::Mp4.is_declared_by("video/webm"));
    }
}
