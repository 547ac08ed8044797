//! Files that the tests put together, and how they are examined.

use facts::{Facts, FaultCode, Kind, examine};

#[path = "../../../../tests/guests/probe/src/sample.rs"]
pub(crate) mod sample;

/// Every kind and its extension.
pub(crate) const KINDS: [(Kind, &str); 9] = [
    (Kind::Mp4, "mp4"),
    (Kind::Mov, "mov"),
    (Kind::Webm, "webm"),
    (Kind::Png, "png"),
    (Kind::Jpeg, "jpg"),
    (Kind::Gif, "gif"),
    (Kind::Mp3, "mp3"),
    (Kind::Wav, "wav"),
    (Kind::Json, "json"),
];

pub(crate) fn look(kind: Kind, mut file: &[u8]) -> Facts {
    examine(&mut file, kind).expect("memory can be read")
}

#[track_caller]
pub(crate) fn assert_sound(kind: Kind, file: &[u8]) -> Facts {
    let facts = look(kind, file);
    assert_eq!(facts.faults, [], "{facts:?}");
    facts
}

#[track_caller]
pub(crate) fn assert_fault(kind: Kind, file: &[u8], code: FaultCode) -> Facts {
    let facts = look(kind, file);
    assert_eq!(facts.faults.first().map(|fault| fault.code), Some(code), "{facts:?}");
    facts
}

/// A whole file of about a thousand bytes, whose every part has a size of its own.
pub(crate) fn whole(extension: &str) -> Vec<u8> {
    let mut file = sample::whole(extension, 1000);
    if matches!(extension, "mp4" | "mov") {
        let mdat = find(&file, b"mdat") - 4;
        let bytes = u32::try_from(file.len() - mdat).expect("a small file");
        file[mdat..mdat + 4].copy_from_slice(&bytes.to_be_bytes());
    }
    file
}

pub(crate) fn find(file: &[u8], name: &[u8]) -> usize {
    file.windows(name.len()).position(|bytes| bytes == name).expect("it is there")
}

/// A box of MP4.
pub(crate) fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let bytes = u32::try_from(content.len() + 8).expect("a small box");
    [&bytes.to_be_bytes(), name.as_slice(), content].concat()
}

/// A zip archive of one stored file.
pub(crate) fn zip() -> Vec<u8> {
    let (name, content) = (b"a.txt".as_slice(), b"hello".as_slice());
    let common = [20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x86, 0xa6, 0x10, 0x36, 5, 0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0];
    let local = [b"PK\x03\x04".as_slice(), &common, name, content].concat();
    let central = [b"PK\x01\x02\x14\0".as_slice(), &common, &[0; 14], name].concat();
    let (central_bytes, at) = (u8::try_from(central.len()).expect("small"), u8::try_from(local.len()).expect("small"));
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(), &[central_bytes, 0, 0, 0, at, 0, 0, 0, 0, 0]].concat();
    [local, central, end].concat()
}
