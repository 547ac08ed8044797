//! What the examination found in a file, for the author of the plugin that made it.

use filmgate::media::{AudioFacts, MediaFacts, VideoFacts};
use filmgate::publish::Asset;

/// On one line: how long it lasts, each picture and sound, and whether it plays before it is there as a whole.
pub(super) fn line(facts: Option<&MediaFacts>) -> String {
    let Some(facts) = facts else { return "not examined".to_owned() };
    let duration = facts.duration_ms.map(|duration| format!("{}.{:03} s", duration / 1_000, duration % 1_000));
    let others = (facts.other_tracks > 0).then(|| format!("{} other tracks", facts.other_tracks));
    let start = facts.fast_start.map(|fast| if fast { "fast start" } else { "no fast start" }.to_owned());
    let faults = facts.faults.iter().map(ToString::to_string);
    let tracks = facts.video.iter().map(picture).chain(facts.audio.iter().map(sound));
    let parts: Vec<_> = duration.into_iter().chain(tracks).chain(others).chain(start).chain(faults).collect();
    if parts.is_empty() { "nothing to tell".to_owned() } else { parts.join("; ") }
}

/// What a viewer would stumble over.
pub(super) fn warnings(asset: &Asset) -> Vec<String> {
    let Some(facts) = &asset.facts else { return Vec::new() };
    let late = "a player must fetch all of it before it can start: write its index (moov) first".to_owned();
    let late = (facts.fast_start == Some(false)).then_some(late);
    let faults = facts.faults.iter().map(ToString::to_string);
    late.into_iter().chain(faults).map(|text| format!("{}: {text}", asset.identity.slot)).collect()
}

fn picture(track: &VideoFacts) -> String {
    let size = format!("{} {}x{}", track.codec, track.width, track.height);
    let rate = track.fps.map(|rate| format!(" at {} fps", f64::from(rate))).unwrap_or_default();
    let frames = track.frames.map(|frames| format!(", {frames} frames")).unwrap_or_default();
    format!("{size}{rate}{frames}")
}

fn sound(track: &AudioFacts) -> String {
    let channels = if track.channels == 1 { "channel" } else { "channels" };
    format!("{} {} {channels} at {} Hz", track.codec, track.channels, track.sample_rate)
}

#[cfg(test)]
mod tests {
    use filmgate::media::MediaKind;

    use super::*;

    #[test]
    fn each_part_of_the_facts_is_told() {
        let answer = r#"{"container":"mp4","duration_ms":1500,
            "video":[{"codec":"h264","codec_id":"avc1","width":16,"height":9,"fps":29.97,"frames":45}],
            "audio":[{"codec":"aac","codec_id":"mp4a","channels":2,"sample_rate":48000}],
            "other_tracks":1,"fast_start":false,"faults":[{"code":"no-pictures","detail":"of three"}]}"#;
        let facts = MediaFacts::parse(answer, MediaKind::Mp4).unwrap();
        let told = "1.500 s; h264 16x9 at 29.97 fps, 45 frames; aac 2 channels at 48000 Hz; 1 other tracks; \
                    no fast start; it has no pictures: of three";
        assert_eq!(line(Some(&facts)), told);
        assert_eq!(line(None), "not examined");
    }
}
