//! Whatever a file claims, its examination takes one pass and says nothing of the file's own words.

use std::cell::Cell;
use std::io;

use facts::{Kind, ReadAt, examine};

use crate::made::{KINDS, look, whole};

/// Counts what is read.
struct Counted<'a> {
    file: &'a [u8],
    bytes: &'a Cell<u64>,
}

impl ReadAt for Counted<'_> {
    fn size(&mut self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file.read_at(offset, buffer)?;
        self.bytes.set(self.bytes.get() + bytes as u64);
        Ok(bytes)
    }
}

#[test]
fn p3_media_is_walked_by_its_headers() {
    for (kind, extension) in KINDS {
        let file = crate::made::sample::whole(extension, 30 << 20);
        let bytes = Cell::new(0);
        let facts = examine(&mut Counted { file: &file, bytes: &bytes }, kind).expect("memory can be read");
        assert_eq!(facts.faults, [], "{extension}");
        let most = match kind {
            // These have no other way to their end. The last 64 KiB are searched for an archive in every file but JSON.
            Kind::Jpeg | Kind::Gif | Kind::Json => file.len() as u64 * 11 / 10 + (1 << 20),
            _ => 1 << 18,
        };
        assert!(bytes.get() <= most, "{extension}: {} bytes read", bytes.get());
    }
}

/// A file that shrinks while it is examined, and a disk that fails.
#[test]
fn what_cannot_be_read_is_no_file() {
    struct Shrinking(Vec<u8>);
    impl ReadAt for Shrinking {
        fn size(&mut self) -> io::Result<u64> {
            Ok(self.0.len() as u64 * 2)
        }
        fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.as_slice().read_at(offset, buffer)
        }
    }
    struct Failing;
    impl ReadAt for Failing {
        fn size(&mut self) -> io::Result<u64> {
            Ok(1000)
        }
        fn read_at(&mut self, _: u64, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk fails"))
        }
    }
    for (kind, extension) in KINDS {
        let facts = examine(&mut Shrinking(whole(extension)), kind).expect("it can be read");
        assert_ne!(facts.faults, [], "{extension}");
        assert!(examine(&mut Failing, kind).is_err(), "{extension}");
    }
}

#[test]
fn p3_no_text_of_the_file_is_repeated() {
    for (kind, extension) in KINDS {
        let mut file = whole(extension);
        let bytes = file.len();
        for at in 0..bytes.min(600) {
            let kept = file[at];
            for value in [0x1b, 0x0a, 0xff, 0x00] {
                file[at] = value;
                let facts = look(kind, &file);
                let text = serde_json::to_string(&facts).expect("a record");
                assert!(text.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{extension} at {at}: {text}");
                assert!(text.len() < 2000, "{extension} at {at}: {text}");
            }
            file[at] = kept;
        }
    }
}
