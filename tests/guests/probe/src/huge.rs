use filmgate_plugin::bindings::exports::filmgate::plugin::renderer::Error as WireError;
use filmgate_plugin::bindings::wasi::random::random as secure;
use filmgate_plugin::{Error, progress, store_video};
use serde_json::{Value, json};

use crate::params::{Kind, Place};
use crate::{file, outcome};

/// A string of `kib` KiB where the world allows far less.
pub(crate) fn string(at: Place, kib: usize) -> Result<String, WireError> {
    let text = "x".repeat(kib * 1024);
    let made = file::write("video.mp4", Kind::Mp4, 1000);
    made.map_err(|error| WireError::from(Error::from(error)))?;
    let store = store_video("video.mp4");
    let outcome = match at {
        Place::Message => return Err(WireError { code: "huge".into(), message: text, retryable: false }),
        Place::Code => return Err(WireError { code: text, message: "huge".into(), retryable: false }),
        Place::Summary => return Ok(format!("\"{text}\"")),
        Place::Stage => {
            progress::report(0.5, &text);
            json!({ "ok": null })
        }
        Place::Path => outcome::of_host(store_video(text).send()),
        Place::Slot => outcome::of_host(store.slot(text).send()),
        Place::ContentType => outcome::of_host(store.content_type(text).send()),
        Place::Metadata => outcome::of_host(store.metadata("huge", text).send()),
    };
    Ok(json!({ "outcome": outcome }).to_string())
}

pub(crate) fn list(count: usize) -> Result<Value, Error> {
    file::write("video.mp4", Kind::Mp4, 1000)?;
    let mut store = store_video("video.mp4");
    for number in 0..count {
        store = store.metadata(format!("n{number}"), "");
    }
    Ok(json!({ "outcome": outcome::of_host(store.send()) }))
}

pub(crate) fn random(bytes: u64) -> Value {
    json!({ "bytes": secure::get_random_bytes(bytes).len() })
}
