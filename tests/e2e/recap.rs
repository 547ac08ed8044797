//! The main job: the reference plugin renders, the host publishes, the result plays.

use filmgate::Host;
use filmgate::job::Period;
use filmgate::report::{JobEvent, JobReport};
use filmgate::url::UrlKind;
use filmgate_tests::{browser, media};
use serde_json::json;
use tokio::sync::broadcast;

use crate::support::{Bench, recap, request};

/// The shortest recap there is, in its smallest size.
const SECONDS: f64 = 5.0;
const WIDTH: u64 = 854;
const HEIGHT: u64 = 480;

async fn render(host: &Host) -> (JobReport, broadcast::Receiver<JobEvent>) {
    let params =
        json!({ "size": "480p", "duration": SECONDS, "fps": 15, "quality": "draft", "title": "Le mois d'été" });
    let request = request("ana", &params).with_period(Period::new(2026, 3).expect("a period"));
    let job = host.start(request, recap().await).expect("start");
    let events = job.events();
    (job.wait().await.expect("the job succeeds"), events)
}

/// `recap-2026-03-20261120T124500123Z` with `part` behind it (A4).
fn is_recap_key(key: &str, part: &str) -> bool {
    let Some(rest) = key.strip_prefix("videos/ana/2026/03/recap-2026-03-") else { return false };
    let Some(time) = rest.strip_suffix(part) else { return false };
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "00000000T000000000Z"
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_to_a5_recap_is_rendered_published_and_plays_in_a_browser() {
    let bench = Bench::with(|builder| builder.budget(filmgate::default_budget()));
    let (report, events) = render(&bench.host).await;

    let [video, thumbnail] = report.assets.as_slice() else { panic!("two files: {report:?}") };
    assert!(is_recap_key(video.key.as_str(), ".mp4"), "{}", video.key);
    assert!(is_recap_key(thumbnail.key.as_str(), "-thumbnail.jpg"), "{}", thumbnail.key);
    assert_eq!(report.main_asset().expect("the video").key, video.key);
    assert_eq!(report.summary.as_ref().expect("a summary")["width"], WIDTH);
    bench.assert_nothing_left();
    check_events(events, video.size);

    assert_eq!(video.url.kind, UrlKind::File);
    let path = video.url.url.to_file_path().expect("a file URL");
    let bytes = std::fs::read(&path).expect("the URL opens");
    assert_eq!(bytes.len() as u64, video.size);
    assert_eq!(filmgate::checksum::Crc64Nvme::of(&bytes), video.checksum);
    let found = media::look(&path);
    assert_eq!((found.width, found.height), (WIDTH, HEIGHT));
    assert_eq!((found.video_codec.as_str(), found.audio_codec.as_deref()), ("h264", Some("aac")));
    assert!((found.duration - SECONDS).abs() < 0.2, "{found:?}");
    assert_eq!(media::complaints(&path), "");
    let picture = media::look(&thumbnail.url.url.to_file_path().expect("a file URL"));
    assert_eq!((picture.width, picture.height, picture.video_codec.as_str()), (WIDTH, HEIGHT, "mjpeg"));

    let played = browser::play(bytes.into(), video.kind.content_type()).await;
    assert_eq!((played.width, played.height), (WIDTH, HEIGHT));
    assert!((played.duration - SECONDS).abs() < 0.2 && played.position > SECONDS - 0.3, "{played:?}");
    assert!(played.frames >= 60, "{played:?}");
}

/// Progress first, then bytes, then each file once.
fn check_events(mut events: broadcast::Receiver<JobEvent>, video_bytes: u64) {
    let (mut progress, mut uploaded, mut stored, mut written) = (Vec::new(), 0, Vec::new(), Vec::new());
    while let Ok(event) = events.try_recv() {
        match event {
            JobEvent::Progress { fraction, .. } => progress.push(fraction),
            JobEvent::Uploading { slot, sent, total, .. } if slot.as_str() == "video" => {
                assert_eq!(total, video_bytes);
                uploaded = sent;
            }
            JobEvent::Usage(usage) => written.push(usage.outbox_bytes_written),
            JobEvent::Uploading { .. } | JobEvent::Log { .. } => {}
            JobEvent::Stored(asset) => stored.push(asset.identity.slot.to_string()),
        }
    }
    assert!(progress.len() > 3 && progress.is_sorted(), "{progress:?}");
    assert_eq!(progress.last(), Some(&1.0), "{progress:?}");
    assert_eq!(uploaded, video_bytes);
    // While it renders, the host hears what is written.
    assert!(written.is_sorted() && written.last().is_some_and(|bytes| *bytes > 0), "{written:?}");
    stored.sort();
    assert_eq!(stored, ["thumbnail", "video"]);
}
