//! The container: ISO/IEC 14496-12 (base format), 14496-14 (AAC), 14496-15 (H.264).

mod boxes;
mod chunks;
mod track;

use crate::aac::AudioTrack;
use crate::error::Error;
use crate::h264::VideoTrack;
use boxes::{full_box, simple_box};
use chunks::{Chunk, plan};
use std::io::Write;
use track::TrackTables;

/// Ticks a second of the movie header: divides by every common frame and sample rate.
const MOVIE_TIMESCALE: u32 = 90_000;

/// Writes header, then samples; answers the size of the file.
pub(crate) fn write(mut file: impl Write, video: &VideoTrack, audio: Option<&AudioTrack>) -> Result<u64, Error> {
    let video_tables = TrackTables::video(video)?;
    let audio_tables = audio.map(TrackTables::audio).transpose()?;
    let mut chunks = plan(&video_tables, audio_tables.as_ref());
    let ftyp = simple_box(b"ftyp", &[b"isom\0\0\x02\0isomiso2avc1mp41"]);

    // Offsets have a fixed width, so a first pass with any of them tells the size of the header.
    let media_size: u64 = chunks.iter().map(|chunk| chunk.bytes.len() as u64).sum();
    let header_size = ftyp.len() + movie_box(&video_tables, audio_tables.as_ref(), &chunks).len();
    let mut offset = header_size as u64 + 8;
    let file_size = offset + media_size;
    if file_size > u64::from(u32::MAX) {
        return Err(Error::TooLarge);
    }
    for chunk in &mut chunks {
        chunk.offset = u32::try_from(offset).map_err(|_| Error::TooLarge)?;
        offset += chunk.bytes.len() as u64;
    }

    let mut header = ftyp;
    header.extend(movie_box(&video_tables, audio_tables.as_ref(), &chunks));
    let mdat_size = u32::try_from(media_size + 8).map_err(|_| Error::TooLarge)?;
    header.extend(mdat_size.to_be_bytes());
    header.extend(b"mdat");
    file.write_all(&header).map_err(Error::Write)?;
    for chunk in &chunks {
        let data = if chunk.is_video { &video.data } else { audio.map_or(&video.data, |audio| &audio.data) };
        file.write_all(&data[chunk.bytes.clone()]).map_err(Error::Write)?;
    }
    Ok(file_size)
}

fn movie_box(video: &TrackTables, audio: Option<&TrackTables>, chunks: &[Chunk]) -> Vec<u8> {
    let duration = audio.map_or(0, TrackTables::movie_duration).max(video.movie_duration());
    let mut header = Vec::new();
    for value in [0, 0, MOVIE_TIMESCALE, duration, 0x0001_0000] {
        header.extend(value.to_be_bytes());
    }
    header.extend([1, 0]); // full volume
    header.extend([0; 10]);
    header.extend(boxes::UNITY_MATRIX.iter().flat_map(|value| value.to_be_bytes()));
    header.extend([0; 24]);
    header.extend(3_u32.to_be_bytes()); // the next free track number
    let mut parts = vec![full_box(b"mvhd", 0, &[&header]), video.track_box(1, chunks)];
    parts.extend(audio.map(|audio| audio.track_box(2, chunks)));
    simple_box(b"moov", &parts)
}
