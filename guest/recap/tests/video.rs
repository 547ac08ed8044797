//! Whole videos, small ones.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use recap::params::Params;
use recap::{Error, Input, Recap};
use serde_json::{Value, json};

fn recap(mut params: Value, photos: &[Input]) -> Result<Recap, Error> {
    for (name, value) in [("width", json!(320)), ("height", json!(240)), ("fps", json!(10)), ("duration", json!(5))] {
        if params.get(name).is_none() {
            params[name] = value;
        }
    }
    Recap::new(&Params::from_json(&params).unwrap(), Some((2026, 3)), photos)
}

fn video(recap: &Recap) -> Vec<u8> {
    let mut file = Vec::new();
    let size = recap.render(&mut file, |_, _| true).unwrap();
    assert_eq!(size, file.len() as u64);
    file
}

fn photo(name: &str) -> Input {
    let mut bytes = Vec::new();
    let pixels: Vec<u8> = (0..60_u8).flat_map(|y| (0..80_u8).flat_map(move |x| [x * 3, y * 4, 90])).collect();
    jpeg_encoder::Encoder::new(&mut bytes, 90).encode(&pixels, 80, 60, jpeg_encoder::ColorType::Rgb).unwrap();
    Input { name: name.to_owned(), bytes, caption: "Été à Málaga".to_owned() }
}

fn names(recap: &Recap) -> Vec<&'static str> {
    recap.summary().scenes.iter().map(|scene| scene.name).collect()
}

#[test]
fn no_parameters_give_a_complete_video() {
    let recap = Recap::new(&Params::default(), None, &[]).unwrap();
    let summary = recap.summary();
    assert_eq!((summary.width, summary.height, summary.fps, summary.frames), (1_280, 720, 30, 360));
    assert_eq!(summary.duration, 12.0);
    assert!(summary.audio);
    assert_eq!(names(&recap), ["title", "numbers", "chart", "picture", "closing"]);
    assert!(summary.scenes.windows(2).all(|pair| pair[1].start - pair[0].start > 1.5));
}

#[test]
fn the_file_is_an_mp4_that_starts_with_its_header_and_the_thumbnail_a_jpeg() {
    let recap = recap(json!({}), &[]).unwrap();
    let file = video(&recap);
    assert_eq!(&file[4..8], b"ftyp");
    let header = u32::from_be_bytes(file[..4].try_into().unwrap()) as usize;
    assert_eq!(&file[header + 4..header + 8], b"moov");
    let thumbnail = recap.thumbnail().unwrap();
    assert_eq!(thumbnail[..3], [0xff, 0xd8, 0xff]);
}

#[test]
fn the_same_parameters_give_the_same_bytes() {
    let make = || recap(json!({"theme": "ember", "music": "bright"}), &[photo("a.jpg")]).unwrap();
    assert!(video(&make()) == video(&make()));
    assert!(make().thumbnail().unwrap() == make().thumbnail().unwrap());
}

#[test]
fn other_parameters_give_other_pictures() {
    let picture = |params: Value| recap(params, &[]).unwrap().picture(7);
    let plain = picture(json!({}));
    for params in [
        json!({"theme": "paper"}),
        json!({"accent": "#ff0066"}),
        json!({"language": "de"}),
        json!({"title": "Other"}),
        json!({"headline": ""}),
        json!({"brand": "Brand"}),
    ] {
        assert!(picture(params.clone()) != plain, "{params}");
    }
}

#[test]
fn scenes_follow_the_parameters() {
    let empty = recap(json!({"stats": [], "chart": {"values": []}}), &[]).unwrap();
    assert_eq!(names(&empty), ["title", "picture", "closing"]);
    let photos = [photo("a.jpg"), photo("b.jpg")];
    assert_eq!(names(&recap(json!({}), &photos).unwrap()), ["title", "numbers", "chart", "photo", "photo", "closing"]);
    let silent = recap(json!({"music": "none"}), &[]).unwrap();
    assert!(!silent.summary().audio);
    assert!(video(&silent).windows(4).all(|name| name != b"mp4a"));
}

#[test]
fn the_last_frame_is_black() {
    let recap = recap(json!({}), &[]).unwrap();
    let last = recap.picture(recap.summary().frames - 1);
    assert!(last.chunks_exact(4).all(|pixel| pixel == [0, 0, 0, 255]));
}

#[test]
fn every_shape_theme_and_extreme_text_can_be_drawn() {
    let extreme = json!({
        "title": "W".repeat(60), "headline": "Łęk ".repeat(35), "closing": "Unaussprechlichkeitsbewältigungsstrategie",
        "brand": "M".repeat(40), "stats_title": "S".repeat(60), "caption": "Ö".repeat(100),
        "stats": [{"label": "x".repeat(40), "value": -1e12, "unit": "WWWWWWWW", "decimals": 3}, {"label": "y", "value": 0}],
        "chart": {"values": vec![1e12; 31], "labels": vec!["Wwwwwwwwwwww"; 31], "title": "T".repeat(60), "unit": "mmmmmmmm"},
    });
    for (width, height) in [(1_920, 240), (240, 1_920), (240, 240), (854, 480)] {
        for (theme, kind) in [("midnight", "bars"), ("paper", "area"), ("mono", "bars")] {
            let mut params = extreme.clone();
            params["width"] = json!(width);
            params["height"] = json!(height);
            params["theme"] = json!(theme);
            params["chart"]["kind"] = json!(kind);
            let recap = recap(params, &[]).unwrap();
            for frame in [0, 9, 19, 29, 39, 49] {
                assert_eq!(recap.picture(frame).len(), width * height * 4);
            }
        }
    }
    let flat = json!({"chart": {"values": [0, 0], "kind": "area"}, "stats": [{"label": "none", "value": 0}]});
    assert_eq!(recap(flat, &[]).unwrap().picture(25).len(), 320 * 240 * 4);
}

#[test]
fn a_cancelled_job_stops_at_once() {
    let recap = recap(json!({}), &[]).unwrap();
    let mut calls = 0;
    let error = recap.render(Vec::new(), |_, _| {
        calls += 1;
        calls < 4
    });
    assert!(matches!(error.unwrap_err(), Error::Cancelled));
    assert_eq!(calls, 4);
}

#[test]
fn progress_rises_from_0_to_the_end() {
    let mut shares = Vec::new();
    let mut stages = Vec::new();
    let recap = recap(json!({}), &[]).unwrap();
    recap
        .render(Vec::new(), |share, stage| {
            shares.push(share);
            if stages.last().is_none_or(|last| last != stage) {
                stages.push(stage.to_owned());
            }
            true
        })
        .unwrap();
    assert!(
        shares[0] == 0.0
            && shares.windows(2).all(|pair| pair[0] <= pair[1])
            && shares.iter().all(|share| *share <= 1.0)
    );
    let scenes = ["title", "numbers", "chart", "picture", "closing"].map(|scene| format!("render {scene}"));
    assert_eq!(stages[1..6], scenes);
}

#[test]
fn a_damaged_photo_is_named() {
    let mut damaged = photo("holiday.jpg");
    damaged.bytes.truncate(40);
    let error = recap(json!({}), &[damaged]).err().unwrap();
    assert!(matches!(error, Error::Photo(_)) && error.to_string().contains("`holiday.jpg`"), "{error}");
}

#[test]
fn the_plugin_answers_with_the_code_and_the_field() {
    let job = filmgate_plugin::Job::sample(json!({"fps": 1_000}));
    let error = recap::render(&job).unwrap_err();
    assert_eq!(error.code, filmgate_plugin::ErrorCode::InvalidParams);
    assert!(error.message.starts_with("params.fps: 1000 is not allowed"), "{error}");
    let job = filmgate_plugin::Job::sample(json!({"photos": [{"file": "a.jpg"}]}));
    let error = recap::render(&job).unwrap_err();
    assert_eq!(
        error.message,
        "params.photos[0].file: \"a.jpg\" is not allowed: it must be the name of an input of the job: there are none"
    );
}
