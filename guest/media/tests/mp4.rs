//! What is in the file, read box by box.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use filmgate_media::{Error, VideoWriter};

/// A box's content and where it begins in the file.
struct Found<'a> {
    at: usize,
    content: &'a [u8],
}

/// The first box at `path`.
fn find<'a>(file: &'a [u8], path: &[&str]) -> Found<'a> {
    all(file, path).remove(0)
}

/// Every box at `path`.
fn all<'a>(file: &'a [u8], path: &[&str]) -> Vec<Found<'a>> {
    let mut found = vec![Found { at: 0, content: file }];
    for name in path {
        found = found.iter().flat_map(|parent| children(parent, name)).collect();
    }
    found
}

fn children<'a>(parent: &Found<'a>, name: &str) -> Vec<Found<'a>> {
    let (mut position, mut found) = (0, Vec::new());
    while position + 8 <= parent.content.len() {
        let size = number(parent.content, position);
        assert!(size >= 8 && position + size <= parent.content.len(), "box of {size} bytes at {position}");
        if &parent.content[position + 4..position + 8] == name.as_bytes() {
            found.push(Found { at: parent.at + position + 8, content: &parent.content[position + 8..position + size] });
        }
        position += size;
    }
    found
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// The numbers of a table whose entries are `width` numbers.
fn table(content: &[u8], width: usize) -> Vec<Vec<usize>> {
    let entry = |index: usize| (0..width).map(|field| number(content, 8 + 4 * (index * width + field))).collect();
    (0..number(content, 4)).map(entry).collect()
}

/// A yellow square that moves right by a pixel a frame over a still gradient, and a tone.
fn sample(frames: usize, audio: bool) -> Vec<u8> {
    let mut video = VideoWriter::builder(96, 64, 24).keyframe_interval(10).build().unwrap();
    for frame in 0..frames {
        let byte = |value: usize| u8::try_from(value).unwrap();
        let pixel = |x: usize, y: usize| {
            let inside = (frame..frame + 16).contains(&x) && (16..48).contains(&y);
            if inside { [240, 200, 40, 255] } else { [byte(x * 2), byte(y * 3), 120, 255] }
        };
        let rgba: Vec<u8> = (0..64).flat_map(|y| (0..96).flat_map(move |x| pixel(x, y))).collect();
        video.frame(&rgba).unwrap();
    }
    if audio {
        let tone = |index: usize| [f32::from(u16::try_from(index % 400).unwrap()) / 1_000.0 - 0.2; 2];
        video.audio(&(0..frames * 2_000).flat_map(tone).collect::<Vec<f32>>()).unwrap();
    }
    assert_eq!(video.frames(), frames as u64);
    video.finish().unwrap()
}

#[test]
fn the_header_comes_before_the_samples() {
    let file = sample(30, true);
    let (ftyp, moov, mdat) = (find(&file, &["ftyp"]), find(&file, &["moov"]), find(&file, &["mdat"]));
    assert!(ftyp.at < moov.at && moov.at < mdat.at);
    assert_eq!(mdat.at + mdat.content.len(), file.len());
}

#[test]
fn durations_are_those_of_what_was_given() {
    let file = sample(30, true);
    let header = find(&file, &["moov", "mvhd"]).content;
    let (timescale, duration) = (number(header, 12), number(header, 16));
    assert_eq!(duration * 24, timescale * 30);
    let edits: Vec<Vec<usize>> =
        all(&file, &["moov", "trak", "edts", "elst"]).iter().map(|edits| table(edits.content, 3).remove(0)).collect();
    assert_eq!(edits[0][..2], [duration, 0]);
    assert_eq!(edits[1][..2], [duration, 1_024], "sound ends with the picture, the encoder's priming is not heard");
}

#[test]
fn every_sample_lies_in_the_media_data_and_is_whole() {
    let file = sample(30, true);
    let media = find(&file, &["mdat"]);
    let mut total = 0;
    for (track, tables) in all(&file, &["moov", "trak", "mdia", "minf", "stbl"]).iter().enumerate() {
        let stsz = children(tables, "stsz").remove(0).content;
        let mut sizes = (0..number(stsz, 8)).map(|index| number(stsz, 12 + 4 * index));
        let offsets = table(children(tables, "stco").remove(0).content, 1).concat();
        let runs = table(children(tables, "stsc").remove(0).content, 3);
        for (index, &offset) in offsets.iter().enumerate() {
            let run = runs.iter().rev().find(|run| run[0] <= index + 1).unwrap();
            let mut position = offset;
            for size in sizes.by_ref().take(run[1]) {
                let end = position + size;
                assert!(position >= media.at && end <= media.at + media.content.len(), "sample outside");
                let mut unit = position;
                while track == 0 && unit < end {
                    unit += 4 + number(&file, unit);
                }
                assert!(track == 1 || unit == end, "the lengths inside do not add up to the sample");
                total += size;
                position = end;
            }
        }
        assert!(sizes.next().is_none(), "a sample is in no chunk");
    }
    assert_eq!(total, media.content.len());
}

#[test]
fn key_frames_come_as_often_as_asked_and_when_requested() {
    let keyframes =
        |file: &[u8]| table(find(file, &["moov", "trak", "mdia", "minf", "stbl", "stss"]).content, 1).concat();
    let file = sample(30, false);
    assert_eq!(keyframes(&file), [1, 11, 21]);
    assert_eq!(all(&file, &["moov", "trak"]).len(), 1, "no samples, no audio track");

    let mut video = VideoWriter::new(64, 64, 24).unwrap();
    for frame in 0..8 {
        if frame == 5 {
            video.request_keyframe();
        }
        video.frame(&[40; 64 * 64 * 4]).unwrap();
    }
    assert_eq!(keyframes(&video.finish().unwrap()), [1, 6]);
}

/// Content of the decoder configuration and of the colour box.
fn video_entry(file: &[u8]) -> (&[u8], &[u8]) {
    let entries = find(file, &["moov", "trak", "mdia", "minf", "stbl", "stsd"]);
    let entry = children(&Found { at: 0, content: &entries.content[8..] }, "avc1").remove(0);
    let parts = Found { at: 0, content: &entry.content[78..] };
    (children(&parts, "avcC").remove(0).content, children(&parts, "colr").remove(0).content)
}

#[test]
fn a_decoder_gives_back_the_pictures() {
    let file = sample(12, false);
    let (configuration, colours) = video_entry(&file);
    assert_eq!(colours, b"nclx\0\x01\0\x01\0\x01\0");
    let length = |at: usize| usize::from(u16::from_be_bytes([configuration[at], configuration[at + 1]]));
    let pps_at = 9 + length(6);
    let sets = [&configuration[8..8 + length(6)], &configuration[pps_at + 2..pps_at + 2 + length(pps_at)]];
    let media = find(&file, &["mdat"]).content;
    let mut stream: Vec<u8> = sets.iter().flat_map(|set| [&[0, 0, 0, 1], *set].concat()).collect();
    let mut position = 0;
    while position < media.len() {
        let end = position + 4 + number(media, position);
        stream.extend([&[0, 0, 0, 1], &media[position + 4..end]].concat());
        position = end;
    }
    let frames = rusty_h264::Decoder::new().decode_stream(&stream).unwrap();
    assert_eq!(frames.len(), 12);
    for (index, frame) in frames.iter().enumerate() {
        assert_eq!((frame.width, frame.height), (96, 64));
        // BT.709 gives the square's yellow a luma of 16 + 0.1826·240 + 0.6142·200 + 0.0620·40 = 185.
        let luma = |x: usize| i32::from(frame.y[32 * frame.width + x]);
        assert!((luma(index + 8) - 185).abs() < 10, "frame {index}: {}", luma(index + 8));
        assert!(luma(index + 30) < 130, "frame {index}: {}", luma(index + 30));
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert!(sample(15, true) == sample(15, true));
}

#[test]
fn a_rate_of_30000_in_1001_is_exact() {
    let mut video = VideoWriter::builder(32, 32, 30).frame_rate(30_000, 1_001).build().unwrap();
    for _ in 0..30 {
        video.frame(&[80; 32 * 32 * 4]).unwrap();
    }
    let file = video.finish().unwrap();
    let header = find(&file, &["moov", "trak", "mdia", "mdhd"]).content;
    assert_eq!(number(header, 16) * 30_000, number(header, 12) * 30 * 1_001);
}

#[test]
fn what_cannot_be_coded_is_refused_with_its_bounds() {
    for (width, height) in [(0, 0), (641, 360), (640, 361), (14, 64), (4_098, 16), (4_096, 4_096), (u32::MAX, 2)] {
        let error = VideoWriter::new(width, height, 30).err().unwrap();
        assert!(matches!(error, Error::Size { .. }), "{width}x{height}");
        assert!(error.to_string().contains("16 to 4096"), "{error}");
    }
    for (frames, seconds) in [(0, 1), (1, 0), (121, 1), (1, 2), (u32::MAX, u32::MAX)] {
        let error = VideoWriter::builder(64, 64, 30).frame_rate(frames, seconds).build().err().unwrap();
        assert!(matches!(error, Error::FrameRate { .. }), "{frames}/{seconds}");
    }
    for quantizer in [0, 11, 43, 255] {
        let error = VideoWriter::builder(64, 64, 30).quantizer(quantizer).build().err().unwrap();
        assert!(matches!(error, Error::Quantizer(refused) if refused == quantizer));
    }
    for (rate, channels, bits) in
        [(96_000, 2, 128_000), (48_000, 3, 128_000), (48_000, 0, 128_000), (8_000, 1, 128_000)]
    {
        let builder = VideoWriter::builder(64, 64, 30).audio_format(rate, channels).audio_bit_rate(bits);
        assert!(matches!(builder.build().err().unwrap(), Error::AudioFormat { .. }), "{rate} {channels} {bits}");
    }
}

#[test]
fn wrong_frames_and_samples_are_refused() {
    let mut video = VideoWriter::new(64, 64, 30).unwrap();
    let error = video.frame(&[0; 100]).unwrap_err();
    assert_eq!(error.to_string(), "frame 0 has 100 bytes: RGBA of this size needs 16384");
    assert!(matches!(video.audio(&[0.0; 3]).unwrap_err(), Error::SampleCount { found: 3, channels: 2 }));
    assert!(matches!(video.audio(&[0.0, f32::NAN]).unwrap_err(), Error::Sample { index: 1 }));
    assert!(matches!(video.finish().unwrap_err(), Error::Empty));
}

#[test]
fn samples_louder_than_full_scale_are_clipped_not_refused() {
    let mut video = VideoWriter::new(64, 64, 30).unwrap();
    video.frame(&[9; 64 * 64 * 4]).unwrap();
    video.audio(&[7.0, -7.0].repeat(3_000)).unwrap();
    let file = video.finish().unwrap();
    assert_eq!(all(&file, &["moov", "trak"]).len(), 2);
}

#[test]
fn a_failing_file_is_reported_as_such() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("no space"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut video = VideoWriter::new(64, 64, 30).unwrap();
    video.frame(&[9; 64 * 64 * 4]).unwrap();
    assert!(matches!(video.finish_into(Full).unwrap_err(), Error::Write(source) if source.to_string() == "no space"));
}
