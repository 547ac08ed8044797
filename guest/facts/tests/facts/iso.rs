//! MP4 and MOV.

use facts::{FaultCode, Kind};

use crate::made::{assert_fault, assert_sound, boxed, find, look, whole};

/// The parts of the sample film: file type, movie header, media.
fn parts() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let film = whole("mp4");
    let (moov, mdat) = (find(&film, b"moov") - 4, find(&film, b"mdat") - 4);
    (film[..moov].to_vec(), film[moov..mdat].to_vec(), film[mdat..].to_vec())
}

/// Puts `content` in the place of the table `name`, and mends the sizes of what holds it.
fn with_table(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let (head, moov, mdat) = parts();
    let new = [head, replaced(&moov, name, &boxed(name, content)), mdat].concat();
    assert_ne!(new, whole("mp4"));
    new
}

/// Replaces the box `name` anywhere below the box `found`.
fn replaced(found: &[u8], name: &[u8; 4], new: &[u8]) -> Vec<u8> {
    let own = &found[4..8];
    if own == name {
        return new.to_vec();
    }
    if ![b"moov", b"trak", b"mdia", b"minf", b"stbl"].iter().any(|holder| own == *holder) {
        return found.to_vec();
    }
    let (mut content, mut rest) = (Vec::new(), &found[8..]);
    while !rest.is_empty() {
        let bytes = u32::from_be_bytes(rest[..4].try_into().expect("four bytes")) as usize;
        content.extend(replaced(&rest[..bytes], name, new));
        rest = &rest[bytes..];
    }
    boxed(own.try_into().expect("four bytes"), &content)
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

#[test]
fn a_film_says_codec_size_rate_and_length() {
    let facts = assert_sound(Kind::Mp4, &whole("mp4"));
    let track = &facts.video[0];
    assert_eq!((track.codec, track.codec_id.as_str(), track.frames, track.fps), ("h264", "avc1", Some(1), Some(1.0)));
    assert_eq!((facts.duration_ms, facts.fast_start, facts.other_tracks), (Some(1000), Some(true), 0));
    let film = with_table(b"stts", &numbers(&[0, 1, 300, 1001]));
    let track = &assert_sound(Kind::Mp4, &film).video[0];
    assert_eq!((track.frames, track.fps), (Some(300), Some(0.999)));
}

#[test]
fn a_header_behind_the_media_is_no_fast_start() {
    let (head, moov, mdat) = parts();
    let facts = assert_sound(Kind::Mp4, &[head, mdat, moov].concat());
    assert_eq!(facts.fast_start, Some(false));
}

#[test]
fn b10_media_without_its_header_is_cut_off() {
    let (head, moov, mdat) = parts();
    assert_fault(Kind::Mp4, &[head.clone(), mdat].concat(), FaultCode::Truncated);
    assert_fault(Kind::Mp4, &[head.clone(), moov].concat(), FaultCode::Truncated);
    assert_fault(Kind::Mp4, &head, FaultCode::Truncated);
}

#[test]
fn sizes_of_eight_bytes_and_to_the_end_of_the_file_are_read() {
    let (head, moov, mdat) = parts();
    let content = &mdat[8..];
    let long = [&[0, 0, 0, 1], b"mdat".as_slice(), &(content.len() as u64 + 16).to_be_bytes(), content].concat();
    assert_sound(Kind::Mp4, &[head.clone(), moov.clone(), long].concat());
    let open = [&[0, 0, 0, 0], b"mdat".as_slice(), content].concat();
    assert_sound(Kind::Mp4, &[head.clone(), moov.clone(), open].concat());
    for size in [u64::MAX, u64::MAX - 7, 1 << 63, 15, 0, 1 << 40] {
        let huge = [&[0, 0, 0, 1], b"mdat".as_slice(), &size.to_be_bytes(), content].concat();
        let facts = look(Kind::Mp4, &[head.clone(), moov.clone(), huge].concat());
        assert_ne!(facts.faults, [], "{size}");
    }
}

#[test]
fn a_size_smaller_than_its_own_header_does_not_go_round_for_ever() {
    let (head, moov, mdat) = parts();
    for size in 2..8_u8 {
        let film = [head.clone(), moov.clone(), vec![0, 0, 0, size], b"free".to_vec(), mdat.clone()].concat();
        assert_fault(Kind::Mp4, &film, FaultCode::Malformed);
        let inside = replaced(&moov, b"stco", &[&[0, 0, 0, size], b"stco".as_slice(), &[0; 12]].concat());
        assert_fault(Kind::Mp4, &[head.clone(), inside, mdat.clone()].concat(), FaultCode::Malformed);
    }
    // To the end of the file is no size below the top level.
    let inside = replaced(&moov, b"stco", &[&[0; 4], b"stco".as_slice(), &[0; 12]].concat());
    assert_fault(Kind::Mp4, &[head, inside, mdat].concat(), FaultCode::Malformed);
}

#[test]
fn a_child_that_is_larger_than_its_parent_is_a_fault() {
    let mut film = whole("mp4");
    let trak = find(&film, b"trak") - 4;
    film[trak..trak + 4].copy_from_slice(&560_u32.to_be_bytes());
    assert_fault(Kind::Mp4, &film, FaultCode::Malformed);
}

#[test]
fn b10_a_table_that_claims_more_than_it_has_is_a_fault() {
    for rows in [2, 0x1000_0000, u32::MAX] {
        assert_fault(Kind::Mp4, &with_table(b"stts", &numbers(&[0, rows, 1, 1000])), FaultCode::Malformed);
        assert_fault(Kind::Mp4, &with_table(b"stco", &numbers(&[0, rows, 1])), FaultCode::Malformed);
    }
}

#[test]
fn b10_media_behind_the_end_of_the_file_is_cut_off() {
    assert_fault(Kind::Mp4, &with_table(b"stco", &numbers(&[0, 1, 1_000_000])), FaultCode::Truncated);
}

/// The last box may say that it goes on to the end of the file: then only the tables tell how long it has to be.
#[test]
fn b10_media_to_the_end_of_the_file_that_is_cut_is_cut_off() {
    let (head, moov, mdat) = parts();
    let content = u32::try_from(mdat.len() - 8).expect("small");
    let open = [&[0; 4], b"mdat".as_slice(), &mdat[8..]].concat();
    let half = content / 2;
    let (one, each) = (numbers(&[0, content, 1]), numbers(&[0, 0, 3, half, 1, content - half - 1]));
    // All samples alike, or each with a size of its own; in one chunk, or the last two in a second one.
    let place = u32::try_from(head.len() + moov.len() + 8).expect("small");
    let whole = replaced(&moov, b"stsz", &boxed(b"stsz", &one));
    let apart = replaced(&moov, b"stsz", &boxed(b"stsz", &each));
    let apart = replaced(&apart, b"stsc", &boxed(b"stsc", &numbers(&[0, 1, 1, 3, 1])));
    // Each row of a table moves the media by its own length.
    let place_apart = place + 12;
    let apart = replaced(&apart, b"stco", &boxed(b"stco", &numbers(&[0, 1, place_apart])));
    let chunks = replaced(&apart, b"stsc", &boxed(b"stsc", &numbers(&[0, 2, 1, 1, 1, 2, 2, 1])));
    let second = place_apart + 12 + 4;
    let chunks = replaced(&chunks, b"stco", &boxed(b"stco", &numbers(&[0, 2, second, second + half])));
    for moov in [whole, apart, chunks] {
        let film = [head.clone(), moov, open.clone()].concat();
        assert_sound(Kind::Mp4, &film);
        for bytes in 0..film.len() {
            let facts = look(Kind::Mp4, &film[..bytes]);
            assert_ne!(facts.faults, [], "cut to {bytes} of {} bytes: {facts:?}", film.len());
        }
    }
}

/// The same of a fragment: each says where its samples lie, from the begin of its own header on.
#[test]
fn b10_a_fragment_whose_media_is_cut_is_cut_off() {
    let (head, moov, mdat) = parts();
    let moov = replaced(&moov, b"stts", &boxed(b"stts", &numbers(&[0, 0])));
    let moov = replaced(&moov, b"stco", &boxed(b"stco", &numbers(&[0, 0])));
    let open = [&[0; 4], b"mdat".as_slice(), &mdat[8..]].concat();
    let content = u32::try_from(mdat.len() - 8).expect("small");
    let with_sizes = |place: u32| boxed(b"trun", &numbers(&[0x201, 2, place, 10, content - 10]));
    let with_default = |place: u32| boxed(b"trun", &numbers(&[1, 1, place]));
    let header = boxed(b"tfhd", &numbers(&[0, 1]));
    let header_with_size = boxed(b"tfhd", &numbers(&[0x2_0010, 1, content]));
    let fragment = |header: &[u8], run: &dyn Fn(u32) -> Vec<u8>| {
        let made = |place| boxed(b"moof", &boxed(b"traf", &[header.to_vec(), run(place)].concat()));
        made(u32::try_from(made(0).len() + 8).expect("small"))
    };
    for moof in [fragment(&header, &with_sizes), fragment(&header_with_size, &with_default)] {
        let film = [head.clone(), moov.clone(), moof, open.clone()].concat();
        assert_sound(Kind::Mp4, &film);
        for bytes in film.len() - mdat.len()..film.len() {
            let facts = look(Kind::Mp4, &film[..bytes]);
            assert_ne!(facts.faults, [], "cut to {bytes} of {} bytes: {facts:?}", film.len());
        }
    }
}

#[test]
fn b10_a_film_without_a_picture_or_its_size_is_refused() {
    assert_fault(Kind::Mp4, &with_table(b"stts", &numbers(&[0, 0])), FaultCode::NoPictures);
    let (head, moov, mdat) = parts();
    let silent = replaced(&moov, b"trak", &boxed(b"free", b""));
    assert_fault(Kind::Mp4, &[head, silent, mdat].concat(), FaultCode::NoPictures);
    let mut film = whole("mp4");
    let entry = find(&film, b"avc1") + 4 + 24;
    film[entry..entry + 4].copy_from_slice(&[0, 0, 0, 16]);
    assert_sound(Kind::Mp4, &film);
    let track_header = find(&film, b"tkhd") + 4 + 76;
    film[track_header..track_header + 4].fill(0);
    assert_fault(Kind::Mp4, &film, FaultCode::ZeroDimensions);
}

#[test]
fn a_codec_without_a_name_here_is_unknown_and_printable() {
    let mut film = whole("mp4");
    let entry = find(&film, b"avc1");
    film[entry..entry + 4].copy_from_slice(b"x\x1b\n\xff");
    let facts = assert_sound(Kind::Mp4, &film);
    assert_eq!((facts.video[0].codec, facts.video[0].codec_id.as_str()), ("unknown", "x"));
}

#[test]
fn p3_boxes_in_boxes_in_boxes_end_the_examination() {
    let mut nested = boxed(b"trak", b"");
    for _ in 0..100 {
        nested = boxed(b"moov", &boxed(b"trak", &boxed(b"mdia", &boxed(b"minf", &boxed(b"stbl", &nested)))));
    }
    let (head, moov, mdat) = parts();
    // Known boxes in places where they mean nothing are skipped, not entered.
    let facts = look(Kind::Mp4, &[head.clone(), boxed(b"free", &nested), moov.clone(), mdat.clone()].concat());
    assert_eq!(facts.faults, []);
    let mut waves = boxed(b"esds", b"");
    for _ in 0..100 {
        waves = boxed(b"wave", &waves);
    }
    let entry = [vec![0; 28], waves].concat();
    let description = [numbers(&[0, 1]), boxed(b"mp4a", &entry)].concat();
    let sound = replaced(&moov, b"stsd", &boxed(b"stsd", &description));
    look(Kind::Mp4, &[head, sound, mdat].concat());
}

#[test]
fn p3_more_tracks_or_boxes_than_honest_films_have_end_the_examination() {
    let (head, moov, mdat) = parts();
    let many = boxed(b"moov", &[moov[8..].to_vec(), boxed(b"trak", b"").repeat(1000)].concat());
    assert_fault(Kind::Mp4, &[head.clone(), many, mdat.clone()].concat(), FaultCode::TooComplex);
    let flood = boxed(b"free", b"").repeat(1_600_000);
    assert_fault(Kind::Mp4, &[head, moov, flood, mdat].concat(), FaultCode::TooComplex);
}

#[test]
fn fragments_are_counted() {
    let (head, moov, mdat) = parts();
    let moov = replaced(&moov, b"stts", &boxed(b"stts", &numbers(&[0, 0])));
    let defaults = boxed(b"mvex", &boxed(b"trex", &numbers(&[0, 1, 1, 40, 0, 0])));
    let moov = boxed(b"moov", &[moov[8..].to_vec(), defaults].concat());
    let run = |samples: u32| boxed(b"trun", &numbers(&[0, samples]));
    let fragment = |track: u32| {
        boxed(b"moof", &boxed(b"traf", &[boxed(b"tfhd", &numbers(&[0, track])), run(20), run(5)].concat()))
    };
    let film = [head.clone(), moov.clone(), fragment(1), mdat.clone(), fragment(1), mdat.clone()].concat();
    let facts = assert_sound(Kind::Mp4, &film);
    assert_eq!((facts.video[0].frames, facts.video[0].fps, facts.fast_start), (Some(50), Some(25.0), Some(true)));
    assert_fault(Kind::Mp4, &[head.clone(), moov.clone(), fragment(2), mdat.clone()].concat(), FaultCode::Malformed);
    // Durations of their own for more samples than the run has room for.
    let liar = boxed(b"trun", &numbers(&[0x100, u32::MAX, 1]));
    let liar = boxed(b"moof", &boxed(b"traf", &[boxed(b"tfhd", &numbers(&[0, 1])), liar].concat()));
    assert_fault(Kind::Mp4, &[head, moov, liar, mdat].concat(), FaultCode::Malformed);
}
