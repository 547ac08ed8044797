use std::io::{self, Write};

use filmgate_plugin::{Outbox, StoreVideo, store_video};

use crate::params::{FileParams, Kind};
use crate::sample;

/// Written at once.
const BLOCK_BYTES: usize = 1 << 20;

impl Kind {
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Webm => "webm",
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Gif => "gif",
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
            Self::Json => "json",
            // What a liar would call them.
            Self::Html | Self::Svg | Self::Elf | Self::Zeros => "mp4",
        }
    }

    fn head(self, bytes: usize) -> Vec<u8> {
        match self {
            Self::Json => b"[\"".to_vec(),
            Self::Html => b"<!doctype html><script>alert(1)</script>".to_vec(),
            Self::Svg => b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\">".to_vec(),
            Self::Elf => b"\x7fELF\x02\x01\x01".to_vec(),
            Self::Zeros => Vec::new(),
            _ => sample::head(self.extension(), bytes),
        }
    }

    fn tail(self) -> &'static [u8] {
        match self {
            Self::Json => b"\"]",
            Self::Html | Self::Svg | Self::Elf | Self::Zeros => b"",
            _ => sample::tail(self.extension()),
        }
    }

    fn filler(self, offset: usize, bytes: usize) -> u8 {
        match self {
            Self::Json | Self::Html | Self::Svg => b'a',
            Self::Zeros => 0,
            _ => sample::payload(self.extension(), offset, bytes),
        }
    }
}

impl FileParams {
    pub(crate) fn path(&self) -> String {
        self.path.clone().unwrap_or_else(|| format!("video.{}", self.kind.extension()))
    }

    /// Writes the file and describes its publish.
    pub(crate) fn write(&self) -> io::Result<StoreVideo> {
        let path = self.path();
        write(&path, self.kind, self.bytes)?;
        let mut store = store_video(path);
        if let Some(slot) = &self.slot {
            store = store.slot(slot);
        }
        if let Some(sequence) = self.sequence {
            store = store.sequence(sequence);
        }
        if let Some(content_type) = &self.content_type {
            store = store.content_type(content_type);
        }
        for (name, value) in &self.metadata {
            store = store.metadata(name, value);
        }
        Ok(store)
    }
}

/// Writes a file of exactly `bytes` bytes; a size below that of its head and tail cuts them.
pub(crate) fn write(path: &str, kind: Kind, bytes: usize) -> io::Result<()> {
    let mut file = Outbox::new().create(path)?;
    let mut head = kind.head(bytes);
    head.truncate(bytes);
    let tail = &kind.tail()[..kind.tail().len().min(bytes - head.len())];
    file.write_all(&head)?;
    let mut offset = head.len();
    let end = bytes - tail.len();
    while offset < end {
        let until = end.min(offset + BLOCK_BYTES);
        let block: Vec<u8> = (offset..until).map(|offset| kind.filler(offset, bytes)).collect();
        file.write_all(&block)?;
        offset = until;
    }
    file.write_all(tail)?;
    file.finish().map(|_| ())
}
