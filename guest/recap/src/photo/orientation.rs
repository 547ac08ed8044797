//! Which way up a photo is: phones store it sideways and say so in EXIF.

use super::Picture;

/// EXIF tag of the orientation.
const ORIENTATION: u16 = 0x0112;

/// The orientation, 1 to 8, from an EXIF block (a TIFF header and its first directory).
pub(super) fn from_exif(exif: &[u8]) -> Option<u8> {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let little = match tiff.get(..4)? {
        [b'I', b'I', 42, 0] => true,
        [b'M', b'M', 0, 42] => false,
        _ => return None,
    };
    let u16_at = |at: usize| {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let high = u16_at(4)?;
    let low = u16_at(6)?;
    let directory =
        if little { u32::from(low) << 16 | u32::from(high) } else { u32::from(high) << 16 | u32::from(low) };
    let directory = usize::try_from(directory).ok()?;
    let entries = usize::from(u16_at(directory)?);
    // A directory entry has 12 bytes: tag, type, count, value.
    let entry = (0..entries).map(|index| directory + 2 + 12 * index).find(|&at| u16_at(at) == Some(ORIENTATION))?;
    let orientation = u16_at(entry + 8)?;
    u8::try_from(orientation).ok().filter(|orientation| (1..=8).contains(orientation))
}

/// Turns and mirrors the picture so that `orientation` becomes 1.
pub(super) fn turn(picture: Picture, orientation: u8) -> Picture {
    if !(2..=8).contains(&orientation) {
        return picture;
    }
    let (old_width, old_height) = (picture.width, picture.height);
    let (width, height) = if orientation >= 5 { (old_height, old_width) } else { (old_width, old_height) };
    let mut rgb = Vec::with_capacity(picture.rgb.len());
    for y in 0..height {
        for x in 0..width {
            let (from_x, from_y) = match orientation {
                2 => (old_width - 1 - x, y),
                3 => (old_width - 1 - x, old_height - 1 - y),
                4 => (x, old_height - 1 - y),
                5 => (y, x),
                6 => (y, old_height - 1 - x),
                7 => (old_width - 1 - y, old_height - 1 - x),
                _ => (old_width - 1 - y, x),
            };
            let at = (from_y * old_width + from_x) * 3;
            rgb.extend_from_slice(&picture.rgb[at..at + 3]);
        }
    }
    Picture { width, height, rgb }
}
