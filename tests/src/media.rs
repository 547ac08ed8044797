//! Looking at a finished video with ffmpeg: tools that had no part in making it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// Seconds.
    pub duration: f64,
    /// Pixels in a row.
    pub width: u64,
    /// Rows.
    pub height: u64,
    /// ffmpeg's name of the video codec.
    pub video_codec: String,
    /// ffmpeg's name of the audio codec, where there is a track.
    pub audio_codec: Option<String>,
}

/// Reads what ffprobe says of a file.
///
/// # Panics
/// Where the tool is missing or finds no video.
pub fn look(path: &Path) -> Media {
    let output = run(
        Command::new("ffprobe").args(["-v", "error", "-show_format", "-show_streams", "-of", "json"]).arg(path),
        "ffprobe",
    );
    assert!(output.status.success(), "ffprobe {}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).expect("ffprobe writes JSON");
    let streams = found["streams"].as_array().expect("streams");
    let stream = |kind: &str| streams.iter().find(|stream| stream["codec_type"] == kind);
    let codec = |stream: &Value| stream["codec_name"].as_str().unwrap_or_default().to_owned();
    let video = stream("video").expect("a video track");
    Media {
        // An image has none.
        duration: found["format"]["duration"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default(),
        width: video["width"].as_u64().expect("a width"),
        height: video["height"].as_u64().expect("a height"),
        video_codec: codec(video),
        audio_codec: stream("audio").map(codec),
    }
}

/// Decodes every frame and sample, and answers everything that ffmpeg complains of.
///
/// # Panics
/// Where the tool is missing or gives up.
pub fn complaints(path: &Path) -> String {
    let output = run(
        Command::new("ffmpeg").args(["-v", "warning", "-xerror", "-nostdin", "-i"]).arg(path).args(["-f", "null", "-"]),
        "ffmpeg",
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "ffmpeg cannot decode {}: {said}", path.display());
    said
}

fn run(command: &mut Command, tool: &str) -> Output {
    let output = command.output();
    output.unwrap_or_else(|error| panic!("run {tool}: {error}; install it with tests/tools/install.sh system_packages"))
}
