//! Which samples lie together in the file, and in what order.

use super::track::TrackTables;
use std::ops::Range;

/// Samples of one track that follow each other in the file.
pub(super) struct Chunk {
    pub(super) is_video: bool,
    pub(super) samples: u32,
    /// Where the samples lie in the track's data.
    pub(super) bytes: Range<usize>,
    /// Where they lie in the file.
    pub(super) offset: u32,
}

/// Half a second of video, half a second of audio, and so on: a player needs little read-ahead.
pub(super) fn plan(video: &TrackTables, audio: Option<&TrackTables>) -> Vec<Chunk> {
    let mut video = chunks_of(video, true).into_iter();
    let mut audio = audio.map(|audio| chunks_of(audio, false)).unwrap_or_default().into_iter();
    let mut chunks = Vec::new();
    loop {
        let before = chunks.len();
        chunks.extend(video.next());
        chunks.extend(audio.next());
        if chunks.len() == before {
            return chunks;
        }
    }
}

fn chunks_of(track: &TrackTables, is_video: bool) -> Vec<Chunk> {
    let per_chunk = (track.timescale / 2 / track.sample_ticks).max(1) as usize;
    let mut start = 0;
    let chunk = |sizes: &[u32]| {
        let end = start + sizes.iter().map(|&size| size as usize).sum::<usize>();
        let bytes = start..end;
        start = end;
        Chunk { is_video, samples: super::boxes::count(sizes.len()), bytes, offset: 0 }
    };
    track.sizes.chunks(per_chunk).map(chunk).collect()
}
