//! Behaviours that call the host's own interfaces.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Answer;
use crate::bindings::filmgate::plugin::store_video::{Options, Publication, store_video, submit};
use crate::bindings::filmgate::plugin::{progress, types};
use crate::bindings::wasi::io::poll::poll;

pub(crate) fn run(behaviour: &str, number: usize) -> Option<Answer> {
    Some(match behaviour {
        "store" => store(),
        "store-many" => store_many(number),
        "submit-many" => submit_many(number),
        "submit-and-wait" => submit_and_wait(number),
        "submit-and-return" => submit_and_return(number),
        "submit-and-trap" => submit_and_trap(),
        "huge-path" => huge_path(number),
        "huge-options" => huge_options(number),
        "progress-odd" => progress_odd(),
        "progress-flood" => progress_flood(number),
        "huge-stage" => huge_stage(number),
        "until-cancelled" => until_cancelled(),
        _ => return None,
    })
}

fn options() -> Options {
    Options { slot: None, sequence: None, content_type: None, metadata: Vec::new() }
}

fn text(error: &types::Error) -> String {
    format!("{} ({})", error.code, error.retryable)
}

fn store() -> Answer {
    std::fs::write("/out/video.mp4", "film").map_err(|error| error.to_string())?;
    let options = Options {
        slot: Some("video".into()),
        sequence: Some(7),
        content_type: Some("video/mp4".into()),
        metadata: vec![("title".into(), "March".into())],
    };
    let stored = store_video("video.mp4", &options).map_err(|error| text(&error))?;
    Ok(format!("{stored:?}"))
}

/// How often each answer came.
fn count(answers: impl Iterator<Item = Result<(), types::Error>>) -> String {
    let mut counts = BTreeMap::new();
    for answer in answers {
        let name = answer.map_or_else(|error| error.code, |()| "ok".into());
        *counts.entry(name).or_insert(0) += 1;
    }
    format!("{counts:?}")
}

fn store_many(times: usize) -> Answer {
    Ok(count((0..times).map(|_| store_video("video.mp4", &options()).map(drop))))
}

fn submit_many(times: usize) -> Answer {
    let mut kept = Vec::new();
    Ok(count((0..times).map(|_| submit("video.mp4", &options()).map(|publication| kept.push(publication)))))
}

fn submit_and_wait(times: usize) -> Answer {
    let submit_one = |_| submit("video.mp4", &options()).map_err(|error| text(&error));
    let publications = (0..times).map(submit_one).collect::<Result<Vec<_>, _>>()?;
    let early = publications.iter().filter(|publication| publication.get().is_some()).count();
    let pollables: Vec<_> = publications.iter().map(Publication::subscribe).collect();
    while publications.iter().any(|publication| publication.get().is_none()) {
        let waiting = publications.iter().zip(&pollables).filter(|(publication, _)| publication.get().is_none());
        poll(&waiting.map(|(_, pollable)| pollable).collect::<Vec<_>>());
    }
    let outcomes = publications.iter().map(|publication| match publication.get() {
        Some(Ok(stored)) => stored.id,
        Some(Err(error)) => text(&error),
        None => "gone".into(),
    });
    Ok(format!("early {early}: {}", outcomes.collect::<Vec<_>>().join(" ")))
}

fn submit_and_return(times: usize) -> Answer {
    for _ in 0..times {
        submit("video.mp4", &options()).map_err(|error| text(&error))?;
    }
    Ok("returned".into())
}

fn submit_and_trap() -> Answer {
    submit("video.mp4", &options()).map_err(|error| text(&error))?;
    std::process::abort()
}

fn huge_path(bytes: usize) -> Answer {
    let path = "é".repeat(bytes / 2);
    store_video(&path, &options()).map(|stored| stored.id).map_err(|error| text(&error))
}

fn huge_options(bytes: usize) -> Answer {
    let long = "v".repeat(bytes);
    let all = [
        Options { slot: Some(long.clone()), ..options() },
        Options { content_type: Some(long.clone()), ..options() },
        Options { metadata: vec![("name".into(), long)], ..options() },
        Options { metadata: vec![(String::new(), String::new()); bytes], ..options() },
    ];
    Ok(count(all.iter().map(|options| store_video("video.mp4", options).map(drop))))
}

fn progress_odd() -> Answer {
    for fraction in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.5, 1.5, 0.25] {
        progress::report(fraction, &format!("{fraction}"));
        // Longer than the time in which reports are joined.
        std::thread::sleep(Duration::from_millis(70));
    }
    Ok("reported".into())
}

fn progress_flood(times: usize) -> Answer {
    for round in 0..times {
        progress::report(round as f32 / times as f32, "flood");
    }
    progress::report(1.0, "last");
    Ok("reported".into())
}

fn huge_stage(bytes: usize) -> Answer {
    progress::report(0.5, &"é".repeat(bytes / 2));
    Ok("reported".into())
}

fn until_cancelled() -> Answer {
    while !progress::cancelled() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::fs::write("/out/saw-it", "").map_err(|error| error.to_string())?;
    Ok("stopped".into())
}
