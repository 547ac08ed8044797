//! Small whole files of every kind, in any size: what the probe writes, and what tests expect it to have written.
//!
//! Shared with the tests by its path; it knows nothing of either.
#![allow(unreachable_pub, dead_code, reason = "the tests' library shows all of it, the probe uses a part")]

/// A whole file of this extension and size: at least 700 bytes, for JSON any.
pub fn whole(extension: &str, bytes: usize) -> Vec<u8> {
    if extension == "json" {
        return format!("[\"{}\"]", "a".repeat(bytes.saturating_sub(4))).into_bytes();
    }
    let (mut file, tail) = (head(extension, bytes), tail(extension));
    file.extend((file.len()..bytes - tail.len()).map(|offset| payload(extension, offset, bytes)));
    file.extend(tail);
    file
}

/// What a file of this extension and size begins with. What follows is payload: nothing in it is looked at.
pub fn head(extension: &str, bytes: usize) -> Vec<u8> {
    match extension {
        "mp4" => movie(b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2"),
        "mov" => movie(b"\0\0\0\x14ftypqt  \0\0\x02\0qt  "),
        "webm" => webm(bytes),
        "png" => {
            let mut head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0\x90\x91\x68\x36".to_vec();
            let payload = bytes.saturating_sub(head.len() + 8 + tail(extension).len());
            head.extend(be(payload));
            head.extend(b"IDAT");
            head
        }
        "jpg" => [
            b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0".as_slice(),
            b"\xff\xc0\0\x0b\x08\0\x10\0\x10\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0",
        ]
        .concat(),
        "gif" => b"GIF89a\x10\0\x10\0\0\0\0\x2c\0\0\0\0\x10\0\x10\0\0\x02".to_vec(),
        "mp3" => {
            let tag = bytes.saturating_sub(10 + tail(extension).len());
            let size = [21, 14, 7, 0].map(|shift| u8::try_from(tag >> shift & 0x7f).unwrap_or_default());
            [b"ID3\x04\0\0".as_slice(), &size].concat()
        }
        "wav" => {
            let (riff, data) = (le(bytes.saturating_sub(8)), le(bytes.saturating_sub(44)));
            let format = b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data";
            [b"RIFF".as_slice(), &riff, format, &data].concat()
        }
        _ => Vec::new(),
    }
}

/// What a file of this extension ends with.
pub fn tail(extension: &str) -> &'static [u8] {
    const FRAME: [u8; 96] = {
        let mut frame = [0; 96];
        (frame[0], frame[1], frame[2], frame[3]) = (0xff, 0xfb, 0x14, 0xc0);
        frame
    };
    match extension {
        "png" => b"\0\0\0\0\0\0\0\0IEND\xae\x42\x60\x82",
        "jpg" => b"\xff\xd9",
        "gif" => b"\0;",
        "mp3" => &FRAME,
        _ => b"",
    }
}

/// The payload's byte at this place of a file: no value that would end a JPEG.
pub fn payload(extension: &str, offset: usize, bytes: usize) -> u8 {
    let head = if extension == "gif" { head(extension, bytes).len() } else { 0 };
    // GIF has its data in blocks of up to 255 bytes.
    match (offset - head.min(offset)) % 256 {
        0 if extension == "gif" => {
            u8::try_from((bytes - tail(extension).len() - offset - 1).min(255)).unwrap_or(u8::MAX)
        }
        _ => u8::try_from(offset % 251).unwrap_or_default(),
    }
}

/// A film of one picture, whose media goes on to the end of the file.
fn movie(file_type: &[u8]) -> Vec<u8> {
    let header =
        full(b"mvhd", &[be32(&[0, 0, 1000, 1000, 0x0001_0000]), vec![0; 12], matrix(), vec![0; 24], be32(&[2])]);
    let mut film = [file_type, &header_and_track(&header, 0)].concat();
    // The place of the media is known once the length is.
    let media = u32::try_from(film.len() + 8).unwrap_or_default();
    film = [file_type, &header_and_track(&header, media)].concat();
    film.extend(b"\0\0\0\0mdat");
    film
}

fn header_and_track(header: &[u8], media: u32) -> Vec<u8> {
    let entry = [vec![0; 6], vec![0, 1], vec![0; 16], be32(&[0x0010_0010]), vec![0; 50]];
    let tables = [
        full(b"stsd", &[be32(&[1]), simple(b"avc1", &entry)]),
        full(b"stts", &[be32(&[1, 1, 1000])]),
        full(b"stsc", &[be32(&[1, 1, 1, 1])]),
        full(b"stsz", &[be32(&[16, 1])]),
        full(b"stco", &[be32(&[1, media])]),
    ];
    let handler = full(b"hdlr", &[be32(&[0]), b"vide".to_vec(), vec![0; 13]]);
    let information = simple(b"minf", &[simple(b"stbl", &tables)]);
    let media_header = full(b"mdhd", &[be32(&[0, 0, 1000, 1000, 0])]);
    let track_header =
        full(b"tkhd", &[be32(&[0, 0, 1, 0, 1000, 0, 0, 0, 0]), matrix(), be32(&[0x0010_0000, 0x0010_0000])]);
    let track = simple(b"trak", &[track_header, simple(b"mdia", &[media_header, handler, information])]);
    simple(b"moov", &[header.to_vec(), track])
}

fn simple(name: &[u8; 4], content: &[Vec<u8>]) -> Vec<u8> {
    let content = content.concat();
    [&be(content.len() + 8), name.as_slice(), &content].concat()
}

fn full(name: &[u8; 4], content: &[Vec<u8>]) -> Vec<u8> {
    simple(name, &[vec![0; 4], content.concat()])
}

fn matrix() -> Vec<u8> {
    be32(&[0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000])
}

fn be32(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// One block of pictures that fills the file.
fn webm(bytes: usize) -> Vec<u8> {
    let mut film = b"\x1a\x45\xdf\xa3\x8b\x42\x86\x81\x01\x42\x82\x84webm".to_vec();
    film.extend(b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff");
    film.extend(b"\x15\x49\xa9\x66\x87\x2a\xd7\xb1\x83\x0f\x42\x40");
    film.extend(b"\x16\x54\xae\x6b\x9b\xae\x99\xd7\x81\x01\x73\xc5\x81\x01\x83\x81\x01\x86\x85V_VP8\xe0\x86\xb0\x81\x10\xba\x81\x10");
    film.extend(b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff\xe7\x81\0\xa3\x01\0\0\0");
    let block = bytes.saturating_sub(film.len() + 4);
    film.extend(be(block));
    film
}

fn be(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

fn le(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}
