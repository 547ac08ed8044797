//! PNG, JPEG and GIF.

use facts::{FaultCode, Kind};

use crate::made::{assert_fault, assert_sound, find, whole};

#[test]
fn b10_a_picture_without_a_size_is_refused() {
    for (kind, extension, at) in [(Kind::Png, "png", 16), (Kind::Gif, "gif", 6)] {
        let mut file = whole(extension);
        file[at..at + 2].fill(0);
        file[at + 2..at + 4].fill(0);
        assert_fault(kind, &file, FaultCode::ZeroDimensions);
    }
    let mut file = whole("jpg");
    let frame = find(&file, b"\xff\xc0");
    file[frame + 5..frame + 7].fill(0);
    assert_fault(Kind::Jpeg, &file, FaultCode::ZeroDimensions);
}

#[test]
fn b10_a_picture_without_its_data_is_refused() {
    let file = whole("png");
    let (data, end) = (find(&file, b"IDAT") - 4, find(&file, b"IEND") - 4);
    assert_fault(Kind::Png, &[&file[..data], &file[end..]].concat(), FaultCode::NoPictures);
    assert_fault(Kind::Jpeg, b"\xff\xd8\xff\xe0\0\x02\xff\xd9", FaultCode::NoPictures);
    assert_fault(Kind::Gif, b"GIF89a\x10\0\x10\0\0\0\0;", FaultCode::NoPictures);
}

#[test]
fn p3_lengths_that_cannot_be_are_faults() {
    for size in [0x8000_0000_u32, u32::MAX] {
        let mut file = whole("png");
        let data = find(&file, b"IDAT") - 4;
        file[data..data + 4].copy_from_slice(&size.to_be_bytes());
        assert_fault(Kind::Png, &file, FaultCode::Malformed);
    }
    for size in [0, 1] {
        assert_fault(Kind::Jpeg, &[0xff, 0xd8, 0xff, 0xe0, 0, size, 0xff, 0xd9, 0, 0], FaultCode::Malformed);
    }
}

#[test]
fn cameras_append_further_pictures() {
    let file = whole("jpg");
    assert_sound(Kind::Jpeg, &file.repeat(3));
    assert_fault(Kind::Jpeg, &[file.clone(), file[..300].to_vec()].concat(), FaultCode::Truncated);
    assert_fault(Kind::Jpeg, &[file.clone(), b"\xff\xd8\xff".to_vec()].concat(), FaultCode::Truncated);
    assert_fault(Kind::Jpeg, &file.repeat(100), FaultCode::TooComplex);
}

#[test]
fn markers_of_a_scan_do_not_end_it() {
    let mut file = whole("jpg");
    file[500..510].copy_from_slice(b"\xff\x00\xff\xd0\xff\xd7\xff\xff\x00\x01");
    assert_sound(Kind::Jpeg, &file);
}

#[test]
fn animations_say_frames_and_length() {
    let file = whole("gif");
    let (head, frame) = (&file[..13], &file[13..file.len() - 1]);
    let control = b"\x21\xf9\x04\0\x0a\0\0\0";
    let film = [head, control, frame, control, frame, b";"].concat();
    let facts = assert_sound(Kind::Gif, &film);
    let track = &facts.video[0];
    assert_eq!((track.frames, track.fps, facts.duration_ms), (Some(2), Some(10.0), Some(200)));
    assert_eq!(assert_sound(Kind::Gif, &file).duration_ms, None, "a still picture has no length");
}
