//! MP4 and MOV: boxes, of which `moov` says what `mdat` holds.

mod boxes;
mod chunks;
mod entry;
mod fragment;
mod track;

use crate::facts::{Facts, FaultCode, Stop, milliseconds, rate, stop};
use crate::source::Reader;
use boxes::{BoxHeader, children, header};
use track::{Handler, Track};

/// What lies on the top level. Other names are let in where the box ends in the file.
const TOP: [&[u8; 4]; 18] = [
    b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"free", b"skip", b"wide", b"uuid", b"meta", b"sidx", b"ssix",
    b"styp", b"emsg", b"prft", b"udta", b"pnot", b"PICT",
];

/// What was found so far.
#[derive(Default)]
struct Movie {
    timescale: u32,
    duration: u64,
    /// Of all fragments, where `mehd` says so.
    fragment_duration: u64,
    tracks: Vec<Track>,
    has_header: bool,
    has_data: bool,
}

pub(crate) fn walk(reader: &mut Reader<'_>, facts: &mut Facts) -> Result<(), Stop> {
    let mut movie = Movie::default();
    let walked = walk_top(reader, facts, &mut movie);
    // What was learnt until a fault is told all the same.
    tell(&movie, facts)?;
    walked?;
    if !movie.has_header {
        return stop(FaultCode::Truncated, "there is no movie header (moov)");
    }
    if !movie.has_data && movie.tracks.iter().any(|track| track.frames > 0) {
        return stop(FaultCode::Truncated, "there is no media data (mdat)");
    }
    if let Some(track) = movie.tracks.iter().find(|track| track.last_chunk >= reader.size()) {
        return stop(
            FaultCode::Truncated,
            format!("media is to lie at {}, behind the end of the file", track.last_chunk),
        );
    }
    // Also where the last box says that it goes on to the end of the file, wherever that is.
    if let Some(track) = movie.tracks.iter().find(|track| track.media_end > reader.size()) {
        return stop(
            FaultCode::Truncated,
            format!("media is to end at {}, the file ends at {}", track.media_end, reader.size()),
        );
    }
    Ok(())
}

fn walk_top(reader: &mut Reader<'_>, facts: &mut Facts, movie: &mut Movie) -> Result<(), Stop> {
    let size = reader.size();
    let mut offset = 0;
    while offset < size {
        let found = top_box(reader, offset)?;
        if (offset == 0) != (&found.name == b"ftyp") {
            return stop(FaultCode::Malformed, format!("the file type is missing at 0 or repeated at {offset}"));
        }
        match &found.name {
            b"mdat" if found.end > found.start => {
                movie.has_data = true;
                facts.fast_start = facts.fast_start.or(Some(movie.has_header));
            }
            b"moov" if movie.has_header => {
                return stop(FaultCode::Malformed, format!("a second movie header at {offset}"));
            }
            b"moov" => {
                movie.has_header = true;
                movie.read(reader, found)?;
            }
            b"moof" => fragment::read(reader, found, &mut movie.tracks)?,
            _ => {}
        }
        offset = found.end;
    }
    Ok(())
}

/// The box at `offset` of the top level. What is no box there lies behind the end, unless it is the first.
fn top_box(reader: &mut Reader<'_>, offset: u64) -> Result<BoxHeader, Stop> {
    let left = reader.size() - offset;
    let no_box = || stop(FaultCode::TrailingBytes, format!("{left} bytes at {offset} are no box"));
    if offset > 0 && left < 8 {
        return no_box();
    }
    let name: [u8; 4] = reader.array(offset + 4)?;
    if offset > 0 && !name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        return no_box();
    }
    match header(reader, offset, reader.size()) {
        // A box that does not fit was cut off if its name is known, and else is none.
        Err(Stop::Fault(_)) if offset > 0 && !TOP.contains(&&name) => no_box(),
        other => other,
    }
}

impl Movie {
    fn read(&mut self, reader: &mut Reader<'_>, moov: BoxHeader) -> Result<(), Stop> {
        let mut defaults = Vec::new();
        children(reader, moov, &mut |reader, child| {
            match &child.name {
                b"mvhd" => (self.timescale, self.duration) = boxes::duration(reader, child)?,
                b"trak" => {
                    if self.tracks.len() >= crate::TRACKS_MAX {
                        return stop(FaultCode::TooComplex, format!("more than {} tracks", crate::TRACKS_MAX));
                    }
                    self.tracks.push(Track::read(reader, child)?);
                }
                b"cmov" => return stop(FaultCode::Malformed, "the movie header is compressed"),
                b"mvex" => children(reader, child, &mut |reader, child| {
                    match &child.name {
                        b"mehd" => self.fragment_duration = boxes::versioned(reader, child, 0)?,
                        b"trex" if defaults.len() < crate::TRACKS_MAX => {
                            defaults.push(fragment::defaults(reader, child)?)
                        }
                        _ => {}
                    }
                    Ok(())
                })?,
                _ => {}
            }
            Ok(())
        })?;
        for (id, duration, bytes) in defaults {
            if let Some(track) = self.tracks.iter_mut().find(|track| track.id == id) {
                (track.default_duration, track.default_bytes) = (duration, bytes);
            }
        }
        Ok(())
    }
}

/// The record of what was found.
fn tell(movie: &Movie, facts: &mut Facts) -> Result<(), Stop> {
    for track in &movie.tracks {
        facts.count_tracks()?;
        match (track.handler, &track.entry) {
            (Handler::Video, Some(entry)) => {
                let (width, height) = if entry.width == 0 || entry.height == 0 {
                    (track.width, track.height)
                } else {
                    (entry.width, entry.height)
                };
                facts.video.push(crate::VideoTrack {
                    codec: entry.codec,
                    codec_id: entry.codec_id.clone(),
                    width,
                    height,
                    fps: rate(track.frames, track.ticks, track.timescale.into()),
                    frames: Some(track.frames),
                });
            }
            (Handler::Audio, Some(entry)) => facts.audio.push(crate::AudioTrack {
                codec: entry.codec,
                codec_id: entry.codec_id.clone(),
                channels: entry.channels,
                sample_rate: if entry.sample_rate == 0 { track.timescale } else { entry.sample_rate },
            }),
            _ => facts.other_tracks += 1,
        }
    }
    let of_movie = [movie.duration, movie.fragment_duration].map(|ticks| milliseconds(ticks, movie.timescale.into()));
    let of_tracks = movie.tracks.iter().map(|track| milliseconds(track.ticks, track.timescale.into()));
    let said = of_movie.into_iter().flatten().max().filter(|time| *time > 0);
    facts.duration_ms = said.or_else(|| of_tracks.flatten().max());
    Ok(())
}
