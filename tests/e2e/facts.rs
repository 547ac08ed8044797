//! Looking into files before they are uploaded: real ones of every kind, broken ones, and ones that take too long.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use filmgate::job::{InputName, JobRequest, Slot};
use filmgate::layout::{LayoutDefinition, LayoutName, Layouts, SlotDefinition};
use filmgate::media::{FactsPolicy, MediaFacts, MediaKind};
use filmgate::report::{JobError, JobFault, JobReport};
use filmgate::url::UrlClass;
use filmgate_tests::{media, sample};
use serde_json::json;

use crate::support::{Bench, probe, recap, request};

/// Publishes into the slot that takes every kind.
async fn publish(bench: &Bench, path: &Path) -> Result<JobReport, JobError> {
    let request = JobRequest::new("ana".parse().expect("a user id")).with_layout("pipeline".parse().expect("a layout"));
    let slot: Slot = "processing".parse().expect("a slot");
    bench.host.publish(request, Some(slot), path, false).expect("start").wait().await
}

async fn facts(bench: &Bench, path: &Path) -> MediaFacts {
    let report = publish(bench, path).await.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    report.assets[0].facts.clone().expect("facts")
}

/// A second of a test card and a tone, as these options want it.
fn made(bench: &Bench, name: &str, options: &str) -> PathBuf {
    let path = bench.path(name);
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=1"])
        .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=1"])
        .args(options.split_whitespace())
        .arg(&path)
        .output()
        .expect("run ffmpeg");
    assert!(made.status.success(), "{name}: {}", String::from_utf8_lossy(&made.stderr));
    path
}

/// Codecs, size, frame rate in thousandths, channels, and whether it is a fast start.
type Expected = (Option<&'static str>, Option<&'static str>, Option<u32>, Option<u32>, Option<bool>);

#[tokio::test(flavor = "multi_thread")]
async fn b10_facts_of_real_files_are_those_of_ffmpeg() {
    let bench = Bench::local();
    let h264 = "-c:v libx264 -pix_fmt yuv420p";
    let cases: [(&str, String, Expected); 15] = [
        (
            "plain.mp4",
            format!("{h264} -c:a aac -ac 1"),
            (Some("h264"), Some("aac"), Some(25_000), Some(1), Some(false)),
        ),
        (
            "fast.mp4",
            format!("{h264} -c:a aac -ac 2 -movflags +faststart"),
            (Some("h264"), Some("aac"), Some(25_000), Some(2), Some(true)),
        ),
        (
            "fragments.mp4",
            format!("{h264} -g 5 -c:a aac -movflags frag_keyframe+empty_moov+default_base_moof"),
            (Some("h264"), Some("aac"), Some(25_000), Some(1), Some(true)),
        ),
        (
            "old.mp4",
            "-c:v mpeg4 -c:a libmp3lame -ac 2".to_owned(),
            (Some("mpeg4"), Some("mp3"), Some(25_000), Some(2), Some(false)),
        ),
        (
            "film.mov",
            "-c:v prores -c:a pcm_s16le".to_owned(),
            (Some("prores"), Some("pcm"), Some(25_000), Some(1), Some(false)),
        ),
        (
            "film.webm",
            "-c:v libvpx -c:a libvorbis".to_owned(),
            (Some("vp8"), Some("vorbis"), Some(25_000), Some(1), None),
        ),
        (
            "new.webm",
            "-c:v libvpx-vp9 -c:a libopus -ac 2".to_owned(),
            (Some("vp9"), Some("opus"), Some(25_000), Some(2), None),
        ),
        (
            "live.webm",
            "-c:v libvpx -c:a libopus -live 1".to_owned(),
            (Some("vp8"), Some("opus"), Some(25_000), Some(1), None),
        ),
        ("picture.png", "-frames:v 1".to_owned(), (Some("png"), None, None, None, None)),
        ("picture.jpg", "-frames:v 1".to_owned(), (Some("jpeg"), None, None, None, None)),
        ("film.gif", "-r 10".to_owned(), (Some("gif"), None, Some(10_000), None, None)),
        ("tagged.mp3", "-map 1 -metadata title=x -write_id3v1 1".to_owned(), (None, Some("mp3"), None, Some(1), None)),
        ("bare.mp3", "-map 1 -id3v2_version 0 -write_xing 0".to_owned(), (None, Some("mp3"), None, Some(1), None)),
        ("sound.wav", "-map 1 -ac 2".to_owned(), (None, Some("pcm"), None, Some(2), None)),
        ("float.wav", "-map 1 -c:a pcm_f32le".to_owned(), (None, Some("pcm"), None, Some(1), None)),
    ];
    for (name, options, (video, audio, fps, channels, fast_start)) in cases {
        let found = facts(&bench, &made(&bench, name, &options)).await;
        assert_eq!(found.faults, [], "{name}");
        let track = found.video.first();
        assert_eq!(track.map(|track| track.codec.as_str()), video, "{name}: {found:?}");
        assert_eq!(track.map(|track| (track.width, track.height)), video.map(|_| (160, 120)), "{name}: {found:?}");
        assert_eq!(track.and_then(|track| track.fps).map(|fps| fps.thousandths()), fps, "{name}: {found:?}");
        let track = found.audio.first();
        assert_eq!(track.map(|track| track.codec.as_str()), audio, "{name}: {found:?}");
        assert_eq!(track.map(|track| track.channels), channels, "{name}: {found:?}");
        assert_eq!(track.map(|track| track.sample_rate), channels.map(|_| 48_000), "{name}: {found:?}");
        assert_eq!(found.fast_start, fast_start, "{name}: {found:?}");
        let is_still = name.starts_with("picture") || name.starts_with("live");
        let duration = found.duration_ms;
        assert!(
            is_still && duration.is_none() || duration.is_some_and(|ms| (900..=1150).contains(&ms)),
            "{name}: {found:?}"
        );
    }
    bench.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn b10_facts_of_a_rendered_video_are_part_of_its_asset() {
    let bench = Bench::local();
    let params = json!({ "size": "480p", "duration": 5 });
    let report = bench.host.run(request("ana", &params), recap().await).await.expect("success");
    let video = report.main_asset().expect("a video");
    let found = video.facts.as_ref().expect("facts");
    let path = bench.path("video.mp4");
    std::fs::write(&path, bench.bytes(video).await).expect("write the video");
    let seen = media::look(&path);
    let track = &found.video[0];
    assert_eq!((u64::from(track.width), u64::from(track.height)), (seen.width, seen.height));
    assert_eq!((track.codec.as_str(), Some(found.audio[0].codec.as_str())), ("h264", seen.audio_codec.as_deref()));
    let milliseconds = found.duration_ms.expect("a duration") as f64;
    assert!((milliseconds / 1000.0 - seen.duration).abs() < 0.1, "{found:?} {seen:?}");
    assert_eq!((found.fast_start, found.faults.len()), (Some(true), 0));
    bench.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn b10_an_unsound_file_is_refused_and_its_slot_is_free_again() {
    let bench = Bench::local();
    // Too small for what its own header says.
    let files = json!([{ "bytes": 500 }, { "path": "honest.mp4" }]);
    let report = bench.run(json!({ "do": "store", "files": files })).await.expect("the honest file is enough");
    let summary = report.summary.expect("a summary");
    let error = &summary["files"][0]["error"];
    assert_eq!(
        (error["code"].as_str(), error["retryable"].as_bool()),
        (Some("unsupported-media"), Some(false)),
        "{error}"
    );
    assert!(error["message"].as_str().expect("a message").contains("cut off"), "{error}");
    assert!(summary["files"][1]["ok"].is_object(), "{summary}");
    assert_eq!(report.assets.len(), 1);

    let (error, summary) = bench.failure_and_summary(json!({ "do": "submit", "files": [{ "bytes": 500 }] })).await;
    assert!(matches!(&error.fault, JobFault::Refused(refusal) if refusal.code() == "unsupported-media"), "{error:?}");
    assert_eq!(summary["submitted"][0]["error"]["code"], "unsupported-media", "told before it is said to be claimed");
    bench.assert_nothing_left();
}

/// One fault of every sort, in files of an operator: refused, named, and left alone.
#[tokio::test(flavor = "multi_thread")]
async fn b10_what_is_wrong_with_a_file_is_named() {
    let bench = Bench::local();
    let whole = |extension: &str| sample::whole(extension, 1000);
    let with = |extension: &str, at: usize, bytes: &[u8]| {
        let mut file = whole(extension);
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let cases = [
        ("cut.png", whole("png")[..900].to_vec(), "cut off"),
        ("more.png", [whole("png"), b"<script>".to_vec()].concat(), "behind its end"),
        ("zip.mp4", with("mp4", 970, b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08\0"), "another kind"),
        ("flat.gif", with("gif", 6, &[0, 0]), "no size"),
        ("two.json", b"{}{}".to_vec(), "behind its end"),
        ("deep.json", "[".repeat(10_000).into_bytes(), "too complex"),
        ("broken.webm", with("webm", 4, &[0xff]), "broken"),
    ];
    for (name, bytes, part) in cases {
        let path = bench.path(name);
        std::fs::write(&path, &bytes).expect("write");
        let error = publish(&bench, &path).await.expect_err("refused");
        let JobFault::Refused(refusal) = &error.fault else { panic!("{name}: {error:?}") };
        assert_eq!(refusal.code(), "unsupported-media", "{name}: {refusal}");
        assert!(refusal.to_string().contains(part) && refusal.to_string().contains(name), "{name}: {refusal}");
        assert_eq!(std::fs::read(&path).expect("still there"), bytes, "{name}");
    }
    assert_eq!(bench.keys().await, Vec::<String>::new());
    bench.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn b10_the_operator_chooses_what_is_made_of_facts() {
    for (policy, facts) in [(FactsPolicy::Record, true), (FactsPolicy::Off, false)] {
        let bench = Bench::with(|builder| builder.media_facts(policy));
        let path = bench.path("cut.mp4");
        std::fs::write(&path, &sample::whole("mp4", 1000)[..400]).expect("write");
        let report = publish(&bench, &path).await.expect("let in");
        let found = report.assets[0].facts.as_ref();
        assert_eq!(found.map(|facts| facts.faults.len()), facts.then_some(1), "{policy}");
        bench.assert_nothing_left();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b10_a_slot_may_name_its_codecs() {
    let name: LayoutName = "own".parse().expect("a name");
    let slot = |codecs: &[&str]| SlotDefinition {
        key: "{job}/{name}.{extension}".to_owned(),
        kinds: vec![MediaKind::Mp4],
        codecs: codecs.iter().map(|codec| codec.parse().expect("a codec")).collect(),
        class: UrlClass::Final,
        retention: None,
        aliases: Vec::new(),
    };
    let slots = [("video", slot(&["h264", "aac"])), ("other", slot(&["vp9", "opus"]))];
    let slots = slots.map(|(name, slot)| (name.parse().expect("a slot"), slot)).into();
    let definition = LayoutDefinition { description: String::new(), main: "video".parse().expect("a slot"), slots };
    let layouts = Layouts::new(BTreeMap::from([(name.clone(), definition)]), Some(name), None).expect("a layout");
    let bench = Bench::with(|builder| builder.layouts(layouts));
    let summary = bench.summary(json!({ "do": "store", "files": [{ "slot": "other" }, {}] })).await;
    let error = &summary["files"][0]["error"];
    assert_eq!(error["code"], "unsupported-media", "{error}");
    assert!(
        error["message"].as_str().expect("a message").contains("holds h264, but slot other takes vp9, opus"),
        "{error}"
    );
    assert!(summary["files"][1]["ok"].is_object(), "{summary}");
}

/// A picture whose data has no end for as long as anybody would read: nothing but its first bytes is on the disk.
fn endless(bench: &Bench) -> PathBuf {
    let path = bench.path("endless.jpg");
    let file = File::create(&path).expect("create");
    file.write_all_at(&sample::head("jpg", 0), 0).expect("write");
    file.set_len(1 << 40).expect("grow");
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_file_that_takes_too_long_is_refused() {
    let bench = Bench::local();
    let path = endless(&bench);
    let error = publish(&bench, &path).await.expect_err("refused");
    assert!(matches!(&error.fault, JobFault::Refused(refusal) if refusal.code() == "unsupported-media"), "{error:?}");
    assert!(error.to_string().contains("used up its CPU time"), "{error}");
    assert!(path.exists());
    bench.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_examination_is_cancelled_with_its_job() {
    let bench = Bench::local();
    let path = endless(&bench);
    let request = JobRequest::new("ana".parse().expect("a user id")).with_layout("pipeline".parse().expect("a layout"));
    let slot = Some("processing".parse().expect("a slot"));
    let job = bench.host.publish(request, slot, &path, true).expect("start");
    while bench.names("jobs").is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    job.cancel_token().cancel();
    let error = job.wait().await.expect_err("cancelled");
    assert!(matches!(error.fault, JobFault::Cancelled), "{error:?}");
    assert_eq!(std::fs::metadata(&path).expect("still there").nlink(), 1);
    bench.assert_nothing_left();
}

/// An operator's file has a second name while it is examined, and none afterwards; a file with names of its own keeps them.
#[tokio::test(flavor = "multi_thread")]
async fn an_operators_file_keeps_its_links() {
    let bench = Bench::local();
    let (path, other) = (bench.path("film.mp4"), bench.path("other name.mp4"));
    std::fs::write(&path, sample::whole("mp4", 5000)).expect("write");
    std::fs::hard_link(&path, &other).expect("link");
    let report = publish(&bench, &path).await.expect("success");
    assert_eq!(report.assets[0].facts.as_ref().map(|facts| facts.video.len()), Some(1));
    assert_eq!(std::fs::metadata(&path).expect("still there").nlink(), 2);
}

/// The component that the host carries says what its sources say, of whole files and of broken ones.
#[tokio::test(flavor = "multi_thread")]
async fn the_committed_component_is_that_of_its_sources() {
    let bench = Bench::with(|builder| builder.media_facts(FactsPolicy::Record));
    let path = bench.path("file");
    let kinds =
        [("mp4", facts::Kind::Mp4), ("mov", facts::Kind::Mov), ("webm", facts::Kind::Webm), ("png", facts::Kind::Png)];
    let more =
        [("jpg", facts::Kind::Jpeg), ("gif", facts::Kind::Gif), ("mp3", facts::Kind::Mp3), ("wav", facts::Kind::Wav)];
    for (extension, kind) in kinds.into_iter().chain(more).chain([("json", facts::Kind::Json)]) {
        let whole = sample::whole(extension, 900);
        // Behind the bytes that the host itself looks at, so that it takes each for what it was.
        let changed = (30..whole.len()).step_by(61).map(|at| {
            let mut file = whole.clone();
            file[at] ^= 0x55;
            file
        });
        let cut = (100..whole.len()).step_by(97).map(|bytes| whole[..bytes].to_vec());
        for file in changed.chain(cut).chain([whole.clone()]) {
            std::fs::write(&path, &file).expect("write");
            if MediaKind::sniff(&file[..file.len().min(MediaKind::SNIFF_BYTES)]).is_none() {
                continue;
            }
            let expected = facts::examine(&mut file.as_slice(), kind).expect("memory can be read");
            let expected = serde_json::to_value(&expected).expect("a record");
            let found = serde_json::to_value(facts(&bench, &path).await).expect("a record");
            assert_eq!(found, expected, "{extension}: run `just facts`");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b10_an_input_that_is_handed_on_is_examined_too() {
    let bench = Bench::local();
    let path = bench.path("cut.mp4");
    std::fs::write(&path, &sample::whole("mp4", 1000)[..500]).expect("write");
    let name: InputName = "film.mp4".parse().expect("a name");
    let request =
        request("ana", &json!({ "do": "copy", "name": "film.mp4" })).with_input(name, &path).expect("an input");
    let error = bench.host.run(request, probe().await).await.expect_err("refused");
    assert!(matches!(&error.fault, JobFault::Refused(refusal) if refusal.code() == "unsupported-media"), "{error:?}");
    bench.assert_nothing_left();
}
