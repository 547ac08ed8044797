use crate::facts::{Facts, FaultCode, Stop, stop};
use crate::source::Reader;

/// Pictures in one file: cameras append a preview or a gain map as whole JPEGs of their own.
const PICTURES_MAX: u32 = 64;

pub(crate) fn walk(reader: &mut Reader<'_>, facts: &mut Facts) -> Result<(), Stop> {
    let mut offset = 0;
    for picture in 0..PICTURES_MAX {
        let (size, end) = picture_at(reader, offset)?;
        if picture == 0 {
            facts.picture("jpeg", size.0, size.1);
        }
        let left = reader.size() - end;
        if left == 0 {
            return Ok(());
        }
        if left < 3 || reader.array(end)? != [0xff, 0xd8, 0xff] {
            return stop(FaultCode::TrailingBytes, format!("{left} bytes lie behind the end at {end}"));
        }
        offset = end;
    }
    stop(FaultCode::TooComplex, format!("more than {PICTURES_MAX} pictures"))
}

/// Walks one picture and answers its width and height, and where it ends.
fn picture_at(reader: &mut Reader<'_>, start: u64) -> Result<((u32, u32), u64), Stop> {
    if reader.array(start)? != [0xff, 0xd8] {
        return stop(FaultCode::Malformed, "no JPEG signature");
    }
    let (mut offset, mut size, mut has_scan) = (start + 2, None, false);
    loop {
        reader.count_header()?;
        let [mark, mut marker] = reader.array(offset)?;
        // Any number of 0xff may stand before a marker.
        while mark == 0xff && marker == 0xff {
            offset += 1;
            [marker] = reader.array(offset + 1)?;
        }
        if mark != 0xff {
            return stop(FaultCode::Malformed, format!("no marker at {offset}"));
        }
        match marker {
            0xd9 => {
                let Some(size) = size.filter(|_| has_scan) else {
                    return stop(
                        FaultCode::NoPictures,
                        format!("the picture that ends at {offset} has no frame or no scan"),
                    );
                };
                return Ok((size, offset + 2));
            }
            0x01 | 0xd0..=0xd7 => {
                offset += 2;
                continue;
            }
            0x00 | 0xd8 => return stop(FaultCode::Malformed, format!("no marker at {offset}")),
            _ => {}
        }
        let bytes = u16::from_be_bytes(reader.array(offset + 2)?);
        if bytes < 2 {
            return stop(FaultCode::Malformed, format!("a segment of {bytes} bytes at {offset}"));
        }
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let [high, low, wide, narrow] = reader.array(offset + 5)?;
            size = Some((u16::from_be_bytes([wide, narrow]).into(), u16::from_be_bytes([high, low]).into()));
        }
        offset += 2 + u64::from(bytes);
        if marker == 0xda {
            has_scan = true;
            offset = skip_scan(reader, offset)?;
        }
    }
}

/// The end of a scan's data: the next marker but those that belong to it.
fn skip_scan(reader: &mut Reader<'_>, mut offset: u64) -> Result<u64, Stop> {
    loop {
        let piece = reader.some(offset)?;
        if piece.is_empty() {
            return stop(FaultCode::Truncated, format!("the data has no end before {offset}"));
        }
        match piece.iter().position(|byte| *byte == 0xff) {
            None => offset += piece.len() as u64,
            Some(at) => {
                offset += at as u64;
                match reader.array(offset)? {
                    [0xff, 0x00 | 0xd0..=0xd7] => offset += 2,
                    [0xff, 0xff] => offset += 1,
                    _ => return Ok(offset),
                }
            }
        }
    }
}
