//! WebM.

use facts::{FaultCode, Kind};

use crate::made::{assert_fault, assert_sound, find, look, whole};

const SEGMENT: &[u8] = b"\x18\x53\x80\x67";
const CLUSTER: &[u8] = b"\x1f\x43\xb6\x75";
const UNKNOWN: &[u8] = b"\x01\xff\xff\xff\xff\xff\xff\xff";

/// An element with a size of eight bytes.
fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    let size = (content.len() as u64 | 1 << 56).to_be_bytes();
    [id, &size, content].concat()
}

fn header() -> Vec<u8> {
    element(b"\x1a\x45\xdf\xa3", &element(b"\x42\x82", b"webm"))
}

fn tracks() -> Vec<u8> {
    let video = element(b"\xe0", &[element(b"\xb0", &[7, 128]), element(b"\xba", &[4, 56])].concat());
    let video = [
        element(b"\x83", &[1]),
        element(b"\x86", b"V_VP9"),
        element(b"\x23\xe3\x83", &33_333_333_u32.to_be_bytes()),
        video,
    ];
    let audio = element(b"\xe1", &[element(b"\xb5", &48_000_f64.to_be_bytes()), element(b"\x9f", &[2])].concat());
    let audio = [element(b"\x83", &[2]), element(b"\x86", b"A_OPUS"), audio];
    let entries = [element(b"\xae", &video.concat()), element(b"\xae", &audio.concat())];
    element(b"\x16\x54\xae\x6b", &entries.concat())
}

fn info(duration: f64) -> Vec<u8> {
    let scale = element(b"\x2a\xd7\xb1", &1_000_000_u32.to_be_bytes());
    element(b"\x15\x49\xa9\x66", &[scale, element(b"\x44\x89", &duration.to_be_bytes())].concat())
}

fn cluster() -> Vec<u8> {
    element(CLUSTER, &[element(b"\xe7", &[0]), element(b"\xa3", &[1; 50])].concat())
}

fn film(parts: &[Vec<u8>]) -> Vec<u8> {
    [header(), element(SEGMENT, &parts.concat())].concat()
}

#[test]
fn a_film_says_codecs_size_rate_and_length() {
    let facts = assert_sound(Kind::Webm, &film(&[info(1500.4), tracks(), cluster(), cluster()]));
    let (video, audio) = (&facts.video[0], &facts.audio[0]);
    assert_eq!((video.codec, video.codec_id.as_str(), video.width, video.height), ("vp9", "V_VP9", 1920, 1080));
    assert_eq!((video.fps, facts.duration_ms), (Some(30.0), Some(1500)));
    assert_eq!((audio.codec, audio.channels, audio.sample_rate), ("opus", 2, 48_000));
}

#[test]
fn sizes_that_are_not_known_end_where_the_next_part_begins() {
    let open = [CLUSTER, UNKNOWN, &element(b"\xe7", &[0]), &element(b"\xa3", &[1; 50])].concat();
    let content = [info(10.0), tracks(), open.clone(), open.clone(), cluster()].concat();
    assert_sound(Kind::Webm, &[header(), [SEGMENT, UNKNOWN].concat(), content.clone()].concat());
    assert_sound(Kind::Webm, &[header(), element(SEGMENT, &content)].concat());
    // Only what holds pictures may have none.
    let endless = [b"\x16\x54\xae\x6b".as_slice(), UNKNOWN].concat();
    assert_fault(Kind::Webm, &film(&[endless, cluster()]), FaultCode::Malformed);
    assert_fault(Kind::Webm, &film(&[tracks(), [CLUSTER, UNKNOWN, b"\xa3", UNKNOWN].concat()]), FaultCode::Malformed);
}

#[test]
fn b10_a_film_without_tracks_pictures_or_their_size_is_refused() {
    assert_fault(Kind::Webm, &film(&[info(1.0), cluster()]), FaultCode::Malformed);
    assert_fault(Kind::Webm, &film(&[info(1.0), tracks()]), FaultCode::NoPictures);
    assert_fault(Kind::Webm, &film(&[tracks(), element(CLUSTER, &element(b"\xe7", &[0]))]), FaultCode::NoPictures);
    assert_fault(Kind::Webm, &header(), FaultCode::Truncated);
    let mut flat = whole("webm");
    let width = find(&flat, b"\xb0\x81\x10");
    flat[width + 2] = 0;
    assert_fault(Kind::Webm, &flat, FaultCode::ZeroDimensions);
}

#[test]
fn b10_other_matroska_is_no_webm() {
    let other = whole("webm").iter().map(|byte| if *byte == b'w' { b'W' } else { *byte }).collect::<Vec<_>>();
    assert_fault(Kind::Webm, &other, FaultCode::Malformed);
}

#[test]
fn p3_sizes_and_numbers_that_cannot_be_are_faults() {
    for size in [[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], [0x01, 0, 0, 0xff, 0, 0, 0, 0]] {
        let film = [header(), SEGMENT.to_vec(), size.to_vec(), tracks(), cluster()].concat();
        assert_fault(Kind::Webm, &film, FaultCode::Truncated);
    }
    for duration in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
        assert_fault(Kind::Webm, &film(&[info(duration), tracks(), cluster()]), FaultCode::Malformed);
    }
    for (id, content) in [(b"\x83".as_slice(), vec![1; 9]), (b"\x23\xe3\x83", vec![0; 20])] {
        let entry = element(b"\x16\x54\xae\x6b", &element(b"\xae", &element(id, &content)));
        assert_fault(Kind::Webm, &film(&[entry, cluster()]), FaultCode::Malformed);
    }
    // No byte of these begins an id or a size.
    for bytes in [b"\x00\x81".as_slice(), b"\x08\x81", b"\xae\x00"] {
        assert_ne!(look(Kind::Webm, &film(&[tracks(), bytes.to_vec(), cluster()])).faults, []);
    }
}

#[test]
fn p3_more_tracks_or_elements_than_honest_films_have_end_the_examination() {
    let entry = element(b"\xae", &element(b"\x83", &[1]));
    let many = element(b"\x16\x54\xae\x6b", &entry.repeat(40));
    assert_fault(Kind::Webm, &film(&[many, cluster()]), FaultCode::TooComplex);
    assert_fault(Kind::Webm, &film(&[tracks(), b"\xec\x80".repeat(1_600_000), cluster()]), FaultCode::TooComplex);
}
