use super::boxes::{self, BoxHeader, children, number};
use super::track::Track;
use crate::facts::{FaultCode, Stop, stop};
use crate::source::Reader;

/// Samples of one run that are looked at one by one.
const SAMPLES_MAX: u32 = 1_000_000;

/// Track id, duration and size of a sample, from `trex`.
pub(super) fn defaults(reader: &mut Reader<'_>, trex: BoxHeader) -> Result<(u32, u32, u32), Stop> {
    Ok((number(reader, trex, 4)?, number(reader, trex, 12)?, number(reader, trex, 16)?))
}

/// Counts the samples of a fragment.
pub(super) fn read(reader: &mut Reader<'_>, moof: BoxHeader, tracks: &mut [Track]) -> Result<(), Stop> {
    // Places are counted from the fragment's begin, unless a track follows the one before it.
    let mut begin = Some(moof.offset);
    children(reader, moof, &mut |reader, child| {
        if &child.name == b"traf" { read_track(reader, child, moof.offset, begin.take(), tracks) } else { Ok(()) }
    })
}

/// What the runs of a track in a fragment have in common.
struct Runs {
    track: usize,
    duration: u32,
    bytes: u32,
    /// From where the places of runs are counted, where that is known.
    base: Option<u64>,
    /// Where a run begins that does not say.
    next: Option<u64>,
}

fn read_track(
    reader: &mut Reader<'_>,
    traf: BoxHeader,
    moof: u64,
    begin: Option<u64>,
    tracks: &mut [Track],
) -> Result<(), Stop> {
    let mut runs = None;
    children(reader, traf, &mut |reader, child| {
        match &child.name {
            b"tfhd" => {
                let id = number(reader, child, 4)?;
                let Some(track) = tracks.iter().position(|track| track.id == id) else {
                    return stop(
                        FaultCode::Malformed,
                        format!("a fragment at {} of a track that is not there", child.start),
                    );
                };
                let base = if boxes::version(reader, child)?.1 & BASE_IS_MOOF == 0 { begin } else { Some(moof) };
                runs = Some(Runs::read(reader, child, track, &tracks[track], base)?);
            }
            b"trun" => {
                let Some(runs) = &mut runs else {
                    return stop(FaultCode::Malformed, format!("a run at {} before its header", child.start));
                };
                runs.read_run(reader, child, &mut tracks[runs.track])?;
            }
            _ => {}
        }
        Ok(())
    })
}

// Flags of `tfhd`: what follows the track's id, one after the other.
const BASE: u32 = 1;
const DESCRIPTION: u32 = 2;
const DURATION: u32 = 8;
const BYTES: u32 = 0x10;
const BASE_IS_MOOF: u32 = 0x2_0000;

// Flags of `trun`.
const PLACE: u32 = 1;
const FIRST_FLAGS: u32 = 4;
const DURATIONS: u32 = 0x100;
const SIZES: u32 = 0x200;

impl Runs {
    fn read(
        reader: &mut Reader<'_>,
        tfhd: BoxHeader,
        track: usize,
        of: &Track,
        mut base: Option<u64>,
    ) -> Result<Self, Stop> {
        let flags = boxes::version(reader, tfhd)?.1;
        let mut at = 8;
        if flags & BASE != 0 {
            base = Some(u64::from_be_bytes(boxes::field(reader, tfhd, at)?));
            at += 8;
        }
        at += if flags & DESCRIPTION == 0 { 0 } else { 4 };
        let (mut duration, mut bytes) = (of.default_duration, of.default_bytes);
        for (flag, value) in [(DURATION, &mut duration), (BYTES, &mut bytes)] {
            if flags & flag != 0 {
                *value = number(reader, tfhd, at)?;
                at += 4;
            }
        }
        Ok(Self { track, duration, bytes, base, next: base })
    }

    fn read_run(&mut self, reader: &mut Reader<'_>, trun: BoxHeader, track: &mut Track) -> Result<(), Stop> {
        let flags = boxes::version(reader, trun)?.1;
        let samples = number(reader, trun, 4)?;
        if flags & PLACE != 0 {
            let place = i64::from(i32::from_be_bytes(boxes::field(reader, trun, 8)?));
            self.next = self.base.and_then(|base| base.checked_add_signed(place));
        }
        let first = 8 + if flags & PLACE == 0 { 0 } else { 4 } + if flags & FIRST_FLAGS == 0 { 0 } else { 4 };
        // Duration, size, flags and composition offset: four bytes each, where they are.
        let row = u64::from((flags >> 8 & 0xf).count_ones()) * 4;
        if trun.start + first + u64::from(samples) * row > trun.end {
            return stop(FaultCode::Malformed, format!("a run of {samples} samples at {} is too short", trun.start));
        }
        let mut bytes = u64::from(samples) * u64::from(self.bytes);
        if flags & (DURATIONS | SIZES) == 0 {
            track.add(samples.into(), self.duration);
        } else {
            if samples > SAMPLES_MAX {
                return stop(FaultCode::TooComplex, format!("a run of {samples} samples at {}", trun.start));
            }
            bytes = 0;
            for sample in 0..u64::from(samples) {
                let mut at = first + sample * row;
                let mut duration = self.duration;
                if flags & DURATIONS != 0 {
                    duration = number(reader, trun, at)?;
                    at += 4;
                }
                track.add(1, duration);
                bytes += u64::from(if flags & SIZES == 0 { self.bytes } else { number(reader, trun, at)? });
            }
        }
        if let Some(next) = &mut self.next {
            *next = next.saturating_add(bytes);
            track.media_end = track.media_end.max(*next);
        }
        Ok(())
    }
}
