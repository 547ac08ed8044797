use std::io::{self, Write};

use filmgate_plugin::{Outbox, StoreVideo, store_video};

use crate::params::{FileParams, Kind};

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

    fn head(self) -> &'static [u8] {
        match self {
            Self::Mp4 => b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2",
            Self::Mov => b"\0\0\0\x14ftypqt  \0\0\x02\0qt  ",
            Self::Webm => b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm",
            Self::Png => b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            Self::Jpeg => b"\xff\xd8\xff\xe0\0\x10JFIF\0",
            Self::Gif => b"GIF89a\x01\0\x01\0",
            Self::Mp3 => b"ID3\x04\0\0\0\0\0\0",
            Self::Wav => b"RIFF\x24\0\0\0WAVEfmt ",
            Self::Json => b"[\"",
            Self::Html => b"<!doctype html><script>alert(1)</script>",
            Self::Svg => b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\">",
            Self::Elf => b"\x7fELF\x02\x01\x01",
            Self::Zeros => b"",
        }
    }

    fn tail(self) -> &'static [u8] {
        match self {
            Self::Json => b"\"]",
            _ => b"",
        }
    }

    fn filler(self, offset: usize) -> u8 {
        match self {
            Self::Json | Self::Html | Self::Svg => b'a',
            Self::Zeros => 0,
            _ => u8::try_from(offset % 251).unwrap_or_default(),
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

/// Writes a file of exactly `bytes` bytes; a size below that of the first bytes cuts them.
pub(crate) fn write(path: &str, kind: Kind, bytes: usize) -> io::Result<()> {
    let mut file = Outbox::new().create(path)?;
    let head = &kind.head()[..kind.head().len().min(bytes)];
    let tail = &kind.tail()[..kind.tail().len().min(bytes - head.len())];
    file.write_all(head)?;
    let mut offset = head.len();
    let end = bytes - tail.len();
    while offset < end {
        let until = end.min(offset + BLOCK_BYTES);
        let block: Vec<u8> = (offset..until).map(|offset| kind.filler(offset)).collect();
        file.write_all(&block)?;
        offset = until;
    }
    file.write_all(tail)?;
    file.finish().map(|_| ())
}
