//! Elements of EBML, the format below WebM.

use crate::facts::{FaultCode, Stop, stop};
use crate::source::Reader;

/// One element's header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element {
    /// With its length marker, as specifications write it.
    pub(crate) id: u32,
    /// Where the content begins.
    pub(crate) start: u64,
    /// Where it ends; `None`: where its parent's next sibling begins, which live recordings use.
    pub(crate) end: Option<u64>,
}

/// Reads the element at `offset`, which must lie before `limit` as a whole.
pub(crate) fn element(reader: &mut Reader<'_>, offset: u64, limit: u64) -> Result<Element, Stop> {
    reader.count_header()?;
    let [first] = reader.array(offset)?;
    let id_bytes = first.leading_zeros() + 1;
    if id_bytes > 4 {
        return stop(FaultCode::Malformed, format!("no element at {offset}"));
    }
    let id = number(reader, offset, id_bytes)?;
    let at = offset + u64::from(id_bytes);
    let [first] = reader.array(at)?;
    let size_bytes = first.leading_zeros() + 1;
    if size_bytes > 8 {
        return stop(FaultCode::Malformed, format!("an element without a size at {offset}"));
    }
    let start = at + u64::from(size_bytes);
    let mask = (1_u64 << (7 * size_bytes)) - 1;
    let size = number(reader, at, size_bytes)? & mask;
    let end = if size == mask { None } else { Some(start.saturating_add(size)) };
    if let Some(end) = end.filter(|end| *end > limit) {
        let code = if end > reader.size() { FaultCode::Truncated } else { FaultCode::Malformed };
        return stop(code, format!("an element at {offset} ends at {end}, what holds it at {limit}"));
    }
    let id = u32::try_from(id).unwrap_or_default();
    Ok(Element { id, start, end })
}

/// A big-endian number of at most eight bytes.
fn number(reader: &mut Reader<'_>, offset: u64, bytes: u32) -> Result<u64, Stop> {
    let bytes = reader.bytes(offset, bytes as usize)?;
    Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

impl Element {
    /// Bytes of content, where they are known.
    fn size(self) -> u64 {
        self.end.unwrap_or(self.start) - self.start
    }

    pub(crate) fn unsigned(self, reader: &mut Reader<'_>) -> Result<u64, Stop> {
        match u32::try_from(self.size()) {
            Ok(bytes @ 0..=8) => number(reader, self.start, bytes),
            _ => stop(FaultCode::Malformed, format!("a number of {} bytes at {}", self.size(), self.start)),
        }
    }

    pub(crate) fn float(self, reader: &mut Reader<'_>) -> Result<f64, Stop> {
        match self.size() {
            0 => Ok(0.0),
            4 => Ok(f32::from_be_bytes(reader.array(self.start)?).into()),
            8 => Ok(f64::from_be_bytes(reader.array(self.start)?)),
            bytes => stop(FaultCode::Malformed, format!("a number of {bytes} bytes at {}", self.start)),
        }
    }

    /// The first bytes of a text, up to 32, without padding.
    pub(crate) fn text(self, reader: &mut Reader<'_>) -> Result<Vec<u8>, Stop> {
        let bytes = usize::try_from(self.size().min(32)).unwrap_or_default();
        let text = reader.bytes(self.start, bytes)?;
        Ok(text.split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
    }
}
