use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crc_fast::{CrcAlgorithm, Digest};

use crate::kind::{self, Kind};
use crate::options::Options;

/// Where published files go, inside the outbox.
pub(crate) const PUBLISHED: &str = ".published";

/// A refusal with a code of `plugin.wit`.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// A file that was taken out of the outbox.
#[derive(Debug)]
pub(crate) struct Published {
    /// Relative to the outbox.
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) checksum: String,
}

/// What a job published so far.
#[derive(Debug)]
pub(crate) struct Publisher {
    outbox: PathBuf,
    taken: HashSet<(String, Option<u32>)>,
}

impl Publisher {
    pub(crate) fn new(outbox: impl Into<PathBuf>) -> Self {
        Self { outbox: outbox.into(), taken: HashSet::new() }
    }

    /// Checks the file as the host would and moves it away.
    pub(crate) fn publish(&mut self, path: &str, options: &Options) -> Result<Published, Refusal> {
        options.check()?;
        let place = self.locate(path)?;
        let (kind, size, checksum) = read(&place, path)?;
        let kind = check_kind(kind, path, options)?;

        let identity = (options.slot().to_owned(), options.sequence);
        if self.taken.contains(&identity) {
            let message = format!("the slot '{}' with sequence {:?} was published before", identity.0, identity.1);
            return Err(Refusal { code: "already-published", message });
        }
        let number = options.sequence.map(|sequence| format!("-{sequence}")).unwrap_or_default();
        let published = format!("{PUBLISHED}/{}{number}.{}", options.slot(), kind.extension);
        fs::create_dir_all(self.outbox.join(PUBLISHED)).map_err(|error| internal("create the folder of", &error))?;
        fs::rename(place, self.outbox.join(&published)).map_err(|error| internal("move", &error))?;
        self.taken.insert(identity);
        Ok(Published { path: published, size, checksum })
    }

    /// Walks the path segment by segment: only folders on the way, and a file at the end.
    fn locate(&self, path: &str) -> Result<PathBuf, Refusal> {
        let unsafe_path = path.is_empty()
            || path.len() > 1024
            || path.chars().any(char::is_control)
            || path.split('/').any(|segment| matches!(segment, "" | "." | ".."));
        if unsafe_path || path.split('/').next() == Some(PUBLISHED) {
            let message = format!("{path:?} is not a path inside the outbox, such as clips/intro.mp4");
            return Err(Refusal { code: "invalid-path", message });
        }
        let mut place = self.outbox.clone();
        let mut segments = path.split('/').peekable();
        while let Some(segment) = segments.next() {
            place.push(segment);
            let metadata = fs::symlink_metadata(&place).map_err(|error| not_found(path, &error))?;
            let is_last = segments.peek().is_none();
            if metadata.is_symlink() && !is_last {
                let message = format!("'{path}' goes through a symbolic link");
                return Err(Refusal { code: "invalid-path", message });
            }
            if is_last && !metadata.is_file() {
                return Err(Refusal { code: "not-a-file", message: format!("'{path}' is not a regular file") });
            }
        }
        Ok(place)
    }
}

fn read(place: &Path, path: &str) -> Result<(Option<Kind>, u64, String), Refusal> {
    let mut file = File::open(place).map_err(|error| not_found(path, &error))?;
    let mut buffer = vec![0; 1 << 20];
    let mut head = Vec::new();
    let mut size = 0;
    let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
    loop {
        let count = match file.read(&mut buffer).map_err(|error| internal("read", &error))? {
            0 => break,
            count => count,
        };
        let bytes = &buffer[..count];
        let wanted = kind::SNIFF_BYTES - head.len();
        head.extend_from_slice(&bytes[..wanted.min(count)]);
        digest.update(bytes);
        size += count as u64;
    }
    if size == 0 {
        return Err(Refusal { code: "empty-file", message: format!("'{path}' has no bytes") });
    }
    Ok((kind::sniff(&head), size, format!("crc64nvme:{:016x}", digest.finalize())))
}

fn check_kind(kind: Option<Kind>, path: &str, options: &Options) -> Result<Kind, Refusal> {
    let declared = options.content_type.as_deref();
    let Some(kind) = kind else {
        let declared =
            declared.map(|declared| format!(", although it is declared as {declared:?}")).unwrap_or_default();
        let message = format!("the first bytes of '{path}' are of no kind that can be stored{declared}");
        return Err(Refusal { code: "unsupported-media", message });
    };
    if options.slot() == "video" && !kind.is_video() {
        let message = format!("'{path}' is {}; the slot 'video' takes mp4, mov or webm", kind.content_type);
        return Err(Refusal { code: "unsupported-media", message });
    }
    if let Some(declared) = declared.filter(|declared| !kind.is_declared_by(declared)) {
        let message = format!("'{path}' is declared as {declared:?}, but its bytes are {}", kind.content_type);
        return Err(Refusal { code: "invalid-options", message });
    }
    Ok(kind)
}

fn not_found(path: &str, error: &io::Error) -> Refusal {
    Refusal { code: "not-found", message: format!("'{path}' cannot be opened in the outbox: {error}") }
}

fn internal(doing: &str, error: &io::Error) -> Refusal {
    Refusal { code: "internal", message: format!("{doing} the published file: {error}") }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Publisher;
    use crate::options::Options;

    const MP4: &[u8] = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2";

    fn outbox() -> (tempfile::TempDir, Publisher) {
        let folder = tempfile::tempdir().unwrap();
        let publisher = Publisher::new(folder.path());
        (folder, publisher)
    }

    #[test]
    fn a_file_is_moved_and_its_slot_is_taken() {
        let (folder, mut publisher) = outbox();
        fs::create_dir(folder.path().join("clips")).unwrap();
        fs::write(folder.path().join("clips/a.mp4"), MP4).unwrap();
        let options = Options { slot: Some("clip".into()), sequence: Some(3), ..Options::default() };
        let published = publisher.publish("clips/a.mp4", &options).unwrap();
        assert_eq!(published.path, ".published/clip-3.mp4");
        assert_eq!(published.size, MP4.len() as u64);
        assert_eq!(fs::read(folder.path().join(".published/clip-3.mp4")).unwrap(), MP4);
        assert!(!folder.path().join("clips/a.mp4").exists());

        fs::write(folder.path().join("b.mp4"), MP4).unwrap();
        assert_eq!(publisher.publish("b.mp4", &options).unwrap_err().code, "already-published");
        assert!(folder.path().join("b.mp4").exists());
    }

    #[test]
    fn the_checksum_is_crc64_nvme() {
        let (folder, mut publisher) = outbox();
        fs::write(folder.path().join("a.json"), b"[123456789]").unwrap();
        let options = Options { slot: Some("timeline".into()), ..Options::default() };
        let published = publisher.publish("a.json", &options).unwrap();
        let known = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, b"123456789");
        assert_eq!(known, 0xae8b_1486_0a79_9888, "the catalogue's check value");
        let whole = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, b"[123456789]");
        assert_eq!(published.checksum, format!("crc64nvme:{whole:016x}"));
    }

    #[test]
    fn what_the_host_refuses_is_refused_with_its_code() {
        let (folder, mut publisher) = outbox();
        fs::create_dir(folder.path().join("folder.mp4")).unwrap();
        fs::write(folder.path().join("empty.mp4"), b"").unwrap();
        fs::write(folder.path().join("page.mp4"), b"<!doctype html>").unwrap();
        fs::write(folder.path().join("a.png"), b"\x89PNG\r\n\x1a\n").unwrap();
        fs::write(folder.path().join("a.mp4"), MP4).unwrap();
        let cases = [
            ("/a.mp4", "invalid-path"),
            ("../a.mp4", "invalid-path"),
            ("x/../a.mp4", "invalid-path"),
            ("./a.mp4", "invalid-path"),
            ("a.mp4/", "invalid-path"),
            ("", "invalid-path"),
            ("a\n.mp4", "invalid-path"),
            ("missing.mp4", "not-found"),
            ("folder.mp4", "not-a-file"),
            ("empty.mp4", "empty-file"),
            ("page.mp4", "unsupported-media"),
            ("a.png", "unsupported-media"),
        ];
        for (path, code) in cases {
            let refusal = publisher.publish(path, &Options::default()).unwrap_err();
            assert_eq!(refusal.code, code, "{path}: {}", refusal.message);
        }
        assert_eq!(publisher.publish(&"x".repeat(1025), &Options::default()).unwrap_err().code, "invalid-path");
        let declared = Options { content_type: Some("video/webm".into()), ..Options::default() };
        let refusal = publisher.publish("a.mp4", &declared).unwrap_err();
        assert_eq!(refusal.code, "invalid-options");
        assert!(refusal.message.contains("video/webm") && refusal.message.contains("video/mp4"));
    }

    #[cfg(unix)]
    #[test]
    fn symbolic_links_are_refused() {
        let (folder, mut publisher) = outbox();
        fs::create_dir(folder.path().join("real")).unwrap();
        fs::write(folder.path().join("real/a.mp4"), MP4).unwrap();
        std::os::unix::fs::symlink("real", folder.path().join("folder")).unwrap();
        std::os::unix::fs::symlink("real/a.mp4", folder.path().join("file.mp4")).unwrap();
        let through = publisher.publish("folder/a.mp4", &Options::default()).unwrap_err();
        assert_eq!(through.code, "invalid-path");
        assert_eq!(publisher.publish("file.mp4", &Options::default()).unwrap_err().code, "not-a-file");
    }
}
