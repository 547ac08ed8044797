//! One plugin with many behaviours, honest and hostile, for the tests.
//!
//! The parameters choose one: `{"do": "store", "files": [{"kind": "mp4", "bytes": 1000}]}`. Fields in brackets may be
//! left out. Each behaviour answers with a JSON object that says what happened, unless it is meant not to return.
//! The same object is the last line of standard output, so that a test of a failed job sees it in the log.
//! An *outcome* is `{"ok": …}` or `{"error": {"code", "message", "retryable"}}`; for file system calls the error is text.
//!
//! A *file* is `{[kind], [bytes], [path], [slot], [sequence], [content_type], [metadata: {name: value}]}`: kinds `mp4`
//! (default) `mov` `webm` `png` `jpeg` `gif` `mp3` `wav` `json`, whole files where `bytes` leaves room for their structure
//! (700 is enough for each, see `sample.rs`), and `html` `svg` `elf` `zeros`, which are no media. After the head, the byte
//! at offset `n` is `n % 251`; JSON, HTML and SVG are text. `bytes` (default 1000) is the whole size. `path` is `video.<kind>` by default; `slot`, `sequence` and `content_type` are not sent.
//!
//! Honest (`store.rs`, `report.rs`):
//! - `store` `files`: writes each and calls store-video → `{"files": [outcome]}`
//! - `submit` `files`, `[wait: true]`: writes all, submits all, then waits for all → `{"submitted": [outcome], "files": [outcome]}`
//! - `copy` `name`, `[path: name]`, `[slot]`: stores an input as it is → `{"stored"}`, an error ends the job
//! - `echo`: `{"job", "out", "in", "environment", "arguments", "cwd", "stdin", "preopens"}`
//! - `progress` `[steps: 10]`, `[pause_ms: 0]`, `[stage]`, `[odd: false]` (NaN, ∞, −1, 2 first): → `{"steps", "cancelled"}`, stops when cancelled
//! - `sleep` `ms`: → `{"slept_ms"}`
//! - `clock`: → `{"wall_seconds", "monotonic_ns", "wall_resolution_ns", "monotonic_resolution_ns"}`
//! - `random` `[bytes: 32]`: → `{"secure": hex, "insecure": hex}`
//! - `log` `[stdout: [line]]`, `[stderr: [line]]`: → `{}`
//! - `read-input` `name`: → `{"outcome": {"ok": {"bytes", "sum"}}}`, `sum` being that of all bytes
//! - `error` `code`, `message`, `[retryable: false]`: the plugin's answer, not touched by the SDK
//! - `answer` `text`: the summary, not touched by the SDK
//!
//! Without end or violent (`violent.rs`):
//! - `loop`; `recurse` `[stack: "hidden" | "memory"]`, WebAssembly's own or the one in linear memory; `sleep-forever`; `trap`; `panic` `[message]`; `exit` `[code: 0]`
//! - `alloc` `[mib]`: grows memory to `mib` or until refused → `{"mib", "refused"}`
//! - `handles` `count`: keeps that many pollables → `{"handles"}`
//! - `trap-after-store` `files`, `[submit: false]`
//! - `log-flood` `mib`, `[to: "stdout" | "stderr"]`, `[style: "plain" | "ansi" | "bidi" | "line" | "binary"]` (`line`: no newline at all): → `{"bytes", "error"}`
//!
//! Against the disk (`disk.rs`):
//! - `fill-disk` `[mib]`: writes `fill.bin` to `mib` or until refused → `{"bytes", "error"}`
//! - `sparse` `[bytes: 8 TiB]`, `[by: "set-size" | "seek"]`, `[store: false]`: `sparse.mp4` → `{"made": outcome, "stored": outcome}`
//! - `many-files` `count`: → `{"files", "error"}`; `deep-tree` `depth`: → `{"depth", "error"}`
//! - `write-in` `name`: tries to create, append, truncate, time-stamp, rename, link and remove in `/in` → `{"<try>": outcome}`
//! - `escape-read` `[paths: [path]]`: tries to open each, and the usual suspects, under `/out`, `/in` and from the root → `{"<how> <path>": outcome}`
//!
//! Against the claim (`claim.rs`):
//! - `store-path` `paths`: → `{"<path>": outcome}` for files that were not made
//! - `store-dir`; `store-empty`: → `{"stored": outcome}`
//! - `symlink` `target`, `[name: "link.mp4"]`; `hardlink`; `linked-folder`: → `{"linked": outcome, "stored": outcome}`; in the first `real.mp4`
//!   exists, in the last `folder/video.mp4` is stored by `link/video.mp4`
//! - `open-while-store` `[ms: 0]`: keeps the file open for writing → `{"stored": outcome, "written_later": outcome, "again": outcome}`,
//!   `again` after closing it
//! - `late-write` `[ms: 100]`: submits, then writes through the kept descriptor → `{"submitted", "written_later", "stored"}`, outcomes
//! - `unflushed` `[bytes: 64 MiB]`: drops an unflushed stream and stores at once, as honest plugins may → `{"stored": outcome, "bytes"}`
//! - `store-many` `count`, `[real: false]` (else a path where nothing is): → `{"stored", "errors": {code: count}}`
//!
//! Against the caller's edge (`huge.rs`):
//! - `huge-string` `at: "message" | "code" | "summary" | "stage" | "path" | "slot" | "content-type" | "metadata"`, `[kib: 1000]`: → `{"outcome"}` where it returns
//! - `huge-list` `[count: 1000000]`: that many metadata pairs → `{"outcome"}`; `huge-random` `[bytes: 4 GiB − 1]`: → `{"bytes"}`
//!
//! Growing a table cannot be written in Rust: the tests have a component in text form for it. Networking is in the
//! component `sockets`, because importing it is what a host refuses.

#[cfg(target_family = "wasm")]
mod claim;
#[cfg(target_family = "wasm")]
mod disk;
#[cfg(target_family = "wasm")]
mod dispatch;
#[cfg(target_family = "wasm")]
mod file;
#[cfg(target_family = "wasm")]
mod huge;
#[cfg(target_family = "wasm")]
mod outcome;
#[cfg(target_family = "wasm")]
mod params;
#[cfg(target_family = "wasm")]
mod report;
#[cfg(target_family = "wasm")]
mod sample;
#[cfg(target_family = "wasm")]
mod store;
#[cfg(target_family = "wasm")]
mod violent;
