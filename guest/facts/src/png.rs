use crate::facts::{Facts, FaultCode, Stop, milliseconds, stop};
use crate::source::Reader;

pub(crate) fn walk(reader: &mut Reader<'_>, facts: &mut Facts) -> Result<(), Stop> {
    if reader.array::<8>(0)? != *b"\x89PNG\r\n\x1a\n" {
        return stop(FaultCode::Malformed, "no PNG signature");
    }
    let (mut offset, mut has_data, mut shown_ms) = (8, false, 0_u64);
    loop {
        reader.count_header()?;
        let head: [u8; 8] = reader.array(offset)?;
        let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let name = &head[4..];
        if size > 0x7fff_ffff || !name.iter().all(u8::is_ascii_alphabetic) {
            return stop(FaultCode::Malformed, format!("no chunk at {offset}"));
        }
        let end = offset + 12 + u64::from(size);
        if end > reader.size() {
            return stop(
                FaultCode::Truncated,
                format!("a chunk at {offset} ends at {end}, the file at {}", reader.size()),
            );
        }
        if (offset == 8) != (name == b"IHDR") {
            return stop(FaultCode::Malformed, format!("a header chunk is missing at 8 or repeated at {offset}"));
        }
        match (name, size) {
            (b"IHDR", 13) => {
                let [a, b, c, d, e, f, g, h] = reader.array(offset + 8)?;
                facts.picture("png", u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
            }
            (b"acTL", 8) => {
                let frames = u32::from_be_bytes(reader.array(offset + 8)?);
                facts.video[0].frames = Some(frames.into());
            }
            (b"fcTL", 26) => shown_ms = shown_ms.saturating_add(delay(reader.array(offset + 8 + 20)?)),
            (b"IHDR" | b"acTL" | b"fcTL", _) => {
                return stop(FaultCode::Malformed, format!("a chunk at {offset} has {size} bytes"));
            }
            (b"IDAT", _) => has_data = true,
            (b"IEND", _) => {
                offset = end;
                break;
            }
            _ => {}
        }
        offset = end;
    }
    if facts.video[0].frames.is_some() {
        facts.duration_ms = Some(shown_ms);
    }
    if !has_data {
        return stop(FaultCode::NoPictures, "there is no image data");
    }
    if offset < reader.size() {
        let bytes = reader.size() - offset;
        return stop(FaultCode::TrailingBytes, format!("{bytes} bytes lie behind the end at {offset}"));
    }
    Ok(())
}

/// Milliseconds that one frame is shown. A denominator of 0 means hundredths.
fn delay([a, b, c, d]: [u8; 4]) -> u64 {
    let (numerator, denominator) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let denominator = if denominator == 0 { 100 } else { denominator };
    milliseconds(numerator.into(), denominator.into()).unwrap_or_default()
}
