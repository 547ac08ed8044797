//! Photos: JPEG and PNG to pixels of the size they are shown at.

mod orientation;

use crate::canvas::Frame;
use crate::scene::PHOTO_ZOOM;
use std::io::Cursor;
use std::sync::Arc;
use vello_cpu::Pixmap;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Most pixels of a photo: decoded it takes 4 bytes each of the guest's memory.
pub const PIXELS_MAX: usize = 40_000_000;

/// Longest side of a photo in pixels.
const SIDE_MAX: usize = 16_384;

/// Why a photo cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    /// The first bytes are those of neither format.
    #[error("input `{0}` is neither a JPEG nor a PNG image")]
    Kind(String),
    /// The image is too large to decode.
    #[error("input `{name}` has {width}x{height} pixels: allowed are {PIXELS_MAX} pixels and {SIDE_MAX} a side")]
    Size {
        /// Name of the input.
        name: String,
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The image is damaged or of a variant that is not supported.
    #[error("decode input `{name}`: {reason}")]
    Decode {
        /// Name of the input.
        name: String,
        /// What the decoder says.
        reason: String,
    },
}

/// Decoded pixels, RGB.
struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// Whether the first bytes are those of a format that can be shown.
pub fn is_image(bytes: &[u8]) -> bool {
    is_jpeg(bytes) || is_png(bytes)
}

fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xd8, 0xff])
}

fn is_png(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89PNG\r\n\x1a\n")
}

/// Decodes a photo, turns it upright and makes it no larger than the frame needs.
pub(crate) fn load(name: &str, bytes: &[u8], frame: Frame) -> Result<Arc<Pixmap>, PhotoError> {
    let (picture, orientation) = if is_jpeg(bytes) {
        decode_jpeg(name, bytes)?
    } else if is_png(bytes) {
        (decode_png(name, bytes)?, 1)
    } else {
        return Err(PhotoError::Kind(name.to_owned()));
    };
    // Shrinking first makes turning cheap.
    let swapped = orientation >= 5;
    let (wanted_width, wanted_height) = if swapped { (frame.height, frame.width) } else { (frame.width, frame.height) };
    let small = shrink(picture, wanted_width * PHOTO_ZOOM, wanted_height * PHOTO_ZOOM);
    let upright = orientation::turn(small, orientation);
    Ok(to_pixmap(&upright))
}

fn decode_jpeg(name: &str, bytes: &[u8]) -> Result<(Picture, u8), PhotoError> {
    let decode_error = |error: zune_jpeg::errors::DecodeErrors| PhotoError::Decode {
        name: name.to_owned(),
        reason: error.to_string(),
    };
    let options = DecoderOptions::default()
        .set_max_width(SIDE_MAX)
        .set_max_height(SIDE_MAX)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_headers().map_err(decode_error)?;
    let info = decoder.info().map_or((0, 0), |info| (usize::from(info.width), usize::from(info.height)));
    check_size(name, info)?;
    let rgb = decoder.decode().map_err(decode_error)?;
    let orientation = decoder.exif().and_then(|exif| orientation::from_exif(exif)).unwrap_or(1);
    Ok((Picture::new(name, info, rgb)?, orientation))
}

fn decode_png(name: &str, bytes: &[u8]) -> Result<Picture, PhotoError> {
    let decode_error =
        |error: png::DecodingError| PhotoError::Decode { name: name.to_owned(), reason: error.to_string() };
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(decode_error)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    check_size(name, (width, height))?;
    let length = reader.output_buffer_size().unwrap_or(0);
    let mut pixels = vec![0; length];
    let frame = reader.next_frame(&mut pixels).map_err(decode_error)?;
    let channels = frame.color_type.samples();
    // Transparent parts show black.
    let over_black = |value: u8, alpha: u8| u8::try_from(u16::from(value) * u16::from(alpha) / 255).unwrap_or(255);
    let to_rgb = |pixel: &[u8]| match *pixel {
        [grey] => [grey; 3],
        [grey, alpha] => [over_black(grey, alpha); 3],
        [r, g, b] => [r, g, b],
        [r, g, b, alpha, ..] => [over_black(r, alpha), over_black(g, alpha), over_black(b, alpha)],
        [] => [0; 3],
    };
    let rgb = pixels.chunks_exact(channels).flat_map(to_rgb).collect();
    Picture::new(name, (width, height), rgb)
}

fn check_size(name: &str, (width, height): (usize, usize)) -> Result<(), PhotoError> {
    if width > SIDE_MAX || height > SIDE_MAX || width.saturating_mul(height) > PIXELS_MAX {
        return Err(PhotoError::Size { name: name.to_owned(), width, height });
    }
    Ok(())
}

impl Picture {
    fn new(name: &str, (width, height): (usize, usize), rgb: Vec<u8>) -> Result<Picture, PhotoError> {
        if width == 0 || height == 0 || rgb.len() != width * height * 3 {
            let reason = format!("{} bytes for {width}x{height} pixels", rgb.len());
            return Err(PhotoError::Decode { name: name.to_owned(), reason });
        }
        Ok(Picture { width, height, rgb })
    }
}

/// Makes the picture as small as covering `width` by `height` allows, each pixel the mean of those it stands for.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "positions within a picture whose sides were checked"
)]
fn shrink(picture: Picture, width: f64, height: f64) -> Picture {
    let scale = (width / picture.width as f64).max(height / picture.height as f64);
    if scale >= 1.0 {
        return picture;
    }
    let side = |pixels: usize| ((pixels as f64 * scale).ceil() as usize).clamp(1, pixels);
    let (new_width, new_height) = (side(picture.width), side(picture.height));
    let range = |index: usize, new: usize, old: usize| (index * old / new)..((index + 1) * old).div_ceil(new);
    let mut rgb = Vec::with_capacity(new_width * new_height * 3);
    for y in 0..new_height {
        let rows = range(y, new_height, picture.height);
        for x in 0..new_width {
            let columns = range(x, new_width, picture.width);
            let mut sums = [0_u32; 3];
            for row in rows.clone() {
                let start = (row * picture.width + columns.start) * 3;
                for pixel in picture.rgb[start..start + columns.len() * 3].chunks_exact(3) {
                    for (sum, &value) in sums.iter_mut().zip(pixel) {
                        *sum += u32::from(value);
                    }
                }
            }
            let count = (rows.len() * columns.len()) as u32;
            rgb.extend(sums.map(|sum| ((sum + count / 2) / count) as u8));
        }
    }
    Picture { width: new_width, height: new_height, rgb }
}

/// Very long or small pictures keep their shape: the scene scales them.
fn to_pixmap(picture: &Picture) -> Arc<Pixmap> {
    let side = |pixels: usize| u16::try_from(pixels).unwrap_or(u16::MAX);
    let mut pixmap = Pixmap::new(side(picture.width), side(picture.height));
    for (target, pixel) in pixmap.data_as_u8_slice_mut().chunks_exact_mut(4).zip(picture.rgb.chunks_exact(3)) {
        target.copy_from_slice(&[pixel[0], pixel[1], pixel[2], 255]);
    }
    pixmap.set_may_have_transparency(false);
    Arc::new(pixmap)
}

#[cfg(test)]
mod tests;
