//! What the hostile guests share: the plugin world without the SDK's courtesies, and a few lines for what most begin with.
//!
//! Each file in a folder beside `src` is one guest: an attack, told in its first line. A guest in Rust (`.rs`) becomes a
//! component of its own; one in text (`.wat`) is what no compiler would produce, and the tests complete and assemble it.
//! Every guest has a test of its name in `tests/hostile`; without it the tests do not compile.

pub mod corpus;
pub mod files;

pub use filmgate_plugin::bindings;
pub use filmgate_plugin::bindings::exports::filmgate::plugin::renderer::{Error, Guest, Job};
use filmgate_plugin::bindings::filmgate::plugin::store_video;
pub use filmgate_plugin::bindings::filmgate::plugin::store_video::Options;
use filmgate_plugin::bindings::filmgate::plugin::types;

/// What `render` answers.
pub type Answer = Result<String, Error>;

/// Makes a function or closure of type `fn(Job) -> Answer` the plugin.
#[macro_export]
macro_rules! plugin {
    ($render:expr) => {
        struct Plugin;

        impl $crate::Guest for Plugin {
            fn render(job: $crate::Job) -> $crate::Answer {
                let render: fn($crate::Job) -> $crate::Answer = $render;
                render(job)
            }
        }

        $crate::bindings::export!(Plugin with_types_in $crate::bindings);
    };
}

/// The error that ends a guest where it cannot go on.
pub fn failed(what: impl std::fmt::Debug) -> Error {
    Error { code: "hostile".into(), message: format!("{what:?}"), retryable: false }
}

/// Options that say nothing.
pub fn options() -> Options {
    Options { slot: None, sequence: None, content_type: None, metadata: Vec::new() }
}

/// Writes a line to the job's log, at once and whole.
pub fn say(line: impl std::fmt::Display) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Says how an attempt ended: its name and `done`, or its error's code.
pub fn tell<T>(name: impl std::fmt::Debug, outcome: Result<T, types::Error>) {
    match outcome {
        Ok(_) => say(format_args!("{name:?}: done")),
        Err(error) => say(format_args!("{name:?}: {}", error.code)),
    }
}

/// Publishes a file as the job's main file.
pub fn store(path: &str) -> Result<store_video::Stored, types::Error> {
    store_video::store_video(path, &options())
}

/// Publishes a small film, as an honest plugin would.
pub fn store_honestly() -> Result<(), Error> {
    files::film("film.mp4", 1000)?;
    store("film.mp4").map(drop).map_err(failed)
}

/// Waits until a file of this name is in `/in`: the test has done its part.
pub fn wait_for_input(name: &str) {
    while std::fs::metadata(format!("/in/{name}")).is_err() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}
