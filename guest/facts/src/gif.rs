use crate::facts::{Facts, FaultCode, Stop, rate, stop};
use crate::source::Reader;

pub(crate) fn walk(reader: &mut Reader<'_>, facts: &mut Facts) -> Result<(), Stop> {
    let head: [u8; 13] = reader.array(0)?;
    if !head.starts_with(b"GIF87a") && !head.starts_with(b"GIF89a") {
        return stop(FaultCode::Malformed, "no GIF signature");
    }
    let word = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    facts.picture("gif", word(6).into(), word(8).into());
    let mut offset = 13 + colours(head[10]);
    let (mut frames, mut hundredths) = (0_u64, 0_u64);
    loop {
        reader.count_header()?;
        match reader.array(offset)? {
            [0x21] => {
                if reader.array(offset + 1)? == [0xf9] {
                    // Block size, flags, delay.
                    let [_, _, low, high] = reader.array(offset + 2)?;
                    hundredths += u64::from(u16::from_le_bytes([low, high]));
                }
                offset = skip_blocks(reader, offset + 2)?;
            }
            [0x2c] => {
                frames += 1;
                let [flags] = reader.array(offset + 9)?;
                // Behind the colours one byte says how the data is packed.
                offset = skip_blocks(reader, offset + 10 + colours(flags) + 1)?;
            }
            [0x3b] => break,
            _ => return stop(FaultCode::Malformed, format!("no block at {offset}")),
        }
    }
    if frames > 1 {
        facts.duration_ms = Some(hundredths * 10);
        facts.video[0].fps = rate(frames, hundredths, 100);
    }
    facts.video[0].frames = Some(frames);
    let left = reader.size() - offset - 1;
    if left > 0 {
        return stop(FaultCode::TrailingBytes, format!("{left} bytes lie behind the end at {}", offset + 1));
    }
    Ok(())
}

/// Bytes of the colour table that these flags announce.
fn colours(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << (u64::from(flags & 7) + 1) }
}

/// Data comes in blocks of up to 255 bytes; an empty one ends it.
fn skip_blocks(reader: &mut Reader<'_>, mut offset: u64) -> Result<u64, Stop> {
    loop {
        let [size] = reader.array(offset)?;
        offset += 1 + u64::from(size);
        if size == 0 {
            return Ok(offset);
        }
    }
}
