use super::boxes::{self, BoxHeader, children, number};
use super::track::Track;
use crate::facts::{FaultCode, Stop, stop};
use crate::source::Reader;

/// Samples of one run that are looked at one by one.
const SAMPLES_MAX: u32 = 1_000_000;

/// Track id and duration of a sample, from `trex`.
pub(super) fn defaults(reader: &mut Reader<'_>, trex: BoxHeader) -> Result<(u32, u32), Stop> {
    Ok((number(reader, trex, 4)?, number(reader, trex, 12)?))
}

/// Counts the samples of a fragment.
pub(super) fn read(reader: &mut Reader<'_>, moof: BoxHeader, tracks: &mut [Track]) -> Result<(), Stop> {
    children(reader, moof, &mut |reader, child| {
        if &child.name == b"traf" { read_track(reader, child, tracks) } else { Ok(()) }
    })
}

fn read_track(reader: &mut Reader<'_>, traf: BoxHeader, tracks: &mut [Track]) -> Result<(), Stop> {
    let (mut track, mut duration) = (None, 0);
    children(reader, traf, &mut |reader, child| {
        match &child.name {
            b"tfhd" => {
                let flags = boxes::version(reader, child)?.1;
                let id = number(reader, child, 4)?;
                let found = tracks.iter().position(|track| track.id == id);
                let Some(found) = found else {
                    return stop(
                        FaultCode::Malformed,
                        format!("a fragment at {} of a track that is not there", child.start),
                    );
                };
                // Data offset and description index may come before the duration.
                let before = if flags & 1 == 0 { 0 } else { 8 } + if flags & 2 == 0 { 0 } else { 4 };
                duration =
                    if flags & 8 == 0 { tracks[found].default_duration } else { number(reader, child, 8 + before)? };
                track = Some(found);
            }
            b"trun" => {
                let Some(track) = track else {
                    return stop(FaultCode::Malformed, format!("a run at {} before its header", child.start));
                };
                read_run(reader, child, &mut tracks[track], duration)?;
            }
            _ => {}
        }
        Ok(())
    })
}

fn read_run(reader: &mut Reader<'_>, trun: BoxHeader, track: &mut Track, duration: u32) -> Result<(), Stop> {
    let flags = boxes::version(reader, trun)?.1;
    let samples = number(reader, trun, 4)?;
    let first = 8 + if flags & 1 == 0 { 0 } else { 4 } + if flags & 4 == 0 { 0 } else { 4 };
    // Duration, size, flags and composition offset: four bytes each, where they are.
    let bytes = u64::from((flags >> 8 & 0xf).count_ones()) * 4;
    if trun.start + first + u64::from(samples) * bytes > trun.end {
        return stop(FaultCode::Malformed, format!("a run of {samples} samples at {} is too short", trun.start));
    }
    if flags & 0x100 == 0 {
        track.add(samples.into(), duration);
        return Ok(());
    }
    if samples > SAMPLES_MAX {
        return stop(FaultCode::TooComplex, format!("a run of {samples} samples at {}", trun.start));
    }
    for sample in 0..u64::from(samples) {
        track.add(1, number(reader, trun, first + sample * bytes)?);
    }
    Ok(())
}
