use crate::facts::{AudioTrack, Facts, FaultCode, Stop, milliseconds, stop};
use crate::source::Reader;

/// Tags in one file. Honest ones have up to four.
const TAGS_MAX: u32 = 16;

/// Kilobits a second by the header's four bits: of MPEG 1 and of its halved sample rates.
const BIT_RATES: [[u32; 14]; 2] = [
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// What the four bytes before a frame say.
#[derive(Clone, Copy)]
struct Frame {
    bytes: u64,
    samples: u64,
    sample_rate: u32,
    channels: u32,
    /// Where an encoder puts its table in place of sound, in the first frame.
    table: u64,
}

pub(crate) fn walk(reader: &mut Reader<'_>, facts: &mut Facts) -> Result<(), Stop> {
    let (mut offset, mut tags, mut samples) = (0, 0, 0_u64);
    let mut first: Option<Frame> = None;
    while offset < reader.size() {
        if let Some(bytes) = tag_at(reader, offset)? {
            tags += 1;
            if tags > TAGS_MAX {
                return stop(FaultCode::TooComplex, format!("more than {TAGS_MAX} tags"));
            }
            if bytes > reader.size() - offset {
                return stop(FaultCode::Truncated, format!("a tag of {bytes} bytes at {offset} has no end"));
            }
            offset += bytes;
            continue;
        }
        let left = reader.size() - offset;
        let frame = if left < 4 { None } else { Frame::parse(reader.array(offset)?) };
        // A stream does not change its rate; what seems to is no frame.
        let Some(frame) = frame.filter(|frame| first.is_none_or(|first| first.sample_rate == frame.sample_rate)) else {
            let code = if first.is_some() { FaultCode::TrailingBytes } else { FaultCode::Malformed };
            return stop(code, format!("{left} bytes from {offset} on are no frame"));
        };
        if frame.bytes > left {
            return stop(FaultCode::Truncated, format!("a frame of {} bytes at {offset} has {left}", frame.bytes));
        }
        if first.is_none() {
            facts.audio.push(AudioTrack {
                codec: "mp3",
                codec_id: "mp3".to_owned(),
                channels: frame.channels,
                sample_rate: frame.sample_rate,
            });
        }
        let is_table = first.is_none() && frame.has_table(reader, offset)?;
        samples += if is_table { 0 } else { frame.samples };
        first = first.or(Some(frame));
        offset += frame.bytes;
    }
    let Some(first) = first else { return stop(FaultCode::NoSound, "there is no frame") };
    facts.duration_ms = milliseconds(samples, first.sample_rate.into());
    Ok(())
}

/// The size of the tag that begins here: ID3 in both versions, APE with its header, Lyrics3.
fn tag_at(reader: &mut Reader<'_>, offset: u64) -> Result<Option<u64>, Stop> {
    let left = reader.size() - offset;
    let head = reader.up_to(offset, 3)?;
    if head.starts_with(b"ID3") && left >= 10 {
        let [_, _, _, _, _, flags, a, b, c, d] = reader.array(offset)?;
        if (a | b | c | d) & 0x80 != 0 {
            return stop(FaultCode::Malformed, format!("a tag without a size at {offset}"));
        }
        let size = [a, b, c, d].iter().fold(0, |size, byte| size << 7 | u64::from(*byte));
        let footer = if flags & 0x10 == 0 { 0 } else { 10 };
        return Ok(Some(10 + size + footer));
    }
    if head.starts_with(b"TAG") && left == 128 {
        return Ok(Some(128));
    }
    if left >= 32 && reader.array(offset)? == *b"APETAGEX" {
        let [a, b, c, d, _, _, _, _, flags @ ..] = reader.array::<12>(offset + 12)?;
        let size = u64::from(u32::from_le_bytes([a, b, c, d]));
        // Counted without the header; a footer that stands alone is its own tag.
        let is_header = flags[3] & 0x20 != 0;
        return Ok(Some(if is_header { 32 + size } else { 32 }));
    }
    if left >= 15 && reader.array(offset)? == *b"LYRICSBEGIN" {
        return lyrics(reader, offset).map(Some);
    }
    Ok(None)
}

/// Lyrics3 says its size at its end, which is 15 bytes before the ID3 tag that ends the file.
fn lyrics(reader: &mut Reader<'_>, offset: u64) -> Result<u64, Stop> {
    let end = reader.size().saturating_sub(128);
    if end < offset + 15 {
        return stop(FaultCode::Truncated, format!("lyrics at {offset} have no end"));
    }
    let tail: [u8; 15] = reader.array(end - 15)?;
    if &tail[6..] != b"LYRICS200" && &tail[6..] != b"LYRICSEND" {
        return stop(FaultCode::Malformed, format!("lyrics at {offset} have no end"));
    }
    Ok(end - offset)
}

impl Frame {
    fn parse([sync, second, third, fourth]: [u8; 4]) -> Option<Self> {
        let (version, layer) = (second >> 3 & 3, second >> 1 & 3);
        if sync != 0xff || second & 0xe0 != 0xe0 || layer != 1 || version == 1 {
            return None;
        }
        let is_full = version == 3;
        let rates: [u32; 3] = match version {
            3 => [44_100, 48_000, 32_000],
            2 => [22_050, 24_000, 16_000],
            _ => [11_025, 12_000, 8_000],
        };
        let sample_rate = *rates.get(usize::from(third >> 2 & 3))?;
        let bit_rate = usize::from(third >> 4).checked_sub(1)?;
        let bit_rate = *BIT_RATES[usize::from(!is_full)].get(bit_rate)? * 1000;
        let samples: u32 = if is_full { 1152 } else { 576 };
        let padding = u32::from(third >> 1 & 1);
        let is_mono = fourth >> 6 == 3;
        let table = match (is_full, is_mono) {
            (true, false) => 36,
            (true, true) | (false, false) => 21,
            (false, true) => 13,
        };
        let bytes = u64::from(samples / 8 * bit_rate / sample_rate + padding);
        Some(Self { bytes, samples: samples.into(), sample_rate, channels: if is_mono { 1 } else { 2 }, table })
    }

    fn has_table(self, reader: &mut Reader<'_>, offset: u64) -> Result<bool, Stop> {
        let fits = self.bytes >= self.table + 4;
        Ok(fits && matches!(&reader.array(offset + self.table)?, b"Xing" | b"Info"))
    }
}
