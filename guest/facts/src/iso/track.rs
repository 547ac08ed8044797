use super::boxes::{self, BoxHeader, children, number};
use super::chunks::Chunks;
use super::entry::Entry;
use crate::facts::{FaultCode, Stop, stop};
use crate::source::Reader;

/// Rows of one table. Ten hours of film with a row for each picture have a third of it.
const ROWS_MAX: u32 = 8_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Handler {
    Video,
    Audio,
    #[default]
    Other,
}

/// What a track says of itself.
#[derive(Default)]
pub(super) struct Track {
    pub(super) id: u32,
    pub(super) handler: Handler,
    pub(super) entry: Option<Entry>,
    /// As it is to be shown.
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) timescale: u32,
    /// Samples, and how long they last together.
    pub(super) frames: u64,
    pub(super) ticks: u64,
    /// Of a sample in a fragment that does not say.
    pub(super) default_duration: u32,
    /// Bytes of a sample in a fragment that does not say.
    pub(super) default_bytes: u32,
    /// The last place at which media is to lie.
    pub(super) last_chunk: u64,
    /// Where the media ends that lies there.
    pub(super) media_end: u64,
}

impl Track {
    pub(super) fn read(reader: &mut Reader<'_>, trak: BoxHeader) -> Result<Self, Stop> {
        let mut track = Self::default();
        children(reader, trak, &mut |reader, child| match &child.name {
            b"tkhd" => track.read_header(reader, child),
            b"mdia" => track.read_media(reader, child),
            _ => Ok(()),
        })?;
        Ok(track)
    }

    fn read_header(&mut self, reader: &mut Reader<'_>, tkhd: BoxHeader) -> Result<(), Stop> {
        // The times before and after the id are twice as wide in version 1.
        let (id, width) = if boxes::version(reader, tkhd)?.0 == 0 { (12, 76) } else { (20, 88) };
        self.id = number(reader, tkhd, id)?;
        self.width = number(reader, tkhd, width)? >> 16;
        self.height = number(reader, tkhd, width + 4)? >> 16;
        Ok(())
    }

    fn read_media(&mut self, reader: &mut Reader<'_>, mdia: BoxHeader) -> Result<(), Stop> {
        // The handler says how to read the rest, and may stand behind it.
        let mut information = None;
        children(reader, mdia, &mut |reader, child| {
            match &child.name {
                b"mdhd" => self.timescale = boxes::duration(reader, child)?.0,
                b"hdlr" => {
                    self.handler = match &boxes::field(reader, child, 8)? {
                        b"vide" => Handler::Video,
                        b"soun" => Handler::Audio,
                        _ => Handler::Other,
                    }
                }
                b"minf" => information = Some(child),
                _ => {}
            }
            Ok(())
        })?;
        let Some(minf) = information else { return Ok(()) };
        let mut chunks = Chunks::default();
        children(reader, minf, &mut |reader, child| match &child.name {
            b"stbl" => children(reader, child, &mut |reader, table| match &table.name {
                b"stsc" | b"stsz" | b"stco" | b"co64" => chunks.read(reader, table),
                _ => self.read_table(reader, table),
            }),
            _ => Ok(()),
        })?;
        (self.last_chunk, self.media_end) = chunks.last(reader, self.handler)?;
        Ok(())
    }

    fn read_table(&mut self, reader: &mut Reader<'_>, table: BoxHeader) -> Result<(), Stop> {
        match &table.name {
            b"stsd" => self.entry = Entry::read(reader, table, self.handler)?,
            b"stts" => {
                for row in rows(reader, table, 8)? {
                    let [a, b, c, d, e, f, g, h] = reader.array(row)?;
                    self.add(u32::from_be_bytes([a, b, c, d]).into(), u32::from_be_bytes([e, f, g, h]));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Counts samples of one length.
    pub(super) fn add(&mut self, samples: u64, duration: u32) {
        self.frames = self.frames.saturating_add(samples);
        self.ticks = self.ticks.saturating_add(samples.saturating_mul(duration.into()));
    }
}

/// The places of a table's rows, all of which lie in the table.
pub(super) fn rows(
    reader: &mut Reader<'_>,
    table: BoxHeader,
    bytes: u64,
) -> Result<impl Iterator<Item = u64> + use<>, Stop> {
    let count = number(reader, table, 4)?;
    let first = table.start + 8;
    if u64::from(count) * bytes > table.end - first {
        return stop(FaultCode::Malformed, format!("a table of {count} rows at {} is too short", table.start));
    }
    if count > ROWS_MAX {
        return stop(FaultCode::TooComplex, format!("a table of {count} rows at {}", table.start));
    }
    Ok((0..u64::from(count)).map(move |row| first + row * bytes))
}
