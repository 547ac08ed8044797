use crate::facts::{AudioTrack, Facts, FaultCode, Stop, milliseconds, stop};
use crate::source::Reader;

/// What writers put in place of sizes that they do not know yet.
const UNKNOWN: u32 = u32::MAX;

pub(crate) fn walk(reader: &mut Reader<'_>, facts: &mut Facts) -> Result<(), Stop> {
    let head: [u8; 12] = reader.array(0)?;
    let riff = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    if !head.starts_with(b"RIFF") || &head[8..] != b"WAVE" {
        return stop(FaultCode::Malformed, "no RIFF WAVE header");
    }
    let is_streamed = riff == UNKNOWN || riff == 0;
    // The size counts from behind itself; an odd one has a byte of padding, which some writers leave out.
    let end = if is_streamed { reader.size() } else { 8 + u64::from(riff) };
    if end > reader.size() {
        return stop(FaultCode::Truncated, format!("the header says {end} bytes, the file has {}", reader.size()));
    }
    if reader.size() - end > end % 2 {
        return stop(FaultCode::TrailingBytes, format!("{} bytes lie behind the end at {end}", reader.size() - end));
    }
    let (mut bytes_a_second, mut data) = (0, None);
    let mut offset = 12;
    while offset < end {
        if end - offset < 8 {
            return stop(FaultCode::TrailingBytes, format!("{} bytes at {offset} are no chunk", end - offset));
        }
        reader.count_header()?;
        let chunk: [u8; 8] = reader.array(offset)?;
        let size = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]);
        let is_data = &chunk[..4] == b"data";
        let left = end - offset - 8;
        let bytes = if is_streamed && is_data && (size == UNKNOWN || size == 0) { left } else { u64::from(size) };
        if bytes > left {
            return stop(FaultCode::Truncated, format!("a chunk of {bytes} bytes at {offset} has {left}"));
        }
        match &chunk[..4] {
            b"fmt " => bytes_a_second = format(reader, facts, offset + 8, bytes)?,
            b"data" => data = data.or(Some(bytes)),
            _ => {}
        }
        offset += 8 + bytes + bytes % 2;
    }
    match data {
        None => stop(FaultCode::NoSound, "there is no data chunk"),
        Some(0) => stop(FaultCode::NoSound, "the data chunk is empty"),
        Some(bytes) => {
            facts.duration_ms = milliseconds(bytes, bytes_a_second.into());
            Ok(())
        }
    }
}

/// Reads the format and answers its bytes a second.
fn format(reader: &mut Reader<'_>, facts: &mut Facts, offset: u64, bytes: u64) -> Result<u32, Stop> {
    if bytes < 16 {
        return stop(FaultCode::Malformed, format!("a format of {bytes} bytes"));
    }
    let format: [u8; 16] = reader.array(offset)?;
    let word = |at: usize| u16::from_le_bytes([format[at], format[at + 1]]);
    let double = |at: usize| u32::from_le_bytes([format[at], format[at + 1], format[at + 2], format[at + 3]]);
    let mut tag = word(0);
    if tag == 0xfffe && bytes >= 26 {
        tag = u16::from_le_bytes(reader.array(offset + 24)?);
    }
    let codec = match tag {
        1 | 3 => "pcm",
        2 | 0x11 => "adpcm",
        6 => "alaw",
        7 => "mulaw",
        0x55 => "mp3",
        _ => "unknown",
    };
    facts.count_tracks()?;
    let (channels, sample_rate) = (word(2).into(), double(4));
    facts.audio.push(AudioTrack { codec, codec_id: format!("{tag:#06x}"), channels, sample_rate });
    Ok(double(8))
}
