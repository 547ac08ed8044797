/// A kind of file that the host stores, by its first bytes, and what a stored file of it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) content_type: &'static str,
    pub(crate) extension: &'static str,
}

/// How many first bytes [`sniff`] looks at.
pub(crate) const SNIFF_BYTES: usize = 512;

/// The host's rule: signatures only, nothing is parsed.
pub(crate) fn sniff(head: &[u8]) -> Option<Kind> {
    let (content_type, extension) = match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => ("image/png", "png"),
        [0xff, 0xd8, 0xff, ..] => ("image/jpeg", "jpg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => ("image/gif", "gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => ("audio/wav", "wav"),
        [b'I', b'D', b'3', 2..=4, ..] => ("audio/mpeg", "mp3"),
        [0xff, second, third, ..] if is_mp3_frame(*second, *third) => ("audio/mpeg", "mp3"),
        [0x1a, 0x45, 0xdf, 0xa3, rest @ ..] if rest.windows(7).any(|w| w == b"\x42\x82\x84webm") => {
            ("video/webm", "webm")
        }
        [_, _, _, _, b'f', b't', b'y', b'p', b'q', b't', b' ', b' ', ..] => ("video/quicktime", "mov"),
        [_, _, _, _, b'f', b't', b'y', b'p', _, _, _, _, ..] => ("video/mp4", "mp4"),
        _ if looks_like_json(head) => ("application/json", "json"),
        _ => return None,
    };
    Some(Kind { content_type, extension })
}

impl Kind {
    pub(crate) fn is_video(self) -> bool {
        self.content_type.starts_with("video/")
    }

    /// Whether a declared type means this kind; parameters and case do not matter.
    pub(crate) fn is_declared_by(self, content_type: &str) -> bool {
        let declared = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let usual = match declared.as_str() {
            "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => "audio/wav",
            "audio/mp3" => "audio/mpeg",
            other => other,
        };
        usual == self.content_type
    }
}

/// MPEG 1, 2 or 2.5 layer III with a possible bit rate and sample rate.
fn is_mp3_frame(second: u8, third: u8) -> bool {
    let version = (second >> 3) & 3;
    let bit_rate = third >> 4;
    second & 0xe6 == 0xe2 && version != 1 && !matches!(bit_rate, 0 | 15) && (third >> 2) & 3 != 3
}

fn looks_like_json(head: &[u8]) -> bool {
    let opens = matches!(head.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['));
    opens && head.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::sniff;

    #[test]
    fn knows_what_the_host_stores_and_nothing_else() {
        let known: [(&[u8], &str); 10] = [
            (b"\0\0\0\x20ftypisom", "mp4"),
            (b"\0\0\0\x14ftypqt  ", "mov"),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", "webm"),
            (b"\x89PNG\r\n\x1a\n", "png"),
            (b"\xff\xd8\xff\xe0", "jpg"),
            (b"GIF89a", "gif"),
            (b"\xff\xfb\x90\x64", "mp3"),
            (b"ID3\x04", "mp3"),
            (b"RIFF\x24\0\0\0WAVE", "wav"),
            (b" {\"a\":1}", "json"),
        ];
        for (head, extension) in known {
            assert_eq!(sniff(head).unwrap().extension, extension);
        }
        for head in [&b"<!doctype html>"[..], b"", b"\x1a\x45\xdf\xa3\x42\x82\x88matroska", b"\xff\xff\xff\xff"] {
            assert_eq!(sniff(head), None, "{head:?}");
        }
    }

    #[test]
    fn a_declared_type_may_carry_parameters() {
        let mp4 = sniff(b"\0\0\0\x20ftypisom").unwrap();
        assert!(mp4.is_declared_by("Video/MP4; codecs=avc1"));
        assert!(!mp4.is_declared_by("video/webm"));
    }
}
