//! Films for the examination: one track with the tables of a real one, noise for its media.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// Bytes of a second: 8 Mbit/s.
const RATE: u64 = 1_000_000;
const FRAMES_PER_SECOND: u32 = 30;
/// A player reads half a second at once.
const FRAMES_IN_CHUNK: u32 = 15;
const TICKS: u32 = 90_000;

/// A fast-start MP4 of exactly so many bytes; answers how many pictures it has.
pub(crate) fn write(path: &Path, bytes: u64) -> std::io::Result<u32> {
    let seconds = u32::try_from(bytes / RATE).map_err(std::io::Error::other)?;
    let frames = seconds.max(1) * FRAMES_PER_SECOND;
    let head = head(frames, bytes).map_err(std::io::Error::other)?;
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    file.write_all(&head)?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut left = bytes - head.len() as u64;
    while left > 0 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let word = state.to_le_bytes();
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(word.len());
        file.write_all(&word[..take])?;
        left -= take as u64;
    }
    file.into_inner()?.sync_all()?;
    Ok(frames)
}

/// Everything before the first sample. The size of the tables follows from the number of pictures alone, so that a first
/// pass with any places tells where the samples begin.
fn head(frames: u32, bytes: u64) -> Result<Vec<u8>, std::num::TryFromIntError> {
    let start = with_places(frames, 0, 0).len();
    let media = u32::try_from(bytes)? - u32::try_from(start)?;
    Ok(with_places(frames, u32::try_from(start)?, media))
}

fn with_places(frames: u32, start: u32, media: u32) -> Vec<u8> {
    let (each, last) = (media / frames, media / frames + media % frames);
    let sizes = (0..frames).map(|frame| if frame + 1 == frames { last } else { each });
    let places = (0..frames.div_ceil(FRAMES_IN_CHUNK)).map(|chunk| start + chunk * FRAMES_IN_CHUNK * each);
    let duration = frames * (TICKS / FRAMES_PER_SECOND);
    let entry = [vec![0; 6], vec![0, 1], vec![0; 16], numbers(&[0x0500_02d0]), vec![0; 50]].concat();
    let tables = [
        full(b"stsd", &[numbers(&[1]), simple(b"avc1", &[entry])]),
        full(b"stts", &[numbers(&[1, frames, TICKS / FRAMES_PER_SECOND])]),
        full(b"stss", &[list(&(1..=frames).step_by(60).collect::<Vec<_>>())]),
        full(b"stsc", &[numbers(&[1, 1, FRAMES_IN_CHUNK, 1])]),
        full(b"stsz", &[numbers(&[0]), list(&sizes.collect::<Vec<_>>())]),
        full(b"stco", &[list(&places.collect::<Vec<_>>())]),
    ];
    let handler = full(b"hdlr", &[numbers(&[0]), b"vide".to_vec(), vec![0; 13]]);
    let media_header = full(b"mdhd", &[numbers(&[0, 0, TICKS, duration, 0])]);
    let information = simple(b"minf", &[simple(b"stbl", &tables)]);
    let pixels = numbers(&[0x0500_0000, 0x02d0_0000]);
    let track_header = full(b"tkhd", &[numbers(&[0, 0, 1, 0, duration, 0, 0, 0, 0]), matrix(), pixels]);
    let track = simple(b"trak", &[track_header, simple(b"mdia", &[media_header, handler, information])]);
    let header = [numbers(&[0, 0, TICKS, duration, 0x0001_0000]), vec![0; 12], matrix(), vec![0; 24], numbers(&[2])];
    let movie = simple(b"moov", &[full(b"mvhd", &header), track]);
    let data = [numbers(&[media + 8]), b"mdat".to_vec()].concat();
    [simple(b"ftyp", &[b"isom\0\0\x02\0isomiso2avc1mp41".to_vec()]), movie, data].concat()
}

fn simple(name: &[u8; 4], content: &[Vec<u8>]) -> Vec<u8> {
    let content = content.concat();
    let bytes = u32::try_from(content.len() + 8).unwrap_or(u32::MAX);
    [&bytes.to_be_bytes(), name.as_slice(), &content].concat()
}

fn full(name: &[u8; 4], content: &[Vec<u8>]) -> Vec<u8> {
    simple(name, &[vec![0; 4], content.concat()])
}

/// A count, then the numbers.
fn list(values: &[u32]) -> Vec<u8> {
    [numbers(&[u32::try_from(values.len()).unwrap_or(u32::MAX)]), numbers(values)].concat()
}

fn numbers(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

fn matrix() -> Vec<u8> {
    numbers(&[0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000])
}
