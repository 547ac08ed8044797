use crate::facts::{FaultCode, Stop, shown, stop};
use crate::source::Reader;

/// Boxes in each other. Sample descriptions of QuickTime are the deepest honest ones, at nine.
const DEPTH_MAX: u8 = 16;

/// A box without its header.
#[derive(Debug, Clone, Copy)]
pub(super) struct BoxHeader {
    pub(super) name: [u8; 4],
    /// Where the box begins.
    pub(super) offset: u64,
    /// Where the content begins.
    pub(super) start: u64,
    /// Where the box ends.
    pub(super) end: u64,
    pub(super) depth: u8,
}

/// Reads the box at `offset` of the top level, which must end at `limit` or before.
pub(super) fn header(reader: &mut Reader<'_>, offset: u64, limit: u64) -> Result<BoxHeader, Stop> {
    header_at_depth(reader, offset, limit, 0)
}

fn header_at_depth(reader: &mut Reader<'_>, offset: u64, limit: u64, depth: u8) -> Result<BoxHeader, Stop> {
    reader.count_header()?;
    if depth > DEPTH_MAX {
        return stop(FaultCode::TooComplex, format!("more than {DEPTH_MAX} boxes in each other at {offset}"));
    }
    let [a, b, c, d, name @ ..]: [u8; 8] = reader.array(offset)?;
    let (size, header) = match u32::from_be_bytes([a, b, c, d]) {
        // To the end of the file; inside of another box that is no size.
        0 if depth == 0 => (limit - offset, 8),
        1 => (u64::from_be_bytes(reader.array(offset + 8)?), 16),
        size => (u64::from(size), 8),
    };
    if size < header {
        return stop(FaultCode::Malformed, format!("a box of {size} bytes at {offset}"));
    }
    let end = offset.saturating_add(size);
    if end > limit {
        let code = if end > reader.size() { FaultCode::Truncated } else { FaultCode::Malformed };
        return stop(code, format!("box {} at {offset} ends at {end}, what holds it at {limit}", shown(&name)));
    }
    Ok(BoxHeader { name, offset, start: offset + header, end, depth })
}

/// Calls `act` for each box in `parent`.
pub(super) fn children(
    reader: &mut Reader<'_>,
    parent: BoxHeader,
    act: &mut dyn FnMut(&mut Reader<'_>, BoxHeader) -> Result<(), Stop>,
) -> Result<(), Stop> {
    children_from(reader, parent, parent.start, act)
}

/// The same where other content comes first.
pub(super) fn children_from(
    reader: &mut Reader<'_>,
    parent: BoxHeader,
    start: u64,
    act: &mut dyn FnMut(&mut Reader<'_>, BoxHeader) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut offset = start;
    // QuickTime ends some lists with four zeros.
    while parent.end.saturating_sub(offset) >= 8 {
        let child = header_at_depth(reader, offset, parent.end, parent.depth + 1)?;
        act(reader, child)?;
        offset = child.end;
    }
    Ok(())
}

/// Version and flags of a full box.
pub(super) fn version(reader: &mut Reader<'_>, found: BoxHeader) -> Result<(u8, u32), Stop> {
    let [version, a, b, c] = field(reader, found, 0)?;
    Ok((version, u32::from_be_bytes([0, a, b, c])))
}

/// `N` bytes of the content. A box that ends before is malformed.
pub(super) fn field<const N: usize>(reader: &mut Reader<'_>, found: BoxHeader, at: u64) -> Result<[u8; N], Stop> {
    if found.start + at + N as u64 > found.end {
        return stop(FaultCode::Malformed, format!("box {} at {} is too short", shown(&found.name), found.start));
    }
    reader.array(found.start + at)
}

pub(super) fn number(reader: &mut Reader<'_>, found: BoxHeader, at: u64) -> Result<u32, Stop> {
    field(reader, found, at).map(u32::from_be_bytes)
}

/// A number that version 1 has in eight bytes and version 0 in four, `at` bytes behind version and flags.
pub(super) fn versioned(reader: &mut Reader<'_>, found: BoxHeader, at: u64) -> Result<u64, Stop> {
    match version(reader, found)?.0 {
        0 => number(reader, found, 4 + at).map(u64::from),
        _ => field(reader, found, 4 + at).map(u64::from_be_bytes),
    }
}

/// Time scale and duration of `mvhd` and `mdhd`. A duration of all ones is an unknown one, here 0.
pub(super) fn duration(reader: &mut Reader<'_>, found: BoxHeader) -> Result<(u32, u64), Stop> {
    if version(reader, found)?.0 == 0 {
        let duration = number(reader, found, 16)?;
        return Ok((number(reader, found, 12)?, if duration == u32::MAX { 0 } else { duration.into() }));
    }
    let duration = u64::from_be_bytes(field(reader, found, 24)?);
    Ok((number(reader, found, 20)?, if duration == u64::MAX { 0 } else { duration }))
}
