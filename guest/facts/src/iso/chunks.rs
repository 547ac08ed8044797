use super::boxes::{BoxHeader, number};
use super::track::{Handler, rows};
use crate::facts::Stop;
use crate::source::Reader;

/// Where the samples of a track lie: runs of them, chunk by chunk, and the size of each.
#[derive(Default)]
pub(super) struct Chunks {
    /// The chunk that begins last in the file: where, and its number from 0 on.
    last: Option<(u64, u64)>,
    /// `stsc`: from which chunk on so many samples are in each.
    runs: Option<BoxHeader>,
    /// `stsz`: the size of all samples or of each.
    sizes: Option<BoxHeader>,
}

impl Chunks {
    pub(super) fn read(&mut self, reader: &mut Reader<'_>, table: BoxHeader) -> Result<(), Stop> {
        match &table.name {
            b"stsc" => self.runs = Some(table),
            b"stsz" => self.sizes = Some(table),
            b"stco" => {
                for (chunk, row) in (0..).zip(rows(reader, table, 4)?) {
                    self.begins(chunk, u32::from_be_bytes(reader.array(row)?).into());
                }
            }
            _ => {
                for (chunk, row) in (0..).zip(rows(reader, table, 8)?) {
                    self.begins(chunk, u64::from_be_bytes(reader.array(row)?));
                }
            }
        }
        Ok(())
    }

    fn begins(&mut self, chunk: u64, offset: u64) {
        if self.last.is_none_or(|(last, _)| offset >= last) {
            self.last = Some((offset, chunk));
        }
    }

    /// Where the last chunk begins and ends; both 0 where there is none.
    pub(super) fn last(&self, reader: &mut Reader<'_>, handler: Handler) -> Result<(u64, u64), Stop> {
        let Some((offset, chunk)) = self.last else { return Ok((0, 0)) };
        Ok((offset, offset.saturating_add(self.bytes(reader, chunk, handler)?)))
    }

    /// Bytes of a chunk: all its samples together. 0 where the tables do not say.
    fn bytes(&self, reader: &mut Reader<'_>, chunk: u64, handler: Handler) -> Result<u64, Stop> {
        let (Some(runs), Some(sizes)) = (self.runs, self.sizes) else { return Ok(0) };
        let (before, samples) = samples(reader, runs, chunk)?;
        let (each, count) = (number(reader, sizes, 4)?, number(reader, sizes, 8)?);
        let samples = samples.min(u64::from(count).saturating_sub(before));
        match each {
            // QuickTime's compressed sound counts what it decodes to, a byte for each.
            1 if handler == Handler::Audio => Ok(0),
            0 => {
                // The count stands behind the size, where other tables have it.
                let table = BoxHeader { start: sizes.start + 4, ..sizes };
                let mut bytes = 0_u64;
                let skipped = usize::try_from(before).unwrap_or(usize::MAX);
                let counted = usize::try_from(samples).unwrap_or(usize::MAX);
                for row in rows(reader, table, 4)?.skip(skipped).take(counted) {
                    bytes = bytes.saturating_add(u32::from_be_bytes(reader.array(row)?).into());
                }
                Ok(bytes)
            }
            each => Ok(samples.saturating_mul(each.into())),
        }
    }
}

/// Samples before a chunk, and in it.
fn samples(reader: &mut Reader<'_>, runs: BoxHeader, chunk: u64) -> Result<(u64, u64), Stop> {
    let (mut before, mut each, mut from) = (0_u64, 0_u64, 0_u64);
    for row in rows(reader, runs, 12)? {
        let [a, b, c, d, e, f, g, h] = reader.array(row)?;
        let first = u64::from(u32::from_be_bytes([a, b, c, d])).saturating_sub(1);
        if first > chunk {
            break;
        }
        before = before.saturating_add(first.saturating_sub(from).saturating_mul(each));
        (from, each) = (first, u32::from_be_bytes([e, f, g, h]).into());
    }
    Ok((before.saturating_add((chunk - from).saturating_mul(each)), each))
}
