use crate::ebml::{Element, element};
use crate::facts::{AudioTrack, Facts, FaultCode, Stop, VideoTrack, rate, shown, stop};
use crate::source::Reader;

const HEADER: u32 = 0x1a45_dfa3;
const DOCUMENT_TYPE: u32 = 0x4282;
const ID_LENGTH_MAX: u32 = 0x42f2;
const SIZE_LENGTH_MAX: u32 = 0x42f3;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
const DURATION: u32 = 0x4489;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK_ENTRY: u32 = 0xae;
const TRACK_TYPE: u32 = 0x83;
const CODEC_ID: u32 = 0x86;
const DEFAULT_DURATION: u32 = 0x23_e383;
const VIDEO: u32 = 0xe0;
const PIXEL_WIDTH: u32 = 0xb0;
const PIXEL_HEIGHT: u32 = 0xba;
const AUDIO: u32 = 0xe1;
const SAMPLING_FREQUENCY: u32 = 0xb5;
const CHANNELS: u32 = 0x9f;
const CLUSTER: u32 = 0x1f43_b675;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK_GROUP: u32 = 0xa0;
const VOID: u32 = 0xec;
const CHECKSUM: u32 = 0xbf;
/// What may lie in a segment beside the above: seek head, cues, chapters, tags, attachments.
const OTHER_PARTS: [u32; 5] = [0x114d_9b74, 0x1c53_bb6b, 0x1043_a770, 0x1254_c367, 0x1941_a469];
/// What may lie in a cluster beside blocks: timestamps, positions, silent tracks, encrypted blocks.
const OTHER_CLUSTER_PARTS: [u32; 5] = [0xe7, 0xa7, 0xab, 0x5854, 0xaf];

/// Nanoseconds of a tick where the file does not say.
const TICK_NS: u64 = 1_000_000;

pub(crate) fn walk(reader: &mut Reader<'_>, facts: &mut Facts) -> Result<(), Stop> {
    let size = reader.size();
    let header = element(reader, 0, size)?;
    let (HEADER, Some(mut offset)) = (header.id, header.end) else {
        return stop(FaultCode::Malformed, "no EBML header");
    };
    check_header(reader, header)?;
    let mut has_segment = false;
    while offset < size {
        if has_segment && !is_at(reader, offset, &[VOID, CHECKSUM])? {
            return stop(FaultCode::TrailingBytes, format!("{} bytes lie behind the end at {offset}", size - offset));
        }
        let part = element(reader, offset, size)?;
        match (part.id, part.end) {
            (SEGMENT, _) => {
                has_segment = true;
                offset = segment(reader, facts, part)?;
            }
            (VOID | CHECKSUM, Some(end)) => offset = end,
            _ => return stop(FaultCode::Malformed, format!("no segment at {offset}")),
        }
    }
    if has_segment { Ok(()) } else { stop(FaultCode::Truncated, "there is no segment") }
}

/// Whether one of these elements, or the beginning of one, is here.
fn is_at(reader: &mut Reader<'_>, offset: u64, ids: &[u32]) -> Result<bool, Stop> {
    let head = reader.up_to(offset, 4)?;
    Ok(ids.iter().any(|id| {
        let bytes = id.to_be_bytes();
        let bytes = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
        head.starts_with(bytes)
    }))
}

fn check_header(reader: &mut Reader<'_>, header: Element) -> Result<(), Stop> {
    let mut is_webm = false;
    for_each_child(reader, header, &mut |reader, child| {
        match child.id {
            DOCUMENT_TYPE => is_webm = child.text(reader)? == b"webm",
            ID_LENGTH_MAX if child.unsigned(reader)? > 4 => return stop(FaultCode::Malformed, "ids of over 4 bytes"),
            SIZE_LENGTH_MAX if child.unsigned(reader)? > 8 => {
                return stop(FaultCode::Malformed, "sizes of over 8 bytes");
            }
            _ => {}
        }
        Ok(())
    })?;
    if is_webm { Ok(()) } else { stop(FaultCode::Malformed, "the document type is not webm") }
}

/// Children of an element of known size.
fn for_each_child(
    reader: &mut Reader<'_>,
    parent: Element,
    act: &mut dyn FnMut(&mut Reader<'_>, Element) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let Some(end) = parent.end else {
        return stop(FaultCode::Malformed, format!("an element at {} must have a size", parent.start));
    };
    let mut offset = parent.start;
    while offset < end {
        let child = element(reader, offset, end)?;
        let Some(next) = child.end else {
            return stop(FaultCode::Malformed, format!("an element at {offset} must have a size"));
        };
        act(reader, child)?;
        offset = next;
    }
    Ok(())
}

/// Walks the segment and answers where it ends.
fn segment(reader: &mut Reader<'_>, facts: &mut Facts, segment: Element) -> Result<u64, Stop> {
    let size = reader.size();
    let limit = segment.end.unwrap_or(size);
    let (mut offset, mut has_tracks, mut blocks) = (segment.start, false, false);
    while offset < limit {
        let is_known =
            is_at(reader, offset, &[INFO, TRACKS, CLUSTER, VOID, CHECKSUM])? || is_at(reader, offset, &OTHER_PARTS)?;
        if !is_known {
            let code = if has_tracks { FaultCode::TrailingBytes } else { FaultCode::Malformed };
            return stop(code, format!("no part of a segment at {offset}"));
        }
        let part = element(reader, offset, limit)?;
        match (part.id, part.end) {
            (CLUSTER, end) => {
                if !has_tracks {
                    return stop(FaultCode::Malformed, format!("pictures at {offset} before their tracks"));
                }
                let (next, has_blocks) = cluster(reader, part, limit)?;
                blocks |= has_blocks;
                offset = end.unwrap_or(next);
            }
            (INFO, Some(end)) => {
                info(reader, facts, part)?;
                offset = end;
            }
            (TRACKS, Some(end)) => {
                has_tracks = true;
                tracks(reader, facts, part)?;
                offset = end;
            }
            (_, Some(end)) => offset = end,
            (_, None) => return stop(FaultCode::Malformed, format!("an element at {offset} must have a size")),
        }
    }
    if !blocks {
        return stop(FaultCode::NoPictures, "there is no block of pictures or sound");
    }
    Ok(offset)
}

/// Walks a cluster of unknown size to its end, one of known size to its first block. Answers where that is, and whether
/// there was one.
fn cluster(reader: &mut Reader<'_>, cluster: Element, limit: u64) -> Result<(u64, bool), Stop> {
    let (mut offset, mut has_blocks) = (cluster.start, false);
    let limit = cluster.end.unwrap_or(limit);
    while offset < limit && !(has_blocks && cluster.end.is_some()) {
        let is_part = is_at(reader, offset, &[SIMPLE_BLOCK, BLOCK_GROUP, VOID, CHECKSUM])?
            || is_at(reader, offset, &OTHER_CLUSTER_PARTS)?;
        if !is_part && cluster.end.is_none() {
            break;
        }
        let part = element(reader, offset, limit)?;
        has_blocks |= matches!(part.id, SIMPLE_BLOCK | BLOCK_GROUP);
        let Some(end) = part.end else {
            return stop(FaultCode::Malformed, format!("an element at {offset} must have a size"));
        };
        offset = end;
    }
    Ok((offset, has_blocks))
}

fn info(reader: &mut Reader<'_>, facts: &mut Facts, info: Element) -> Result<(), Stop> {
    let (mut tick_ns, mut ticks) = (TICK_NS, None);
    for_each_child(reader, info, &mut |reader, child| {
        match child.id {
            TIMESTAMP_SCALE => tick_ns = child.unsigned(reader)?,
            DURATION => ticks = Some(child.float(reader)?),
            _ => {}
        }
        Ok(())
    })?;
    let Some(ticks) = ticks else { return Ok(()) };
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of one tick are a small number in honest files")]
    let milliseconds = ticks * tick_ns as f64 / 1e6;
    // The longest time that is a whole number of milliseconds in this type.
    if !(0.0..9e15).contains(&milliseconds) {
        return stop(FaultCode::Malformed, "the duration is no time");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above")]
    let milliseconds = milliseconds.round() as u64;
    facts.duration_ms = Some(milliseconds);
    Ok(())
}

fn tracks(reader: &mut Reader<'_>, facts: &mut Facts, tracks: Element) -> Result<(), Stop> {
    for_each_child(reader, tracks, &mut |reader, child| {
        if child.id == TRACK_ENTRY { track(reader, facts, child) } else { Ok(()) }
    })
}

fn track(reader: &mut Reader<'_>, facts: &mut Facts, track: Element) -> Result<(), Stop> {
    let mut kind = 0;
    let mut codec_id = Vec::new();
    let mut video = VideoTrack::default();
    let mut audio = AudioTrack { channels: 1, sample_rate: 8000, ..AudioTrack::default() };
    for_each_child(reader, track, &mut |reader, child| {
        match child.id {
            TRACK_TYPE => kind = child.unsigned(reader)?,
            CODEC_ID => codec_id = child.text(reader)?,
            DEFAULT_DURATION => video.fps = rate(1, child.unsigned(reader)?, 1_000_000_000),
            VIDEO => for_each_child(reader, child, &mut |reader, child| {
                match child.id {
                    PIXEL_WIDTH => video.width = small(child.unsigned(reader)?),
                    PIXEL_HEIGHT => video.height = small(child.unsigned(reader)?),
                    _ => {}
                }
                Ok(())
            })?,
            AUDIO => for_each_child(reader, child, &mut |reader, child| {
                match child.id {
                    SAMPLING_FREQUENCY => audio.sample_rate = hertz(child.float(reader)?),
                    CHANNELS => audio.channels = small(child.unsigned(reader)?),
                    _ => {}
                }
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    })?;
    facts.count_tracks()?;
    let (codec, codec_id) = (codec_name(&codec_id), shown(&codec_id));
    match kind {
        1 => facts.video.push(VideoTrack { codec, codec_id, ..video }),
        2 => facts.audio.push(AudioTrack { codec, codec_id, ..audio }),
        _ => facts.other_tracks += 1,
    }
    Ok(())
}

fn codec_name(id: &[u8]) -> &'static str {
    match id {
        b"V_VP8" => "vp8",
        b"V_VP9" => "vp9",
        b"V_AV1" => "av1",
        b"A_OPUS" => "opus",
        b"A_VORBIS" => "vorbis",
        _ => "unknown",
    }
}

/// What is larger is none that a picture or a sound has.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast of a float keeps within the range"
)]
fn hertz(rate: f64) -> u32 {
    rate as u32
}
