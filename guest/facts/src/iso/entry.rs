use super::boxes::{self, BoxHeader, children, children_from, field};
use super::track::Handler;
use crate::facts::{Stop, shown};
use crate::source::{Reader, WINDOW_BYTES};

/// The first sample description of a track.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) codec: &'static str,
    pub(super) codec_id: String,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) channels: u32,
    pub(super) sample_rate: u32,
}

/// Fields of a sound description before its own boxes, by its version.
const SOUND_BYTES: [u64; 3] = [28, 44, 64];

impl Entry {
    pub(super) fn read(reader: &mut Reader<'_>, stsd: BoxHeader, handler: Handler) -> Result<Option<Self>, Stop> {
        let mut entry = None;
        children_from(reader, stsd, stsd.start + 8, &mut |reader, found| {
            if entry.is_none() {
                let mut described =
                    Self { codec: codec_name(found.name), codec_id: shown(&found.name), ..Self::default() };
                match handler {
                    Handler::Video => described.read_video(reader, found)?,
                    Handler::Audio => described.read_audio(reader, found)?,
                    Handler::Other => {}
                }
                entry = Some(described);
            }
            Ok(())
        })?;
        Ok(entry)
    }

    fn read_video(&mut self, reader: &mut Reader<'_>, found: BoxHeader) -> Result<(), Stop> {
        let [a, b, c, d] = field(reader, found, 24)?;
        self.width = u16::from_be_bytes([a, b]).into();
        self.height = u16::from_be_bytes([c, d]).into();
        Ok(())
    }

    fn read_audio(&mut self, reader: &mut Reader<'_>, found: BoxHeader) -> Result<(), Stop> {
        let version = usize::from(u16::from_be_bytes(field(reader, found, 8)?));
        self.channels = u16::from_be_bytes(field(reader, found, 16)?).into();
        // A fixed-point number, whose whole part is the upper half.
        self.sample_rate = u16::from_be_bytes(field(reader, found, 24)?).into();
        if version == 2 {
            self.sample_rate = whole(f64::from_be_bytes(field(reader, found, 32)?));
            self.channels = boxes::number(reader, found, 40)?;
        }
        let Some(fields) = SOUND_BYTES.get(version) else { return Ok(()) };
        if &found.name == b"mp4a" {
            children_from(reader, found, found.start + fields, &mut |reader, child| match &child.name {
                b"esds" => self.read_descriptor(reader, child),
                b"wave" => children(reader, child, &mut |reader, child| match &child.name {
                    b"esds" => self.read_descriptor(reader, child),
                    _ => Ok(()),
                }),
                _ => Ok(()),
            })?;
        }
        Ok(())
    }

    /// What kind of sound `mp4a` is, and how many channels AAC has: the description itself says two of each.
    fn read_descriptor(&mut self, reader: &mut Reader<'_>, esds: BoxHeader) -> Result<(), Stop> {
        let bytes = usize::try_from(esds.end - esds.start).unwrap_or(usize::MAX).min(WINDOW_BYTES);
        let bytes = reader.bytes(esds.start, bytes)?;
        if let Some(stream) = Stream::parse(bytes.get(4..).unwrap_or_default()) {
            self.codec = match stream.kind {
                0x40 | 0x66 | 0x67 | 0x68 => "aac",
                0x69 | 0x6b => "mp3",
                0xdd => "vorbis",
                _ => "unknown",
            };
            if self.codec == "aac" {
                self.channels = stream.channels.unwrap_or(self.channels);
                self.sample_rate = stream.sample_rate.unwrap_or(self.sample_rate);
            }
        }
        Ok(())
    }
}

/// What an elementary stream descriptor says.
struct Stream {
    kind: u8,
    channels: Option<u32>,
    sample_rate: Option<u32>,
}

impl Stream {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (_, stream) = descriptor(bytes, 3)?;
        let flags = *stream.get(2)?;
        // A dependency, a URL and a clock may come before what follows.
        let mut skip = 3 + if flags & 0x80 == 0 { 0 } else { 2 };
        if flags & 0x40 != 0 {
            skip += 1 + usize::from(*stream.get(skip)?);
        }
        skip += if flags & 0x20 == 0 { 0 } else { 2 };
        let (_, decoder) = descriptor(stream.get(skip..)?, 4)?;
        let kind = *decoder.first()?;
        let mut found = Self { kind, channels: None, sample_rate: None };
        if let Some((_, [first, second, ..])) = decoder.get(13..).and_then(|rest| descriptor(rest, 5)) {
            let bits = u16::from_be_bytes([*first, *second]);
            // Five bits of object type, four of sample rate, four of channels. Rarer forms are left to the description.
            let (object, rate, channels) = (bits >> 11, bits >> 7 & 0xf, bits >> 3 & 0xf);
            if object != 31 && rate != 15 {
                found.sample_rate = SAMPLE_RATES.get(usize::from(rate)).copied();
                found.channels = [None, Some(1), Some(2), Some(3), Some(4), Some(5), Some(6), Some(8)]
                    .get(usize::from(channels))
                    .copied()
                    .flatten();
            }
        }
        Some(found)
    }
}

const SAMPLE_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// The descriptor of this tag at the beginning of `bytes`: its length is up to four times seven bits.
fn descriptor(bytes: &[u8], tag: u8) -> Option<(usize, &[u8])> {
    if *bytes.first()? != tag {
        return None;
    }
    let mut size = 0;
    for at in 1..=4 {
        let byte = *bytes.get(at)?;
        size = size << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((size, bytes.get(at + 1..)?.get(..size)?));
        }
    }
    None
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast of a float keeps within the range"
)]
fn whole(rate: f64) -> u32 {
    rate as u32
}

fn codec_name(id: [u8; 4]) -> &'static str {
    match &id {
        b"avc1" | b"avc3" => "h264",
        b"hvc1" | b"hev1" => "hevc",
        b"vvc1" | b"vvi1" => "vvc",
        b"av01" => "av1",
        b"vp08" => "vp8",
        b"vp09" => "vp9",
        b"mp4v" => "mpeg4",
        b"apcn" | b"apch" | b"apcs" | b"apco" | b"ap4h" | b"ap4x" => "prores",
        b"jpeg" | b"mjpa" | b"mjpb" => "mjpeg",
        b"png " => "png",
        b"mp4a" => "aac",
        b".mp3" => "mp3",
        b"Opus" => "opus",
        b"fLaC" => "flac",
        b"alac" => "alac",
        b"ac-3" => "ac3",
        b"ec-3" => "eac3",
        b"sowt" | b"twos" | b"lpcm" | b"ipcm" | b"fpcm" | b"in24" | b"in32" | b"fl32" | b"fl64" | b"raw " => "pcm",
        b"alaw" => "alaw",
        b"ulaw" => "mulaw",
        _ => "unknown",
    }
}
