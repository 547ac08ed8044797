use super::orientation::{from_exif, turn};
use super::{PhotoError, Picture, load, shrink};
use crate::canvas::Frame;

fn png(width: u32, height: u32, colour: png::ColorType, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("write the header");
    writer.write_image_data(data).expect("write the pixels");
    writer.finish().expect("finish the file");
    bytes
}

fn jpeg(width: u16, height: u16, rgb: &[u8], exif: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    if let Some(exif) = exif {
        encoder.add_app_segment(1, [b"Exif\0\0", exif].concat()).expect("add EXIF");
    }
    encoder.encode(rgb, width, height, jpeg_encoder::ColorType::Rgb).expect("encode");
    bytes
}

/// A TIFF block that says "turn a quarter clockwise".
const TURN_CLOCKWISE: [u8; 26] =
    [b'M', b'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];

#[test]
fn png_of_every_colour_type_is_read() {
    let frame = Frame::new(240, 240);
    for (colour, pixel, expected) in [
        (png::ColorType::Grayscale, &[77][..], [77, 77, 77, 255]),
        (png::ColorType::GrayscaleAlpha, &[200, 0], [0, 0, 0, 255]),
        (png::ColorType::Rgb, &[1, 2, 3], [1, 2, 3, 255]),
        (png::ColorType::Rgba, &[255, 100, 0, 51], [51, 20, 0, 255]),
    ] {
        let image = load("a.png", &png(4, 3, colour, &pixel.repeat(12)), frame).expect("decode");
        assert_eq!((image.width(), image.height()), (4, 3));
        assert_eq!(image.data_as_u8_slice()[..4], expected);
    }
}

#[test]
fn a_phone_photo_is_turned_upright() {
    let left_red = [[250, 0, 0].repeat(16), [0, 0, 250].repeat(16)].concat().repeat(16);
    let bytes = jpeg(32, 16, &left_red, Some(&TURN_CLOCKWISE));
    let image = load("phone.jpg", &bytes, Frame::new(240, 240)).expect("decode");
    assert_eq!((image.width(), image.height()), (16, 32));
    let (top, bottom) = (image.sample(8, 4), image.sample(8, 28));
    assert!(top.r > 200 && top.b < 60 && bottom.b > 200 && bottom.r < 60, "{top:?} {bottom:?}");
}

#[test]
fn every_orientation_is_undone() {
    // The letter F, which no turn or mirror leaves as it is; 2 wide, 3 high.
    let upright = || Picture { width: 2, height: 3, rgb: [1, 2, 3, 4, 5, 6].iter().flat_map(|&v| [v; 3]).collect() };
    for (orientation, expected) in [
        (1, [1, 2, 3, 4, 5, 6]),
        (2, [2, 1, 4, 3, 6, 5]),
        (3, [6, 5, 4, 3, 2, 1]),
        (4, [5, 6, 3, 4, 1, 2]),
        (5, [1, 3, 5, 2, 4, 6]),
        (6, [5, 3, 1, 6, 4, 2]),
        (7, [6, 4, 2, 5, 3, 1]),
        (8, [2, 4, 6, 1, 3, 5]),
    ] {
        let turned = turn(upright(), orientation);
        let values: Vec<u8> = turned.rgb.iter().step_by(3).copied().collect();
        assert_eq!(values, expected, "orientation {orientation}");
    }
}

#[test]
fn damaged_exif_is_ignored() {
    assert_eq!(from_exif(&TURN_CLOCKWISE), Some(6));
    for end in 0..TURN_CLOCKWISE.len() - 6 {
        assert_eq!(from_exif(&TURN_CLOCKWISE[..end]), None, "cut at {end}");
    }
    assert_eq!(from_exif(b"II\x2a\0\xff\xff\xff\xff"), None);
    let mut impossible = TURN_CLOCKWISE;
    impossible[19] = 9;
    assert_eq!(from_exif(&impossible), None);
}

#[test]
fn large_photos_are_shrunk_to_what_the_frame_needs() {
    let picture = Picture { width: 4_000, height: 3_000, rgb: vec![90; 4_000 * 3_000 * 3] };
    let small = shrink(picture, 1_280.0, 720.0);
    assert_eq!((small.width, small.height), (1_280, 960));
    assert!(small.rgb.iter().all(|&value| value == 90));
    let tiny = shrink(Picture { width: 3, height: 2, rgb: vec![7; 18] }, 1_280.0, 720.0);
    assert_eq!((tiny.width, tiny.height), (3, 2));
}

#[test]
fn what_is_no_image_is_refused_by_name() {
    let frame = Frame::new(240, 240);
    let refused = |bytes: &[u8]| load("x.jpg", bytes, frame).expect_err("must be refused");
    assert!(matches!(refused(b"hello"), PhotoError::Kind(name) if name == "x.jpg"));
    assert!(matches!(refused(b""), PhotoError::Kind(_)));
    let whole = png(40, 40, png::ColorType::Rgb, &[9; 4_800]);
    for end in [8, 20, 33, whole.len() / 2] {
        assert!(matches!(refused(&whole[..end]), PhotoError::Decode { .. }), "png cut at {end}");
    }
    let whole = jpeg(32, 32, &[9; 3_072], None);
    for end in [3, 20, 100] {
        assert!(matches!(refused(&whole[..end]), PhotoError::Decode { .. }), "jpeg cut at {end}");
    }
}

#[test]
fn a_picture_bomb_is_refused_before_it_is_decoded() {
    // A PNG header that claims 60,000 x 60,000 pixels.
    let mut bytes = png(1, 1, png::ColorType::Grayscale, &[0]);
    bytes[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
    let header: Vec<u8> = bytes[12..29].to_vec();
    bytes[29..33].copy_from_slice(&crc32(&header).to_be_bytes());
    let error = load("bomb.png", &bytes, Frame::new(240, 240)).expect_err("must be refused");
    assert!(matches!(error, PhotoError::Size { width: 60_000, .. } | PhotoError::Decode { .. }), "{error}");
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
