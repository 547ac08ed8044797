//! What is fuzzed: one function for each edge that takes strangers' bytes.
//!
//! Each takes any bytes and panics where a promise does not hold. `tests/fuzz` calls them with what a fuzzer thinks up
//! (`just fuzz`); the test beside them replays `tests/fuzz/corpus` and some thousand changes of it in every test run, or as many
//! others as `FUZZED_CHANGES` says.

mod job;
mod keys;
mod manifest;
mod media;
mod paths;
mod protocol;
mod settings;

pub use job::job;
pub use keys::keys;
pub use manifest::manifest;
pub use media::media;
pub use paths::paths;
pub use protocol::protocol;
pub use settings::settings;

/// What takes an input.
pub type Target = fn(&[u8]);

/// Every target and its name, which is also that of its corpus.
pub const TARGETS: [(&str, Target); 7] = [
    ("job", job),
    ("keys", keys),
    ("manifest", manifest),
    ("media", media),
    ("paths", paths),
    ("protocol", protocol),
    ("settings", settings),
];

/// The input as lines, for targets that take several texts.
fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).split('\n').map(str::to_owned).collect()
}
