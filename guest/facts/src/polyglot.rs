//! Files that are whole in two formats. Who takes one for a picture hands on an archive, or a document with scripts.

use crate::facts::{FaultCode, Kind, Stop, stop};
use crate::source::{Reader, WINDOW_BYTES};

/// PDF readers take a header anywhere in here.
const PDF_BYTES: usize = 1024;
/// A zip's end record.
const RECORD: usize = 22;
/// The record and the longest comment behind it.
const ZIP_END_BYTES: u64 = RECORD as u64 + 65_535;

pub(crate) fn look(reader: &mut Reader<'_>, kind: Kind) -> Result<(), Stop> {
    // Text cannot hold the bytes of the others.
    if kind == Kind::Json {
        return Ok(());
    }
    if reader.up_to(0, PDF_BYTES)?.windows(5).any(|bytes| bytes == b"%PDF-") {
        return stop(FaultCode::Polyglot, "it is a PDF document too");
    }
    let mut offset = reader.size().saturating_sub(ZIP_END_BYTES);
    while offset + RECORD as u64 <= reader.size() {
        let size = reader.size();
        let bytes = reader.up_to(offset, WINDOW_BYTES)?;
        if let Some(at) = bytes.windows(RECORD).position(|record| is_zip_end(record, size - offset)) {
            return stop(FaultCode::Polyglot, format!("it is a zip archive too, which ends at {}", offset + at as u64));
        }
        // A record may lie across the border of two pieces.
        offset += (bytes.len() - (RECORD - 1)) as u64;
    }
    Ok(())
}

/// `PK\5\6`, one disk, and a directory that fits before it. Four of these bytes may stand anywhere by chance, not all.
fn is_zip_end(record: &[u8], left: u64) -> bool {
    let word = |at: usize| u16::from_le_bytes([record[at], record[at + 1]]);
    record.starts_with(b"PK\x05\x06")
        && word(4) == 0
        && word(6) == 0
        && word(8) == word(10)
        && u64::from(word(20)) + RECORD as u64 <= left
}
