//! The thin shell: a job in, two published files out.

use crate::params::{Params, Photo};
use crate::photo::is_image;
use crate::recap::{Error, Input, Recap, Summary};
use filmgate_plugin::{ErrorCode, Inputs, Job, Outbox, progress, store_video};
use std::io::Read;

/// Photos shown when the caller does not choose.
const PHOTOS_MAX: usize = 6;

/// Renders the recap and publishes `recap.mp4` (slot `video`) and `thumbnail.jpg` (slot `thumbnail`).
///
/// Fails with `invalid-params`, naming the field, with `invalid-input`, naming the photo, with `cancelled` soon after the job was, or
/// with what the outbox or the host answered.
pub fn render(job: &Job<serde_json::Value>) -> Result<Summary, filmgate_plugin::Error> {
    let params = Params::from_json(&job.params).map_err(Error::from)?;
    progress::report(0.0, "read photos");
    let photos = read_photos(&params, &job.inputs)?;
    let period = job.period.map(|period| (period.year, period.month));
    let recap = Recap::new(&params, period, &photos)?;
    // The decoded photos are in the scenes now.
    drop(photos);

    let outbox = Outbox::new();
    let mut file = outbox.create("recap.mp4")?;
    recap.render(&mut file, |share, stage| {
        progress::report(share, stage);
        !progress::cancelled()
    })?;
    let summary = recap.summary();
    let video = store_video(file.finish()?)
        .content_type("video/mp4")
        .metadata("duration", format!("{:.3}", summary.duration))
        .metadata("width", summary.width.to_string())
        .metadata("height", summary.height.to_string())
        .submit()?;

    // The upload goes on meanwhile.
    progress::report(0.98, "make thumbnail");
    outbox.write("thumbnail.jpg", &recap.thumbnail()?)?;
    store_video("thumbnail.jpg").slot("thumbnail").content_type("image/jpeg").send()?;
    video.wait()?;
    progress::report(1.0, "done");
    Ok(summary)
}

/// The photos the parameters name, or every image among the inputs.
fn read_photos(params: &Params, inputs: &Inputs) -> Result<Vec<Input>, filmgate_plugin::Error> {
    let read = |name: &str, caption: &str| -> Result<Input, filmgate_plugin::Error> {
        Ok(Input { name: name.to_owned(), bytes: inputs.read(name)?, caption: caption.to_owned() })
    };
    if let Some(chosen) = &params.photos {
        let missing = chosen.iter().enumerate().find(|(_, photo)| !inputs.contains(&photo.file));
        if let Some((index, photo)) = missing {
            let names = if inputs.names().is_empty() { "there are none".to_owned() } else { inputs.names().join(", ") };
            return Err(Error::from(crate::params::missing_input(index, &photo.file, &names)).into());
        }
        return chosen.iter().map(|Photo { file, caption }| read(file, caption)).collect();
    }
    let mut photos = Vec::new();
    for name in inputs.names() {
        if photos.len() == PHOTOS_MAX {
            break;
        }
        let mut first = Vec::new();
        inputs.open(name)?.take(16).read_to_end(&mut first)?;
        if is_image(&first) {
            photos.push(read(name, "")?);
        }
    }
    Ok(photos)
}

impl From<Error> for filmgate_plugin::Error {
    fn from(error: Error) -> filmgate_plugin::Error {
        let code = match &error {
            Error::Params(_) => ErrorCode::InvalidParams,
            Error::Photo(_) => ErrorCode::from("invalid-input"),
            Error::Cancelled => ErrorCode::Cancelled,
            Error::Video(filmgate_media::Error::Write(_)) => ErrorCode::Io,
            Error::Video(_) | Error::Thumbnail(_) => ErrorCode::Internal,
        };
        filmgate_plugin::Error::new(code, with_causes(&error))
    }
}

/// The message followed by those of its causes.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let message = source.to_string();
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = source.source();
    }
    text
}

filmgate_plugin::plugin!(render);
