//! Whole files, whole files cut short, and whole files with something behind them.

use facts::{FaultCode, Kind};

use crate::made::{KINDS, assert_fault, assert_sound, look, whole, zip};

#[test]
fn a_whole_file_of_every_kind_is_sound() {
    for (kind, extension) in KINDS {
        let facts = assert_sound(kind, &whole(extension));
        assert_eq!(facts.container, kind);
        match kind {
            Kind::Json => assert!(facts.video.is_empty() && facts.audio.is_empty()),
            Kind::Mp3 | Kind::Wav => assert_eq!((facts.video.len(), facts.audio.len()), (0, 1), "{facts:?}"),
            _ => assert_eq!((facts.video[0].width, facts.video[0].height), (16, 16), "{facts:?}"),
        }
    }
}

/// Whatever an upload, a full disk or a crash leaves of a file is no file.
#[test]
fn b10_a_file_cut_anywhere_is_never_sound() {
    for (kind, extension) in KINDS {
        let file = whole(extension);
        for bytes in 0..file.len() {
            let facts = look(kind, &file[..bytes]);
            assert_ne!(facts.faults, [], "{extension} cut to {bytes} of {} bytes: {facts:?}", file.len());
        }
    }
}

#[test]
fn b10_anything_behind_the_end_is_a_fault() {
    let garbage: [&[u8]; 6] = [b"\0", b"x", &[0; 64], b"<script>alert(1)</script>", &[0xff; 9], b"GIF89a\x01\0\x01\0"];
    for (kind, extension) in KINDS {
        for more in garbage {
            // The sizes of these are those of the whole file, so that nothing may follow.
            let file = [whole(extension).as_slice(), more].concat();
            let facts = look(kind, &file);
            let is_space = kind == Kind::Json && more == b" ";
            assert!(is_space || !facts.faults.is_empty(), "{extension} and {more:?}: {facts:?}");
        }
    }
}

#[test]
fn b10_an_archive_behind_the_end_is_a_fault() {
    for (kind, extension) in KINDS {
        let facts = look(kind, &[whole(extension), zip()].concat());
        let code = facts.faults.first().map(|fault| fault.code);
        let expected = [FaultCode::TrailingBytes, FaultCode::Polyglot, FaultCode::Malformed, FaultCode::Truncated];
        assert!(code.is_some_and(|code| expected.contains(&code)), "{extension}: {facts:?}");
    }
}

/// Put where the format lets anything be, so that both formats are whole.
#[test]
fn b10_an_archive_inside_is_a_fault() {
    let film = [whole("mp4"), crate::made::boxed(b"free", &zip())].concat();
    assert_fault(Kind::Mp4, &film, FaultCode::Polyglot);
    let mut film = whole("mp4");
    let at = film.len() - zip().len();
    film[at..].copy_from_slice(&zip());
    assert_fault(Kind::Mp4, &film, FaultCode::Polyglot);
    // A comment behind the end record hides it from a look at the last bytes only.
    let mut commented = zip();
    let bytes = commented.len();
    commented[bytes - 2..].copy_from_slice(&60_000_u16.to_le_bytes());
    commented.extend(vec![b'c'; 60_000]);
    assert_fault(Kind::Mp4, &[whole("mp4"), crate::made::boxed(b"free", &commented)].concat(), FaultCode::Polyglot);
}

#[test]
fn b10_a_document_inside_is_a_fault() {
    let mut film = whole("mp4");
    let at = film.len() - 20;
    film[at..at + 9].copy_from_slice(b"%PDF-1.7\n");
    assert_fault(Kind::Mp4, &film, FaultCode::Polyglot);
    // A marker that is beyond where readers look is chance.
    let film =
        [whole("mp4"), crate::made::boxed(b"free", &[b'x'; 100]), crate::made::boxed(b"free", b"%PDF-1.7")].concat();
    assert_sound(Kind::Mp4, &film);
}

#[test]
fn what_is_asked_for_is_what_is_looked_for() {
    for (kind, extension) in KINDS {
        for (other, _) in KINDS {
            let is_same = kind == other || matches!((kind, other), (Kind::Mp4, Kind::Mov) | (Kind::Mov, Kind::Mp4));
            let facts = look(other, &whole(extension));
            assert_eq!(facts.faults.is_empty(), is_same, "{extension} as {other:?}: {facts:?}");
        }
    }
}
