//! Playing a video in a real browser, from its first frame to its end.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// A video of some seconds and a cold start of the browser on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Names of the browser, as distributions call it.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// What the browser says once the video has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Played {
    /// Seconds, by the file's header.
    pub duration: f64,
    /// Where playing ended, in seconds.
    pub position: f64,
    /// Pixels in a row.
    pub width: u64,
    /// Rows.
    pub height: u64,
    /// Frames decoded.
    pub frames: u64,
}

const PAGE: &str = r#"<!doctype html><video muted autoplay></video><script>
const video = document.querySelector("video");
const say = what => fetch("/said", { method: "POST", body: JSON.stringify({
  what, duration: video.duration, position: video.currentTime, width: video.videoWidth, height: video.videoHeight,
  frames: video.getVideoPlaybackQuality().totalVideoFrames, error: video.error && video.error.message }) });
video.onended = () => say("ended");
video.onerror = () => say("error");
video.src = "SOURCE";
</script>"#;

/// Serves `video` on loopback, with ranges, and plays it.
///
/// # Panics
/// Where there is no browser, or the video does not play to its end.
pub async fn play(video: Bytes, content_type: &'static str) -> Played {
    play_page("/video", video, content_type).await
}

/// Plays what is at a URL, as any page of any origin can embed it.
///
/// # Panics
/// As [`play`].
pub async fn play_url(url: &url::Url) -> Played {
    play_page(url.as_str(), Bytes::new(), "").await
}

async fn play_page(source: &str, video: Bytes, content_type: &'static str) -> Played {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let (said, mut hear) = mpsc::channel(4);
    let site = Arc::new(Site { page: PAGE.replace("SOURCE", source), video, content_type, said });
    let server = tokio::spawn(serve(listener, site));
    let profile = tempfile::tempdir().expect("a temporary directory");
    let mut browser = launch(profile.path(), &format!("http://127.0.0.1:{port}/"));
    let word = tokio::select! {
        word = hear.recv() => word.expect("the page speaks"),
        status = browser.wait() => panic!("the browser ended early: {status:?}"),
        () = tokio::time::sleep(PATIENCE) => panic!("the video has not ended after {PATIENCE:?}"),
    };
    browser.kill().await.expect("end the browser");
    server.abort();
    assert_eq!(word["what"], "ended", "the video did not play: {word}");
    let number = |name: &str| word[name].as_f64().expect("a number");
    let count = |name: &str| word[name].as_u64().expect("a count");
    Played {
        duration: number("duration"),
        position: number("position"),
        width: count("width"),
        height: count("height"),
        frames: count("frames"),
    }
}

/// The child is killed when dropped.
fn launch(profile: &std::path::Path, page: &str) -> Child {
    for browser in BROWSERS {
        let started = Command::new(browser)
            .args(["--headless=new", "--no-sandbox", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--disable-background-networking", "--autoplay-policy=no-user-gesture-required", "--mute-audio"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(page)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        match started {
            Ok(child) => return child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => panic!("start {browser}: {error}"),
        }
    }
    panic!("there is no {}: install one with tests/tools/install.sh system_packages", BROWSERS.join(", "));
}

struct Site {
    page: String,
    video: Bytes,
    content_type: &'static str,
    said: mpsc::Sender<Value>,
}

async fn serve(listener: TcpListener, site: Arc<Site>) {
    while let Ok((connection, _)) = listener.accept().await {
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let site = Arc::clone(&site);
                async move { Ok::<_, Infallible>(site.answer(request).await) }
            });
            // A browser drops connections as it likes.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
        });
    }
}

impl Site {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/") => {
                let answer = Response::builder().header(CONTENT_TYPE, "text/html");
                answer.body(Full::from(self.page.clone())).expect("an answer")
            }
            (&Method::GET, "/video") => self.range(request.headers().get(RANGE).and_then(|range| range.to_str().ok())),
            (&Method::POST, "/said") => {
                let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                if let Ok(word) = serde_json::from_slice(&body) {
                    // Nobody listens any more after the first word.
                    let _ = self.said.send(word).await;
                }
                Response::new(Full::default())
            }
            _ => {
                let mut answer = Response::new(Full::default());
                *answer.status_mut() = StatusCode::NOT_FOUND;
                answer
            }
        }
    }

    /// `bytes=first-[last]` is what browsers ask of videos.
    fn range(&self, range: Option<&str>) -> Response<Full<Bytes>> {
        let answer = Response::builder().header(CONTENT_TYPE, self.content_type).header(ACCEPT_RANGES, "bytes");
        let asked = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
        let Some((first, last)) = asked else {
            return answer.body(Full::new(self.video.clone())).expect("an answer");
        };
        let size = self.video.len();
        let first: usize = first.parse().expect("a first byte");
        let end = last.parse::<usize>().map_or(size, |last| (last + 1).min(size));
        answer
            .status(StatusCode::PARTIAL_CONTENT)
            .header(CONTENT_RANGE, format!("bytes {first}-{}/{size}", end - 1))
            .body(Full::new(self.video.slice(first..end)))
            .expect("an answer")
    }
}
