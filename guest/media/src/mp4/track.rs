//! One track: its sample tables and descriptions.

use super::MOVIE_TIMESCALE;
use super::boxes::{UNITY_MATRIX, count, descriptor, full_box, simple_box, table_box};
use super::chunks::Chunk;
use crate::aac::{AudioTrack, FRAME_SAMPLES, PRIMING_SAMPLES};
use crate::error::Error;
use crate::h264::VideoTrack;

/// What a track's boxes are made of.
pub(super) struct TrackTables<'a> {
    pub(super) timescale: u32,
    /// Duration of each sample.
    pub(super) sample_ticks: u32,
    pub(super) sizes: &'a [u32],
    /// Decoded length, hidden parts included.
    media_duration: u32,
    /// Ticks at the start that are not shown.
    hidden: u32,
    /// Ticks that are shown.
    shown: u64,
    /// Sample entry of `stsd`.
    entry: Vec<u8>,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Video { width: u32, height: u32, keyframes: &'a [u32] },
    Audio,
}

impl<'a> TrackTables<'a> {
    pub(super) fn video(track: &'a VideoTrack) -> Result<TrackTables<'a>, Error> {
        let sample_ticks = track.format.rate.frame_ticks();
        let shown = track.sizes.len() as u64 * u64::from(sample_ticks);
        let kind = Kind::Video { width: track.format.width, height: track.format.height, keyframes: &track.keyframes };
        Ok(TrackTables {
            timescale: track.format.rate.timescale(),
            sample_ticks,
            sizes: &track.sizes,
            media_duration: u32::try_from(shown).map_err(|_| Error::TooLarge)?,
            hidden: 0,
            shown,
            entry: video_entry(track),
            kind,
        })
    }

    pub(super) fn audio(track: &'a AudioTrack) -> Result<TrackTables<'a>, Error> {
        let decoded = track.sizes.len() as u64 * u64::from(FRAME_SAMPLES);
        Ok(TrackTables {
            timescale: track.format.sample_rate,
            sample_ticks: FRAME_SAMPLES,
            sizes: &track.sizes,
            media_duration: u32::try_from(decoded).map_err(|_| Error::TooLarge)?,
            hidden: PRIMING_SAMPLES,
            shown: track.samples,
            entry: audio_entry(track),
            kind: Kind::Audio,
        })
    }

    /// Shown length in ticks of the movie; the track's own check keeps it in range.
    pub(super) fn movie_duration(&self) -> u32 {
        let ticks = (self.shown * u64::from(MOVIE_TIMESCALE)).div_ceil(u64::from(self.timescale));
        u32::try_from(ticks).unwrap_or(u32::MAX)
    }

    pub(super) fn track_box(&self, number: u32, chunks: &[Chunk]) -> Vec<u8> {
        let edit = [1, self.movie_duration(), self.hidden, 0x0001_0000];
        let edit: Vec<u8> = edit.iter().flat_map(|value: &u32| value.to_be_bytes()).collect();
        let edits = simple_box(b"edts", &[full_box(b"elst", 0, &[&edit])]);
        simple_box(b"trak", &[self.track_header(number), edits, self.media_box(chunks)])
    }

    fn track_header(&self, number: u32) -> Vec<u8> {
        let (width, height, volume) = match self.kind {
            Kind::Video { width, height, .. } => (width << 16, height << 16, 0_u16),
            Kind::Audio => (0, 0, 0x0100),
        };
        let mut content = Vec::new();
        for value in [0, 0, number, 0, self.movie_duration(), 0, 0, 0] {
            content.extend(value.to_be_bytes());
        }
        content.extend(volume.to_be_bytes());
        content.extend([0; 2]);
        for value in UNITY_MATRIX.into_iter().chain([width, height]) {
            content.extend(value.to_be_bytes());
        }
        full_box(b"tkhd", 3, &[&content]) // enabled, part of the presentation
    }

    fn media_box(&self, chunks: &[Chunk]) -> Vec<u8> {
        let mut header = Vec::new();
        for value in [0, 0, self.timescale, self.media_duration] {
            header.extend(value.to_be_bytes());
        }
        header.extend(0x55c4_u16.to_be_bytes()); // language: undetermined
        header.extend([0; 2]);
        let (handler, name, media_header) = match self.kind {
            Kind::Video { .. } => (b"vide", &b"Video\0"[..], full_box(b"vmhd", 1, &[&[0; 8]])),
            Kind::Audio => (b"soun", &b"Audio\0"[..], full_box(b"smhd", 0, &[&[0; 4]])),
        };
        let handler = full_box(b"hdlr", 0, &[&[0; 4], handler, &[0; 12], name]);
        let here = full_box(b"url ", 1, &[]); // the samples are in this file
        let reference = full_box(b"dref", 0, &[&1_u32.to_be_bytes(), &here]);
        let data_information = simple_box(b"dinf", &[reference]);
        let information = simple_box(b"minf", &[media_header, data_information, self.sample_table(chunks)]);
        simple_box(b"mdia", &[full_box(b"mdhd", 0, &[&header]), handler, information])
    }

    fn sample_table(&self, chunks: &[Chunk]) -> Vec<u8> {
        let is_video = matches!(self.kind, Kind::Video { .. });
        let own: Vec<&Chunk> = chunks.iter().filter(|chunk| chunk.is_video == is_video).collect();
        let samples = count(self.sizes.len());
        let mut runs: Vec<[u32; 3]> = Vec::new();
        for (index, chunk) in own.iter().enumerate() {
            if runs.last().is_none_or(|run| run[1] != chunk.samples) {
                runs.push([count(index) + 1, chunk.samples, 1]);
            }
        }
        let mut sizes = 0_u32.to_be_bytes().to_vec();
        sizes.extend(samples.to_be_bytes());
        sizes.extend(self.sizes.iter().flat_map(|size| size.to_be_bytes()));

        let mut parts = vec![
            full_box(b"stsd", 0, &[&1_u32.to_be_bytes(), &self.entry]),
            table_box(b"stts", 1, [samples, self.sample_ticks].into_iter()),
        ];
        if let Kind::Video { keyframes, .. } = self.kind {
            parts.push(table_box(b"stss", keyframes.len(), keyframes.iter().map(|index| index + 1)));
        }
        parts.push(table_box(b"stsc", runs.len(), runs.iter().flatten().copied()));
        parts.push(full_box(b"stsz", 0, &[&sizes]));
        parts.push(table_box(b"stco", own.len(), own.iter().map(|chunk| chunk.offset)));
        simple_box(b"stbl", &parts)
    }
}

/// `avc1` with the decoder configuration, colours and pixel shape.
fn video_entry(track: &VideoTrack) -> Vec<u8> {
    let (sps, pps) = (&track.sps, &track.pps);
    // Version 1, profile and level as in the set, 4-byte lengths, one set of each kind.
    let mut configuration = vec![1, sps[1], sps[2], sps[3], 0xff, 0xe1];
    for (index, set) in [sps, pps].into_iter().enumerate() {
        if index == 1 {
            configuration.push(1);
        }
        configuration.extend(u16::try_from(set.len()).unwrap_or(u16::MAX).to_be_bytes());
        configuration.extend(set);
    }
    if sps[1] >= 100 {
        configuration.extend([0xfd, 0xf8, 0xf8, 0]); // 4:2:0, 8 bits, no extension sets
    }
    let mut fields = vec![0; 6];
    fields.extend([0, 1]); // data reference
    fields.extend([0; 16]);
    for side in [track.format.width, track.format.height] {
        fields.extend(u16::try_from(side).unwrap_or(u16::MAX).to_be_bytes());
    }
    fields.extend([0, 72, 0, 0, 0, 72, 0, 0]); // 72 dpi
    fields.extend([0, 0, 0, 0, 0, 1]); // one frame a sample
    fields.extend([0; 32]); // no name of the encoder
    fields.extend([0, 24, 0xff, 0xff]); // no alpha
    let colours = [&b"nclx"[..], &[0, 1, 0, 1, 0, 1, 0]]; // BT.709, limited range
    let pixels = [0, 0, 0, 1, 0, 0, 0, 1];
    let parts =
        [fields, simple_box(b"avcC", &[configuration]), simple_box(b"colr", &colours), simple_box(b"pasp", &[pixels])];
    simple_box(b"avc1", &parts)
}

/// `mp4a` with the elementary stream descriptor.
fn audio_entry(track: &AudioTrack) -> Vec<u8> {
    let mut fields = vec![0; 6];
    fields.extend([0, 1]); // data reference
    fields.extend([0; 8]);
    fields.extend(track.format.channels.to_be_bytes());
    fields.extend([0, 16, 0, 0, 0, 0]); // 16 bits, as the format demands for AAC
    fields.extend((track.format.sample_rate << 16).to_be_bytes());

    let mut decoder = vec![0x40, 0x15, 0, 0x18, 0]; // AAC, audio, 6,144 bytes of buffer
    decoder.extend(track.format.bits_per_second.to_be_bytes());
    decoder.extend(track.format.bits_per_second.to_be_bytes());
    decoder.extend(descriptor(5, &track.config));
    let mut stream = vec![0, 0, 0]; // the track numbers the stream, no flags
    stream.extend(descriptor(4, &decoder));
    stream.extend(descriptor(6, &[2])); // the predefined settings for MP4
    let esds = full_box(b"esds", 0, &[&descriptor(3, &stream)]);
    simple_box(b"mp4a", &[fields, esds])
}
